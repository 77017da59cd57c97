//! `twinax run`: labs from the beginning to the end.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use twinax_lab::record::Keep;
use twinax_lab::registry::{Claim, Registry};
use twinax_lab::report::LabReport;
use twinax_lab::requirements;
use twinax_lab::sandbox::Options;
use twinax_lab::up::UpError;
use twinax_topology::{NodeName, Topology};

use super::{WRONG, Wrong, explain, read_all, up};
use crate::args::{Report, Run};
use crate::show::{self, End, LabRun, Progress, Stdout};

pub fn run(asked: &Run) -> anyhow::Result<u8> {
    // All files are read before anything is made: a mistake in the last one comes at once.
    let Some(labs) = read_all(&asked.labs) else { return Ok(WRONG) };
    let names = labs.iter().map(|(_, lab)| &lab.name);
    let keeps = kept(asked.report.record.as_deref(), names)?;
    let labs: Vec<_> = if asked.keep {
        let claims = claims(labs.iter().map(|(_, lab)| lab))?;
        labs.into_iter().zip(claims.into_iter().map(Some)).collect()
    } else {
        labs.into_iter().map(|lab| (lab, None)).collect()
    };
    let mut reporter = Reporter::new(&asked.report)?;
    for (((path, lab), claim), keep) in labs.into_iter().zip(keeps) {
        let options = up::options(asked.no_user_namespace, claim.as_ref().map(Claim::lab))?;
        let stays = claim.is_some();
        let report = one(&lab, &options, claim, &keep, &mut reporter)?;
        if !asked.report.json {
            let again = format!("twinax run --why {}", path.display());
            explain::offer_of_steps(&lab, &report, stays, &again);
        }
        reporter.add(path.clone(), report)?;
    }
    let kept: Vec<_> = reporter
        .runs
        .iter()
        .filter(|run| asked.keep && run.report.broken.is_none())
        .map(|run| run.report.lab.clone())
        .collect();
    let code = reporter.end()?;
    if !kept.is_empty() {
        show::hint(&format!(
            "`twinax shell {}/NODE` enters a node, `twinax down {}` takes it down",
            kept[0],
            kept.join(" ")
        ));
    }
    Ok(code)
}

/// The names of labs that are to stay, claimed before the first is built.
pub(super) fn claims<'l>(
    labs: impl IntoIterator<Item = &'l Topology>,
) -> anyhow::Result<Vec<Claim>> {
    let registry = Registry::open()?;
    let mut names = BTreeSet::new();
    let mut claims: Vec<Claim> = Vec::new();
    for lab in labs {
        let claimed = match names.insert(&lab.name) {
            true => registry.claim(&lab.name).map_err(anyhow::Error::from),
            false => Err(Wrong::new(format!("two labs are called `{}`", lab.name)).into()),
        };
        match claimed {
            Ok(claim) => claims.push(claim),
            Err(error) => {
                claims.into_iter().for_each(Claim::remove);
                return Err(error);
            }
        }
    }
    Ok(claims)
}

/// One lab, which stays where its name has been claimed.
fn one(
    lab: &Topology,
    options: &Options,
    claim: Option<Claim>,
    keep: &Keep,
    reporter: &mut Reporter<'_>,
) -> anyhow::Result<LabReport> {
    let lacks = requirements::lacks(lab);
    let end = if claim.is_some() { End::Stays } else { End::Taken };
    let steps = explain::steps(keep, reporter.asked.why);
    let mut progress = Progress::new(lab, reporter.asked.shown(), &mut reporter.out);
    let report = match claim {
        claim if !lacks.is_empty() => {
            claim.into_iter().for_each(Claim::remove);
            show::lacking(lab, &lacks)
        }
        None => twinax_lab::run(lab, options, steps, |event| progress.tell(event))
            .unwrap_or_else(|error| show::refused(lab, &error)),
        Some(claim) => {
            match twinax_lab::up::up(lab, options, claim, Some(steps), |event| progress.tell(event))
            {
                Ok((report, _)) => report,
                Err(UpError::Sandbox(error)) => show::refused(lab, &error),
                Err(error) => return Err(error.into()),
            }
        }
    };
    progress.end(&report, end);
    Ok(report)
}

/// Reports what becomes of one lab after the other, as it was asked for.
pub(super) struct Reporter<'a> {
    asked: &'a Report,
    junit: Option<fs::File>,
    pub(super) out: Stdout,
    runs: Vec<LabRun>,
}

impl<'a> Reporter<'a> {
    /// Begins. A file that can't be written is told before anything is done.
    pub(super) fn new(asked: &'a Report) -> anyhow::Result<Self> {
        let junit = asked.junit.as_deref().map(create).transpose()?;
        Ok(Self { asked, junit, out: Stdout::default(), runs: Vec::new() })
    }

    /// One more lab.
    pub(super) fn add(&mut self, file: PathBuf, report: LabReport) -> anyhow::Result<()> {
        let run = LabRun { file, report };
        if self.asked.json {
            self.out.say(&(serde_json::to_string(&run)? + "\n"));
        }
        self.runs.push(run);
        Ok(())
    }

    /// That was all; the exit code.
    pub(super) fn end(self) -> anyhow::Result<u8> {
        if let Some(mut file) = self.junit {
            let text = show::junit(&self.runs).context("making the JUnit report")?;
            let path = self.asked.junit.as_deref().unwrap_or("".as_ref()).display();
            file.write_all(text.as_bytes()).with_context(|| format!("writing {path}"))?;
        }
        show::summary(&self.runs);
        self.out.end().context("writing the report")?;
        Ok(show::exit_code(self.runs.iter().map(|run| &run.report)))
    }
}

/// Where the packets of labs are kept: of several, each has a folder of its own. Folders in which nothing
/// can be written are told before anything is done.
pub(super) fn kept<'l>(
    folder: Option<&Path>,
    labs: impl IntoIterator<Item = &'l NodeName>,
) -> anyhow::Result<Vec<Keep>> {
    let labs: Vec<&NodeName> = labs.into_iter().collect();
    let Some(folder) = folder else { return Ok(vec![Keep::Failed; labs.len()]) };
    let mut names = BTreeSet::new();
    let own = |lab: &NodeName| {
        let numbers = (1..).map(|number| match number {
            1 => lab.to_string(),
            number => format!("{lab}-{number}"),
        });
        let mut free = numbers.filter(|name| names.insert(name.clone()));
        folder.join(free.next().unwrap_or_default())
    };
    let folders: Vec<PathBuf> = match &labs[..] {
        [_] => vec![folder.to_owned()],
        labs => labs.iter().copied().map(own).collect(),
    };
    let keep = |folder: PathBuf| {
        Keep::every(&folder).map_err(|error| {
            let what = error.to_string();
            anyhow::Error::from(error.source).context(what)
        })
    };
    folders.into_iter().map(keep).collect()
}

fn create(path: &Path) -> anyhow::Result<fs::File> {
    fs::File::create(path).with_context(|| format!("creating {}", path.display()))
}
