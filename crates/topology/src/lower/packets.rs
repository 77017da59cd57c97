//! Packets that are expected to be seen, or not.

use std::ops::Range;

use crate::diagnostic::{Collector, Diagnostic};
use crate::file::{At, ExpectKeys, Field, List, PacketKeys, each, whole};
use crate::model::{Count, PacketExpect, Packets, Seen};

/// The keys of an expectation that every step can have.
pub(super) const KEYS: [&str; 4] = ["seen", "unseen", "in_order", "within"];

/// Where the words of what is expected of packets are.
#[derive(Default)]
pub(crate) struct PacketMarks<'k> {
    /// Of each entry of `seen`.
    pub seen: Vec<PacketMark<'k>>,
    /// Of each entry of `unseen`.
    pub unseen: Vec<PacketMark<'k>>,
}

/// Where the words of one entry are.
pub(crate) struct PacketMark<'k> {
    /// The whole of it.
    pub at: Range<usize>,
    pub keys: &'k PacketKeys,
    /// Where it is said that each answers another packet.
    pub answers: Option<Range<usize>>,
}

pub(super) fn packets<'k>(
    keys: &'k ExpectKeys,
    to: &mut Collector<'_>,
) -> (PacketExpect, PacketMarks<'k>) {
    let mut expect = PacketExpect {
        in_order: keys.in_order.value().unwrap_or(false),
        within: keys.within.value().unwrap_or(PacketExpect::WITHIN),
        ..PacketExpect::default()
    };
    let mut marks = PacketMarks::default();
    for At { value: entry, span } in each(&keys.seen) {
        let bad = entry.count.is_bad() || entry.answers.is_bad();
        if let Some(packets) = lower(&entry.packet, span, to).filter(|_| !bad) {
            let answers = entry.answers.value().unwrap_or(false);
            let count = entry.count.value().unwrap_or(Count::SOME);
            expect.seen.push(Seen { packets, count, answers });
            let answers = entry.answers.key().filter(|_| answers);
            marks.seen.push(PacketMark { at: span.clone(), keys: &entry.packet, answers });
        }
    }
    for At { value: entry, span } in each(&keys.unseen) {
        if let Some(packets) = lower(&entry.packet, span, to) {
            expect.unseen.push(packets);
            let mark = PacketMark { at: span.clone(), keys: &entry.packet, answers: None };
            marks.unseen.push(mark);
        }
    }
    not_too_many(&keys.seen, to);
    not_too_many(&keys.unseen, to);
    if says_none(&keys.seen)
        && let Some(place) = keys.seen.key()
    {
        let title = "`seen` names no packet";
        let help = "what is not to be seen stands in `unseen`: \
                    `unseen = [{ at = \"node\", packet = \"any\" }]`";
        to.push(Diagnostic::new(place, title).help(help));
    }
    if says_none(&keys.unseen)
        && let Some(place) = keys.unseen.key()
    {
        to.push(Diagnostic::new(place, "`unseen` names no packet").help("leave it out"));
    }
    let count = each(&keys.seen).len();
    if let Some(place) = keys.in_order.key().filter(|_| expect.in_order && count < 2)
        && whole(&keys.seen)
    {
        let title = "only several packets can be seen in an order";
        let help = "list them in `seen`, in the order in which they are to be seen";
        to.push(Diagnostic::new(place, title).help(help));
    }
    if let Some(place) = keys.within.key().filter(|_| matches!(keys.seen, Field::Absent)) {
        let title = "nothing is waited for: no packet is to be seen";
        let help = "`within` says how long is waited for what stands in `seen`";
        to.push(Diagnostic::new(place, title).help(help));
    }
    (expect, marks)
}

fn says_none<T>(list: &Field<List<T>>) -> bool {
    list.get().is_some_and(|list| list.value.items.is_empty() && list.value.whole)
}

fn not_too_many<T>(list: &Field<List<T>>, to: &mut Collector<'_>) {
    let items = each(list);
    if let Some(extra) = items.get(PacketExpect::MOST) {
        let (count, most) = (items.len(), PacketExpect::MOST);
        let title = format!("{count} packets are listed; at most {most} can be");
        let help = "list the places of packets that are alike in one `at`, or write several steps";
        to.push(Diagnostic::new(extra.span.clone(), title).label("one too many").help(help));
    }
}

/// The packets that an entry means, if all of it could be made out.
fn lower(keys: &PacketKeys, span: &Range<usize>, to: &mut Collector<'_>) -> Option<Packets> {
    let at: Vec<_> = each(&keys.at).iter().map(|spot| spot.value.clone()).collect();
    if at.is_empty() && keys.at.get().is_some_and(|list| list.value.whole) {
        let place = keys.at.key().unwrap_or_else(|| span.clone());
        let title = "a packet is seen somewhere";
        to.push(Diagnostic::new(place, title).label("nowhere").help("name a node or device"));
        return None;
    }
    let packets = Packets {
        at,
        kind: keys.packet.value()?,
        from: keys.from.value(),
        to: keys.to.value(),
        from_mac: keys.from_mac.value(),
        to_mac: keys.to_mac.value(),
        port: keys.port.value().map(|port| port.0 as u16),
        from_port: keys.from_port.value().map(|port| port.0 as u16),
        to_port: keys.to_port.value().map(|port| port.0 as u16),
        ttl: keys.ttl.value().map(|ttl| ttl.0 as u8),
        vlan: keys.vlan.value().map(|vlan| vlan.0 as u16),
        direction: keys.direction.value(),
    };
    let ports = [&keys.port, &keys.from_port, &keys.to_port];
    let bad = !whole(&keys.at)
        || keys.from.is_bad()
        || keys.to.is_bad()
        || keys.from_mac.is_bad()
        || keys.to_mac.is_bad()
        || ports.into_iter().any(Field::is_bad)
        || keys.ttl.is_bad()
        || keys.vlan.is_bad()
        || keys.direction.is_bad();
    (!bad).then_some(packets)
}
