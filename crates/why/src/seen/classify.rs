//! The frames of a capture, sorted into what they are to the question.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use twinax_lab::probe::{told_v4, told_v6};
use twinax_packet::decode::{Arp, DiscoveryOption, Network, Says, Transport};
use twinax_packet::journey::{Change, Journey, Journeys, Options, Wiring};
use twinax_packet::{Frame, Interface, Mac, Packet};

use super::flow::Fragments;
use super::{At, Flow, Seen, Sight, What};
use crate::question::Question;

/// How many bytes of a frame are kept: whatever headers there are.
const KEPT: usize = 2048;
/// How many frames are kept; a probe makes a few dozen, a flood through a thousand ports some thousands.
const MOST: usize = 65_536;

/// Takes the frames of a capture, and sorts them at the end.
pub struct Classifier {
    journeys: Journeys,
    frames: Vec<Sight>,
    kinds: Vec<Kind>,
    fragments: Fragments,
}

/// What a frame is by itself.
#[derive(Debug, Clone, Copy)]
enum Kind {
    /// One of a conversation.
    Of(Flow),
    /// An error about one of a conversation.
    About(Flow, Option<twinax_topology::Told>, IpAddr),
    /// About neighbours.
    Neighbour(What),
    /// Anything else.
    Other,
}

impl Default for Classifier {
    fn default() -> Self {
        let (frames, kinds, fragments) = Default::default();
        Self { journeys: Journeys::new(Options::default()), frames, kinds, fragments }
    }
}

impl Classifier {
    /// A frame was seen.
    pub fn frame(&mut self, interfaces: &[Interface], wiring: &Wiring, frame: &Frame<'_>) {
        let part_of = self.journeys.frame(interfaces, wiring, frame);
        let Some(interface) = interfaces.get(frame.interface as usize) else { return };
        let Ok(node) = interface.node.parse() else { return };
        if self.frames.len() >= MOST {
            return;
        }
        let packet = Packet::decode(interface.link_type, frame.bytes, frame.length);
        self.kinds.push(kind(&packet, &mut self.fragments));
        self.frames.push(Sight {
            at: At { node, device: interface.device.clone() },
            direction: frame.direction,
            time: frame.time,
            what: What::Request,
            journey: part_of.journey,
            hop: part_of.hop,
            wrapped: false,
            link: interface.link_type,
            length: frame.length,
            bytes: frame.bytes[..frame.bytes.len().min(KEPT)].to_vec(),
        });
    }

    /// Frames there was no room for.
    pub fn lost(&mut self) {
        self.journeys.lost();
    }

    /// What was seen of this question's packet.
    pub fn finish(self, question: &Question, interfaces: &[Interface]) -> Seen {
        let journeys: Vec<Journey> = self.journeys.finish().collect();
        let requests = requests(question, &self.frames, &self.kinds);
        let request_flows = flows(&self.frames, &self.kinds, &requests);
        let turned: HashSet<Flow> = request_flows.iter().map(Flow::turned).collect();
        let replies = journeys_of(&self.frames, &self.kinds, &turned);
        let reply_flows = flows(&self.frames, &self.kinds, &replies);
        let carried = carried(&self.frames, &self.kinds);
        let mut sights = Vec::new();
        for (mut sight, kind) in self.frames.into_iter().zip(&self.kinds) {
            let what = match kind {
                _ if requests.contains(&sight.journey) => Some(What::Request),
                _ if replies.contains(&sight.journey) => Some(What::Reply),
                kind => match carried.get(&sight.journey).copied().unwrap_or(kind) {
                    Kind::Neighbour(what) => Some(*what),
                    Kind::About(flow, told, by) => {
                        let of_reply = reply_flows.contains(flow) || turned.contains(flow);
                        let ours =
                            of_reply || request_flows.contains(flow) || is_quoted(question, flow);
                        ours.then_some(What::Error { told: *told, by: *by, of_reply })
                    }
                    _ => None,
                },
            };
            if let Some(what) = what {
                sight.what = what;
                let journey = journeys.iter().find(|own| own.number == sight.journey);
                sight.wrapped = journey.is_some_and(|journey| is_wrapped(journey, sight.hop));
                sights.push(sight);
            }
        }
        let own: HashSet<u64> = sights.iter().map(|sight| sight.journey).collect();
        let journeys = journeys.into_iter().filter(|one| own.contains(&one.number)).collect();
        Seen { sights, journeys, interfaces: interfaces.to_vec(), ..Seen::default() }
    }
}

/// The journeys of the packet that was asked about: those that leave the sender as it should be.
fn requests(question: &Question, frames: &[Sight], kinds: &[Kind]) -> HashSet<u64> {
    let v4 = question.to.is_ipv4();
    let number = question.protocol.number(v4);
    let all = || {
        frames.iter().zip(kinds).filter_map(|(sight, kind)| match kind {
            Kind::Of(flow) => Some((sight, flow)),
            _ => None,
        })
    };
    let fits = |flow: &Flow| {
        flow.protocol == number
            && !flow.reply
            && flow.destination == question.to
            && (flow.is_echo() || flow.to == question.port)
    };
    let first: HashSet<u64> =
        all().filter(|(_, flow)| fits(flow)).map(|(sight, _)| sight.journey).collect();
    if !first.is_empty() {
        return first;
    }
    // A sender with a NAT of its own sends it to another address.
    let altered = |flow: &Flow| flow.protocol == number && !flow.reply;
    let from_sender = all()
        .filter(|(sight, flow)| sight.is_out() && sight.at.node == question.from && altered(flow));
    from_sender.map(|(sight, _)| sight.journey).collect()
}

/// What is asked or told by the packets of a journey: within another packet it can't be read.
fn carried<'k>(frames: &[Sight], kinds: &'k [Kind]) -> HashMap<u64, &'k Kind> {
    let mut carried = HashMap::new();
    for (sight, kind) in frames.iter().zip(kinds) {
        if matches!(kind, Kind::Neighbour(_) | Kind::About(..)) {
            carried.entry(sight.journey).or_insert(kind);
        }
    }
    carried
}

/// Whether a packet is within another at a hop of its journey.
fn is_wrapped(journey: &Journey, hop: usize) -> bool {
    let before = |hop: &usize| journey.hops.get(*hop).and_then(|own| own.from);
    let hops = std::iter::successors(Some(hop), before).filter_map(|hop| journey.hops.get(hop));
    let depth = hops.flat_map(|hop| &hop.changes).map(|change| match change {
        Change::Encapsulated(_) => 1,
        Change::Decapsulated(_) => -1,
        _ => 0,
    });
    depth.sum::<i32>() > 0
}

/// Whether an error is about the packet as the sender made it.
fn is_quoted(question: &Question, flow: &Flow) -> bool {
    flow.destination == question.to
        && flow.protocol == question.protocol.number(question.to.is_ipv4())
        && !flow.reply
        && (flow.is_echo() || flow.to == question.port)
}

/// The conversations of the frames of some journeys: several where a NAT is on the way.
fn flows(frames: &[Sight], kinds: &[Kind], journeys: &HashSet<u64>) -> HashSet<Flow> {
    let of = frames.iter().zip(kinds).filter(|(sight, _)| journeys.contains(&sight.journey));
    of.filter_map(|(_, kind)| match kind {
        Kind::Of(flow) => Some(*flow),
        _ => None,
    })
    .collect()
}

/// The journeys that have a frame of one of these conversations.
fn journeys_of(frames: &[Sight], kinds: &[Kind], flows: &HashSet<Flow>) -> HashSet<u64> {
    let of = frames.iter().zip(kinds).filter(|(_, kind)| match kind {
        Kind::Of(flow) => flows.contains(flow),
        _ => false,
    });
    of.map(|(sight, _)| sight.journey).collect()
}

fn kind(packet: &Packet<'_>, fragments: &mut Fragments) -> Kind {
    if let Some(flow) = fragments.flow(packet) {
        return Kind::Of(flow);
    }
    if let Network::Arp(arp) = &packet.network {
        let (sender, target) = (IpAddr::V4(arp.sender_ip), IpAddr::V4(arp.target_ip));
        return match arp.operation {
            Arp::REQUEST => Kind::Neighbour(What::Ask { target, by: Some(sender) }),
            Arp::REPLY => {
                Kind::Neighbour(What::Answer { target: sender, mac: Some(arp.sender_mac) })
            }
            _ => Kind::Other,
        };
    }
    let by = packet.source();
    match &packet.transport {
        Transport::Icmpv4(icmp) => {
            let about = icmp.quoted().as_ref().and_then(Flow::of);
            let told = told_v4(icmp.kind, icmp.code);
            about.zip(by).map_or(Kind::Other, |(flow, by)| Kind::About(flow, told, by))
        }
        Transport::Icmpv6(icmp) => {
            if let Some(discovery) = icmp.discovery() {
                return match discovery.says {
                    Says::NeighborSolicitation { target } => {
                        Kind::Neighbour(What::Ask { target: target.into(), by })
                    }
                    Says::NeighborAdvertisement { target, .. } => {
                        let mac = discovery.options().find_map(|option| match option {
                            DiscoveryOption::Target(mac) => mac.first_chunk().map(|mac| Mac(*mac)),
                            _ => None,
                        });
                        Kind::Neighbour(What::Answer { target: target.into(), mac })
                    }
                    _ => Kind::Other,
                };
            }
            let about = icmp.quoted().as_ref().and_then(Flow::of);
            let told = told_v6(icmp.kind, icmp.code);
            about.zip(by).map_or(Kind::Other, |(flow, by)| Kind::About(flow, told, by))
        }
        _ => Kind::Other,
    }
}
