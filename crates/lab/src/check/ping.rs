//! A step that pings.

use std::collections::BTreeMap;

use twinax_topology::{Ping, PingExpect};

use super::{Outcome, StepError, address, called, in_figures, netns};
use crate::lab::Lab;
use crate::probe::{Echo, EchoReport, Word, ping};
use crate::report::Check;

pub(super) fn carry_out(
    lab: &Lab,
    asked: &Ping,
    expect: &PingExpect,
) -> Result<Outcome, StepError> {
    let to = address(lab, &asked.to, asked.family)?;
    let netns = netns(lab, &asked.from)?;
    let echo = Echo {
        netns: &netns,
        to,
        interface: asked.interface.as_ref().map(AsRef::as_ref),
        source: asked.source,
        count: asked.count,
        interval: asked.interval.0,
        timeout: asked.timeout.0,
        ttl: asked.ttl,
        size: asked.size,
        dont_fragment: asked.dont_fragment,
    };
    let done = in_words(asked, &called(&asked.to, to));
    let report = ping(&[echo])
        .map_err(|source| StepError::Kernel { what: done.clone(), source })?
        .pop()
        .unwrap_or_default();
    let checks = checks(expect, &report);
    Ok(Outcome { done: vec![done], checks, notes: notes(&report), ..Outcome::default() })
}

fn in_words(asked: &Ping, to: &str) -> String {
    let mut words = format!("ping {} → {to}", asked.from);
    let mut said = Vec::new();
    said.extend(asked.interface.as_ref().map(|name| format!("out of {name}")));
    said.extend(asked.source.map(|source| format!("from {source}")));
    said.extend(asked.ttl.map(|ttl| format!("TTL {ttl}")));
    said.extend((asked.size != Ping::SIZE).then(|| format!("{} bytes", asked.size)));
    said.extend(asked.dont_fragment.then(|| "not to be fragmented".to_owned()));
    if !said.is_empty() {
        words += &format!(", {}", said.join(", "));
    }
    words
}

fn checks(expect: &PingExpect, report: &EchoReport) -> Vec<Check> {
    let seen = in_sum(report);
    let mut checks = Vec::new();
    let mut check = |expected: String, held: bool| {
        checks.push(Check { expected, seen: seen.clone(), held });
    };
    if let Some(received) = expect.received {
        check(format!("{received} received"), report.received() == received);
    }
    if let Some(lost) = expect.lost {
        check(format!("{lost} lost"), report.lost() == lost);
    }
    match expect.reachable {
        Some(true) => check("reachable".to_owned(), report.received() > 0),
        Some(false) => check("unreachable".to_owned(), report.received() == 0),
        None => {}
    }
    if let Some(told) = expect.told {
        let was_told = report.words.iter().any(|word| word.told == told);
        check(format!("the sender is told \"{told}\""), was_told);
    }
    if *expect == PingExpect::default() {
        check("all received".to_owned(), report.lost() == 0);
    }
    checks
}

/// What became of the requests, on one line.
pub(super) fn in_sum(report: &EchoReport) -> String {
    let mut sum = format!("{} sent, {} received", report.sent, report.received());
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    for word in &report.words {
        *told.entry(in_quotes(word)).or_default() += 1;
    }
    for (words, times) in told {
        sum += &match times {
            1 => format!("; told {words}"),
            times => format!("; told {times} times {words}"),
        };
    }
    if report.duplicates > 0 {
        sum += &format!("; {} more than once", report.duplicates);
    }
    sum
}

fn in_quotes(word: &Word) -> String {
    match word.from {
        Some(from) => format!("\"{}\" by {from}", word.told),
        None => format!("\"{}\" by its own kernel", word.told),
    }
}

fn notes(report: &EchoReport) -> Vec<String> {
    let times = report.replies.iter().map(|reply| reply.time);
    let (Some(least), Some(most)) = (times.clone().min(), times.max()) else { return Vec::new() };
    let ttl = match report.replies.first().and_then(|reply| reply.ttl) {
        Some(ttl) => format!(", TTL {ttl}"),
        None => String::new(),
    };
    let span = if least == most {
        in_figures(least)
    } else {
        format!("{} to {}", in_figures(least), in_figures(most))
    };
    vec![format!("round trip {span}{ttl}")]
}
