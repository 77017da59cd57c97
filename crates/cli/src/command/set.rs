//! `twinax set`: a running lab, changed for the moment.

mod words;

use std::collections::BTreeMap;

use twinax_kernel::observe::What;
use twinax_lab::registry::Registry;
use twinax_lab::sandbox::Holder;
use twinax_lab::{Lab, memory, observe, wanted};
use twinax_plan::{ObservedLink, Step};
use twinax_topology::{
    Action, Addition, Change, IfName, LabStep, NodeName, Place, Removed, Spot, parse_step_for,
};

use super::target::no_interface;
use super::{HELD, WRONG, Wrong, names, running};
use crate::args::{Set, SpotInLab, spot};
use crate::show;

pub use words::KEYS;

pub fn run(asked: &Set) -> anyhow::Result<u8> {
    let registry = Registry::open()?;
    let (lab, holder, text) = if asked.changes.is_empty() {
        let (lab, holder) = lab_of_parts(&registry, asked)?;
        let text = match (&asked.add[..], &asked.remove[..]) {
            (add, []) => words::addition(add),
            ([], remove) => words::removal(&lab, remove),
            _ => Err(Wrong::new("`--add` and `--remove` are two changes")
                .hint("say one after the other")),
        }?;
        (lab, holder, text)
    } else {
        let at: SpotInLab = asked.at.as_deref().unwrap_or_default().parse().map_err(|error| {
            let word = asked.at.as_deref().unwrap_or_default();
            Wrong::new(format!("`{word}` is no node or interface: {error}"))
                .hint("write NODE, NODE:INTERFACE or LAB/NODE:INTERFACE")
        })?;
        let (lab, holder) = running::of_node(&registry, &at.in_lab())?;
        (lab, holder, words::changes(&at.spot, &asked.changes)?)
    };
    // Whether a node is a switch matters where a link is added to it.
    let remembered = match asked.add.is_empty() {
        true => None,
        false => memory::remembered_in(&holder.sees("/"))?,
    };
    let nodes = remembered.map(|lab| lab.nodes).unwrap_or_default();
    let step = match parse_step_for(&text, &nodes) {
        Ok(step) => step,
        Err(error) => {
            show::unreadable(&error);
            return Ok(WRONG);
        }
    };
    nodes_are_there(&lab, &holder, &step)?;
    let (_claim, holder) = registry.change(&lab)?;
    running::inside(&holder, || {
        interfaces_are_there(&step)?;
        let commands = carry_out(&mut Lab::running(&lab)?, &step)?;
        show::print(&(commands.join("\n") + "\n"))?;
        Ok(HELD)
    })
}

/// The lab to which something is added, or from which it is removed.
fn lab_of_parts(registry: &Registry, asked: &Set) -> anyhow::Result<(NodeName, Holder)> {
    let lab = match &asked.at {
        None => match asked.remove.first().and_then(|part| part.split_once('/')) {
            Some((lab, _)) => lab.strip_prefix("wire=").unwrap_or(lab).parse()?,
            None => running::only(registry)?,
        },
        Some(word) => {
            let word = word.strip_suffix('/').unwrap_or(word);
            word.parse().map_err(|_| {
                Wrong::new(format!("`{word}` is no lab"))
                    .hint("with `--add` and `--remove` say only the lab, where that must be said")
            })?
        }
    };
    let holder = registry.find(&lab)?;
    Ok((lab, holder))
}

/// Does it; what was done, as commands.
fn carry_out(lab: &mut Lab, step: &LabStep) -> anyhow::Result<Vec<String>> {
    Ok(match &step.action {
        Action::Change(changes) => {
            lab.change(changes)?;
            let steps = changes.iter().cloned().map(Step::Change);
            steps.map(|step| twinax_plan::command(&step)).collect()
        }
        Action::Add(addition) => lab.add(addition)?,
        Action::Remove(removed) => lab.remove(removed)?,
        _ => return Err(Wrong::new("this changes nothing").into()),
    })
}

/// The nodes that a step needs are there, and those that it makes are not.
fn nodes_are_there(lab: &NodeName, holder: &Holder, step: &LabStep) -> anyhow::Result<()> {
    let mut needed: Vec<&NodeName> = Vec::new();
    match &step.action {
        Action::Change(changes) => {
            for change in changes {
                needed.push(change.node());
                if let Change::Move { to, .. } = change {
                    needed.push(to);
                }
            }
        }
        Action::Remove(removed) => needed.extend(removed.iter().map(Removed::node)),
        Action::Add(addition) => {
            if let Some(node) = addition.nodes.iter().find(|node| holder.has_node(&node.name)) {
                let wrong = Wrong::new(format!("lab `{lab}` has a node `{}` already", node.name));
                return Err(wrong.into());
            }
            let own = |name: &NodeName| addition.nodes.iter().any(|node| node.name == *name);
            let wires = addition.wires.iter().flat_map(|wire| [&wire.a, &wire.b]);
            let places = ends(addition).chain(wires);
            needed.extend(places.map(|end| &end.node).filter(|node| !own(node)));
        }
        _ => {}
    }
    match needed.into_iter().find(|node| !holder.has_node(node)) {
        Some(node) => Err(running::no_node(lab, holder, node).into()),
        None => Ok(()),
    }
}

/// Where the devices of an addition are.
fn ends(addition: &Addition) -> impl Iterator<Item = &Place> {
    let links = addition.links.iter().flat_map(|link| [&link.a.place, &link.b.place]);
    links.chain(addition.taps.iter().map(|tap| &tap.interface.place))
}

/// The interfaces that a step needs are there, and those that it makes are not.
fn interfaces_are_there(step: &LabStep) -> anyhow::Result<()> {
    let mut nodes = Devices::default();
    match &step.action {
        Action::Change(changes) => {
            for change in changes {
                if let Some(at) = change.place() {
                    nodes.must_have(&at.node, &at.interface)?;
                }
                match change {
                    // From here on it is elsewhere.
                    Change::Move { at, to } => nodes.moves(at, to)?,
                    Change::Master(at, Some(bridge)) => nodes.must_have(&at.node, bridge)?,
                    _ => {}
                }
            }
        }
        Action::Remove(removed) => {
            for one in removed {
                match one {
                    Removed::Spot(Spot { node, interface: Some(interface) }) => {
                        nodes.must_have(node, interface)?;
                    }
                    Removed::Spot(_) => {}
                    Removed::Wire(at) => {
                        nodes.must_have(&at.node, &at.interface)?;
                        must_have_wire(at)?;
                    }
                }
            }
        }
        Action::Add(addition) => {
            for end in ends(addition) {
                let own = addition.nodes.iter().any(|node| node.name == end.node);
                if !own
                    && nodes.of(&end.node)?.iter().any(|link| link.name == end.interface.as_str())
                {
                    let wrong =
                        format!("node `{}` has an interface `{}` already", end.node, end.interface);
                    return Err(Wrong::new(wrong).into());
                }
            }
            for end in addition.wires.iter().flat_map(|wire| [&wire.a, &wire.b]) {
                if !ends(addition).any(|own| own == end) {
                    nodes.must_have(&end.node, &end.interface)?;
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// A wire ends at a device.
fn must_have_wire(at: &Place) -> anyhow::Result<()> {
    let wires = wanted::wires()?;
    if wires.iter().any(|wire| wire.other_end(at).is_some()) {
        return Ok(());
    }
    let wrong = Wrong::new(format!("no wire ends at `{at}`"));
    let there = wires.iter().map(|wire| format!("`{wire}`")).collect::<Vec<_>>().join(", ");
    Err(match there.is_empty() {
        true => wrong.hint("the lab has no wires"),
        false => wrong.hint(format!("these are there: {there}")),
    }
    .into())
}

/// The devices of nodes, looked at where they are asked for.
#[derive(Default)]
struct Devices(BTreeMap<NodeName, Vec<ObservedLink>>);

impl Devices {
    fn of(&mut self, node: &NodeName) -> anyhow::Result<&mut Vec<ObservedLink>> {
        if !self.0.contains_key(node) {
            let mut seen = observe::nodes(vec![node.clone()], &What::default())?.nodes;
            let links = seen.pop().map(|(_, node)| node.links).unwrap_or_default();
            self.0.insert(node.clone(), links);
        }
        Ok(self.0.entry(node.clone()).or_default())
    }

    fn must_have(&mut self, node: &NodeName, interface: &IfName) -> anyhow::Result<()> {
        let links = self.of(node)?;
        match links.iter().any(|link| link.name == interface.as_str()) {
            true => Ok(()),
            false => Err(no_interface(node, interface.as_str(), links).into()),
        }
    }

    fn moves(&mut self, at: &Place, to: &NodeName) -> anyhow::Result<()> {
        let links = self.of(&at.node)?;
        let place = links.iter().position(|link| link.name == at.interface.as_str());
        if let Some(place) = place {
            let link = links.remove(place);
            self.of(to)?.push(link);
        }
        Ok(())
    }
}
