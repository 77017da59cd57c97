//! `twinax schema`: the JSON Schema of the lab file.

use super::HELD;
use crate::show;

pub fn run() -> anyhow::Result<u8> {
    show::print(&(serde_json::to_string_pretty(&twinax_topology::schema())? + "\n"))?;
    Ok(HELD)
}
