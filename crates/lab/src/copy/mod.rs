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

mod error;
mod trial;

use std::error::Error as StdError;

use serde::Serialize;
use serde::de::DeserializeOwned;
use twinax_kernel::observe::What;
use twinax_plan::Purpose;
use twinax_topology::{NodeName, Topology};

use crate::lab::Lab;
use crate::{firewalls, found, observe};

pub use error::CopyError;
pub use trial::Trial;

/// What is needed to build a copy of some nodes: plain data.
#[derive(Debug, Clone)]
pub struct Blueprint {
    topology: Topology,
    lacks: Vec<String>,
}

impl Blueprint {
    /// That of these nodes, in the sandbox of the calling process.
    ///
    /// # Errors
    ///
    /// What the kernel refused to tell; a node that is not there.
    pub fn take(nodes: &[NodeName]) -> Result<Self, CopyError> {
        let take = || {
            let mut observed = observe::nodes(nodes.to_vec(), &What::all())?;
            found::add_sysctls(&mut observed, None)?;
            let firewalls = firewalls::found(&observed, &[], true)?;
            let name = "copy".parse().expect("the name of a lab");
            Ok(twinax_plan::found(&name, &observed, None, &firewalls, Purpose::Compare))
        };
        let found = take().map_err(CopyError::Take)?;
        let lacks = found.beyond.iter().map(ToString::to_string).collect();
        Ok(Self { topology: found.topology, lacks })
    }

    /// The nodes as far as a lab file can say them.
    pub fn topology(&self) -> &Topology {
        &self.topology
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
        Trial::start(|| self.build().map_err(Into::into), inside)
    }

    /// Builds a copy in the sandbox of the calling process, and waits until its links carry frames.
    fn build(&self) -> Result<Lab, crate::LabError> {
        let (lab, _) = Lab::build(self.topology.clone())?;
        lab.settle()?;
        Ok(lab)
    }
}
