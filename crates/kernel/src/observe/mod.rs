//! What there is in a network namespace, as the kernel reports it: one dump per kind, over one
//! socket.
//!
//! Each dump asks for both families at once (`AF_UNSPEC`): a kernel without IPv6, or without
//! bridges, has nothing to report of them and does not refuse.

mod bridge;
mod link;
mod neighbour;
mod routing;

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use netlink_packet_route::RouteNetlinkMessage;
use rustix::io::Errno;
use twinax_plan::ObservedNode;

use crate::error::Error;
use crate::nft;
use crate::rtnl::Rtnl;
use crate::sysctl;

/// Everything that the kernel reports of the network namespace of the calling thread.
///
/// `sysctls` are paths below `/proc/sys`; one that is not there, or that can't be read, is not in
/// the answer. Entries of the routing cache (`RTM_F_CLONED`) are not either. A route with several
/// next hops is several routes, one per next hop. The tables of nftables are told to those who have
/// `CAP_NET_ADMIN` in the namespace; to others there are none.
pub fn node(sysctls: &[&str]) -> Result<ObservedNode, Error> {
    let mut rtnl = Rtnl::open()?;
    let mut links = link::all(&mut rtnl)?;
    let names = Names(links.iter().map(|link| (link.index, link.name.clone())).collect());
    link::join_masters(&mut links, &names);
    link::join_addresses(&mut rtnl, &mut links)?;
    Ok(ObservedNode {
        links,
        routes: routing::routes(&mut rtnl, &names)?,
        rules: routing::rules(&mut rtnl)?,
        neighbours: neighbour::neighbours(&mut rtnl, &names)?,
        fdb: neighbour::fdb(&mut rtnl, &names)?,
        sysctls: sysctls
            .iter()
            .filter_map(|&path| Some((path.to_owned(), sysctl::get(path).ok()?)))
            .collect(),
        tables: firewall_tables()?,
    })
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

/// The names of devices by index.
struct Names(HashMap<u32, String>);

impl Names {
    /// The name of a device. One that has come since the devices were listed is called by its
    /// index, as `ip` does.
    fn of(&self, index: u32) -> String {
        self.0.get(&index).cloned().unwrap_or_else(|| format!("if{index}"))
    }
}

/// Asks for all objects of a kind. What `pick` does not want is left out.
fn dump<T>(
    rtnl: &mut Rtnl,
    request: &'static str,
    message: &RouteNetlinkMessage,
    pick: impl FnMut(RouteNetlinkMessage) -> Option<T>,
) -> Result<Vec<T>, Error> {
    Ok(rtnl.socket.dump(request, message)?.into_iter().filter_map(pick).collect())
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
