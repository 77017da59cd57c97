//! `twinax apply`: a running lab, made what its file says.

use serde::Serialize;
use twinax_lab::converge::{self, Difference};
use twinax_lab::registry::Registry;
use twinax_lab::{export, requirements};
use twinax_topology::Topology;

use super::{HELD, WRONG, read, running};
use crate::args::Apply;
use crate::show;

/// One round of differences, as JSON.
#[derive(Serialize)]
struct Round {
    stop: Vec<String>,
    steps: Vec<String>,
    start: Vec<String>,
    beyond: Vec<String>,
}

impl From<&Difference> for Round {
    fn from(difference: &Difference) -> Self {
        Self {
            stop: difference.stop.iter().map(ToString::to_string).collect(),
            steps: difference.steps.iter().map(twinax_plan::command).collect(),
            start: difference.start.iter().map(ToString::to_string).collect(),
            beyond: difference.beyond.iter().map(ToString::to_string).collect(),
        }
    }
}

pub fn run(asked: &Apply) -> anyhow::Result<u8> {
    let mut lab = match read(&asked.lab) {
        Ok(lab) => lab,
        Err(error) => {
            show::unreadable(&error);
            return Ok(WRONG);
        }
    };
    if let Some(name) = &asked.name {
        lab.name = name.clone();
    }
    let lacks = requirements::lacks(&lab);
    if !lacks.is_empty() {
        return Ok(show::failed(&show::lacking(&lab, &lacks)));
    }
    let registry = Registry::open()?;
    // Whoever only looks stands in nobody's way.
    let (claim, holder) = match asked.dry_run {
        true => (None, registry.find(&lab.name)?),
        false => registry.change(&lab.name).map(|(claim, holder)| (Some(claim), holder))?,
    };
    let code = running::inside(&holder, || apply(&lab, asked))?;
    if claim.is_some() && export::is_exported(&holder) {
        export::names(&lab.name, &holder)?;
    }
    Ok(code)
}

fn apply(lab: &Topology, asked: &Apply) -> anyhow::Result<u8> {
    let mut out = show::Stdout::default();
    let mut is_same = true;
    let mut tell = |difference: &Difference| {
        is_same = false;
        if asked.json {
            let line = serde_json::to_string(&Round::from(difference)).unwrap_or_default();
            out.say(&(line + "\n"));
        } else {
            out.say(&in_words(difference));
        }
    };
    let beyond = if asked.dry_run {
        let difference = converge::difference(lab)?;
        if !difference.is_empty() {
            tell(&difference);
        }
        difference.beyond
    } else {
        converge::converge(lab, tell)?
    };
    beyond.iter().for_each(left_alone);
    out.end()?;
    if is_same {
        show::tell(&format!("{}: nothing to do", lab.name));
    }
    Ok(HELD)
}

fn left_alone(beyond: &twinax_plan::Beyond) {
    show::tell(&format!("left alone, because a lab file has no words for it: {beyond}"));
}

/// What is done, a command a line.
fn in_words(difference: &Difference) -> String {
    let mut text = String::new();
    let services = |word: &str, keys: &[twinax_lab::wanted::Key]| -> String {
        keys.iter().map(|key| format!("# {word} {key}\n")).collect()
    };
    text += &services("stop", &difference.stop);
    for step in &difference.steps {
        text += &twinax_plan::command(step);
        text += "\n";
    }
    text + &services("start", &difference.start)
}
