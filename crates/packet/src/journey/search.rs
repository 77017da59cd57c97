//! Which earlier sighting a sighting follows.

use super::connected::Connected;
use super::digest::Digest;
use super::identity::with_flow;
use super::index::{Index, REACH};
use super::likeness::{Content, How, Likeness, likeness};
use super::translations::{Flow, Translations};
use super::underway::{Seen, Underway};
use super::wiring::{Role, Spot, Ways, ways};
use crate::{Direction, InterfaceId};

/// A stretch takes at most so many times as long as those that ended at the same device did so far,
/// before one thinks of an identical frame that came later.
const SLOWER: u64 = 4;
/// So much longer it may be in any case, in nanoseconds.
const SLACK: u64 = 1_000_000;

/// What counts against a hop that would make a chain of the ports of one bridge, where nobody said
/// that they are ports.
const TANGLE: u32 = 3;
/// What counts against a second end of one cable, where nobody said where its ends are.
const CROWDED: u32 = 1;

/// The sighting that another follows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) sighting: u64,
    pub(super) likeness: Likeness,
    /// Whether another like it has gone this way before.
    pub(super) again: bool,
    /// Whether no other packet could have been followed as well.
    pub(super) sure: bool,
}

/// Sightings, to be found by what they are and by where they may be followed.
#[derive(Debug, Default)]
pub(super) struct Search {
    index: Index,
    /// For each way through a device, how long the stretches that ended there took, in nanoseconds:
    /// the longest, but old ones fade.
    pace: Vec<u64>,
    candidates: Vec<Candidate>,
    looked_at: Vec<LookedAt>,
    connected: Connected,
    /// Whether frames were lost, and any may be missing.
    lossy: bool,
}

/// Where a sighting may be followed.
#[derive(Debug, Clone, Copy)]
enum Slot {
    /// At this device: the other end of the cable.
    Device(InterfaceId),
    /// At any device of this node.
    Node(u32),
    /// Anywhere: nobody said where the cable ends.
    Anywhere,
    /// Not at all: by fragments of one packet that went out of this device they are found beside it.
    Beside(InterfaceId),
}

impl Slot {
    /// The digest of a packet that may be followed here.
    fn key(self, content: u64) -> u64 {
        let (kind, number) = match self {
            Self::Device(id) => (11, id),
            Self::Node(node) => (12, node),
            Self::Anywhere => (13, 0),
            Self::Beside(id) => (14, id),
        };
        Digest::new(kind).number(number.into()).number(content).finish()
    }
}

/// A sighting that may be followed.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    sighting: u64,
    journey: u64,
    /// The way through which device it was.
    way: u64,
    likeness: Likeness,
    /// Whether one at the same device has followed it already.
    taken: bool,
    /// Whether it is not too long ago.
    due: bool,
}

impl Candidate {
    fn new(sighting: u64, likeness: Likeness, taken: bool, due: bool, underway: &Underway) -> Self {
        let way = code(&underway.sighting(sighting).spot);
        let journey = underway.journey_of(sighting);
        Self { sighting, journey, way, likeness, taken, due }
    }
}

/// A place of the index that was looked at.
#[derive(Debug, Clone, Copy)]
struct LookedAt {
    key: u64,
    position: u64,
    sighting: u64,
    /// Whether nothing that comes the same way later need look at it again.
    done: bool,
    due: bool,
}

impl Search {
    /// Takes notice of where a frame was seen: the nodes at the other end of the device's cable, and of
    /// the device beneath; and whether frames were lost.
    pub(super) fn note(&mut self, spot: &Spot, peer: Option<u32>, lower: u32, lossy: bool) {
        self.connected.note(spot, peer, lower);
        self.lossy = lossy;
    }

    /// Enters the sighting that is about to be kept.
    pub(super) fn register(&mut self, seen: &Seen, underway: &mut Underway) {
        let spot = &seen.spot;
        let device = &spot.device;
        let Self { index, lossy, .. } = self;
        let number = underway.next();
        let mut enter = |slot: Slot, translated: bool| {
            let facts = &seen.facts;
            let inner = facts.inner.as_ref().map(|inner| inner.facts.exact);
            let core = facts.flow.filter(|_| translated).map(|_| facts.core);
            let contents = [Some(facts.exact), inner, core];
            let parts = [facts.by_fragments(), facts.by_segments()];
            for content in contents.into_iter().chain(parts).flatten() {
                let key = slot.key(content);
                index.insert(key, number);
                underway.add_key(key);
            }
        };
        if device.role == Role::Loopback {
            return;
        }
        if let Some(peer) = device.peer.filter(|_| spot.out) {
            enter(Slot::Device(peer), false);
        }
        if !spot.out || !matches!(device.role, Role::Cable | Role::Sealed) {
            enter(Slot::Node(spot.node), !spot.out);
            if seen.lower != spot.node {
                enter(Slot::Node(seen.lower), false);
            }
        }
        if spot.has_open_end() || *lossy {
            enter(Slot::Anywhere, true);
        }
        if let Some(datagram) =
            seen.facts.datagram.filter(|_| spot.out && seen.facts.piece.is_some())
        {
            let key = Slot::Beside(spot.id).key(datagram);
            index.insert(key, number);
            underway.add_key(key);
        }
    }

    /// The oldest sighting under a digest is forgotten.
    pub(super) fn forget(&mut self, key: u64) {
        self.index.forget(key);
    }

    /// The sighting that this one follows.
    pub(super) fn parent(
        &mut self,
        seen: &Seen,
        underway: &Underway,
        translations: &Translations,
    ) -> Option<Found> {
        if seen.spot.device.role == Role::Loopback {
            return None;
        }
        self.candidates.clear();
        self.looked_at.clear();
        let mut look = |slot: Slot, content: u64| {
            self.look(slot.key(content), seen, underway, translations);
            !self.candidates.is_empty()
        };
        let facts = &seen.facts;
        let inner = facts.inner.as_ref().map(|inner| inner.facts.exact);
        let before = facts.flow.and_then(|flow| translations.before(seen.spot.node, flow));
        let translated = before.map(|flow| with_flow(facts.core, Some(flow)));
        let whole = [Some(facts.exact), inner, translated];
        let core = facts.flow.map(|_| facts.core);
        let parts = [facts.by_fragments(), facts.stream.map(|stream| stream.digest)];

        let mut any = false;
        for content in whole.into_iter().flatten() {
            for slot in slots(seen).into_iter().flatten() {
                any |= look(slot, content);
            }
        }
        // What has never been seen to be translated, what nobody watched, parts: in this order.
        let _ = any
            || core.is_some_and(|core| look(Slot::Node(seen.spot.node), core))
            || look(Slot::Anywhere, facts.exact)
            || core.is_some_and(|core| look(Slot::Anywhere, core))
            || parts.into_iter().flatten().any(|content| {
                let all = slots(seen).into_iter().flatten();
                all.fold(false, |any, slot| any | look(slot, content))
            });
        let found = self.choose().or_else(|| self.beside(seen, underway))?;
        self.pass(&found, seen);
        self.note_pace(&found, seen, underway);
        Some(found)
    }

    /// Looks at the sightings under a digest.
    fn look(&mut self, key: u64, seen: &Seen, underway: &Underway, translations: &Translations) {
        let follower = code(&seen.spot);
        let patience = SLOWER * self.pace_of(follower) + SLACK;
        loop {
            let before = self.looked_at.len();
            let found = self.candidates.len();
            for (position, sighting) in self.index.of(key, follower) {
                let parent = underway.sighting(sighting);
                let due = seen.time.0.saturating_sub(parent.time.0) <= patience;
                let verdict = self.compare(sighting, seen, underway, translations);
                let done = matches!(verdict, Verdict::Never | Verdict::Like { taken: true, .. });
                self.looked_at.push(LookedAt { key, position, sighting, done, due });
                if let Verdict::Like { likeness, taken } = verdict {
                    let candidate = Candidate::new(sighting, likeness, taken, due, underway);
                    self.candidates.push(candidate);
                }
            }
            let looked_at = &self.looked_at[before..];
            match looked_at.last() {
                // All that was looked at has been followed, but there may be more.
                Some(last) if looked_at.len() == REACH && looked_at.iter().all(|at| at.done) => {
                    self.index.pass(key, follower, last.position + 1);
                    self.looked_at.truncate(before);
                    self.candidates.truncate(found);
                }
                Some(_) => return,
                None => return self.look_at_last(key, seen, underway, translations, patience),
            }
        }
    }

    /// What an earlier sighting is to one that may follow it.
    fn compare(
        &self,
        sighting: u64,
        seen: &Seen,
        underway: &Underway,
        translations: &Translations,
    ) -> Verdict {
        let parent = underway.sighting(sighting);
        let mut ways = ways(&parent.spot, &seen.spot);
        if matches!(parent.direction, Direction::OtherHost | Direction::Broadcast) {
            // Not for this node, or not to be routed.
            ways = Ways { route: false, tunnel: ways.tunnel && parent.spot.out, ..ways };
        }
        if self.lossy && code(&parent.spot) != code(&seen.spot) {
            ways.gap |= self.connected.are(parent.spot.node, seen.spot.node);
        }
        if !ways.any() {
            return Verdict::Never;
        }
        let Some(mut likeness) =
            likeness(&parent.facts, &seen.facts, ways, seen.spot.node, translations)
        else {
            return Verdict::Other;
        };
        let same_device = |hop: &&super::way::Hop| {
            hop.interface == seen.spot.id && hop.direction.is_out() == seen.spot.out
        };
        let mut followers = underway.followers(sighting);
        let taken = likeness.content == Content::Same && followers.any(|hop| same_device(&hop));
        likeness.cost += surmise(sighting, &likeness, underway);
        Verdict::Like { likeness, taken }
    }

    /// All sightings under a digest have been followed, if there are any: the last one may have been
    /// doubled.
    fn look_at_last(
        &mut self,
        key: u64,
        seen: &Seen,
        underway: &Underway,
        translations: &Translations,
        patience: u64,
    ) {
        let Some(sighting) = self.index.last(key) else { return };
        let due = seen.time.0.saturating_sub(underway.sighting(sighting).time.0) <= patience;
        if let Verdict::Like { likeness, taken } =
            self.compare(sighting, seen, underway, translations)
        {
            self.candidates.push(Candidate::new(sighting, likeness, taken, due, underway));
        }
    }

    /// Of all candidates the one that least had to be assumed for. If there are more: of different
    /// packets, and of the copies of one at a device, the first that is not too long ago, because
    /// they keep their order; of one packet's devices the last, because each on its way is nearer, but
    /// of cables' ends the first: those lie side by side.
    fn choose(&mut self) -> Option<Found> {
        let all = &mut self.candidates;
        let is_fresh = |candidate: &Candidate| !candidate.taken;
        if !all.iter().any(is_fresh) {
            let last =
                all.iter().filter(|candidate| candidate.due).max_by_key(|all| all.sighting)?;
            let Candidate { sighting, likeness, .. } = *last;
            return Some(Found { sighting, likeness, again: true, sure: false });
        }
        all.retain(is_fresh);
        let cost = all.iter().map(|candidate| candidate.likeness.cost).min()?;
        all.retain(|candidate| candidate.likeness.cost == cost);
        if all.len() > 1 {
            all.sort_unstable_by_key(|all| (all.journey, all.way, !all.due, all.sighting));
            all.dedup_by_key(|candidate| (candidate.journey, candidate.way));
            all.sort_unstable_by_key(|candidate| {
                let Candidate { journey, sighting, likeness, .. } = *candidate;
                let in_chain = likeness.how != How::Cable;
                (journey, if in_chain { u64::MAX - sighting } else { sighting })
            });
            all.dedup_by_key(|candidate| candidate.journey);
            all.sort_unstable_by_key(|candidate| (!candidate.due, candidate.sighting));
        }
        let first = all.first()?;
        let is_part = matches!(first.likeness.content, Content::Fragment | Content::Segment);
        // The parts of a packet follow it at once, before it is sent again.
        let last = all.iter().max_by_key(|candidate| candidate.sighting)?;
        let Candidate { sighting, likeness, .. } = if is_part { *last } else { *first };
        Some(Found { sighting, likeness, again: false, sure: all.len() == 1 })
    }

    /// A later fragment of an outer packet shows nothing of what is in it: it goes where the first one
    /// went.
    fn beside(&self, seen: &Seen, underway: &Underway) -> Option<Found> {
        let key = Slot::Beside(seen.spot.id).key(seen.facts.datagram?);
        let first = self.index.last(key).filter(|_| seen.spot.out)?;
        let beside = underway.sighting(first);
        let how = underway.hop(first).how;
        let sighting = beside.parent.filter(|parent| *parent >= underway.first())?;
        let likeness = Likeness { how, content: Content::Fragment, cost: 0 };
        let is_one = how == How::Encapsulated
            && beside.facts.flow.is_some_and(|flow| {
                seen.facts.flow.is_some_and(|own| Flow { ports: (0, 0), ..flow } == own)
            });
        is_one.then_some(Found { sighting, likeness, again: false, sure: false })
    }

    /// What comes the same way later need not look again at what has been followed now.
    fn pass(&mut self, found: &Found, seen: &Seen) {
        if found.likeness.content != Content::Same {
            return;
        }
        let follower = code(&seen.spot);
        for of_key in self.looked_at.chunk_by(|one, other| one.key == other.key) {
            let passed = of_key.iter().take_while(|at| {
                let is_late = !at.due && at.sighting < found.sighting;
                at.done || is_late || at.sighting == found.sighting
            });
            if let Some(last) = passed.last() {
                self.index.pass(last.key, follower, last.position + 1);
            }
        }
    }

    fn pace_of(&self, follower: u64) -> u64 {
        self.pace.get(follower as usize).copied().unwrap_or(0)
    }

    fn note_pace(&mut self, found: &Found, seen: &Seen, underway: &Underway) {
        let follower = code(&seen.spot) as usize;
        if !found.sure {
            return;
        }
        if self.pace.len() <= follower {
            self.pace.resize(follower + 1, 0);
        }
        let took = seen.time.0.saturating_sub(underway.sighting(found.sighting).time.0);
        let pace = &mut self.pace[follower];
        *pace = took.max(*pace - *pace / 16);
    }

    /// The last sighting of a packet in a node.
    pub(super) fn last_in(&self, node: u32, exact: u64) -> Option<u64> {
        self.index.last(Slot::Node(node).key(exact))
    }
}

/// Where a sighting may come from.
fn slots(seen: &Seen) -> [Option<Slot>; 4] {
    let Seen { spot, lower, .. } = seen;
    let here = Some(Slot::Node(spot.node));
    if spot.out {
        return [here, None, None, None];
    }
    let cable = spot.device.peer.map(|_| Slot::Device(spot.id));
    let below = (*lower != spot.node).then_some(Slot::Node(*lower));
    let anywhere = spot.has_open_end().then_some(Slot::Anywhere);
    [cable, here, below, anywhere]
}

/// The way through a device as a number.
fn code(spot: &Spot) -> u64 {
    u64::from(spot.id) << 1 | u64::from(spot.out)
}

/// What an earlier sighting is to one that may follow it.
enum Verdict {
    /// Nothing that is seen there follows it.
    Never,
    /// It is another packet.
    Other,
    Like {
        likeness: Likeness,
        taken: bool,
    },
}

/// What counts against it where little is known of the devices.
fn surmise(sighting: u64, likeness: &Likeness, underway: &Underway) -> u32 {
    let parent = underway.sighting(sighting);
    let device = &parent.spot.device;
    let within = |how: How| matches!(how, How::Bridged | How::Stacked);
    let is_end = device.role == Role::Unknown && within(likeness.how);
    if is_end && within(underway.hop(sighting).how) {
        return TANGLE;
    }
    let open = likeness.how == How::Cable && device.peer.is_none();
    let arrived = |hop: &super::way::Hop| !hop.direction.is_out();
    if open && underway.followers(sighting).any(arrived) { CROWDED } else { 0 }
}
