//! Holding the packets that are seen while a step is done against what is expected of them.
//!
//! ```text
//!   frame ──▶ its places ──▶ for each watch there: does it belong? ──▶ count it, note the first
//!                 └────────▶ what else is seen there: the first lines, for whoever wonders
//! ```
//!
//! Each entry of `seen` and `unseen` has one [`Watch`] for each of its places. Frames are looked at as they
//! come, and not kept: what is remembered is bounded, whatever comes.

mod answers;
mod judge;
mod pattern;
#[cfg(test)]
mod tests;
mod words;

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::Range;

use twinax_packet::{Frame, Interface, Packet, Time};
use twinax_topology::{Count, Family, PacketExpect, Spot};

use answers::Asked;
use pattern::Pattern;

/// Holds frames against what a step expects.
pub(crate) struct Matcher {
    in_order: bool,
    /// First those of `seen`, in their order, then those of `unseen`.
    entries: Vec<Entry>,
    /// Those of an entry stand together.
    watches: Vec<Watch>,
    places: Vec<Place>,
    /// The places at which the frames of each interface are seen, by its ID.
    places_of: Vec<Vec<usize>>,
    /// So many questions are remembered at each place where answers are expected.
    questions: usize,
}

/// An entry of `seen` or `unseen`.
struct Entry {
    pattern: Pattern,
    wanted: Wanted,
    /// Its [`Watch`]es.
    watches: Range<usize>,
}

/// What is wanted of the packets of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// So many.
    Seen {
        /// How many.
        count: Count,
        /// Whether each is to be an answer.
        answers: bool,
    },
    /// None.
    Unseen,
}

/// An entry at one of its places.
struct Watch {
    entry: usize,
    /// Where: which of the [`Place`]s.
    place: usize,
    /// How many belonged to it.
    count: u64,
    /// When the first of them was seen.
    first: Option<Time>,
    /// How many of them answered nothing.
    strays: u64,
    asked: Asked,
    /// The first of those that should not be there, in words.
    lines: Vec<String>,
}

/// A node or device at which something is expected.
struct Place {
    spot: Spot,
    watches: Vec<usize>,
    /// How many frames were seen there.
    frames: u64,
    /// The first of them, in words.
    lines: Vec<String>,
}

/// So many packets are told of each place.
const TOLD: usize = 20;
/// So many questions are remembered in all, at least one at each place.
const QUESTIONS: usize = 1 << 20;

impl Matcher {
    /// What a step expects. `address` gives the first address of a node or interface.
    pub(crate) fn new<E>(
        expect: &PacketExpect,
        address: impl Fn(&Spot, Option<Family>) -> Result<IpAddr, E>,
    ) -> Result<Self, E> {
        let mut matcher = Self {
            in_order: expect.in_order,
            entries: Vec::new(),
            watches: Vec::new(),
            places: Vec::new(),
            places_of: Vec::new(),
            questions: 0,
        };
        let seen = expect.seen.iter().map(|seen| {
            let wanted = Wanted::Seen { count: seen.count, answers: seen.answers };
            (&seen.packets, wanted)
        });
        let unseen = expect.unseen.iter().map(|packets| (packets, Wanted::Unseen));
        let mut known: HashMap<&Spot, usize> = HashMap::new();
        for (packets, wanted) in seen.chain(unseen) {
            let entry = matcher.entries.len();
            let first = matcher.watches.len();
            for spot in &packets.at {
                let place = *known.entry(spot).or_insert_with(|| {
                    matcher.places.push(Place::at(spot.clone()));
                    matcher.places.len() - 1
                });
                matcher.places[place].watches.push(matcher.watches.len());
                matcher.watches.push(Watch::new(entry, place));
            }
            let watches = first..matcher.watches.len();
            let pattern = Pattern::new(packets, &address)?;
            matcher.entries.push(Entry { pattern, wanted, watches });
        }
        let asking = matcher.entries.iter().filter(|entry| entry.wants_answers());
        let asking: usize = asking.map(|entry| entry.watches.len()).sum();
        matcher.questions = (QUESTIONS / asking.max(1)).max(1);
        Ok(matcher)
    }

    /// A frame was seen. Those of one node have to come in the order of their time; `interfaces` are those
    /// of the capture, of which there are never fewer than before.
    pub(crate) fn frame(&mut self, interfaces: &[Interface], frame: &Frame<'_>) {
        self.place_interfaces(interfaces);
        let id = frame.interface as usize;
        let (Some(places), Some(interface)) = (self.places_of.get(id), interfaces.get(id)) else {
            return;
        };
        if places.is_empty() {
            return;
        }
        let packet = Packet::decode(interface.link_type, frame.bytes, frame.length);
        let line = || words::line(interface, frame, &packet);
        for &place in places {
            let place = &mut self.places[place];
            place.frames += 1;
            if place.lines.len() < TOLD {
                place.lines.push(line());
            }
            for &watch in &place.watches {
                let watch = &mut self.watches[watch];
                let entry = &self.entries[watch.entry];
                if entry.pattern.matches(interfaces, frame, &packet) {
                    watch.take(entry, frame.time, &packet, line);
                }
                if entry.wants_answers() {
                    watch.asked.take(&packet, self.questions);
                }
            }
        }
    }

    /// Finds the places of interfaces that have come since.
    fn place_interfaces(&mut self, interfaces: &[Interface]) {
        for interface in interfaces.iter().skip(self.places_of.len()) {
            let here = |spot: &Spot| {
                spot.node.as_str() == interface.node
                    && spot.interface.as_ref().is_none_or(|name| name.as_str() == interface.device)
            };
            let places = self.places.iter().enumerate().filter(|(_, place)| here(&place.spot));
            self.places_of.push(places.map(|(index, _)| index).collect());
        }
    }

    /// Whether nothing that is to be seen is missing any more.
    pub(crate) fn is_satisfied(&self) -> bool {
        self.watches.iter().all(|watch| match self.entries[watch.entry].wanted {
            Wanted::Seen { count, .. } => watch.count >= count.least.into(),
            Wanted::Unseen => true,
        })
    }
}

impl Entry {
    fn wants_answers(&self) -> bool {
        matches!(self.wanted, Wanted::Seen { answers: true, .. })
    }
}

impl Place {
    fn at(spot: Spot) -> Self {
        Self { spot, watches: Vec::new(), frames: 0, lines: Vec::new() }
    }
}

impl Watch {
    fn new(entry: usize, place: usize) -> Self {
        let asked = Asked::default();
        Self { entry, place, count: 0, first: None, strays: 0, asked, lines: Vec::new() }
    }

    /// One that belongs to it.
    fn take(&mut self, entry: &Entry, time: Time, packet: &Packet<'_>, line: impl Fn() -> String) {
        self.count += 1;
        self.first.get_or_insert(time);
        if entry.wants_answers() && !self.asked.is_answered_by(packet) {
            self.strays += 1;
        }
        if entry.wanted == Wanted::Unseen && self.lines.len() < TOLD {
            self.lines.push(line());
        }
    }
}
