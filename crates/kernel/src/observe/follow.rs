//! The devices of all nodes of a lab, and word of each change of them.
//!
//! ```text
//!   observer: a scratch namespace, in which each node has a number (as in `lab.rs`); so have, once the
//!      │      kernel has told of their peers, namespaces that nobody asked for
//!      │  one socket that hears of every change in any of them (NETLINK_LISTEN_ALL_NSID)
//!      │  one socket that asks
//!      ▼
//!   node 0 ─── node 1 ─── …
//! ```
//!
//! So there are two sockets for a lab, however many nodes it has. The kernel tells each change with the
//! number of its node (`do_one_broadcast`, `net/netlink/af_netlink.c`), to whom may be told: that takes
//! `CAP_NET_BROADCAST` in the user namespace of the node.

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket as Inner, SocketAddr};
use rustix::io::Errno;
use twinax_packet::LinkType;
use twinax_plan::ObservedLink;
use twinax_topology::NodeName;

use super::lab::{Open, give_numbers, number, number_of, on_own_thread, other_end};
use super::{Reader, link};
use crate::attributes::Value;
use crate::capture::link_type;
use crate::error::Error;
use crate::netlink::messages;
use crate::netns::Netns;
use crate::sys;

/// `RTMGRP_LINK` (`linux/rtnetlink.h`).
const LINKS: u32 = 0x1;
/// Room for one datagram of word: one device, with all that is said of it.
const DATAGRAM: usize = 32 * 1024;

/// A device of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// What is said of it; without its addresses, and without the name of its peer.
    pub link: ObservedLink,
    /// What its frames begin with.
    pub link_type: LinkType,
    /// The index of its master.
    pub master: Option<u32>,
    /// The other end of a veth pair: its node, as the place among the nodes, and its index there.
    pub peer: Option<(usize, u32)>,
}

/// A change of the devices of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A device has come, or is not what it was.
    Is(Box<Device>),
    /// The device of this index is gone.
    Gone(u32),
}

/// Follows the devices of nodes.
pub struct Follower {
    asking: Reader,
    hearing: Inner,
    /// The number of each node, by its place.
    numbers: Vec<i32>,
    /// The other way round.
    places: HashMap<i32, usize>,
}

impl Follower {
    /// Begins to hear of the devices of these nodes. `open` as in [`lab`](super::lab()).
    pub fn open(names: &[NodeName], open: &Open<'_>) -> Result<Self, Error> {
        let (asking, hearing) = on_own_thread(|| {
            Netns::create()?;
            let mut asking = Reader::open(Vec::new())?;
            asking.socket.be_strict()?;
            give_numbers(&mut asking.socket, names, open)?;
            let hearing = listen().map_err(Error::io("listening for changes"))?;
            let (level, option) = (libc::SOL_NETLINK, libc::NETLINK_LISTEN_ALL_NSID);
            sys::set_int_option(hearing.as_fd(), level, option, 1)
                .map_err(Error::call("listening for changes in all nodes"))?;
            Ok::<_, Error>((asking, hearing))
        })?;
        let numbers: Vec<i32> = (0..names.len()).map(number).collect();
        let places = numbers.iter().copied().zip(0..).collect();
        Ok(Self { asking, hearing, numbers, places })
    }

    /// Follows one more node; its place.
    pub fn add(&mut self, netns: &Netns) -> Result<usize, Error> {
        let number = number_of(&mut self.asking.socket, netns)?;
        let place = self.numbers.len();
        self.numbers.push(number);
        self.places.insert(number, place);
        Ok(place)
    }

    /// The devices of the node at this place.
    pub fn devices(&mut self, place: usize) -> Result<Vec<Device>, Error> {
        let places = &self.places;
        link::list(&mut self.asking, Some(self.numbers[place]), |message| {
            let mut device = device(message)?;
            device.peer = other_end(place, &device.link, |number| places.get(&number).copied());
            Some(device)
        })
    }

    /// Hears what has changed since the last call, in the order in which it did: the place of the node,
    /// and what. Where the other end of a veth pair is, is not said here, but by
    /// [`devices`](Self::devices).
    ///
    /// `false`: some of it was lost, because there was no room for so much.
    pub fn changes(&mut self, mut each: impl FnMut(usize, Change)) -> Result<bool, Error> {
        let mut datagram = vec![0; DATAGRAM];
        let mut complete = true;
        loop {
            let (length, node) = match sys::receive_of_node(self.hearing.as_fd(), &mut datagram) {
                Ok(received) => received,
                Err(Errno::AGAIN) => return Ok(complete),
                Err(Errno::NOBUFS) => {
                    complete = false;
                    continue;
                }
                Err(Errno::INTR) => continue,
                Err(errno) => return Err(Error::Call { call: "hearing of changes", errno }),
            };
            // What happens in the observer itself has no number.
            let Some(&node) = node.and_then(|number| self.places.get(&number)) else { continue };
            for (header, message) in messages(&datagram[..length]) {
                let device = device(message);
                match (header.message_type, device) {
                    (libc::RTM_NEWLINK, Some(device)) => each(node, Change::Is(Box::new(device))),
                    // A bridge also says RTM_DELLINK of a port that it loses (`br_ifinfo_notify`).
                    (libc::RTM_DELLINK, Some(device)) if !is_of_bridge(message) => {
                        each(node, Change::Gone(device.link.index));
                    }
                    _ => {}
                }
            }
        }
    }
}

impl AsFd for Follower {
    /// Ready for reading when something has changed.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.hearing.as_fd()
    }
}

fn listen() -> std::io::Result<Inner> {
    let mut socket = Inner::new(NETLINK_ROUTE)?;
    socket.bind(&SocketAddr::new(0, LINKS))?;
    socket.set_non_blocking(true)?;
    Ok(socket)
}

fn device(message: &[u8]) -> Option<Device> {
    let (link, master) = link::observed(message)?;
    // struct ifinfomsg: family, pad, type, index, flags, change.
    let link_type = link_type(Value(message.get(2..)?).u16()?);
    Some(Device { link, link_type, master, peer: None })
}

fn is_of_bridge(message: &[u8]) -> bool {
    message.first() == Some(&(libc::AF_BRIDGE as u8))
}
