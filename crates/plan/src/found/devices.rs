//! Devices: which of them are links, TAPs and bridges, and what each is like.

use std::collections::HashMap;

use ipnet::IpNet;
use twinax_topology::{
    Bridge, IfName, Interface, Link, Mac, NodeName, Place, PortAttributes, Span, Spot, Tap, TapMode,
};

use super::{Beyond, Known, Purpose};
use crate::defaults::{MTU, OLD_TAP_COST, PORT, same_bridge};
use crate::difference::addresses;
use crate::observed::{Observed, ObservedAddress, ObservedLink, ObservedNode};

/// The devices of a running lab that a lab file can say.
pub(super) struct Devices<'a> {
    /// The bridges of each node.
    pub(super) bridges: HashMap<NodeName, Vec<Bridge>>,
    /// Devices that no lab file can say.
    pub(super) strangers: Vec<Place>,
    /// Ends of links and TAPs, in the order in which they were seen.
    order: Vec<Place>,
    joining: HashMap<Place, (Interface, Joined)>,
    old: HashMap<&'a Place, &'a Interface>,
    purpose: Purpose,
}

/// What an interface joins its node to.
enum Joined {
    End(Place),
    Tap(TapMode),
}

impl<'a> Devices<'a> {
    pub(super) fn find(observed: &Observed, known: &Known<'a>, beyond: &mut Vec<Beyond>) -> Self {
        let old = known.lab.into_iter().flat_map(|lab| lab.interfaces());
        let mut devices = Self {
            bridges: HashMap::new(),
            strangers: Vec::new(),
            order: Vec::new(),
            joining: HashMap::new(),
            old: old.map(|own| (&own.place, own)).collect(),
            purpose: known.purpose,
        };
        for (name, node) in &observed.nodes {
            for link in &node.links {
                devices.take(name, node, link, known, beyond);
            }
        }
        devices.part_from_strangers(beyond);
        devices
    }

    fn take(
        &mut self,
        name: &NodeName,
        node: &ObservedNode,
        link: &ObservedLink,
        known: &Known<'a>,
        beyond: &mut Vec<Beyond>,
    ) {
        let interface = link.name.parse::<IfName>().ok();
        let at = Spot { node: name.clone(), interface: interface.clone() };
        let mut tell = |what: String| beyond.push(Beyond { at: at.clone(), what });
        if link.is_native() {
            for own in link.addresses.iter().filter(|own| !is_native_address(own)) {
                tell(format!("address {}", own.address));
            }
            return;
        }
        let Some(interface) = interface else {
            return tell(format!("device `{}`: no name for a lab file", link.name));
        };
        let place = Place { node: name.clone(), interface };
        let joined = match (link.kind.as_str(), node.peer(name, link)) {
            ("bridge", _) => None,
            ("veth", Some(peer)) => Some(Joined::End(peer)),
            ("veth", None) => {
                self.strangers.push(place);
                return tell("veth whose other end is in no node of the lab".to_owned());
            }
            ("tun", _) => Some(Joined::Tap(match link.tap.as_deref() {
                Some("tun") => TapMode::Tun,
                _ => TapMode::Tap,
            })),
            (kind, _) => {
                self.strangers.push(place);
                return tell(format!("device of kind {kind}"));
            }
        };
        words_beyond(node, link, &mut tell);
        let old = self.old.get(&place).copied();
        let interface = self.interface_of(place.clone(), node, link, old);
        match joined {
            None => {
                let bridge = bridge(interface, link);
                let bridge = self.in_words_of(known.old_bridge(&bridge.interface.place), bridge);
                self.bridges.entry(name.clone()).or_default().push(bridge);
            }
            Some(joined) => {
                self.order.push(place.clone());
                self.joining.insert(place, (interface, joined));
            }
        }
    }

    /// A bridge as the lab that is known says it, where that means the same.
    fn in_words_of(&self, old: Option<&Bridge>, now: Bridge) -> Bridge {
        let same = old.filter(|old| self.purpose == Purpose::Save && same_bridge(old, &now));
        match same {
            Some(old) => Bridge { interface: now.interface, ..old.clone() },
            None => now,
        }
    }

    fn interface_of(
        &self,
        place: Place,
        node: &ObservedNode,
        link: &ObservedLink,
        old: Option<&Interface>,
    ) -> Interface {
        let is_bridge = |name: &String| node.link(name).is_some_and(|own| own.kind == "bridge");
        let master = link.master.as_ref().filter(|name| is_bridge(name));
        let old = old.filter(|_| self.purpose == Purpose::Save);
        let mut interface = Interface::new(place);
        interface.mac = link.mac.filter(|mac| match self.purpose {
            Purpose::Compare => true,
            Purpose::Save => is_set(node, link, *mac) || old.is_some_and(|old| old.mac.is_some()),
        });
        let said = old.and_then(|old| old.mtu) == Some(link.mtu);
        interface.mtu = (said || link.mtu != usual_mtu(node, link)).then_some(link.mtu);
        interface.up = link.up;
        interface.master = master.and_then(|name| name.parse().ok());
        if interface.master.is_some() {
            interface.port = port(link, old.map(|old| &old.port));
        }
        interface.addresses = self.addresses(&interface.place, link);
        interface
    }

    fn addresses(&self, place: &Place, link: &ObservedLink) -> Vec<IpNet> {
        let old = self.old.get(place).map_or(&[][..], |old| &old.addresses);
        let is_own =
            |own: &&ObservedAddress| old.contains(&own.address) || !is_by_kernel(own, link);
        let nets = || link.addresses.iter().filter(is_own).map(|own| own.address);
        let mut addresses: Vec<IpNet> = nets().filter(|net| net.addr().is_ipv4()).collect();
        // The kernel lists the newest IPv6 address first.
        let mut ipv6: Vec<IpNet> = nets().filter(|net| net.addr().is_ipv6()).collect();
        ipv6.reverse();
        addresses.extend(ipv6);
        let is_same = addresses::changes(place, &addresses, old).is_empty();
        if is_same && self.purpose == Purpose::Save { old.to_vec() } else { addresses }
    }

    /// Takes out the ends of links whose other end does not say that it is theirs.
    fn part_from_strangers(&mut self, beyond: &mut Vec<Beyond>) {
        let is_joined = |place: &Place| match &self.joining[place].1 {
            Joined::Tap(_) => true,
            Joined::End(peer) => matches!(
                self.joining.get(peer), Some((_, Joined::End(back))) if back == place
            ),
        };
        let (order, alone): (Vec<_>, Vec<_>) = self.order.drain(..).partition(is_joined);
        self.order = order;
        for place in alone {
            self.joining.remove(&place);
            let at = Spot { node: place.node.clone(), interface: Some(place.interface.clone()) };
            let what = "veth whose other end is in no node of the lab".to_owned();
            beyond.push(Beyond { at, what });
            self.strangers.push(place);
        }
    }

    /// An end of a link, or a TAP.
    pub(super) fn interface(&mut self, place: &Place) -> Option<&mut Interface> {
        self.joining.get_mut(place).map(|(interface, _)| interface)
    }

    /// What the lab that is known says of an interface.
    pub(super) fn old(&self, place: &Place) -> Option<&'a Interface> {
        self.old.get(place).copied()
    }

    /// Whether a lab file can say this device.
    pub(super) fn has(&self, place: &Place) -> bool {
        self.joining.contains_key(place)
    }

    /// The links and TAPs, in the order of the lab that is known, each link with the same end
    /// first.
    pub(super) fn join(&mut self, known: &Known<'_>) -> (Vec<Link>, Vec<Tap>) {
        let old_links = known.lab.map_or(&[][..], |lab| &lab.links).iter().enumerate();
        let first: HashMap<&Place, usize> =
            old_links.map(|(index, link)| (&link.a.place, index)).collect();
        let old_taps = known.lab.map_or(&[][..], |lab| &lab.taps).iter().enumerate();
        let old_taps: HashMap<&Place, usize> =
            old_taps.map(|(index, tap)| (&tap.interface.place, index)).collect();
        let number = |known: Option<&usize>| known.copied().unwrap_or(usize::MAX);
        let (mut links, mut taps) = (Vec::new(), Vec::new());
        for place in std::mem::take(&mut self.order) {
            let Some((interface, joined)) = self.joining.remove(&place) else { continue };
            match joined {
                Joined::Tap(mode) => {
                    taps.push((number(old_taps.get(&place)), Tap { interface, mode }));
                }
                Joined::End(peer) => {
                    let (other, _) = self.joining.remove(&peer).expect("both ends are there");
                    let (own, others) = (number(first.get(&place)), number(first.get(&peer)));
                    let (a, b) = if others < own { (other, interface) } else { (interface, other) };
                    links.push((own.min(others), Link { a, b }));
                }
            }
        }
        links.sort_by_key(|(index, _)| *index);
        taps.sort_by_key(|(index, _)| *index);
        (links.into_iter().map(|(_, l)| l).collect(), taps.into_iter().map(|(_, t)| t).collect())
    }
}

/// `127.0.0.1/8` and `::1/128`.
fn is_native_address(own: &ObservedAddress) -> bool {
    own.by_kernel || (own.address.addr().is_loopback() && own.scope == "host")
}

/// Whether the kernel made an address by itself, by what it says or, before Linux 5.18, by how the
/// address looks: made of the MAC (RFC 4291, appendix A) or, on a device without one, drawn.
fn is_by_kernel(own: &ObservedAddress, link: &ObservedLink) -> bool {
    let std::net::IpAddr::V6(address) = own.address.addr() else { return false };
    let octets = address.octets();
    let is_made_of_mac = octets[11..13] == [0xff, 0xfe];
    own.by_kernel
        || address.is_unicast_link_local()
            && own.address.prefix_len() == 64
            && (is_made_of_mac || link.mac.is_none())
}

/// Whether somebody set a MAC. Where that is not known: whether it is none that the kernel draws,
/// which are locally administered (`eth_random_addr`), and none that a bridge has from a port.
fn is_set(node: &ObservedNode, link: &ObservedLink, mac: Mac) -> bool {
    let is_of_port = || {
        let is_port = |own: &&ObservedLink| own.master.as_ref() == Some(&link.name);
        node.links.iter().filter(is_port).any(|port| port.mac == Some(mac))
    };
    let is_local = mac.octets()[0] & 2 == 2;
    link.mac_set.unwrap_or_else(|| !is_local && (link.kind != "bridge" || !is_of_port()))
}

/// The MTU that the kernel gives a device.
fn usual_mtu(node: &ObservedNode, link: &ObservedLink) -> u32 {
    if link.kind != "bridge" {
        return MTU;
    }
    let is_port = |own: &&ObservedLink| own.master.as_ref() == Some(&link.name);
    node.links.iter().filter(is_port).map(|port| port.mtu).min().unwrap_or(MTU)
}

/// How a port behaves, as far as it is not a fresh port's way, or as the known lab says it.
fn port(link: &ObservedLink, old: Option<&PortAttributes>) -> PortAttributes {
    fn said<T: PartialEq>(now: Option<T>, usual: Option<T>, old: Option<Option<T>>) -> Option<T> {
        let is_said = old.is_some_and(|old| old.is_some());
        now.filter(|now| is_said || usual.as_ref() != Some(now))
    }
    let switch = |name, usual, old| {
        let now = link.port.get(name).map(|value| value == "on");
        said(now, usual, old)
    };
    let number = |name| link.port.get(name).and_then(|value| value.parse::<u16>().ok());
    let usual_cost = match number("cost") {
        Some(OLD_TAP_COST) if link.kind == "tun" => Some(OLD_TAP_COST),
        _ => PORT.cost,
    };
    PortAttributes {
        isolated: switch("isolated", PORT.isolated, old.map(|o| o.isolated)),
        hairpin: switch("hairpin", PORT.hairpin, old.map(|o| o.hairpin)),
        learning: switch("learning", PORT.learning, old.map(|o| o.learning)),
        flood: switch("flood", PORT.flood, old.map(|o| o.flood)),
        mcast_flood: switch("mcast_flood", PORT.mcast_flood, old.map(|o| o.mcast_flood)),
        bcast_flood: switch("bcast_flood", PORT.bcast_flood, old.map(|o| o.bcast_flood)),
        guard: switch("guard", PORT.guard, old.map(|o| o.guard)),
        root_block: switch("root_block", PORT.root_block, old.map(|o| o.root_block)),
        neigh_suppress: switch(
            "neigh_suppress",
            PORT.neigh_suppress,
            old.map(|o| o.neigh_suppress),
        ),
        cost: said(number("cost"), usual_cost, old.map(|o| o.cost)),
        priority: said(
            number("priority").and_then(|n| u8::try_from(n).ok()),
            PORT.priority,
            old.map(|o| o.priority),
        ),
    }
}

/// A bridge with the attributes that are not a fresh one's.
fn bridge(interface: Interface, link: &ObservedLink) -> Bridge {
    let number = |name: &str| link.bridge.get(name).and_then(|value| value.parse::<u64>().ok());
    let unusual = |name, usual: u64| number(name).filter(|now| *now != usual);
    let span = |hundredths: u64| Span(std::time::Duration::from_millis(hundredths * 10));
    Bridge {
        interface,
        stp: number("stp_state").is_some_and(|state| state != 0),
        ageing: unusual("ageing_time", 30_000).map(span),
        forward_delay: unusual("forward_delay", 1500).map(span),
        priority: unusual("priority", 32_768).and_then(|n| u16::try_from(n).ok()),
        multicast_snooping: unusual("mcast_snooping", 1).map(|on| on != 0),
    }
}

/// Attributes of ports and bridges that no lab file says, with what they are unless set
/// (`bridge(8)`, `ip-link(8)`).
const PORT_BEYOND: [(&str, &str); 11] = [
    ("fastleave", "off"),
    ("mcast_to_unicast", "off"),
    ("mcast_router", "1"),
    ("proxy_arp", "off"),
    ("proxy_arp_wifi", "off"),
    ("neigh_vlan_suppress", "off"),
    ("vlan_tunnel", "off"),
    ("locked", "off"),
    ("mab", "off"),
    ("group_fwd_mask", "0"),
    ("backup_port", ""),
];

const BRIDGE_BEYOND: [(&str, &str); 10] = [
    ("hello_time", "200"),
    ("max_age", "2000"),
    ("vlan_filtering", "0"),
    ("vlan_protocol", "802.1Q"),
    ("vlan_default_pvid", "1"),
    ("group_fwd_mask", "0"),
    ("mcast_router", "1"),
    ("mcast_querier", "0"),
    ("mcast_query_use_ifaddr", "0"),
    ("fdb_max_learned", "0"),
];

/// Queueing disciplines that a device may have without anybody's doing (`net.core.default_qdisc`).
const USUAL_QDISCS: [&str; 7] = ["", "noqueue", "noop", "fq_codel", "pfifo_fast", "fq", "mq"];

fn words_beyond(node: &ObservedNode, link: &ObservedLink, tell: &mut impl FnMut(String)) {
    let is_bridge = |name: &String| node.link(name).is_some_and(|own| own.kind == "bridge");
    if let Some(master) = link.master.as_ref().filter(|name| !is_bridge(name)) {
        tell(format!("master {master}, which is no bridge"));
    }
    if !USUAL_QDISCS.contains(&link.qdisc.as_str()) {
        tell(format!("queueing discipline {}", link.qdisc));
    }
    let tables = [(&link.port, &PORT_BEYOND[..]), (&link.bridge, &BRIDGE_BEYOND[..])];
    for (words, usual) in tables {
        for (name, usual) in usual {
            if let Some(value) = words.get(*name).filter(|value| value != usual) {
                tell(format!("{name} {value}"));
            }
        }
    }
    for own in &link.addresses {
        let usual = match own.address.addr() {
            std::net::IpAddr::V6(v6) if v6.is_unicast_link_local() => "link",
            address if address.is_loopback() => "host",
            _ => "global",
        };
        if own.scope != usual {
            tell(format!("address {} of scope {}", own.address, own.scope));
        }
    }
}
