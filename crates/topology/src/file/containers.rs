//! Lists, and tables whose keys are names.

use serde_json::{Value, json};
use serde_spanned::Spanned;
use toml::de::DeValue;

use super::decode::{Decode, Defs, type_of, wrong_type};
use super::{At, Text};
use crate::diagnostic::{Collector, Diagnostic};

/// One value, or an array of them.
#[derive(Debug)]
pub(crate) struct List<T> {
    pub items: Vec<At<T>>,
    /// Whether none of them was wrong.
    pub whole: bool,
}

impl<T: Decode> Decode for List<T> {
    fn what() -> String {
        format!("{}, or an array of such", T::what())
    }

    fn decode(value: &Spanned<DeValue<'_>>, to: &mut Collector<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Array(array) => Some(items(array.iter(), to)),
            _ => Some(items(std::iter::once(value), to)),
        }
    }

    fn schema(defs: &mut Defs) -> Value {
        let item = T::schema(defs);
        json!({ "anyOf": [item.clone(), { "type": "array", "items": item }] })
    }
}

fn items<'v, 'i: 'v, T: Decode>(
    values: impl Iterator<Item = &'v Spanned<DeValue<'i>>>,
    to: &mut Collector<'_>,
) -> List<T> {
    let mut list = List { items: Vec::new(), whole: true };
    for value in values {
        match T::decode(value, to) {
            Some(item) => list.items.push(At { value: item, span: value.span() }),
            None => list.whole = false,
        }
    }
    list
}

/// An array, and nothing else: for lists of lists.
#[derive(Debug)]
pub(crate) struct Array<T>(pub List<T>);

impl<T: Decode> Decode for Array<T> {
    fn what() -> String {
        "an array: [ … ]".to_owned()
    }

    fn decode(value: &Spanned<DeValue<'_>>, to: &mut Collector<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Array(array) => Some(Self(items(array.iter(), to))),
            other => {
                wrong_type(&Self::what(), &Self::what(), other, value.span(), to);
                None
            }
        }
    }

    fn schema(defs: &mut Defs) -> Value {
        json!({ "type": "array", "items": T::schema(defs) })
    }
}

/// A table whose keys are names that the author chooses, in the order of the file.
#[derive(Debug)]
pub(crate) struct Named<T> {
    pub items: Vec<(At<Text>, At<T>)>,
    /// Whether none of the values was wrong.
    pub whole: bool,
}

impl<T: Decode> Decode for Named<T> {
    fn what() -> String {
        "a table: { name = … }".to_owned()
    }

    fn decode(value: &Spanned<DeValue<'_>>, to: &mut Collector<'_>) -> Option<Self> {
        let DeValue::Table(table) = value.get_ref() else {
            let title = format!("expected {}, found {}", Self::what(), type_of(value.get_ref()));
            to.push(Diagnostic::new(value.span(), title));
            return None;
        };
        let mut named = Self { items: Vec::new(), whole: true };
        for (key, value) in table.iter() {
            match T::decode(value, to) {
                Some(item) => {
                    let name = Text(key.get_ref().as_ref().to_owned());
                    let key = At { value: name, span: key.span() };
                    named.items.push((key, At { value: item, span: value.span() }));
                }
                None => named.whole = false,
            }
        }
        // TOML's own map is sorted by name.
        named.items.sort_by_key(|(key, _)| key.span.start);
        Some(named)
    }

    fn schema(defs: &mut Defs) -> Value {
        json!({ "type": "object", "additionalProperties": T::schema(defs) })
    }
}
