//! Which lab, nodes and interfaces are watched.

use std::collections::HashMap;

use twinax_lab::registry::Registry;
use twinax_lab::sandbox::Holder;
use twinax_topology::{IfName, NodeName, Spot};

use crate::args::SpotInLab;
use crate::command::{Wrong, natural, running};

/// What is watched.
pub struct Targets {
    /// The lab's first process.
    pub holder: Holder,
    /// What of it.
    pub watched: Watched,
}

/// What of a lab is watched.
pub struct Watched {
    /// The nodes; of a lab that is watched whole, those that it has now.
    pub nodes: Vec<NodeName>,
    /// Of these nodes only these interfaces.
    pub only: HashMap<NodeName, Vec<IfName>>,
    /// Whether it is watched whole.
    pub whole: bool,
}

/// What these words mean: nothing for the only lab that is running, `LAB`, `[LAB/]NODE[:INTERFACE]`. A lab
/// of the name that the first word is wins over a node.
pub fn of(words: &[String]) -> anyhow::Result<Targets> {
    let registry = Registry::open()?;
    let Some((first, rest)) = words.split_first() else {
        let (_, holder) = running::lab(None)?;
        return Ok(whole(holder));
    };
    let named =
        first.parse::<NodeName>().ok().and_then(|lab| Some((registry.find(&lab).ok()?, lab)));
    match (named, rest) {
        (Some((holder, _)), []) => Ok(whole(holder)),
        (Some((holder, lab)), spots) => of_spots(lab, holder, spots),
        (None, _) => {
            let at = spot(first)?;
            let (lab, holder) = running::of_node(&registry, &at.in_lab()).map_err(|error| {
                // One word alone may have been meant as a lab.
                match error.is::<Wrong>() && rest.is_empty() && at.spot.interface.is_none() {
                    true if at.lab.is_none() => no_such(first, &registry),
                    _ => error,
                }
            })?;
            of_spots(lab, holder, words)
        }
    }
}

fn whole(holder: Holder) -> Targets {
    let mut nodes = holder.node_names();
    nodes.sort_by(|a, b| natural(a.as_str(), b.as_str()));
    Targets { holder, watched: Watched { nodes, only: HashMap::new(), whole: true } }
}

fn of_spots(lab: NodeName, holder: Holder, words: &[String]) -> anyhow::Result<Targets> {
    let mut nodes: Vec<NodeName> = Vec::new();
    let mut named: HashMap<NodeName, Option<Vec<IfName>>> = HashMap::new();
    for word in words {
        let SpotInLab { lab: own, spot: Spot { node, interface } } = spot(word)?;
        if own.as_ref().is_some_and(|own| *own != lab) {
            let wrong = Wrong::new(format!("`{word}` is not in lab `{lab}`"));
            return Err(wrong.hint("one capture is of one lab").into());
        }
        if !holder.has_node(&node) {
            return Err(running::no_node(&lab, &holder, &node).into());
        }
        if !nodes.contains(&node) {
            nodes.push(node.clone());
        }
        let interfaces = named.entry(node).or_insert_with(|| Some(Vec::new()));
        match interface {
            Some(interface) => interfaces.iter_mut().for_each(|own| own.push(interface.clone())),
            // All of it is more than some.
            None => *interfaces = None,
        }
    }
    let only =
        named.into_iter().filter_map(|(node, interfaces)| Some((node, interfaces?))).collect();
    Ok(Targets { holder, watched: Watched { nodes, only, whole: false } })
}

fn spot(word: &str) -> anyhow::Result<SpotInLab> {
    word.parse().map_err(|error| {
        Wrong::new(format!("`{word}` is neither a lab nor a node: {error}")).into()
    })
}

fn no_such(word: &str, registry: &Registry) -> anyhow::Error {
    let labs: Vec<NodeName> =
        registry.labs().unwrap_or_default().into_iter().map(|entry| entry.lab).collect();
    let wrong =
        Wrong::new(format!("no lab `{word}` is running, and no running lab has such a node"));
    let labs: Vec<String> = labs.iter().map(|lab| format!("`{lab}`")).collect();
    match &labs[..] {
        [] => wrong.hint("`twinax up LAB.toml` brings one up").into(),
        labs => wrong.hint(format!("these are running: {}", labs.join(", "))).into(),
    }
}
