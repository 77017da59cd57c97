//! The lab's `/etc/hosts` (`hosts(5)`): every node by name.

use std::collections::HashSet;
use std::path::Path;

use twinax_topology::Topology;

/// Where a program looks names up first.
pub const SEEN: &str = "/etc/hosts";

/// The file that is seen there in a sandbox.
pub const OWN: &str = "/run/twinax/hosts";

/// Names every node of a lab by the first address of each family that the lab gives it.
///
/// A machine that has no [`SEEN`] has nothing in the place of which another could be seen.
pub fn write(lab: &Topology) -> Result<(), twinax_kernel::Error> {
    if !Path::new(OWN).exists() {
        return Ok(());
    }
    std::fs::write(OWN, text(lab)).map_err(twinax_kernel::Error::io("writing the lab's /etc/hosts"))
}

fn text(lab: &Topology) -> String {
    let mut text = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n".to_owned();
    let mut seen = HashSet::new();
    for interface in lab.interfaces() {
        for address in &interface.addresses {
            let node = &interface.place.node;
            if seen.insert((node, address.addr().is_ipv4())) {
                text += &format!("{} {node}\n", address.addr());
            }
        }
    }
    text
}
