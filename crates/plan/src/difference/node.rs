//! What differs in a node that stays, in one visit.
//!
//! Rules, routes and neighbours that go go first: later the kernel might have taken them away. Then
//! the order is that of [`build`](crate::build()); what goes down does so when nothing more is to
//! be removed from it.

use std::collections::HashSet;

use ipnet::IpNet;
use twinax_topology::{Change, IfName, Interface, Node, Place, PortAttributes};

use super::devices::{Devices, Kind, Turnover, bridge_at};
use super::sysctls::{Sysctls, When};
use super::{addresses, routing};
use crate::Step;
use crate::build::lo;
use crate::defaults::{MTU, port_difference, same_bridge};

/// The least MTU with which an interface has IPv6 at all (RFC 8200, 5).
const IPV6_MIN_MTU: u32 = 1280;

/// A visit of a node.
pub(super) struct Visit<'a> {
    now: &'a Node,
    wanted: &'a Node,
    /// The interfaces that were there at first.
    before: &'a [&'a Interface],
    /// Those of them that are removed.
    lost: HashSet<&'a IfName>,
    pairs: Vec<Pair<'a>>,
    sysctls: Sysctls,
}

/// An interface that is wanted, with how it is when the visit begins.
struct Pair<'a> {
    now: Interface,
    wanted: &'a Interface,
    kind: Kind<'a>,
    is_fresh: bool,
}

impl<'a> Visit<'a> {
    pub(super) fn new(
        now: &'a Node,
        wanted: &'a Node,
        devices_now: &'a Devices<'a>,
        devices_then: &'a Devices<'a>,
        change: &Turnover<'a>,
    ) -> Self {
        let before = devices_now.in_node(&now.name);
        let own = devices_then.in_node(&wanted.name);
        let stays = |interface: &&&Interface| change.stays(&interface.place);
        let lost: HashSet<&IfName> =
            before.iter().filter(|i| !stays(i)).map(|i| &i.place.interface).collect();
        let there: Vec<&Interface> = before.iter().filter(stays).copied().collect();
        let find = |place: &Place| there.iter().find(|own| own.place == *place);
        let pair = |wanted: &&'a Interface| {
            let kind = devices_then.kind(&wanted.place).expect("every interface has a kind");
            let is_fresh = !change.stays(&wanted.place);
            let now = match find(&wanted.place) {
                Some(now) => free(now, &lost),
                None => fresh(wanted, kind),
            };
            Pair { now, wanted, kind, is_fresh }
        };
        let pairs = own.iter().map(pair).collect();
        let sysctls = Sysctls::new(now, &there, wanted, own);
        Self { now, wanted, before, lost, pairs, sysctls }
    }

    /// What comes before new devices do: what they begin with, and new bridges. Nothing, where no
    /// device comes.
    pub(super) fn before_devices(&mut self) -> Vec<Step> {
        if !self.pairs.iter().any(|pair| pair.is_fresh) {
            return Vec::new();
        }
        let mut steps: Vec<Step> =
            self.sysctls.set(When::BeforeDevices).into_iter().map(Step::Change).collect();
        let bridges = self.pairs.iter().filter(|pair| pair.is_fresh && pair.kind == Kind::Bridge);
        steps.extend(bridges.filter_map(|pair| {
            bridge_at(self.wanted, &pair.wanted.place).cloned().map(Step::AddBridge)
        }));
        steps
    }

    /// All the rest.
    pub(super) fn steps(mut self) -> Vec<Step> {
        let flushed = self.flushed();
        let routing = routing::difference(self.now, self.wanted, self.before, &self.lost, &flushed);
        let mut steps = Steps(routing.goes.into_iter().map(Step::Change).collect());
        if self.now.lo != self.wanted.lo {
            steps.change(Change::Up(lo(&self.wanted.name), self.wanted.lo));
        }
        steps.changes(self.sysctls.set(When::OfNode));
        self.devices(&mut steps);
        steps.changes(self.sysctls.set(When::OfDevices));
        for pair in &self.pairs {
            steps.changes(self.sysctls.set(When::OfInterface(&pair.wanted.place)));
            steps.changes(addresses(pair));
        }
        for up in [false, true] {
            let turned = self.pairs.iter().filter(|p| p.now.up != up && p.wanted.up == up);
            steps.changes(turned.map(|pair| Change::Up(pair.wanted.place.clone(), up)));
        }
        steps.changes(routing.comes);
        if self.now.firewall != self.wanted.firewall {
            let name = &self.wanted.name;
            steps.0.push(Step::FlushRuleset(name.clone()));
            if !self.wanted.firewall.is_empty() {
                steps.change(Change::Firewall(name.clone(), self.wanted.firewall.clone()));
            }
        }
        steps.0
    }

    /// The interfaces that lose their neighbours, permanent ones too, by what is changed about
    /// them (`neigh_changeaddr`, `neigh_ifdown` in `net/core/neighbour.c`).
    fn flushed(&self) -> HashSet<&'a IfName> {
        let loses = |pair: &&Pair<'_>| {
            new_mac(pair).is_some() || (pair.now.up && !pair.wanted.up) || loses_ipv6(pair)
        };
        self.pairs.iter().filter(loses).map(|pair| &pair.wanted.place.interface).collect()
    }

    /// MAC, MTU, master, attributes of ports and bridges.
    fn devices(&self, steps: &mut Steps) {
        for pair in &self.pairs {
            let at = || pair.wanted.place.clone();
            steps.changes(new_mac(pair).map(|mac| Change::Mac(at(), mac)));
            steps.changes(new_mtu(pair).map(|mtu| Change::Mtu(at(), mtu)));
            let mut port = pair.now.port.clone();
            if pair.now.master != pair.wanted.master {
                // A port is a fresh one in another bridge.
                port = PortAttributes::default();
                steps.change(Change::Master(at(), pair.wanted.master.clone()));
            }
            let difference = port_difference(&port, &pair.wanted.port);
            if pair.wanted.master.is_some() && !difference.is_empty() {
                steps.change(Change::Port(at(), difference));
            }
        }
        for wanted in &self.wanted.bridges {
            let place = &wanted.interface.place;
            let pair = self.pairs.iter().find(|pair| pair.wanted.place == *place);
            let Some(pair) = pair else { continue };
            let now = bridge_at(self.now, place).filter(|_| !pair.is_fresh);
            if now.is_some_and(|now| !same_bridge(now, wanted)) {
                steps.0.push(Step::SetBridge(wanted.clone()));
            }
            // Once set, it no longer follows the ports.
            let usual = || pair.now.mtu.map(|_| self.usual_mtu_of_bridge(place));
            let mtu = wanted.interface.mtu.or_else(usual);
            let mtu = mtu.filter(|mtu| pair.is_fresh || *mtu != self.mtu_of_bridge(&pair.now));
            steps.changes(mtu.map(|mtu| Change::Mtu(place.clone(), mtu)));
        }
    }

    /// The MTU that a bridge gets by itself when its ports are as they are wanted.
    fn usual_mtu_of_bridge(&self, bridge: &Place) -> u32 {
        let ports = self.pairs.iter().map(|pair| pair.wanted);
        let ports = ports.filter(|own| own.master.as_ref() == Some(&bridge.interface));
        ports.map(|port| port.mtu.unwrap_or(MTU)).min().unwrap_or(MTU)
    }

    /// The MTU that a bridge has: unless somebody has set it, the least of its ports'
    /// (`br_mtu_auto_adjust`).
    fn mtu_of_bridge(&self, bridge: &Interface) -> u32 {
        let is_port = |own: &&&Interface| own.master.as_ref() == Some(&bridge.place.interface);
        let of_ports =
            || self.before.iter().filter(is_port).map(|port| port.mtu.unwrap_or(MTU)).min();
        bridge.mtu.or_else(of_ports).unwrap_or(MTU)
    }
}

/// Steps that are being put together.
struct Steps(Vec<Step>);

impl Steps {
    fn change(&mut self, change: Change) {
        self.0.push(Step::Change(change));
    }

    fn changes(&mut self, changes: impl IntoIterator<Item = Change>) {
        self.0.extend(changes.into_iter().map(Step::Change));
    }
}

/// An interface without a bridge that is removed.
fn free(now: &Interface, lost: &HashSet<&IfName>) -> Interface {
    let mut now = now.clone();
    if now.master.as_ref().is_some_and(|master| lost.contains(master)) {
        now.master = None;
        now.port = PortAttributes::default();
    }
    now
}

/// A device that has just been made.
fn fresh(wanted: &Interface, kind: Kind<'_>) -> Interface {
    let mtu = wanted.mtu.filter(|_| kind != Kind::Bridge);
    let mut now = Interface { mac: wanted.mac, mtu, ..Interface::new(wanted.place.clone()) };
    now.up = false;
    now
}

fn new_mac(pair: &Pair<'_>) -> Option<twinax_topology::Mac> {
    pair.wanted.mac.filter(|mac| pair.now.mac != Some(*mac))
}

/// The MTU that is to be set; of a bridge it comes later.
fn new_mtu(pair: &Pair<'_>) -> Option<u32> {
    let wanted = pair.wanted.mtu.unwrap_or(MTU);
    let differs = pair.kind != Kind::Bridge && wanted != pair.now.mtu.unwrap_or(MTU);
    differs.then_some(wanted)
}

/// Whether an interface loses all that is IPv6 about it, with certainty.
fn loses_ipv6(pair: &Pair<'_>) -> bool {
    let is_off = |interface: &Interface| {
        let off = |s: &&twinax_topology::InterfaceSysctl| s.key() == "ipv6.disable_ipv6";
        interface.sysctls.iter().find(off).is_some_and(|sysctl| sysctl.value.trim() != "0")
    };
    new_mtu(pair).is_some_and(|mtu| mtu < IPV6_MIN_MTU) || is_off(pair.wanted) && !is_off(&pair.now)
}

fn addresses(pair: &Pair<'_>) -> Vec<Change> {
    let is_ipv4 = |net: &&IpNet| net.addr().is_ipv4();
    let all = |nets: &[IpNet]| nets.to_vec();
    let ipv4 = |nets: &[IpNet]| nets.iter().filter(is_ipv4).copied().collect();
    let now: Vec<IpNet> =
        if loses_ipv6(pair) { ipv4(&pair.now.addresses) } else { all(&pair.now.addresses) };
    let mut changes = addresses::changes(&pair.wanted.place, &now, &pair.wanted.addresses);
    if pair.now.up && !pair.wanted.up {
        // IPv6 addresses would go again with the interface: they come when it is down.
        changes
            .retain(|change| !matches!(change, Change::AddAddress(_, net) if net.addr().is_ipv6()));
    }
    changes
}
