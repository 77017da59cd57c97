//! What a rule does, in the words of `nft(8)`.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Rule, Says};
use crate::nft::chain::Family;
use crate::nft::message::Attributes;
use crate::nft::uapi::{self, data, expression, family, immediate, nat, reject};

/// `NFT_LOGLEVEL_…`, `linux/netfilter/nf_tables.h`.
const LEVELS: [&str; 8] = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"];
/// The level of a log of which none is said.
const WARNING: u32 = 4;
/// The burst of a limit of which none is said.
const BURST: u32 = 5;

impl Rule<'_> {
    pub(super) fn statement(&mut self, kind: &str, own: &Attributes) -> Option<()> {
        let text = match kind {
            "immediate" => verdict(&own.get_list(immediate::DATA)?.get_list(data::VERDICT)?)?,
            "counter" => "counter".to_owned(),
            "notrack" => "notrack".to_owned(),
            "limit" => limit(own)?,
            "log" => log(own)?,
            "reject" => self.reject(own)?,
            "masq" if own.get(nat::MASQUERADE_REG_PROTO_MIN).is_none() => {
                format!("masquerade{}", flags(own, nat::MASQUERADE_FLAGS))
            }
            "nat" => self.nat(own)?,
            _ => return None,
        };
        self.word(text)
    }

    fn reject(&mut self, own: &Attributes) -> Option<String> {
        let code = own.get(reject::ICMP_CODE).and_then(|code| code.first()).copied();
        Some(match (own.get_number(reject::TYPE)?, self.known.network) {
            (reject::TCP_RESET, _) => "reject with tcp reset".to_owned(),
            (reject::ICMPX_UNREACH, _) => match code? {
                reject::ICMPX_PORT_UNREACH => "reject".to_owned(),
                0 => "reject with icmpx no-route".to_owned(),
                2 => "reject with icmpx host-unreachable".to_owned(),
                3 => "reject with icmpx admin-prohibited".to_owned(),
                _ => return None,
            },
            (reject::ICMP_UNREACH, Some(network)) => {
                let v6 = network == family::IPV6;
                // The usual one goes without saying where the table has one family.
                let usual =
                    if v6 { reject::ICMPV6_PORT_UNREACH } else { reject::ICMP_PORT_UNREACH };
                if self.family != Family::Inet && code? == usual {
                    return Some("reject".to_owned());
                }
                self.forget(Says::Network);
                let header = if v6 { "icmpv6" } else { "icmp" };
                format!("reject with {header} {}", unreachable(v6, code?)?)
            }
            _ => return None,
        })
    }

    fn nat(&self, own: &Attributes) -> Option<String> {
        let same = |min, max| {
            let (min, max) = (own.get_number(min), own.get_number(max));
            max.is_none_or(|max| Some(max) == min).then_some(min)
        };
        let address = same(nat::REG_ADDR_MIN, nat::REG_ADDR_MAX)??;
        let port = same(nat::REG_PROTO_MIN, nat::REG_PROTO_MAX)?;
        let v6 = own.get_number(nat::FAMILY)? == u32::from(family::IPV6);
        let port = match port {
            Some(register) => {
                let bytes = self.bytes(register)?.first_chunk()?;
                Some(u16::from_be_bytes(*bytes))
            }
            None => None,
        };
        let address = self.bytes(address)?;
        let address = if v6 {
            Ipv6Addr::from(<[u8; 16]>::try_from(address).ok()?).to_string()
        } else {
            Ipv4Addr::from(<[u8; 4]>::try_from(address).ok()?).to_string()
        };
        let to = match (port, v6) {
            (Some(port), true) => format!("[{address}]:{port}"),
            (Some(port), false) => format!("{address}:{port}"),
            (None, _) => address,
        };
        let kind = match own.get_number(nat::TYPE)? {
            nat::SNAT => "snat",
            nat::DNAT => "dnat",
            _ => return None,
        };
        let family = match (self.family, v6) {
            (Family::Inet, true) => " ip6",
            (Family::Inet, false) => " ip",
            _ => "",
        };
        Some(format!("{kind}{family} to {to}{}", flags(own, nat::FLAGS)))
    }
}

/// A verdict: `NFTA_VERDICT_…`.
pub(super) fn verdict(own: &Attributes) -> Option<String> {
    use uapi::verdict;
    let chain = || own.get_text(data::VERDICT_CHAIN);
    let code = own.get_number(data::VERDICT_CODE)?;
    Some(match (code, code.cast_signed()) {
        (verdict::ACCEPT, _) => "accept".to_owned(),
        (verdict::DROP, _) => "drop".to_owned(),
        (_, verdict::CONTINUE) => "continue".to_owned(),
        (_, verdict::RETURN) => "return".to_owned(),
        (_, verdict::JUMP) => format!("jump {}", to(chain()?)),
        (_, verdict::GOTO) => format!("goto {}", to(chain()?)),
        _ => return None,
    })
}

/// A chain that is written within a rule has a name only in the kernel.
fn to(chain: String) -> String {
    if chain.starts_with("__chain") { "{ … }".to_owned() } else { chain }
}

/// `NF_NAT_RANGE_…`.
fn flags(own: &Attributes, kind: u16) -> String {
    let flags = own.get_number(kind).unwrap_or_default();
    let words = [
        (nat::RANDOM, "random"),
        (nat::FULLY_RANDOM, "fully-random"),
        (nat::PERSISTENT, "persistent"),
    ];
    let words = words.into_iter().filter(|(flag, _)| flags & flag != 0).map(|(_, word)| word);
    let words: Vec<&str> = words.collect();
    if words.is_empty() { String::new() } else { format!(" {}", words.join(",")) }
}

fn limit(own: &Attributes) -> Option<String> {
    if own.get_number(expression::LIMIT_TYPE).unwrap_or_default() != 0 {
        return None;
    }
    let unit = match own.get_long(expression::LIMIT_UNIT)? {
        1 => "second",
        60 => "minute",
        3600 => "hour",
        86_400 => "day",
        604_800 => "week",
        _ => return None,
    };
    let over = match own.get_number(expression::LIMIT_FLAGS).unwrap_or_default() {
        0 => "",
        _ => "over ",
    };
    let rate = own.get_long(expression::LIMIT_RATE)?;
    let burst = match own.get_number(expression::LIMIT_BURST).unwrap_or_default() {
        0 | BURST => String::new(),
        burst => format!(" burst {burst} packets"),
    };
    Some(format!("limit rate {over}{rate}/{unit}{burst}"))
}

fn log(own: &Attributes) -> Option<String> {
    if own.get_number(expression::LOG_FLAGS).unwrap_or_default() != 0
        || own.get(expression::LOG_GROUP).is_some()
    {
        return None;
    }
    let prefix = own.get_text(expression::LOG_PREFIX).map(|prefix| format!(" prefix \"{prefix}\""));
    let level = own.get_number(expression::LOG_LEVEL).filter(|level| *level != WARNING);
    let level = match level {
        Some(level) => format!(" level {}", LEVELS.get(level as usize)?),
        None => String::new(),
    };
    Some(format!("log{}{level}", prefix.unwrap_or_default()))
}

/// The code of a "destination unreachable" (RFC 792, RFC 1122, RFC 1812; RFC 4443).
fn unreachable(v6: bool, code: u8) -> Option<&'static str> {
    Some(match (v6, code) {
        (false, 0) => "net-unreachable",
        (false, 1) => "host-unreachable",
        (false, 2) => "prot-unreachable",
        (false, 3) | (true, 4) => "port-unreachable",
        (false, 9) => "net-prohibited",
        (false, 10) => "host-prohibited",
        (false, 13) | (true, 1) => "admin-prohibited",
        (true, 0) => "no-route",
        (true, 3) => "addr-unreachable",
        (true, 5) => "policy-fail",
        (true, 6) => "reject-route",
        _ => return None,
    })
}
