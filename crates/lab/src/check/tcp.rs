//! A step that opens a TCP connection.

use std::net::SocketAddr;

use twinax_topology::{Tcp, TcpExpect};

use super::{Outcome, StepError, address, called, in_figures, netns, text};
use crate::explain::Unanswered;
use crate::lab::Lab;
use crate::probe::{Connection, TcpReport, connect};
use crate::report::Check;

pub(super) fn carry_out(lab: &Lab, asked: &Tcp, expect: &TcpExpect) -> Result<Outcome, StepError> {
    let to = address(lab, &asked.to, asked.family)?;
    let done = format!("tcp {} → {} port {}", asked.from, called(&asked.to, to), asked.port);
    let connection = Connection {
        netns: &netns(lab, &asked.from)?,
        to: SocketAddr::new(to, asked.port),
        timeout: asked.timeout.0,
        listen: asked.timeout.0,
    };
    let reports = connect(&[connection])
        .map_err(|source| StepError::Kernel { what: done.clone(), source })?;
    let checks = reports.iter().flat_map(|report| checks(expect, report)).collect();
    let wanted = expect.connected.unwrap_or(expect.told.is_none());
    let is_missing = wanted && reports.iter().any(|report| report.connected.is_none());
    let unanswered = is_missing.then(|| Unanswered { from: asked.from.clone(), to });
    let times = reports.iter().filter_map(|report| report.connected);
    let notes = times.map(|time| format!("connected in {}", in_figures(time))).collect();
    Ok(Outcome { done: vec![done], checks, notes, unanswered, ..Outcome::default() })
}

fn checks(expect: &TcpExpect, report: &TcpReport) -> Vec<Check> {
    let seen = in_words(report);
    let connected = report.connected.is_some();
    let mut checks = Vec::new();
    let mut check = |expected: String, held: bool| {
        checks.push(Check { expected, seen: seen.clone(), held });
    };
    match expect.connected {
        Some(true) => check("connected".to_owned(), connected),
        Some(false) => check("not connected".to_owned(), !connected),
        None if expect.told.is_none() => check("connected".to_owned(), connected),
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
    let mut words =
        if report.connected.is_some() { "connected" } else { "not connected" }.to_owned();
    if let Some(told) = report.told {
        words += &format!("; told \"{told}\"");
        words += &report.by.map(|by| format!(" by {by}")).unwrap_or_default();
    }
    words
}
