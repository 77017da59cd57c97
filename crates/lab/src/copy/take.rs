//! Taking down what nodes are.

use std::collections::{BTreeMap, HashMap, HashSet};

use twinax_kernel::ask::{self, Listening};
use twinax_kernel::nft::copy::RawRuleset;
use twinax_kernel::observe::What;
use twinax_kernel::replay::{Device, Fresh, Words};
use twinax_kernel::{Error, Netns, nft, observe as kernel, sysctl};
use twinax_plan::{Observed, ObservedNode, Purpose};
use twinax_topology::{NodeName, Place, Sysctl, TapMode, Wire};

use super::Blueprint;
use crate::nodes::{self, inside, on_own_thread};
use crate::{observe, wanted};

/// A node that is to be copied.
#[derive(Debug, Clone)]
pub(super) struct Taken {
    pub name: NodeName,
    pub words: Words,
    /// What is known of a device by its index; nothing of one that is made of what the kernel says of it.
    pub ways: HashMap<u32, Way>,
    /// The sysctls that somebody has set, in the order in which they are to be set.
    pub sysctls: Vec<Sysctl>,
    /// The largest IPv6 packet of each device where that is not its MTU. The kernel forgets it when
    /// the device comes up.
    pub ipv6_mtus: Vec<Sysctl>,
    pub firewall: RawRuleset,
    /// The sockets that wait for what comes.
    pub sockets: Vec<Listening>,
}

/// How a device comes to be.
#[derive(Debug, Clone)]
pub(super) enum Way {
    /// By itself, in every namespace.
    Native,
    /// As an end of a veth pair whose other end is this one.
    Pair(Place),
    /// As an end of a veth pair whose other end is in no node that is copied.
    Away,
    /// As a TUN/TAP device; whether somebody holds it.
    Tap { mode: TapMode, held: bool },
}

/// So many ports of a bridge that lead to nodes which are not copied are kept.
const PORTS: usize = 16;

/// Takes down these nodes.
pub(super) fn take(names: &[NodeName]) -> Result<Blueprint, Error> {
    let mut observed = observe::nodes(names.to_vec(), &What::all())?;
    let (fresh, fresh_sysctls) = on_own_thread(|| {
        Netns::create()?;
        // Before there is any device of which there were some more.
        let sysctls = kernel::sysctls();
        Ok::<_, Error>((Fresh::read()?, sysctls))
    })?;
    let read = together(names, |name| {
        inside(&nodes::open(name)?, || Read::here(&fresh_sysctls))
            .map_err(|source| Error::Node { name: name.to_string(), source: Box::new(source) })
    });
    let wires = wanted::wires().map_err(Error::io("reading what carries between nodes"))?;
    let mut lacks = Vec::new();
    let mut taken = Vec::new();
    for ((name, seen), read) in observed.nodes.iter_mut().zip(read) {
        let Read { words, sysctls, ipv6_mtus, firewall, sockets, legacy } = read?;
        let said = sysctls.iter().map(|own| (own.key.path().to_owned(), own.value.clone()));
        seen.sysctls.extend(said);
        let ways = ways(name, seen, &words.devices, names, &wires);
        let name = name.clone();
        let mut node = Taken { name, words, ways, sysctls, ipv6_mtus, firewall, sockets };
        node.leave_ports_out(&mut lacks);
        lacks.extend(node.words.lacks().iter().map(|lack| format!("{}: {lack}", node.name)));
        lacks.extend(node.spanning_trees());
        lacks.extend(
            legacy
                .iter()
                .map(|shown| format!("{}: a table of the old iptables (`{shown}`)", node.name)),
        );
        taken.push(node);
    }
    let wires = carried(&taken, wires);
    let topology = topology(&observed);
    Ok(Blueprint { topology, nodes: taken, fresh, wires, lacks })
}

/// What is read in a node.
struct Read {
    words: Words,
    sysctls: Vec<Sysctl>,
    ipv6_mtus: Vec<Sysctl>,
    firewall: RawRuleset,
    sockets: Vec<Listening>,
    /// The commands that show the tables of the old iptables.
    legacy: Vec<String>,
}

impl Read {
    /// In the namespace of the calling thread.
    fn here(fresh: &BTreeMap<String, String>) -> Result<Self, Error> {
        let words = Words::read()?;
        let ipv6_mtus = ipv6_mtus(&words.devices);
        let mut sockets = ask::sockets()?;
        let of_tunnels: HashSet<u16> = ask::tunnels()?.iter().filter_map(|own| own.port).collect();
        // A tunnel's is the kernel's own, and comes with the device.
        let is_kernels =
            |own: &Listening| own.protocol == ask::Protocol::Udp && of_tunnels.contains(&own.port);
        // One that is connected takes nothing from anybody else.
        sockets.retain(|own| own.peer.is_none() && !is_kernels(own));
        // A port of a bridge takes no packets by itself.
        let many = ports_of_large_bridges(&words.devices);
        let sysctls = sysctl::differing_but(fresh, |name| many.contains(name));
        let firewall = nft::copy::dump()?;
        let legacy = ask::legacy_tables();
        Ok(Self { words, sysctls, ipv6_mtus, firewall, sockets, legacy })
    }
}

/// The ports of bridges that have more of them than are copied, by their names.
fn ports_of_large_bridges(devices: &[Device]) -> HashSet<&str> {
    let mut ports: HashMap<&str, Vec<&str>> = HashMap::new();
    for device in devices {
        if let Some(master) = &device.seen.master {
            ports.entry(master).or_default().push(&device.seen.name);
        }
    }
    ports.into_values().filter(|ports| ports.len() > PORTS).flatten().collect()
}

/// Does the same for each node, on as many threads as there are processors.
fn together<T: Send>(names: &[NodeName], work: impl Fn(&NodeName) -> T + Sync) -> Vec<T> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let each = names.len().div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        let parts: Vec<_> = names
            .chunks(each)
            .map(|part| scope.spawn(|| part.iter().map(&work).collect::<Vec<T>>()))
            .collect();
        let ended = parts.into_iter().map(std::thread::ScopedJoinHandle::join);
        ended.flat_map(|end| end.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

/// The nodes as far as a lab file can say them.
fn topology(observed: &Observed) -> twinax_topology::Topology {
    let name = "copy".parse().expect("the name of a lab");
    twinax_plan::found(&name, observed, None, &HashMap::new(), Purpose::Compare).topology
}

/// What is known of each device.
fn ways(
    name: &NodeName,
    seen: &ObservedNode,
    devices: &[Device],
    copied: &[NodeName],
    wires: &[Wire],
) -> HashMap<u32, Way> {
    let way = |device: &Device| {
        let own = &device.seen;
        if own.is_native() {
            return Some(Way::Native);
        }
        match own.kind.as_str() {
            "veth" => {
                let peer = seen.link(&own.name).and_then(|link| seen.peer(name, link));
                let peer = peer.filter(|peer| copied.contains(&peer.node));
                Some(peer.map_or(Way::Away, Way::Pair))
            }
            "tun" => {
                let is_tun = own.tap.as_deref() == Some("tun");
                let mode = if is_tun { TapMode::Tun } else { TapMode::Tap };
                // One that is down has no carrier, whoever holds it: it is held where a wire ends in it.
                let held = own.carrier || (!own.up && is_wired(name, device, wires));
                Some(Way::Tap { mode, held })
            }
            _ => None,
        }
    };
    devices.iter().filter_map(|own| Some((own.seen.index, way(own)?))).collect()
}

/// The sysctls that say how large IPv6 packets may be where that is not the MTU.
fn ipv6_mtus(devices: &[Device]) -> Vec<Sysctl> {
    let own = |device: &Device| {
        let path = format!("net/ipv6/conf/{}/mtu", device.seen.name);
        let value = sysctl::get(&path).ok()?;
        let differs = device.seen.up && value != device.seen.mtu.to_string();
        Some(Sysctl { key: path.parse().ok().filter(|_| differs)?, value })
    };
    devices.iter().filter_map(own).collect()
}

/// A device in the words of a lab file.
fn place(node: &NodeName, device: &Device) -> Option<Place> {
    Some(Place { node: node.clone(), interface: device.seen.name.parse().ok()? })
}

/// Whether a wire ends in a device.
fn is_wired(name: &NodeName, device: &Device, wires: &[Wire]) -> bool {
    place(name, device)
        .is_some_and(|place| wires.iter().any(|wire| wire.other_end(&place).is_some()))
}

/// The wires between devices that are copied, as far as they carry.
fn carried(nodes: &[Taken], wires: Vec<Wire>) -> Vec<Wire> {
    let held: HashSet<Place> = nodes.iter().flat_map(Taken::held_taps).collect();
    wires.into_iter().filter(|wire| held.contains(&wire.a) && held.contains(&wire.b)).collect()
}

impl Taken {
    pub(super) fn place(&self, device: &Device) -> Option<Place> {
        place(&self.name, device)
    }

    /// The TUN/TAP devices that somebody holds.
    fn held_taps(&self) -> Vec<Place> {
        let is_held = |own: &&Device| {
            matches!(self.ways.get(&own.seen.index), Some(Way::Tap { held: true, .. }))
        };
        self.words.devices.iter().filter(is_held).filter_map(|own| self.place(own)).collect()
    }

    /// A bridge may have thousands of ports: of those that lead away from what is copied, few are kept,
    /// and such as have carrier before others.
    fn leave_ports_out(&mut self, lacks: &mut Vec<String>) {
        let mut away: HashMap<&str, Vec<&Device>> = HashMap::new();
        for device in &self.words.devices {
            if let (Some(Way::Away), Some(master)) =
                (self.ways.get(&device.seen.index), &device.seen.master)
            {
                away.entry(master).or_default().push(device);
            }
        }
        let mut out = Vec::new();
        for (bridge, mut ports) in away {
            if ports.len() <= PORTS {
                continue;
            }
            ports.sort_by_key(|port| !port.seen.carrier);
            let left_out = &ports[PORTS..];
            out.extend(left_out.iter().map(|port| port.seen.index));
            lacks.push(format!(
                "{}:{bridge}: {} of its ports, which lead to nodes that are not copied",
                self.name,
                left_out.len()
            ));
        }
        self.words.without(&out);
    }

    /// Bridges that take part in a spanning tree: in a copy that would keep its ports from forwarding
    /// for half a minute.
    fn spanning_trees(&self) -> Vec<String> {
        let takes_part =
            |own: &&Device| own.seen.bridge.get("stp_state").is_some_and(|on| on != "0");
        let bridges = self.words.devices.iter().filter(takes_part);
        let lack = |own: &Device| {
            format!(
                "{}:{}: its spanning tree protocol; its ports stay in the states that they have",
                self.name, own.seen.name
            )
        };
        bridges.map(lack).collect()
    }
}
