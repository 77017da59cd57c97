//! What is expected of packets, and what was seen of them, in words.

use std::collections::BTreeSet;

use twinax_packet::{Frame, Interface, Packet};
use twinax_topology::{Count, NodeName, PacketKind, Packets, Spot, Way};

use super::{Entry, Place, Wanted, Watch};

/// So many places are named.
const NAMED: usize = 8;

/// A packet on one line: where it was seen, which way it went, and what it is.
pub(super) fn line(interface: &Interface, frame: &Frame<'_>, packet: &Packet<'_>) -> String {
    let direction = frame.direction.as_str();
    format!("{interface} {direction:<3} {}", twinax_packet::line::text(packet))
}

/// That frames of some of these nodes were lost, if any were.
pub(super) fn lost(nodes: BTreeSet<&NodeName>, lost: &impl Fn(&NodeName) -> u64) -> Option<String> {
    let count: u64 = nodes.into_iter().map(lost).sum();
    match count {
        0 => None,
        1 => Some("1 frame went by too fast to be seen".to_owned()),
        count => Some(format!("{count} frames went by too fast to be seen")),
    }
}

/// An entry, and what was seen of it.
pub(super) struct Told<'m> {
    pub entry: &'m Entry,
    pub watches: &'m [Watch],
    pub places: &'m [Place],
}

impl<'m> Told<'m> {
    fn spot(&self, watch: &Watch) -> &'m Spot {
        &self.places[watch.place].spot
    }

    /// The nodes where it is looked for.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &'m NodeName> + use<'m> {
        let places = self.places;
        self.watches.iter().map(move |watch| &places[watch.place].spot.node)
    }

    /// All its places.
    pub(super) fn everywhere(&self) -> String {
        let mut names: Vec<String> =
            self.watches.iter().take(NAMED).map(|watch| self.spot(watch).to_string()).collect();
        let more = self.watches.len().saturating_sub(NAMED);
        if more > 0 {
            names.push(format!("{more} more"));
        }
        let last = names.pop().unwrap_or_default();
        if names.is_empty() { last } else { format!("{} and {last}", names.join(", ")) }
    }

    /// The packets that are meant, at these places.
    pub(super) fn what(&self, places: &str) -> String {
        let packets = &self.entry.pattern.packets;
        let way = match packets.direction {
            Some(Way::In) => "into",
            Some(Way::Out) => "out of",
            None => "at",
        };
        format!("{} {way} {places}", in_words(packets))
    }

    /// Those at one of its places.
    pub(super) fn what_at(&self, watch: &Watch) -> String {
        self.what(&self.spot(watch).to_string())
    }

    /// What is expected.
    pub(super) fn expected(&self) -> String {
        match self.entry.wanted {
            Wanted::Unseen => format!("no {}", self.what(&self.everywhere())),
            Wanted::Seen { count, answers } => {
                let an_answer = if answers { ", each an answer" } else { "" };
                format!("{}{}{an_answer}", count_in_words(count), self.what(&self.each()))
            }
        }
    }

    fn each(&self) -> String {
        match self.watches.len() {
            1 => self.everywhere(),
            _ => format!("each of {}", self.everywhere()),
        }
    }

    /// What was seen.
    pub(super) fn seen(&self) -> String {
        let Some(first) = self.watches.first() else { return String::new() };
        let same = |watch: &Watch| (watch.count, watch.strays) == (first.count, 0);
        if self.watches.iter().all(same) {
            return match first.count {
                0 => format!("no {}", self.what(&self.everywhere())),
                _ => self.seen_of(first, &self.each()),
            };
        }
        let unseen = self.entry.wanted == Wanted::Unseen;
        let worth = |watch: &&Watch| !unseen || watch.count > 0;
        let told = self.watches.iter().filter(worth);
        let mut words: Vec<String> = told
            .clone()
            .take(NAMED)
            .map(|watch| self.seen_of(watch, &self.spot(watch).to_string()))
            .collect();
        if let more @ 1.. = told.count().saturating_sub(NAMED) {
            words.push(format!("and so on at {more} more"));
        }
        words.join("; ")
    }

    fn seen_of(&self, watch: &Watch, places: &str) -> String {
        let what = self.what(places);
        let mut seen = match watch.count {
            0 => format!("no {what}"),
            count => format!("{count} × {what}"),
        };
        if self.entry.wants_answers() && watch.count > 0 {
            seen += &match (watch.strays, watch.count) {
                (0, 1) => ", an answer".to_owned(),
                (0, _) => ", each an answer".to_owned(),
                (1, _) => ", of which 1 answers nothing that was seen there".to_owned(),
                (strays, _) => format!(", of which {strays} answer nothing that was seen there"),
            };
            if watch.strays > 0 && watch.asked.forgotten {
                seen += " (but not all that was asked is remembered)";
            }
        }
        seen
    }

    /// Those at a place that should not be there.
    pub(super) fn offenders(&self, watch: &Watch) -> Option<String> {
        let head = format!("{}:", self.what_at(watch));
        (watch.count > 0).then(|| listed(&head, &watch.lines, watch.count))
    }
}

impl Place {
    /// What was seen there.
    pub(super) fn in_words(&self) -> String {
        match self.frames {
            0 => format!("seen at {}: nothing", self.spot),
            frames => listed(&format!("seen at {}:", self.spot), &self.lines, frames),
        }
    }
}

/// Lines under a head, and how many more there were.
fn listed(head: &str, lines: &[String], count: u64) -> String {
    let mut text = head.to_owned();
    for line in lines {
        text += &format!("\n  {line}");
    }
    match count.saturating_sub(lines.len() as u64) {
        0 => {}
        more => text += &format!("\n  … and {more} more"),
    }
    text
}

fn count_in_words(count: Count) -> String {
    match (count.least, count.most) {
        (1, None) => String::new(),
        (least, None) => format!("at least {least} × "),
        (least, Some(most)) if least == most => format!("{most} × "),
        (0, Some(most)) => format!("at most {most} × "),
        (least, Some(most)) => format!("{least} to {most} × "),
    }
}

/// Which packets are meant, without where.
fn in_words(packets: &Packets) -> String {
    let mut words = match packets.kind {
        PacketKind::Any => "packet".to_owned(),
        kind => kind.to_string(),
    };
    let mut say = |word: &str, value: Option<String>| {
        if let Some(value) = value {
            words += &format!(" {word} {value}");
        }
    };
    say("from", packets.from.as_ref().map(ToString::to_string));
    say("from port", packets.from_port.map(|port| port.to_string()));
    say("to", packets.to.as_ref().map(ToString::to_string));
    say("to port", packets.to_port.map(|port| port.to_string()));
    say("with port", packets.port.map(|port| port.to_string()));
    say("from MAC", packets.from_mac.as_ref().map(ToString::to_string));
    say("to MAC", packets.to_mac.as_ref().map(ToString::to_string));
    say("with TTL", packets.ttl.map(|ttl| ttl.to_string()));
    say("of VLAN", packets.vlan.map(|vlan| vlan.to_string()));
    words
}
