//! Texts that mean something: names, addresses, quantities, and words of a fixed set.

mod addresses;
mod choices;
mod names;
mod packets;
mod programs;
mod quantities;

use serde_json::Value;
use serde_spanned::Spanned;
use toml::de::DeValue;

pub(crate) use addresses::{HostNet, Mark32, MatchNet, RouteTo, TableNumber};
pub(crate) use choices::{MethodWord, PolicyWord, RuleKind};
pub(crate) use names::{Aim, LabName};
pub(crate) use packets::is_of_nobody;
pub(crate) use programs::Setting;
pub(crate) use quantities::Size;

use super::decode::{Decode, Defs, type_of};
use super::scalars::integer;
use super::{At, Text};
use crate::diagnostic::{Collector, Diagnostic};

/// What is wrong with a word.
#[derive(Debug, Default)]
pub(super) struct Wrong {
    pub title: String,
    pub label: String,
    pub help: Option<String>,
    /// Words of which one may have been meant.
    pub candidates: Vec<&'static str>,
}

impl Wrong {
    pub(super) fn new(title: impl Into<String>, label: impl Into<String>) -> Self {
        Self { title: title.into(), label: label.into(), ..Self::default() }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// A text that means something.
pub(super) trait Word: Sized {
    /// The name of its schema.
    const NAME: &'static str;
    /// What it is, for "expected …".
    const WHAT: &'static str;

    fn read(text: &str) -> Result<Self, Wrong>;

    /// What to make of an integer in its place.
    fn number(_: i64) -> Option<Result<Self, Wrong>> {
        None
    }

    fn schema() -> Value;
}

impl<T: Word> Decode for T {
    fn what() -> String {
        T::WHAT.to_owned()
    }

    fn decode(value: &Spanned<DeValue<'_>>, to: &mut Collector<'_>) -> Option<Self> {
        let result = match value.get_ref() {
            DeValue::String(text) => Some(T::read(text)),
            other => integer(other).and_then(T::number),
        };
        let wrong = match result {
            Some(Ok(word)) => return Some(word),
            Some(Err(wrong)) => wrong,
            None => {
                let found = type_of(value.get_ref());
                Wrong::new(format!("expected {}, found {found}", T::WHAT), "")
            }
        };
        let text = match value.get_ref() {
            DeValue::String(text) => text.as_ref(),
            _ => "",
        };
        complain(wrong, text, value.span(), to);
        None
    }

    fn schema(defs: &mut Defs) -> Value {
        defs.named::<T>(T::NAME, |_| T::schema())
    }
}

/// A word that stands as a key.
pub(crate) fn read_key<T: Name>(key: &At<Text>, to: &mut Collector<'_>) -> Option<T> {
    match T::read(&key.value.0) {
        Ok(word) => Some(word),
        Err(wrong) => {
            complain(wrong, &key.value.0, key.span.clone(), to);
            None
        }
    }
}

/// What can stand as a key.
#[expect(private_bounds, reason = "what a word is concerns nobody outside")]
pub(crate) trait Name: Word {}
impl Name for crate::model::NodeName {}
impl Name for crate::model::IfName {}

fn complain(wrong: Wrong, text: &str, span: std::ops::Range<usize>, to: &mut Collector<'_>) {
    let help = to.meant(text, wrong.candidates.iter().copied());
    let diagnostic =
        Diagnostic::new(span, wrong.title).label(wrong.label).maybe_help(help.or(wrong.help));
    to.push(diagnostic);
}
