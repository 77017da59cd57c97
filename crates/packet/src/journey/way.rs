//! A packet's way: where it was seen, one after the other.

use std::time::Duration;

use serde::Serialize;

use super::change::Change;
use super::likeness::How;
use crate::{Direction, InterfaceId, Time};

/// One packet, from where it was seen first to where it was seen last. Its copies, where a bridge
/// floods it, and its fragments are branches of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Journey {
    /// Its number: they are counted from 1, in the order in which they began.
    pub number: u64,
    /// What it was where it was seen first, as tcpdump says it.
    pub packet: String,
    /// Where it was seen, in the order of time. The first is the root of the tree; there is always one.
    pub hops: Vec<Hop>,
    /// Which packet this one complains about, where it is an ICMP error.
    pub about: Option<About>,
    /// The journey that this one goes on with, where that had become too long: in a loop of bridges.
    pub continues: Option<u64>,
    /// Whether there were too many sightings to wait as long as one should: it may go on in a later
    /// journey.
    pub early: bool,
    /// Whether frames were lost while it was under way: what is not there may have been.
    pub lossy: bool,
}

impl Journey {
    /// When it was seen first.
    pub fn start(&self) -> Time {
        self.hops.first().map_or(Time(0), |hop| hop.time)
    }

    /// The hops that follow one, in the order of time.
    pub fn after(&self, hop: usize) -> impl Iterator<Item = usize> {
        let first = self.hops.get(hop).and_then(|hop| hop.first);
        let next = |after: &u32| self.hops.get(*after as usize).and_then(|hop| hop.next);
        std::iter::successors(first, next).map(|index| index as usize)
    }

    /// Where its ways end: the hops that none follows.
    pub fn ends(&self) -> impl Iterator<Item = &Hop> {
        self.hops.iter().filter(|hop| hop.first.is_none())
    }

    /// How long the stretch to a hop took.
    pub fn stretch(&self, hop: usize) -> Option<Duration> {
        let hop = self.hops.get(hop)?;
        Some(hop.time.since(self.hops.get(hop.from?)?.time))
    }

    /// Adds a hop.
    pub(super) fn push(&mut self, hop: Hop) -> u32 {
        let index = self.hops.len() as u32;
        if let Some(from) = hop.from.and_then(|from| self.hops.get_mut(from)) {
            match from.last.replace(index) {
                None => from.first = Some(index),
                Some(last) => self.hops[last as usize].next = Some(index),
            }
        }
        self.hops.push(hop);
        index
    }

    /// Notes for each hop that went out, and did not come in where the cable ends, where that is.
    pub(super) fn complete(&mut self) {
        if self.lossy {
            return;
        }
        for index in 0..self.hops.len() {
            let Some(peer) = self.hops[index].peer else { continue };
            let arrived = self.after(index).any(|next| self.hops[next].interface == peer);
            self.hops[index].missing = (!arrived).then_some(peer);
        }
    }
}

/// One sighting of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// When.
    pub time: Time,
    /// At which device.
    pub interface: InterfaceId,
    /// Which way it went there.
    pub direction: Direction,
    /// The hop that it followed, as an index; `None` for the first.
    pub from: Option<usize>,
    /// How it came here from there.
    pub how: How,
    /// What is different from there.
    pub changes: Vec<Change>,
    /// Where it should have come in next, at the other end of the cable, and did not.
    pub missing: Option<InterfaceId>,
    pub(super) peer: Option<InterfaceId>,
    first: Option<u32>,
    last: Option<u32>,
    next: Option<u32>,
}

impl Hop {
    pub(super) fn new(
        time: Time,
        interface: InterfaceId,
        direction: Direction,
        peer: Option<InterfaceId>,
    ) -> Self {
        let peer = peer.filter(|_| direction.is_out());
        Self {
            time,
            interface,
            direction,
            from: None,
            how: How::First,
            changes: Vec::new(),
            missing: None,
            peer,
            first: None,
            last: None,
            next: None,
        }
    }
}

/// Which packet an ICMP error is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct About {
    /// Its journey, if it was seen.
    pub journey: Option<u64>,
    /// How long before the error it was seen first.
    pub before: Option<Duration>,
    /// The packet, as the error quotes it.
    pub packet: String,
}

/// What was made of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    /// The number of the journey that it belongs to.
    pub journey: u64,
    /// Which of its hops it is, as an index.
    pub hop: usize,
}
