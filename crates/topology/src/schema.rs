//! The JSON Schema of the lab file.

use serde_json::{Value, json};

use crate::file::{Decode, Defs, LabKeys};

/// The JSON Schema (draft 2020-12) of the lab file, for editors and other programs. It knows each
/// key with its type, and the shapes of names, addresses and quantities; that names refer to
/// something, and that nothing clashes, only [`parse`](crate::parse) finds out.
pub fn schema() -> Value {
    let mut defs = Defs::default();
    let lab = LabKeys::schema(&mut defs);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A twinax lab",
        "$ref": lab["$ref"],
        "$defs": defs.into_value(),
    })
}
