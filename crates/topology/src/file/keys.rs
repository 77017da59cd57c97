//! The macro that declares a table of the lab file: what reads it, what finds unknown keys in it,
//! and its JSON Schema are made of the one declaration.

/// Declares tables. `= must` marks the keys that have to be there; `with NAME: TABLE` takes in all
/// the keys of another table. Wants [`prelude`] in scope.
macro_rules! keys {
    ($(
        $(#[doc = $about:literal])*
        $table:ident is $what:literal $(with $common:ident: $base:ident)? {
            $($(#[doc = $doc:literal])* $key:ident: $type:ty $(= $must:ident)?,)*
        }
    )*) => {$(
        $(#[doc = $about])*
        #[derive(Debug)]
        pub(crate) struct $table {
            $(pub $common: $base,)?
            $($(#[doc = $doc])* pub $key: Field<$type>,)*
        }

        impl Default for $table {
            fn default() -> Self {
                Self { $($common: $base::default(),)? $($key: Field::Absent,)* }
            }
        }

        impl $table {
            /// The keys that are there, with their places.
            #[allow(dead_code)]
            pub(crate) fn said(&self) -> Vec<(&'static str, Range<usize>)> {
                #[allow(unused_mut)]
                let mut said = Vec::new();
                $(said.extend(self.$common.said());)?
                $(said.extend(self.$key.key().map(|place| (bare(stringify!($key)), place)));)*
                said
            }
        }

        impl Table for $table {
            const WHAT: &'static str = $what;

            fn keys() -> Vec<&'static str> {
                #[allow(unused_mut)]
                let mut keys: Vec<&'static str> = vec![$(bare(stringify!($key)),)*];
                $(keys.extend(<$base as Table>::keys());)?
                keys
            }

            fn read(table: &TableAt<'_, '_>, to: &mut Collector<'_>) -> Self {
                Self {
                    $($common: <$base as Table>::read(table, to),)?
                    $($key: take!(table, to, $what, $key $(, $must)?),)*
                }
            }

            fn properties(
                defs: &mut Defs,
                into: &mut Map<String, Value>,
                required: &mut Vec<Value>,
            ) {
                let _ = &required;
                $(<$base as Table>::properties(defs, into, required);)?
                $(
                    let schema = described(<$type as Decode>::schema(defs), concat!($($doc,)*));
                    into.insert(bare(stringify!($key)).to_owned(), schema);
                    $(required.push(Value::from({ stringify!($must); stringify!($key) }));)?
                )*
            }
        }

        impl Decode for $table {
            fn what() -> String {
                $what.to_owned()
            }

            fn decode(value: &Spanned<DeValue<'_>>, to: &mut Collector<'_>) -> Option<Self> {
                decode_table(value, to)
            }

            fn schema(defs: &mut Defs) -> Value {
                let name = stringify!($table).trim_end_matches("Keys");
                defs.named::<Self>(name, |defs| defs.table::<Self>(concat!($($about,)*)))
            }
        }
    )*};
}

macro_rules! take {
    ($table:ident, $to:ident, $what:literal, $key:ident) => {
        $table.take(bare(stringify!($key)), $to)
    };
    ($table:ident, $to:ident, $what:literal, $key:ident, must) => {
        $table.must($what, bare(stringify!($key)), $to)
    };
}

/// A key's name without the mark that Rust needs where it is a word of the language.
pub(crate) fn bare(key: &'static str) -> &'static str {
    key.strip_prefix("r#").unwrap_or(key)
}

/// What the macro's code speaks of.
pub(super) mod prelude {
    pub(crate) use std::ops::Range;

    pub(crate) use serde_json::{Map, Value};
    pub(crate) use serde_spanned::Spanned;
    pub(crate) use toml::de::DeValue;

    pub(crate) use super::bare;
    pub(crate) use crate::diagnostic::Collector;
    pub(crate) use crate::file::Field;
    pub(crate) use crate::file::decode::{Decode, Defs, Table, TableAt, decode_table, described};
}
