//! Whose an address is.

use std::collections::HashMap;
use std::net::IpAddr;

use twinax_plan::ObservedNode;
use twinax_topology::{NodeName, Topology};

/// The interfaces of a lab by their addresses.
#[derive(Debug, Default)]
pub struct Owners(HashMap<IpAddr, Vec<Owner>>);

#[derive(Debug)]
struct Owner {
    node: String,
    interface: String,
}

impl Owners {
    /// Those that a lab file says.
    pub fn of(lab: &Topology) -> Self {
        let mut owners = Self::default();
        for interface in lab.interfaces() {
            for own in &interface.addresses {
                let place = &interface.place;
                owners.add(own.addr(), place.node.as_str(), place.interface.as_str());
            }
        }
        owners
    }

    /// Those that the kernel reports.
    pub fn observed(nodes: &[(NodeName, ObservedNode)]) -> Self {
        let mut owners = Self::default();
        for (name, node) in nodes {
            for link in &node.links {
                for own in &link.addresses {
                    owners.add(own.address.addr(), name.as_str(), &link.name);
                }
            }
        }
        owners
    }

    fn add(&mut self, address: IpAddr, node: &str, interface: &str) {
        let owner = Owner { node: node.to_owned(), interface: interface.to_owned() };
        self.0.entry(address).or_default().push(owner);
    }

    /// Whose the address is: `r1:left`; the node alone where several of its interfaces have it, and
    /// nobody where several nodes do.
    pub fn place(&self, address: IpAddr) -> Option<String> {
        match self.0.get(&address)?.as_slice() {
            [] => None,
            [Owner { node, interface }] => Some(format!("{node}:{interface}")),
            [first, rest @ ..] => {
                rest.iter().all(|other| other.node == first.node).then(|| first.node.clone())
            }
        }
    }

    /// The address, with whose it is in front: `r1:left (10.0.1.1)`.
    pub fn name(&self, address: IpAddr) -> String {
        match self.place(address) {
            Some(place) => format!("{place} ({address})"),
            None => address.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_an_address_alone_is_named() {
        let mut owners = Owners::default();
        let address = |last| IpAddr::from([10, 0, 0, last]);
        owners.add(address(1), "r1", "left");
        owners.add(address(2), "r1", "left");
        owners.add(address(2), "r1", "right");
        owners.add(address(3), "r1", "left");
        owners.add(address(3), "r2", "left");
        assert_eq!(owners.name(address(1)), "r1:left (10.0.0.1)");
        assert_eq!(owners.name(address(2)), "r1 (10.0.0.2)");
        assert_eq!(owners.name(address(3)), "10.0.0.3");
        assert_eq!(owners.name(address(4)), "10.0.0.4");
    }
}
