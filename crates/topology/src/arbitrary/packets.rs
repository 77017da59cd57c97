//! What steps expect of packets: possible, though hardly ever so.

use std::time::Duration;

use ipnet::IpNet;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::pick;
use crate::model::*;

#[derive(Debug, Clone)]
pub(super) struct PacketsRecipe {
    entries: Vec<EntryRecipe>,
    in_order: bool,
    within: Option<u16>,
}

#[derive(Debug, Clone)]
struct EntryRecipe {
    unseen: bool,
    kind: u8,
    at: Vec<u8>,
    sides: [Option<u8>; 4],
    ports: [Option<u16>; 2],
    numbers: [Option<u8>; 3],
    switches: [bool; 3],
}

pub(super) fn recipe() -> impl Strategy<Value = PacketsRecipe> {
    (vec(entry(), 0..=4), any::<bool>(), of(1u16..))
        .prop_map(|(entries, in_order, within)| PacketsRecipe { entries, in_order, within })
}

fn entry() -> impl Strategy<Value = EntryRecipe> {
    (
        any::<bool>(),
        any::<u8>(),
        vec(any::<u8>(), 1..=3),
        any::<[Option<u8>; 4]>(),
        [of(1u16..), of(1u16..)],
        any::<[Option<u8>; 3]>(),
        any::<[bool; 3]>(),
    )
        .prop_map(|(unseen, kind, at, sides, ports, numbers, switches)| EntryRecipe {
            unseen,
            kind,
            at,
            sides,
            ports,
            numbers,
            switches,
        })
}

impl PacketsRecipe {
    pub(super) fn cook(&self, lab: &Topology) -> PacketExpect {
        let mut expect = PacketExpect::default();
        for wanted in &self.entries {
            let packets = wanted.packets(lab);
            if !wanted.unseen {
                let answers = wanted.switches[0] && packets.kind.can_answer();
                expect.seen.push(Seen { packets, count: wanted.count(), answers });
            } else if !expect.seen.iter().any(|seen| packets.cover(&seen.packets)) {
                expect.unseen.push(packets);
            }
        }
        for index in 0..expect.seen.len() {
            let seen = &expect.seen[index].packets;
            expect.unseen.retain(|unseen| !unseen.cover(seen));
        }
        expect.in_order = self.in_order && expect.seen.len() > 1;
        if let Some(within) = self.within.filter(|_| !expect.seen.is_empty()) {
            expect.within = Span(Duration::from_millis(within.into()));
        }
        expect
    }
}

impl EntryRecipe {
    fn count(&self) -> Count {
        let [_, least, more] = self.numbers.map(|number| number.map(u32::from));
        match (least, more) {
            (None, None) => Count::SOME,
            (Some(least), None) => Count { least: least.max(1), most: None },
            (None, Some(most)) => Count { least: 0, most: Some(most.max(1)) },
            (Some(least), Some(more)) => Count { least, most: Some((least + more).max(1)) },
        }
    }

    fn packets(&self, lab: &Topology) -> Packets {
        let kind = *pick(PacketKind::ALL, self.kind).expect("there are kinds");
        let ends = || lab.links.iter().flat_map(|link| [&link.a.place, &link.b.place]);
        let places: Vec<&Place> = ends().collect();
        let mut at: Vec<Spot> = Vec::new();
        for &which in &self.at {
            let node = || pick(&lab.nodes, which).expect("a lab has a node").name.clone();
            let spot = match pick(&places, which).filter(|_| which % 4 != 0) {
                Some(place) => spot(place),
                None => Spot { node: node(), interface: None },
            };
            if !at.contains(&spot) {
                at.push(spot);
            }
        }
        let mut packets = Packets::of_kind(kind, at);
        let [from, to, from_mac, to_mac] = self.sides;
        let family = kind.family().unwrap_or(Family::Ipv4);
        packets.from = from.and_then(|which| whose(lab, which, family));
        packets.to = to.and_then(|which| whose(lab, which, family));
        let mac = |which: u8| match pick(&places, which).filter(|_| !which.is_multiple_of(3)) {
            Some(place) => WhoseMac::Place((*place).clone()),
            None => WhoseMac::Mac([0x02, 0, 0, 9, 9, which]),
        };
        packets.from_mac = from_mac.map(mac);
        packets.to_mac = to_mac.map(|which| match which {
            0..64 => WhoseMac::Mac([0xff; 6]),
            which => mac(which),
        });
        if kind.has_ports() {
            let [first, second] = self.ports;
            (packets.from_port, packets.to_port) = (first, second);
            packets.port = first.filter(|_| self.switches[1]);
        }
        packets.ttl = self.numbers[0].filter(|_| !PacketKind::Arp.covers(kind));
        packets.vlan = self.numbers[1].filter(|_| self.switches[2]).map(u16::from);
        packets.direction = match self.kind % 3 {
            0 => Some(Way::In),
            1 => Some(Way::Out),
            _ => None,
        };
        packets
    }
}

fn spot(place: &Place) -> Spot {
    Spot { node: place.node.clone(), interface: Some(place.interface.clone()) }
}

/// Something that has an address of the family, an address, or a prefix.
fn whose(lab: &Topology, which: u8, family: Family) -> Option<Whose> {
    let nets: Vec<(&Place, &IpNet)> = lab
        .interfaces()
        .flat_map(|interface| interface.addresses.iter().map(|net| (&interface.place, net)))
        .filter(|(_, net)| Family::of_net(net) == family)
        .collect();
    let (place, net) = *pick(&nets, which)?;
    Some(match which % 4 {
        0 => Whose::Net(net.trunc()),
        1 => Whose::Net(IpNet::from(net.addr())),
        // Where the kind has no family, the first address may be of the other one.
        2 if lab.address_of(&spot(place), None).is_some_and(|a| Family::of(a) == family) => {
            Whose::Spot(spot(place))
        }
        _ => Whose::Net(IpNet::from(net.addr())),
    })
}
