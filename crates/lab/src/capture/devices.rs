//! Which device a frame was seen at: its node, name and what it is joined to, while all of that changes.

use std::collections::HashMap;

use twinax_kernel::Error;
use twinax_kernel::observe::{Change, Device, Follower};
use twinax_packet::journey::{Device as Wired, Role, Wiring};
use twinax_packet::{Interface, InterfaceId, LinkType, Mac};
use twinax_topology::{IfName, NodeName, Place};

use super::wiring::role;
use crate::wanted;

/// A device, by the place of its node among the nodes and its index there.
pub(super) type Key = (usize, u32);

/// The devices of the nodes that are watched.
pub struct Devices {
    follower: Follower,
    nodes: Vec<NodeName>,
    /// All that there are and have been.
    interfaces: Vec<Interface>,
    current: HashMap<Key, Known>,
    /// Of each node the device that was asked for last, by its index: mostly it is the next one, too.
    asked: Vec<Option<(u32, InterfaceId)>>,
    wiring: Wiring,
}

/// What is known of a device.
struct Known {
    interface: InterfaceId,
    role: Role,
    master: Option<Key>,
    peer: Option<Key>,
    lower: Option<Key>,
}

impl Devices {
    pub(super) fn new(nodes: Vec<NodeName>, follower: Follower) -> Result<Self, Error> {
        let mut devices = Self {
            follower,
            nodes,
            interfaces: Vec::new(),
            current: HashMap::new(),
            asked: Vec::new(),
            wiring: Wiring::default(),
        };
        for place in 0..devices.nodes.len() {
            devices.look(place)?;
        }
        devices.wire();
        Ok(devices)
    }

    /// All devices that there are and have been, by their [`InterfaceId`].
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// How they hang together.
    pub fn wiring(&self) -> &Wiring {
        &self.wiring
    }

    /// The indexes of the devices of a node that have one of these names.
    pub(super) fn indexes(&self, place: usize, names: &[IfName]) -> Vec<u32> {
        let own = self.current.iter().filter(|((node, _), _)| *node == place);
        own.filter(|(_, known)| {
            let name = &self.interfaces[known.interface as usize].device;
            names.iter().any(|wanted| wanted.as_str() == name)
        })
        .map(|((_, index), _)| *index)
        .collect()
    }

    pub(super) fn follower(&self) -> &Follower {
        &self.follower
    }

    /// Which interface a device is. One that came and went before anybody could be told of it is called
    /// by its index, as `ip` does.
    #[inline]
    pub(super) fn interface(&mut self, key: Key, link_type: LinkType) -> InterfaceId {
        match self.asked.get(key.0) {
            Some(Some((index, interface))) if *index == key.1 => *interface,
            _ => self.look_up(key, link_type),
        }
    }

    fn look_up(&mut self, key: Key, link_type: LinkType) -> InterfaceId {
        let interface = match self.current.get(&key) {
            Some(known) => known.interface,
            None => {
                let device = format!("if{}", key.1);
                self.set(key, device, link_type, None, Known::nothing())
            }
        };
        self.asked.resize(self.nodes.len(), None);
        self.asked[key.0] = Some((key.1, interface));
        interface
    }

    /// Follows one more node; its place.
    pub(super) fn add(
        &mut self,
        node: NodeName,
        netns: &twinax_kernel::Netns,
    ) -> Result<usize, Error> {
        let place = self.follower.add(netns)?;
        self.nodes.push(node);
        self.look(place)?;
        self.wire();
        Ok(place)
    }

    /// Takes in what has changed.
    pub(super) fn follow(&mut self) -> Result<(), Error> {
        let mut heard = Vec::new();
        let complete = self.follower.changes(|place, change| heard.push((place, change)))?;
        let mut touched: Vec<usize> = heard.iter().map(|(place, _)| *place).collect();
        if !complete {
            touched = (0..self.nodes.len()).collect();
        }
        for (place, change) in heard {
            match change {
                // What it is joined to is not told, so that this counts only if it is gone already.
                Change::Is(device) => self.take(place, *device),
                // Its frames may still be to come: it stays known until the index is another's.
                Change::Gone(_) => {}
            }
        }
        touched.sort_unstable();
        touched.dedup();
        for place in touched {
            match self.look(place) {
                // A node that is gone has no devices.
                Err(error) if error.errno() == Some(rustix::io::Errno::INVAL) => {}
                looked => looked?,
            }
        }
        self.wire();
        Ok(())
    }

    /// Puts what is known into the words of journeys.
    fn wire(&mut self) {
        for known in self.current.values() {
            let at = |key: Option<Key>| self.current.get(&key?);
            let interface = |known: &Known| known.interface;
            let device = Wired {
                role: known.role,
                peer: at(known.peer).map(interface),
                bridge: at(known.master).filter(|own| own.role == Role::Bridge).map(interface),
                lower: at(known.lower).map(interface),
            };
            self.wiring.set(known.interface, device);
        }
        // What a program carries between two TAPs goes as over a cable.
        for wire in wanted::wires().unwrap_or_default() {
            if let (Some(a), Some(b)) = (self.at(&wire.a), self.at(&wire.b)) {
                self.wiring.join(a, b);
            }
        }
    }

    /// The device at a place, where there is one.
    fn at(&self, place: &Place) -> Option<InterfaceId> {
        let all = self.current.iter().filter(|((node, _), _)| self.nodes[*node] == place.node);
        let mut own = all.map(|(_, known)| known.interface);
        own.find(|id| self.interfaces[*id as usize].device == place.interface.as_str())
    }

    fn look(&mut self, place: usize) -> Result<(), Error> {
        for device in self.follower.devices(place)? {
            self.take(place, device);
        }
        Ok(())
    }

    fn take(&mut self, place: usize, device: Device) {
        let Device { link, link_type, master, peer } = device;
        let mac = link.mac.map(|mac| Mac(mac.octets()));
        let role = role(&link.name, &link.kind, link.tap.as_deref());
        // Of a device that sits on another, IFLA_LINK is that one.
        let lower = link.peer_index.filter(|_| role == Role::Upper);
        let at =
            |node: Option<i32>, index| Some((node.map_or(Ok(place), usize::try_from).ok()?, index));
        let known = Known {
            interface: 0,
            role,
            master: master.map(|index| (place, index)),
            peer,
            lower: lower.and_then(|index| at(link.peer_netnsid, index)),
        };
        self.set((place, link.index), link.name, link_type, mac, known);
    }

    fn set(
        &mut self,
        key: Key,
        device: String,
        link_type: LinkType,
        mac: Option<Mac>,
        known: Known,
    ) -> InterfaceId {
        self.asked.clear();
        let same = self.current.get(&key).map(|known| known.interface).filter(|&id| {
            let own = &self.interfaces[id as usize];
            own.device == device && own.link_type == link_type
        });
        let interface = match same {
            // A MAC address may change without the device being another.
            Some(id) => id,
            None => {
                let node = self.nodes[key.0].to_string();
                self.interfaces.push(Interface { node, device, link_type, mac });
                (self.interfaces.len() - 1) as InterfaceId
            }
        };
        self.interfaces[interface as usize].mac = mac;
        // Word of a change does not tell the peer; a look that follows does.
        let peer = known.peer.or_else(|| self.current.get(&key)?.peer);
        self.current.insert(key, Known { interface, peer, ..known });
        interface
    }
}

impl Known {
    fn nothing() -> Self {
        Self { interface: 0, role: Role::Unknown, master: None, peer: None, lower: None }
    }
}
