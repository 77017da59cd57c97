//! Drops that are no loss: the kernel says `kfree_skb` of packets that have done what they were to do.

use twinax_packet::decode::Transport;

use super::event::{Event, Kind};

/// A drop that happens where nothing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Harmless {
    /// The function that drops.
    pub function: &'static str,
    /// The reason that it gives, without what all of them begin with; `None`: whichever.
    pub reason: Option<&'static str>,
    /// The types of ICMPv6 messages of which it is so; empty: of all packets.
    pub icmpv6: &'static [u8],
    /// Why that is no loss.
    pub why: &'static str,
}

/// Those that are known. They were found on Linux 6.18, and each has its reason in the kernel's source.
pub const HARMLESS: &[Harmless] = &[
    Harmless {
        function: "ping_rcv",
        reason: Some("NO_SOCKET"),
        icmpv6: &[],
        why: "an echo reply has no ping socket; a raw socket has had its copy before",
    },
    Harmless {
        function: "inet_rtm_getroute",
        reason: None,
        icmpv6: &[],
        why: "the packet is one that RTM_GETROUTE makes up to ask for its route",
    },
    Harmless {
        function: "inet6_rtm_getroute",
        reason: None,
        icmpv6: &[],
        why: "the packet is one that RTM_GETROUTE makes up to ask for its route",
    },
    Harmless {
        function: "ip6_mc_input",
        reason: Some("NOT_SPECIFIED"),
        icmpv6: &[MLD_QUERY, MLD_REPORT, MLD_DONE, ROUTER_SOLICITATION, MLD_REPORT_V2],
        why: "it is for routers and those who watch groups, and nobody here is one",
    },
];

/// `ICMPV6_MGM_QUERY`… (`linux/icmpv6.h`; RFC 2710, RFC 9777), RFC 4861, 4.1.
const MLD_QUERY: u8 = 130;
const MLD_REPORT: u8 = 131;
const MLD_DONE: u8 = 132;
const ROUTER_SOLICITATION: u8 = 133;
const MLD_REPORT_V2: u8 = 143;

/// Why a drop is no loss; `None`: it is one, as far as is known, or no drop.
pub fn harmless(event: &Event) -> Option<&'static str> {
    if event.kind != Kind::Dropped {
        return None;
    }
    let function = event.function.as_deref()?;
    let is_it = |own: &&Harmless| {
        own.function == function
            && own.reason.is_none_or(|own| event.reason.as_deref() == Some(own))
    };
    HARMLESS.iter().find(is_it).map(|own| own.why)
}
