//! Why a packet did not arrive, and what mends it.
//!
//! ```text
//!  question ──▶ probe: the packet is sent, every device watched ──▶ what was seen ─┐
//!      │                                                                           ├─▶ model ──▶ suspects
//!      └──────▶ facts: netlink, and what the kernel answers ──────────────────────┘               │
//!                                                                                                  ▼
//!  diagnosis ◀── judge ◀── what comes of it ◀── trial: each remedy on a copy, the packet once more
//! ```
//!
//! The names of drop reasons do not explain: most losses have none, or one that misleads. So the cause is
//! inferred from where the packet was seen last, and the inference is held against the kernel: a knob is the
//! cause if turning it on a copy changes what the kernel does. Nothing is ever turned in the lab itself.
//!
//! The [`model`] has the stages that a packet passes in Linux. `judge` decides, and says "I don't know"
//! where nothing is proven.

pub mod cause;
mod confirm;
mod counted;
pub mod diagnosis;
mod facts;
mod firewall;
mod judge;
pub mod model;
mod probe;
mod question;
mod record;
mod remedy;
mod scope;
mod seen;
pub mod text;
mod trial;
mod ways;

use serde::{Deserialize, Serialize};
use twinax_lab::{Lab, LabError};

pub use confirm::{Sample, confirm};
pub use diagnosis::Diagnosis;
pub use probe::ProbeError;
pub use question::{Protocol, Question};
pub use remedy::{Remedy, Words};

/// Why there is no diagnosis.
#[derive(Debug, thiserror::Error)]
pub enum WhyError {
    /// The lab could not be looked at.
    #[error("the lab could not be looked at")]
    Look(#[source] twinax_kernel::Error),
    /// The packet could not be sent and watched.
    #[error(transparent)]
    Probe(#[from] ProbeError),
    /// A remedy could not be carried out.
    #[error("a remedy could not be carried out")]
    Mend(#[from] LabError),
}

/// Finds out why a packet does not arrive, in the sandbox of the calling process, which must have one thread
/// only: copies are made by forks of it.
///
/// With it comes the remedy that was tried, to be carried out by [`fix`].
pub fn why(question: &Question) -> Result<Answer, WhyError> {
    judge::examine(question, 0)
}

/// A diagnosis, and what is needed to go on from there.
#[derive(Debug)]
pub struct Answer {
    /// The diagnosis.
    pub diagnosis: Diagnosis,
    /// The remedy that it names.
    pub remedy: Option<Remedy>,
    /// The packets that were seen, for who has listened to the kernel's tracepoints meanwhile.
    pub samples: Vec<Sample>,
    /// All that was seen, to be [recorded](Answer::record).
    seen: seen::Seen,
}

/// Whether the packet arrives now, without an explanation.
pub fn arrives(question: &Question) -> Result<bool, WhyError> {
    let facts = facts::Facts::gather().map_err(WhyError::Look)?;
    let watched = scope::watched(&facts, question)?;
    let seen = probe::probe(question, &facts, &watched)?;
    judge::arrives(question, &facts, &seen)
}

/// How often the packet is sent after a remedy: a neighbour that is being asked for since before has to be
/// given up by the kernel first, which takes three seconds.
const TRIES: usize = 5;

/// What came of a remedy that was carried out in the lab itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fixed {
    /// The packet arrives now.
    Arrives,
    /// It does not, and the remedy has been undone.
    Undone,
}

/// Carries out a remedy in a lab, sees whether the packet arrives, and undoes it where it does not.
pub fn fix(lab: &mut Lab, question: &Question, remedy: &Remedy) -> Result<Fixed, WhyError> {
    let undo = remedy.inverse().map_err(WhyError::Look)?;
    remedy.apply(lab)?;
    for _ in 0..TRIES {
        if arrives(question)? {
            return Ok(Fixed::Arrives);
        }
    }
    undo.apply(lab)?;
    Ok(Fixed::Undone)
}
