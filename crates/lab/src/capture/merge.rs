//! Many rings, one stream in the order of time.
//!
//! A ring hands its frames over in blocks, the last of them when its time is up. So what is in hand may be
//! later than what another ring still has in its open block. A frame is given out once its time is so
//! long past that every block of that time has been handed over.

use std::collections::VecDeque;
use std::time::Duration;

use twinax_kernel::capture::{Block, RawFrame, Ring};

use super::together::for_each;

/// A frame that was handed over and not given out yet: where it is.
#[derive(Clone, Copy)]
struct Held {
    time: u64,
    ring: u32,
    /// Which of the blocks that were taken from that ring, counted from the first ever.
    block: u64,
    /// Where in it.
    place: u32,
}

/// The rings of all nodes. A node that is gone leaves an empty place.
#[derive(Default)]
pub(super) struct Merge {
    rings: Vec<Option<Taken>>,
    held: Vec<Held>,
    /// The time of the oldest of these.
    oldest: Option<u64>,
}

/// A ring, and the blocks that were taken from it.
struct Taken {
    ring: Ring,
    /// Those that were not given back yet, with how many of their frames were not given out yet.
    blocks: VecDeque<(Block, u32)>,
    /// How many were given back.
    done: u64,
    /// Whether the node is gone. A ring keeps its namespace: it goes with its last frame.
    last: bool,
}

impl Merge {
    /// Adds the ring of the next node.
    pub fn add(&mut self, ring: Ring) {
        self.rings.push(Some(Taken { ring, blocks: VecDeque::new(), done: 0, last: false }));
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
        if let Some(Some(taken)) = self.rings.get_mut(place) {
            taken.last = true;
        }
        self.give_back(place);
    }

    /// Takes what the ring of a node has handed over; whether that is anything.
    pub fn take(&mut self, place: usize) -> bool {
        let Some(Some(Taken { ring, blocks, done, .. })) = self.rings.get_mut(place) else {
            return false;
        };
        let before = self.held.len();
        while let Some((block, frames)) = ring.take() {
            let number = *done + blocks.len() as u64;
            let mut next = ring.first(block);
            let mut there = 0;
            for _ in 0..frames {
                let Some((at, (frame, after))) =
                    next.and_then(|at| Some((at, ring.frame(block, at)?)))
                else {
                    break;
                };
                let (time, ring) = (frame.time, place as u32);
                self.oldest = Some(self.oldest.map_or(time, |oldest| oldest.min(time)));
                self.held.push(Held { time, ring, block: number, place: at });
                there += 1;
                next = Some(after);
            }
            blocks.push_back((block, there));
        }
        // One that was handed over empty.
        self.give_back(place);
        self.held.len() > before
    }

    /// The time of the oldest frame in hand.
    pub fn oldest(&self) -> Option<u64> {
        self.oldest
    }

    /// Gives out, in the order of their time, the frames in hand that are not younger than this; how many.
    pub fn give_out(&mut self, until: u64, mut each: impl FnMut(usize, &RawFrame<'_>)) -> usize {
        // What several rings have handed over is sorted but for where they meet.
        self.held.sort_by_key(|held| held.time);
        let count = self.held.partition_point(|held| held.time <= until);
        let held = std::mem::take(&mut self.held);
        for Held { ring: place, block, place: at, .. } in &held[..count] {
            let place = *place as usize;
            let Some(Some(Taken { ring, blocks, done, .. })) = self.rings.get_mut(place) else {
                continue;
            };
            let Some((block, left)) = blocks.get_mut((block - *done) as usize) else { continue };
            *left -= 1;
            if let Some((frame, _)) = ring.frame(*block, *at) {
                each(place, &frame);
            }
            if *left == 0 {
                self.give_back(place);
            }
        }
        self.held = held;
        self.held.drain(..count);
        self.oldest = self.held.first().map(|held| held.time);
        count
    }

    /// Gives the blocks back to the kernel of which nothing is in hand any more.
    fn give_back(&mut self, place: usize) {
        let Some(own) = self.rings.get_mut(place) else { return };
        let Some(Taken { ring, blocks, done, last }) = own else { return };
        while let Some((block, 0)) = blocks.front() {
            ring.give_back(*block);
            blocks.pop_front();
            *done += 1;
        }
        if *last && blocks.is_empty() {
            *own = None;
        }
    }
}

impl Drop for Merge {
    fn drop(&mut self) {
        for_each(std::mem::take(&mut self.rings), drop);
    }
}

/// How long a frame is held back, where blocks are handed over after this time or twice that.
pub(super) fn hold(retire: u32) -> Duration {
    /// What a timer of a busy machine may be late.
    const LATE: Duration = Duration::from_millis(10);
    2 * Duration::from_millis(retire.into()) + LATE
}
