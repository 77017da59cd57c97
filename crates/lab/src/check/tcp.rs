//! A step that opens a TCP connection.

use twinax_topology::{Tcp, TcpExpect};

use super::{Outcome, StepError, address, called, netns, text};
use crate::lab::Lab;
use crate::probe::{TcpReport, connect};
use crate::report::Check;

pub(super) fn carry_out(lab: &Lab, asked: &Tcp, expect: &TcpExpect) -> Result<Outcome, StepError> {
    let to = address(lab, &asked.to, asked.family)?;
    let done = format!("tcp {} → {} port {}", asked.from, called(&asked.to, to), asked.port);
    let report = connect(&netns(lab, &asked.from)?, to, asked.port, asked.timeout.0)
        .map_err(|source| StepError::Kernel { what: done.clone(), source })?;
    Ok(Outcome { done: vec![done], checks: checks(expect, &report), ..Outcome::default() })
}

fn checks(expect: &TcpExpect, report: &TcpReport) -> Vec<Check> {
    let seen = in_words(report);
    let mut checks = Vec::new();
    let mut check = |expected: String, held: bool| {
        checks.push(Check { expected, seen: seen.clone(), held });
    };
    match expect.connected {
        Some(true) => check("connected".to_owned(), report.connected),
        Some(false) => check("not connected".to_owned(), !report.connected),
        None if expect.told.is_none() => check("connected".to_owned(), report.connected),
        None => {}
    }
    if let Some(told) = expect.told {
        check(format!("told \"{told}\""), report.told == Some(told));
    }
    if let Some(said) = &expect.said {
        checks.extend(text::checks("said:", said, &report.said));
    }
    checks
}

fn in_words(report: &TcpReport) -> String {
    let mut words = if report.connected { "connected" } else { "not connected" }.to_owned();
    if let Some(told) = report.told {
        words += &format!("; told \"{told}\"");
    }
    words
}
