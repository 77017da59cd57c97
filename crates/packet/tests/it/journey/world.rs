//! A simulated lab: devices as the kernel has them, and where a frame is seen at them, in which
//! order and which way (`kernel.rs`). It knows of each sighting which one it followed in truth.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::IpAddr;

use rand_pcg::Pcg32;
use rand_pcg::rand_core::Rng;
use twinax_packet::journey::{Device, Role, Wiring};
use twinax_packet::{Direction, Interface, LinkType, Mac};

use super::bytes::{Frame, Ip};

pub type Id = usize;

pub struct World {
    pub interfaces: Vec<Interface>,
    pub wiring: Wiring,
    pub devices: Vec<Dev>,
    pub nodes: HashMap<String, Node>,
    pub seen: Vec<Seen>,
    /// How long a stretch takes, in nanoseconds: from, to.
    pub stretch: (u64, u64),
    pub now: u64,
    /// From this device on, MACs are given out anew: the same ones as before.
    pub macs_from: Id,
    pub(super) random: Pcg32,
    pub(super) queue: BinaryHeap<Reverse<(u64, u64)>>,
    pub(super) events: HashMap<u64, Event>,
    /// When something was seen last the same way at the same device.
    pub(super) last: HashMap<(Id, bool), u64>,
}

pub struct Dev {
    pub node: String,
    pub kind: Kind,
    pub mac: Mac,
    pub peer: Option<Id>,
    pub bridge: Option<Id>,
    pub mtu: usize,
    pub down: bool,
    pub addresses: Vec<IpAddr>,
    /// Where its frames, out or in, take this much longer.
    pub delay: u64,
    /// Every how many frames one that goes out is lost, or comes twice.
    pub loses: u64,
    pub doubles: u64,
    pub sent: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Veth,
    Bridge,
    Vlan { lower: Id, id: u16 },
    Macvlan { lower: Id },
    Vxlan { vni: u32, from: IpAddr, to: IpAddr },
    Gre { from: IpAddr, to: IpAddr },
    WireGuard { from: IpAddr, to: IpAddr },
    Loopback,
}

#[derive(Default)]
pub struct Node {
    pub forwards: bool,
    /// The first bits that have to be the same, how many, out of which device, over whom.
    pub routes: Vec<(IpAddr, u32, Id, Option<IpAddr>)>,
    pub neighbours: HashMap<IpAddr, Mac>,
    pub fdb: HashMap<(Id, Mac), Id>,
    /// Out of this device with this address as the source.
    pub masquerade: Option<(Id, IpAddr)>,
    /// What comes for the first goes to the second.
    pub redirect: Option<((IpAddr, u16), (IpAddr, u16))>,
    pub tracked: HashMap<Tuple, Tuple>,
    /// Segments that are larger are cut up when they go out.
    pub gso: Option<usize>,
    pub clamp: Option<u16>,
    /// Whether fragments are put together before they are routed (conntrack).
    pub defragments: bool,
    pub fragments: Vec<Ip>,
    pub first_fragment: Option<usize>,
    /// Whether programs answer echo requests and send datagrams back.
    pub answers: bool,
}

pub type Tuple = (IpAddr, IpAddr, u8, u16, u16);

/// What was seen, and what it followed.
#[derive(Debug, Clone)]
pub struct Seen {
    pub time: u64,
    pub interface: Id,
    pub direction: Direction,
    pub bytes: Vec<u8>,
    pub parent: Option<usize>,
}

pub(super) struct Event {
    pub device: Id,
    pub out: bool,
    pub frame: Frame,
    pub parent: Option<usize>,
}

impl World {
    pub fn new(seed: u64) -> Self {
        Self {
            interfaces: Vec::new(),
            wiring: Wiring::default(),
            devices: Vec::new(),
            nodes: HashMap::new(),
            seen: Vec::new(),
            stretch: (200, 3000),
            now: 1_700_000_000_000_000_000,
            macs_from: 0,
            random: Pcg32::new(seed, 0xda3e_39cb_94b9_5bdb),
            queue: BinaryHeap::new(),
            events: HashMap::new(),
            last: HashMap::new(),
        }
    }

    /// A number below another.
    pub fn below(&mut self, limit: u64) -> u64 {
        u64::from(self.random.next_u32()) % limit.max(1)
    }

    pub fn device(&mut self, node: &str, name: &str, kind: Kind) -> Id {
        let id = self.devices.len();
        let own = id - self.macs_from;
        let mac = Mac([2, 0, 0, 0, (own >> 8) as u8, own as u8]);
        let raw = matches!(kind, Kind::Gre { .. } | Kind::WireGuard { .. });
        self.interfaces.push(Interface {
            node: node.to_owned(),
            device: name.to_owned(),
            link_type: if raw { LinkType::Raw } else { LinkType::Ethernet },
            mac: Some(mac),
        });
        let lower = match kind {
            Kind::Vlan { lower, .. } | Kind::Macvlan { lower } => Some(lower as u32),
            _ => None,
        };
        let role = match kind {
            Kind::Veth => Role::Cable,
            Kind::Bridge => Role::Bridge,
            Kind::Vlan { .. } | Kind::Macvlan { .. } => Role::Upper,
            Kind::Vxlan { .. } | Kind::Gre { .. } => Role::Tunnel,
            Kind::WireGuard { .. } => Role::Sealed,
            Kind::Loopback => Role::Loopback,
        };
        self.wiring.set(id as u32, Device { role, lower, ..Device::default() });
        self.nodes.entry(node.to_owned()).or_default();
        self.devices.push(Dev {
            node: node.to_owned(),
            kind,
            mac,
            peer: None,
            bridge: None,
            mtu: 65_535,
            down: false,
            addresses: Vec::new(),
            delay: 0,
            loses: 0,
            doubles: 0,
            sent: 0,
        });
        id
    }

    /// A veth pair; each end is `node:device`.
    pub fn veth(&mut self, a: &str, b: &str) -> (Id, Id) {
        let [a, b] = [a, b].map(|end| {
            let (node, name) = end.split_once(':').expect("node:device");
            self.device(node, name, Kind::Veth)
        });
        (self.devices[a].peer, self.devices[b].peer) = (Some(b), Some(a));
        self.wiring.join(a as u32, b as u32);
        (a, b)
    }

    pub fn port(&mut self, device: Id, bridge: Id) {
        self.devices[device].bridge = Some(bridge);
        self.wiring.enslave(device as u32, bridge as u32);
    }

    pub fn node(&mut self, name: &str) -> &mut Node {
        self.nodes.entry(name.to_owned()).or_default()
    }

    /// An address, and the route to its net; those who are in it know where to find it.
    pub fn address(&mut self, device: Id, address: &str, bits: u32) {
        let address: IpAddr = address.parse().expect("an address");
        self.devices[device].addresses.push(address);
        let node = self.devices[device].node.clone();
        self.node(&node).routes.push((address, bits, device, None));
    }

    pub fn route(&mut self, node: &str, to: (&str, u32), device: Id, over: &str) {
        let [to_address, over] = [to.0, over].map(|text| text.parse().expect("an address"));
        self.node(node).routes.push((to_address, to.1, device, Some(over)));
    }

    /// These devices are on one segment: each node knows the others' MACs.
    pub fn neighbours(&mut self, devices: &[Id]) {
        let known: Vec<(IpAddr, Mac)> = devices
            .iter()
            .map(|id| &self.devices[*id])
            .flat_map(|dev| dev.addresses.iter().map(|address| (*address, dev.mac)))
            .collect();
        for id in devices {
            let node = self.devices[*id].node.clone();
            self.node(&node).neighbours.extend(known.iter().copied());
        }
    }

    pub fn id(&self, name: &str) -> Id {
        let all = self.interfaces.iter();
        all.map(ToString::to_string).position(|own| own == name).expect("a device of this name")
    }
}

/// `10.0.1.0/24`: whether an address is in it.
pub fn is_in(address: IpAddr, net: IpAddr, bits: u32) -> bool {
    match (address, net) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            (a.to_bits() ^ b.to_bits()).checked_shr(32 - bits).unwrap_or(0) == 0
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            (a.to_bits() ^ b.to_bits()).checked_shr(128 - bits).unwrap_or(0) == 0
        }
        _ => false,
    }
}

impl World {
    /// The simulation stops after so many sightings: what is still under way is lost.
    pub fn run_for(&mut self, sightings: usize) {
        self.run_while(|world| world.seen.len() < sightings);
        self.queue.clear();
        self.events.clear();
    }
}
