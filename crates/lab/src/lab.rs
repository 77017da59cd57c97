//! A lab that stands.

use std::time::Instant;

use twinax_kernel::observe::What;
use twinax_kernel::watch::{SETTLED_WITHIN, Watch};
use twinax_kernel::{Netns, Rtnl};
use twinax_plan::Step;
use twinax_topology::{Addition, Change, Node, NodeName, Place, Removed, Spot, Topology, Wire};

use crate::apply::{ApplyError, apply};
use crate::nodes::{self, inside};
use crate::report::Built;
use crate::service::{self, ServiceError};
use crate::{hosts, memory, observe, wanted};

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
    Files(#[source] twinax_kernel::Error),
    /// What was applied last could not be read.
    #[error("the lab's own file could not be read")]
    Memory(#[source] std::io::Error),
    /// It could not be looked at.
    #[error("the lab could not be looked at")]
    Observe(#[source] twinax_kernel::Error),
    /// A service is not there.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

/// A lab that stands, in the sandbox of the calling process.
#[derive(Debug)]
pub struct Lab {
    topology: Topology,
}

impl Lab {
    /// Builds a lab in the sandbox of the calling process.
    pub fn build(topology: Topology) -> Result<(Self, Built), LabError> {
        let begun = Instant::now();
        apply(&twinax_plan::build(&topology))?;
        let built = Built {
            nodes: topology.nodes.len(),
            links: topology.links.len(),
            bridges: topology.nodes.iter().map(|node| node.bridges.len()).sum(),
            taps: topology.taps.len(),
            wires: topology.wires.len(),
            time: begun.elapsed(),
        };
        Ok((Self { topology }, built))
    }

    /// A lab that stands in the sandbox of the calling process, and is this.
    pub(crate) fn standing(topology: Topology) -> Self {
        Self { topology }
    }

    /// The lab that runs in the sandbox of the calling process, as it was applied last; one that a
    /// script has built is called by this name, and nothing else is known of it.
    pub fn running(name: &NodeName) -> Result<Self, LabError> {
        let remembered = memory::remembered().map_err(LabError::Memory)?;
        Ok(Self { topology: remembered.unwrap_or_else(|| empty(name.clone())) })
    }

    /// Gets a lab that has been built ready for what is done in it: plugs its wires in, waits until
    /// its links and wires carry frames, names its nodes in `/etc/hosts`, and starts what listens and
    /// runs in them.
    pub fn start(&mut self) -> Result<(), LabError> {
        service::plug(&self.topology.wires)?;
        self.settle()?;
        hosts::write(&self.topology).map_err(LabError::Files)?;
        start_services(&self.topology.nodes)
    }

    /// The lab as its file has it.
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// The namespace of a node.
    pub fn netns(&self, node: &NodeName) -> Result<Netns, twinax_kernel::Error> {
        nodes::open(node)
    }

    /// Carries out changes, and waits until the links carry frames again.
    pub fn change(&mut self, changes: &[Change]) -> Result<(), LabError> {
        let steps: Vec<Step> = changes.iter().cloned().map(Step::Change).collect();
        // A wire is known by where its devices are.
        let moved = moved(changes)?;
        unplug(moved.iter().map(|(wire, _)| wire))?;
        apply(&steps)?;
        service::plug(moved.iter().map(|(_, wire)| wire))?;
        self.settle()
    }

    /// Adds parts to the lab, and waits until the links carry frames. What was done, as commands.
    pub fn add(&mut self, addition: &Addition) -> Result<Vec<String>, LabError> {
        self.add_watched(addition, || {})
    }

    /// As [`add`](Self::add); `made` is called when all new nodes are there, and nothing has happened in
    /// them yet.
    pub(crate) fn add_watched(
        &mut self,
        addition: &Addition,
        made: impl FnOnce(),
    ) -> Result<Vec<String>, LabError> {
        let steps = twinax_plan::add(addition);
        let last = steps.iter().rposition(|step| matches!(step, Step::AddNetns(_)));
        let (nodes, rest) = steps.split_at(last.map_or(0, |last| last + 1));
        apply(nodes)?;
        if !nodes.is_empty() {
            made();
        }
        apply(rest).map_err(|error| ApplyError { index: nodes.len() + error.index, ..error })?;
        service::plug(&addition.wires)?;
        self.topology.add(addition);
        self.settle()?;
        hosts::write(&self.topology).map_err(LabError::Files)?;
        start_services(&addition.nodes)?;
        let wires = addition.wires.iter().map(twinax_plan::wire_command);
        Ok(steps.iter().map(twinax_plan::command).chain(wires).collect())
    }

    /// Removes nodes and devices, with what runs there, and wires. What was done, as commands; for
    /// wires, which the lab's holder has, as comments.
    pub fn remove(&mut self, removed: &[Removed]) -> Result<Vec<String>, LabError> {
        for node in removed.iter().filter_map(whole_node) {
            for key in wanted::all().map_err(ServiceError::Tell)?.into_keys() {
                if key.node == *node && key.is_of_node() {
                    service::stop(&key)?;
                }
            }
        }
        let wires: Vec<Wire> = wires()?.into_iter().filter(|wire| takes(removed, wire)).collect();
        unplug(&wires)?;
        let mut nodes: Vec<NodeName> = removed.iter().map(|one| one.node().clone()).collect();
        nodes.sort();
        nodes.dedup();
        let observed = observe::nodes(nodes, &What::default()).map_err(LabError::Observe)?;
        let steps = twinax_plan::remove(removed, &observed);
        apply(&steps)?;
        self.topology.remove(removed);
        if !wires.is_empty() {
            // What has lost carrier sends no more only when the kernel has taken note of it.
            self.settle()?;
        }
        hosts::write(&self.topology).map_err(LabError::Files)?;
        let wires = wires.iter().map(|wire| format!("# unplug {wire}"));
        Ok(wires.chain(steps.iter().map(twinax_plan::command)).collect())
    }

    fn settle(&self) -> Result<(), LabError> {
        // Those that are there: of a running lab somebody may have added and removed some.
        settle(&nodes::names().map_err(LabError::Observe)?)
    }
}

/// The topology that a lab of this name has before anything is in it.
fn empty(name: NodeName) -> Topology {
    Topology {
        name,
        about: String::new(),
        nodes: Vec::new(),
        links: Vec::new(),
        taps: Vec::new(),
        wires: Vec::new(),
        steps: Vec::new(),
    }
}

/// Waits until every device of these nodes that is up has got what its carrier brings with it.
pub(crate) fn settle<'a>(nodes: impl IntoIterator<Item = &'a NodeName>) -> Result<(), LabError> {
    for node in nodes {
        let settled = nodes::open(node).and_then(|netns| inside(&netns, settle_here));
        settled.map_err(|source| LabError::Node { node: node.clone(), source })?;
    }
    Ok(())
}

fn wires() -> Result<Vec<Wire>, LabError> {
    Ok(wanted::wires().map_err(ServiceError::Tell)?)
}

fn unplug<'a>(wires: impl IntoIterator<Item = &'a Wire>) -> Result<(), LabError> {
    Ok(wires.into_iter().try_for_each(service::unplug)?)
}

/// The node that is removed with everything in it.
fn whole_node(removed: &Removed) -> Option<&NodeName> {
    match removed {
        Removed::Spot(Spot { node, interface: None }) => Some(node),
        _ => None,
    }
}

/// Whether a wire goes with one of these.
fn takes(removed: &[Removed], wire: &Wire) -> bool {
    removed.iter().any(|one| match one {
        Removed::Spot(spot) => spot.covers(&wire.a) || spot.covers(&wire.b),
        Removed::Wire(place) => wire.other_end(place).is_some(),
    })
}

/// The wires whose devices are moved, as they are and as they will be.
fn moved(changes: &[Change]) -> Result<Vec<(Wire, Wire)>, LabError> {
    let moves: Vec<(&Place, &NodeName)> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Move { at, to } => Some((at, to)),
            _ => None,
        })
        .collect();
    if moves.is_empty() {
        return Ok(Vec::new());
    }
    let after = |place: &Place| {
        moves.iter().fold(place.clone(), |now, (at, to)| match now == **at {
            true => Place { node: (*to).clone(), ..now },
            false => now,
        })
    };
    let both = wires()?.into_iter().map(|wire| {
        let then = Wire { a: after(&wire.a), b: after(&wire.b) };
        (wire, then)
    });
    Ok(both.filter(|(now, then)| now != then).collect())
}

/// Starts what listens and runs in nodes, in order.
fn start_services(nodes: &[Node]) -> Result<(), LabError> {
    for node in nodes {
        for listener in &node.listeners {
            service::listen(&node.name, listener)?;
        }
    }
    for node in nodes {
        for command in &node.commands {
            service::start(&node.name, command)?;
        }
    }
    Ok(())
}

/// Waits, bounded, until the devices of the calling thread's namespace have settled.
fn settle_here() -> Result<(), twinax_kernel::Error> {
    let mut rtnl = Rtnl::open()?;
    if rtnl.settled()? {
        return Ok(());
    }
    let deadline = Instant::now() + SETTLED_WITHIN;
    let mut watch = Watch::open()?;
    while !rtnl.settled()? && watch.wait(deadline)? {}
    Ok(())
}
