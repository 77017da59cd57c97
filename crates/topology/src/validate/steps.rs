//! Steps, done in thought one after the other.

use std::collections::HashSet;
use std::net::IpAddr;
use std::ops::Range;

use super::addresses::is_link_local;
use super::nodes::not_zero;
use super::world::World;
use super::{changes, packets, parts};
use crate::diagnostic::{Collector, Diagnostic};
use crate::file::{
    Aim, Array, At, ExpectKeys, Field, PingKeys, ReachKeys, TcpKeys, TracerouteKeys, each,
};
use crate::lower::{StepMarks, lists};
use crate::model::{
    Action, Family, LabStep, NodeName, Ping, PingExpect, Place, Reach, Spot, Target, Tcp,
    TcpExpect, TextExpect, Told, Traceroute, TracerouteExpect,
};

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
                check_ping(ping, expect, at, marks, world, to);
            }
        }
        Action::Traceroute(traceroute, expect) => {
            if let Some(at) = keys.traceroute.get() {
                check_traceroute(traceroute, expect, at, marks, world, to);
            }
        }
        Action::Tcp(tcp, expect) => {
            if let Some(at) = keys.tcp.get() {
                check_tcp(tcp, expect, at, marks, world, to);
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

fn span_of<T>(field: &Field<T>, whole: &Range<usize>) -> Range<usize> {
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

fn check_ping(
    ping: &Ping,
    expect: &PingExpect,
    at: &At<PingKeys>,
    marks: &StepMarks<'_>,
    world: &World,
    to: &mut Collector<'_>,
) {
    let keys = &at.value;
    if let Some(from) = keys.from.get() {
        check_spot(&from.value, &from.span, world, to);
    }
    if let Some(timeout) = keys.timeout.get() {
        not_zero(timeout, "timeout", to);
    }
    let aim = resolve(&keys.to, &ping.to, &keys.family, world, to);
    if let (Some(source), Some(at)) = (ping.source, keys.source.get()) {
        if let Some(target) = aim
            && Family::of(source) != Family::of(target)
        {
            let (from, towards) = (Family::of(source), Family::of(target));
            let title =
                format!("the source is an {from} address, the destination an {towards} address");
            let help = matches!(ping.to, Target::Spot(_)).then(|| {
                format!(
                    "write `family = \"{}\"` if the destination has such an address",
                    from.as_str()
                )
            });
            let place = span_of(&keys.to, &at.span);
            to.push(
                Diagnostic::new(at.span.clone(), title)
                    .label(from.to_string())
                    .also(place, format!("`{target}`"))
                    .maybe_help(help),
            );
        }
        let expected = matches!(expect.told, Some(Told::CannotAssignAddress));
        if let Some(state) = world.nodes.get(&ping.from)
            && !state.owns(source)
            && !state.wild
            && !expected
            && world.whole.addresses
            && world.whole.interfaces
        {
            let title = format!("`{source}` is no address of node `{}` at this point", ping.from);
            let help = format!(
                "if that is what the step shows, expect `told = \"{}\"`",
                Told::CannotAssignAddress
            );
            to.push(
                Diagnostic::new(at.span.clone(), title)
                    .label("not an address of the sender")
                    .help(help),
            );
        }
    }
    if let Some(target) = aim
        && is_link_local(target)
        && ping.interface.is_none()
    {
        let title = format!("`{target}` is on every link: which one?");
        to.push(
            Diagnostic::new(span_of(&keys.to, &at.span), title)
                .label("a link-local address")
                .help("say the interface in `from`: \"node:interface\""),
        );
    }
    if let Some(keys) = marks.expect.keys {
        ping_counts(ping, expect, keys, to);
    }
}

/// What is expected of a ping must be possible.
fn ping_counts(ping: &Ping, expect: &PingExpect, keys: &ExpectKeys, to: &mut Collector<'_>) {
    let sent = ping.count;
    let requests = if sent == 1 {
        "one request is sent".to_owned()
    } else {
        format!("{sent} requests are sent")
    };
    for (name, field) in [("received", &keys.received), ("lost", &keys.lost)] {
        if let Some(at) = field.get()
            && at.value.0 > i64::from(sent)
        {
            let title = format!("`{name} = {}`, but {requests}", at.value.0);
            to.push(Diagnostic::new(at.span.clone(), title).help("say `count` in the ping"));
            return;
        }
    }
    if let (Some(received), Some(lost), Some(at)) = (expect.received, expect.lost, keys.lost.get())
        && u32::from(received) + u32::from(lost) != u32::from(sent)
    {
        let title = format!("{received} received and {lost} lost, but {requests}");
        to.push(Diagnostic::new(at.span.clone(), title));
        return;
    }
    let answered = expect.received.or_else(|| expect.lost.map(|lost| sent - lost));
    if let (Some(reachable), Some(answered), Some(at)) =
        (expect.reachable, answered, keys.reachable.get())
        && reachable != (answered > 0)
    {
        let title =
            format!("`reachable = {reachable}`, but {answered} of {sent} are to be answered");
        to.push(Diagnostic::new(at.span.clone(), title));
    }
}

fn check_traceroute(
    traceroute: &Traceroute,
    expect: &TracerouteExpect,
    at: &At<TracerouteKeys>,
    marks: &StepMarks<'_>,
    world: &World,
    to: &mut Collector<'_>,
) {
    let keys = &at.value;
    world.has_node(&traceroute.from, &span_of(&keys.from, &at.span), to);
    if let Some(timeout) = keys.timeout.get() {
        not_zero(timeout, "timeout", to);
    }
    let aim = resolve(&keys.to, &traceroute.to, &keys.family, world, to);
    not_link_local(aim, span_of(&keys.to, &at.span), "a traceroute", to);
    let Some(expected) = marks.expect.keys else { return };
    for hop in each(&expected.hops) {
        if let Some(target) = aim
            && Family::of(target) != Family::of(hop.value)
        {
            let (of, towards) = (Family::of(hop.value), Family::of(target));
            let title = format!("the hop is an {of} address, the destination an {towards} address");
            to.push(Diagnostic::new(hop.span.clone(), title));
        }
    }
    if let (Some(hops), Some(reachable), Some(target)) = (&expect.hops, expect.reachable, aim)
        && (hops.last() == Some(&target)) != reachable
        && let Some(key) = expected.reachable.key()
    {
        let title = if reachable {
            "the destination is to be reached, but is not the last hop"
        } else {
            "the destination is not to be reached, but is the last hop"
        };
        to.push(Diagnostic::new(key, title).help("leave out `reachable`: `hops` says it"));
    }
}

/// Of an address that every link has, only an interface could tell which is meant.
fn not_link_local(aim: Option<IpAddr>, at: Range<usize>, what: &str, to: &mut Collector<'_>) {
    if let Some(target) = aim.filter(|target| is_link_local(*target)) {
        let title = format!("`{target}` is on every link; {what} needs another address");
        to.push(Diagnostic::new(at, title).label("a link-local address"));
    }
}

fn check_tcp(
    tcp: &Tcp,
    expect: &TcpExpect,
    at: &At<TcpKeys>,
    marks: &StepMarks<'_>,
    world: &World,
    to: &mut Collector<'_>,
) {
    let keys = &at.value;
    world.has_node(&tcp.from, &span_of(&keys.from, &at.span), to);
    if let Some(timeout) = keys.timeout.get() {
        not_zero(timeout, "timeout", to);
    }
    let aim = resolve(&keys.to, &tcp.to, &keys.family, world, to);
    not_link_local(aim, span_of(&keys.to, &at.span), "a tcp connection", to);
    let Some(expected) = marks.expect.keys else { return };
    text(&expect.said, &expected.said, to);
    if expect.connected == Some(true)
        && let Some(told) = expected.told.get()
    {
        let title = "who is connected is told nothing";
        to.push(Diagnostic::new(told.span.clone(), title).help("leave out `connected` or `told`"));
    }
    if (expect.connected == Some(false) || expect.told.is_some())
        && let Some(key) = expected.said.key()
    {
        let title = "who is not connected hears nothing";
        to.push(Diagnostic::new(key, title).help("leave out `said`"));
    }
}

/// The address that is meant; reports where there is none.
fn resolve(
    field: &Field<Aim>,
    target: &Target,
    family: &Field<Family>,
    world: &World,
    to: &mut Collector<'_>,
) -> Option<IpAddr> {
    let at = field.get()?;
    match target {
        Target::Address(address) => {
            if let Some(family) = family.get()
                && family.value != Family::of(*address)
            {
                let (of, said) = (Family::of(*address), family.value);
                let title = format!("`{address}` is an {of} address, not {said}");
                to.push(
                    Diagnostic::new(family.span.clone(), title)
                        .label(said.to_string())
                        .also(at.span.clone(), format!("an {of} address")),
                );
                return None;
            }
            if address.is_unspecified() {
                let title = format!("`{address}` is nobody's address");
                to.push(Diagnostic::new(at.span.clone(), title));
                return None;
            }
            Some(*address)
        }
        Target::Spot(spot) => {
            // Its address is what the file declares, wherever the interface is by now.
            if !world.nodes.contains_key(&spot.node) {
                world.no_node(&spot.node, at.span.clone(), to);
                return None;
            }
            declared_address(spot, family.value(), &at.span, world, to)
        }
    }
}

/// The first address that the file gives to a node or interface; reports where it gives none.
pub(super) fn declared_address(
    spot: &Spot,
    family: Option<Family>,
    span: &Range<usize>,
    world: &World,
    to: &mut Collector<'_>,
) -> Option<IpAddr> {
    let found = first_address(spot, family, world);
    if found.is_some() || !world.whole.addresses || !world.whole.interfaces {
        return found;
    }
    let what = match family {
        Some(family) => format!("{family} address"),
        None => "address".to_owned(),
    };
    let title = format!("the lab gives `{spot}` no {what}");
    let now = world.nodes[&spot.node]
        .interfaces
        .iter()
        .filter(|(name, _)| {
            name.as_str() != "lo" && spot.interface.as_ref().is_none_or(|wanted| wanted == *name)
        })
        .flat_map(|(_, state)| &state.addresses)
        .map(|net| net.addr())
        .filter(|address| family.is_none_or(|family| family == Family::of(*address)))
        .min();
    let help = match now {
        Some(address) => format!("its address comes by a change: write \"{address}\""),
        None => "write the address itself, or give one to the interface".to_owned(),
    };
    to.push(Diagnostic::new(span.clone(), title).label("whose address is meant").help(help));
    None
}

/// The first address that the file gives to a node or interface, link-local ones apart.
pub(super) fn first_address(spot: &Spot, family: Option<Family>, world: &World) -> Option<IpAddr> {
    world
        .declared(&spot.node)
        .filter(|(name, _)| spot.interface.as_ref().is_none_or(|wanted| wanted == name))
        .map(|(_, address)| *address)
        .find(|address| {
            !is_link_local(*address) && family.is_none_or(|family| family == Family::of(*address))
        })
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
fn text(expect: &Option<TextExpect>, field: &Field<crate::file::TextWord>, to: &mut Collector<'_>) {
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
