//! Whether one sighting shows what another showed, further on its way; and how sure that is.

use serde::Serialize;

use super::identity::Facts;
use super::translations::{Flow, Translations};
use super::wiring::Ways;

/// How a packet came from one sighting to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// It was seen here first.
    First,
    /// By a cable: out of one end, in at the other.
    Cable,
    /// Within a bridge, between its ports and itself.
    Bridged,
    /// Between a device and one on top of it: VLAN, macvlan.
    Stacked,
    /// By the routing of a node: in at one device, out of another (or the same).
    Routed,
    /// Into an outer packet.
    Encapsulated,
    /// Out of an outer packet.
    Decapsulated,
    /// By devices that were not captured.
    Unseen,
}

/// How much of the content is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// All of it.
    Same,
    /// The one is a fragment of the other.
    Fragment,
    /// The other is a fragment of the one.
    Reassembled,
    /// The one is a part of the other's TCP segment.
    Segment,
    /// The other's TCP segment is the first part of the one's.
    Merged,
}

/// That one sighting can be what another was before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Likeness {
    pub(super) how: How,
    pub(super) content: Content,
    /// How much had to be assumed for it.
    pub(super) cost: u32,
}

/// What a packet that was routed is assumed to be more willingly than one that was bridged.
const ROUTED: u32 = 4;
/// A time to live that did not fall by one.
const ODD_TTL: u32 = 4;
/// One part of a flow that a NAT has changed.
const TRANSLATED: u32 = 2;
/// A flow that until now came out as another.
const CONTRADICTION: u32 = 12;
/// Devices in between that nobody watched.
const UNSEEN: u32 = 24;
/// A part instead of the whole.
const PART: u32 = 8;

/// Whether `child`, seen in a node, can be what `parent` was before, by one of these ways.
pub(super) fn likeness(
    parent: &Facts,
    child: &Facts,
    ways: Ways,
    node: u32,
    translations: &Translations,
) -> Option<Likeness> {
    let by_content = content(parent, child).and_then(|content| {
        let (how, cost) = way(parent, child, ways, node, translations)?;
        let part = if content == Content::Same { 0 } else { PART };
        Some(Likeness { how, content, cost: cost + part })
    });
    let likeness = by_content.or_else(|| tunnel(parent, child, ways, node, translations))?;
    Some(Likeness { cost: likeness.cost + ways.doubt, ..likeness })
}

fn way(
    parent: &Facts,
    child: &Facts,
    ways: Ways,
    node: u32,
    translations: &Translations,
) -> Option<(How, u32)> {
    let retagged = u32::from(parent.vlans != child.vlans);
    if is_same_frame(parent, child) {
        if ways.wire && retagged == 0 {
            return Some((How::Cable, 0));
        }
        if ways.bridge {
            return Some((How::Bridged, retagged));
        }
        if ways.stack {
            return Some((How::Stacked, retagged));
        }
    } else if ways.stack && is_same_packet(parent, child) {
        // An ipvlan has its parent's address, and its own frames don't bear it on each side.
        return Some((How::Stacked, retagged + 1));
    }
    if ways.route
        && let Some(cost) = routed(parent, child, node, translations)
    {
        return Some((How::Routed, cost));
    }
    let nearer = parent.flow.is_some() && child.ttl < parent.ttl;
    (ways.gap && nearer && !is_answer(parent, child))
        .then(|| (How::Unseen, UNSEEN + TRANSLATED * differences(parent, child)))
}

fn tunnel(
    parent: &Facts,
    child: &Facts,
    ways: Ways,
    node: u32,
    translations: &Translations,
) -> Option<Likeness> {
    if !ways.tunnel {
        return None;
    }
    let cost = |from: &Facts, to: &Facts| {
        if content(from, to) != Some(Content::Same) {
            return None;
        }
        if is_same_frame(from, to) || is_same_packet(from, to) {
            return Some(1);
        }
        Some(1 + routed(from, to, node, translations)?)
    };
    let into = child.inner.as_ref().and_then(|inner| cost(parent, &inner.facts));
    if let Some(cost) = into {
        return Some(Likeness { how: How::Encapsulated, content: Content::Same, cost });
    }
    let out = parent.inner.as_ref().and_then(|inner| cost(&inner.facts, child));
    out.map(|cost| Likeness { how: How::Decapsulated, content: Content::Same, cost })
}

/// What the content of one packet is to that of another.
fn content(parent: &Facts, child: &Facts) -> Option<Content> {
    let same_whole = match (parent.whole, child.whole) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    };
    if parent.core == child.core && same_whole {
        return Some(Content::Same);
    }
    fragment(parent, child).or_else(|| segment(parent, child))
}

/// By the identification of an IPv4 packet, which all of its fragments share (RFC 791).
fn fragment(parent: &Facts, child: &Facts) -> Option<Content> {
    if parent.piece.is_none() && child.piece.is_none() || parent.datagram? != child.datagram? {
        return None;
    }
    let range = |facts: &Facts| {
        let start = facts.piece.map_or(0, |piece| piece.offset);
        start..start.saturating_add(facts.length)
    };
    let (before, after) = (range(parent), range(child));
    let within = |part: &std::ops::Range<u32>, whole: &std::ops::Range<u32>| {
        whole.start <= part.start && part.end <= whole.end && part.len() < whole.len()
    };
    if within(&after, &before) {
        Some(Content::Fragment)
    } else if within(&before, &after) && before.start == after.start {
        Some(Content::Reassembled)
    } else {
        None
    }
}

/// By sequence numbers (RFC 9293): each part of a segment has what the segment has, but for its range
/// of them.
fn segment(parent: &Facts, child: &Facts) -> Option<Content> {
    let (before, after) = (parent.stream?, child.stream?);
    if before.digest != after.digest || before.length == after.length {
        return None;
    }
    let offset = after.sequence.wrapping_sub(before.sequence);
    if after.length < before.length {
        let inside = offset.checked_add(after.length).is_some_and(|end| end <= before.length);
        inside.then_some(Content::Segment)
    } else {
        (offset == 0).then_some(Content::Merged)
    }
}

/// Not a bit is different that a bridge leaves alone.
fn is_same_frame(parent: &Facts, child: &Facts) -> bool {
    parent.macs == child.macs && is_same_packet(parent, child)
}

fn is_same_packet(parent: &Facts, child: &Facts) -> bool {
    differences(parent, child) == 0 && parent.ttl == child.ttl
}

/// In how many parts the flows differ.
fn differences(parent: &Facts, child: &Facts) -> u32 {
    match flows(parent, child) {
        (Some(before), Some(after)) => before.differences(&after),
        (None, None) => 0,
        _ => 4,
    }
}

/// The flows of both, without ports if one of them is a fragment that has none.
fn flows(parent: &Facts, child: &Facts) -> (Option<Flow>, Option<Flow>) {
    if parent.is_later_piece() || child.is_later_piece() {
        let bare = |flow: Flow| Flow { ports: (0, 0), ..flow };
        return (parent.flow.map(bare), child.flow.map(bare));
    }
    (parent.flow, child.flow)
}

/// Whether it comes from where the other went to: an echo server's answer may be the same in all else.
fn is_answer(parent: &Facts, child: &Facts) -> bool {
    let (Some(before), Some(after)) = flows(parent, child) else { return false };
    before != after && (before.destination, before.ports.1) == (after.source, after.ports.0)
}

/// What has to be assumed for `child` to be `parent` after a node has routed it.
///
/// A packet that is not only like another but has changed its flow must have been forwarded, and so
/// have lost one from its time to live: a program that takes a packet's content and sends it on
/// begins with a new one.
fn routed(parent: &Facts, child: &Facts, node: u32, translations: &Translations) -> Option<u32> {
    let (before, after) = match flows(parent, child) {
        (Some(before), Some(after)) => (before, after),
        _ => return None,
    };
    let fell = parent.ttl.checked_sub(1) == Some(child.ttl);
    if before == after {
        let known = translations.of(node, before).is_none_or(|known| known == before);
        let odd = if fell { 0 } else { ODD_TTL };
        return Some(ROUTED + odd + if known { 0 } else { TRANSLATED });
    }
    if !fell || before.protocol != after.protocol || is_answer(parent, child) {
        return None;
    }
    let assumed = match translations.of(node, before) {
        Some(known) if known == after => 0,
        Some(_) => CONTRADICTION,
        None => TRANSLATED * before.differences(&after),
    };
    Some(ROUTED + assumed)
}
