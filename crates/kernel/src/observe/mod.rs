//! What there is in network namespaces, as the kernel reports it.
//!
//! - [`node()`]: everything in the namespace of the calling thread, one dump per kind.
//! - [`lab()`]: of all nodes of a lab what is asked for, fast.
//! - [`Follower`]: the devices of all nodes of a lab, and how they change.
//!
//! Some dumps ask for both families at once (`AF_UNSPEC`): a kernel without IPv6, or without
//! bridges, has nothing to report of them and does not refuse.

mod bridge;
mod drawn;
mod follow;
mod forwarding;
mod lab;
pub(crate) mod link;
pub(crate) mod neighbour;
pub(crate) mod routing;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::protocols::NETLINK_ROUTE;
use rustix::io::Errno;
use twinax_plan::ObservedNode;

use crate::error::Error;
use crate::netlink::{self, Socket};
use crate::nft;
use crate::sysctl::{self, Sysctls};
use link::Names;

pub use drawn::macs_set;
pub use follow::{Change, Device, Follower};
pub use lab::lab;

/// What is asked of each node besides its devices. What is not asked for costs nothing.
#[derive(Clone, Copy, Default)]
pub struct What<'a> {
    /// Whether the addresses of its devices are asked for.
    pub addresses: bool,
    /// Which of its routes.
    pub routes: Routes,
    /// Whether its policy rules are.
    pub rules: bool,
    /// Whether its neighbours are. The kernel keeps those of all namespaces in one table, and goes
    /// through all of it for each.
    pub neighbours: bool,
    /// Whether the forwarding databases of its bridges are.
    pub fdb: bool,
    /// Whether its tables of nftables are.
    pub tables: bool,
    /// The sysctls asked for of the node of this number, as paths below `/proc/sys`.
    pub sysctls: Option<&'a (dyn Fn(usize) -> Vec<String> + Sync)>,
}

impl What<'_> {
    /// Everything but sysctls.
    pub fn all() -> Self {
        let routes = Routes::All;
        Self {
            addresses: true,
            routes,
            rules: true,
            neighbours: true,
            fdb: true,
            tables: true,
            sysctls: None,
        }
    }

    /// Whether the answer is to be had only in the namespace.
    fn needs_visit(&self) -> bool {
        let Self { addresses: _, routes, rules, neighbours, fdb, tables, sysctls } = self;
        *routes != Routes::None || *rules || *neighbours || *fdb || *tables || sysctls.is_some()
    }
}

/// Which routes are asked for. Entries of the routing cache (`RTM_F_CLONED`) never are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Routes {
    /// None.
    #[default]
    None,
    /// Those that somebody made: all but those that came by themselves with an address or a device
    /// (`RTPROT_KERNEL`).
    Made,
    /// All.
    All,
}

/// Everything that the kernel reports of the network namespace of the calling thread.
///
/// `sysctls` are paths below `/proc/sys`; one that is not there, or that can't be read, is not in
/// the answer. A route with several next hops is several routes, one per next hop. The tables of
/// nftables are told to those who have `CAP_NET_ADMIN` in the namespace; to others there are none.
/// The peer of a link ([`ObservedLink::peer`](twinax_plan::ObservedLink::peer)) is not told: see
/// [`lab()`].
pub fn node(sysctls: &[&str]) -> Result<ObservedNode, Error> {
    let mut reader = Reader::open(Vec::new())?;
    let mut links = link::all(&mut reader, None)?;
    link::join_addresses(&mut reader, None, &mut links)?;
    let mut node = ObservedNode { links, ..ObservedNode::default() };
    rest(&mut reader, &What::all(), &mut node)?;
    node.sysctls = values(&mut reader.socket, &mut Sysctls::default(), sysctls.iter().copied())?;
    Ok(node)
}

/// All that is asked for of the namespace of the calling thread besides devices, their addresses
/// and sysctls.
fn rest(reader: &mut Reader, what: &What<'_>, node: &mut ObservedNode) -> Result<(), Error> {
    let names = Names(&node.links);
    if what.routes != Routes::None {
        node.routes = routing::routes(reader, &names, what.routes)?;
    }
    if what.rules {
        node.rules = routing::rules(reader)?;
    }
    if what.neighbours {
        node.neighbours = neighbour::neighbours(reader, &names)?;
    }
    if what.fdb {
        node.fdb = neighbour::fdb(reader, &names)?;
    }
    if what.tables {
        node.tables = firewall_tables()?;
    }
    Ok(())
}

/// The values of sysctls that can be read, in the namespace of the calling thread and the socket.
fn values<'a>(
    socket: &mut Socket,
    sysctls: &mut Sysctls,
    paths: impl Iterator<Item = &'a str>,
) -> Result<BTreeMap<String, String>, Error> {
    let mut values = BTreeMap::new();
    for path in paths {
        let told = forwarding::value(socket, path)?.or_else(|| sysctls.get(path).ok());
        values.extend(told.map(|value| (path.to_owned(), value)));
    }
    Ok(values)
}

/// Every sysctl of the network namespace of the calling thread that can be read: its path below
/// `/proc/sys` (`net/ipv4/ip_forward`) and its value.
pub fn sysctls() -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    walk(Path::new("/proc/sys/net"), &mut values);
    values
}

fn walk(directory: &Path, values: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(&path, values);
        } else if let Some(below) = path.to_str().and_then(|path| path.strip_prefix("/proc/sys/")) {
            values.extend(sysctl::get(below).ok().map(|value| (below.to_owned(), value)));
        }
    }
}

/// The tables of nftables; none where the calling thread has no right to see them.
fn firewall_tables() -> Result<Vec<String>, Error> {
    match nft::tables() {
        Err(error) if error.errno() == Some(Errno::PERM) => Ok(Vec::new()),
        tables => tables,
    }
}

/// Asks for lists over one socket.
struct Reader {
    socket: Socket,
    /// Room for the answers.
    answer: Vec<u8>,
}

impl Reader {
    /// One in the namespace of the calling thread, with this room for the answers.
    fn open(answer: Vec<u8>) -> Result<Self, Error> {
        Ok(Self { socket: Socket::open(NETLINK_ROUTE)?, answer })
    }

    /// Asks for all objects of a kind, which come as messages of the type `kind`. What `pick` does
    /// not want is left out.
    fn list<T>(
        &mut self,
        request: &'static str,
        kind: u16,
        message: &RouteNetlinkMessage,
        mut pick: impl FnMut(&[u8]) -> Option<T>,
    ) -> Result<Vec<T>, Error> {
        self.socket.dump_raw(request, message, &mut self.answer)?;
        let objects = netlink::messages(&self.answer)
            .filter(|(header, _)| header.message_type == kind)
            .filter_map(|(_, object)| pick(object));
        Ok(objects.collect())
    }
}

/// The word that `ip` has for a scope (`rtnetlink(7)`).
fn scope(number: u8) -> String {
    match number {
        0 => "global".to_owned(),
        200 => "site".to_owned(),
        253 => "link".to_owned(),
        254 => "host".to_owned(),
        255 => "nowhere".to_owned(),
        other => other.to_string(),
    }
}
