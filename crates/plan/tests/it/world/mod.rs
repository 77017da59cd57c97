//! A lab in thought: what each step does to it, and what the kernel does by itself then.
//!
//! It knows as much of Linux as the planner counts on, and refuses what Linux refuses: a name that
//! is taken, an address that is there, a route by a device that is down, a removal of what is not
//! there.

mod change;
mod look;

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use twinax_plan::{Device, Step};
use twinax_topology::{
    Bridge, Firewall, Mac, Neighbour, NodeName, Place, PortAttributes, Route, Rule, TapMode,
    Topology,
};

#[derive(Debug, Clone, Default)]
pub struct World {
    pub nodes: BTreeMap<NodeName, Namespace>,
    /// Whether a secondary address becomes the primary one when that goes.
    pub promotes: bool,
    /// Devices that were without any IPv4 address after one was removed.
    pub bare: BTreeSet<Place>,
    made: u32,
}

#[derive(Debug, Clone, Default)]
pub struct Namespace {
    pub lo: bool,
    pub devices: BTreeMap<String, Dev>,
    /// Each with the device that it leaves by.
    pub routes: Vec<(Route, Option<String>)>,
    /// Each with its priority, and whether the kernel chose that.
    pub rules: Vec<(Rule, bool)>,
    pub neighbours: Vec<Neighbour>,
    pub sysctls: BTreeMap<String, String>,
    pub firewall: Firewall,
}

#[derive(Debug, Clone)]
pub struct Dev {
    pub kind: Kind,
    pub index: u32,
    pub mac: Option<Mac>,
    pub mtu: u32,
    mtu_is_set: bool,
    pub up: bool,
    pub master: Option<String>,
    pub port: PortAttributes,
    pub addresses: Vec<IpNet>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    Veth(Place),
    Bridge(Bridge),
    Tap(TapMode),
}

type Done = Result<(), String>;

impl World {
    /// The world in which a lab has been built.
    pub fn of(lab: &Topology) -> Self {
        let mut world = Self::default();
        world.carry_out(&twinax_plan::build(lab));
        world
    }

    /// Carries out steps. Panics with the first that can't be.
    #[track_caller]
    pub fn carry_out(&mut self, steps: &[Step]) {
        for (index, step) in steps.iter().enumerate() {
            if let Err(why) = self.step(step) {
                panic!("step {index} of {steps:#?}: {why}");
            }
        }
    }

    pub fn step(&mut self, step: &Step) -> Done {
        match step {
            Step::AddNetns(node) => match self.nodes.contains_key(node) {
                true => Err(format!("{node} is there")),
                false => {
                    self.nodes.insert(node.clone(), Namespace::default());
                    Ok(())
                }
            },
            Step::DelNetns(node) => {
                let gone = self.nodes.get(node).ok_or("no such node")?;
                let left: Vec<&String> = gone.devices.keys().collect();
                if !left.is_empty() {
                    return Err(format!("{left:?} is in it"));
                }
                self.nodes.remove(node);
                Ok(())
            }
            Step::AddBridge(bridge) => {
                let Bridge { interface, .. } = bridge;
                let device = Device { mtu: None, ..interface.into() };
                self.add(&device, Kind::Bridge(bridge.clone()))
            }
            Step::AddVeth(a, b) => {
                self.add(a, Kind::Veth(b.place.clone()))?;
                self.add(b, Kind::Veth(a.place.clone()))
            }
            Step::AddTap(device, mode) => self.add(device, Kind::Tap(*mode)),
            Step::SetBridge(wanted) => {
                let device = self.device(&wanted.interface.place)?;
                match &mut device.kind {
                    Kind::Bridge(bridge) => *bridge = wanted.clone(),
                    _ => return Err("no bridge".to_owned()),
                }
                Ok(())
            }
            Step::DelLink(place) => {
                let Kind::Veth(peer) = self.device(place)?.kind.clone() else {
                    return self.del(place);
                };
                self.del(place)?;
                self.del(&peer)
            }
            Step::FlushRuleset(node) => {
                self.node(node)?.firewall = Firewall::default();
                Ok(())
            }
            Step::Change(change) => self.change(change),
        }
    }

    pub fn node(&mut self, name: &NodeName) -> Result<&mut Namespace, String> {
        self.nodes.get_mut(name).ok_or(format!("no node {name}"))
    }

    pub fn device(&mut self, place: &Place) -> Result<&mut Dev, String> {
        let device = self.node(&place.node)?.devices.get_mut(place.interface.as_str());
        device.ok_or(format!("no device {place}"))
    }

    fn add(&mut self, device: &Device, kind: Kind) -> Done {
        self.made += 1;
        let [_, a, b, c] = self.made.to_be_bytes();
        let drawn = Mac::new([0x0a, 0x77, 0x77, a, b, c]).expect("the first byte is even");
        let is_tun = kind == Kind::Tap(TapMode::Tun);
        let dev = Dev {
            kind,
            index: self.made + 1,
            mac: (!is_tun).then(|| device.mac.unwrap_or(drawn)),
            mtu: device.mtu.unwrap_or(1500),
            mtu_is_set: false,
            up: false,
            master: None,
            port: PortAttributes::default(),
            addresses: Vec::new(),
        };
        let name = device.place.interface.to_string();
        match self.node(&device.place.node)?.devices.insert(name, dev) {
            Some(_) => Err(format!("{} is there", device.place)),
            None => Ok(()),
        }
    }

    fn del(&mut self, place: &Place) -> Done {
        let node = self.node(&place.node)?;
        let name = place.interface.as_str();
        let gone = node.devices.remove(name).ok_or(format!("no device {place}"))?;
        for device in node.devices.values_mut() {
            if device.master.as_deref() == Some(name) {
                device.master = None;
                device.port = PortAttributes::default();
            }
        }
        node.lose_routes(name, |_| true);
        node.neighbours.retain(|own| own.dev.as_str() != name);
        node.lose_sources(&gone.addresses);
        let of_device = format!("/{name}/");
        node.sysctls.retain(|path, _| !path.contains(&of_device));
        Ok(())
    }
}

impl Namespace {
    /// The routes by a device that go with something.
    fn lose_routes(&mut self, device: &str, goes: impl Fn(&Route) -> bool) {
        self.routes.retain(|(route, by)| by.as_deref() != Some(device) || !goes(route));
    }

    /// IPv4 routes go with the address that is their source.
    fn lose_sources(&mut self, gone: &[IpNet]) {
        let devices = &self.devices;
        let is_left = |address| {
            devices.values().flat_map(|dev| &dev.addresses).any(|net| net.addr() == address)
        };
        self.routes.retain(|(route, _)| {
            let src = route.src.filter(|src| src.is_ipv4());
            !src.is_some_and(|src| gone.iter().any(|net| net.addr() == src) && !is_left(src))
        });
    }
}
