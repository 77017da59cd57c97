//! Where a sighting finds those that it may follow: for each digest of what a packet is and where it
//! may come from, the sightings that are not too old, oldest first.
//!
//! Nearly always there is one. A flood of frames that are the same to the last bit makes a long
//! queue, which has to be looked through from where the last one was found, not from its beginning.

use std::collections::HashMap;
use std::collections::VecDeque;

use super::digest::Plain;

/// How many sightings of one queue are looked at for one that follows.
pub(super) const REACH: usize = 64;

/// The sightings that others may follow.
#[derive(Debug, Default)]
pub(super) struct Index {
    buckets: HashMap<u64, Bucket, Plain>,
}

#[derive(Debug)]
enum Bucket {
    One(u64),
    Many(Box<Queue>),
}

/// More than one sighting under one digest.
#[derive(Debug, Default)]
struct Queue {
    /// The position of the first entry: how many there were before it.
    first: u64,
    entries: VecDeque<u64>,
    /// For each way through a device: from which position on sightings there may find what they
    /// follow.
    cursors: Vec<(u64, u64)>,
}

impl Queue {
    fn cursor(&self, follower: u64) -> u64 {
        let known = self.cursors.iter().find(|(own, _)| *own == follower);
        known.map_or(0, |(_, position)| *position).max(self.first)
    }
}

impl Index {
    /// Under a digest there is one sighting more, younger than all others.
    pub(super) fn insert(&mut self, digest: u64, sighting: u64) {
        match self.buckets.entry(digest) {
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(Bucket::One(sighting));
            }
            std::collections::hash_map::Entry::Occupied(mut entry) => match entry.get_mut() {
                Bucket::Many(queue) => queue.entries.push_back(sighting),
                Bucket::One(first) => {
                    let entries = VecDeque::from([*first, sighting]);
                    entry.insert(Bucket::Many(Box::new(Queue { entries, ..Queue::default() })));
                }
            },
        }
    }

    /// The oldest sighting under a digest is forgotten.
    pub(super) fn forget(&mut self, digest: u64) {
        let is_last = match self.buckets.get_mut(&digest) {
            Some(Bucket::Many(queue)) => {
                queue.entries.pop_front();
                queue.first += 1;
                queue.entries.is_empty()
            }
            Some(Bucket::One(_)) => true,
            None => false,
        };
        if is_last {
            self.buckets.remove(&digest);
        }
    }

    /// The sightings under a digest that one by `follower` (a way through a device) may follow, with
    /// their positions; oldest first.
    pub(super) fn of(&self, digest: u64, follower: u64) -> impl Iterator<Item = (u64, u64)> {
        let bucket = self.buckets.get(&digest);
        let one = match bucket {
            Some(Bucket::One(sighting)) => Some((0, *sighting)),
            _ => None,
        };
        let many = match bucket {
            Some(Bucket::Many(queue)) => Some(queue),
            _ => None,
        };
        let many = many.into_iter().flat_map(move |queue| {
            let from = queue.cursor(follower);
            let skip = (from - queue.first) as usize;
            let rest = queue.entries.iter().skip(skip).take(REACH);
            (from..).zip(rest.copied())
        });
        one.into_iter().chain(many)
    }

    /// The youngest sighting under a digest, if one at a `follower` may have followed it already.
    pub(super) fn last(&self, digest: u64) -> Option<u64> {
        match self.buckets.get(&digest)? {
            Bucket::One(sighting) => Some(*sighting),
            Bucket::Many(queue) => queue.entries.back().copied(),
        }
    }

    /// What comes by `follower` finds nothing any more before this position.
    pub(super) fn pass(&mut self, digest: u64, follower: u64, position: u64) {
        let Some(Bucket::Many(queue)) = self.buckets.get_mut(&digest) else { return };
        match queue.cursors.iter_mut().find(|(own, _)| *own == follower) {
            Some((_, known)) => *known = position.max(*known),
            None => queue.cursors.push((follower, position)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_goes_on_where_it_was_followed_and_leaves_nothing() {
        let mut index = Index::default();
        (0..200).for_each(|sighting| index.insert(5, sighting));
        let first = |index: &Index, follower| index.of(5, follower).next();
        assert_eq!(index.of(5, 1).count(), REACH);
        index.pass(5, 1, 150);
        assert_eq!((first(&index, 1), first(&index, 2)), (Some((150, 150)), Some((0, 0))));
        assert_eq!(index.of(5, 1).count(), 50);
        (0..170).for_each(|_| index.forget(5));
        assert_eq!((first(&index, 1), first(&index, 2)), (Some((170, 170)), Some((170, 170))));
        assert_eq!(index.last(5), Some(199));
        (0..30).for_each(|_| index.forget(5));
        assert!(index.buckets.is_empty());
    }
}
