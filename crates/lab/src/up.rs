//! Bringing a lab up so that it stays.

use std::io::PipeWriter;

use twinax_topology::Topology;

use crate::lab::Lab;
use crate::registry::{Claim, RegistryError};
use crate::report::{Broken, Event, LabReport};
use crate::run::{do_steps, follow};
use crate::sandbox::{Options, Sandbox, SandboxError};
use crate::{hint, memory};

/// Why a lab does not stay.
#[derive(Debug, thiserror::Error)]
pub enum UpError {
    /// It has no sandbox.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// It could not be registered.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

/// Builds a lab, starts what listens and runs in it, does its steps where they are asked for, and
/// leaves it running under the claimed name. `tell` hears of everything as it happens.
///
/// A lab that could not be built, or whose services are not there, is taken away again: the report
/// says why. One of which an expectation failed stays.
///
/// The calling process must have one thread only: see [`Sandbox::start`].
pub fn up(
    topology: &Topology,
    options: &Options,
    claim: Claim,
    with_steps: bool,
    tell: impl FnMut(&Event),
) -> Result<(LabReport, Option<Claim>), UpError> {
    match build_and_keep(topology, options, &claim, with_steps, tell) {
        Ok(report) if report.broken.is_none() => Ok((report, Some(claim))),
        gone => {
            claim.remove();
            gone.map(|report| (report, None))
        }
    }
}

/// The sandbox is kept only where nothing is broken; otherwise it goes when this is left.
fn build_and_keep(
    topology: &Topology,
    options: &Options,
    claim: &Claim,
    with_steps: bool,
    tell: impl FnMut(&Event),
) -> Result<LabReport, UpError> {
    let sandbox = Sandbox::start(options)?;
    let inside = |events: &mut PipeWriter| bring_up(topology.clone(), with_steps, events);
    let report = follow(topology, sandbox.holder(), inside, tell)?;
    if report.broken.is_none() {
        claim.register(sandbox.holder())?;
        sandbox.keep()?;
    }
    Ok(report)
}

fn bring_up(topology: Topology, with_steps: bool, events: &mut PipeWriter) -> Result<(), Broken> {
    let (mut lab, built) = Lab::build(topology).map_err(|error| hint::broken(&error))?;
    Event::Built(built).write(events);
    lab.start().map_err(|error| hint::broken(&error))?;
    memory::remember(lab.topology()).map_err(|error| hint::broken(&error))?;
    if with_steps { do_steps(&mut lab, events) } else { Ok(()) }
}
