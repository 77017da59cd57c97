//! Base chains: where in a packet's way nf_tables is asked.

use std::fmt;

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::message::{Attributes, Message};
use super::uapi::{self, chain, family, hook, verdict};
use crate::Error;
use crate::attributes::attributes;

/// A family of tables (`NFPROTO_…`, `linux/netfilter.h`), in the words of `nft(8)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Family {
    /// IPv4 and IPv6.
    Inet,
    /// IPv4.
    Ip,
    /// IPv6.
    Ip6,
    /// ARP.
    Arp,
    /// Frames that cross a bridge.
    Bridge,
    /// Frames as a device has them.
    Netdev,
    /// One that is not known here, with its number.
    Other(u8),
}

impl Family {
    /// The family of this number.
    pub(super) fn of(number: u8) -> Self {
        match number {
            family::INET => Self::Inet,
            family::IPV4 => Self::Ip,
            family::IPV6 => Self::Ip6,
            family::ARP => Self::Arp,
            family::BRIDGE => Self::Bridge,
            family::NETDEV => Self::Netdev,
            other => Self::Other(other),
        }
    }

    /// Its number.
    pub(super) fn number(self) -> u8 {
        match self {
            Self::Inet => family::INET,
            Self::Ip => family::IPV4,
            Self::Ip6 => family::IPV6,
            Self::Arp => family::ARP,
            Self::Bridge => family::BRIDGE,
            Self::Netdev => family::NETDEV,
            Self::Other(number) => number,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inet => f.pad("inet"),
            Self::Ip => f.pad("ip"),
            Self::Ip6 => f.pad("ip6"),
            Self::Arp => f.pad("arp"),
            Self::Bridge => f.pad("bridge"),
            Self::Netdev => f.pad("netdev"),
            Self::Other(number) => write!(f, "{number}"),
        }
    }
}

/// Where in a packet's way a base chain is, in the words of `nft(8)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Hook {
    /// As it comes in by a device.
    Ingress,
    /// Before it is decided where it goes.
    Prerouting,
    /// It is for this node.
    Input,
    /// It is for another.
    Forward,
    /// It is from this node.
    Output,
    /// Before it goes out.
    Postrouting,
    /// As it goes out by a device.
    Egress,
}

impl Hook {
    /// The hook of this number, which means another in each family.
    pub(super) fn of(family: Family, number: u32) -> Option<Self> {
        Some(match (family, number) {
            (Family::Arp, hook::ARP_INPUT) => Self::Input,
            (Family::Arp, hook::ARP_OUTPUT) => Self::Output,
            (Family::Arp, hook::ARP_FORWARD) => Self::Forward,
            (Family::Netdev, hook::NETDEV_INGRESS) => Self::Ingress,
            (Family::Netdev, hook::NETDEV_EGRESS) => Self::Egress,
            (Family::Arp | Family::Netdev | Family::Other(_), _) => return None,
            // `NF_BR_…` are the same numbers (`linux/netfilter_bridge.h`).
            (_, hook::PREROUTING) => Self::Prerouting,
            (_, hook::INPUT) => Self::Input,
            (_, hook::FORWARD) => Self::Forward,
            (_, hook::OUTPUT) => Self::Output,
            (_, hook::POSTROUTING) => Self::Postrouting,
            (Family::Inet, hook::INGRESS) => Self::Ingress,
            _ => return None,
        })
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ingress => "ingress",
            Self::Prerouting => "prerouting",
            Self::Input => "input",
            Self::Forward => "forward",
            Self::Output => "output",
            Self::Postrouting => "postrouting",
            Self::Egress => "egress",
        })
    }
}

/// What becomes of a packet that no rule of a base chain has decided about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Policy {
    /// It goes on.
    Accept,
    /// It is discarded.
    Drop,
}

impl Policy {
    /// Its number among the verdicts.
    pub(super) fn number(self) -> u32 {
        match self {
            Self::Accept => verdict::ACCEPT,
            Self::Drop => verdict::DROP,
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Accept => "accept",
            Self::Drop => "drop",
        })
    }
}

/// A chain that packets come to by themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseChain {
    /// The family of its table.
    pub family: Family,
    /// Its table.
    pub table: String,
    /// Its name.
    pub name: String,
    /// Its kind: `filter`, `nat`, `route`.
    pub kind: String,
    /// Where it is.
    pub hook: Hook,
    /// When its turn is among those of the same hook: the lower, the earlier.
    pub priority: i32,
    /// What becomes of a packet of which no rule says it.
    pub policy: Policy,
    /// The devices that it is for; none where it is for all.
    pub devices: Vec<String>,
}

impl BaseChain {
    /// The chain of an answer to `NFT_MSG_GETCHAIN`; `None` if it is no base chain.
    pub(super) fn of(found: &Message) -> Option<Self> {
        let own = found.attributes();
        let at = own.get_list(chain::HOOK)?;
        let family = Family::of(found.family());
        let one = at.get_text(chain::HOOK_DEVICE);
        let several = at.get(chain::HOOK_DEVICES).unwrap_or_default();
        let mut devices: Vec<String> = attributes(several)
            .filter(|(kind, _)| *kind == chain::DEVICE_NAME)
            .map(|(_, name)| name.text())
            .collect();
        // Where there is one, the kernel says it in both ways.
        devices.extend(one.filter(|_| several.is_empty()));
        Some(Self {
            family,
            table: own.get_text(chain::TABLE)?,
            name: own.get_text(chain::NAME)?,
            kind: own.get_text(chain::TYPE).unwrap_or_default(),
            hook: Hook::of(family, at.get_number(chain::HOOK_NUMBER)?)?,
            priority: at.get_number(chain::HOOK_PRIORITY)?.cast_signed(),
            policy: match own.get_number(chain::POLICY) {
                Some(verdict::DROP) => Policy::Drop,
                _ => Policy::Accept,
            },
            devices,
        })
    }
}

/// The base chains of all tables of the namespace of the calling thread. None on a kernel without
/// nf_tables.
///
/// # Errors
///
/// The namespace's tables are for those who have `CAP_NET_ADMIN` there.
pub fn base_chains() -> Result<Vec<BaseChain>, Error> {
    let Some(mut socket) = super::socket()? else { return Ok(Vec::new()) };
    let all = Message::new(uapi::message::GET_CHAIN, family::UNSPEC, Attributes::default());
    match socket.dump("listing the chains of nftables", &all) {
        // `nfnetlink_rcv_msg` for a subsystem that is not there.
        Err(error) if error.errno() == Some(Errno::INVAL) => Ok(Vec::new()),
        found => Ok(found?.iter().filter_map(BaseChain::of).collect()),
    }
}
