//! The macro that declares a table of the lab file: what reads it, what finds unknown keys in it,
//! and its JSON Schema are made of the one declaration.

/// Declares tables. `= must` marks the keys that have to be there; `with NAME: TABLE` takes in all
/// the keys of another table.
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
            $($(#[doc = $doc])* pub $key: $crate::file::Field<$type>,)*
        }

        impl Default for $table {
            fn default() -> Self {
                Self { $($common: $base::default(),)? $($key: $crate::file::Field::Absent,)* }
            }
        }

        impl $table {
            /// The keys that are there, with their places.
            #[allow(dead_code)]
            pub(crate) fn said(&self) -> Vec<(&'static str, std::ops::Range<usize>)> {
                #[allow(unused_mut)]
                let mut said = Vec::new();
                $(said.extend(self.$common.said());)?
                $(said.extend(self.$key.key().map(|place| ($crate::file::keys::bare(stringify!($key)), place)));)*
                said
            }
        }

        impl $crate::file::decode::Table for $table {
            const WHAT: &'static str = $what;

            fn keys() -> Vec<&'static str> {
                #[allow(unused_mut)]
                let mut keys: Vec<&'static str> = vec![$($crate::file::keys::bare(stringify!($key)),)*];
                $(keys.extend(<$base as $crate::file::decode::Table>::keys());)?
                keys
            }

            fn read(table: &$crate::file::decode::TableAt<'_, '_>, to: &mut $crate::diagnostic::Collector<'_>) -> Self {
                Self {
                    $($common: <$base as $crate::file::decode::Table>::read(table, to),)?
                    $($key: take!(table, to, $what, $key $(, $must)?),)*
                }
            }

            fn properties(
                defs: &mut $crate::file::Defs,
                into: &mut serde_json::Map<String, serde_json::Value>,
                required: &mut Vec<serde_json::Value>,
            ) {
                let _ = &required;
                $(<$base as $crate::file::decode::Table>::properties(defs, into, required);)?
                $(
                    let schema = $crate::file::decode::described(<$type as $crate::file::Decode>::schema(defs), concat!($($doc,)*));
                    into.insert($crate::file::keys::bare(stringify!($key)).to_owned(), schema);
                    $(required.push(serde_json::Value::from({ stringify!($must); stringify!($key) }));)?
                )*
            }
        }

        impl $crate::file::Decode for $table {
            fn what() -> String {
                $what.to_owned()
            }

            fn decode(value: &serde_spanned::Spanned<toml::de::DeValue<'_>>, to: &mut $crate::diagnostic::Collector<'_>) -> Option<Self> {
                $crate::file::decode::decode_table(value, to)
            }

            fn schema(defs: &mut $crate::file::Defs) -> serde_json::Value {
                let name = stringify!($table).trim_end_matches("Keys");
                defs.named::<Self>(name, |defs| defs.table::<Self>(concat!($($about,)*)))
            }
        }
    )*};
}

macro_rules! take {
    ($table:ident, $to:ident, $what:literal, $key:ident) => {
        $table.take($crate::file::keys::bare(stringify!($key)), $to)
    };
    ($table:ident, $to:ident, $what:literal, $key:ident, must) => {
        $table.must($what, $crate::file::keys::bare(stringify!($key)), $to)
    };
}

/// A key's name without the mark that Rust needs where it is a word of the language.
pub(super) fn bare(key: &'static str) -> &'static str {
    key.strip_prefix("r#").unwrap_or(key)
}
