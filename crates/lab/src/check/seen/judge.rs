//! What was expected, what was seen, and whether that is the same.

use std::collections::BTreeSet;

use twinax_topology::NodeName;

use super::words::{self, Told};
use super::{Matcher, Wanted, Watch};
use crate::report::Check;

impl Matcher {
    /// What was expected and what was seen; and where that is not the same, what else was seen there.
    /// `lost` tells how many frames of a node nobody has seen.
    pub(crate) fn judge(&self, lost: impl Fn(&NodeName) -> u64) -> (Vec<Check>, Vec<String>) {
        let mut checks = Vec::new();
        let mut notes = Vec::new();
        let mut told = BTreeSet::new();
        for told_of in (0..self.entries.len()).map(|entry| self.told(entry)) {
            let (check, wrong) = judge(&told_of, &lost);
            checks.push(check);
            for watch in wrong {
                match told_of.entry.wanted {
                    Wanted::Unseen => notes.extend(told_of.offenders(watch)),
                    Wanted::Seen { .. } if told.insert(watch.place) => {
                        notes.push(self.places[watch.place].in_words());
                    }
                    Wanted::Seen { .. } => {}
                }
            }
        }
        if self.in_order {
            checks.push(self.order(&lost));
        }
        (checks, notes)
    }

    fn told(&self, entry: usize) -> Told<'_> {
        let entry = &self.entries[entry];
        Told { entry, watches: &self.watches[entry.watches.clone()], places: &self.places }
    }

    /// Whether the first of each entry came after the first of each one before it.
    fn order(&self, lost: &impl Fn(&NodeName) -> u64) -> Check {
        let to_be_seen = self.entries.iter().take_while(|entry| entry.wanted != Wanted::Unseen);
        let entries: Vec<Told<'_>> =
            to_be_seen.enumerate().map(|(index, _)| self.told(index)).collect();
        let words: Vec<String> = entries.iter().map(|told| told.what(&told.everywhere())).collect();
        let expected = format!("in this order: {}", words.join("; "));
        let mut latest: Option<(&Told<'_>, &Watch)> = None;
        for told in &entries {
            let there = || told.watches.iter().filter(|watch| watch.first.is_some());
            if let Some((earlier, before)) = latest
                && let Some(early) = there().find(|watch| watch.first < before.first)
            {
                let [late, early] = [earlier.what_at(before), told.what_at(early)];
                let seen = format!("{early} came before {late}");
                return Check { expected, seen, held: false };
            }
            let all = latest.into_iter().chain(there().map(|watch| (told, watch)));
            latest = all.max_by_key(|(_, watch)| watch.first);
        }
        let nodes = entries.iter().flat_map(Told::nodes).collect();
        match words::lost(nodes, lost) {
            Some(lost) => {
                let seen = format!("it can't be told: {lost}");
                Check { expected, seen, held: false }
            }
            None => {
                Check { expected, seen: "the first of each in this order".to_owned(), held: true }
            }
        }
    }
}

/// Whether an entry came out as it was wanted, and at which of its places it did not.
fn judge<'m>(told: &Told<'m>, lost: &impl Fn(&NodeName) -> u64) -> (Check, Vec<&'m Watch>) {
    let wanted = told.entry.wanted;
    let is_wrong = move |watch: &&Watch| match wanted {
        Wanted::Seen { count, .. } => !count.has(watch.count) || watch.strays > 0,
        Wanted::Unseen => watch.count > 0,
    };
    // What is not known to be missing may have been among what was lost.
    let is_open = match wanted {
        Wanted::Seen { count, .. } => count.most.is_none(),
        Wanted::Unseen => false,
    };
    let wrong: Vec<&Watch> = told.watches.iter().filter(is_wrong).collect();
    let held = wrong.is_empty();
    let lost = words::lost(told.nodes().collect(), lost).filter(|_| !(held && is_open));
    let mut seen = told.seen();
    if let Some(lost) = &lost {
        seen += &format!("; {lost}");
    }
    (Check { expected: told.expected(), seen, held: held && lost.is_none() }, wrong)
}
