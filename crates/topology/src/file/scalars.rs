//! Texts, numbers and switches.

use serde_json::{Value, json};
use serde_spanned::Spanned;
use toml::de::{DeInteger, DeValue};

use super::decode::{Decode, Defs, type_of};
use crate::diagnostic::{Collector, Diagnostic};

/// Any text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Text(pub String);

impl Decode for Text {
    fn what() -> String {
        "a string".to_owned()
    }

    fn decode(value: &Spanned<DeValue<'_>>, to: &mut Collector<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(text) => Some(Self(text.as_ref().to_owned())),
            other => {
                expected::<Self>(other, value.span(), to);
                None
            }
        }
    }

    fn schema(_: &mut Defs) -> Value {
        json!({ "type": "string" })
    }
}

impl Decode for bool {
    fn what() -> String {
        "true or false".to_owned()
    }

    fn decode(value: &Spanned<DeValue<'_>>, to: &mut Collector<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Boolean(value) => Some(*value),
            other => {
                let meant = match other {
                    DeValue::String(text) => match text.as_ref() {
                        "true" | "on" | "yes" | "1" => Some("true"),
                        "false" | "off" | "no" | "0" => Some("false"),
                        _ => None,
                    },
                    DeValue::Integer(_) => match integer(other) {
                        Some(1) => Some("true"),
                        Some(0) => Some("false"),
                        _ => None,
                    },
                    _ => None,
                };
                let title = format!("expected {}, found {}", Self::what(), type_of(other));
                let help = meant.map(|word| format!("write {word}, without quotes"));
                to.push(Diagnostic::new(value.span(), title).maybe_help(help));
                None
            }
        }
    }

    fn schema(_: &mut Defs) -> Value {
        json!({ "type": "boolean" })
    }
}

/// An integer within bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Int<const LEAST: i64, const MOST: i64>(pub i64);

impl<const LEAST: i64, const MOST: i64> Decode for Int<LEAST, MOST> {
    fn what() -> String {
        format!("an integer from {LEAST} to {MOST}")
    }

    fn decode(value: &Spanned<DeValue<'_>>, to: &mut Collector<'_>) -> Option<Self> {
        let found = value.get_ref();
        if let DeValue::Integer(_) = found {
            match integer(found) {
                Some(number) if (LEAST..=MOST).contains(&number) => return Some(Self(number)),
                _ => {
                    let title = format!("this must be {}", Self::what());
                    let label = match integer(found) {
                        Some(number) if number < LEAST => "too small",
                        _ => "out of range",
                    };
                    to.push(Diagnostic::new(value.span(), title).label(label));
                    return None;
                }
            }
        }
        let help = match found {
            DeValue::String(text) => {
                let digits: String = text.trim().chars().take_while(char::is_ascii_digit).collect();
                (!digits.is_empty() && digits.len() < 20)
                    .then(|| format!("write {digits}, without quotes or unit"))
            }
            _ => None,
        };
        let title = format!("expected {}, found {}", Self::what(), type_of(found));
        to.push(Diagnostic::new(value.span(), title).maybe_help(help));
        None
    }

    fn schema(_: &mut Defs) -> Value {
        json!({ "type": "integer", "minimum": LEAST, "maximum": MOST })
    }
}

/// The value of an integer, if it is one that 64 bits hold.
pub(super) fn integer(value: &DeValue<'_>) -> Option<i64> {
    match value {
        DeValue::Integer(number) => number_of(number),
        _ => None,
    }
}

fn number_of(number: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(number.as_str(), number.radix()).ok()
}

/// Reports a value of the wrong type.
pub(super) fn expected<T: Decode>(
    found: &DeValue<'_>,
    span: std::ops::Range<usize>,
    to: &mut Collector<'_>,
) {
    let title = format!("expected {}, found {}", T::what(), type_of(found));
    to.push(Diagnostic::new(span, title));
}
