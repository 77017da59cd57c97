//! The words for packets that are expected to be seen.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Value, json};

use super::addresses::read_prefix;
use super::choices::no_such;
use super::{Word, Wrong};
use crate::diagnostic::quoted;
use crate::model::{Count, Mac, PacketKind, Place, Spot, Whose, WhoseMac};

impl Word for PacketKind {
    const NAME: &'static str = "PacketKind";
    const WHAT: &'static str = "a kind of packet, in quotes";

    fn read(text: &str) -> Result<Self, Wrong> {
        let words = || Self::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>();
        text.parse().map_err(|_| no_such(text, "kind of packet", &words()))
    }

    fn schema() -> Value {
        json!({ "enum": Self::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>() })
    }
}

impl Word for Whose {
    const NAME: &'static str = "AddressOrWhose";
    const WHAT: &'static str = "an address, a prefix, \"node\" or \"node:interface\"";

    fn read(text: &str) -> Result<Self, Wrong> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Net(IpNet::from(address)));
        }
        if text.contains('/') {
            return read_prefix(text).map(Self::Net);
        }
        Spot::read(text).map(Self::Spot)
    }

    fn schema() -> Value {
        json!({
            "type": "string",
            "minLength": 1,
            "description": "An address, a prefix, or a node or interface that has an address",
        })
    }
}

impl Word for WhoseMac {
    const NAME: &'static str = "MacOrWhose";
    const WHAT: &'static str = "a MAC address or \"node:interface\", in quotes";

    fn read(text: &str) -> Result<Self, Wrong> {
        let colons = text.bytes().filter(|&b| b == b':').count();
        if colons == 1 {
            return Place::read(text).map(Self::Place);
        }
        octets(text).map(Self::Mac).ok_or_else(|| {
            let wrong = Wrong::new(format!("{} is no MAC address", quoted(text)), "");
            match octets(&text.replace(['-', '.'], ":")) {
                Some(mac) => wrong.help(format!("write \"{}\"", Self::Mac(mac))),
                None => wrong.help("write \"02:00:00:00:00:01\", or \"node:interface\""),
            }
        })
    }

    fn schema() -> Value {
        json!({
            "anyOf": [
                { "type": "string", "pattern": "^[0-9a-fA-F]{2}(:[0-9a-fA-F]{2}){5}$" },
                <Place as Word>::schema(),
            ],
            "description": "A MAC address, also that of a group, or whose: `node:interface`",
        })
    }
}

/// The six bytes of a MAC address, whoever may have it.
fn octets(text: &str) -> Option<[u8; 6]> {
    let mut parts = text.split(':');
    let mut bytes = [0; 6];
    for byte in &mut bytes {
        let part = parts.next().filter(|part| part.len() == 2)?;
        *byte = part
            .bytes()
            .all(|b| b.is_ascii_hexdigit())
            .then(|| u8::from_str_radix(part, 16).ok())??;
    }
    parts.next().is_none().then_some(bytes)
}

/// Whether a MAC address is one that no single interface can have.
pub(crate) fn is_of_nobody(mac: [u8; 6]) -> bool {
    mac != [0; 6] && Mac::new(mac).is_err()
}

impl Word for Count {
    const NAME: &'static str = "Count";
    const WHAT: &'static str = "a number, or a range such as \"1..3\" or \"2..\"";

    fn read(text: &str) -> Result<Self, Wrong> {
        let title = || format!("{} is no number of packets", quoted(text));
        let count: Self = text.trim().parse().map_err(|_| {
            let help = "write a number, or a range such as \"1..3\", \"2..\" or \"..3\"";
            let backwards = text.split_once("..").and_then(|(least, most)| {
                let [least, most] = [least, most].map(|end| end.trim().parse::<u32>().ok());
                Some((least?, most?)).filter(|(least, most)| least > most)
            });
            match backwards {
                Some((least, most)) => Wrong::new(title(), "no number is in this range")
                    .help(format!("write \"{most}..{least}\"")),
                None => Wrong::new(title(), "").help(help),
            }
        })?;
        match count {
            Self { most: Some(0), .. } => Err(none()),
            Self { least: 0, most: None } => {
                Err(Wrong::new("any number of packets will do", "every number is in this range")
                    .help("leave this packet out, or say how many there are at most"))
            }
            _ if !text.contains("..") => {
                Err(Wrong::new(title(), "").help(format!("write {count}, without quotes")))
            }
            count => Ok(count),
        }
    }

    fn number(number: i64) -> Option<Result<Self, Wrong>> {
        Some(match u32::try_from(number) {
            Ok(0) => Err(none()),
            Ok(count) => Ok(Self::exactly(count)),
            Err(_) => Err(Wrong::new("a count is a number from 1 to 4294967295", "out of range")),
        })
    }

    fn schema() -> Value {
        json!({
            "anyOf": [
                { "type": "integer", "minimum": 1, "maximum": u32::MAX },
                { "type": "string", "pattern": r"^\s*([0-9]{1,10}\.\.[0-9]{0,10}|\.\.[0-9]{1,10})\s*$" },
            ],
            "description": "How many: a number, or a range of which both ends count: `1..3`, `2..`",
        })
    }
}

fn none() -> Wrong {
    Wrong::new("no packet can't be seen", "none").help("say in `unseen` what is not to be seen")
}
