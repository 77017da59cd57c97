//! From TOML's tree to the structs of the tables.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

use super::Field;
use crate::diagnostic::{Collector, Diagnostic, quoted};

/// What can stand as a value in the file.
pub(crate) trait Decode: Sized {
    /// What it is, for "expected …".
    fn what() -> String;

    /// Reads it; what is wrong is reported, and then there is none.
    fn decode(value: &Spanned<DeValue<'_>>, to: &mut Collector<'_>) -> Option<Self>;

    /// Its JSON Schema.
    fn schema(defs: &mut Defs) -> Value;
}

/// A table with a fixed set of keys; made by `keys!`.
pub(crate) trait Table: Sized {
    /// What it is, for messages: "a route".
    const WHAT: &'static str;

    /// Its keys.
    fn keys() -> Vec<&'static str>;

    /// Its keys' values.
    fn read(table: &TableAt<'_, '_>, to: &mut Collector<'_>) -> Self;

    /// The schemas of its keys, and which of them must be there.
    fn properties(
        defs: &mut Defs,
        into: &mut serde_json::Map<String, Value>,
        must: &mut Vec<Value>,
    );
}

/// A TOML table and its place.
pub(crate) struct TableAt<'t, 'i> {
    pub table: &'t DeTable<'i>,
    pub span: std::ops::Range<usize>,
}

impl TableAt<'_, '_> {
    /// The value of a key.
    pub(crate) fn take<T: Decode>(&self, key: &str, to: &mut Collector<'_>) -> Field<T> {
        match self.table.get_key_value(key) {
            None => Field::Absent,
            Some((key, value)) => match T::decode(value, to) {
                Some(decoded) => {
                    let at = super::At { value: decoded, span: value.span() };
                    Field::Is(key.span(), at)
                }
                None => Field::Bad(key.span()),
            },
        }
    }

    /// The value of a key that must be there.
    pub(crate) fn must<T: Decode>(
        &self,
        what: &str,
        key: &str,
        to: &mut Collector<'_>,
    ) -> Field<T> {
        match self.take(key, to) {
            Field::Absent => {
                let title = format!("{what} needs `{key}`");
                let diagnostic = Diagnostic::new(self.span.clone(), title)
                    .label(format!("no `{key}` here"))
                    .help(format!("write `{key} = …`"));
                to.push(diagnostic);
                Field::Bad(self.span.clone())
            }
            field => field,
        }
    }
}

/// The whole text as one table.
pub(crate) fn decode_document<T: Table>(root: &DeTable<'_>, to: &mut Collector<'_>) -> T {
    read_table(&TableAt { table: root, span: 0..0 }, to)
}

/// Reads a table: its keys, and a complaint about each other one.
pub(crate) fn read_table<T: Table>(table: &TableAt<'_, '_>, to: &mut Collector<'_>) -> T {
    let keys = T::keys();
    for key in table.table.keys() {
        let name = key.get_ref().as_ref();
        if !keys.contains(&name) {
            let help = to
                .meant(name, keys.iter().copied())
                .or_else(|| Some(format!("it has {}", list_of(&keys))));
            let title = format!("{} has no key {}", T::WHAT, quoted(name));
            to.push(Diagnostic::new(key.span(), title).label("unknown key").maybe_help(help));
        }
    }
    T::read(table, to)
}

/// Reads a value that must be a table.
pub(crate) fn decode_table<T: Table>(
    value: &Spanned<DeValue<'_>>,
    to: &mut Collector<'_>,
) -> Option<T> {
    match value.get_ref() {
        DeValue::Table(table) => Some(read_table(&TableAt { table, span: value.span() }, to)),
        other => {
            wrong_type(T::WHAT, "a table: { … }", other, value.span(), to);
            None
        }
    }
}

/// Reports a value of the wrong type.
pub(crate) fn wrong_type(
    what: &str,
    expected: &str,
    found: &DeValue<'_>,
    span: std::ops::Range<usize>,
    to: &mut Collector<'_>,
) {
    let found = type_of(found);
    let title = if what == expected {
        format!("expected {expected}, found {found}")
    } else {
        format!("{what} is {expected}, not {found}")
    };
    to.push(Diagnostic::new(span, title).label(format!("this is {found}")));
}

/// What a value is, in words.
pub(crate) fn type_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// `a`, `b` and `c`.
pub(crate) fn list_of(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [one] => format!("`{one}`"),
        [init @ .., last] => {
            let init: Vec<_> = init.iter().map(|word| format!("`{word}`")).collect();
            format!("{} and `{last}`", init.join(", "))
        }
    }
}

/// The schemas that others refer to, each under its name.
#[derive(Default)]
pub(crate) struct Defs(BTreeMap<&'static str, (&'static str, Value)>);

impl Defs {
    /// A reference to the schema of a type, under this name; it is made when it is not there yet.
    pub(crate) fn named<T>(
        &mut self,
        name: &'static str,
        make: impl FnOnce(&mut Self) -> Value,
    ) -> Value {
        let whose = std::any::type_name::<T>();
        match self.0.get(name) {
            Some((other, _)) => assert_eq!(*other, whose, "two types have the schema {name}"),
            None => {
                self.0.insert(name, (whose, Value::Bool(true)));
                let schema = make(self);
                self.0.insert(name, (whose, schema));
            }
        }
        json!({ "$ref": format!("#/$defs/{name}") })
    }

    /// The schema of a table.
    pub(crate) fn table<T: Table>(&mut self, about: &str) -> Value {
        let mut properties = serde_json::Map::new();
        let mut must = Vec::new();
        T::properties(self, &mut properties, &mut must);
        let mut schema = json!({
            "type": "object",
            "description": about.trim(),
            "properties": properties,
            "additionalProperties": false,
        });
        if !must.is_empty() {
            schema["required"] = Value::Array(must);
        }
        schema
    }

    /// All of them.
    pub(crate) fn into_value(self) -> Value {
        let named = |(name, (_, schema)): (&'static str, _)| (name.to_owned(), schema);
        Value::Object(self.0.into_iter().map(named).collect())
    }
}

/// The schema of a key: that of its type, with what is said about the key.
pub(crate) fn described(mut schema: Value, about: &str) -> Value {
    if !about.is_empty() {
        schema["description"] = Value::String(about.trim().to_owned());
    }
    schema
}
