//! Many rings, one stream in the order of time.
//!
//! A ring hands its frames over in blocks, the last of them when its time is up. So what is in hand may be
//! later than what another ring still has in its open block. A frame is given out once its time is so
//! long past that every block of that time has been handed over.
//!
//! Until then its block is left alone: one goes through it when its frames are due, so that they are in
//! the processor's cache when they are given out.
//!
//! While a ring fills up, that is too long. Then one looks how far each ring has come: up to the last frame
//! that it has handed over, or up to now, if the kernel has counted no more frames than were taken. What is
//! older than the least of these is certain to be in its order. A ring of which much is in hand even so is
//! relieved: its oldest blocks are copied out of it, as far as there is room that all rings have in common.

use std::collections::VecDeque;
use std::time::Duration;

use twinax_kernel::Error;
use twinax_kernel::capture::{Block, RawFrame, Rest, Ring, block};

use super::together::for_each;

/// Within a ring, a frame may stand behind a later one: its time is taken before it waits for its place.
/// So many nanoseconds are looked further for such.
const LATE: u64 = 1_000_000;

/// Frames of many rings lie far from each other: so many before one's turn the processor is told to fetch it.
const AHEAD: usize = 16;

/// The rings of all nodes. A node that is gone leaves an empty place.
pub(super) struct Merge {
    rings: Vec<Option<Taken>>,
    /// The time of the oldest frame in hand.
    oldest: Option<u64>,
    /// How many blocks are taken of the ring that has most of them.
    fullest: usize,
    room: Room,
    /// Those that are given out together. Kept for its memory.
    due: Vec<Due>,
}

/// Memory for what is copied out of rings, in bytes.
struct Room {
    all: usize,
    taken: usize,
}

/// A frame that is to be given out.
struct Due {
    time: u64,
    /// Which of the blocks in which there are any.
    block: u32,
    /// Where in it.
    place: u32,
}

/// A ring, and the blocks that were taken from it.
struct Taken {
    ring: Ring,
    /// Those that have frames which were not given out yet. The first of them are the copied ones.
    blocks: VecDeque<InHand>,
    copied: usize,
    /// All its frames up to this time have been handed over, but for those that are late.
    complete: u64,
    /// Whether the node is gone. A ring keeps its namespace: it goes with its last frame.
    last: bool,
}

/// A block that was taken.
struct InHand {
    bytes: Bytes,
    /// From the first frame on that was not given out.
    rest: Rest,
    /// The time of that frame, 0 if there is none.
    first: u64,
    /// Up to which time frames were given out, but for so many that nobody has come by yet: one behind the
    /// first that was not given out may be earlier.
    until: u64,
    new: u32,
}

enum Bytes {
    InRing(Block),
    Copied(Vec<u8>),
}

impl Bytes {
    fn get<'a>(&'a self, ring: &'a Ring) -> &'a [u8] {
        match self {
            Self::InRing(block) => ring.bytes(*block),
            Self::Copied(bytes) => bytes,
        }
    }

    fn get_mut<'a>(&'a mut self, ring: &'a mut Ring) -> &'a mut [u8] {
        match self {
            Self::InRing(block) => ring.bytes_mut(*block),
            Self::Copied(bytes) => bytes,
        }
    }
}

impl Merge {
    /// Of no rings yet. What has to be copied out of them takes at most so many bytes.
    pub fn new(room: usize) -> Self {
        let room = Room { all: room, taken: 0 };
        Self { rings: Vec::new(), oldest: None, fullest: 0, room, due: Vec::new() }
    }

    /// Adds the ring of the next node.
    pub fn add(&mut self, ring: Ring) {
        let blocks = VecDeque::new();
        self.rings.push(Some(Taken { ring, blocks, copied: 0, complete: 0, last: false }));
    }

    /// How many nodes there are and have been.
    pub fn count(&self) -> usize {
        self.rings.len()
    }

    /// The ring of the node at this place.
    pub fn ring(&self, place: usize) -> Option<&Ring> {
        Some(&self.rings.get(place)?.as_ref()?.ring)
    }

    /// All rings, with the places of their nodes.
    pub fn rings(&mut self) -> impl Iterator<Item = (usize, &mut Ring)> {
        let all = self.rings.iter_mut().enumerate();
        all.filter_map(|(place, taken)| Some((place, &mut taken.as_mut()?.ring)))
    }

    /// Gives the ring of a node up, as soon as what is in hand of it has been given out.
    pub fn remove(&mut self, place: usize) {
        self.take(place);
        if let Some(own) = self.rings.get_mut(place)
            && let Some(taken) = own
        {
            taken.last = true;
            if taken.blocks.is_empty() {
                *own = None;
            }
        }
    }

    /// Takes what the ring of a node has handed over; whether that is anything.
    pub fn take(&mut self, place: usize) -> bool {
        let Some(Some(taken)) = self.rings.get_mut(place) else { return false };
        let mut any = false;
        while let Some((block, rest)) = taken.ring.take() {
            let bytes = Bytes::InRing(block);
            let own = bytes.get(&taken.ring);
            // Of one that was handed over empty there is nothing to be had: it goes with the next.
            let first = rest.time(own).unwrap_or_default();
            taken.complete = taken.complete.max(block::last(own).unwrap_or_default());
            if rest.left() > 0 {
                self.oldest = self.oldest.into_iter().chain([first]).min();
                any = true;
            }
            let new = rest.left();
            taken.blocks.push_back(InHand { bytes, rest, first, until: 0, new });
        }
        self.fullest = self.fullest.max(taken.ring.taken().0);
        any
    }

    /// Asks the kernel of each ring whether there is more than was taken; of the node whose ring can't tell,
    /// the place.
    pub fn confirm(&mut self, now: u64) -> Result<(), (usize, Error)> {
        for (place, own) in self.rings.iter_mut().enumerate() {
            let Some(taken) = own else { continue };
            if taken.ring.has_all().map_err(|error| (place, error))? {
                taken.complete = taken.complete.max(now);
            }
        }
        Ok(())
    }

    /// All frames up to this time, which was long enough ago for that, have been handed over. How far that is
    /// true by what is known of the rings.
    pub fn complete(&self, certain: u64) -> u64 {
        let rings = self.rings.iter().flatten();
        let least = rings.map(|taken| taken.complete.saturating_sub(LATE).max(certain)).min();
        least.unwrap_or(certain)
    }

    /// Copies out of rings that are half full, as far as there is room, what can't be given out yet.
    pub fn relieve(&mut self) {
        self.fullest = 0;
        for taken in self.rings.iter_mut().flatten() {
            taken.relieve(&mut self.room);
            self.fullest = self.fullest.max(taken.ring.taken().0);
        }
    }

    /// How many blocks are taken of the ring that has most of them.
    pub fn fullest(&self) -> usize {
        self.fullest
    }

    /// Up to which time frames have to be given out before the fullest ring has a block back.
    pub fn end_of_first(&self) -> Option<u64> {
        let rings = self.rings.iter().flatten();
        let fullest = rings.max_by_key(|taken| taken.ring.taken().0)?;
        let first = fullest.blocks.get(fullest.copied)?;
        Some(block::last(first.bytes.get(&fullest.ring))?.saturating_add(LATE))
    }

    /// The time of the oldest frame in hand.
    pub fn oldest(&self) -> Option<u64> {
        self.oldest
    }

    /// Gives out, in the order of their time, the frames in hand that are not younger than this; how many.
    pub fn give_out(&mut self, until: u64, mut each: impl FnMut(usize, &RawFrame<'_>)) -> usize {
        let mut due = std::mem::take(&mut self.due);
        // The blocks in which there are some: the places of their rings, and theirs there.
        let mut sources = Vec::new();
        for (place, taken) in self.rings.iter_mut().enumerate() {
            let Some(Taken { ring, blocks, .. }) = taken else { continue };
            for (index, own) in blocks.iter_mut().enumerate() {
                if own.first > until.saturating_add(LATE) {
                    break;
                }
                let block = sources.len() as u32;
                sources.push((place, index));
                own.look(ring, until, |time, place| due.push(Due { time, block, place }));
            }
        }
        // Those of one block are in their order, but for a few.
        due.sort_by_key(|due| due.time);
        let blocks: Vec<(usize, &[u8])> = sources
            .iter()
            .filter_map(|&(place, index)| {
                let taken = self.rings[place].as_ref()?;
                Some((place, taken.blocks[index].bytes.get(&taken.ring)))
            })
            .collect();
        for (own, Due { block: index, place, .. }) in due.iter().enumerate() {
            if let Some(next) = due.get(own + AHEAD) {
                block::fetch(blocks[next.block as usize].1, next.place);
            }
            let (ring, bytes) = blocks[*index as usize];
            if let Some(frame) = block::frame(bytes, *place) {
                each(ring, &frame);
            }
        }
        let count = due.len();
        due.clear();
        self.due = due;
        self.give_back();
        count
    }

    /// Gives the blocks back to the kernel of which nothing is in hand any more.
    fn give_back(&mut self) {
        (self.oldest, self.fullest) = (None, 0);
        for own in &mut self.rings {
            let Some(taken) = own else { continue };
            taken.give_back(&mut self.room);
            if taken.last && taken.blocks.is_empty() {
                *own = None;
                continue;
            }
            self.fullest = self.fullest.max(taken.ring.taken().0);
            let left = taken.blocks.iter().filter(|own| own.rest.left() > 0);
            self.oldest = self.oldest.into_iter().chain(left.map(|own| own.first)).min();
        }
    }
}

impl Taken {
    /// Copies blocks out of the ring until half of it is free, as far as there is room for them.
    fn relieve(&mut self, room: &mut Room) {
        loop {
            let (taken, all) = self.ring.taken();
            let Some(oldest) = self.blocks.get_mut(self.copied).filter(|_| 2 * taken > all) else {
                return;
            };
            let Bytes::InRing(block) = oldest.bytes else { return };
            let used = block::used(self.ring.bytes(block));
            if room.taken + used.len() > room.all {
                return;
            }
            room.taken += used.len();
            oldest.bytes = Bytes::Copied(used.to_vec());
            self.ring.give_back(block);
            self.copied += 1;
        }
    }

    fn give_back(&mut self, room: &mut Room) {
        while let Some(own) = self.blocks.pop_front_if(|own| own.rest.left() == 0) {
            match own.bytes {
                Bytes::InRing(block) => self.ring.give_back(block),
                Bytes::Copied(bytes) => {
                    room.taken -= bytes.len();
                    self.copied -= 1;
                }
            }
        }
    }
}

impl InHand {
    /// Goes through the frames that are not younger than this and were not given out, and a little further.
    fn look(&mut self, ring: &mut Ring, until: u64, mut each: impl FnMut(u64, u32)) {
        let bytes = self.bytes.get_mut(ring);
        let mut rest = self.rest;
        let mut kept = None;
        loop {
            let here = rest;
            let Some((time, place)) = rest.next(bytes) else { break };
            if time > until {
                kept.get_or_insert((here, time));
                if time > until.saturating_add(LATE) {
                    rest = here;
                    break;
                }
            } else if time > self.until || here.left() <= self.new {
                each(time, place);
            }
        }
        self.new = rest.left();
        self.until = self.until.max(until);
        (self.rest, self.first) = kept.unwrap_or((rest, 0));
    }
}

impl Drop for Merge {
    fn drop(&mut self) {
        for_each(std::mem::take(&mut self.rings), drop);
    }
}

/// How long a frame is held back where blocks are handed over after this time or twice that, of one ring or of several.
pub(super) fn hold(retire: u32, several: bool) -> Duration {
    /// What a timer of a busy machine may be late.
    const TIMER: Duration = Duration::from_millis(10);
    match several {
        true => 2 * Duration::from_millis(retire.into()) + TIMER,
        false => Duration::from_nanos(LATE),
    }
}
