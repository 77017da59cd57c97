//! Trying: a remedy is carried out on a copy, and the packet sent there once more.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use twinax_kernel::nft::trace::Verdict;
use twinax_lab::copy::{Blueprint, CopyError};
use twinax_lab::{Lab, nodes};

use crate::WhyError;
use crate::diagnosis::{Diagnosis, Mended, Tried};
use crate::facts::Facts;
use crate::probe::probe;
use crate::question::Question;
use crate::remedy::Remedy;
use crate::seen::{At, Seen, What};

/// Nothing in a copy takes its time: an answer comes at once, or not at all. So long it is waited for at least.
const IN_COPY: Duration = Duration::from_millis(300);
/// Where the machine is busy: so many times as long as it took to build a copy and to look into it.
const TIMES: u32 = 3;
/// So long one waits where nothing has helped: before that is said.
const PATIENT: Duration = Duration::from_millis(1500);
/// So many copies are tried at once.
const AT_ONCE: usize = 3;
/// So many remedies are tried at most.
pub const MOST: usize = 24;

/// What came of a probe in a copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Whether the packet arrived, and was answered.
    pub arrives: bool,
    /// How far it came.
    pub reach: Reach,
    /// What the sender was told, in words.
    pub told: Vec<String>,
}

/// How far a packet came: at how many devices it, its answer, and the questions for neighbours on
/// their behalf were seen, and at how many places a firewall dropped one of them. What counts most is first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Reach {
    replies: usize,
    requests: usize,
    answers: usize,
    asks: usize,
    /// Where a firewall dropped something of it; fewer is further.
    drops: Reverse<usize>,
}

impl Reach {
    /// That of what was seen.
    pub fn of(seen: &Seen) -> Self {
        let count = |is: fn(&What) -> bool| {
            let places: HashSet<(&At, bool)> =
                seen.of(is).map(|sight| (&sight.at, sight.is_out())).collect();
            places.len()
        };
        let drops = seen.traces.iter().filter(|(_, event)| event.verdict == Verdict::Drop);
        let drops: HashSet<_> = drops
            .map(|(node, event)| (node, &event.table, &event.chain, event.rule_handle))
            .collect();
        Self {
            replies: count(|what| *what == What::Reply),
            requests: count(|what| *what == What::Request),
            answers: count(|what| matches!(what, What::Answer { .. })),
            asks: count(|what| matches!(what, What::Ask { .. })),
            drops: Reverse(drops.len()),
        }
    }
}

/// Copies of the nodes on the way, on which remedies are tried.
#[derive(Clone)]
pub struct Bench<'a> {
    blueprint: &'a Blueprint,
    question: Question,
    /// What comes of the probe where nothing is changed.
    pub unchanged: Outcome,
    /// What the kernel has refused to build in a copy, in words.
    refused: Vec<String>,
}

impl<'a> Bench<'a> {
    /// Tries the question on a copy in which nothing is changed.
    pub fn open(blueprint: &'a Blueprint, question: &Question) -> Result<Self, CopyError> {
        let mut question = Question { timeout: IN_COPY.min(question.timeout), ..question.clone() };
        let start = Instant::now();
        let (unchanged, refused) = blueprint.start(|_| ask(&question))?.finish_told()?;
        let built_in = start.elapsed().saturating_sub(question.timeout);
        question.timeout = (TIMES * built_in).clamp(question.timeout, PATIENT);
        Ok(Self { blueprint, question, unchanged, refused })
    }

    /// The same, on which more time is given: on a busy machine a copy may not be at once what it is to be.
    pub fn patient(&self) -> Self {
        let question = Question { timeout: PATIENT, ..self.question.clone() };
        Self { question, ..self.clone() }
    }

    /// What the copies do not have, though it is there in the lab.
    pub fn lacks(&self) -> impl Iterator<Item = String> {
        self.refused.iter().map(|what| format!("refused in the copy: {what}"))
    }

    /// What comes of each of these remedies, each on a copy of its own; in their order.
    pub fn try_all(&self, remedies: &[&Remedy]) -> Vec<Mended> {
        let mut tried = Vec::with_capacity(remedies.len());
        for some in remedies.chunks(AT_ONCE) {
            let under_way: Vec<_> = some
                .iter()
                .map(|remedy| {
                    let question = &self.question;
                    self.blueprint.start(move |lab: &mut Lab| {
                        remedy.apply(lab).map_err(WhyError::from)?;
                        ask(question)
                    })
                })
                .collect();
            let ended = under_way.into_iter().map(|trial| trial.and_then(|trial| trial.finish()));
            tried.extend(
                some.iter().zip(ended).map(|(remedy, outcome)| self.judge(remedy, outcome)),
            );
        }
        tried
    }

    /// What would stop the packet next: the question is asked anew on a copy that has been mended so.
    pub fn next(&self, remedy: &Remedy, depth: usize) -> Result<Diagnosis, CopyError> {
        self.blueprint.run(|lab| {
            remedy.apply(lab).map_err(WhyError::from)?;
            crate::judge::diagnose(&self.question, depth)
        })
    }

    fn judge(&self, remedy: &Remedy, outcome: Result<Outcome, CopyError>) -> Mended {
        let words = remedy.words();
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                let answer = error.in_full();
                return Mended { words, tried: Tried::Not, answer };
            }
        };
        let tried = if outcome.arrives {
            Tried::Arrives
        } else if outcome.reach > self.unchanged.reach {
            Tried::Further
        } else {
            Tried::Same
        };
        let answer = match tried {
            Tried::Arrives => "the packet arrives and is answered".to_owned(),
            _ if !outcome.told.is_empty() => {
                format!("the sender is told {}", outcome.told.join(", "))
            }
            Tried::Further => "the packet gets further, and is stopped elsewhere".to_owned(),
            _ => "nothing is different".to_owned(),
        };
        Mended { words, tried, answer }
    }
}

/// Asks in the copy where the calling process is.
fn ask(question: &Question) -> Result<Outcome, WhyError> {
    let names = nodes::names().map_err(WhyError::Look)?;
    let facts = Facts::gather().map_err(WhyError::Look)?;
    let seen = probe(question, &facts, &names)?;
    Ok(Outcome {
        arrives: crate::judge::arrives(question, &facts, &seen)?,
        reach: Reach::of(&seen),
        told: in_words(&seen),
    })
}

/// What the sender was told, in words.
pub fn in_words(seen: &Seen) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in &seen.words {
        let text = match word.by {
            Some(by) => format!("\"{}\" by {by}", word.told),
            None => format!("\"{}\"", word.told),
        };
        if !words.contains(&text) {
            words.push(text);
        }
    }
    words
}
