//! Building a copy, in a sandbox in which there is nothing yet.
//!
//! 1. Each node's namespace, the sysctls that name no device of it, its bridges and TUN/TAP devices.
//! 2. All veth pairs.
//! 3. In each node: what is made of other devices; masters, ports, MTUs, the sysctls of devices;
//!    addresses; up.
//! 4. When all has settled, what the kernel has made by itself is compared with what is there in the lab:
//!    addresses, routes, rules, entries of forwarding databases, states of ports. Then firewalls, and sockets
//!    that wait for what comes.

use std::collections::HashMap;
use std::os::fd::OwnedFd;

use twinax_kernel::replay::{Device, End, Replay};
use twinax_kernel::sysctl::Sysctls;
use twinax_kernel::{Error, Netns, mounts, tun};
use twinax_topology::{Place, Sysctl};

use super::Blueprint;
use super::sockets;
use super::take::{Taken, Way};
use crate::lab::{self, LabError};
use crate::nodes::{self, on_own_thread};
use crate::wire::HeldWire;

/// A copy that is being built.
struct Site<'a> {
    of: &'a Blueprint,
    /// The namespaces of the nodes, in their order.
    netns: Vec<Netns>,
    /// Where ends of links are whose nodes are not copied. It is no node, and has no name.
    elsewhere: Netns,
    /// How many there are.
    ends: usize,
    sysctls: Sysctls,
    /// What the kernel has refused, in words.
    refused: Vec<String>,
}

/// Builds a copy in the sandbox of the calling process, and waits until its links carry frames. What the
/// kernel has refused, in words.
pub(super) fn build(of: &Blueprint) -> Result<Vec<String>, LabError> {
    let failed = LabError::Observe;
    let mut site = on_own_thread(|| Site::make(of)).map_err(failed)?;
    let (held, wires) = site.hold();
    // They are held as long as the process is there.
    std::mem::forget(held);
    lab::settle(of.nodes.iter().map(|node| &node.name))?;
    let waiting = on_own_thread(|| site.finish()).map_err(failed)?;
    sockets::keep(waiting, wires).map_err(failed)?;
    let Site { refused, elsewhere, .. } = site;
    std::mem::forget(elsewhere);
    Ok(refused)
}

/// Whether a sysctl can be set before there is any device but `lo`.
fn needs_no_device(sysctl: &Sysctl) -> bool {
    sysctl.key.interface().is_none_or(|name| name == "lo")
}

impl<'a> Site<'a> {
    /// All up to where it has to settle, on a thread that is outside of all nodes.
    fn make(of: &'a Blueprint) -> Result<Self, Error> {
        let outside = Netns::current()?;
        let mut sysctls = Sysctls::default();
        let elsewhere = Netns::create()?;
        // Nobody is there who would speak.
        for path in ["net/ipv6/conf/default/disable_ipv6", "net/ipv6/conf/all/disable_ipv6"] {
            if let Ok(key) = path.parse() {
                // A kernel without IPv6 has nobody who would.
                let _ = sysctls.set(&Sysctl { key, value: "1".to_owned() });
            }
        }
        let (netns, refused) = (Vec::new(), Vec::new());
        let mut site = Self { of, netns, elsewhere, ends: 0, sysctls, refused };
        for node in &of.nodes {
            site.netns.push(Netns::create()?);
            mounts::pin(node.name.as_str())?;
            site.begin(node)?;
        }
        outside.enter()?;
        site.join()?;
        for (place, node) in of.nodes.iter().enumerate() {
            site.netns[place].enter()?;
            site.set_up(node)?;
        }
        site.elsewhere.enter()?;
        site.light()?;
        Ok(site)
    }

    fn tell(&mut self, node: &Taken, refused: Vec<String>) {
        self.refused.extend(refused.into_iter().map(|what| format!("{}: {what}", node.name)));
    }

    /// Sets sysctls. What is refused is said once more after the others: of two that bound each other
    /// (`ipfrag_low_thresh`, `ipfrag_high_thresh`) one has to be first.
    fn set<'s>(&mut self, node: &Taken, sysctls: impl Iterator<Item = &'s Sysctl>) {
        let refused: Vec<&Sysctl> = sysctls.filter(|own| self.sysctls.set(own).is_err()).collect();
        for sysctl in refused {
            if let Err(error) = self.sysctls.set(sysctl) {
                let errno = error.errno().map(|errno| format!(": {errno}")).unwrap_or_default();
                let what = format!("{} = {}{errno}", sysctl.key, sysctl.value);
                self.refused.push(format!("{}: {what}", node.name));
            }
        }
    }

    /// What comes before the links of a node.
    fn begin(&mut self, node: &Taken) -> Result<(), Error> {
        self.set(node, node.sysctls.iter().filter(|own| needs_no_device(own)));
        let mut replay = Replay::open(&self.of.fresh)?;
        for device in &node.words.devices {
            match node.ways.get(&device.seen.index) {
                Some(Way::Tap { mode, .. }) => {
                    let (name, index) = (&device.seen.name, device.seen.index);
                    if let Err(error) = tun::add_at(name, *mode, index) {
                        let errno =
                            error.errno().map(|own| format!(" ({own})")).unwrap_or_default();
                        self.refused.push(format!(
                            "{}:{name}: a TUN/TAP device can't be made{errno}: an end of a link in its place",
                            node.name
                        ));
                        let netns = self.netns.last().expect("it has just been made");
                        self.ends += 1;
                        let other = format!("end{}", self.ends);
                        replay.make_pair(
                            (End::Like(device), netns),
                            (End::Named(&other), &self.elsewhere),
                        )?;
                        replay.flush()?;
                    }
                }
                None if device.seen.kind == "bridge" => {
                    replay.make(device);
                }
                _ => {}
            }
        }
        let refused = replay.refused();
        self.tell(node, refused);
        Ok(())
    }

    /// Makes all veth pairs.
    fn join(&mut self) -> Result<(), Error> {
        let mut replay = Replay::open(&self.of.fresh)?;
        let all =
            self.of.nodes.iter().enumerate().flat_map(|(at, node)| {
                node.words.devices.iter().map(move |device| (at, node, device))
            });
        let ends: HashMap<Place, (usize, &Device)> = all
            .clone()
            .filter_map(|(at, node, device)| Some((node.place(device)?, (at, device))))
            .collect();
        for (at, node, device) in all {
            let own = (End::Like(device), &self.netns[at]);
            match node.ways.get(&device.seen.index) {
                Some(Way::Pair(peer)) => {
                    // Each pair once.
                    let Some(&(there, other)) = ends.get(peer) else { continue };
                    if (at, device.seen.index) < (there, other.seen.index) {
                        replay.make_pair(own, (End::Like(other), &self.netns[there]))?;
                    }
                }
                Some(Way::Away) => {
                    self.ends += 1;
                    let other = format!("end{}", self.ends);
                    replay.make_pair(own, (End::Named(&other), &self.elsewhere))?;
                }
                _ => {}
            }
        }
        replay.flush()
    }

    /// What comes when the links of a node are there.
    fn set_up(&mut self, node: &Taken) -> Result<(), Error> {
        let mut replay = Replay::open(&self.of.fresh)?;
        let is_other =
            |own: &&Device| !node.ways.contains_key(&own.seen.index) && own.seen.kind != "bridge";
        let others: Vec<&Device> = node.words.devices.iter().filter(is_other).collect();
        replay.make_others(&others);
        let devices: Vec<&Device> = node.words.devices.iter().collect();
        replay.set_up(&devices);
        self.set(node, node.sysctls.iter().filter(|own| !needs_no_device(own)));
        // An address is tentative for as long as there are probes to be sent.
        let endless = node.endless();
        self.set(node, endless.iter().map(|(endless, _)| endless));
        replay.add_addresses(&node.words);
        replay.bring_up(&devices);
        let refused = replay.refused();
        self.tell(node, refused);
        Ok(())
    }

    /// Brings the other ends up, as far as the ends that are copied have carrier.
    fn light(&mut self) -> Result<(), Error> {
        let mut replay = Replay::open(&self.of.fresh)?;
        let mut end = 0;
        let away = self.of.nodes.iter().flat_map(|node| {
            let devices = node.words.devices.iter();
            devices.filter(|own| matches!(node.ways.get(&own.seen.index), Some(Way::Away)))
        });
        // The first ones are in the place of TUN/TAP devices that could not be made.
        let first = self.ends - away.clone().count();
        for device in away {
            end += 1;
            // Of one that is down nobody knows what is there once it is up.
            if device.seen.carrier || !device.seen.up {
                replay.set_up_or_down(&format!("end{}", first + end), true);
            }
        }
        self.refused.extend(replay.refused());
        Ok(())
    }

    /// Holds the TUN/TAP devices that somebody holds in the lab, and those of wires.
    fn hold(&mut self) -> (Vec<OwnedFd>, Vec<HeldWire>) {
        let of_wires =
            |place: &Place| self.of.wires.iter().any(|own| own.other_end(place).is_some());
        let mut held = Vec::new();
        for (at, node) in self.of.nodes.iter().enumerate() {
            for device in &node.words.devices {
                let Some(Way::Tap { mode, held: true }) = node.ways.get(&device.seen.index) else {
                    continue;
                };
                if node.place(device).is_some_and(|place| of_wires(&place)) {
                    continue;
                }
                let name = &device.seen.name;
                match nodes::inside(&self.netns[at], || tun::attach(name, *mode)) {
                    Ok(fd) => held.push(fd),
                    Err(error) => self.refused.push(format!("{}:{name}: {error}", node.name)),
                }
            }
        }
        let mut wires = Vec::new();
        for wire in &self.of.wires {
            match HeldWire::hold(wire, nodes::open) {
                Ok(wire) => wires.push(wire),
                Err(error) => self.refused.push(error.to_string()),
            }
        }
        (held, wires)
    }

    /// What comes when all has settled. The sockets that wait for what comes.
    fn finish(&mut self) -> Result<Vec<sockets::Waiting>, Error> {
        let mut waiting = Vec::new();
        for (place, node) in self.of.nodes.iter().enumerate() {
            self.netns[place].enter()?;
            self.set(node, node.endless().iter().map(|(_, usual)| usual));
            self.set(node, node.ipv6_mtus.iter());
            let mut replay = Replay::open(&self.of.fresh)?;
            replay.compare_addresses(&node.words)?;
            replay.compare_rest(&node.words)?;
            let devices: Vec<&Device> = node.words.devices.iter().collect();
            replay.set_port_states(&devices)?;
            let refused = replay.refused();
            self.tell(node, refused);
            if let Err(error) = node.firewall.load() {
                self.refused.push(format!("{}: its firewall: {error}", node.name));
            }
            for socket in &node.sockets {
                match sockets::open(socket) {
                    Ok(opened) => waiting.push(opened),
                    Err(error) => self
                        .refused
                        .push(format!("{}: a socket at port {}: {error}", node.name, socket.port)),
                }
            }
        }
        Ok(waiting)
    }
}

impl Taken {
    /// How many probes are sent for a new address by the devices that have one which was found to be
    /// another node's: as many as there can be, and as many as there are in the lab.
    fn endless(&self) -> Vec<(Sysctl, Sysctl)> {
        let failed = self.words.with_duplicates();
        let devices = self.words.devices.iter().filter(|own| failed.contains(&own.seen.index));
        let both = |device: &Device| {
            let path = format!("net/ipv6/conf/{}/dad_transmits", device.seen.name);
            let said = |path: &str| {
                self.sysctls.iter().find(|own| own.key.path() == path).map(|own| own.value.clone())
            };
            let usual = said(&path)
                .or_else(|| said("net/ipv6/conf/default/dad_transmits"))
                .unwrap_or_else(|| "1".to_owned());
            let key: twinax_topology::SysctlKey = path.parse().ok()?;
            let value = i32::MAX.to_string();
            Some((Sysctl { key: key.clone(), value }, Sysctl { key, value: usual }))
        };
        devices.filter_map(both).collect()
    }
}
