//! Steps.

use std::ops::Range;

use super::expect::{self, Doing, ExpectMarks};
use super::interfaces::{interface_sysctl, port_attributes};
use super::packets::{self, PacketMarks};
use super::{Before, Parts, Whole, firewall, lower_parts, node_sysctl, probes, routing, text};
use crate::diagnostic::{Collector, Diagnostic};
use crate::file::{
    Array, At, ChangeKeys, ExpectKeys, Field, FirewallKeys, List, NeighKeys, PartsKeys, ReachKeys,
    ReachWord, RemovedWord, RouteKeys, RuleKeys, RunStepKeys, StepKeys, each, named,
};
use crate::model::{
    Action, Addition, Change, LabStep, LookExpect, NodeName, Ping, Place, Reach, Removed, Run,
    RunExpect, Span,
};

/// Where the words of a step are.
pub(crate) struct StepMarks<'k> {
    /// The step itself.
    pub at: Range<usize>,
    pub keys: &'k StepKeys,
    pub expect: ExpectMarks<'k>,
    pub packets: PacketMarks<'k>,
    /// Of each change.
    pub changes: Vec<ChangeMark<'k>>,
    /// What is added.
    pub parts: Option<Parts<'k>>,
}

/// Where the words of one change are.
pub(crate) struct ChangeMark<'k> {
    /// The node or interface that is changed.
    pub at: Range<usize>,
    /// What it is changed to.
    pub value: Range<usize>,
    pub route: Option<&'k At<RouteKeys>>,
    pub rule: Option<&'k At<RuleKeys>>,
    pub neighbour: Option<&'k NeighKeys>,
    pub firewall: Option<&'k FirewallKeys>,
}

/// How long a matrix waits for answers unless said.
const REACH_TIMEOUT: Span = Ping::TIMEOUT;

pub(super) fn lower<'k>(
    step: &'k At<StepKeys>,
    before: &mut Before,
    to: &mut Collector<'_>,
) -> Option<(LabStep, StepMarks<'k>)> {
    let At { value: keys, span: at } = step;
    let actions = [
        (Doing::Change, keys.change.key()),
        (Doing::Add, keys.add.key()),
        (Doing::Remove, keys.remove.key()),
        (Doing::Ping, keys.ping.key()),
        (Doing::Traceroute, keys.traceroute.key()),
        (Doing::Tcp, keys.tcp.key()),
        (Doing::Udp, keys.udp.key()),
        (Doing::Run, keys.run.key()),
        (Doing::Look, keys.look.key()),
        (Doing::Reach, keys.reach.key()),
    ];
    let mut said: Vec<_> =
        actions.into_iter().filter_map(|(doing, place)| Some((doing, place?))).collect();
    said.sort_by_key(|(_, place)| place.start);
    let Some((doing, place)) = said.first().cloned() else {
        let diagnostic = Diagnostic::new(step.span.clone(), "the step does nothing").help(
            "give it one of `change`, `add`, `remove`, `ping`, `traceroute`, `tcp`, `udp`, `run`, \
             `look` and `reach`",
        );
        to.push(diagnostic);
        return None;
    };
    let good = said.len() == 1;
    for (_, other) in said.into_iter().skip(1) {
        to.push(
            Diagnostic::new(other, "a step does one thing")
                .label("a second one")
                .also(place.clone(), "the first")
                .help("write a [[step]] for each"),
        );
    }
    if let Some(expect) = keys.expect.get().filter(|_| good) {
        expect::check_keys(expect, doing, to);
    }
    let expect = keys.expect.get().map(|at| &at.value);
    let mut changes = Vec::new();
    let mut parts = None;
    let action = match doing {
        Doing::Change => {
            let mut list = Vec::new();
            for keys in each(&keys.change) {
                lower_change(keys, &mut list, &mut changes, to);
            }
            if list.is_empty() && keys.change.get().is_some_and(|list| list.value.items.is_empty())
            {
                to.push(Diagnostic::new(place, "nothing is changed"));
            }
            Some(Action::Change(list))
        }
        Doing::Add => keys.add.get().and_then(|keys| {
            let added = lower_parts(&keys.value, before, to);
            let addition = addition(&keys.value, &added, place, to);
            parts = Some(added);
            addition.map(Action::Add)
        }),
        Doing::Remove => lower_remove(&keys.remove, place, before, to),
        Doing::Ping => keys.ping.get().and_then(|keys| probes::ping(keys, expect)),
        Doing::Traceroute => {
            keys.traceroute.get().and_then(|keys| probes::traceroute(keys, expect, to))
        }
        Doing::Tcp => keys.tcp.get().and_then(|keys| probes::tcp(keys, expect)),
        Doing::Udp => keys.udp.get().and_then(|keys| probes::udp(keys, expect)),
        Doing::Run => keys.run.get().and_then(|keys| lower_run(keys, expect)),
        Doing::Look => lower_look(keys, place, to),
        Doing::Reach => keys.reach.get().and_then(|word| lower_reach(word, to)),
    };
    let (expected, packets) = expect.map(|keys| packets::packets(keys, to)).unwrap_or_default();
    let action = action.filter(|_| good)?;
    let step = LabStep { about: text(&keys.about), action, packets: expected };
    let expect = ExpectMarks { keys: expect };
    Some((step, StepMarks { at: at.clone(), keys, expect, packets, changes, parts }))
}

/// What is added, if it is anything.
fn addition(
    keys: &PartsKeys,
    parts: &Parts<'_>,
    place: Range<usize>,
    to: &mut Collector<'_>,
) -> Option<Addition> {
    let Whole { nodes, interfaces, wires, .. } = parts.whole;
    let said = !named(&keys.node).is_empty()
        || !each(&keys.link).is_empty()
        || !each(&keys.tap).is_empty()
        || !each(&keys.wire).is_empty();
    if nodes && interfaces && wires && !said {
        let diagnostic = Diagnostic::new(place, "nothing is added");
        let help = "add `node`, `link`, `tap` or `wire`, as at the top level of the file";
        to.push(diagnostic.help(help));
        return None;
    }
    Some(Addition {
        nodes: parts.nodes.iter().map(|(node, _)| node.clone()).collect(),
        links: parts.links.clone(),
        taps: parts.taps.clone(),
        wires: parts.wires.iter().map(|(wire, _)| wire.clone()).collect(),
    })
}

fn lower_remove(
    field: &Field<List<RemovedWord>>,
    place: Range<usize>,
    before: &mut Before,
    to: &mut Collector<'_>,
) -> Option<Action> {
    let list = &field.get()?.value;
    if list.items.is_empty() && list.whole {
        to.push(Diagnostic::new(place, "nothing is removed"));
    }
    let removed: Vec<Removed> = list.items.iter().map(|word| word.value.0.value.clone()).collect();
    for one in &removed {
        if let Removed::Spot(spot) = one {
            before.bridges.remove(spot);
        }
    }
    list.whole.then_some(Action::Remove(removed))
}

fn lower_run(keys: &At<RunStepKeys>, expect: Option<&ExpectKeys>) -> Option<Action> {
    let run = Run {
        at: keys.at.value()?,
        program: keys.cmd.value()?,
        timeout: keys.timeout.value().unwrap_or(Run::TIMEOUT),
    };
    Some(Action::Run(run, expect.map_or_else(RunExpect::default, expect::run)))
}

fn lower_look(keys: &StepKeys, place: Range<usize>, to: &mut Collector<'_>) -> Option<Action> {
    let at = keys.look.value()?;
    if keys.expect.is_bad() {
        return None;
    }
    let expect = keys.expect.get();
    let looked = match expect {
        Some(expect) => expect::look(&at, expect, to),
        None => LookExpect::default(),
    };
    if expect.is_none_or(|expect| expect::says_nothing(expect)) {
        let diagnostic = Diagnostic::new(place, "the step looks, but expects nothing")
            .help("write `expect = { … }`: a look without an expectation can't fail");
        to.push(diagnostic);
        return None;
    }
    Some(Action::Look(at, looked))
}

fn lower_reach(word: &At<ReachWord>, to: &mut Collector<'_>) -> Option<Action> {
    let keys: &ReachKeys = &word.value.0;
    let groups = lists(&keys.groups).iter().map(names).collect();
    let mut also = Vec::new();
    for pair in lists(&keys.also) {
        match names(pair).as_slice() {
            [from, target] => also.push((from.clone(), target.clone())),
            _ if !pair.value.0.whole => {}
            _ => {
                let title = "a pair is two nodes: who reaches, and who is reached";
                to.push(Diagnostic::new(pair.span.clone(), title).help("write [\"a\", \"b\"]"));
            }
        }
    }
    if keys.groups.key().is_none() && keys.also.key().is_none() && keys.among.key().is_none() {
        let diagnostic = Diagnostic::new(word.span.clone(), "nothing is said of who reaches whom")
            .help("write `groups = [[\"a\", \"b\"], [\"c\"]]`");
        to.push(diagnostic);
        return None;
    }
    Some(Action::Reach(Reach {
        groups,
        also,
        among: keys
            .among
            .get()
            .map(|_| each(&keys.among).iter().map(|at| at.value.clone()).collect()),
        family: keys.family.value(),
        timeout: keys.timeout.value().unwrap_or(REACH_TIMEOUT),
    }))
}

/// The parts of a list of lists.
pub(crate) fn lists(field: &Field<Array<Array<NodeName>>>) -> &[At<Array<NodeName>>] {
    field.get().map_or(&[], |array| &array.value.0.items)
}

fn names(list: &At<Array<NodeName>>) -> Vec<NodeName> {
    list.value.0.items.iter().map(|name| name.value.clone()).collect()
}

/// The changes that a table stands for, in the order that does not depend on the order of keys.
fn lower_change<'k>(
    keys: &'k At<ChangeKeys>,
    list: &mut Vec<Change>,
    marks: &mut Vec<ChangeMark<'k>>,
    to: &mut Collector<'_>,
) {
    let Some(at) = keys.at.get() else { return };
    if !belongs(keys, at.value.interface.is_some(), to) {
        return;
    }
    let mark = |value: &Range<usize>| ChangeMark {
        at: at.span.clone(),
        value: value.clone(),
        route: None,
        rule: None,
        neighbour: None,
        firewall: None,
    };
    let mut push = |change: Change, mark: ChangeMark<'k>| {
        list.push(change);
        marks.push(mark);
    };
    let node = at.value.node.clone();
    let Some(interface) = at.value.interface.clone() else {
        for (key, value) in named(&keys.sysctl) {
            if let Some(sysctl) = node_sysctl(key, value, to) {
                push(Change::Sysctl(node.clone(), sysctl), mark(&key.span));
            }
        }
        for rule in each(&keys.del_rule) {
            if let Some(lowered) = routing::rule(rule, to) {
                let mark = ChangeMark { rule: Some(rule), ..mark(&rule.span) };
                push(Change::DelRule(node.clone(), lowered), mark);
            }
        }
        for route in each(&keys.del_route) {
            if let Some(lowered) = routing::route(route, to) {
                let mark = ChangeMark { route: Some(route), ..mark(&route.span) };
                push(Change::DelRoute(node.clone(), lowered), mark);
            }
        }
        for neighbour in each(&keys.del_neigh) {
            if let Some(key) = routing::neighbour_key(neighbour) {
                push(Change::DelNeighbour(node.clone(), key), mark(&neighbour.span));
            }
        }
        for neighbour in each(&keys.add_neigh) {
            if let Some(lowered) = routing::neighbour(neighbour) {
                let mark =
                    ChangeMark { neighbour: Some(&neighbour.value), ..mark(&neighbour.span) };
                push(Change::AddNeighbour(node.clone(), lowered), mark);
            }
        }
        for route in each(&keys.add_route) {
            if let Some(lowered) = routing::route(route, to) {
                let mark = ChangeMark { route: Some(route), ..mark(&route.span) };
                push(Change::AddRoute(node.clone(), lowered), mark);
            }
        }
        for rule in each(&keys.add_rule) {
            if let Some(lowered) = routing::rule(rule, to) {
                let mark = ChangeMark { rule: Some(rule), ..mark(&rule.span) };
                push(Change::AddRule(node.clone(), lowered), mark);
            }
        }
        if let Some(firewall) = keys.firewall.get() {
            let mark = ChangeMark { firewall: Some(&firewall.value), ..mark(&firewall.span) };
            push(Change::Firewall(node, firewall::firewall(firewall, to)), mark);
        }
        return;
    };
    let place = Place { node, interface };
    if let Some(node) = keys.r#move.get() {
        push(Change::Move { at: place.clone(), to: node.value.clone() }, mark(&node.span));
    }
    if let Some(mac) = keys.mac.get() {
        push(Change::Mac(place.clone(), mac.value), mark(&mac.span));
    }
    if let Some(mtu) = keys.mtu.get() {
        push(Change::Mtu(place.clone(), mtu.value.0 as u32), mark(&mtu.span));
    }
    if let Some(master) = keys.master.get() {
        push(Change::Master(place.clone(), master.value.0.clone()), mark(&master.span));
    }
    if let Some(port) = keys.port.get() {
        push(Change::Port(place.clone(), port_attributes(port)), mark(&port.span));
    }
    for (key, value) in named(&keys.sysctl) {
        if let Some(sysctl) = interface_sysctl(key, value, to) {
            push(Change::InterfaceSysctl(place.clone(), sysctl), mark(&key.span));
        }
    }
    for ip in each(&keys.del_ip) {
        push(Change::DelAddress(place.clone(), ip.value.0), mark(&ip.span));
    }
    for ip in each(&keys.add_ip) {
        push(Change::AddAddress(place.clone(), ip.value.0), mark(&ip.span));
    }
    if let Some(up) = keys.up.get() {
        push(Change::Up(place, up.value), mark(&up.span));
    }
}

const OF_NODE: [&str; 7] =
    ["add_route", "del_route", "add_rule", "del_rule", "add_neigh", "del_neigh", "firewall"];
const OF_INTERFACE: [&str; 8] = ["move", "up", "mtu", "mac", "master", "port", "add_ip", "del_ip"];

/// Whether the keys of a change belong together and to what is changed; reports where not.
fn belongs(keys: &At<ChangeKeys>, interface: bool, to: &mut Collector<'_>) -> bool {
    let said = keys.said();
    let mut good = true;
    for (name, place) in &said {
        let (wrong, is, help) = if interface {
            (
                OF_NODE.contains(name),
                "a node; this changes an interface",
                "the node, without `:interface`",
            )
        } else {
            (OF_INTERFACE.contains(name), "an interface; this changes a node", "\"node:interface\"")
        };
        if wrong {
            let title = format!("`{name}` belongs to {is}");
            to.push(
                Diagnostic::new(place.clone(), title)
                    .help(format!("write a change whose `at` is {help}")),
            );
            good = false;
        }
    }
    let rest: Vec<_> = said.iter().filter(|(name, _)| !matches!(*name, "at" | "move")).collect();
    if rest.is_empty() && keys.r#move.key().is_none() {
        to.push(Diagnostic::new(keys.span.clone(), "nothing is changed"));
        good = false;
    }
    if let (Some(place), Some((name, other))) = (keys.r#move.key(), rest.first()) {
        to.push(
            Diagnostic::new(other.clone(), format!("`{name}` beside `move`"))
                .label("where?")
                .also(place, "after this it is elsewhere, down and without addresses")
                .help("after the move it is elsewhere: write a second change"),
        );
        good = false;
    }
    good
}
