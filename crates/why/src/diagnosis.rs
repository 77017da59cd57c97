//! What `why` has to say, as plain data: the same for the terminal and for JSON.

use serde::{Deserialize, Serialize};

use crate::cause::{Cause, Evidence};
use crate::question::Question;
use crate::remedy::Words;

/// The whole answer to a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// What was asked.
    pub question: Question,
    /// Whether the packet arrives, and is answered.
    pub arrives: bool,
    /// The way as far as it was seen.
    pub journey: Ways,
    /// What the sender was told, in words.
    pub told: Vec<String>,
    /// Why it does not arrive; none where it does.
    pub verdict: Option<Verdict>,
    /// What speaks for that.
    pub evidence: Vec<Evidence>,
    /// What mends it.
    pub remedy: Option<Mended>,
    /// What else would.
    pub others: Vec<Mended>,
    /// What looks as if it would, and was tried, and does not.
    pub near_misses: Vec<Mended>,
    /// What would stop the packet next, once that is mended.
    pub next: Option<Box<Verdict>>,
    /// What else is to be said: what could not be copied, what was not seen.
    pub notes: Vec<String>,
}

/// The way there and back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ways {
    /// The packet's.
    pub there: Vec<Hop>,
    /// The answer's.
    pub back: Vec<Hop>,
}

/// A device at which the packet was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// Where, as `node:device`.
    pub at: String,
    /// Which way it went there: `In`, `Out`, `B`, `M`, `P`.
    pub direction: String,
    /// When: nanoseconds after it was seen first.
    pub after: u64,
    /// What is different from the hop before.
    pub changes: Vec<String>,
}

/// Why the packet does not arrive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// In one sentence.
    pub sentence: String,
    /// The cause; several where the evidence allows more than one, none where it is not known.
    pub causes: Vec<Cause>,
    /// Whether it is proven: the kernel has said it, or it was tried.
    pub certain: bool,
}

/// A remedy, and what came of trying it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mended {
    /// What is typed.
    #[serde(flatten)]
    pub words: Words,
    /// What came of it on the copy.
    pub tried: Tried,
    /// What the kernel answered then, in words.
    pub answer: String,
}

/// What came of trying a remedy on a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tried {
    /// The packet arrives.
    Arrives,
    /// The packet gets further, and is stopped elsewhere.
    Further,
    /// Nothing is different.
    Same,
    /// It could not be tried.
    Not,
}
