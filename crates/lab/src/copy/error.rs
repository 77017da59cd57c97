//! Why there is no copy, or no value from it.

use crate::hint;
use crate::report::Reported;
use crate::sandbox::{Ended, SandboxError};

/// Why there is no copy, or no value from it.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// What the nodes are could not be taken down.
    #[error("the nodes to be copied could not be looked at")]
    Take(#[source] twinax_kernel::Error),
    /// The copy has no sandbox.
    #[error("no sandbox could be had for a copy")]
    Sandbox(#[from] SandboxError),
    /// It could not be built.
    #[error("the copy could not be built")]
    Build(#[source] Reported),
    /// The work in it failed.
    #[error("the work in the copy failed")]
    Work(#[source] Reported),
    /// The work ended without a word.
    #[error("the work in the copy was broken off: {0:?}")]
    BrokenOff(Ended),
    /// What it said can't be read.
    #[error("what the work in the copy said can't be read")]
    Value(#[source] serde_json::Error),
}

impl CopyError {
    /// What happened, and what has caused it, in one line.
    pub fn in_full(&self) -> String {
        hint::broken(self).causes.join(": ")
    }
}
