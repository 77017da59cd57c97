//! The sightings that others may still follow, and the journeys that are not complete.

use std::collections::VecDeque;

use super::identity::Facts;
use super::way::{Hop, Journey, Sighting};
use super::wiring::Spot;
use crate::{Direction, Frame, Time};

/// A sighting, as it is compared with later ones.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) time: Time,
    pub(super) direction: Direction,
    pub(super) spot: Spot,
    /// The node of the device that its device sits on; its own, if it sits on none.
    pub(super) lower: u32,
    pub(super) facts: Facts,
    /// The sighting that it follows.
    pub(super) parent: Option<u64>,
    journey: u64,
    hop: u32,
    keys: u8,
}

impl Seen {
    pub(super) fn new(frame: &Frame<'_>, spot: Spot, lower: u32, facts: Facts) -> Self {
        let Frame { time, direction, .. } = *frame;
        Self { time, direction, spot, lower, facts, parent: None, journey: 0, hop: 0, keys: 0 }
    }
}

/// Sightings and journeys, each numbered as they come. The oldest go first.
#[derive(Debug)]
pub(super) struct Underway {
    first: u64,
    sightings: VecDeque<Seen>,
    /// The digests under which they are in the index, in the same order.
    keys: VecDeque<u64>,
    /// How many of these belong to the sighting that comes next.
    pending: u8,
    first_journey: u64,
    journeys: VecDeque<Open>,
}

/// Journeys are counted from 1.
impl Default for Underway {
    fn default() -> Self {
        Self {
            first: 0,
            sightings: VecDeque::new(),
            keys: VecDeque::new(),
            pending: 0,
            first_journey: 1,
            journeys: VecDeque::new(),
        }
    }
}

/// A journey, and how many of its sightings are kept.
#[derive(Debug)]
struct Open {
    journey: Journey,
    sightings: usize,
}

impl Underway {
    pub(super) fn len(&self) -> usize {
        self.sightings.len()
    }

    /// The number of the oldest sighting that is kept.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The number of the sighting that comes next.
    pub(super) fn next(&self) -> u64 {
        self.first + self.sightings.len() as u64
    }

    /// When the oldest sighting was.
    pub(super) fn oldest(&self) -> Option<Time> {
        self.sightings.front().map(|seen| seen.time)
    }

    /// The sighting of this number, which the index knows and which is therefore kept.
    pub(super) fn sighting(&self, number: u64) -> &Seen {
        &self.sightings[(number - self.first) as usize]
    }

    pub(super) fn journey_of(&self, sighting: u64) -> u64 {
        self.sighting(sighting).journey
    }

    fn open(&self, sighting: u64) -> &Open {
        &self.journeys[(self.journey_of(sighting) - self.first_journey) as usize]
    }

    pub(super) fn hops(&self, sighting: u64) -> usize {
        self.open(sighting).journey.hops.len()
    }

    pub(super) fn hop(&self, sighting: u64) -> &Hop {
        &self.open(sighting).journey.hops[self.sighting(sighting).hop as usize]
    }

    /// The hops that have followed a sighting.
    pub(super) fn followers(&self, sighting: u64) -> impl Iterator<Item = &Hop> {
        let journey = &self.open(sighting).journey;
        let hop = self.sighting(sighting).hop as usize;
        journey.after(hop).map(|index| &journey.hops[index])
    }

    /// When a journey began that is not complete yet.
    pub(super) fn start_of(&self, journey: u64) -> Option<Time> {
        let index = journey.checked_sub(self.first_journey)?;
        self.journeys.get(index as usize).map(|open| open.journey.start())
    }

    /// A journey begins.
    pub(super) fn begin(&mut self, mut journey: Journey, hop: Hop) -> Sighting {
        journey.number = self.first_journey + self.journeys.len() as u64;
        let number = journey.number;
        journey.push(hop);
        self.journeys.push_back(Open { journey, sightings: 0 });
        Sighting { journey: number, hop: 0 }
    }

    /// A journey goes on from a sighting.
    pub(super) fn add(&mut self, from: u64, mut hop: Hop) -> Sighting {
        let Seen { journey, hop: parent, .. } = *self.sighting(from);
        let open = &mut self.journeys[(journey - self.first_journey) as usize];
        hop.from = Some(parent as usize);
        let hop = open.journey.push(hop);
        Sighting { journey, hop: hop as usize }
    }

    /// The sighting that comes next is in the index under this digest.
    pub(super) fn add_key(&mut self, key: u64) {
        self.keys.push_back(key);
        self.pending += 1;
    }

    /// Keeps the sighting of a hop.
    pub(super) fn push(&mut self, seen: Seen, as_part: Sighting) {
        let index = (as_part.journey - self.first_journey) as usize;
        self.journeys[index].sightings += 1;
        let keys = std::mem::take(&mut self.pending);
        let Sighting { journey, hop } = as_part;
        self.sightings.push_back(Seen { journey, hop: hop as u32, keys, ..seen });
    }

    /// Frames were lost that may have belonged to any journey that is not complete.
    pub(super) fn lost(&mut self) {
        self.journeys.iter_mut().for_each(|open| open.journey.lossy = true);
    }

    /// The oldest sighting is about to be forgotten before its time.
    pub(super) fn hasten(&mut self) {
        if let Some(seen) = self.sightings.front() {
            let index = (seen.journey - self.first_journey) as usize;
            self.journeys[index].journey.early = true;
        }
    }

    /// Forgets the oldest sighting; says how many digests it has in the index, which are to be asked
    /// for one by one.
    pub(super) fn forget(&mut self) -> Option<u8> {
        let seen = self.sightings.pop_front()?;
        self.first += 1;
        self.journeys[(seen.journey - self.first_journey) as usize].sightings -= 1;
        Some(seen.keys)
    }

    /// A digest of the sighting that was just forgotten.
    pub(super) fn next_key(&mut self) -> Option<u64> {
        self.keys.pop_front()
    }

    /// The journey that began first, if it is complete.
    pub(super) fn next_complete(&mut self) -> Option<Journey> {
        if self.journeys.front()?.sightings != 0 {
            return None;
        }
        self.first_journey += 1;
        let mut journey = self.journeys.pop_front()?.journey;
        journey.complete();
        Some(journey)
    }
}
