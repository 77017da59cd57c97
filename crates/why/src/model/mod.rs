//! The stages that a packet passes in Linux, in their order, and what can stop it at each.
//!
//! ```text
//!        ┌────────── sender ──────────┐         ┌───────────── node on the way ──────────────┐
//!        │ source ▸ route ▸ firewall  │         │ MAC ▸ firewall ▸ route ▸ source validation  │
//!        │   ▸ size ▸ neighbour ▸ dev │ ▸ cable │   ├─▸ forward: TTL ▸ size ▸ firewall        │
//!        └────────────────────────────┘   ▸ …   │   │     ▸ neighbour ▸ dev ▸ cable ▸ …        │
//!                                               │   └─▸ local: firewall ▸ socket ▸ answer ▸ … │
//!          bridge: port ▸ FDB ▸ port            └─────────────────────────────────────────────┘
//!          tunnel: its device ▸ output of the packet around it ▸ … ▸ input ▸ device of the other end
//! ```
//!
//! A capture shows a packet where it crosses a device; stages are between. So the model is asked from where
//! the packet was seen last: which stages follow, up to where it would have been seen next, and what at each of
//! them would stop it. What stopped it is among these, because everything before is refuted by what was seen,
//! and nothing after was reached.
//!
//! | stage | what is asked | file |
//! |---|---|---|
//! | output | source address, route, firewall, size | `output.rs`, `routes.rs`, `size.rs` |
//! | translation | what NAT has made of it, and whether the answer comes by there | `nat.rs` |
//! | neighbour | who has the next hop's address, and whether he is asked and answers | `neighbour.rs` |
//! | device | up, carrier, program, queue, MTU of the other end | `device.rs`, `size.rs` |
//! | bridge | state and flags of both ports, FDB, isolation | `bridge.rs` |
//! | input | MAC, firewall, mark, route, source validation, forwarding, fragments | `input.rs`, `validation.rs`, `fragments.rs` |
//! | resolution | whether a node answers for its address (ARP, ND) | `resolution.rs` |
//! | forward | TTL, size | `input.rs` |
//! | policy | what IPsec blocks, or wants wrapped | `ipsec.rs` |
//! | socket | echo, listener | `socket.rs` |
//! | tunnel | where its packets go, whether its other end takes them | `tunnel.rs` |
//!
//! Each stage is a function of what is known to the [`Suspect`]s that the evidence allows; it changes
//! nothing. `detour.rs` has the ways that a packet could go instead. A new cause is one more `if` in its stage; a new stage is one more function in the chain.

mod bridge;
mod detour;
mod device;
mod fragments;
mod input;
mod ipsec;
mod knob;
mod nat;
mod neighbour;
mod output;
mod resolution;
mod routes;
mod size;
mod socket;
mod tunnel;
mod validation;

use std::net::IpAddr;

use twinax_kernel::Error;
use twinax_packet::Direction;
use twinax_packet::decode::Network;
use twinax_topology::{NodeName, Told};

use crate::cause::{Evidence, Kind, Mark, Suspect};
use crate::facts::Facts;
use crate::question::Question;
use crate::seen::{At, Seen, Sight, What};
pub use socket::listens;

pub use nat::entering;

/// What is known, for the stages.
#[derive(Clone, Copy)]
pub struct Case<'a> {
    /// What was asked.
    pub question: &'a Question,
    /// What is known of the lab, after the probe.
    pub facts: &'a Facts,
    /// What was known before: some states pass by themselves.
    pub before: &'a Facts,
    /// What was seen of the probe.
    pub seen: &'a Seen,
}

/// A packet on its way, as the stages know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Its source; `None`: the kernel has yet to choose.
    pub source: Option<IpAddr>,
    /// Its destination.
    pub destination: IpAddr,
    /// Its protocol, as IP numbers them.
    pub protocol: u8,
    /// The ports of TCP and UDP.
    pub ports: Option<(u16, u16)>,
    /// Its TTL or hop limit, where it was seen.
    pub ttl: Option<u8>,
    /// How long it is, from the network's header on.
    pub length: u32,
    /// Whether nobody may fragment it.
    pub dont_fragment: bool,
    /// Whether it is the answer.
    pub is_reply: bool,
    /// Whether it is the packet of a tunnel that carries what is asked about.
    pub is_outer: bool,
}

impl Header {
    /// Of the packet that is asked about, as its sender makes it.
    pub fn asked(question: &Question) -> Self {
        let v4 = question.to.is_ipv4();
        let header = if v4 { 20 } else { 40 };
        let (transport, ports) = match question.protocol {
            crate::Protocol::Icmp => (8, None),
            crate::Protocol::Tcp => (40, Some((0, question.port))),
            crate::Protocol::Udp => (8, Some((0, question.port))),
        };
        Self {
            source: question.source,
            destination: question.to,
            protocol: question.protocol.number(v4),
            ports,
            ttl: question.ttl,
            length: header + transport + u32::from(question.size),
            dont_fragment: question.dont_fragment,
            is_reply: false,
            is_outer: false,
        }
    }

    /// Of a packet that was seen.
    pub fn of(sight: &Sight) -> Option<Self> {
        let packet = sight.packet();
        let (ttl, length, dont_fragment) = match &packet.network {
            Network::Ipv4(ip) => (ip.ttl, u32::from(ip.total_length), ip.dont_fragment),
            Network::Ipv6(ip) => (ip.hop_limit, u32::from(ip.payload_length) + 40, true),
            _ => return None,
        };
        Some(Self {
            source: packet.source(),
            destination: packet.destination()?,
            protocol: packet.protocol()?,
            ports: packet.ports(),
            ttl: Some(ttl),
            length,
            dont_fragment,
            is_reply: sight.what == What::Reply,
            is_outer: sight.wrapped,
        })
    }

    /// Of the answer to a packet that was seen where it arrived.
    pub fn answer_to(self) -> Self {
        Self {
            source: Some(self.destination),
            destination: self.source.unwrap_or(self.destination),
            ports: self.ports.map(|(from, to)| (to, from)),
            ttl: None,
            is_reply: true,
            ..self
        }
    }

    /// Whether it is IPv4.
    pub fn v4(&self) -> bool {
        self.destination.is_ipv4()
    }

    /// What it is called in a sentence.
    pub fn name(&self) -> &'static str {
        match (self.is_outer, self.is_reply) {
            (true, _) => "the tunnel's packet",
            (false, true) => "the answer",
            (false, false) => "the packet",
        }
    }
}

/// What a stage finds: suspects, or that the kernel could not be asked.
pub type Found = Result<Vec<Suspect>, Error>;

/// What may have stopped the packet, the first to meet first.
pub fn explain(case: Case<'_>) -> Found {
    let Case { question, seen, .. } = case;
    let header = Header::asked(question);
    let Some(last) = last(case, What::Request) else {
        return output::output(case, &question.from, header);
    };
    if !is_delivered(case, last) {
        return follow(case, last);
    }
    if let Some((meant, other)) = other_recipient(case) {
        return Ok(vec![twice(case, last, [&meant, &other]).certain_if(true)]);
    }
    let mut found: Vec<Suspect> = doubles(case, last).collect();
    found.extend(input::input(case, last)?);
    let arrived = entering(case, last).unwrap_or(header);
    found.extend(match self::last(case, What::Reply) {
        None if last.at.node == question.from && seen.answered => Vec::new(),
        None => answer(case, &last.at, arrived)?,
        // The answer says that nobody listens.
        Some(reply) if is_home(case, reply) && seen.was_told(Told::ConnectionRefused) => {
            socket::socket(case, &last.at, arrived)?
        }
        Some(reply) if is_home(case, reply) => {
            let mut found = nat::goes_around(case, reply)?;
            found.extend(input::input(case, reply)?);
            found
        }
        Some(reply) => back(case, reply)?,
    });
    Ok(found)
}

/// Whether the packet came to another node than the one that was meant, because both have the address: the
/// device of the one, and that of the other.
pub fn other_recipient(case: Case<'_>) -> Option<(At, At)> {
    let meant = case.question.whose.as_ref()?;
    let owners = case.facts.owners(case.question.to);
    let own = owners.iter().find(|at| at.node == *meant)?;
    let last = last(case, What::Request).filter(|sight| is_delivered(case, sight))?;
    let other = owners.iter().find(|at| at.node == last.at.node && at.node != *meant)?;
    Some((own.clone(), other.clone()))
}

/// Whether a node on the way takes the packet for its own, and answers it, though the address is another node's
/// (a route of kind `local`).
pub fn is_taken_on_the_way(case: Case<'_>) -> Result<bool, Error> {
    let Some(last) = last(case, What::Request) else { return Ok(false) };
    if last.is_out() || is_delivered(case, last) || case.facts.owners(case.question.to).is_empty() {
        return Ok(false);
    }
    Ok(follow(case, last)?.iter().any(|suspect| suspect.cause.kind == Kind::LocalRoute))
}

/// The others on the link who have the address at which the packet has arrived: one of them may be meant.
fn doubles<'a>(case: Case<'a>, last: &'a Sight) -> impl Iterator<Item = Suspect> + 'a {
    let to = case.question.to;
    let segment = case.facts.segment(&last.at);
    let others = case.facts.owners(to).into_iter().filter(move |own| segment.has(own));
    let others = others.filter(|own| own.node != last.at.node);
    others.map(move |own| twice(case, last, [&own, &last.at]))
}

/// That two have the address at which the packet has arrived.
fn twice(case: Case<'_>, last: &Sight, both: [&At; 2]) -> Suspect {
    let sender = input::sender(case, last).map(|sight| &sight.at);
    neighbour::twice(case, case.question.to, both, sender).because(observed(last))
}

/// What stops the answer to a packet that has arrived, where nothing was seen of it.
fn answer(case: Case<'_>, input: &At, arrived: Header) -> Found {
    let mut found = socket::socket(case, input, arrived)?;
    let answer = arrived.answer_to();
    let stopped = output::output(case, &input.node, answer)?;
    found.extend(nat::or_unknown_source(case, answer.destination, stopped)?);
    Ok(found)
}

/// What stops an answer on its way back.
fn back(case: Case<'_>, reply: &Sight) -> Found {
    let stopped = follow(case, reply)?;
    let to = entering(case, reply).map(|header| header.destination);
    match to {
        Some(to) => nat::or_unknown_source(case, to, stopped),
        None => Ok(stopped),
    }
}

/// What can stop a frame between where it was seen and where it would have been seen next.
pub fn follow(case: Case<'_>, sight: &Sight) -> Found {
    if sight.is_out() {
        match tunnel::of(case, &sight.at)? {
            Some(tunnel) => tunnel::enter(case, sight, &tunnel),
            None => device::cable(case, sight),
        }
    } else if case.facts.bridge_of(&sight.at).is_some() {
        bridge::bridge(case, sight)
    } else {
        input::input(case, sight)
    }
}

/// Whether a packet has come to the node that it is for.
pub fn is_delivered(case: Case<'_>, sight: &Sight) -> bool {
    let Some(header) = entering(case, sight) else { return false };
    let ours = sight.direction != Direction::OtherHost || sight.at.device == "lo";
    !sight.is_out()
        && !sight.wrapped
        && ours
        && case.facts.bridge_of(&sight.at).is_none()
        && case.facts.has_address(&sight.at.node, header.destination)
}

/// Whether an answer has come back to the sender.
fn is_home(case: Case<'_>, sight: &Sight) -> bool {
    sight.at.node == case.question.from && is_delivered(case, sight)
}

/// Where a packet was seen last on its way: of one in fragments, the first of them that did not arrive.
pub fn last<'a>(case: Case<'a>, what: What) -> Option<&'a Sight> {
    let all: Vec<&Sight> = case.seen.of(move |own| *own == what).collect();
    if let Some(whole) = all.iter().rev().find(|sight| fragments::is_whole(case, sight)) {
        return Some(whole);
    }
    let ends = fragments::ways(&all).into_iter().filter_map(|way| last_of(case, &way));
    let mut missing = ends.filter(|end| !is_delivered(case, end));
    missing.next().or_else(|| last_of(case, &all))
}

/// Where one frame was seen last; of several ends, where it had come closest to whom it is for.
fn last_of<'a>(case: Case<'a>, all: &[&'a Sight]) -> Option<&'a Sight> {
    if let Some(there) = all.iter().rev().find(|sight| is_delivered(case, sight)) {
        return Some(there);
    }
    furthest(case, all)
}

/// Of several sights of a packet that of the end which counts.
fn furthest<'a>(case: Case<'a>, all: &[&'a Sight]) -> Option<&'a Sight> {
    let ends = all.iter().filter(|sight| case.seen.is_end(sight));
    ends.max_by_key(|sight| closeness(case, sight)).copied()
}

/// How likely a frame's end is the one that counts: a flood has many.
fn closeness(case: Case<'_>, sight: &Sight) -> (u8, twinax_packet::Time) {
    let to = sight.to_mac();
    let own = case.facts.link(&sight.at).and_then(|link| link.mac);
    let is_addressed = to.is_some_and(|to| own.is_some_and(|own| own.octets() == to.0));
    let kind = match (sight.is_out(), sight.direction) {
        (false, _) if is_addressed => 5,
        (false, Direction::In | Direction::Broadcast | Direction::Multicast) => 4,
        (true, _) => 3,
        (false, _) if case.facts.bridge_of(&sight.at).is_some() => 2,
        (false, _) => 1,
    };
    (kind, sight.time)
}

/// That a frame was seen somewhere, as evidence.
fn observed(sight: &Sight) -> Evidence {
    let way = if sight.is_out() { "goes out of" } else { "comes in at" };
    let line = twinax_packet::line::text(&sight.packet());
    let command = format!("ip netns exec {} tcpdump -nne -i {}", sight.at.node, sight.at.device);
    Evidence::new(Mark::Observed, format!("{line} {way} {}", sight.at)).with(command)
}

/// A device of a node.
fn at(node: &NodeName, device: &str) -> At {
    At::new(node, device)
}
