//! A lab that stands.

use std::path::Path;
use std::time::Instant;

use twinax_kernel::watch::{SETTLED_WITHIN, Watch};
use twinax_kernel::{Netns, Rtnl, mounts};
use twinax_plan::Step;
use twinax_topology::{Change, Node, NodeName, Topology};

use crate::apply::{ApplyError, apply};
use crate::nodes::{Nodes, inside};
use crate::probe::{Listening, listen};
use crate::report::Built;
use crate::service::{Service, ServiceError};

/// Why a lab does not stand.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// A step of its plan could not be carried out.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// One of its nodes could not be got ready.
    #[error("node `{node}` could not be got ready")]
    Node {
        /// The node.
        node: NodeName,
        /// Why.
        #[source]
        source: twinax_kernel::Error,
    },
    /// What its commands are to see could not be set up.
    #[error("the lab's file system could not be set up")]
    Mounts(#[source] twinax_kernel::Error),
    /// A service is not there.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

/// A lab that stands, in the sandbox of the calling process.
#[derive(Debug)]
pub struct Lab {
    topology: Topology,
    nodes: Nodes,
    // In the order in which they were started; they end when the lab is dropped.
    services: Vec<Service>,
}

impl Lab {
    /// Builds a lab in the sandbox of the calling process.
    pub fn build(topology: Topology) -> Result<(Self, Built), LabError> {
        let begun = Instant::now();
        let mut nodes = Nodes::default();
        apply(&twinax_plan::build(&topology), &mut nodes)?;
        let built = Built {
            nodes: topology.nodes.len(),
            links: topology.links.len(),
            bridges: topology.nodes.iter().map(|node| node.bridges.len()).sum(),
            taps: topology.taps.len(),
            time: begun.elapsed(),
        };
        Ok((Self { topology, nodes, services: Vec::new() }, built))
    }

    /// Gets a lab that has been built ready for what is done in it: waits until its links carry
    /// frames, names its nodes in `/etc/hosts`, and starts what listens and runs in them.
    pub fn start(&mut self) -> Result<(), LabError> {
        self.settle()?;
        // A machine that has no such file leaves nothing to put another in the place of.
        if Path::new(HOSTS).exists() {
            mounts::replace_file(HOSTS.as_ref(), &hosts(&self.topology))
                .map_err(LabError::Mounts)?;
        }
        let mut ports = Vec::new();
        for node in &self.topology.nodes {
            for listener in &node.listeners {
                let port =
                    Listening::open(self.netns(&node.name), listener.tcp, listener.say.clone());
                ports.push(port.map_err(|source| node_error(node, source))?);
            }
        }
        listen(ports);
        for node in &self.topology.nodes {
            for command in &node.commands {
                let service = Service::start(&node.name, self.netns(&node.name), command)?;
                self.services.push(service);
            }
        }
        Ok(())
    }

    /// The lab as its file has it.
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// The namespace of a node of the lab.
    ///
    /// # Panics
    ///
    /// If the lab has no such node. Names that come out of the lab's own topology always have one.
    pub fn netns(&self, node: &NodeName) -> &Netns {
        self.nodes.get(node).expect("a node of this lab")
    }

    /// Carries out changes, and waits until the links carry frames again.
    pub fn change(&mut self, changes: &[Change]) -> Result<(), LabError> {
        let steps: Vec<Step> = changes.iter().cloned().map(Step::Change).collect();
        apply(&steps, &mut self.nodes)?;
        self.settle()
    }

    /// Waits until every device that is up has got what its carrier brings with it.
    fn settle(&self) -> Result<(), LabError> {
        for node in &self.topology.nodes {
            inside(self.netns(&node.name), settle).map_err(|source| node_error(node, source))?;
        }
        Ok(())
    }
}

fn node_error(node: &Node, source: twinax_kernel::Error) -> LabError {
    LabError::Node { node: node.name.clone(), source }
}

/// Waits, bounded, until the devices of the calling thread's namespace have settled.
fn settle() -> Result<(), twinax_kernel::Error> {
    let mut rtnl = Rtnl::open()?;
    if rtnl.settled()? {
        return Ok(());
    }
    let deadline = Instant::now() + SETTLED_WITHIN;
    let mut watch = Watch::open()?;
    while !rtnl.settled()? && watch.wait(deadline)? {}
    Ok(())
}

/// Where a program looks names up first.
const HOSTS: &str = "/etc/hosts";

/// The lab's `/etc/hosts` (`hosts(5)`): every node by the first address of each family that the
/// lab file gives it.
fn hosts(lab: &Topology) -> String {
    let mut text = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n".to_owned();
    let mut seen = std::collections::HashSet::new();
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
