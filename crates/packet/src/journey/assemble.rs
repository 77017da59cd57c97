//! Sightings become journeys.

use std::collections::HashMap;
use std::time::Duration;

use super::change::{Change, changes};
use super::identity::{Facts, quote};
use super::likeness::How;
use super::search::{Found, Search};
use super::translations::Translations;
use super::underway::{Seen, Underway};
use super::way::{About, Hop, Journey, Sighting};
use super::wiring::{Spot, Wiring};
use crate::{Frame, Interface, InterfaceId, Packet, Time};

/// How many hops a journey has at most. More have only frames that run in circles.
const HOPS: usize = 16_384;

/// How much is kept, and how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How long a packet may take from one device to the next: longer than any delay of a link, and
    /// than a router waits for its neighbour's address. No journey is complete before this has passed
    /// since it was seen last.
    pub window: Duration,
    /// How many sightings are kept at most; then the oldest are forgotten before their time. Each
    /// costs about 700 bytes with its share of the index and of its journey, and one that is a
    /// journey by itself up to 1,150.
    pub limit: usize,
}

/// Two seconds, and 131,072 sightings: about 90 MB, at most 150 MB.
impl Default for Options {
    fn default() -> Self {
        Self { window: Duration::from_secs(2), limit: 1 << 17 }
    }
}

/// Recognises the same packet in the frames of many devices.
///
/// ```
/// use twinax_packet::journey::{Journeys, Options, Wiring};
/// use twinax_packet::{Direction, Frame, Interface, LinkType, Time};
///
/// let end = |node: &str| Interface {
///     node: node.to_owned(),
///     device: "e0".to_owned(),
///     link_type: LinkType::Ethernet,
///     mac: None,
/// };
/// let interfaces = [end("left"), end("right")];
/// let mut wiring = Wiring::default();
/// wiring.join(0, 1);
///
/// let bytes = [0xff; 60];
/// let mut journeys = Journeys::new(Options::default());
/// for (interface, direction, time) in [(0, Direction::Out, 1000), (1, Direction::Broadcast, 4000)] {
///     let frame = Frame { time: Time(time), interface, direction, length: 60, bytes: &bytes };
///     journeys.frame(&interfaces, &wiring, &frame);
/// }
/// let all: Vec<_> = journeys.finish().collect();
/// assert_eq!(all.len(), 1);
/// assert_eq!(all[0].hops.len(), 2);
/// ```
#[derive(Debug)]
pub struct Journeys {
    options: Options,
    /// The nodes that there are, and for each interface in which it is, and whether it is `lo`.
    nodes: HashMap<String, u32>,
    seats: Vec<(u32, bool)>,
    underway: Underway,
    search: Search,
    translations: Translations,
    early: u64,
    /// Whether frames were lost since the last one.
    lost: bool,
    /// Until when one has to reckon with frames that were lost.
    lossy_until: Option<Time>,
}

impl Journeys {
    /// None yet.
    pub fn new(options: Options) -> Self {
        Self {
            options: Options { limit: options.limit.max(1), ..options },
            nodes: HashMap::new(),
            seats: Vec::new(),
            underway: Underway::default(),
            search: Search::default(),
            translations: Translations::default(),
            early: 0,
            lost: false,
            lossy_until: None,
        }
    }

    /// A frame was seen. They have to come in the order of time; where two have the same time, the
    /// one that went out first.
    ///
    /// `interfaces` and `wiring` may have grown since the last frame, and the wiring may have
    /// changed: each frame is judged by what is known when it comes.
    pub fn frame(
        &mut self,
        interfaces: &[Interface],
        wiring: &Wiring,
        frame: &Frame<'_>,
    ) -> Sighting {
        self.expire(frame.time);
        self.seat(interfaces);
        let lossy = self.is_lossy(frame.time);
        let spot = self.spot(wiring, frame.interface, frame.direction.is_out());
        let lower = self.node_of(spot.device.lower).unwrap_or(spot.node);
        self.search.note(&spot, self.node_of(spot.device.peer), lower, lossy);
        let link = interfaces.get(frame.interface as usize).map(|interface| interface.link_type);
        let link = link.unwrap_or(crate::LinkType::Ethernet);
        let packet = Packet::decode(link, frame.bytes, frame.length);
        let facts = Facts::of(&packet);

        let mut seen = Seen::new(frame, spot, lower, facts);
        let found = self.search.parent(&seen, &self.underway, &self.translations);
        let hop = Hop::new(frame.time, frame.interface, frame.direction, spot.device.peer);
        let sighting = match found {
            Some(found) if self.underway.hops(found.sighting) < HOPS => {
                seen.parent = Some(found.sighting);
                self.follow(&seen, &found, hop)
            }
            too_long => {
                let continues = too_long.map(|found| self.underway.journey_of(found.sighting));
                let journey = Journey {
                    number: 0,
                    packet: crate::line::text(&packet),
                    hops: Vec::new(),
                    about: self.about(&packet, &seen),
                    continues,
                    early: false,
                    lossy,
                };
                self.underway.begin(journey, hop)
            }
        };
        self.search.register(&seen, &mut self.underway);
        self.underway.push(seen, sighting);
        sighting
    }

    /// The journeys that are complete at this time and were not asked for yet, in the order in which
    /// they began. One that is still under way keeps back those that began after it.
    ///
    /// To be asked for now and then: they are kept until then.
    pub fn finished(&mut self, now: Time) -> impl Iterator<Item = Journey> {
        self.expire(now);
        std::iter::from_fn(|| self.underway.next_complete())
    }

    /// All journeys that are left: there are no more frames.
    pub fn finish(mut self) -> impl Iterator<Item = Journey> {
        while self.forget_oldest() {}
        std::iter::from_fn(move || self.underway.next_complete())
    }

    /// Frames were lost for lack of room, since the last one or shortly before. Then it means nothing
    /// that a packet was not seen where it should have been: until the window has passed,
    /// [`Hop::missing`] is not said, and a way may have gaps ([`How::Unseen`]).
    pub fn lost(&mut self) {
        self.lost = true;
        self.underway.lost();
    }

    /// How many sightings were forgotten before their time, because there were more than
    /// [`Options::limit`].
    pub fn forgotten_early(&self) -> u64 {
        self.early
    }

    fn follow(&mut self, seen: &Seen, found: &Found, mut hop: Hop) -> Sighting {
        let parent = self.underway.sighting(found.sighting);
        let likeness = found.likeness;
        let mut changes = changes(&parent.facts, &seen.facts, likeness.how, likeness.content);
        if found.again {
            changes.push(Change::Again);
        }
        if likeness.how == How::Routed && found.sure {
            self.learn(found.sighting, seen);
        }
        (hop.how, hop.changes) = (likeness.how, changes);
        self.underway.add(found.sighting, hop)
    }

    /// Remembers what a NAT has made of a flow.
    fn learn(&mut self, parent: u64, seen: &Seen) {
        let parent = self.underway.sighting(parent);
        if let (Some(before), Some(after)) = (parent.facts.flow, seen.facts.flow)
            && before != after
            && !parent.facts.is_later_piece()
            && !seen.facts.is_later_piece()
        {
            self.translations.remember(seen.spot.node, before, after);
        }
    }

    /// The packet that an ICMP error is about.
    fn about(&self, packet: &Packet<'_>, seen: &Seen) -> Option<About> {
        let quote = quote(packet)?;
        let facts = Facts::of(&quote);
        let found = self.search.last_in(seen.spot.node, facts.exact);
        let journey = found.map(|sighting| self.underway.journey_of(sighting));
        let start = journey.and_then(|number| self.underway.start_of(number));
        Some(About {
            journey,
            before: start.map(|start| seen.time.since(start)),
            packet: crate::line::text(&quote),
        })
    }

    fn seat(&mut self, interfaces: &[Interface]) {
        for interface in interfaces.iter().skip(self.seats.len()) {
            let node = match self.nodes.get(&interface.node) {
                Some(node) => *node,
                None => {
                    let number = self.nodes.len() as u32;
                    self.nodes.insert(interface.node.clone(), number);
                    number
                }
            };
            self.seats.push((node, interface.device == "lo"));
        }
    }

    fn node_of(&self, id: Option<InterfaceId>) -> Option<u32> {
        self.seats.get(id? as usize).map(|(node, _)| *node)
    }

    fn spot(&self, wiring: &Wiring, id: InterfaceId, out: bool) -> Spot {
        let (node, is_lo) = self.seats.get(id as usize).copied().unwrap_or((u32::MAX, false));
        Spot { id, node, out, device: wiring.device(id).or_loopback(is_lo) }
    }

    fn is_lossy(&mut self, now: Time) -> bool {
        if std::mem::take(&mut self.lost) {
            self.lossy_until = Some(self.window_from(now));
        }
        self.lossy_until = self.lossy_until.filter(|until| now <= *until);
        self.lossy_until.is_some()
    }

    /// The end of a window that begins at a time.
    fn window_from(&self, start: Time) -> Time {
        let window = u64::try_from(self.options.window.as_nanos()).unwrap_or(u64::MAX);
        Time(start.0.saturating_add(window))
    }

    fn expire(&mut self, now: Time) {
        while self.underway.oldest().is_some_and(|time| self.window_from(time) < now) {
            self.forget_oldest();
        }
        while self.underway.len() >= self.options.limit {
            self.underway.hasten();
            self.forget_oldest();
            self.early += 1;
        }
    }

    fn forget_oldest(&mut self) -> bool {
        let Some(keys) = self.underway.forget() else { return false };
        for _ in 0..keys {
            if let Some(key) = self.underway.next_key() {
                self.search.forget(key);
            }
        }
        true
    }
}
