//! A diagnosis as text, for a terminal.
//!
//! ```text
//! an echo request from h1 to 10.1.2.2 does not arrive
//!
//!   there   h1:e0 Out  +0  → r:r1 In  +12µs
//!   back    not seen
//!   told    "Destination Net Unreachable" by 10.1.1.1
//!
//! Why: r has no route to 10.1.2.2.
//!
//!   observed  IP 10.1.1.2 > 10.1.2.2: ICMP echo request … comes in at r:r1
//!             ip netns exec r tcpdump -nne -i r1
//!   asked     r is asked for the way: Network is unreachable (os error 101)
//!             ip -n r route get 10.1.2.2 from 10.1.1.2 iif r1
//!   tried     with that mended on a copy, the packet arrives and is answered
//!
//! Remedy (tried on a copy: the packet arrives and is answered):
//!   twinax set r 'add_route=10.1.2.0/24 dev r2'
//!   ip -n r route add 10.1.2.0/24 dev r2
//! ```

use std::fmt::{self, Write as _};

use crate::diagnosis::{Diagnosis, Hop, Mended, Tried};

/// So many hops of a way are shown at most.
const MOST: usize = 32;
/// How far what belongs to a heading is further in.
const MARGIN: &str = "  ";

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ends = if self.arrives { "arrives, and is answered" } else { "does not arrive" };
        let ends = match (self.arrives, self.journey.back.is_empty(), self.question.protocol) {
            (true, true, crate::Protocol::Udp) => "arrives",
            _ => ends,
        };
        writeln!(f, "{} {ends}", self.question.in_words())?;
        writeln!(f)?;
        writeln!(f, "{MARGIN}there   {}", way(&self.journey.there))?;
        writeln!(f, "{MARGIN}back    {}", way(&self.journey.back))?;
        if !self.told.is_empty() {
            writeln!(f, "{MARGIN}told    {}", self.told.join(", "))?;
        }
        if let Some(verdict) = &self.verdict {
            let sure = if verdict.certain || verdict.causes.is_empty() { "Why" } else { "Perhaps" };
            writeln!(f, "\n{sure}: {}", verdict.sentence)?;
        }
        if !self.evidence.is_empty() {
            writeln!(f)?;
        }
        for evidence in &self.evidence {
            writeln!(f, "{MARGIN}{:<9} {}", evidence.mark.as_str(), evidence.text)?;
            if let Some(command) = &evidence.command {
                writeln!(f, "{MARGIN}{:<9} {command}", "")?;
            }
        }
        if let Some(remedy) = &self.remedy {
            let how = if remedy.tried == Tried::Not { "not tried" } else { "tried on a copy" };
            writeln!(f, "\nRemedy ({how}: {}):", remedy.answer)?;
            mended(f, remedy)?;
        }
        group(f, "This would help, too:", &self.others)?;
        group(f, "This would not help (tried):", &self.near_misses)?;
        if let Some(next) = &self.next {
            writeln!(f, "\nOnce that is mended: {}", next.sentence)?;
        }
        for note in &self.notes {
            writeln!(f, "\nnote: {note}")?;
        }
        Ok(())
    }
}

fn group(f: &mut fmt::Formatter<'_>, head: &str, all: &[Mended]) -> fmt::Result {
    if all.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n{head}")?;
    all.iter().try_for_each(|one| mended(f, one))
}

fn mended(f: &mut fmt::Formatter<'_>, one: &Mended) -> fmt::Result {
    for line in one.words.set.iter().chain(&one.words.commands) {
        writeln!(f, "{MARGIN}{line}")?;
    }
    if one.tried == Tried::Further {
        writeln!(f, "{MARGIN}# {}", one.answer)?;
    }
    Ok(())
}

/// A way in one line.
fn way(hops: &[Hop]) -> String {
    if hops.is_empty() {
        return "not seen".to_owned();
    }
    let mut text = String::new();
    for (place, hop) in hops.iter().enumerate() {
        if hops.len() > MOST && place >= MOST / 2 && place < hops.len() - MOST / 2 {
            if place == MOST / 2 {
                let _ = write!(text, " → … {} more …", hops.len() - MOST);
            }
            continue;
        }
        if place > 0 {
            text += " → ";
        }
        let _ = write!(text, "{} {} +{}", hop.at, hop.direction, took(hop.after));
        if !hop.changes.is_empty() {
            let _ = write!(text, " [{}]", hop.changes.join(", "));
        }
    }
    text
}

fn took(nanos: u64) -> String {
    match nanos {
        0 => "0".to_owned(),
        1..1000 => format!("{nanos}ns"),
        1000..1_000_000 => format!("{}µs", nanos / 1000),
        1_000_000..1_000_000_000 => format!("{:.1}ms", nanos as f64 / 1e6),
        _ => format!("{:.1}s", nanos as f64 / 1e9),
    }
}
