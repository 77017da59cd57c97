//! What became of packets that are to be echoed, as text.

use std::fmt::Write;
use std::net::IpAddr;
use std::time::Duration;

use twinax_lab::probe::EchoReport;
use twinax_topology::NodeName;

use super::{BAD, BOLD, styled};

/// A target by the word for it, and its address where that is another.
pub fn called(word: &str, address: IpAddr) -> String {
    match address.to_string() {
        own if own == word => own,
        own => format!("{word} ({own})"),
    }
}

/// Whose word it is where nobody sent it.
pub(super) fn own_kernel(from: &NodeName) -> String {
    format!("{from}'s own kernel")
}

/// A line for each packet that a node sent, and one for all.
pub fn echo(head: &str, from: &NodeName, report: &EchoReport) -> String {
    let mut text = format!("{}\n", styled(BOLD, head));
    for number in 1..=report.sent {
        let reply = report.replies.iter().find(|reply| reply.sequence == number);
        let word = report.words.iter().find(|word| word.sequence == number);
        let became = match (reply, word) {
            (Some(reply), _) => {
                let ttl = reply.ttl.map(|ttl| format!(", TTL {ttl}")).unwrap_or_default();
                format!("{}{ttl}", in_figures(reply.time))
            }
            (None, Some(word)) => {
                let by = word.from.map_or_else(|| own_kernel(from), |by| by.to_string());
                format!("{} \"{}\", says {by}", styled(BAD, "not delivered:"), word.told)
            }
            (None, None) => styled(BAD, "no answer"),
        };
        let _ = writeln!(text, "  {number:>2}  {became}");
    }
    let _ = write!(text, "{} sent, {} received", report.sent, report.received());
    if report.duplicates > 0 {
        let _ = write!(text, ", {} more than once", report.duplicates);
    }
    let times = report.replies.iter().map(|reply| reply.time);
    if let (Some(least), Some(most)) = (times.clone().min(), times.clone().max()) {
        let mean = times.sum::<Duration>() / u32::from(report.received()).max(1);
        let [least, mean, most] = [least, mean, most].map(in_figures);
        let _ = write!(text, "; round trip min {least}, avg {mean}, max {most}");
    }
    text + "\n"
}

/// A time as a reader takes it in.
pub(super) fn in_figures(time: Duration) -> String {
    match time.as_micros() {
        micros @ 0..1000 => format!("{micros} µs"),
        1000..1_000_000 => format!("{:.1} ms", time.as_secs_f64() * 1e3),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}
