//! A running lab becomes what a lab file says: any lab any other, one that was edited, one that
//! somebody has changed by hand.

use proptest::collection::vec;
use proptest::prelude::{Strategy, any};
use serde::{Deserialize, Serialize};
use twinax_lab::apply::apply;
use twinax_lab::{converge, memory};
use twinax_topology::{Topology, parse};

use crate::both_ways::{Way, build_here, chain, in_sandbox, lacks};
use crate::facts::history;
use crate::mutate::{edited, edits};
use crate::{by_hand, facts, random};

/// As many as run in half a minute on two cores.
const CASES: u32 = 12;

/// So often it may be looked again.
const ROUNDS: usize = 4;

/// What a lab has become.
#[derive(Serialize, Deserialize)]
struct Become {
    /// What was done, round by round.
    rounds: Vec<Vec<String>>,
    facts: Vec<String>,
}

/// One random lab becomes another one.
pub fn any_lab_becomes_any_other() {
    if lacks("becomes::any_lab_becomes_any_other") {
        return;
    }
    let pairs = (random::lab(), random::lab());
    random::each("becomes_other", CASES, &pairs, |(one, other)| check(&one, &other, || Ok(())));
}

/// A random lab becomes what somebody has made of its file, and back.
pub fn an_edited_lab_becomes_what_it_says() {
    if lacks("becomes::an_edited_lab_becomes_what_it_says") {
        return;
    }
    random::each("becomes_edited", CASES, &edited_labs(), |(lab, other)| {
        check(&lab, &other, || Ok(()))?;
        check(&other, &lab, || Ok(()))
    });
}

/// A random lab in which somebody has done something becomes what it was.
pub fn what_was_done_by_hand_is_undone() {
    if lacks("becomes::what_was_done_by_hand_is_undone") {
        return;
    }
    random::each("becomes_by_hand", CASES, &(random::lab(), by_hand::deeds()), |(lab, deeds)| {
        let commands = by_hand::commands(&lab, &deeds);
        check(&lab, &lab, || by_hand::carry_out(&commands))
            .map_err(|error| format!("{error}\n\nby hand:\n{}", commands.join("\n")))
    });
}

/// Of the steps to another lab only the first are done, as if whoever did them had been killed.
pub fn what_was_broken_off_is_completed() {
    if lacks("becomes::what_was_broken_off_is_completed") {
        return;
    }
    let values = (edited_labs(), vec(any::<u8>(), 1..3));
    random::each("becomes_broken_off", CASES, &values, |((lab, other), done)| {
        check(&lab, &other, || {
            for part in &done {
                let steps = converge::difference(&other).map_err(chain)?.steps;
                let count = steps.len() * usize::from(*part) / 256;
                // One that is refused breaks it off, too.
                let _ = apply(&steps[..count]);
            }
            Ok(())
        })
    });
}

/// A lab, and what somebody has made of its file: a lab that could be read from one.
fn edited_labs() -> impl Strategy<Value = (Topology, Topology)> {
    (random::lab(), edits()).prop_filter_map("an edited lab is no lab", |(lab, edits)| {
        let lab = edited(&lab, &[]);
        let other = edited(&lab, &edits);
        let is_lab = |lab: &Topology| parse(&lab.to_toml(), "edited.toml").is_ok();
        (is_lab(&lab) && is_lab(&other)).then_some((lab, other))
    })
}

/// Builds a lab, lets something happen to it, makes another one of it, and compares that with the
/// other one as it is built.
fn check(
    from: &Topology,
    to: &Topology,
    happens: impl Fn() -> Result<(), String>,
) -> Result<(), String> {
    let told = history::with_traces_of(from, to);
    let made = in_sandbox(|| {
        build_here(from, Way::Twinax)?;
        memory::remember(from).map_err(chain)?;
        happens()?;
        become_here(to, &told)
    });
    let labs = || format!("\n\nfrom:\n{}\n\nto:\n{}", from.to_toml(), to.to_toml());
    let made = made.map_err(|error| error + &labs())?;
    let built = in_sandbox(|| build_here(to, Way::Twinax).and_then(|()| facts::read(&told)))?;
    let rounds: Vec<String> = made.rounds.iter().map(|round| round.join("\n")).collect();
    let [built, has_become] = [&built, &made.facts].map(|facts| history::without(facts));
    let why = match facts::difference(("built", &built), ("become", &has_become)) {
        Some(difference) => difference,
        None if rounds.len() > ROUNDS => "it took too many rounds".to_owned(),
        None => return Ok(()),
    };
    Err(format!("{why}\n\nwhat was done:\n{}{}", rounds.join("\n-- and then\n"), labs()))
}

fn become_here(to: &Topology, told: &Topology) -> Result<Become, String> {
    let mut rounds = Vec::new();
    converge::converge(to, |difference| {
        rounds.push(difference.steps.iter().map(twinax_plan::command).collect());
    })
    .map_err(|error| format!("{}\n{rounds:#?}", chain(error)))?;
    let mut again = Vec::new();
    converge::converge(to, |difference| {
        again.extend(difference.steps.iter().map(twinax_plan::command));
    })
    .map_err(chain)?;
    if !again.is_empty() {
        return Err(format!("the second time there was still to do: {again:#?}"));
    }
    Ok(Become { rounds, facts: facts::read(told)? })
}
