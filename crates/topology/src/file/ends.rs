//! Values that can be said in two ways.

use serde_json::{Value, json};
use serde_spanned::Spanned;
use toml::de::DeValue;

use super::decode::{Decode, Defs, type_of};
use super::{Aim, Array, At, EndKeys, Field, List, ReachKeys, RemovedWireKeys, TextKeys};
use crate::diagnostic::{Collector, Diagnostic};
use crate::model::{IfName, NodeName, Place, Removed, Spot};

/// An end of a link: a table, or only its place.
#[derive(Debug)]
pub(crate) struct End(pub EndKeys);

impl Decode for End {
    fn what() -> String {
        "an end of a link: \"node:interface\", or a table with `at`".to_owned()
    }

    fn decode(value: &Spanned<DeValue<'_>>, to: &mut Collector<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(_) => {
                let place = Place::decode(value, to)?;
                let at = Field::Is(value.span(), At { value: place, span: value.span() });
                Some(Self(EndKeys { at, ..EndKeys::default() }))
            }
            DeValue::Table(_) => EndKeys::decode(value, to).map(Self),
            other => {
                let title = format!("expected {}, found {}", Self::what(), type_of(other));
                to.push(Diagnostic::new(value.span(), title));
                None
            }
        }
    }

    fn schema(defs: &mut Defs) -> Value {
        json!({ "anyOf": [Place::schema(defs), EndKeys::schema(defs)] })
    }
}

/// The bridge of a port, or `false`: none.
#[derive(Debug, Clone)]
pub(crate) struct MasterName(pub Option<IfName>);

impl Decode for MasterName {
    fn what() -> String {
        "the name of a bridge, in quotes, or false".to_owned()
    }

    fn decode(value: &Spanned<DeValue<'_>>, to: &mut Collector<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Boolean(false) => Some(Self(None)),
            DeValue::String(_) => IfName::decode(value, to).map(|name| Self(Some(name))),
            other => {
                let found =
                    if matches!(other, DeValue::Boolean(true)) { "true" } else { type_of(other) };
                let title = format!("expected {}, found {found}", Self::what());
                to.push(Diagnostic::new(value.span(), title));
                None
            }
        }
    }

    fn schema(defs: &mut Defs) -> Value {
        json!({ "anyOf": [IfName::schema(defs), { "const": false }] })
    }
}

/// What is removed, and where it is named: a node or device, or a table that says which wire.
#[derive(Debug)]
pub(crate) struct RemovedWord(pub At<Removed>);

impl Decode for RemovedWord {
    fn what() -> String {
        "\"node\", \"node:interface\" or { wire = \"node:interface\" }".to_owned()
    }

    fn decode(value: &Spanned<DeValue<'_>>, to: &mut Collector<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(_) => {
                let spot = Removed::Spot(Spot::decode(value, to)?);
                Some(Self(At { value: spot, span: value.span() }))
            }
            DeValue::Table(_) => {
                let keys = RemovedWireKeys::decode(value, to)?;
                let At { value: wire, span } = keys.wire.get()?.clone();
                Some(Self(At { value: Removed::Wire(wire), span }))
            }
            other => {
                let title = format!("expected {}, found {}", Self::what(), type_of(other));
                to.push(Diagnostic::new(value.span(), title));
                None
            }
        }
    }

    fn schema(defs: &mut Defs) -> Value {
        json!({ "anyOf": [Spot::schema(defs), RemovedWireKeys::schema(defs)] })
    }
}

/// What a text is expected to be: a part of it, or a table.
#[derive(Debug)]
pub(crate) struct TextWord(pub TextKeys);

impl Decode for TextWord {
    fn what() -> String {
        "a text that is contained, or { is = …, has = …, lacks = … }".to_owned()
    }

    fn decode(value: &Spanned<DeValue<'_>>, to: &mut Collector<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(_) => {
                let has = List::decode(value, to)?;
                let has = Field::Is(value.span(), At { value: has, span: value.span() });
                Some(Self(TextKeys { has, ..TextKeys::default() }))
            }
            DeValue::Table(_) => TextKeys::decode(value, to).map(Self),
            other => {
                let title = format!("expected {}, found {}", Self::what(), type_of(other));
                to.push(Diagnostic::new(value.span(), title));
                None
            }
        }
    }

    fn schema(defs: &mut Defs) -> Value {
        json!({ "anyOf": [{ "type": "string" }, TextKeys::schema(defs)] })
    }
}

/// Who reaches whom: the groups alone, or a table.
#[derive(Debug)]
pub(crate) struct ReachWord(pub ReachKeys);

impl Decode for ReachWord {
    fn what() -> String {
        "groups of nodes: [[\"a\", \"b\"], [\"c\"]], or a table".to_owned()
    }

    fn decode(value: &Spanned<DeValue<'_>>, to: &mut Collector<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Array(_) => {
                let groups = Array::<Array<NodeName>>::decode(value, to)?;
                let groups = Field::Is(value.span(), At { value: groups, span: value.span() });
                Some(Self(ReachKeys { groups, ..ReachKeys::default() }))
            }
            DeValue::Table(_) => ReachKeys::decode(value, to).map(Self),
            other => {
                let title = format!("expected {}, found {}", Self::what(), type_of(other));
                to.push(Diagnostic::new(value.span(), title));
                None
            }
        }
    }

    fn schema(defs: &mut Defs) -> Value {
        let groups = Array::<Array<NodeName>>::schema(defs);
        json!({ "anyOf": [groups, ReachKeys::schema(defs)] })
    }
}

/// Who answers packets of one TTL: nobody, somebody, or one of several.
#[derive(Debug)]
pub(crate) enum HopWord {
    Silent,
    OneOf(Vec<At<Aim>>),
}

impl HopWord {
    /// Nobody.
    const SILENT: &'static str = "*";
}

impl Decode for HopWord {
    fn what() -> String {
        "an address, \"node\" or \"node:interface\", an array of such, or \"*\"".to_owned()
    }

    fn decode(value: &Spanned<DeValue<'_>>, to: &mut Collector<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(text) if text == Self::SILENT => return Some(Self::Silent),
            DeValue::String(_) | DeValue::Array(_) => {}
            other => {
                let title = format!("expected {}, found {}", Self::what(), type_of(other));
                to.push(Diagnostic::new(value.span(), title));
                return None;
            }
        }
        let all = List::<Aim>::decode(value, to)?;
        if all.items.is_empty() && all.whole {
            let diagnostic = Diagnostic::new(value.span(), "a hop is somebody");
            to.push(diagnostic.help("write \"*\" where nobody answers"));
            return None;
        }
        all.whole.then_some(Self::OneOf(all.items))
    }

    fn schema(defs: &mut Defs) -> Value {
        let aim = Aim::schema(defs);
        json!({ "anyOf": [aim.clone(), { "type": "array", "items": aim, "minItems": 1 }] })
    }
}
