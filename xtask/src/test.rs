//! `cargo xtask test`: everything that must hold before a change lands.
//!
//! The tests come last, so that the output ends with the runner's own closing lines.

use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Write as _};
use std::process::{Command, ExitCode, Stdio};
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

const STAGES: [Stage; 4] = [
    ("format", &["fmt", "--all", "--check"], None),
    ("lint", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"], None),
    ("documentation", &["doc", "--workspace", "--no-deps"], Some(("RUSTDOCFLAGS", "-D warnings"))),
    ("documentation's tests", &["test", "--workspace", "--doc"], None),
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
    eprintln!("xtask: tests");
    tests(&args.nextest)
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
    for line in BufReader::new(stderr).split(b'\n') {
        let mut line = line?;
        line.push(b'\n');
        if closing.is_empty() && !is_summary(&String::from_utf8_lossy(&line)) {
            io::stderr().write_all(&line)?;
        } else {
            closing.push(line);
        }
    }
    let status = runner.wait()?;
    let skipped = std::fs::read_to_string(&report).map(|report| skipped(&report));
    for line in skipped.unwrap_or_default() {
        eprintln!("     skipped: {line}");
    }
    io::stderr().write_all(&closing.concat())?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Whether the runner's closing lines begin with this one.
fn is_summary(line: &str) -> bool {
    let mut plain = String::new();
    let mut rest = line;
    while let Some((before, escape)) = rest.split_once("\u{1b}[") {
        plain += before;
        rest = escape.split_once('m').map_or("", |(_, after)| after);
    }
    (plain + rest).trim_start().starts_with("Summary [")
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
        assert!(is_summary("     Summary [   0.010s] 2 tests run: 2 passed, 0 skipped\n"));
        assert!(is_summary(
            "\u{1b}[32;1m     Summary\u{1b}[0m [   0.010s] \u{1b}[1m2\u{1b}[0m tests run\n"
        ));
        assert!(!is_summary("        PASS [   0.005s] twinax-lab summary\n"));
    }
}
