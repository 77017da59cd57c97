//! One whole run of a lab: sandbox, build, steps in order, and everything taken away.

use std::io::{BufRead, BufReader, PipeWriter, Write};
use std::time::Instant;

use twinax_topology::Topology;

use crate::check;
use crate::lab::Lab;
use crate::report::{Broken, Event, LabReport};
use crate::requirements;
use crate::sandbox::{Ended, Options, Sandbox, SandboxError};

/// Runs a lab from the beginning to the end. `tell` hears of everything as it happens.
///
/// The calling process must have one thread only: see [`Sandbox::start`].
pub fn run(
    topology: &Topology,
    options: Options,
    mut tell: impl FnMut(&Event),
) -> Result<LabReport, SandboxError> {
    let begun = Instant::now();
    let mut report = LabReport::of(topology);
    // Where it can't be raised, the build says which node was one too many.
    let _ = requirements::raise_open_files(topology.nodes.len());
    let mut sandbox = Sandbox::start(options, |set_up, events| {
        let mut teller = Teller { events };
        let done = match set_up {
            Ok(()) => carry_out(topology.clone(), &mut teller),
            Err(error) => Err(broken(&error)),
        };
        if let Err(broken) = done {
            teller.tell(&Event::Broken(broken));
        }
        0
    })?;
    for line in BufReader::new(sandbox.events()).lines() {
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
    let ended = sandbox.wait().map_err(SandboxError::Pipe)?;
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

/// Where events go: to the process that started the sandbox.
struct Teller {
    events: PipeWriter,
}

impl Teller {
    fn tell(&mut self, event: &Event) {
        let mut line = serde_json::to_vec(event).expect("an event is plain data");
        line.push(b'\n');
        // Who started us may have stopped listening; then there is nobody to tell.
        let _ = self.events.write_all(&line);
    }
}

fn carry_out(topology: Topology, teller: &mut Teller) -> Result<(), Broken> {
    let (mut lab, built) = Lab::build(topology).map_err(|error| broken(&error))?;
    teller.tell(&Event::Built(built));
    if lab.topology().is_idle() {
        return Ok(());
    }
    lab.start().map_err(|error| broken(&error))?;
    for (index, step) in lab.topology().steps.clone().iter().enumerate() {
        teller.tell(&Event::Begun(index + 1));
        let done = check::carry_out(&mut lab, index + 1, step);
        let report = done.map_err(|error| {
            let mut broken = broken(&error);
            broken.causes.insert(0, format!("step {} could not be done", index + 1));
            broken
        })?;
        teller.tell(&Event::Step(report));
    }
    Ok(())
}

fn broken(error: &(dyn std::error::Error + 'static)) -> Broken {
    let mut broken = Broken::from_error(error);
    if let Some(hint) = crate::hint::of(error) {
        (broken.hint, broken.lacking) = (Some(hint.text), hint.lacking);
    }
    broken
}
