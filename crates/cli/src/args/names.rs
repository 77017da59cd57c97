//! Words of the command line that are names or quantities.

use std::str::FromStr;
use std::time::Duration;

use twinax_topology::{NameError, NodeName, Place, Span, Spot};

/// A node, and the running lab that it is in where that must be said: `LAB/NODE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InLab {
    /// The lab; unless said, the one that has such a node.
    pub lab: Option<NodeName>,
    /// The node.
    pub node: NodeName,
}

impl FromStr for InLab {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.split_once('/') {
            Some((lab, node)) => Ok(Self { lab: Some(lab.parse()?), node: node.parse()? }),
            None => Ok(Self { lab: None, node: text.parse()? }),
        }
    }
}

/// A node or an interface in one, and the running lab: `LAB/NODE:INTERFACE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpotInLab {
    /// The lab; unless said, the one that has such a node.
    pub lab: Option<NodeName>,
    /// The node, and the interface where one is meant.
    pub spot: Spot,
}

impl SpotInLab {
    /// The node alone.
    pub fn in_lab(&self) -> InLab {
        InLab { lab: self.lab.clone(), node: self.spot.node.clone() }
    }
}

impl FromStr for SpotInLab {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (lab, text) = match text.split_once('/') {
            Some((lab, rest)) => (Some(lab.parse()?), rest),
            None => (None, text),
        };
        Ok(Self { lab, spot: spot(text)? })
    }
}

/// A node, or an interface in one.
pub fn spot(text: &str) -> Result<Spot, NameError> {
    Ok(match text.split_once(':') {
        Some((node, interface)) => {
            Spot { node: node.parse()?, interface: Some(interface.parse()?) }
        }
        None => Spot { node: text.parse()?, interface: None },
    })
}

/// An interface in a node.
pub(super) fn place(text: &str) -> Result<Place, String> {
    match text.contains(':') {
        true => text.parse().map_err(|error: NameError| error.to_string()),
        false => Err("write NODE:TAP".to_owned()),
    }
}

/// A span of time as a lab file has it; a bare number is one of seconds, as `ping(8)` has it.
pub(super) fn span(text: &str) -> Result<Span, String> {
    let seconds = text.parse().ok().and_then(|number| Duration::try_from_secs_f64(number).ok());
    let span = match seconds {
        Some(span) => Span(span),
        None => text.parse::<Span>().map_err(|error| error.to_string())?,
    };
    if span.0 > LONGEST {
        return Err("at most an hour is possible".to_owned());
    }
    Ok(span)
}

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

/// The units of a number of bytes.
const UNITS: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1000),
    ("B", 1),
];

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "write a number with its unit: `64MiB`, `500kB`".to_owned();
        let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, unit) = text.split_at(split);
        let known = UNITS.into_iter().find(|(own, _)| *own == unit.trim()).ok_or_else(wrong)?;
        let number: u64 = number.parse().map_err(|_| wrong())?;
        number.checked_mul(known.1).map(Self).ok_or_else(|| "that is too much".to_owned())
    }
}

/// The longest span that makes sense between two packets.
const LONGEST: Duration = Duration::from_secs(3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_with_and_without_a_unit() {
        let millis = |text| span(text).map(|span| span.0.as_millis());
        assert_eq!(millis("200ms"), Ok(200));
        assert_eq!(millis("0.2"), Ok(200));
        assert_eq!(millis("1.5s"), Ok(1500));
        assert_eq!(millis("2min"), Ok(120_000));
        for wrong in ["", "s", "-1", "1h", "inf", "NaN", "1e300", "2000min"] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn bytes_have_a_unit() {
        let read = |text: &str| text.parse().map(|Bytes(bytes)| bytes);
        assert_eq!(read("64MiB"), Ok(64 << 20));
        assert_eq!(read("500 kB"), Ok(500_000));
        assert_eq!(read("7B"), Ok(7));
        for wrong in ["", "64", "MiB", "-1B", "1.5MiB", "64mib", "99999999999GiB"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_interface_in_a_node_of_a_lab() {
        let at: SpotInLab = "lab/left:veth3".parse().unwrap();
        assert_eq!((at.lab.unwrap().as_str(), at.spot.to_string().as_str()), ("lab", "left:veth3"));
        for wrong in ["", "/left", "lab/", "left:", ":veth3", "a/b/c"] {
            assert!(wrong.parse::<SpotInLab>().is_err(), "{wrong}");
        }
    }
}
