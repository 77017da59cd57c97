//! The routers by which a packet goes, as text.

use std::fmt::Write;

use twinax_lab::owners::Owners;
use twinax_lab::probe::{Hop, HopAnswer};
use twinax_topology::{NodeName, Told};

use super::echo::{in_figures, own_kernel};
use super::{BAD, BOLD, GOOD, styled};

/// A line for each hop, as `traceroute(8)` has it, and one for how it ended.
pub fn traceroute(
    head: &str,
    from: &NodeName,
    owners: &Owners,
    hops: &[Hop],
    max_hops: u8,
) -> String {
    let who = |answer: &HopAnswer| answer.by.map_or_else(|| own_kernel(from), |by| owners.name(by));
    let mut text = format!("{}\n", styled(BOLD, head));
    for hop in hops {
        let _ = writeln!(text, "  {:>2}  {}", hop.ttl, line(hop, who));
    }
    let last = hops.last();
    let told =
        last.and_then(|hop| hop.answers.iter().flatten().find(|answer| answer.told.is_some()));
    let end = match (last, told) {
        (Some(last), _) if last.is_reached() => {
            let hops = if last.ttl == 1 { "1 hop" } else { &format!("{} hops", last.ttl) };
            format!("{} in {hops}", styled(GOOD, "reached"))
        }
        (_, Some(answer @ HopAnswer { told: Some(told), .. })) => {
            format!("{} \"{told}\", says {}", styled(BAD, "not reached:"), who(answer))
        }
        (last, _) => {
            let silent = max_hops.saturating_sub(last.map_or(0, |last| last.ttl));
            let ttls = match silent {
                0 => format!("a TTL of {max_hops} is too small"),
                1 => format!("no answer with a TTL of {max_hops}"),
                more => format!("no answer with a TTL of {} to {max_hops}", max_hops - more + 1),
            };
            format!("{} {ttls}", styled(BAD, "not reached:"))
        }
    };
    text + &end + "\n"
}

/// Who answered, each named once for all that he answered in a row, and how long it took.
fn line(hop: &Hop, who: impl Fn(&HopAnswer) -> String) -> String {
    if hop.is_silent() {
        return "*".to_owned();
    }
    let mut words = Vec::new();
    let mut before = None;
    for answer in &hop.answers {
        let Some(answer) = answer else {
            words.push("*".to_owned());
            continue;
        };
        if before != Some(answer.by) {
            words.push(who(answer));
        }
        before = Some(answer.by);
        let mark = answer.told.map(|told| format!(" {}", mark(told))).unwrap_or_default();
        words.push(in_figures(answer.time) + &mark);
    }
    words.join("  ")
}

/// The mark that `traceroute(8)` has for what was told.
fn mark(told: Told) -> &'static str {
    match told {
        Told::NetUnreachable | Told::NoRoute | Told::NetworkIsUnreachable => "!N",
        Told::HostUnreachable | Told::AddressUnreachable | Told::NoRouteToHost => "!H",
        Told::ProtocolUnreachable | Told::PortUnreachable => "!P",
        Told::Filtered | Told::PermissionDenied | Told::NotPermitted => "!X",
        Told::TooBig | Told::MessageTooLong => "!F",
        Told::SourceRouteFailed => "!S",
        _ => "!",
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use super::*;

    fn answer(last: u8, told: Option<Told>) -> Option<HopAnswer> {
        let by = Some(IpAddr::from([10, 0, 0, last]));
        Some(HopAnswer { by, reached: false, told, time: Duration::from_micros(90) })
    }

    fn plain(answers: Vec<Option<HopAnswer>>) -> String {
        let who = |answer: &HopAnswer| answer.by.unwrap().to_string();
        line(&Hop { ttl: 2, answers }, who)
    }

    #[test]
    fn who_answers_in_a_row_is_named_once() {
        let answers = vec![answer(1, None), None, answer(1, None), answer(2, None)];
        assert_eq!(plain(answers), "10.0.0.1  90 µs  *  90 µs  10.0.0.2  90 µs");
        assert_eq!(plain(vec![None, None]), "*");
    }

    #[test]
    fn what_is_told_has_a_mark() {
        let answers = vec![answer(1, Some(Told::NetUnreachable)), answer(1, None)];
        assert_eq!(plain(answers), "10.0.0.1  90 µs !N  90 µs");
    }
}
