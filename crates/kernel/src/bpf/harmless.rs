//! Drops that are no loss: the kernel says `kfree_skb` of packets that have done what they were to do.

use twinax_packet::Packet;
use twinax_packet::decode::{Transport, protocol};

use super::event::{Event, Kind};

/// A drop that happens where nothing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Harmless {
    /// The function that drops.
    pub function: &'static str,
    /// The reason that it gives, without what all of them begin with; `None`: whichever.
    pub reason: Option<&'static str>,
    /// Of which packets.
    pub only: Only,
    /// Why that is no loss.
    pub why: &'static str,
}

/// Of which packets a drop is harmless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Only {
    /// Of all.
    All,
    /// Of those that are of a protocol of IP.
    Protocol(u8),
    /// Of ICMPv6 messages of these types.
    Icmpv6(&'static [u8]),
}

impl Only {
    fn has(self, packet: &Packet<'_>) -> bool {
        match (self, &packet.transport) {
            (Self::All, _) => true,
            (Self::Protocol(protocol), _) => packet.protocol() == Some(protocol),
            (Self::Icmpv6(kinds), Transport::Icmpv6(icmp)) => kinds.contains(&icmp.kind),
            (Self::Icmpv6(_), _) => false,
        }
    }
}

/// Those that are known. They were found on Linux 6.18, and each has its reason in the kernel's source.
pub const HARMLESS: &[Harmless] = &[
    Harmless {
        function: "ping_rcv",
        reason: Some("NO_SOCKET"),
        only: Only::All,
        why: "an echo reply has no ping socket; a raw socket has had its copy before",
    },
    Harmless {
        function: "inet_rtm_getroute",
        reason: None,
        only: Only::All,
        why: "the packet is one that RTM_GETROUTE makes up to ask for its route",
    },
    Harmless {
        function: "inet6_rtm_getroute",
        reason: None,
        only: Only::All,
        why: "the packet is one that RTM_GETROUTE makes up to ask for its route",
    },
    Harmless {
        function: "ip6_mc_input",
        reason: Some("NOT_SPECIFIED"),
        only: Only::Icmpv6(&[MLD_QUERY, MLD_REPORT, MLD_DONE, ROUTER_SOLICITATION, MLD_REPORT_V2]),
        why: "it is for routers and those who watch groups, and nobody here is one",
    },
    Harmless {
        function: "ip6_mc_input",
        reason: Some("NOT_SPECIFIED"),
        only: Only::Icmpv6(&[NEIGHBOUR_SOLICITATION]),
        why: "it asks for an address that is not here: who has it is in its group",
    },
    Harmless {
        function: "ip_rcv_finish_core",
        reason: Some("NOT_SPECIFIED"),
        only: Only::Protocol(protocol::IGMP),
        why: "it is for routers and those who watch groups, and nobody here is one",
    },
    Harmless {
        function: "sk_stream_kill_queues",
        reason: Some("QUEUE_PURGE"),
        only: Only::Protocol(protocol::TCP),
        why: "it arrived, and its program closed the connection without reading it",
    },
];

/// `ICMPV6_MGM_QUERY`… (`linux/icmpv6.h`; RFC 2710, RFC 9777), RFC 4861, 4.1.
const MLD_QUERY: u8 = 130;
const MLD_REPORT: u8 = 131;
const MLD_DONE: u8 = 132;
const ROUTER_SOLICITATION: u8 = 133;
const NEIGHBOUR_SOLICITATION: u8 = 135;
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
            && event.packet(|packet| own.only.has(packet))
    };
    HARMLESS.iter().find(is_it).map(|own| own.why)
}
