//! Routes, policy rules and neighbours: what decides where a packet goes.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{IfName, Mac};

/// The number of the routing table `main` (`RT_TABLE_MAIN`, `linux/rtnetlink.h`).
pub const TABLE_MAIN: u32 = 254;
/// The number of the routing table `default`.
pub const TABLE_DEFAULT: u32 = 253;
/// The number of the routing table `local`.
pub const TABLE_LOCAL: u32 = 255;

/// What happens to a packet that a route matches (`ip-route(8)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RouteKind {
    /// It goes on, to `via` or out of `dev`.
    #[default]
    Unicast,
    /// It is discarded silently; a local sender gets `EINVAL`.
    Blackhole,
    /// It is discarded, and the sender told "communication administratively prohibited".
    Prohibit,
    /// It is discarded, and the sender told "host unreachable".
    Unreachable,
    /// This table has no answer for it: the next policy rule is asked.
    Throw,
}

impl RouteKind {
    /// The word for it, in the lab file and in `ip route`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unicast => "unicast",
            Self::Blackhole => "blackhole",
            Self::Prohibit => "prohibit",
            Self::Unreachable => "unreachable",
            Self::Throw => "throw",
        }
    }
}

/// A static route. A unicast one has a `via`, a `dev`, or both; the others have neither.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// What it does.
    pub kind: RouteKind,
    /// The destinations it matches; `0.0.0.0/0` or `::/0` for the default route. Host bits are 0.
    pub to: IpNet,
    /// The gateway, of the same family as `to`.
    pub via: Option<IpAddr>,
    /// The interface that it leaves by; found from the gateway where not said.
    pub dev: Option<IfName>,
    /// The source address preferred for packets that this node itself sends.
    pub src: Option<IpAddr>,
    /// Its metric; of two routes of one prefix the lower wins.
    pub metric: Option<u32>,
    /// The table it is in; `main` where not said.
    pub table: Option<u32>,
    /// Whether the gateway is taken to be on the link of `dev` though no subnet there has it.
    pub onlink: bool,
}

impl Route {
    /// A unicast route to this prefix by this gateway.
    pub fn via(to: IpNet, gateway: IpAddr) -> Self {
        Self { via: Some(gateway), ..Self::of_kind(RouteKind::Unicast, to) }
    }

    /// A route of this kind and prefix, of which nothing else is said.
    pub fn of_kind(kind: RouteKind, to: IpNet) -> Self {
        Self { kind, to, via: None, dev: None, src: None, metric: None, table: None, onlink: false }
    }
}

/// An IP family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

impl Family {
    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::Ipv4 } else { Self::Ipv6 }
    }

    /// The family of a prefix.
    pub fn of_net(net: &IpNet) -> Self {
        Self::of(net.addr())
    }

    /// The word for it in the lab file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
        }
    }
}

impl std::fmt::Display for Family {
    /// Its name in a sentence: `IPv4`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
        })
    }
}

/// What a policy rule does with a packet that it matches (`ip-rule(8)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleAction {
    /// Look it up in this table.
    Table(u32),
    /// Discard it silently.
    Blackhole,
    /// Discard it, and say that it is prohibited.
    Prohibit,
    /// Discard it, and say that the network is unreachable.
    Unreachable,
}

/// A firewall mark with the bits of it that count (`fwmark MARK/MASK`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The mark.
    pub mark: u32,
    /// The bits that are compared; all ones where not said.
    pub mask: u32,
}

/// A policy rule. What is not said matches everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The family whose packets it is for.
    pub family: Family,
    /// Its preference: rules are tried in ascending order. The kernel chooses where not said.
    pub priority: Option<u32>,
    /// Whether it is for the packets that do *not* match.
    pub not: bool,
    /// The source.
    pub from: Option<IpNet>,
    /// The destination.
    pub to: Option<IpNet>,
    /// The interface that the packet came in by; `lo` for packets of this node's own.
    pub iif: Option<IfName>,
    /// The interface that the sending socket is bound to.
    pub oif: Option<IfName>,
    /// The packet's mark.
    pub fwmark: Option<Mark>,
    /// What it does.
    pub action: RuleAction,
}

impl Rule {
    /// A rule for all packets of a family.
    pub fn new(family: Family, action: RuleAction) -> Self {
        Self {
            family,
            priority: None,
            not: false,
            from: None,
            to: None,
            iif: None,
            oif: None,
            fwmark: None,
            action,
        }
    }
}

/// A static neighbour: a permanent entry of the ARP or ND table (`NUD_PERMANENT`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// The interface on whose link it is.
    pub dev: IfName,
    /// Its address.
    pub to: IpAddr,
    /// Its hardware address.
    pub mac: Mac,
}
