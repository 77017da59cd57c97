//! `twinax run`: labs from the beginning to the end.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;
use twinax_lab::report::{Broken, LabReport, Outcome};
use twinax_lab::requirements;
use twinax_lab::sandbox::{Options, SandboxError};
use twinax_topology::{ReadError, Topology};

use super::{BROKEN, FAILED, HELD, LACKING, WRONG, read};
use crate::args::Run;
use crate::show::{self, Progress};

pub fn run(asked: &Run) -> anyhow::Result<u8> {
    // All files are read before anything is made: a mistake in the last one comes at once.
    let labs: Vec<(&PathBuf, Result<Topology, ReadError>)> =
        asked.labs.iter().map(|path| (path, read(path))).collect();
    let mut wrong = false;
    for (_, lab) in &labs {
        if let Err(error) = lab {
            wrong = true;
            show::unreadable(error);
        }
    }
    if wrong {
        return Ok(WRONG);
    }
    let junit = asked.junit.as_deref().map(create).transpose()?;
    let options = Options { user_namespace: !asked.no_user_namespace };
    let mut runs = Vec::new();
    for (path, lab) in &labs {
        let lab = lab.as_ref().expect("those with errors have been told");
        let run = LabRun { file: path.to_path_buf(), report: run_one(lab, options, asked) };
        if asked.json {
            let mut out = anstream::stdout();
            serde_json::to_writer(&mut out, &run)?;
            writeln!(out)?;
        }
        runs.push(run);
    }
    if let Some(mut file) = junit {
        let text = show::junit(&runs).context("making the JUnit report")?;
        file.write_all(text.as_bytes()).context("writing the JUnit report")?;
    }
    show::summary(&runs);
    Ok(exit_code(&runs))
}

/// What became of one file's lab.
#[derive(Debug, Serialize)]
pub struct LabRun {
    /// The lab file.
    pub file: PathBuf,
    /// What became of it.
    #[serde(flatten)]
    pub report: LabReport,
}

fn create(path: &Path) -> anyhow::Result<fs::File> {
    fs::File::create(path).with_context(|| format!("creating {}", path.display()))
}

fn run_one(lab: &Topology, options: Options, asked: &Run) -> LabReport {
    let lacks = requirements::lacks(lab);
    let mut progress = Progress::new(lab, asked);
    let report = if lacks.is_empty() {
        twinax_lab::run(lab, options, |event| progress.tell(event))
            .unwrap_or_else(|error| refused(lab, &error))
    } else {
        lacking(lab, lacks.iter().map(ToString::to_string).collect())
    };
    progress.end(&report);
    report
}

fn refused(lab: &Topology, error: &SandboxError) -> LabReport {
    let mut broken = Broken::from_error(error);
    broken.lacking = matches!(error, SandboxError::Namespaces(_) | SandboxError::NotRoot);
    broken.hint =
        broken.lacking.then(|| "`twinax doctor` tells what this machine lacks".to_owned());
    LabReport { broken: Some(broken), ..nothing_done(lab) }
}

fn lacking(lab: &Topology, causes: Vec<String>) -> LabReport {
    let broken = Broken { causes, hint: None, lacking: true };
    LabReport { broken: Some(broken), ..nothing_done(lab) }
}

fn nothing_done(lab: &Topology) -> LabReport {
    LabReport {
        lab: lab.name.to_string(),
        built: None,
        steps: Vec::new(),
        planned: lab.steps.len(),
        broken: None,
        time: std::time::Duration::ZERO,
    }
}

fn exit_code(runs: &[LabRun]) -> u8 {
    match runs.iter().map(|run| run.report.outcome()).max() {
        None | Some(Outcome::Held) => HELD,
        Some(Outcome::Failed) => FAILED,
        Some(Outcome::Lacking) => LACKING,
        Some(Outcome::Broken) => BROKEN,
    }
}
