//! A network namespace in the kernel's own words, said again in another namespace.
//!
//! What netlink reports of routes, rules, addresses… is, but for a few attributes, what it takes as a
//! request to make the same. So a namespace is copied without a word of our own for each thing that
//! there can be in it: what is read ([`Words::read`]) is kept as bytes, less what only counts, ticks or
//! follows from other things, and said again ([`Replay`]). Devices are made with the indexes that they
//! have, so that an index means the same device.
//!
//! What the kernel makes by itself in the meantime (the routes of an address, the entries of a port, the
//! rules of each namespace) is not said, but compared: what is there and should not be goes, what should
//! be and is not there comes.

mod address;
mod device;
mod neighbour;
mod object;
mod policy;
mod route;
mod rule;

use netlink_sys::protocols::NETLINK_ROUTE;
use twinax_topology::{Bridge, NodeName, Place};

use crate::error::Error;
use crate::netlink::Socket;
use crate::netns::Netns;
use crate::rtnl::Rtnl;

pub use device::{Device, End};
pub use object::Object;
pub use policy::{Policy, PolicyDirection};
pub use route::RawRoute;

/// `IFLA_BR_…` that can be set (`linux/if_link.h`), but for `IFLA_BR_STP_STATE`, which decides what the
/// states of ports do by themselves, and `IFLA_BR_GROUP_ADDR`.
const BRIDGE_DATA: &[u16] = &[
    1, 2, 3, 4, 6, 7, 8, 9, 22, 23, 24, 25, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 43,
    44, 46, 49,
];

/// `IFLA_BRPORT_STATE`.
const PORT_STATE: u16 = 1;

/// `IFLA_BRPORT_…` that can be set, but for the state.
const PORT_DATA: &[u16] = &[
    2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 25, 27, 28, 29, 30, 31, 32, 33, 34, 37, 39, 40, 42, 43, 44,
];

/// What there is in a namespace, in the kernel's words.
#[derive(Debug, Clone, Default)]
pub struct Words {
    /// Its devices, in ascending order of their indexes.
    pub devices: Vec<Device>,
    /// Its addresses, in the order in which they are to be added.
    addresses: Vec<Object>,
    nexthops: Vec<Object>,
    /// The routes of all tables, in the kernel's order.
    routes: Vec<Object>,
    /// Its policy rules, in the order in which they are tried.
    rules: Vec<Object>,
    /// The neighbours that somebody has set.
    neighbours: Vec<Object>,
    /// The entries of forwarding databases that nobody has learned.
    fdb: Vec<Object>,
    /// The IPsec policies.
    policies: Vec<Policy>,
}

impl Words {
    /// All that there is in the namespace of the calling thread.
    pub fn read() -> Result<Self, Error> {
        let mut socket = Socket::open(NETLINK_ROUTE)?;
        let devices = device::all(&mut socket)?;
        Ok(Self {
            addresses: address::all(&mut socket)?,
            nexthops: route::nexthops(&mut socket)?,
            routes: route::all(&mut socket)?,
            rules: rule::all(&mut socket)?,
            neighbours: neighbour::all(&mut socket, &devices)?,
            fdb: neighbour::fdb(&mut socket, &devices)?,
            policies: Policy::all()?,
            devices,
        })
    }

    /// Leaves devices out, and what is said of them alone: those of these indexes.
    pub fn without(&mut self, indexes: &[u32]) {
        self.devices.retain(|own| !indexes.contains(&own.seen.index));
        self.addresses.retain(|own| !indexes.contains(&address::device(own)));
        self.neighbours.retain(|own| !indexes.contains(&neighbour::device(own)));
        self.fdb.retain(|own| !indexes.contains(&neighbour::device(own)));
        self.routes
            .retain(|own| route::device(own).is_none_or(|device| !indexes.contains(&device)));
    }

    /// The indexes of devices of which an IPv6 address was found to be another node's.
    pub fn with_duplicates(&self) -> Vec<u32> {
        let failed = self.addresses.iter().filter(|own| address::has_failed(own));
        let mut devices: Vec<u32> = failed.map(address::device).collect();
        devices.dedup();
        devices
    }

    /// What a copy can't have of this, in words.
    pub fn lacks(&self) -> Vec<String> {
        self.addresses.iter().filter_map(address::lack).collect()
    }
}

/// What the kernel gives a fresh bridge and a fresh port: what is like that need not be said.
#[derive(Debug, Clone, Default)]
pub struct Fresh {
    bridge: device::Usual,
    port: device::Usual,
}

impl Fresh {
    /// Found out in the namespace of the calling thread, which must be a scratch one.
    pub fn read() -> Result<Self, Error> {
        let node: NodeName = "scratch".parse().expect("the name of a node");
        let place = |name: &str| Place {
            node: node.clone(),
            interface: name.parse().expect("the name of a device"),
        };
        let mut rtnl = Rtnl::open()?;
        rtnl.add_bridge(&Bridge::new(place("bridge")))?;
        let here = Netns::current()?;
        let device = |name| twinax_plan::Device { place: place(name), mac: None, mtu: None };
        rtnl.add_veth((&device("port"), &here), (&device("other"), &here))?;
        rtnl.set_master("port", Some(&place("bridge").interface))?;
        rtnl.flush()?;
        let devices = device::all(&mut Socket::open(NETLINK_ROUTE)?)?;
        let usual = |name: &str| {
            let found = devices.iter().find(|device| device.seen.name == name);
            found.map(device::Usual::of_device).unwrap_or_default()
        };
        Ok(Self { bridge: usual("bridge").0, port: usual("port").1 })
    }
}

/// Says things again, in the namespace of the thread that opened it.
///
/// What the kernel refuses is passed over, and kept to be told ([`refused`](Self::refused)).
pub struct Replay<'a> {
    socket: Socket,
    usual: &'a Fresh,
    refused: Vec<String>,
}

impl<'a> Replay<'a> {
    /// One in the namespace of the calling thread.
    pub fn open(usual: &'a Fresh) -> Result<Self, Error> {
        Ok(Self { socket: Socket::open(NETLINK_ROUTE)?, usual, refused: Vec::new() })
    }

    /// Carries out what is [queued](Self::make_pair).
    pub fn flush(&mut self) -> Result<(), Error> {
        self.socket.flush()
    }

    /// What the kernel has refused since the last call, in words.
    pub fn refused(&mut self) -> Vec<String> {
        std::mem::take(&mut self.refused)
    }

    /// Has the kernel try these; what it refuses is told by its name.
    fn try_all(
        &mut self,
        request: &'static str,
        flags: u16,
        objects: impl IntoIterator<Item = (String, Object)>,
    ) -> Vec<usize> {
        let (names, objects): (Vec<String>, Vec<Object>) = objects.into_iter().unzip();
        match self.socket.try_all(request, flags, &objects) {
            Ok(refused) => {
                let mut places = Vec::new();
                for error in refused {
                    let Error::Refused { mark, refusal, .. } = error else { continue };
                    self.refused.push(format!("{}: {refusal}", names[mark]));
                    places.push(mark);
                }
                places
            }
            Err(error) => {
                self.refused.push(format!("{request}: {error}"));
                Vec::new()
            }
        }
    }

    /// Gives the namespace the addresses that are said. Devices may still be down.
    pub fn add_addresses(&mut self, words: &Words) {
        address::add(self, &words.addresses);
    }

    /// Takes away what addresses have come by themselves and are not said.
    pub fn compare_addresses(&mut self, words: &Words) -> Result<(), Error> {
        address::compare(self, &words.addresses)
    }

    /// Makes routes, rules, IPsec policies, static neighbours and static entries of forwarding databases what is said. The devices
    /// must have settled.
    pub fn compare_rest(&mut self, words: &Words) -> Result<(), Error> {
        neighbour::add(self, &words.neighbours);
        route::compare(self, &words.nexthops, &words.routes, &words.devices)?;
        rule::compare(self, &words.rules)?;
        policy::add(self, &words.policies);
        neighbour::compare_fdb(self, &words.fdb, &words.devices)
    }
}

/// Which of two lists of things are to come, in their order, and which to go.
fn difference(now: Vec<Object>, wanted: &[Object]) -> (Vec<Object>, Vec<Object>) {
    let mut left: Vec<Option<Object>> = now.into_iter().map(Some).collect();
    let mut come = Vec::new();
    for object in wanted {
        match left.iter_mut().find(|own| own.as_ref() == Some(object)) {
            Some(found) => *found = None,
            None => come.push(object.clone()),
        }
    }
    (come, left.into_iter().flatten().collect())
}
