//! Steps, done in thought one after the other.

use std::collections::HashSet;
use std::ops::Range;

use super::nodes::not_zero;
use super::probes::declared_address;
use super::world::World;
use super::{changes, packets, parts, probes};
use crate::diagnostic::{Collector, Diagnostic};
use crate::file::{Array, At, ExpectKeys, Field, ReachKeys, each};
use crate::lower::{StepMarks, lists};
use crate::model::{Action, LabStep, NodeName, Place, Reach, Spot, TextExpect};

/// Checks a step in the world as those before have left it, and does it.
pub(super) fn check(
    step: &LabStep,
    marks: &StepMarks<'_>,
    world: &mut World,
    to: &mut Collector<'_>,
) {
    let before = packets::before(&step.packets, world);
    check_action(&step.action, marks, world, to);
    packets::check(&step.packets, marks, &before, world, to);
}

fn check_action(action: &Action, marks: &StepMarks<'_>, world: &mut World, to: &mut Collector<'_>) {
    let keys = marks.keys;
    match action {
        Action::Change(list) => {
            for (change, mark) in list.iter().zip(&marks.changes) {
                changes::check(change, mark, world, to);
            }
        }
        Action::Ping(ping, expect) => {
            if let Some(at) = keys.ping.get() {
                probes::ping(ping, expect, at, marks, world, to);
            }
        }
        Action::Traceroute(traceroute, expect) => {
            if let Some(at) = keys.traceroute.get() {
                probes::traceroute(traceroute, expect, at, marks, world, to);
            }
        }
        Action::Tcp(tcp, expect) => {
            if let Some(at) = keys.tcp.get() {
                probes::tcp(tcp, expect, at, marks, world, to);
            }
        }
        Action::Udp(udp, expect) => {
            if let Some(at) = keys.udp.get() {
                probes::udp(udp, expect, at, marks, world, to);
            }
        }
        Action::Run(run, expect) => {
            let Some(at) = keys.run.get() else { return };
            if let Some(timeout) = at.timeout.get() {
                not_zero(timeout, "timeout", to);
            }
            if let Some(expectations) = marks.expect.keys {
                text(&expect.stdout, &expectations.stdout, to);
                text(&expect.stderr, &expectations.stderr, to);
            }
            world.has_node(&run.at, &span_of(&at.at, &at.span), to);
            world.run(&run.at);
        }
        Action::Look(spot, _) => {
            let Some(at) = keys.look.get() else { return };
            check_spot(spot, &at.span, world, to);
            if let Some(expect) = marks.expect.keys {
                check_learned(expect, world, to);
            }
        }
        Action::Reach(reach) => {
            if let Some(at) = keys.reach.get() {
                check_reach(reach, &at.value.0, &at.span, world, to);
            }
        }
        Action::Add(_) => {
            if let Some(added) = &marks.parts {
                parts::add(added, world, to);
            }
        }
        Action::Remove(removed) => {
            for (one, word) in removed.iter().zip(each(&keys.remove)) {
                parts::remove(one, &word.value.0.span, &marks.at, world, to);
            }
        }
    }
}

pub(super) fn span_of<T>(field: &Field<T>, whole: &Range<usize>) -> Range<usize> {
    field.get().map_or_else(|| whole.clone(), |at| at.span.clone())
}

/// Whether the node or interface is there; reports where not.
pub(super) fn check_spot(
    spot: &Spot,
    span: &Range<usize>,
    world: &World,
    to: &mut Collector<'_>,
) -> bool {
    match &spot.interface {
        None => world.has_node(&spot.node, span, to),
        Some(interface) => {
            let place = Place { node: spot.node.clone(), interface: interface.clone() };
            world.has_interface(&place, span, to)
        }
    }
}

fn check_learned(expect: &ExpectKeys, world: &World, to: &mut Collector<'_>) {
    let facts = [&expect.has, &expect.lacks].into_iter().filter_map(|facts| facts.get());
    for place in facts.flat_map(|facts| each(&facts.learned)) {
        world.has_interface(&place.value, &place.span, to);
    }
}

fn check_reach(
    reach: &Reach,
    keys: &ReachKeys,
    span: &Range<usize>,
    world: &World,
    to: &mut Collector<'_>,
) {
    if let Some(timeout) = keys.timeout.get() {
        not_zero(timeout, "timeout", to);
    }
    let mut known: HashSet<NodeName> = HashSet::new();
    let mut good = true;
    let mut check = |name: &At<NodeName>, seen: &mut HashSet<NodeName>, to: &mut Collector<'_>| {
        good &= world.has_node(&name.value, &name.span, to);
        if !seen.insert(name.value.clone()) {
            let title = format!("`{}` is named twice here", name.value);
            to.push(Diagnostic::new(name.span.clone(), title).label("the second time"));
        }
    };
    for list in [&keys.groups, &keys.also].into_iter().flat_map(lists) {
        let Array(list) = &list.value;
        let mut seen = HashSet::new();
        for name in &list.items {
            check(name, &mut seen, to);
            if known.insert(name.value.clone()) && world.nodes.contains_key(&name.value) {
                let spot = Spot { node: name.value.clone(), interface: None };
                declared_address(&spot, reach.family, &name.span, world, to);
            }
        }
    }
    let mut seen = HashSet::new();
    for name in each(&keys.among) {
        check(name, &mut seen, to);
        known.insert(name.value.clone());
    }
    let tried = match &reach.among {
        Some(_) => known.len(),
        None => world.nodes.len().max(known.len()),
    };
    if good && tried < 2 && world.whole.nodes {
        let title = "this tries nothing: there are no two nodes";
        to.push(Diagnostic::new(span.clone(), title));
    }
}

/// What is expected of a text must say something, and be possible.
pub(super) fn text(
    expect: &Option<TextExpect>,
    field: &Field<crate::file::TextWord>,
    to: &mut Collector<'_>,
) {
    let (Some(expect), Some(at)) = (expect, field.get()) else { return };
    if *expect == TextExpect::default() {
        let title = "nothing is expected of this text";
        to.push(Diagnostic::new(at.span.clone(), title).help("say `is`, `has` or `lacks`"));
    }
    if expect.lacks.iter().any(String::is_empty) {
        let title = "every text contains the empty text";
        to.push(Diagnostic::new(at.span.clone(), title));
    }
}
