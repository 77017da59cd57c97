//! A step that runs a command.

use twinax_topology::{Program, Run, RunExpect};

use super::{Outcome, StepError, in_figures, text};
use crate::exec::{self, ExecReport};
use crate::report::Check;

pub(super) fn carry_out(asked: &Run, expect: &RunExpect) -> Result<Outcome, StepError> {
    let failed = |source| StepError::Exec { node: asked.at.clone(), source };
    let directory = std::env::current_dir().unwrap_or_else(|_| "/".into());
    let command = exec::command(&asked.at, &asked.program, &directory).map_err(failed)?;
    let report = exec::run(command, asked.timeout.0).map_err(failed)?;
    let done = vec![format!("run in {}: {}", asked.at, in_words(&asked.program))];
    let checks = checks(asked, expect, &report);
    let failed = checks.iter().any(|check| !check.held);
    let notes = if failed { output(&report) } else { Vec::new() };
    Ok(Outcome { done, checks, notes, ..Outcome::default() })
}

fn in_words(program: &Program) -> String {
    match program {
        Program::Shell(line) => on_one_line(line.trim()),
        Program::Argv(words) => format!("{words:?}"),
    }
}

/// A command as it was written, with what is no part of a line escaped.
fn on_one_line(command: &str) -> String {
    let mut line = String::new();
    for c in command.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

fn checks(asked: &Run, expect: &RunExpect, report: &ExecReport) -> Vec<Check> {
    let seen = match report.exit {
        Some(exit) => format!("exit code {exit}"),
        None => format!("killed when its time was up, after {}", in_figures(asked.timeout.0)),
    };
    // What it writes can be all that is expected; that it ends in time always is.
    let wanted = expect.exit.unwrap_or(0);
    let mut checks = vec![Check {
        expected: format!("exit code {wanted}"),
        seen,
        held: report.exit == Some(wanted),
    }];
    if let Some(stdout) = &expect.stdout {
        checks.extend(text::checks("stdout", stdout, &report.stdout));
    }
    if let Some(stderr) = &expect.stderr {
        checks.extend(text::checks("stderr", stderr, &report.stderr));
    }
    checks
}

/// At most so many lines of what a command wrote are shown, from the end.
const LINES: usize = 20;

/// What a command wrote, for a reader who wonders why it failed.
fn output(report: &ExecReport) -> Vec<String> {
    [("stdout", &report.stdout), ("stderr", &report.stderr)]
        .into_iter()
        .filter(|(_, text)| !text.trim().is_empty())
        .map(|(of, text)| {
            let lines: Vec<&str> = text.trim_end().lines().collect();
            let left_out = lines.len().saturating_sub(LINES);
            let more =
                if left_out > 0 { format!(" (the last {LINES} lines)") } else { String::new() };
            format!("{of}{more}:\n  {}", lines[left_out..].join("\n  "))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::on_one_line;

    #[test]
    fn quotes_stay_as_they_are() {
        assert_eq!(on_one_line("printf 'a \"b\"\n\u{1b}é'"), "printf 'a \"b\"\\n\\u{1b}é'");
    }
}
