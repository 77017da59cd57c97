//! Addresses, prefixes, MACs, and the numbers that routing goes by.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use serde_json::{Value, json};

use super::{Word, Wrong};
use crate::diagnostic::quoted;
use crate::model::{Mac, MacError, Mark, TABLE_DEFAULT, TABLE_LOCAL, TABLE_MAIN};

fn full(address: IpAddr) -> IpNet {
    IpNet::from(address)
}

/// An address of an interface, with its prefix length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HostNet(pub IpNet);

impl Word for HostNet {
    const NAME: &'static str = "InterfaceAddress";
    const WHAT: &'static str = "an address with its prefix length, in quotes";

    fn read(text: &str) -> Result<Self, Wrong> {
        if let Ok(address) = text.parse::<IpAddr>() {
            let title = format!("the address {} needs a prefix length", quoted(text));
            let (usual, host) = if address.is_ipv4() { (24, 32) } else { (64, 128) };
            let help = format!("write \"{address}/{usual}\" (or \"{address}/{host}\")");
            return Err(Wrong::new(title, "no prefix length").help(help));
        }
        text.parse().map(Self).map_err(|_| net_wrong(text, "an address with a prefix length"))
    }

    fn schema() -> Value {
        json!({
            "type": "string",
            "pattern": "^[0-9a-fA-F:.]+/[0-9]{1,3}$",
            "description": "An address with its prefix length: `10.0.0.1/24`, `fd00::1/64`",
        })
    }
}

/// Why a text is no address with a prefix length.
fn net_wrong(text: &str, what: &str) -> Wrong {
    let title = format!("{} is not {what}", quoted(text));
    let Some((address, length)) = text.split_once('/') else {
        return Wrong::new(title, "").help("an address looks like 10.0.0.1 or fd00::1");
    };
    match (address.parse::<IpAddr>(), length.parse::<u32>()) {
        (Ok(address), Ok(_)) => {
            let most = if address.is_ipv4() { 32 } else { 128 };
            let label = format!("the prefix length is at most {most}");
            Wrong::new(title, label)
        }
        (Ok(address), Err(_)) => {
            let label = format!("{} is no prefix length", quoted(length));
            let wrong = Wrong::new(title, label);
            match length
                .parse::<std::net::Ipv4Addr>()
                .map(|mask| ipnet::ip_mask_to_prefix(mask.into()))
            {
                Ok(Ok(bits)) => wrong.help(format!("write \"{address}/{bits}\"")),
                _ => wrong,
            }
        }
        (Err(_), _) => {
            let label = format!("{} is no address", quoted(address));
            Wrong::new(title, label).help("an address looks like 10.0.0.1 or fd00::1")
        }
    }
}

/// A prefix whose host bits are 0; an address alone means itself only.
pub(super) fn read_prefix(text: &str) -> Result<IpNet, Wrong> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(full(address));
    }
    let net: IpNet = text.parse().map_err(|_| net_wrong(text, "a prefix"))?;
    if net != net.trunc() {
        let title = format!("{} has bits set beyond its prefix length", quoted(text));
        let label = format!("only the first {} bits count", net.prefix_len());
        let help =
            format!("write \"{}\" (or \"{}\" for this address alone)", net.trunc(), net.addr());
        return Err(Wrong::new(title, label).help(help));
    }
    Ok(net)
}

/// What a rule or filter compares an address with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MatchNet(pub IpNet);

impl Word for MatchNet {
    const NAME: &'static str = "Prefix";
    const WHAT: &'static str = "a prefix or an address, in quotes";

    fn read(text: &str) -> Result<Self, Wrong> {
        read_prefix(text).map(Self)
    }

    fn schema() -> Value {
        json!({
            "type": "string",
            "pattern": "^[0-9a-fA-F:.]+(/[0-9]{1,3})?$",
            "description": "A prefix, or an address: `10.0.0.0/24`, `10.0.0.1`, `fd00::/64`",
        })
    }
}

/// The destinations of a route.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RouteTo {
    /// All, of the family that the rest of the route has.
    Default,
    /// These.
    Net(IpNet),
}

impl Word for RouteTo {
    const NAME: &'static str = "RouteDestination";
    const WHAT: &'static str = "a prefix, an address or \"default\"";

    fn read(text: &str) -> Result<Self, Wrong> {
        match text {
            "default" => Ok(Self::Default),
            _ => read_prefix(text)
                .map(Self::Net)
                .map_err(|wrong| Wrong { candidates: vec!["default"], ..wrong }),
        }
    }

    fn schema() -> Value {
        json!({
            "type": "string",
            "pattern": "^(default|[0-9a-fA-F:.]+(/[0-9]{1,3})?)$",
            "description": "A prefix, an address (itself only), or `default`",
        })
    }
}

impl Word for IpAddr {
    const NAME: &'static str = "Address";
    const WHAT: &'static str = "an address, in quotes";

    fn read(text: &str) -> Result<Self, Wrong> {
        text.parse().map_err(|_| {
            let wrong = Wrong::new(format!("{} is no address", quoted(text)), "");
            match text.split_once('/').map(|(address, _)| address.parse::<Self>()) {
                Some(Ok(address)) => {
                    wrong.help(format!("write \"{address}\", without the prefix length"))
                }
                _ => wrong.help("an address looks like 10.0.0.1 or fd00::1"),
            }
        })
    }

    fn schema() -> Value {
        json!({
            "type": "string",
            "pattern": "^[0-9a-fA-F:.]+$",
            "description": "An address, without a prefix length: `10.0.0.1`, `fd00::1`",
        })
    }
}

impl Word for SocketAddr {
    const NAME: &'static str = "AddressAndPort";
    const WHAT: &'static str = "an address and a port, in quotes";

    fn read(text: &str) -> Result<Self, Wrong> {
        let wrong = || {
            let title = format!("{} is no address with a port", quoted(text));
            Wrong::new(title, "").help("write \"10.0.0.2:8080\" or \"[fd00::2]:8080\"")
        };
        let socket: Self = text.parse().map_err(|_| wrong())?;
        if socket.port() == 0 { Err(wrong()) } else { Ok(socket) }
    }

    fn schema() -> Value {
        json!({
            "type": "string",
            "pattern": "^([0-9.]+|\\[[0-9a-fA-F:.]+\\]):[0-9]{1,5}$",
            "description": "An address and a port: `10.0.0.2:8080`, `[fd00::2]:8080`",
        })
    }
}

impl Word for Mac {
    const NAME: &'static str = "Mac";
    const WHAT: &'static str = "a MAC address, in quotes";

    fn read(text: &str) -> Result<Self, Wrong> {
        text.parse().map_err(|error: MacError| {
            let wrong = Wrong::new(format!("{} is no MAC of an interface", quoted(text)), "");
            match error {
                MacError::Shape => {
                    let dashed = text.replace(['-', '.'], ":");
                    let help = match dashed.parse::<Self>() {
                        Ok(mac) => format!("write \"{mac}\""),
                        Err(_) => error.to_string(),
                    };
                    wrong.help(help)
                }
                MacError::Multicast | MacError::Zero => Wrong { label: error.to_string(), ..wrong }
                    .help("begin with 02: one's own choice"),
            }
        })
    }

    fn schema() -> Value {
        json!({
            "type": "string",
            "pattern": "^[0-9a-fA-F][02468aceACE](:[0-9a-fA-F]{2}){5}$",
            "description": "A MAC address of one interface: `02:00:00:00:00:01`",
        })
    }
}

/// The number of a routing table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TableNumber(pub u32);

impl Word for TableNumber {
    const NAME: &'static str = "RoutingTable";
    const WHAT: &'static str =
        "the number of a routing table, or \"main\", \"default\" or \"local\"";

    fn read(text: &str) -> Result<Self, Wrong> {
        match text {
            "main" => Ok(Self(TABLE_MAIN)),
            "default" => Ok(Self(TABLE_DEFAULT)),
            "local" => Ok(Self(TABLE_LOCAL)),
            _ => {
                let wrong = Wrong::new(format!("{} is no routing table", quoted(text)), "");
                let wrong = match text.parse::<u32>() {
                    Ok(number) => wrong.help(format!("write {number}, without quotes")),
                    Err(_) => wrong.help("a number, or one of the names main, default and local"),
                };
                Err(Wrong { candidates: vec!["main", "default", "local"], ..wrong })
            }
        }
    }

    fn number(number: i64) -> Option<Result<Self, Wrong>> {
        Some(match u32::try_from(number) {
            Ok(number) if number > 0 => Ok(Self(number)),
            _ => {
                Err(Wrong::new("a routing table has a number from 1 to 4294967295", "out of range"))
            }
        })
    }

    fn schema() -> Value {
        json!({
            "anyOf": [
                { "type": "integer", "minimum": 1, "maximum": u32::MAX },
                { "enum": ["main", "default", "local"] },
            ],
            "description": "A routing table: its number, or `main`, `default`, `local`",
        })
    }
}

/// A firewall mark with the bits that count.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark32(pub Mark);

impl Word for Mark32 {
    const NAME: &'static str = "Mark";
    const WHAT: &'static str = "a mark: 1, \"0x1\" or \"0x1/0xff\"";

    fn read(text: &str) -> Result<Self, Wrong> {
        let number = |text: &str| match text.strip_prefix("0x") {
            Some(hex) if hex.bytes().all(|b| b.is_ascii_hexdigit()) => {
                u32::from_str_radix(hex, 16).ok()
            }
            Some(_) => None,
            None if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
            None => None,
        };
        let (mark, mask) = match text.split_once('/') {
            Some((mark, mask)) => (number(mark), number(mask)),
            None => (number(text), Some(u32::MAX)),
        };
        match (mark, mask) {
            (Some(mark), Some(mask)) => Ok(Self(Mark { mark, mask })),
            _ => {
                let wrong = Wrong::new(format!("{} is no mark", quoted(text)), "");
                Err(wrong.help(
                    "write a number of 32 bits, such as \"0x1\", or with a mask \"0x1/0xff\"",
                ))
            }
        }
    }

    fn number(number: i64) -> Option<Result<Self, Wrong>> {
        Some(match u32::try_from(number) {
            Ok(mark) => Ok(Self(Mark { mark, mask: u32::MAX })),
            Err(_) => Err(Wrong::new("a mark is a number from 0 to 4294967295", "out of range")),
        })
    }

    fn schema() -> Value {
        let number = "(0x[0-9a-fA-F]{1,8}|[0-9]{1,10})";
        json!({
            "anyOf": [
                { "type": "integer", "minimum": 0, "maximum": u32::MAX },
                { "type": "string", "pattern": format!("^{number}(/{number})?$") },
            ],
            "description": "A firewall mark, with a mask where not all bits count: `0x1/0xff`",
        })
    }
}
