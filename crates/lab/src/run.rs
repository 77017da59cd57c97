//! One whole run of a lab: sandbox, build, steps in order, and everything taken away.

use std::io::{BufRead, BufReader, PipeWriter};
use std::time::Instant;

use twinax_topology::Topology;

use crate::explain::{Explain, Steps};
use crate::lab::Lab;
use crate::record::{RecordError, Records};
use crate::report::{Broken, Event, LabReport};
use crate::sandbox::{Ended, Holder, Options, Sandbox, SandboxError};
use crate::{check, hint};

/// Runs a lab from the beginning to the end. `steps` says what is kept of the packets of its steps, and
/// who explains what fails. `tell` hears of everything as it happens.
///
/// The calling process must have one thread only: see [`Sandbox::start`].
pub fn run(
    topology: &Topology,
    options: &Options,
    steps: Steps<'_>,
    tell: impl FnMut(&Event),
) -> Result<LabReport, SandboxError> {
    let begun = Instant::now();
    let sandbox = Sandbox::start(options)?;
    // Not before: the sandbox's first process shall not have it.
    let records = steps.keep.open(topology);
    let inside = |events: &mut PipeWriter| {
        carry_out(topology.clone(), &opened(records)?, steps.explain, events)
    };
    let mut report = follow(topology, sandbox.holder(), inside, tell)?;
    sandbox.end().map_err(SandboxError::Pipe)?;
    report.time = begun.elapsed();
    Ok(report)
}

/// Does the steps of a running lab once more, as it was applied last. `tell` hears of everything as
/// it happens.
///
/// The calling process must have one thread only: see [`Holder::work`].
pub fn again(
    topology: &Topology,
    holder: &Holder,
    steps: Steps<'_>,
    tell: impl FnMut(&Event),
) -> Result<LabReport, SandboxError> {
    let records = steps.keep.open(topology);
    let inside = |events: &mut PipeWriter| {
        let records = opened(records)?;
        let mut lab = Lab::running(&topology.name).map_err(|error| hint::broken(&error))?;
        do_steps(&mut lab, &records, steps.explain, events)
    };
    follow(topology, holder, inside, tell)
}

/// Has work done in a sandbox that tells of itself by events, and makes the report of them.
pub(crate) fn follow(
    topology: &Topology,
    holder: &Holder,
    inside: impl FnOnce(&mut PipeWriter) -> Result<(), Broken>,
    mut tell: impl FnMut(&Event),
) -> Result<LabReport, SandboxError> {
    let begun = Instant::now();
    let mut report = LabReport::of(topology);
    let mut work = holder.work(|mut events| {
        if let Err(broken) = inside(&mut events) {
            Event::Broken(broken).write(&mut events);
        }
        0
    })?;
    for line in BufReader::new(work.events()).lines() {
        let event = line.map_err(SandboxError::Pipe)?;
        let Ok(event) = serde_json::from_str::<Event>(&event) else { continue };
        tell(&event);
        match event {
            Event::Built(built) => report.built = Some(built),
            Event::Begun(number) => report.begun = number,
            Event::Step(step) => report.steps.push(step),
            Event::Broken(broken) => report.broken = Some(broken),
        }
    }
    let ended = work.wait().map_err(SandboxError::Pipe)?;
    if ended != Ended::Exit(0) && report.broken.is_none() {
        report.broken = Some(broken_off(ended));
    }
    report.time = begun.elapsed();
    Ok(report)
}

fn broken_off(ended: Ended) -> Broken {
    let how = match ended {
        Ended::Exit(code) => format!("the sandbox ended with exit code {code} in the middle"),
        Ended::Signal(signal) => format!("the sandbox was ended by signal {signal}"),
    };
    Broken { causes: vec![how], hint: None, lacking: false }
}

/// The folder in which packets are kept, or why there is none.
pub(crate) fn opened(records: Result<Records, RecordError>) -> Result<Records, Broken> {
    records.map_err(|error| hint::broken(&error))
}

fn carry_out(
    topology: Topology,
    records: &Records,
    explain: Option<&Explain<'_>>,
    events: &mut PipeWriter,
) -> Result<(), Broken> {
    let (mut lab, built) = Lab::build(topology).map_err(|error| hint::broken(&error))?;
    Event::Built(built).write(events);
    if lab.topology().is_idle() {
        return Ok(());
    }
    lab.start().map_err(|error| hint::broken(&error))?;
    do_steps(&mut lab, records, explain, events)
}

/// Does all steps of a lab that stands, in order.
pub(crate) fn do_steps(
    lab: &mut Lab,
    records: &Records,
    explain: Option<&Explain<'_>>,
    events: &mut PipeWriter,
) -> Result<(), Broken> {
    for (index, step) in lab.topology().steps.clone().iter().enumerate() {
        Event::Begun(index + 1).write(events);
        let done = check::carry_out(lab, index + 1, step, records);
        let mut report = done.map_err(|error| {
            let mut broken = hint::broken(&error);
            broken.causes.insert(0, format!("step {} could not be done", index + 1));
            broken
        })?;
        if let (Some(explain), Some(unanswered)) = (explain, &report.unanswered) {
            report.why = explain(step, unanswered);
        }
        Event::Step(report).write(events);
    }
    Ok(())
}
