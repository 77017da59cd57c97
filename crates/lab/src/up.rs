//! Bringing a lab up so that it stays.

use std::io::PipeWriter;

use twinax_topology::Topology;

use crate::explain::{Explain, Steps};
use crate::lab::Lab;
use crate::record::{RecordError, Records};
use crate::registry::{Claim, RegistryError};
use crate::report::{Broken, Event, LabReport};
use crate::run::{do_steps, follow, opened};
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

/// Builds a lab, starts what listens and runs in it, does its steps where they are asked for (`steps`
/// says how), and leaves it running under the claimed name. `tell` hears of everything as it happens.
///
/// A lab that could not be built, or whose services are not there, is taken away again: the report
/// says why. One of which an expectation failed stays.
///
/// The calling process must have one thread only: see [`Sandbox::start`].
pub fn up(
    topology: &Topology,
    options: &Options,
    claim: Claim,
    steps: Option<Steps<'_>>,
    tell: impl FnMut(&Event),
) -> Result<(LabReport, Option<Claim>), UpError> {
    match build_and_keep(topology, options, &claim, steps, tell) {
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
    steps: Option<Steps<'_>>,
    tell: impl FnMut(&Event),
) -> Result<LabReport, UpError> {
    let sandbox = Sandbox::start(options)?;
    let records = steps.map(|steps| steps.keep.open(topology));
    let explain = steps.and_then(|steps| steps.explain);
    let inside = |events: &mut PipeWriter| bring_up(topology.clone(), records, explain, events);
    let report = follow(topology, sandbox.holder(), inside, tell)?;
    if report.broken.is_none() {
        claim.register(sandbox.holder())?;
        sandbox.keep()?;
    }
    Ok(report)
}

fn bring_up(
    topology: Topology,
    records: Option<Result<Records, RecordError>>,
    explain: Option<&Explain<'_>>,
    events: &mut PipeWriter,
) -> Result<(), Broken> {
    let records = records.map(opened).transpose()?;
    let (mut lab, built) = Lab::build(topology).map_err(|error| hint::broken(&error))?;
    Event::Built(built).write(events);
    lab.start().map_err(|error| hint::broken(&error))?;
    memory::remember(lab.topology()).map_err(|error| hint::broken(&error))?;
    records.map_or(Ok(()), |records| do_steps(&mut lab, &records, explain, events))
}
