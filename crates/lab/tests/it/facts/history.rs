//! What the kernel reports of a lab that was changed while it ran, and would not report of the same
//! lab had it been built so, or built in another order:
//!
//! - the numbers that a bridge gives its ports in the order in which they come;
//! - which priority its bridge had when a port came;
//! - the link-local addresses that the kernel makes of a MAC when a device comes up: when the MAC
//!   becomes another one later it does not make them anew;
//! - the queueing discipline that a device gets when it comes up for the first time, and keeps;
//! - the address of a loopback device that was up before it went down;
//! - of a bridge that has lost its last port, the MAC, the carrier, and the size of segments.

use twinax_topology::Topology;

/// The facts of a lab less those.
pub fn without(facts: &[String]) -> Vec<String> {
    facts.iter().filter(|fact| !is_history(fact)).cloned().collect()
}

fn is_history(fact: &str) -> bool {
    const PROPERTIES: [&str; 8] = [
        ".info_slave_data.bridge_id = ",
        ".info_slave_data.root_id = ",
        ".info_slave_data.designated_port = ",
        ".info_slave_data.id = ",
        ".info_slave_data.no = ",
        ".qdisc = ",
        ".tso_max_size = ",
        ".mac = null",
    ];
    let is_link_local = fact.contains(" address ")
        && fact.contains("\"scope\":\"link\"")
        && (fact.contains("\"fe80:") || fact.contains("(of its MAC)"));
    is_link_local
        || fact.contains("\"127.0.0.")
        || PROPERTIES.iter().any(|property| fact.contains(property))
        || fact.ends_with(".mac = \"(by chance)\"")
}

/// The second lab as its facts are to be read when it was the first one before: as if its bridges
/// took part in a spanning tree, of which nothing is a fact, where
///
/// - they did so before: what it has decided goes on for a time;
/// - they have no ports: they may have had some.
pub fn with_traces_of(from: &Topology, to: &Topology) -> Topology {
    let mut told = to.clone();
    for bridge in told.nodes.iter_mut().flat_map(|node| &mut node.bridges) {
        let place = &bridge.interface.place;
        let was = from.node(&place.node).and_then(|node| node.bridge(&place.interface));
        let mut interfaces = to.interfaces_of(&place.node);
        let has_ports = interfaces.any(|own| own.master.as_ref() == Some(&place.interface));
        bridge.stp |= was.is_some_and(|was| was.stp) || !has_ports;
    }
    told
}
