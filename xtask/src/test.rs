//! `cargo xtask test`: everything that must hold before a change lands.
//!
//! The tests come last, so that the output ends with the runner's own closing lines. They wait for packets and for
//! the kernel a quarter of their time; lints and documentation are made meanwhile, of what processors have left.

use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Write as _};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use crate::setup;

/// What of it is wanted.
#[derive(clap::Args)]
pub struct Args {
    /// For `cargo nextest run`: `-- -E 'test(foo)'`.
    #[arg(last = true)]
    nextest: Vec<String>,
}

/// A stage: its name, the arguments for cargo, and a variable of its environment.
type Stage = (&'static str, &'static [&'static str], Option<(&'static str, &'static str)>);

/// What comes before the tests.
const STAGES: [Stage; 3] = [
    ("format", &["fmt", "--all", "--check"], None),
    ("build", &["nextest", "run", "--workspace", "--no-run"], None),
    ("documentation's tests", &["test", "--workspace", "--doc"], None),
];

/// What is done beside them. Each has the folder to itself in which cargo builds, so one follows the other.
const BESIDE: [Stage; 2] = [
    ("lint", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], None),
    ("documentation", &["doc", "--workspace", "--no-deps"], Some(("RUSTDOCFLAGS", "-D warnings"))),
];

/// Does it, stage by stage; the first failure is the end.
pub fn run(args: &Args) -> Result<ExitCode> {
    stage("setup", setup::run)?;
    for (name, arguments, variable) in STAGES {
        stage(name, || {
            let status = cargo().args(arguments).envs(variable).stdout(io::stderr()).status()?;
            ensure!(status.success(), "cargo {}: {status}", arguments.join(" "));
            Ok(())
        })?;
    }
    eprintln!("xtask: tests, and beside them: lint, documentation");
    tests(&args.nextest)
}

/// Something that was started beside: its name, and itself or why it could not be.
type Beside = (&'static str, io::Result<Child>);

/// Starts what needs no processor of its own: nothing that waits for one waits for it. What it says is kept.
fn start_beside((name, arguments, variable): Stage) -> Beside {
    let mut nice = Command::new("nice");
    nice.args(["-n", "19"]).arg(crate::cargo()).args(arguments).envs(variable);
    nice.current_dir(crate::workspace()).env("PATH", setup::path());
    (name, nice.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn())
}

/// Waits for what was started beside; whether it went well. What it said is told where it did not.
fn end_beside((name, started): Beside) -> Result<bool> {
    let output = started.and_then(Child::wait_with_output).context(name)?;
    if !output.status.success() {
        io::stderr().write_all(&output.stderr)?;
        eprintln!("xtask: {name} failed: {}", output.status);
    }
    Ok(output.status.success())
}

fn stage(name: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    eprintln!("xtask: {name}");
    let start = Instant::now();
    work().with_context(|| format!("{name} failed"))?;
    eprintln!("xtask: {name}: {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

fn cargo() -> Command {
    let mut cargo = Command::new(crate::cargo());
    cargo.current_dir(crate::workspace()).env("PATH", setup::path());
    cargo
}

/// Runs the tests. Those that skipped themselves are named before the runner's summary, which is
/// held back until the runner has ended and its report is written.
fn tests(arguments: &[String]) -> Result<ExitCode> {
    let report = crate::target().join("nextest/default/junit.xml");
    // A run that doesn't get as far as tests writes none.
    if report.exists() {
        std::fs::remove_file(&report).context("the report of the run before")?;
    }
    let color = if io::stderr().is_terminal() { "always" } else { "auto" };
    // What each test takes of them is said in `.config/nextest.toml`.
    let threads = 6 * std::thread::available_parallelism().map_or(1, usize::from);
    let mut runner = cargo()
        .args(["nextest", "run", "--workspace", "--color", color])
        .args(["--test-threads", &threads.to_string()])
        .args(arguments)
        .stderr(Stdio::piped())
        .spawn()
        .context("cargo nextest")?;
    let stderr = runner.stderr.take().context("the runner's stderr")?;
    let mut closing = Vec::new();
    let mut beside: Option<[Beside; BESIDE.len()]> = None;
    for line in BufReader::new(stderr).split(b'\n') {
        let mut line = line?;
        line.push(b'\n');
        let text = plain(&String::from_utf8_lossy(&line));
        // From now on the runner leaves the folder to others in which cargo builds.
        if beside.is_none() && text.starts_with("Starting ") {
            beside = Some(BESIDE.map(start_beside));
        }
        if closing.is_empty() && !is_summary(&text) {
            io::stderr().write_all(&line)?;
        } else {
            closing.push(line);
        }
    }
    let status = runner.wait()?;
    let mut went_well = status.success();
    for started in beside.into_iter().flatten() {
        went_well &= end_beside(started)?;
    }
    let skipped = std::fs::read_to_string(&report).map(|report| skipped(&report));
    for line in skipped.unwrap_or_default() {
        eprintln!("     skipped: {line}");
    }
    io::stderr().write_all(&closing.concat())?;
    Ok(if went_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether the runner's closing lines begin with this one.
fn is_summary(plain: &str) -> bool {
    plain.starts_with("Summary [")
}

/// A line without colours, and what it is indented by.
fn plain(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = line;
    while let Some((before, escape)) = rest.split_once("\u{1b}[") {
        plain += before;
        rest = escape.split_once('m').map_or("", |(_, after)| after);
    }
    (plain + rest).trim_start().to_owned()
}

/// What tests said in the runner's report (JUnit XML) with a line `skipped: NAME: REASON`.
fn skipped(report: &str) -> Vec<String> {
    let lines = report.lines().filter_map(|line| {
        let line = line.trim_start();
        let line = line.strip_prefix("<system-err>").unwrap_or(line);
        let after = line.strip_prefix("skipped: ")?;
        let text = after.split_once("</").map_or(after, |(text, _)| text);
        Some(unescape(text.trim_end()))
    });
    lines.collect()
}

fn unescape(xml: &str) -> String {
    let entities =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    entities.into_iter().fold(xml.to_owned(), |text, (entity, char)| text.replace(entity, char))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skipped_test_is_found_in_the_runners_report() {
        let report = "\
<testcase name=\"a\" classname=\"lab\" time=\"0.001\">
    <system-out>running 1 test
test a ... ok
</system-out>
    <system-err>skipped: tap_isolated: /dev/net/tun isn&apos;t there &amp; can&apos;t be made
nothing else was skipped: all is well
skipped: own_tables: no program `nft`</system-err>
</testcase>";
        assert_eq!(
            skipped(report),
            [
                "tap_isolated: /dev/net/tun isn't there & can't be made",
                "own_tables: no program `nft`"
            ]
        );
    }

    #[test]
    fn the_summary_is_known_with_and_without_colour() {
        let is_summary = |line: &str| is_summary(&plain(line));
        assert!(is_summary("     Summary [   0.010s] 2 tests run: 2 passed, 0 skipped\n"));
        assert!(is_summary(
            "\u{1b}[32;1m     Summary\u{1b}[0m [   0.010s] \u{1b}[1m2\u{1b}[0m tests run\n"
        ));
        assert!(!is_summary("        PASS [   0.005s] twinax-lab summary\n"));
    }
}
