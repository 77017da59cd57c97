//! A copy of some nodes of a running lab, in which anything can be tried without harm.
//!
//! ```text
//!  the lab's sandbox                       a sandbox in the sandbox, for one trial
//!  ┌──────────────────────────────┐        ┌──────────────────────────────────┐
//!  │ nodes ──take──▶ Blueprint ───┼─start─▶│ nodes of the same names ──▶ work │
//!  │                              │◀─finish┼──────────── its value            │
//!  └──────────────────────────────┘        └──────────────────────────────────┘
//! ```
//!
//! What the kernel reports of the nodes is taken down once, in the lab, and built as often as is
//! wanted. A copy has a `/run/netns` of its own, so that everything that works in a lab works in it
//! unchanged; it shares the user namespace of the lab, and nothing else. It is a child of the process
//! that started it, and is gone with it, however that ends.

mod build;
mod error;
mod sockets;
mod take;
mod trial;

use std::error::Error as StdError;

use serde::Serialize;
use serde::de::DeserializeOwned;
use twinax_kernel::replay::Fresh;
use twinax_topology::{NodeName, Topology, Wire};

use crate::lab::Lab;

pub use error::CopyError;
pub use trial::Trial;

/// What is needed to build a copy of some nodes: plain data.
#[derive(Debug, Clone)]
pub struct Blueprint {
    topology: Topology,
    nodes: Vec<take::Taken>,
    fresh: Fresh,
    wires: Vec<Wire>,
    lacks: Vec<String>,
}

impl Blueprint {
    /// That of these nodes, in the sandbox of the calling process.
    ///
    /// # Errors
    ///
    /// What the kernel refused to tell; a node that is not there.
    pub fn take(nodes: &[NodeName]) -> Result<Self, CopyError> {
        take::take(nodes).map_err(CopyError::Take)
    }

    /// The nodes as far as a lab file can say them.
    pub fn topology(&self) -> &Topology {
        &self.topology
    }

    /// The nodes that are copied.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeName> {
        self.nodes.iter().map(|node| &node.name)
    }

    /// What a copy does not have, in words.
    pub fn lacks(&self) -> &[String] {
        &self.lacks
    }

    /// Builds a copy and does some work in it, in a process of its own, and waits for its value.
    ///
    /// The calling process must have one thread only: it forks.
    pub fn run<T, E>(&self, inside: impl FnOnce(&mut Lab) -> Result<T, E>) -> Result<T, CopyError>
    where
        T: Serialize + DeserializeOwned,
        E: Into<Box<dyn StdError>>,
    {
        self.start(inside)?.finish()
    }

    /// Begins to build a copy and to do some work in it, and does not wait: several may be begun before
    /// the first is finished.
    ///
    /// The calling process must have one thread only: it forks.
    pub fn start<T, E>(
        &self,
        inside: impl FnOnce(&mut Lab) -> Result<T, E>,
    ) -> Result<Trial<T>, CopyError>
    where
        T: Serialize + DeserializeOwned,
        E: Into<Box<dyn StdError>>,
    {
        let build = || {
            let refused = build::build(self)?;
            Ok((Lab::standing(self.topology.clone()), refused))
        };
        Trial::start(build, inside)
    }
}
