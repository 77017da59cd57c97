//! What a run of a lab reports: plain data, the same for the terminal, `--json` and JUnit.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use twinax_topology::Topology;

use crate::explain::{Explanation, Unanswered};
use crate::hint::Hint;

/// What became of a lab.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LabReport {
    /// The lab's name.
    pub lab: String,
    /// What was built, when it was.
    pub built: Option<Built>,
    /// Its steps, as far as they were done.
    pub steps: Vec<StepReport>,
    /// How many steps the lab has.
    pub planned: usize,
    /// How many of them were begun.
    pub begun: usize,
    /// Why the lab could not be built or gone on with.
    pub broken: Option<Broken>,
    /// From the start of the sandbox to its end.
    pub time: Duration,
}

impl LabReport {
    /// The report of a lab in which nothing has been done yet.
    pub fn of(lab: &Topology) -> Self {
        Self {
            lab: lab.name.to_string(),
            built: None,
            steps: Vec::new(),
            planned: lab.steps.len(),
            begun: 0,
            broken: None,
            time: Duration::ZERO,
        }
    }

    /// How it ended, all in all.
    pub fn outcome(&self) -> Outcome {
        match &self.broken {
            Some(Broken { lacking: true, .. }) => Outcome::Lacking,
            Some(_) => Outcome::Broken,
            None if self.steps.iter().all(StepReport::held) => Outcome::Held,
            None => Outcome::Failed,
        }
    }
}

/// How a run ended. In ascending order of gravity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// All expectations held.
    Held,
    /// At least one expectation did not hold.
    Failed,
    /// This machine lacks something that the lab needs.
    Lacking,
    /// Something broke.
    Broken,
}

/// Why a lab could not be built or gone on with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    /// What happened; the causes follow, outermost first.
    pub causes: Vec<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// Whether this machine lacks something that the lab needs.
    pub lacking: bool,
}

impl Broken {
    /// An error with its chain of causes.
    pub fn from_error(error: &dyn std::error::Error) -> Self {
        let chain = std::iter::successors(Some(error), |error| error.source());
        let causes = chain.map(ToString::to_string).collect();
        Self { causes, hint: None, lacking: false }
    }
}

/// Something that went wrong in another process, in its words.
#[derive(Debug)]
pub struct Reported {
    text: String,
    source: Option<Box<Reported>>,
    /// What to do about it.
    pub(crate) hint: Option<Hint>,
}

impl From<Broken> for Reported {
    fn from(broken: Broken) -> Self {
        let hint = broken.hint.map(|text| Hint { text, lacking: broken.lacking });
        let mut causes = broken.causes.into_iter().rev();
        let innermost = causes.next().unwrap_or_default();
        let mut chain = Self { text: innermost, source: None, hint };
        for text in causes {
            chain = Self { text, source: Some(Box::new(chain)), hint: None };
        }
        chain
    }
}

impl std::fmt::Display for Reported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Reported {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// What was built.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Built {
    /// Network namespaces.
    pub nodes: usize,
    /// Veth pairs.
    pub links: usize,
    /// Bridges.
    pub bridges: usize,
    /// TUN/TAP devices.
    pub taps: usize,
    /// How many wires.
    pub wires: usize,
    /// How long it took.
    pub time: Duration,
}

/// What became of one step.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StepReport {
    /// Its number, from 1.
    pub number: usize,
    /// What it shows, in the author's words.
    pub about: String,
    /// What was done, on one line for each thing.
    pub done: Vec<String>,
    /// What was expected, and what was seen.
    pub checks: Vec<Check>,
    /// What is worth telling beyond that: round-trip times, a command's output.
    pub notes: Vec<String>,
    /// Where the packets are that were seen meanwhile, if they were kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packets: Option<PathBuf>,
    /// The first packet that was to be answered and was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unanswered: Option<Unanswered>,
    /// Why not, where that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Explanation>,
    /// How long it took, without finding out why.
    pub time: Duration,
}

impl StepReport {
    /// Whether all that was expected was seen.
    pub fn held(&self) -> bool {
        self.checks.iter().all(|check| check.held)
    }
}

/// One expectation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was expected.
    pub expected: String,
    /// What was seen.
    pub seen: String,
    /// Whether that is what was expected.
    pub held: bool,
}

/// What a sandbox tells the process that started it, one after the other.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// The lab stands.
    Built(Built),
    /// A step has begun: its number, from 1.
    Begun(usize),
    /// A step has been done.
    Step(StepReport),
    /// It can't go on.
    Broken(Broken),
}

impl Event {
    /// Tells it, as one line.
    pub fn write(&self, to: &mut impl Write) {
        let mut line = serde_json::to_vec(self).expect("an event is plain data");
        line.push(b'\n');
        // Who started us may have stopped listening; then there is nobody to tell.
        let _ = to.write_all(&line);
    }
}
