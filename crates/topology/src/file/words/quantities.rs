//! Quantities, each with its unit.

use serde_json::{Value, json};

use super::{Word, Wrong};
use crate::diagnostic::quoted;
use crate::model::{DurationError, Span};

const UNITS: &str = "the units of time are ns, us, ms, s and min";

fn no_unit(number: &str) -> Wrong {
    Wrong::new("a duration needs a unit", "no unit").help(format!("write \"{number}s\""))
}

impl Word for Span {
    const NAME: &'static str = "Duration";
    const WHAT: &'static str = "a duration with its unit, in quotes";

    fn read(text: &str) -> Result<Self, Wrong> {
        text.parse().map_err(|error| match error {
            DurationError::NoUnit => no_unit(text.trim()),
            DurationError::Unit(unit) => {
                let title = format!("{} is no unit of time", quoted(&unit));
                let wrong = Wrong::new(title, "unknown unit");
                let meant = match unit.to_lowercase().as_str() {
                    "sec" | "secs" | "second" | "seconds" | "s" => "s",
                    "msec" | "msecs" | "millis" | "milliseconds" | "ms" => "ms",
                    "µs" | "μs" | "usec" | "usecs" | "microseconds" | "us" => "us",
                    "m" | "minute" | "minutes" | "mins" | "min" => "min",
                    _ => return wrong.help(UNITS),
                };
                let number = text.trim().trim_end_matches(unit.as_str()).trim();
                wrong.help(format!("write \"{number}{meant}\""))
            }
            DurationError::Number(_) => {
                let title = format!("{} is no duration", quoted(text));
                Wrong::new(title, "")
                    .help("a duration looks like \"250us\", \"20ms\", \"1.5s\" or \"2min\"")
            }
        })
    }

    fn number(number: i64) -> Option<Result<Self, Wrong>> {
        Some(Err(if number < 0 {
            Wrong::new("a duration can't be negative", "")
        } else {
            no_unit(&number.to_string())
        }))
    }

    fn schema() -> Value {
        json!({
            "type": "string",
            "pattern": r"^\s*([0-9]+\.?[0-9]{0,9}|\.[0-9]{1,9})\s*(min|s|ms|us|ns)\s*$",
            "description": "A duration with its unit: `250us`, `20ms`, `1.5s`, `2min`",
        })
    }
}

/// The size of an echo request's payload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size(pub u16);

impl Size {
    /// The largest payload: what 65,535 bytes hold besides the IPv4 and ICMP headers.
    const MOST: u64 = 65_507;
}

impl Word for Size {
    const NAME: &'static str = "Bytes";
    const WHAT: &'static str = "a number of bytes with its unit, in quotes";

    fn read(text: &str) -> Result<Self, Wrong> {
        let text = text.trim();
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let wrong = || {
            let title = format!("{} is no number of bytes", quoted(text));
            Wrong::new(title, "").help("write \"56B\", \"1400B\" or \"1KiB\"")
        };
        let count: u64 = number.parse().map_err(|_| wrong())?;
        let factor = match unit.trim() {
            "B" => 1,
            "kB" => 1000,
            "KiB" => 1024,
            "" => return Err(bytes_no_unit(number)),
            _ => return Err(wrong()),
        };
        match count.checked_mul(factor) {
            Some(bytes) if bytes <= Self::MOST => Ok(Self(bytes as u16)),
            _ => {
                let label = format!("at most {} bytes fit in a packet", Self::MOST);
                Err(Wrong::new(format!("{} is too large", quoted(text)), label))
            }
        }
    }

    fn number(number: i64) -> Option<Result<Self, Wrong>> {
        Some(Err(bytes_no_unit(&number.to_string())))
    }

    fn schema() -> Value {
        json!({
            "type": "string",
            "pattern": r"^\s*[0-9]+\s*(B|kB|KiB)\s*$",
            "description": "A number of bytes with its unit: `56B`, `1KiB`",
        })
    }
}

fn bytes_no_unit(number: &str) -> Wrong {
    Wrong::new("a size needs a unit", "no unit").help(format!("write \"{number}B\""))
}
