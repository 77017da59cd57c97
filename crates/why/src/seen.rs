//! What was seen of a probe: each frame that is of it or about it, where, when and which way it went.
//!
//! The frames of a capture are sorted into what they are to the question: the packet itself, its
//! answer, an error about one of them, or somebody asking for a neighbour's MAC on their behalf. The packet is
//! known by addresses and numbers where it leaves the sender, and from there on by its
//! [journey](twinax_packet::journey), which goes on through NAT and tunnels; the answer by being the packet
//! turned round.

mod classify;
mod flow;
mod translation;

use std::fmt;
use std::net::IpAddr;

use serde::Serialize;
use twinax_kernel::ask::{LegacyDrop, Queue};
use twinax_kernel::nft::trace::TraceEvent;
use twinax_packet::journey::Journey;
use twinax_packet::{Direction, Interface, LinkType, Mac, Packet, Time};
use twinax_topology::{NodeName, Told};

use crate::counted::Counted;

pub use classify::Classifier;
pub use flow::Flow;
pub use translation::{Translation, in_headers};

/// A device in a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct At {
    /// The node.
    pub node: NodeName,
    /// The device, by its name there.
    pub device: String,
}

impl At {
    /// This device of this node.
    pub fn new(node: &NodeName, device: &str) -> Self {
        Self { node: node.clone(), device: device.to_owned() }
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.node, self.device)
    }
}

impl Serialize for At {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// What a frame is to the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// The packet that was asked about.
    Request,
    /// Its answer.
    Reply,
    /// Somebody asks who has an address: ARP (RFC 826), neighbour solicitation (RFC 4861).
    Ask {
        /// The address that is asked for.
        target: IpAddr,
        /// Who asks.
        by: Option<IpAddr>,
    },
    /// Somebody says that he has it.
    Answer {
        /// The address.
        target: IpAddr,
        /// Where it is said to be.
        mac: Option<Mac>,
    },
    /// An ICMP error about the packet, or about its answer.
    Error {
        /// What it tells.
        told: Option<Told>,
        /// Who sent it.
        by: IpAddr,
        /// Whether it is about the answer.
        of_reply: bool,
    },
}

/// A frame at a device.
#[derive(Debug, Clone)]
pub struct Sight {
    /// Where.
    pub at: At,
    /// Which way it went there.
    pub direction: Direction,
    /// When.
    pub time: Time,
    /// What it is to the question.
    pub what: What,
    /// Which journey it belongs to.
    pub journey: u64,
    /// Which hop of that.
    pub hop: usize,
    /// Whether it is within another packet there: then that is what its bytes begin with.
    pub wrapped: bool,
    /// What its bytes begin with.
    pub link: LinkType,
    /// How long it was on the wire.
    pub length: u32,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Sight {
    /// The frame, taken apart.
    pub fn packet(&self) -> Packet<'_> {
        Packet::decode(self.link, &self.bytes, self.length)
    }

    /// Whether it went out there.
    pub fn is_out(&self) -> bool {
        self.direction.is_out()
    }

    /// The MAC that it was sent to.
    pub fn to_mac(&self) -> Option<Mac> {
        self.packet().ethernet.map(|header| header.destination)
    }
}

/// What the sender was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Word {
    /// What.
    pub told: Told,
    /// By whom; `None`: by its own kernel.
    pub by: Option<IpAddr>,
}

/// All that was seen of a probe.
#[derive(Debug, Default)]
pub struct Seen {
    /// Whether it was answered.
    pub answered: bool,
    /// What the sender was told.
    pub words: Vec<Word>,
    /// The frames, in the order of time.
    pub sights: Vec<Sight>,
    /// The journeys that they belong to, those of others left out.
    pub journeys: Vec<Journey>,
    /// The devices of the journeys.
    pub interfaces: Vec<Interface>,
    /// What nftables has decided about it, and in which node.
    pub traces: Vec<(NodeName, TraceEvent)>,
    /// What nodes have made of addresses and ports of what came to them.
    pub translations: Vec<Translation>,
    /// What was counted meanwhile, in each node that was watched.
    pub counted: Vec<(NodeName, Counted)>,
    /// How many frames there was no room for.
    pub lost: u64,
}

impl Seen {
    /// The frames that are something to the question, in the order of time.
    pub fn of(&self, is: impl Fn(&What) -> bool) -> impl Iterator<Item = &Sight> {
        self.sights.iter().filter(move |sight| is(&sight.what))
    }

    /// The packet itself.
    pub fn requests(&self) -> impl Iterator<Item = &Sight> {
        self.of(|what| *what == What::Request)
    }

    /// Its answer.
    pub fn replies(&self) -> impl Iterator<Item = &Sight> {
        self.of(|what| *what == What::Reply)
    }

    /// Who asked for an address, at a device where that went out.
    pub fn asks<'a>(&'a self, at: &'a At, target: IpAddr) -> impl Iterator<Item = &'a Sight> {
        self.of(move |what| matches!(what, What::Ask { target: of, .. } if *of == target))
            .filter(move |sight| sight.is_out() && sight.at == *at)
    }

    /// The errors about the packet or its answer.
    pub fn errors(&self) -> impl Iterator<Item = &Sight> {
        self.of(|what| matches!(what, What::Error { .. }))
    }

    /// The frames of one journey, in the order of time.
    pub fn journey(&self, number: u64) -> impl Iterator<Item = &Sight> {
        self.sights.iter().filter(move |sight| sight.journey == number)
    }

    /// By how much a counter of a node's IP stack grew, by its name.
    pub fn counted(&self, node: &NodeName, name: &str) -> u64 {
        let own = self.counted.iter().find(|(own, _)| own == node);
        own.and_then(|(_, counted)| counted.stack.get(name).copied()).unwrap_or(0)
    }

    /// What in a node's tables of the old iptables has dropped something meanwhile.
    pub fn legacy_drops<'a>(&'a self, node: &'a NodeName) -> impl Iterator<Item = &'a LegacyDrop> {
        let own = self.counted.iter().filter(move |(own, _)| own == node);
        own.flat_map(|(_, counted)| &counted.legacy)
    }

    /// The queueing disciplines of a device, each with what it dropped.
    pub fn queues<'a>(&'a self, at: &'a At) -> impl Iterator<Item = &'a Queue> {
        let own = self.counted.iter().filter(|(node, _)| *node == at.node);
        own.flat_map(|(_, counted)| &counted.queues).filter(|queue| queue.dev == at.device)
    }

    /// Whether something was told.
    pub fn was_told(&self, told: Told) -> bool {
        self.words.iter().any(|word| word.told == told)
    }

    /// Whether no frame of a journey followed this one: it is where a way of the packet ended.
    pub fn is_end(&self, sight: &Sight) -> bool {
        let Some(journey) = self.journeys.iter().find(|own| own.number == sight.journey) else {
            return true;
        };
        journey.after(sight.hop).next().is_none()
    }
}
