//! The report of a run, as text.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use twinax_lab::report::{Broken, Built, LabReport, Outcome, StepReport};
use twinax_lab::requirements::Lack;
use twinax_lab::sandbox::SandboxError;
use twinax_topology::Topology;

use super::{BAD, BOLD, DIM, GOOD, failure, hint, printable, styled, tell};
use crate::args::Detail;
use crate::command;

/// What became of one file's lab.
#[derive(Debug, Serialize)]
pub struct LabRun {
    /// The lab file.
    pub file: PathBuf,
    /// What became of it.
    #[serde(flatten)]
    pub report: LabReport,
}

/// The lab's name and what it shows.
pub fn head(lab: &Topology) -> String {
    let mut text = styled(BOLD, &lab.name);
    if let Some(about) = lab.about.lines().find(|line| !line.trim().is_empty()) {
        let _ = write!(text, " {}", styled(DIM, format!("— {}", printable(about.trim()))));
    }
    text + "\n"
}

/// What was built, and how long that took.
pub fn built(built: &Built) -> String {
    let parts = [
        (built.nodes, "node"),
        (built.links, "veth pair"),
        (built.bridges, "bridge"),
        (built.taps, "TAP"),
        (built.wires, "wire"),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(n, what)| counted(n, what))
        .collect();
    format!("  built {} in {}\n", parts.join(", "), in_figures(built.time))
}

/// One step; `None`: not at this level of detail.
pub fn step(step: &StepReport, detail: Detail) -> Option<String> {
    let all = match detail {
        Detail::All => true,
        Detail::Steps => !step.held(),
        Detail::Failed if step.held() => return None,
        Detail::Failed => true,
    };
    let mut text = String::new();
    let mark = if step.held() { styled(GOOD, "ok  ") } else { styled(BAD, "FAIL") };
    let about = match step.about.split_whitespace().collect::<Vec<_>>().join(" ") {
        about if about.is_empty() => step.done.first().cloned().unwrap_or_default(),
        about => about,
    };
    let _ = writeln!(text, "  {mark} {}. {}", step.number, printable(&about));
    if !all {
        return Some(text);
    }
    let mut line = |text_of_line: String| {
        let _ = writeln!(text, "         {text_of_line}");
    };
    let done: Vec<&str> = step.done.iter().flat_map(|done| done.lines()).collect();
    // What has taken the place of missing words is not said again.
    let done = if step.about.trim().is_empty() && !step.held() {
        done.get(1..).unwrap_or_default()
    } else {
        &done[..]
    };
    if step.held() {
        let mut seen: Vec<&str> = Vec::new();
        for check in &step.checks {
            if !seen.contains(&check.seen.as_str()) {
                seen.push(&check.seen);
            }
        }
        let (last, before) = done.split_last().unwrap_or((&"", &[]));
        before.iter().for_each(|done| line(styled(DIM, printable(done))));
        held(last, &seen).into_iter().for_each(|text| line(styled(DIM, text)));
    } else {
        done.iter().for_each(|done| line(styled(DIM, printable(done))));
        for check in step.checks.iter().filter(|check| !check.held) {
            line(format!("{} {}", styled(BAD, "expected:"), printable(&check.expected)));
            line(format!("{} {}", styled(BAD, "seen:    "), printable(&check.seen)));
        }
    }
    for note in step.notes.iter().flat_map(|note| note.lines()) {
        line(styled(DIM, printable(note)));
    }
    if let Some(path) = &step.packets {
        line(styled(DIM, printable(&format!("packets: {}", path.display()))));
    }
    if let Some(why) = &step.why {
        why.text.lines().for_each(|text| line(printable(text)));
    }
    Some(text)
}

/// Where the words of a step are broken into lines.
const WIDTH: usize = 90;

/// What was done and seen: on one line, or each thing that was seen on its own where that is too long.
fn held(done: &str, seen: &[&str]) -> Vec<String> {
    let colon = if seen.is_empty() { "" } else { ": " };
    let words = printable(&format!("{done}{colon}{}", seen.join("; ")));
    if seen.len() < 2 || words.chars().count() < WIDTH {
        return wrap(&words);
    }
    let head = wrap(&printable(&format!("{done}:")));
    let below = seen.iter().flat_map(|seen| wrap(&printable(seen)));
    head.into_iter().chain(below.map(|line| format!("  {line}"))).collect()
}

/// Breaks words into lines at spaces; what comes after the first line is indented.
fn wrap(words: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words.split(' ') {
        let line = lines.last_mut().expect("there is one");
        if !line.is_empty() && line.chars().count() + word.chars().count() >= WIDTH {
            lines.push(format!("  {word}"));
        } else {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// Why a lab could not be built or gone on with.
pub fn broken(report: &LabReport, broken: &Broken) {
    let mut causes = broken.causes.clone();
    if let Some(first) = causes.first_mut() {
        *first = format!("{}: {first}", report.lab);
    }
    failure(&causes);
    if let Some(text) = &broken.hint {
        hint(text);
    }
}

/// What becomes of a lab after its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It is taken away.
    Taken,
    /// It stays, if it came about.
    Stays,
    /// It was there before.
    WasThere,
}

/// How a lab ended, on one line.
pub fn tail(report: &LabReport, end: End) -> String {
    let held = report.steps.iter().filter(|step| step.held()).count();
    let outcome = match report.outcome() {
        Outcome::Held => styled(GOOD, "held"),
        Outcome::Failed => styled(BAD, "FAILED"),
        Outcome::Lacking => styled(BAD, "not run: this machine lacks something"),
        Outcome::Broken => styled(BAD, "BROKEN"),
    };
    let steps = match report.planned {
        0 => String::new(),
        planned => format!(", {held} of {} held", counted(planned, "step")),
    };
    let time = in_figures(report.time);
    match (report.built, end) {
        (_, End::WasThere) => format!("  {outcome}{steps}; done in {time}\n"),
        (None, _) => format!("  {outcome}\n"),
        (Some(_), End::Stays) if report.broken.is_none() => {
            format!("  {outcome}{steps}; built and done in {time}\n")
        }
        (Some(_), _) => format!("  {outcome}{steps}; built and taken away in {time}\n"),
    }
}

/// The report of a lab whose sandbox this machine refuses.
pub fn refused(lab: &Topology, error: &SandboxError) -> LabReport {
    let known = twinax_lab::hint::of(error);
    let lacking = matches!(error, SandboxError::Namespaces(_)) || known.is_some();
    let doctor = || "`twinax doctor` tells what this machine lacks".to_owned();
    let hint = known.map_or_else(doctor, |hint| hint.text);
    let causes = vec![Broken::from_error(error).causes.join(": ")];
    let broken = Broken { causes, hint: Some(hint), lacking };
    LabReport { broken: Some(broken), ..LabReport::of(lab) }
}

/// The report of a lab that needs what this machine lacks, with a heading where it is more than one
/// thing.
pub fn lacking(lab: &Topology, lacks: &[Lack]) -> LabReport {
    let mut causes: Vec<String> = lacks.iter().map(ToString::to_string).collect();
    if causes.len() > 1 {
        causes.insert(0, format!("this machine lacks {} things that the lab needs", causes.len()));
    }
    let broken = Broken { causes, hint: None, lacking: true };
    LabReport { broken: Some(broken), ..LabReport::of(lab) }
}

/// Tells why a lab could not be built; the exit code for it.
pub fn failed(report: &LabReport) -> u8 {
    if let Some(why) = &report.broken {
        broken(report, why);
    }
    exit_code([report])
}

/// The exit code for what became of labs: that of the gravest.
pub fn exit_code<'r>(reports: impl IntoIterator<Item = &'r LabReport>) -> u8 {
    match reports.into_iter().map(LabReport::outcome).max() {
        None | Some(Outcome::Held) => command::HELD,
        Some(Outcome::Failed) => command::FAILED,
        Some(Outcome::Lacking) => command::LACKING,
        Some(Outcome::Broken) => command::BROKEN,
    }
}

/// What became of all labs together, when there are several.
pub fn summary(runs: &[LabRun]) {
    if runs.len() < 2 {
        return;
    }
    let mut parts = Vec::new();
    for (outcome, word) in [
        (Outcome::Held, "held"),
        (Outcome::Failed, "failed"),
        (Outcome::Lacking, "not run"),
        (Outcome::Broken, "broken"),
    ] {
        let those = runs.iter().filter(|run| run.report.outcome() == outcome);
        let names: Vec<&str> = those.map(|run| run.report.lab.as_str()).collect();
        match (names.len(), outcome) {
            (0, _) => {}
            (count, Outcome::Held) => parts.push(format!("{count} {word}")),
            (count, _) => parts.push(format!("{count} {word} ({})", names.join(", "))),
        }
    }
    tell(&format!("{}: {}", counted(runs.len(), "lab"), parts.join(", ")));
}

pub(super) fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

fn in_figures(time: Duration) -> String {
    match time.as_millis() {
        0..10 => format!("{:.1} ms", time.as_secs_f64() * 1e3),
        10..1000 => format!("{} ms", time.as_millis()),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}
