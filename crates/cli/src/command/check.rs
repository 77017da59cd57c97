//! `twinax check`: the steps of running labs, once more.

use std::path::PathBuf;

use twinax_lab::memory;
use twinax_lab::record::Keep;
use twinax_lab::registry::Registry;
use twinax_lab::report::LabReport;
use twinax_topology::NodeName;

use super::run::{Reporter, kept};
use super::{Wrong, explain, running};
use crate::args::Check;
use crate::show::{self, End, Progress};

pub fn run(asked: &Check) -> anyhow::Result<u8> {
    let registry = Registry::open()?;
    let labs = running::named(&registry, &asked.labs, asked.all)?;
    let mut reporter = Reporter::new(&asked.report)?;
    let keeps = kept(asked.report.record.as_deref(), &labs)?;
    for (lab, keep) in labs.into_iter().zip(keeps) {
        let report = one(&registry, &lab, asked, &keep, &mut reporter)?;
        reporter.add(PathBuf::from(lab.as_str()), report)?;
    }
    reporter.end()
}

fn one(
    registry: &Registry,
    lab: &NodeName,
    asked: &Check,
    keep: &Keep,
    reporter: &mut Reporter<'_>,
) -> anyhow::Result<LabReport> {
    // Steps may change the lab.
    let (_claim, holder) = registry.change(lab)?;
    let steps = memory::remembered_in(&holder.sees("/"))?.filter(|lab| !lab.steps.is_empty());
    let Some(topology) = steps else {
        return Err(Wrong::new(format!("lab `{lab}` has no steps"))
            .hint("its lab file can say what is expected of it, in `[[step]]` tables")
            .into());
    };
    let steps = explain::steps(keep, asked.report.why);
    let mut progress = Progress::new(&topology, asked.report.shown(), &mut reporter.out);
    let report = twinax_lab::run::again(&topology, &holder, steps, |event| progress.tell(event))
        .unwrap_or_else(|error| show::refused(&topology, &error));
    progress.end(&report, End::WasThere);
    if !asked.report.json {
        explain::offer_of_steps(&topology, &report, true, "twinax check --why");
    }
    Ok(report)
}
