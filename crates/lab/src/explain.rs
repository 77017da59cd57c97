//! Why a step failed: found out by somebody who knows more than a lab does, and told with the step.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use twinax_topology::{LabStep, NodeName};

use crate::record::Keep;

/// A packet of a step that was to be answered, and was not: the first one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unanswered {
    /// The node that sent it.
    pub from: NodeName,
    /// Its destination.
    pub to: IpAddr,
}

/// Why it was not answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// In words, for a terminal.
    pub text: String,
    /// As data.
    #[serde(flatten)]
    pub found: Map<String, Value>,
}

/// Finds out why, in the sandbox of the lab and while it is still up, in a process that has one thread
/// only.
pub type Explain<'a> = dyn Fn(&LabStep, &Unanswered) -> Option<Explanation> + 'a;

/// How the steps of a lab are done.
#[derive(Clone, Copy)]
pub struct Steps<'a> {
    /// What is kept of their packets.
    pub keep: &'a Keep,
    /// Who explains what fails.
    pub explain: Option<&'a Explain<'a>>,
}

impl<'a> Steps<'a> {
    /// So much is kept of their packets, and nothing explained.
    pub fn keeping(keep: &'a Keep) -> Self {
        Self { keep, explain: None }
    }
}
