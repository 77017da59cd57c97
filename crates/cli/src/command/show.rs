//! `twinax show`: what the kernel reports of running labs.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::iter;
use std::path::Path;

use twinax_kernel::mounts::NETNS_DIR;

use twinax_kernel::observe::{Routes, What};
use twinax_lab::registry::{Registry, RegistryError};
use twinax_lab::sandbox::Holder;
use twinax_lab::{memory, nodes, observe, wanted};
use twinax_plan::{Observed, ObservedLink};
use twinax_topology::NodeName;

use super::{HELD, names, running};
use crate::args::InLab;
use crate::show::{self, Page};

pub fn run(what: Option<&str>, all: bool, json: bool) -> anyhow::Result<u8> {
    let registry = Registry::open()?;
    let labs = match what {
        Some(word) => vec![meant(&registry, word)?],
        None => {
            let labs = registry.labs()?.into_iter();
            labs.filter_map(|entry| Some((entry.lab, entry.holder?, None))).collect()
        }
    };
    if labs.is_empty() {
        show::tell("no lab is running");
    }
    let mut code = HELD;
    for (number, (lab, holder, node)) in labs.iter().enumerate() {
        if number > 0 && !json {
            show::print("\n")?;
        }
        let shown = running::inside(holder, || one(lab, node.as_ref(), all, json))?;
        code = code.max(shown);
    }
    Ok(code)
}

/// The lab, and the node where one is meant. A lab of that name wins over a node.
fn meant(registry: &Registry, word: &str) -> anyhow::Result<(NodeName, Holder, Option<NodeName>)> {
    let lab = word.strip_suffix('/').unwrap_or(word);
    if let Ok(lab) = lab.parse::<NodeName>() {
        match registry.find(&lab) {
            Ok(holder) => return Ok((lab, holder, None)),
            Err(RegistryError::NotRunning { .. }) if !word.ends_with('/') => {}
            Err(error) => return Err(error.into()),
        }
    }
    let at: InLab = word
        .parse()
        .map_err(|error| super::Wrong::new(format!("`{word}` is no lab and no node: {error}")))?;
    let (lab, holder) = running::of_node(registry, &at)?;
    Ok((lab, holder, Some(at.node)))
}

/// One lab or node, in its sandbox.
fn one(lab: &NodeName, node: Option<&NodeName>, all: bool, json: bool) -> anyhow::Result<u8> {
    let routes = if json || all || node.is_some() { Routes::All } else { Routes::Made };
    let (whole, deep) = (json, node.is_some());
    let what = What {
        addresses: true,
        routes,
        rules: whole || deep,
        neighbours: deep,
        fdb: whole || deep,
        tables: whole || deep,
        sysctls: None,
    };
    let names = match node {
        Some(node) => vec![node.clone()],
        None => in_order()?,
    };
    let mut seen = observe::nodes(names, &what)?;
    if let Some(node) = node {
        name_peers(node, &mut seen)?;
    }
    let wires = wanted::wires()?;
    let services = match node {
        Some(node) => wanted::all()?
            .into_iter()
            .filter(|(key, _)| key.node == *node)
            .map(|(key, wanted)| (key.name.clone(), wanted.what, wanted::state(&key)))
            .collect(),
        None => Vec::new(),
    };
    let page = Page { lab, nodes: &seen.nodes, deep, all, services, wires: &wires };
    show::print(&if json { page.json()? } else { page.text() })?;
    Ok(HELD)
}

/// Names the other ends of a node's veth pairs, which are in other nodes: in those where the lab
/// file has them, or, where somebody has changed that, wherever they are.
fn name_peers(node: &NodeName, seen: &mut Observed) -> anyhow::Result<()> {
    let likely = likely_peers(node);
    let found = peers(node, likely.into_iter())?;
    let is_complete = found.iter().all(|link| link.kind != "veth" || link.peer.is_some());
    let found = match is_complete {
        true => found,
        false => peers(node, nodes::names()?.into_iter().filter(|other| other != node))?,
    };
    for link in seen.nodes.iter_mut().flat_map(|(_, node)| &mut node.links) {
        let same =
            found.iter().find(|other| (other.index, &other.name) == (link.index, &link.name));
        link.peer = same.and_then(|same| same.peer.clone());
    }
    Ok(())
}

/// Nodes that stand beside this one in a link of the lab file, and are there. It is only guessed at:
/// to read all of a large file takes longer than everything else.
fn likely_peers(node: &NodeName) -> BTreeSet<NodeName> {
    let text = fs::read_to_string(memory::LAB).unwrap_or_default();
    let own = format!("\"{node}:");
    let links = text.split("[[link]]").skip(1).filter(|link| link.contains(&own));
    let words = links.flat_map(|link| link.split('"'));
    let names = words.filter_map(|word| word.split_once(':')?.0.parse::<NodeName>().ok());
    names.filter(|name| name != node && Path::new(NETNS_DIR).join(name.as_str()).exists()).collect()
}

/// The devices of a node, with the other ends of those that lead to one of the others.
fn peers(
    node: &NodeName,
    others: impl Iterator<Item = NodeName>,
) -> anyhow::Result<Vec<ObservedLink>> {
    let names = iter::once(node.clone()).chain(others).collect();
    let seen = observe::nodes(names, &What::default())?.nodes;
    Ok(seen.into_iter().next().map(|(_, node)| node.links).unwrap_or_default())
}

/// The nodes that are there: those of the lab file in its order, then the others.
fn in_order() -> anyhow::Result<Vec<NodeName>> {
    let mut names = nodes::names()?;
    let file = memory::order();
    let places: HashMap<&str, usize> =
        file.iter().enumerate().map(|(place, name)| (name.as_str(), place)).collect();
    let place = |name: &NodeName| places.get(name.as_str()).copied().unwrap_or(usize::MAX);
    names.sort_by(|a, b| {
        place(a).cmp(&place(b)).then_with(|| names::natural(a.as_str(), b.as_str()))
    });
    Ok(names)
}
