//! `twinax doctor`: what this machine can do, what it lacks, and what to do about it.

use std::fmt::Write;

use comfy_table::{Cell, ColumnConstraint, ContentArrangement, Table, Width, presets};
use twinax_lab::doctor::{Check, State, examine};

use super::{HELD, LACKING};
use crate::show::{self, BAD, GOOD, HINT, styled};

/// The exit code is 3 when not even a plain lab can be run here.
pub fn run(json: bool) -> anyhow::Result<u8> {
    let checks = examine();
    let text = if json { serde_json::to_string_pretty(&checks)? + "\n" } else { table(&checks) };
    show::print(&text)?;
    let lost = checks.iter().any(|check| check.name == SANDBOX && check.state == State::Missing);
    Ok(if lost { LACKING } else { HELD })
}

/// The check without which nothing goes.
const SANDBOX: &str = "sandbox";

/// How wide the table may be.
const WIDTH: u16 = 100;

fn table(checks: &[Check]) -> String {
    let mut out = String::new();
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_width(WIDTH)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(["", "", "found", "needed for"]);
    for check in checks {
        table.add_row([
            Cell::new(match check.state {
                State::Good => "ok",
                State::Limited => "limited",
                State::Missing => "missing",
            }),
            Cell::new(check.name),
            Cell::new(&check.found),
            Cell::new(check.needed_for),
        ]);
    }
    table.set_constraints([
        ColumnConstraint::ContentWidth,
        ColumnConstraint::ContentWidth,
        ColumnConstraint::UpperBoundary(Width::Percentage(45)),
        ColumnConstraint::UpperBoundary(Width::Percentage(35)),
    ]);
    for line in table.to_string().lines() {
        let line = line.trim_end();
        let style = match line.split_whitespace().next() {
            Some("ok") => Some((GOOD, "ok")),
            Some("missing") => Some((BAD, "missing")),
            Some("limited") => Some((HINT, "limited")),
            _ => None,
        };
        match style {
            Some((style, word)) => out += &line.replacen(word, &styled(style, word), 1),
            None => out += line,
        }
        out.push('\n');
    }
    for check in checks {
        if let Some(remedy) = &check.remedy {
            let _ = writeln!(out, "{} {}: {remedy}", styled(HINT, "hint:"), check.name);
        }
    }
    out
}
