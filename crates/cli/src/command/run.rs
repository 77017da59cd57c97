//! `twinax run`: labs from the beginning to the end.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use twinax_lab::report::{Broken, LabReport, Outcome};
use twinax_lab::requirements::{self, Lack};
use twinax_lab::sandbox::{Options, SandboxError};
use twinax_topology::{ReadError, Topology};

use super::{BROKEN, FAILED, HELD, LACKING, WRONG, read};
use crate::args::Run;
use crate::show::{self, LabRun, Progress, Stdout};

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
    let options = Options { no_user_namespace: asked.no_user_namespace, holder: None };
    if let Err(error) = options.check() {
        show::error(&error.into());
        show::hint("run as root, or leave out `--no-user-namespace`");
        return Ok(WRONG);
    }
    let junit = asked.junit.as_deref().map(create).transpose()?;
    let mut out = Stdout::default();
    let mut runs = Vec::new();
    for (path, lab) in &labs {
        let lab = lab.as_ref().expect("those with errors have been told");
        let report = run_one(lab, &options, asked, &mut out);
        let run = LabRun { file: path.to_path_buf(), report };
        if asked.json {
            out.say(&(serde_json::to_string(&run)? + "\n"));
        }
        runs.push(run);
    }
    if let Some(mut file) = junit {
        let text = show::junit(&runs).context("making the JUnit report")?;
        let path = asked.junit.as_deref().unwrap_or("".as_ref()).display();
        file.write_all(text.as_bytes()).with_context(|| format!("writing {path}"))?;
    }
    show::summary(&runs);
    out.end().context("writing the report")?;
    Ok(exit_code(&runs))
}

fn create(path: &Path) -> anyhow::Result<fs::File> {
    fs::File::create(path).with_context(|| format!("creating {}", path.display()))
}

fn run_one(lab: &Topology, options: &Options, asked: &Run, out: &mut Stdout) -> LabReport {
    let lacks = requirements::lacks(lab);
    let mut progress = Progress::new(lab, asked, out);
    let report = if lacks.is_empty() {
        twinax_lab::run(lab, options, |event| progress.tell(event))
            .unwrap_or_else(|error| refused(lab, &error))
    } else {
        LabReport {
            broken: Some(Broken { causes: lacking(&lacks), hint: None, lacking: true }),
            ..LabReport::of(lab)
        }
    };
    progress.end(&report);
    report
}

fn refused(lab: &Topology, error: &SandboxError) -> LabReport {
    let known = twinax_lab::hint::of(error);
    let lacking = matches!(error, SandboxError::Namespaces(_)) || known.is_some();
    let doctor = || "`twinax doctor` tells what this machine lacks".to_owned();
    let hint = known.map_or_else(doctor, |hint| hint.text);
    let causes = vec![Broken::from_error(error).causes.join(": ")];
    let broken = Broken { causes, hint: Some(hint), lacking };
    LabReport { broken: Some(broken), ..LabReport::of(lab) }
}

/// What a lab needs and this machine lacks, with a heading where it is more than one thing.
pub(super) fn lacking(lacks: &[Lack]) -> Vec<String> {
    let mut causes: Vec<String> = lacks.iter().map(ToString::to_string).collect();
    if causes.len() > 1 {
        causes.insert(0, format!("this machine lacks {} things that the lab needs", causes.len()));
    }
    causes
}

fn exit_code(runs: &[LabRun]) -> u8 {
    match runs.iter().map(|run| run.report.outcome()).max() {
        None | Some(Outcome::Held) => HELD,
        Some(Outcome::Failed) => FAILED,
        Some(Outcome::Lacking) => LACKING,
        Some(Outcome::Broken) => BROKEN,
    }
}
