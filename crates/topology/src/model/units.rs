//! Quantities that carry their unit in the type, and in the file.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Why a text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// A number alone.
    #[error("no unit")]
    NoUnit,
    /// A unit that is none of time.
    #[error("`{0}` is no unit of time")]
    Unit(String),
    /// No number, a negative one, or one that is too large.
    #[error("`{0}` is no number that a duration can have")]
    Number(String),
}

/// A span of time, written with its unit: `250us`, `20ms`, `1.5s`, `2min`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct Span(pub Duration);

/// The units of a [`Span`] with their nanoseconds, largest first.
const UNITS: [(&str, u64); 5] =
    [("min", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000), ("ns", 1)];

impl FromStr for Span {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let text = text.trim();
        let split = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let unit = unit.trim();
        if unit.is_empty() && !number.is_empty() {
            return Err(DurationError::NoUnit);
        }
        let bad = || DurationError::Number(text.to_owned());
        if number.is_empty() {
            return Err(bad());
        }
        let nanos_per_unit = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .map(|&(_, nanos)| nanos)
            .ok_or_else(|| DurationError::Unit(unit.to_owned()))?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| bad())? };
        if fraction.len() > 9 || fraction.contains('.') || number == "." {
            return Err(bad());
        }
        let fraction_value: u64 =
            if fraction.is_empty() { 0 } else { fraction.parse().map_err(|_| bad())? };
        let scale = 10_u64.pow(fraction.len() as u32);
        // A fraction below one nanosecond has no place in a Duration.
        let part = u128::from(fraction_value) * u128::from(nanos_per_unit) / u128::from(scale);
        let nanos = u128::from(whole) * u128::from(nanos_per_unit) + part;
        u64::try_from(nanos).map(|nanos| Self(Duration::from_nanos(nanos))).map_err(|_| bad())
    }
}

impl fmt::Display for Span {
    /// The largest unit in which the number is whole: parses back to the same value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        let (unit, per) = UNITS
            .iter()
            .filter(|(unit, _)| *unit != "min" || nanos != 0)
            .find(|&&(_, per)| nanos.is_multiple_of(u128::from(per)))
            .expect("every number of nanoseconds is whole in nanoseconds");
        write!(f, "{}{unit}", nanos / u128::from(*per))
    }
}

/// Why a text is no MAC address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MacError {
    /// Not six pairs of hexadecimal digits with `:` between.
    #[error("a MAC address is six pairs of hexadecimal digits: `02:00:00:00:00:01`")]
    Shape,
    /// The group bit is set: no single interface can have it.
    #[error("a multicast address; the first byte of an interface's MAC must be even")]
    Multicast,
    /// All zeros: the kernel refuses it.
    #[error("an interface can't have the address of all zeros")]
    Zero,
}

/// The hardware address of one interface (EUI-48): unicast, not all zeros.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac([u8; 6]);

impl Mac {
    /// The address of these six bytes, if one interface can have it
    /// (`is_valid_ether_addr`, `linux/etherdevice.h`).
    pub fn new(bytes: [u8; 6]) -> Result<Self, MacError> {
        match bytes {
            [first, ..] if first & 1 == 1 => Err(MacError::Multicast),
            [0, 0, 0, 0, 0, 0] => Err(MacError::Zero),
            _ => Ok(Self(bytes)),
        }
    }

    /// The six bytes, first on the wire first.
    pub fn octets(self) -> [u8; 6] {
        self.0
    }
}

impl FromStr for Mac {
    type Err = MacError;

    fn from_str(text: &str) -> Result<Self, MacError> {
        let mut bytes = [0; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().ok_or(MacError::Shape)?;
            if part.len() != 2 || !part.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(MacError::Shape);
            }
            *byte = u8::from_str_radix(part, 16).map_err(|_| MacError::Shape)?;
        }
        if parts.next().is_some() {
            return Err(MacError::Shape);
        }
        Self::new(bytes)
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Mac {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}
