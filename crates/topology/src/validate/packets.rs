//! Packets that are expected to be seen: what is named must be there before the step or after it,
//! and what is said of a packet must be possible.

use std::collections::HashMap;
use std::ops::Range;

use super::nodes::not_zero;
use super::probes::{declared_address, first_address};
use super::state::Kind;
use super::steps::check_spot;
use super::world::World;
use crate::diagnostic::{Collector, Diagnostic};
use crate::file::{At, Field, PacketKeys, each, is_of_nobody};
use crate::lower::{PacketMark, StepMarks};
use crate::model::{Family, PacketExpect, PacketKind, Packets, Place, Spot, Way, Whose, WhoseMac};

/// What of that which an entry names is there.
struct Known {
    /// Of each place.
    at: Vec<bool>,
    /// Whether the sides have an address.
    addresses: [bool; 2],
    /// Whether the interfaces whose MACs are meant are there.
    macs: [bool; 2],
}

/// What is there before a step is done.
pub(super) struct Before(Vec<Known>);

/// Looks for what is named before the step is done, which may take it away.
pub(super) fn before(expect: &PacketExpect, world: &World) -> Before {
    let known = |packets: &Packets| Known {
        at: packets.at.iter().map(|spot| world.has_spot(spot)).collect(),
        addresses: sides(packets).map(|whose| match whose {
            Some(Whose::Spot(spot)) => {
                world.has_spot(spot) && first_address(spot, family(packets), world).is_some()
            }
            _ => true,
        }),
        macs: [&packets.from_mac, &packets.to_mac].map(|whose| match whose {
            Some(WhoseMac::Place(place)) => world.has_spot(&spot_of(place)),
            _ => true,
        }),
    };
    Before(all(expect).map(known).collect())
}

fn all(expect: &PacketExpect) -> impl Iterator<Item = &Packets> {
    expect.seen.iter().map(|seen| &seen.packets).chain(&expect.unseen)
}

fn sides(packets: &Packets) -> [Option<&Whose>; 2] {
    [packets.from.as_ref(), packets.to.as_ref()]
}

fn spot_of(place: &Place) -> Spot {
    Spot { node: place.node.clone(), interface: Some(place.interface.clone()) }
}

/// The family that the addresses of these packets have, as far as it is said.
fn family(packets: &Packets) -> Option<Family> {
    let said = sides(packets).into_iter().flatten().find_map(|whose| match whose {
        Whose::Net(net) => Some(Family::of_net(net)),
        Whose::Spot(_) => None,
    });
    packets.kind.family().or(said)
}

/// Checks what is expected of packets, when the step has been done in thought.
pub(super) fn check(
    expect: &PacketExpect,
    marks: &StepMarks<'_>,
    before: &Before,
    world: &World,
    to: &mut Collector<'_>,
) {
    let entries = marks.packets.seen.iter().chain(&marks.packets.unseen);
    for ((packets, mark), known) in all(expect).zip(entries).zip(&before.0) {
        named(packets, mark, known, world, to);
        possible(packets, mark, world, to);
    }
    if let Some(within) = marks.expect.keys.and_then(|keys| keys.within.get()) {
        not_zero(within, "within", to);
    }
    contradictions(expect, marks, to);
}

/// Reports what is neither there before the step nor after it.
fn named(
    packets: &Packets,
    mark: &PacketMark<'_>,
    known: &Known,
    world: &World,
    to: &mut Collector<'_>,
) {
    let keys = mark.keys;
    for ((spot, at), known) in packets.at.iter().zip(each(&keys.at)).zip(&known.at) {
        if !known {
            check_spot(spot, &at.span, world, to);
        }
    }
    for (field, known) in [&keys.from, &keys.to].into_iter().zip(known.addresses) {
        if let Some(At { value: Whose::Spot(spot), span }) = field.get()
            && !known
            && check_spot(spot, span, world, to)
        {
            declared_address(spot, family(packets), span, world, to);
        }
    }
    for (field, known) in [&keys.from_mac, &keys.to_mac].into_iter().zip(known.macs) {
        if let Some(At { value: WhoseMac::Place(place), span }) = field.get() {
            if !known {
                world.has_interface(place, span, to);
            }
            if kind_at(&spot_of(place), world) == Some(Kind::Tun) {
                let title = format!("`{place}` has no MAC address: it is a TUN");
                to.push(Diagnostic::new(span.clone(), title));
            }
        }
    }
}

/// Reports what no packet can be.
fn possible(packets: &Packets, mark: &PacketMark<'_>, world: &World, to: &mut Collector<'_>) {
    let PacketMark { keys, answers, .. } = mark;
    let kind = packets.kind;
    let ports = [("port", &keys.port), ("from_port", &keys.from_port), ("to_port", &keys.to_port)];
    for (name, place) in ports.iter().filter_map(|(name, field)| Some((name, field.key()?))) {
        if !kind.has_ports() {
            let title = format!("`{name}` belongs to tcp or udp, not to `{kind}`");
            to.push(
                Diagnostic::new(place, title).help("leave it out, or write \"tcp\" or \"udp\""),
            );
        }
    }
    if let (Some(port), Some(from), Some(towards)) =
        (packets.port, packets.from_port, packets.to_port)
        && port != from
        && port != towards
        && let Some(at) = keys.port.get()
    {
        let title = format!("the port is {port}, but neither of the two is");
        to.push(Diagnostic::new(at.span.clone(), title).help("leave out `port`"));
    }
    if let Some(place) = keys.ttl.key().filter(|_| PacketKind::Arp.covers(kind)) {
        to.push(Diagnostic::new(place, format!("`{kind}` has no TTL")).help("leave it out"));
    }
    if let Some(place) = answers
        && !kind.can_answer()
    {
        let answers = PacketKind::ALL.iter().filter(|kind| kind.can_answer());
        let answers: Vec<&str> = answers.map(|kind| kind.as_str()).collect();
        let title = format!("`{kind}` answers nothing, as far as can be told");
        let help = format!("these can be answers: {}", crate::file::list_of(&answers));
        to.push(Diagnostic::new(place.clone(), title).help(help));
    }
    families(packets, keys, to);
    if let Some(At { value: WhoseMac::Mac(mac), span }) = keys.from_mac.get()
        && is_of_nobody(*mac)
    {
        let title = format!("`{}` is the address of a group", WhoseMac::Mac(*mac));
        to.push(Diagnostic::new(span.clone(), title).label("no frame comes from a group"));
    }
    places(packets, keys, world, to);
}

/// The addresses must be of the family that the kind has, and of one.
fn families(packets: &Packets, keys: &PacketKeys, to: &mut Collector<'_>) {
    let nets = [&keys.from, &keys.to].map(|field| match field.get() {
        Some(At { value: Whose::Net(net), span }) => Some((Family::of_net(net), net, span)),
        _ => None,
    });
    let kind = packets.kind;
    if let Some(family) = kind.family() {
        for (of, net, span) in nets.into_iter().flatten().filter(|(of, ..)| *of != family) {
            let address = Whose::Net(*net);
            let title = format!("`{address}` is of {of}, `{kind}` of {family}");
            let help = other_family(kind).map(|other| format!("of {of} it is `{other}`"));
            to.push(Diagnostic::new(span.clone(), title).maybe_help(help));
        }
    } else if let [Some((from, _, first)), Some((towards, _, span))] = nets
        && from != towards
    {
        let title = format!("the source is of {from}, the destination of {towards}");
        to.push(Diagnostic::new(span.clone(), title).also(first.clone(), from.to_string()));
    }
}

/// What a kind of packet corresponds to in the other family.
fn other_family(kind: PacketKind) -> Option<PacketKind> {
    let words = kind.as_str();
    let other = match kind {
        PacketKind::Ip => return Some(PacketKind::Ip6),
        PacketKind::Ip6 => return Some(PacketKind::Ip),
        PacketKind::Arp => return Some(PacketKind::Icmp6),
        PacketKind::ArpRequest => return Some(PacketKind::Icmp6NeighborSolicitation),
        PacketKind::ArpReply => return Some(PacketKind::Icmp6NeighborAdvertisement),
        _ if words.starts_with("icmp6") => words.replacen("icmp6", "icmp", 1),
        _ => words.replacen("icmp", "icmp6", 1),
    };
    other.parse().ok().filter(|other| *other != kind)
}

/// What kind of device is there, where one is named.
fn kind_at(spot: &Spot, world: &World) -> Option<Kind> {
    let state = world.nodes.get(&spot.node)?;
    Some(state.interfaces.get(spot.interface.as_ref()?)?.kind)
}

/// What some devices never have.
fn places(packets: &Packets, keys: &PacketKeys, world: &World, to: &mut Collector<'_>) {
    let kinds: Vec<_> = packets.at.iter().map(|spot| kind_at(spot, world)).collect();
    if let Some(At { span, .. }) = keys.direction.get()
        && packets.direction == Some(Way::Out)
        && kinds.contains(&Some(Kind::Loopback))
    {
        let title = "what goes out of `lo` is seen once: as it comes in";
        to.push(Diagnostic::new(span.clone(), title).help("write \"in\""));
    }
    if !kinds.iter().all(|kind| *kind == Some(Kind::Tun)) {
        return;
    }
    let arp = PacketKind::Arp.covers(packets.kind).then(|| keys.packet.key()).flatten();
    let said: [(&str, Option<Range<usize>>); 4] = [
        ("an ARP packet", arp),
        ("a MAC address", key(&keys.from_mac)),
        ("a MAC address", key(&keys.to_mac)),
        ("a VLAN tag", key(&keys.vlan)),
    ];
    for (what, place) in said.into_iter().filter_map(|(what, place)| Some((what, place?))) {
        let title = format!("{what} is never seen there: the device is a TUN");
        to.push(Diagnostic::new(place, title).label("it has no Ethernet header"));
    }
}

fn key<T>(field: &Field<T>) -> Option<Range<usize>> {
    field.key()
}

/// Reports what is to be seen and not to be seen.
fn contradictions(expect: &PacketExpect, marks: &StepMarks<'_>, to: &mut Collector<'_>) {
    // Which entries of `unseen` are about a node or device, as bits: in linear time, however long
    // the lists of places are.
    let mut about: HashMap<&Spot, u128> = HashMap::new();
    for (bit, packets) in expect.unseen.iter().take(PacketExpect::MOST).enumerate() {
        for spot in &packets.at {
            *about.entry(spot).or_default() |= 1 << bit;
        }
    }
    if about.is_empty() {
        return;
    }
    let seen = expect.seen.iter().zip(&marks.packets.seen).take(PacketExpect::MOST);
    for (seen, mark) in seen.filter(|(seen, _)| seen.count.least > 0) {
        let mut bits = 0;
        for spot in &seen.packets.at {
            let node = Spot { node: spot.node.clone(), interface: None };
            bits |= about.get(spot).unwrap_or(&0) | about.get(&node).unwrap_or(&0);
        }
        let unseen = expect.unseen.iter().zip(&marks.packets.unseen).take(PacketExpect::MOST);
        let wrong = unseen
            .enumerate()
            .filter(|(bit, _)| bits & (1 << bit) != 0)
            .find(|(_, (unseen, _))| unseen.cover(&seen.packets));
        if let Some((_, (_, unseen))) = wrong {
            let title = "the same packet is to be seen and not to be seen";
            to.push(
                Diagnostic::new(unseen.at.clone(), title)
                    .label("not to be seen")
                    .also(mark.at.clone(), "to be seen"),
            );
        }
    }
}
