//! Doing the steps of a lab, and holding what is seen against what is expected.
//!
//! One kind of step, one file. Each gives a [`StepReport`]; an error means that the step could not
//! be done at all.

mod echo;
mod look;
mod ping;
mod reach;
mod run;
mod seen;
mod tcp;
mod text;
mod traceroute;
mod udp;
mod watch;

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use twinax_kernel::Netns;
use twinax_topology::{Action, Change, Family, LabStep, NodeName, Target};

use crate::capture::CaptureError;
use crate::exec::ExecError;
use crate::explain::Unanswered;
use crate::lab::{Lab, LabError};
use crate::record::{RecordError, Records};
use crate::report::{Check, StepReport};
use seen::Matcher;
pub(crate) use watch::WATCHED;

/// Why a step could not be done.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// A change could not be carried out.
    #[error(transparent)]
    Change(#[from] LabError),
    /// A probe could not be sent, or a node not be looked at.
    #[error("{what}")]
    Kernel {
        /// What was to be done.
        what: String,
        /// Why it could not.
        #[source]
        source: twinax_kernel::Error,
    },
    /// A command could not be run.
    #[error("running a command in node `{node}`")]
    Exec {
        /// The node.
        node: NodeName,
        /// Why.
        #[source]
        source: ExecError,
    },
    /// Its packets can't be watched.
    #[error("watching the lab")]
    Watch(#[from] CaptureError),
    /// Its packets can't be kept.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// What it takes besides could not be made.
    #[error("making a pipe")]
    Pipe(#[source] std::io::Error),
    /// A target has no address.
    #[error("`{spot}` has no address{}", of(*family))]
    NoAddress {
        /// The node or interface.
        spot: String,
        /// The family that was asked for.
        family: Option<Family>,
    },
}

fn of(family: Option<Family>) -> String {
    family.map(|family| format!(" of family {}", family.as_str())).unwrap_or_default()
}

/// What a step's own file gives: the report but for number, words and time.
#[derive(Default)]
struct Outcome {
    done: Vec<String>,
    checks: Vec<Check>,
    notes: Vec<String>,
    packets: Option<PathBuf>,
    unanswered: Option<Unanswered>,
}

/// Does one step.
pub(crate) fn carry_out(
    lab: &mut Lab,
    number: usize,
    step: &LabStep,
    records: &Records,
) -> Result<StepReport, StepError> {
    let begun = Instant::now();
    let outcome = if step.packets.is_empty() && !records.every() {
        act(lab, &step.action, || {})?
    } else {
        let matcher = matcher(lab, step)?;
        let recording = records.begin(number, step)?;
        watch::watched(lab, step, matcher, recording, |lab, watcher| {
            act(lab, &step.action, || watcher.take_in_nodes())
        })?
    };
    let Outcome { done, checks, notes, packets, unanswered } = outcome;
    let (about, time) = (step.about.clone(), begun.elapsed());
    Ok(StepReport { number, about, done, checks, notes, packets, unanswered, why: None, time })
}

/// Does what a step does. When it makes nodes, `made` is called before anything happens in them.
fn act(lab: &mut Lab, action: &Action, made: impl FnOnce()) -> Result<Outcome, StepError> {
    match action {
        Action::Change(changes) => change(lab, changes),
        Action::Ping(ping, expect) => ping::carry_out(lab, ping, expect),
        Action::Traceroute(asked, expect) => traceroute::carry_out(lab, asked, expect),
        Action::Tcp(tcp, expect) => tcp::carry_out(lab, tcp, expect),
        Action::Udp(udp, expect) => udp::carry_out(lab, udp, expect),
        Action::Run(run, expect) => run::carry_out(run, expect),
        Action::Look(spot, expect) => look::carry_out(lab, spot, expect),
        Action::Reach(reach) => reach::carry_out(lab, reach),
        Action::Add(addition) => Ok(part(lab.add_watched(addition, made)?)),
        Action::Remove(removed) => Ok(part(lab.remove(removed)?)),
    }
}

/// Who holds packets against what a step expects. A name may be that of something which the step
/// adds.
fn matcher(lab: &Lab, step: &LabStep) -> Result<Matcher, StepError> {
    let after = match &step.action {
        Action::Add(addition) => {
            let mut after = lab.topology().clone();
            after.add(addition);
            Some(after)
        }
        _ => None,
    };
    let topologies = || [Some(lab.topology()), after.as_ref()].into_iter().flatten();
    Matcher::new(&step.packets, |spot, family| {
        topologies()
            .find_map(|topology| topology.address_of(spot, family))
            .ok_or_else(|| StepError::NoAddress { spot: spot.to_string(), family })
    })
}

fn change(lab: &mut Lab, changes: &[Change]) -> Result<Outcome, StepError> {
    lab.change(changes)?;
    let done = changes.iter().cloned().map(twinax_plan::Step::Change);
    let done = done.map(|step| twinax_plan::command(&step)).collect();
    Ok(Outcome { done, ..Outcome::default() })
}

fn part(done: Vec<String>) -> Outcome {
    Outcome { done, ..Outcome::default() }
}

/// A node's namespace.
fn netns(lab: &Lab, node: &NodeName) -> Result<Netns, StepError> {
    let what = || format!("entering node `{node}`");
    lab.netns(node).map_err(|source| StepError::Kernel { what: what(), source })
}

/// The address of a target.
fn address(lab: &Lab, target: &Target, family: Option<Family>) -> Result<IpAddr, StepError> {
    match target {
        Target::Address(address) => Ok(*address),
        Target::Spot(spot) => lab
            .topology()
            .address_of(spot, family)
            .ok_or_else(|| StepError::NoAddress { spot: spot.to_string(), family }),
    }
}

/// How a target is called in a report: by its address, and by its name where it has been given.
fn called(target: &Target, address: IpAddr) -> String {
    match target {
        Target::Address(_) => address.to_string(),
        Target::Spot(spot) => format!("{spot} ({address})"),
    }
}

/// A duration as a reader takes it in: three digits at most that count.
pub(crate) fn in_figures(time: Duration) -> String {
    let micros = time.as_micros();
    match micros {
        0..1000 => format!("{micros} µs"),
        1000..1_000_000 => format!("{:.1} ms", time.as_secs_f64() * 1e3),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}
