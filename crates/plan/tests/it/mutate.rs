//! A lab that somebody has edited: a random lab with a few random changes, valid again.

use ipnet::IpNet;
use proptest::collection::vec;
use proptest::prelude::*;
use twinax_plan::Step;
use twinax_topology::{
    Change, Firewall, Interface, InterfaceSysctl, Link, Node, NodeKind, NodeName, Policies, Route,
    RouteKind, Rule, RuleAction, TapMode, Topology, Verdict,
};

use crate::labs::{knob, place, read, sysctl};
use crate::world::World;

/// Which edit, and two numbers that say of what.
pub type Edit = (u8, u8, u8);

pub fn edits() -> impl Strategy<Value = Vec<Edit>> {
    vec((any::<u8>(), any::<u8>(), any::<u8>()), 0..6)
}

pub fn edited(lab: &Topology, edits: &[Edit]) -> Topology {
    let mut lab = lab.clone();
    lab.steps.clear();
    for (number, &(what, which, how)) in (0..).zip(edits) {
        edit(&mut lab, number, what % 24, which.into(), how);
    }
    repaired(lab)
}

fn one<T>(all: &mut [T], which: usize) -> Option<&mut T> {
    let index = which.checked_rem(all.len())?;
    all.get_mut(index)
}

fn drop_one<T>(all: &mut Vec<T>, which: usize) {
    if let Some(index) = which.checked_rem(all.len()) {
        all.remove(index);
    }
}

/// One end of a link or a TAP.
fn interface(lab: &mut Topology, which: usize) -> Option<&mut Interface> {
    let ends = lab.links.iter_mut().flat_map(|link| [&mut link.a, &mut link.b]);
    let mut all: Vec<_> = ends.chain(lab.taps.iter_mut().map(|tap| &mut tap.interface)).collect();
    let index = which.checked_rem(all.len())?;
    Some(all.swap_remove(index))
}

fn edit(lab: &mut Topology, number: u8, what: u8, which: usize, how: u8) {
    match what {
        0 if lab.nodes.len() > 1 => {
            let gone = lab.nodes.remove(which % lab.nodes.len()).name;
            lab.links.retain(|link| link.a.place.node != gone && link.b.place.node != gone);
            lab.taps.retain(|tap| tap.interface.place.node != gone);
        }
        1 => drop_one(&mut lab.links, which),
        2 => drop_one(&mut lab.taps, which),
        3..=11 => {
            if let Some(own) = interface(lab, which) {
                edit_interface(own, what, number, how);
            }
        }
        12 => {
            let node = lab.nodes[which % lab.nodes.len()].name.clone();
            let other = lab.nodes[usize::from(how) % lab.nodes.len()].name.clone();
            let end = |node, name: &str, ip: &str| {
                let mut end = Interface::new(place(&format!("{node}:{name}{number}")));
                end.addresses = vec![read(ip)];
                end
            };
            let a = end(node, "new", &format!("10.250.{number}.1/24"));
            let b = end(other, "far", &format!("10.250.{number}.2/24"));
            lab.links.insert(0, Link { a, b });
        }
        13 => {
            if let Some(tap) = one(&mut lab.taps, which) {
                tap.mode = if tap.mode == TapMode::Tun { TapMode::Tap } else { TapMode::Tun };
                tap.interface.mac = None;
                tap.interface.master = None;
                tap.interface.port = Default::default();
            }
        }
        14 if lab.links.len() > 1 => {
            let last = lab.links.len() - 1;
            let (first, rest) = lab.links.split_at_mut(which % last + 1);
            std::mem::swap(&mut first[which % last].b, &mut rest[0].b);
        }
        15 => {
            lab.nodes.reverse();
            lab.links.reverse();
            lab.links.iter_mut().for_each(|link| std::mem::swap(&mut link.a, &mut link.b));
        }
        16 => {
            let bridge = lab.nodes.iter_mut().find_map(|node| one(&mut node.bridges, which));
            if let Some(bridge) = bridge {
                bridge.stp = how & 1 == 1;
                bridge.priority = (how & 2 == 2).then_some(how.into());
                bridge.interface.mtu = (how & 4 == 4).then_some(1300 + u32::from(how));
                bridge.interface.addresses = vec![read(&format!("10.251.{number}.{how}/20"))];
            }
        }
        _ => {
            if let Some(node) = one(&mut lab.nodes, which) {
                edit_node(node, what, number, how);
            }
        }
    }
}

fn edit_interface(own: &mut Interface, what: u8, number: u8, how: u8) {
    match what {
        3 => own.up = !own.up,
        4 => own.mtu = [None, Some(1400), Some(1000), Some(1300)][usize::from(how) % 4],
        5 => own.mac = Some(read(&format!("06:00:00:00:{number:02x}:{how:02x}"))),
        6 => own.master = None,
        7 if own.master.is_some() => {
            own.port.isolated = [None, Some(true), Some(false)][usize::from(how) % 3];
            own.port.cost = [None, Some(2), Some(9)][usize::from(how / 3) % 3];
        }
        8 => own.addresses.reverse(),
        9 => drop_one(&mut own.addresses, how.into()),
        10 => {
            for address in &mut own.addresses {
                if let IpNet::V4(net) = *address {
                    let [a, b, c, _] = net.addr().octets();
                    *address = read(&format!("{a}.{b}.{c}.{}/{}", how | 1, net.prefix_len()));
                }
            }
        }
        _ => {
            let family = how & 1 == 0;
            own.addresses.push(match family {
                true => read(&format!("10.252.{number}.{how}/{}", 20 + how % 12)),
                false => read(&format!("fd99::{number}:{how}/{}", 64 + how % 60)),
            });
            own.sysctls.retain(|own| own.knob != "rp_filter");
            own.sysctls.push(knob("ipv4.rp_filter", &(how % 3).to_string()));
        }
    }
    if own.master.is_none() {
        own.port = Default::default();
    }
}

fn edit_node(node: &mut Node, what: u8, number: u8, how: u8) {
    match what {
        17 => drop_one(&mut node.routes, how.into()),
        18 => drop_one(&mut node.rules, how.into()),
        19 => {
            for neighbour in &mut node.neighbours {
                neighbour.mac = read(&format!("06:00:00:01:00:{how:02x}"));
            }
            if how & 1 == 1 {
                node.neighbours.pop();
            }
        }
        20 => {
            let to = read(&format!("172.30.{number}.0/24"));
            let mut route = Route::of_kind(RouteKind::Blackhole, to);
            route.metric = (how & 1 == 1).then_some(how.into());
            node.routes.insert(0, route);
            let mut rule = Rule::new(twinax_topology::Family::Ipv6, RuleAction::Prohibit);
            rule.from = Some(read(&format!("2001:db8:{number}::/64")));
            rule.priority = (how & 2 == 2).then_some(5000 + u32::from(number));
            node.rules.push(rule);
        }
        21 => {
            node.kind = match node.kind {
                NodeKind::Host => NodeKind::Router,
                NodeKind::Router => NodeKind::Host,
                NodeKind::Bridge => NodeKind::Bridge,
            };
            node.lo = how & 3 != 0;
        }
        22 => {
            let keys = ["net.ipv4.ip_forward", "net.ipv4.icmp_ratelimit", "net.ipv4.tcp_ecn"];
            let new = sysctl(keys[usize::from(how) % 3], &(how & 1).to_string());
            node.sysctls.retain(|own| own.key != new.key);
            node.sysctls.push(new);
        }
        _ => {
            let input = (how & 1 == 1).then_some(Verdict::Drop);
            let policy = Policies { input, ..Policies::default() };
            node.firewall = Firewall { policy, ..Firewall::default() };
        }
    }
}

/// Takes out what the kernel would refuse when the lab is built.
fn repaired(mut lab: Topology) -> Topology {
    let names: Vec<_> = lab.interfaces().map(|own| own.place.clone()).collect();
    for node in &mut lab.nodes {
        let there = |name: &str| {
            name == "lo"
                || names.iter().any(|p| p.node == node.name && p.interface.as_str() == name)
        };
        node.sysctls.retain(|own| own.key.interface().is_none_or(there));
        let missing = |name: &Option<_>| {
            name.as_ref().is_some_and(|name: &twinax_topology::IfName| !there(name.as_str()))
        };
        node.rules.retain(|rule| !missing(&rule.iif) && !missing(&rule.oif));
    }
    for tap in lab.taps.iter_mut().filter(|tap| tap.mode == TapMode::Tun) {
        tap.interface.mac = None;
    }
    let mode = |place: &_| {
        let tap = lab.taps.iter().find(|tap| tap.interface.place == *place);
        tap.map(|tap| tap.mode)
    };
    lab.wires.retain(|wire| mode(&wire.a).is_some() && mode(&wire.a) == mode(&wire.b));
    for index in 0.. {
        let Some(own) = interface_at(&mut lab, index) else { break };
        // A bridge takes it over, and may have IPv6.
        own.mtu = own.mtu.filter(|mtu| own.master.is_none() || *mtu >= 1280);
        if own.mtu.is_some_and(|mtu| mtu < 1280) {
            own.addresses.retain(|net| net.addr().is_ipv4());
            let is_ipv4 = |own: &InterfaceSysctl| own.key().starts_with("ipv4");
            own.sysctls.retain(is_ipv4);
        }
        let mut seen = std::collections::BTreeSet::new();
        own.addresses.retain(|net| seen.insert(net.addr()));
    }
    loop {
        let mut world = World::default();
        let steps = twinax_plan::build(&lab);
        let Some(refused) = steps.iter().find(|step| world.step(step).is_err()) else {
            return lab;
        };
        match refused {
            Step::Change(Change::AddRoute(name, route)) => {
                node_of(&mut lab, name).routes.retain(|own| own != route);
            }
            Step::Change(Change::AddNeighbour(name, neighbour)) => {
                node_of(&mut lab, name).neighbours.retain(|own| own != neighbour);
            }
            other => panic!("{other:?} is refused"),
        }
    }
}

fn interface_at(lab: &mut Topology, index: usize) -> Option<&mut Interface> {
    let count = lab.links.len() * 2 + lab.taps.len();
    (index < count).then(|| interface(lab, index))?
}

fn node_of<'a>(lab: &'a mut Topology, name: &NodeName) -> &'a mut Node {
    lab.nodes.iter_mut().find(|own| own.name == *name).expect("it is built")
}
