//! A running lab is written back as a lab file that builds the same.

use serde::{Deserialize, Serialize};
use twinax_lab::{Lab, converge, memory, save};
use twinax_topology::{Topology, parse};

use crate::both_ways::{Way, build_here, chain, in_sandbox, lacks};
use crate::{facts, random, shipped};

/// As many as run in half a minute on two cores.
const CASES: u32 = 15;

/// What was saved of a lab, and what it was like.
#[derive(Serialize, Deserialize)]
struct Saved {
    toml: String,
    without_steps: bool,
    /// What no lab file can say.
    beyond: Vec<String>,
    /// What is still to be done to make the lab what was saved of it.
    left: Vec<String>,
    facts: Vec<String>,
}

/// Every lab of `labs/`, with what runs in it, and with its steps.
pub fn shipped_labs_are_saved_as_they_are() {
    if lacks("save::shipped_labs_are_saved_as_they_are") {
        return;
    }
    shipped::each("save::shipped_labs_are_saved_as_they_are", |lab| {
        let start = || {
            let (mut running, _) = Lab::build(lab.clone()).map_err(chain)?;
            running.start().map_err(chain)?;
            memory::remember(lab).map_err(chain)?;
            save_here(lab)
        };
        let saved = in_sandbox(start)?;
        let again = builds_the_same(lab, &saved)?;
        if again != *lab || saved.without_steps {
            return Err(format!("saved in other words:\n{}", saved.toml));
        }
        Ok(())
    });
}

/// Every lab of `labs/`, built by its script.
pub fn shipped_labs_of_a_script_are_saved() {
    if lacks("save::shipped_labs_of_a_script_are_saved") {
        return;
    }
    shipped::each("save::shipped_labs_of_a_script_are_saved", of_a_script);
}

/// Random labs that are known.
pub fn random_labs_are_saved() {
    if lacks("save::random_labs_are_saved") {
        return;
    }
    random::each("save", CASES, &random::lab(), |lab| {
        let build = || {
            build_here(&lab, Way::Twinax)?;
            memory::remember(&lab).map_err(chain)?;
            save_here(&lab)
        };
        let saved = in_sandbox(build)?;
        builds_the_same(&lab, &saved).map(|_| ())
    });
}

/// Random labs that a script has built, of which nobody knows anything.
pub fn random_labs_of_a_script_are_saved() {
    if lacks("save::random_labs_of_a_script_are_saved") {
        return;
    }
    random::each("save_of_a_script", CASES, &random::lab(), |lab| of_a_script(&lab));
}

fn of_a_script(lab: &Topology) -> Result<(), String> {
    // A program that holds devices is the script's: nobody can tell what it does with them.
    let lab = &Topology { wires: Vec::new(), ..lab.clone() };
    let script = twinax_plan::script(lab);
    let saved = in_sandbox(|| {
        build_here(lab, Way::Script(&script))?;
        save_here(lab)
    });
    let with_script = |error| format!("{error}\n\nthe script:\n{script}");
    saved.and_then(|saved| builds_the_same(lab, &saved)).map(|_| ()).map_err(with_script)
}

fn save_here(lab: &Topology) -> Result<Saved, String> {
    let facts = facts::read(lab)?;
    let saved = save::save(&lab.name).map_err(chain)?;
    let left = converge::difference(&saved.topology).map_err(chain)?;
    Ok(Saved {
        toml: saved.topology.to_toml(),
        without_steps: saved.without_steps,
        beyond: saved.beyond.iter().map(ToString::to_string).collect(),
        left: left.steps.iter().map(twinax_plan::command).collect(),
        facts,
    })
}

/// Builds what was saved of a lab, and compares what the kernel then reports.
fn builds_the_same(lab: &Topology, saved: &Saved) -> Result<Topology, String> {
    let with_file = |error: String| format!("{error}\n\nwhat was saved:\n{}", saved.toml);
    let again = parse(&saved.toml, "saved.toml").map_err(|error| with_file(error.to_string()))?;
    if !saved.beyond.is_empty() || !saved.left.is_empty() {
        let lines = [&saved.beyond[..], &saved.left].concat().join("\n");
        return Err(with_file(format!("not said, or still to be done:\n{lines}")));
    }
    // What is random in the lab is random in what was saved of it.
    let facts = in_sandbox(|| build_here(&again, Way::Twinax).and_then(|()| facts::read(lab)));
    let facts = facts.map_err(with_file)?;
    let [was, is] = [&saved.facts, &facts].map(|facts| facts::history::without(facts));
    match facts::difference(("the lab", &was), ("what was saved", &is)) {
        None => Ok(again),
        Some(difference) => Err(with_file(difference)),
    }
}
