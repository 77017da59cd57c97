//! Questions to the kernel of one node of a lab, in the sandbox of the calling process.

use twinax_kernel::ask::{self, Asked, Listening, RouteQuery, Tunnel};
use twinax_kernel::{Error, sysctl};
use twinax_topology::NodeName;

use crate::nodes::{inside, open};

/// Which way a node would send a packet on, or that it would not.
pub fn route(node: &NodeName, query: &RouteQuery) -> Result<Asked, Error> {
    inside(&open(node)?, || ask::route(query))
}

/// The value of a sysctl of a node, by its path below `/proc/sys`; `None`: it has none of that name.
pub fn sysctl(node: &NodeName, path: &str) -> Result<Option<String>, Error> {
    inside(&open(node)?, || Ok(sysctl::get(path).ok()))
}

/// Does some work in the namespace of a node.
pub fn in_node<T: Send>(
    node: &NodeName,
    work: impl FnOnce() -> Result<T, Error> + Send,
) -> Result<T, Error> {
    inside(&open(node)?, work)
}

/// Who listens in a node.
pub fn sockets(node: &NodeName) -> Result<Vec<Listening>, Error> {
    inside(&open(node)?, ask::sockets)
}

/// The tunnels of a node.
pub fn tunnels(node: &NodeName) -> Result<Vec<Tunnel>, Error> {
    inside(&open(node)?, ask::tunnels)
}
