//! What the contestants say at their end of what they saw.

use std::ops::AddAssign;

use anyhow::{Context as _, Result};

/// Frames that one or more captures tell of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Told {
    /// Taken.
    pub seen: u64,
    /// That the kernel had no room for.
    pub lost: u64,
}

impl AddAssign for Told {
    fn add_assign(&mut self, other: Self) {
        self.seen += other.seen;
        self.lost += other.lost;
    }
}

/// `7 frames seen, none lost`, `7 frames seen, 3 lost for lack of room (…)`.
pub fn by_twinax(report: &str) -> Result<Told> {
    let line = report.lines().rev().find_map(|line| {
        let (seen, rest) = line.split_once(" frames seen, ").or(line.split_once(" frame seen, "))?;
        let lost = match rest.split_whitespace().next()? {
            "none" => 0,
            lost => lost.parse().ok()?,
        };
        Some(Told { seen: seen.trim().parse().ok()?, lost })
    });
    line.with_context(|| format!("twinax doesn't tell what it has seen: {report}"))
}

/// `7 packets captured`, `10 packets received by filter`, `3 packets dropped by kernel`.
pub fn by_tcpdump(report: &str) -> Result<Told> {
    let number = |what: &str| {
        let line = report.lines().find(|line| line.ends_with(what))?;
        line.split_whitespace().next()?.parse().ok()
    };
    let told = || Some(Told { seen: number(" captured")?, lost: number(" dropped by kernel")? });
    told().with_context(|| format!("tcpdump doesn't tell what it has seen: {report}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twinax_tells_at_its_end() {
        let whole = |end: &str| format!("watching 2 nodes; Ctrl-C ends it\n{end}\n");
        let told = |end: &str| by_twinax(&whole(end)).ok();
        assert_eq!(told("1 frame seen, none lost"), Some(Told { seen: 1, lost: 0 }));
        let some = "40 frames seen, 17 lost for lack of room (k0 9, k1 8); `--ring` gives more";
        assert_eq!(told(some), Some(Told { seen: 40, lost: 17 }));
        // What it says meanwhile is not what it says in the end.
        assert_eq!(told("17 frames lost: there was no room for them"), None);
    }

    #[test]
    fn tcpdump_tells_at_its_end() {
        let report = "tcpdump: listening on e0, link-type EN10MB (Ethernet), snapshot length 262144 bytes\n\
                      1 packet captured\n12 packets received by filter\n3 packets dropped by kernel\n";
        assert_eq!(by_tcpdump(report).ok(), Some(Told { seen: 1, lost: 3 }));
        let shorter = "7 packets captured\n7 packets received by filter\n";
        assert!(by_tcpdump(shorter).is_err());
    }
}
