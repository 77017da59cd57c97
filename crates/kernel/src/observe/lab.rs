//! All nodes of a lab at once.
//!
//! ```text
//!   observer: a scratch namespace, in which each node has a number (RTM_NEWNSID)
//!      │  devices and addresses: asked for from there, by number (IFLA_TARGET_NETNSID)
//!      ▼
//!   node 0 ─── node 1 ─── …      routes, rules, …: asked for in the node (setns, a socket)
//! ```
//!
//! What the kernel says from the observer about the other end of a veth pair is in the observer's
//! numbers (`rtnl_fill_link_netnsid`, `net/core/rtnetlink.c`): so both ends are known at once,
//! whatever else has the same index, name or MAC address. The nodes keep no trace of it: the
//! numbers are gone with the observer.
//!
//! There is one thread per core. Most of the time is the kernel's, and it lists the devices of one
//! namespace at a time, whoever asks (`rtnl_mutex`). Going through the numbers it tries one after
//! the other (`__peernet2id`): with 10,000 nodes that is half of all the time.

use std::os::fd::{AsFd as _, AsRawFd as _};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::nsid::{NsidAttribute, NsidMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use rustix::io::Errno;
use twinax_plan::{ObservedLink, ObservedNode};
use twinax_topology::{NodeName, Place};

use super::{Reader, What, link, rest, values};
use crate::error::Error;
use crate::netlink::Socket;
use crate::netns::Netns;
use crate::sysctl::Sysctls;

/// How many nodes are open at a time while they are given their numbers.
const OPEN: usize = 64;
/// How many nodes a thread takes at a time.
const CHUNK: usize = 16;
/// With fewer nodes than this for each, another thread costs more than it brings.
const NODES_PER_THREAD: usize = 32;
/// How often one looks again because cables were changed meanwhile.
const TRIES: usize = 8;

/// Opens the namespace of the node of this number.
pub type Open<'a> = dyn Fn(usize) -> Result<Netns, Error> + Sync + 'a;

/// Everything that is asked for of these nodes, in their order, and of each veth pair the other
/// end, where that is in one of them.
///
/// `open` opens the namespace of a node, counted from 0. It is called up to two times for each,
/// also on other threads, and at most 64 of them are open at a time. The calling thread stays in
/// its namespace.
///
/// [`ObservedLink::peer_netnsid`] is the number of the other end's node here; of a namespace that
/// is none of the nodes, some number that no node has.
///
/// # Errors
///
/// [`Error::Node`] says which node it was, such as one that is gone.
pub fn lab(
    names: &[NodeName],
    open: &Open<'_>,
    what: &What<'_>,
) -> Result<Vec<ObservedNode>, Error> {
    for _ in 0..TRIES {
        let mut nodes = on_own_thread(|| look(names, open, what))?;
        if join_peers(names, &mut nodes) {
            return Ok(nodes);
        }
    }
    Err(Error::Answer("the cables of the lab change faster than they can be listed".to_owned()))
}

pub(super) fn on_own_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| match scope.spawn(work).join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}

/// Looks at each node, without the peers.
fn look(names: &[NodeName], open: &Open<'_>, what: &What<'_>) -> Result<Vec<ObservedNode>, Error> {
    let observer = Netns::create()?;
    give_numbers(&mut Socket::open(NETLINK_ROUTE)?, names, open)?;
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(names.len() / NODES_PER_THREAD).max(1);
    let crew =
        Crew { names, open, what, next: AtomicUsize::new(0), failed: AtomicBool::new(false) };
    let found =
        thread::scope(|scope| {
            let others: Vec<_> = (1..threads)
                .map(|_| {
                    scope.spawn(|| {
                        observer.enter()?;
                        crew.work()
                    })
                })
                .collect();
            let mut found = vec![crew.work()];
            found.extend(others.into_iter().map(|other| {
                other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            }));
            found
        });
    let mut nodes: Vec<ObservedNode> = Vec::new();
    nodes.resize_with(names.len(), ObservedNode::default);
    for (place, node) in found.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten() {
        nodes[place] = node;
    }
    Ok(nodes)
}

fn of_node(name: &NodeName) -> impl FnOnce(Error) -> Error {
    |error| Error::Node { name: name.to_string(), source: Box::new(error) }
}

/// Gives each node its place among the nodes as its number in the namespace of the socket.
pub(super) fn give_numbers(
    socket: &mut Socket,
    names: &[NodeName],
    open: &Open<'_>,
) -> Result<(), Error> {
    let places: Vec<usize> = (0..names.len()).collect();
    for some in places.chunks(OPEN) {
        let mut opened = Vec::with_capacity(OPEN);
        for &place in some {
            let netns = open(place).map_err(of_node(&names[place]))?;
            socket.mark(place);
            queue_number(socket, &netns, place)?;
            opened.push(netns);
        }
        socket.flush().map_err(|error| match error {
            Error::Refused { mark, .. } => of_node(&names[mark])(error),
            other => other,
        })?;
    }
    Ok(())
}

/// Queues that a node is to have its place as its number in the namespace of the socket.
pub(super) fn queue_number(socket: &mut Socket, netns: &Netns, place: usize) -> Result<(), Error> {
    let mut message = NsidMessage::default();
    message.attributes.push(NsidAttribute::Fd(netns.as_fd().as_raw_fd().cast_unsigned()));
    message.attributes.push(NsidAttribute::Id(number(place)));
    socket.queue("numbering a namespace", 0, &RouteNetlinkMessage::NewNsId(message))
}

/// The number that a node has in the namespace of the socket; one is given to it where it has none. The
/// kernel gives numbers by itself, too, to the namespaces of peers that it tells of.
pub(super) fn number_of(socket: &mut Socket, netns: &Netns) -> Result<i32, Error> {
    let message = |id: Option<i32>| {
        let mut message = NsidMessage::default();
        message.attributes.push(NsidAttribute::Fd(netns.as_fd().as_raw_fd().cast_unsigned()));
        message.attributes.extend(id.map(NsidAttribute::Id));
        message
    };
    /// Any that is free (`NETNSA_NSID_NOT_ASSIGNED`, `linux/net_namespace.h`).
    const ANY: i32 = -1;
    let new = RouteNetlinkMessage::NewNsId(message(Some(ANY)));
    match socket.request("numbering a namespace", 0, &new) {
        Err(error) if error.errno() != Some(Errno::EXIST) => return Err(error),
        _ => {}
    }
    let get = RouteNetlinkMessage::GetNsId(message(None));
    let answer = socket.get("asking for the number of a namespace", &get)?;
    let number = match answer {
        Some(RouteNetlinkMessage::NewNsId(answer)) => {
            answer.attributes.iter().find_map(|attribute| match attribute {
                NsidAttribute::Id(id) if *id >= 0 => Some(*id),
                _ => None,
            })
        }
        _ => None,
    };
    number.ok_or_else(|| Error::Answer("a namespace has no number".to_owned()))
}

pub(super) fn number(place: usize) -> i32 {
    i32::try_from(place).expect("fewer nodes than numbers")
}

/// The threads that look at nodes, each at those that no other has taken.
struct Crew<'a> {
    names: &'a [NodeName],
    open: &'a Open<'a>,
    what: &'a What<'a>,
    next: AtomicUsize,
    failed: AtomicBool,
}

/// What a thread needs in the nodes that it visits.
#[derive(Default)]
struct Inside {
    /// Room for the answers.
    answer: Vec<u8>,
    sysctls: Sysctls,
}

impl Crew<'_> {
    /// Looks at nodes until all are taken. The calling thread is in the observer; it ends up
    /// elsewhere.
    fn work(&self) -> Result<Vec<(usize, ObservedNode)>, Error> {
        let mut inside = Inside::default();
        let mut outside = Reader::open(Vec::new())?;
        outside.socket.be_strict()?;
        let mut found = Vec::new();
        while !self.failed.load(Ordering::Relaxed) {
            let first = self.next.fetch_add(CHUNK, Ordering::Relaxed);
            if first >= self.names.len() {
                break;
            }
            for place in first..self.names.len().min(first + CHUNK) {
                let node = self.node(place, &mut outside, &mut inside).map_err(|error| {
                    self.failed.store(true, Ordering::Relaxed);
                    of_node(&self.names[place])(error)
                })?;
                found.push((place, node));
            }
        }
        Ok(found)
    }

    fn node(
        &self,
        place: usize,
        outside: &mut Reader,
        inside: &mut Inside,
    ) -> Result<ObservedNode, Error> {
        let target = Some(number(place));
        let mut links = link::all(outside, target)?;
        if self.what.addresses {
            link::join_addresses(outside, target, &mut links)?;
        }
        let mut node = ObservedNode { links, ..ObservedNode::default() };
        if self.what.needs_visit() {
            (self.open)(place)?.enter()?;
            let mut reader = Reader::open(std::mem::take(&mut inside.answer))?;
            rest(&mut reader, self.what, &mut node)?;
            let sysctls = self.what.sysctls.map(|paths| paths(place)).unwrap_or_default();
            let paths = sysctls.iter().map(String::as_str);
            node.sysctls = values(&mut reader.socket, &mut inside.sysctls, paths)?;
            inside.answer = reader.answer;
        }
        Ok(node)
    }
}

/// Where the other end of a device is: the place of its node, its index there. `None`: it has
/// none, or elsewhere.
pub(super) fn other_end(
    place: usize,
    link: &ObservedLink,
    place_of: impl FnOnce(i32) -> Option<usize>,
) -> Option<(usize, u32)> {
    // Of other kinds, IFLA_LINK is the device below.
    let is_pair = matches!(link.kind.as_str(), "veth" | "netkit" | "vxcan");
    let node = link.peer_netnsid.map_or(Some(place), place_of)?;
    let index = link.peer_index.filter(|&index| is_pair && index != 0)?;
    Some((node, index))
}

/// Puts the other ends' names into the links. `false`: the two ends of a pair do not agree, because
/// one of them has come, gone or moved since the other was seen.
fn join_peers(names: &[NodeName], nodes: &mut [ObservedNode]) -> bool {
    let count = nodes.len();
    let place_of = |number| usize::try_from(number).ok().filter(|place| *place < count);
    let mut peers = Vec::new();
    for (place, node) in nodes.iter().enumerate() {
        for (at, link) in node.links.iter().enumerate() {
            let Some((other, index)) = other_end(place, link, place_of) else { continue };
            let links = &nodes[other].links;
            let Ok(found) = links.binary_search_by_key(&index, |link| link.index) else {
                return false;
            };
            if other_end(other, &links[found], place_of) != Some((place, link.index)) {
                return false;
            }
            // What has a name that no lab can have is no peer that a lab could name.
            let interface = links[found].name.parse().ok();
            peers.push((
                place,
                at,
                interface.map(|i| Place { node: names[other].clone(), interface: i }),
            ));
        }
    }
    for (place, at, peer) in peers {
        nodes[place].links[at].peer = peer;
    }
    true
}
