//! Holding what became of packets that are to be echoed against what is expected of it.

use std::collections::BTreeMap;

use twinax_topology::EchoExpect;

use super::{Outcome, in_figures};
use crate::explain::Unanswered;
use crate::probe::{EchoReport, Word};
use crate::report::Check;

/// What the step was, with what came of it. `sent` is a packet of it.
pub(super) fn outcome(
    done: String,
    expect: &EchoExpect,
    report: &EchoReport,
    sent: Unanswered,
) -> Outcome {
    Outcome {
        done: vec![done],
        unanswered: lacks_answers(expect, report).then_some(sent),
        checks: checks(expect, report),
        notes: notes(report),
        ..Outcome::default()
    }
}

fn checks(expect: &EchoExpect, report: &EchoReport) -> Vec<Check> {
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
    if *expect == EchoExpect::default() {
        check("all received".to_owned(), report.lost() == 0);
    }
    checks
}

/// Whether fewer were answered than should be.
fn lacks_answers(expect: &EchoExpect, report: &EchoReport) -> bool {
    let (received, lost) = (report.received(), report.lost());
    expect.received.is_some_and(|wanted| received < wanted)
        || expect.lost.is_some_and(|most| lost > most)
        || (expect.reachable == Some(true) && received == 0)
        || (*expect == EchoExpect::default() && lost > 0)
}

/// What became of the packets, on one line.
fn in_sum(report: &EchoReport) -> String {
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
