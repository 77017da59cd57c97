//! Steps that send something: who sends and whom it is for must be there, and what is expected must
//! be possible.

use std::net::IpAddr;
use std::ops::Range;

use super::addresses::is_link_local;
use super::nodes::not_zero;
use super::steps::{check_spot, span_of, text};
use super::world::World;
use crate::diagnostic::{Collector, Diagnostic};
use crate::file::{
    Aim, At, ExpectKeys, Field, HopWord, PingKeys, TcpKeys, TracerouteKeys, UdpKeys, each,
};
use crate::lower::StepMarks;
use crate::model::{
    EchoExpect, Family, HopExpect, Ping, Spot, Target, Tcp, TcpExpect, Told, TraceMethod,
    Traceroute, TracerouteExpect, Udp,
};

pub(super) fn ping(
    ping: &Ping,
    expect: &EchoExpect,
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
        echo_counts(ping.count, expect, keys, "ping", to);
    }
}

/// What is expected of what is to be echoed must be possible.
fn echo_counts(
    sent: u16,
    expect: &EchoExpect,
    keys: &ExpectKeys,
    what: &str,
    to: &mut Collector<'_>,
) {
    let noun = if what == "ping" { "request" } else { "datagram" };
    let sent_in_words = match sent {
        1 => format!("one {noun} is sent"),
        _ => format!("{sent} {noun}s are sent"),
    };
    for (name, field) in [("received", &keys.received), ("lost", &keys.lost)] {
        if let Some(at) = field.get()
            && at.value.0 > i64::from(sent)
        {
            let title = format!("`{name} = {}`, but {sent_in_words}", at.value.0);
            to.push(
                Diagnostic::new(at.span.clone(), title).help(format!("say `count` in the {what}")),
            );
            return;
        }
    }
    if let (Some(received), Some(lost), Some(at)) = (expect.received, expect.lost, keys.lost.get())
        && u32::from(received) + u32::from(lost) != u32::from(sent)
    {
        let title = format!("{received} received and {lost} lost, but {sent_in_words}");
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

pub(super) fn traceroute(
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
    last_port(traceroute, keys, to);
    let aim = resolve(&keys.to, &traceroute.to, &keys.family, world, to);
    not_link_local(aim, span_of(&keys.to, &at.span), "a traceroute", to);
    let Some(expected) = marks.expect.keys else { return };
    check_hops(each(&expected.hops), aim, world, to);
    if let (Some(hops), Some(reachable), Some(target)) = (&expect.hops, expect.reachable, aim)
        && ends_with(hops, target, world) != reachable
        && let Some(key) = expected.reachable.key()
    {
        let title = if reachable {
            "the destination is to be reached, but is not the last hop"
        } else {
            "the destination is not to be reached, but is the last hop"
        };
        to.push(Diagnostic::new(key, title).help("leave out `reachable`: `hops` says it"));
    }
    if expect.told == Some(Told::TtlExceeded)
        && let Some(told) = expected.told.get()
    {
        let title = format!("every router of a traceroute tells \"{}\"", Told::TtlExceeded);
        to.push(Diagnostic::new(told.span.clone(), title).help("say by `hops` who does"));
    }
}

/// Each datagram goes to a port of its own, and there must be enough of them.
fn last_port(traceroute: &Traceroute, keys: &TracerouteKeys, to: &mut Collector<'_>) {
    let TraceMethod::Udp { port } = traceroute.method else { return };
    let sent = u32::from(traceroute.probes) * u32::from(traceroute.max_hops);
    let last = u32::from(port) + sent - 1;
    if let Some(at) = keys.port.get().filter(|_| last > u16::MAX.into()) {
        let title = format!("{sent} datagrams go to ports up to {last}, which there is not");
        let help = format!("write at most {}, or fewer `max_hops`", u32::from(u16::MAX) + 1 - sent);
        to.push(Diagnostic::new(at.span.clone(), title).help(help));
    }
}

/// Who is expected to answer must be able to.
fn check_hops(hops: &[At<HopWord>], aim: Option<IpAddr>, world: &World, to: &mut Collector<'_>) {
    let family = aim.map(Family::of);
    for hop in hops.iter() {
        let HopWord::OneOf(all) = &hop.value else { continue };
        for one in all {
            match (&one.value.0, family) {
                (Target::Address(address), Some(towards)) if Family::of(*address) != towards => {
                    let of = Family::of(*address);
                    let title =
                        format!("the hop is an {of} address, the destination an {towards} address");
                    to.push(Diagnostic::new(one.span.clone(), title));
                }
                (Target::Address(_), _) => {}
                (Target::Spot(spot), family) => {
                    if world.has_node(&spot.node, &one.span, to) {
                        declared_address(spot, family, &one.span, world, to);
                    }
                }
            }
        }
    }
    if let Some(last) = hops.last().filter(|hop| matches!(hop.value, HopWord::Silent)) {
        let title = "the last hop can't be silent: the way ends with the last that answers";
        to.push(Diagnostic::new(last.span.clone(), title).help("leave it out"));
    }
}

/// Whether the last of these hops is (or may be) the destination.
fn ends_with(hops: &[HopExpect], target: IpAddr, world: &World) -> bool {
    let Some(HopExpect::OneOf(all)) = hops.last() else { return false };
    all.iter().any(|one| match one {
        Target::Address(address) => *address == target,
        Target::Spot(spot) => {
            declared(spot, world).any(|address| address == target) || !world.whole.addresses
        }
    })
}

/// Of an address that every link has, only an interface could tell which is meant.
fn not_link_local(aim: Option<IpAddr>, at: Range<usize>, what: &str, to: &mut Collector<'_>) {
    if let Some(target) = aim.filter(|target| is_link_local(*target)) {
        let title = format!("`{target}` is on every link; {what} needs another address");
        to.push(Diagnostic::new(at, title).label("a link-local address"));
    }
}

pub(super) fn tcp(
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

pub(super) fn udp(
    udp: &Udp,
    expect: &EchoExpect,
    at: &At<UdpKeys>,
    marks: &StepMarks<'_>,
    world: &World,
    to: &mut Collector<'_>,
) {
    let keys = &at.value;
    world.has_node(&udp.from, &span_of(&keys.from, &at.span), to);
    if let Some(timeout) = keys.timeout.get() {
        not_zero(timeout, "timeout", to);
    }
    if let Some(size) = keys.size.get().filter(|size| size.value.0 < Udp::LEAST) {
        let title = format!("a udp echo has at least {} bytes", Udp::LEAST);
        to.push(Diagnostic::new(size.span.clone(), title).label("its answer is known by them"));
    }
    let aim = resolve(&keys.to, &udp.to, &keys.family, world, to);
    not_link_local(aim, span_of(&keys.to, &at.span), "a udp echo", to);
    let Some(expected) = marks.expect.keys else { return };
    if expect.told == Some(Told::PortUnreachable)
        && let Some(told) = expected.told.get()
    {
        let title = "of a port on which nobody listens, a sender of UDP is told otherwise";
        let help = format!("write \"{}\"", Told::ConnectionRefused);
        to.push(Diagnostic::new(told.span.clone(), title).help(help));
    }
    echo_counts(udp.count, expect, expected, "udp echo", to);
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
    declared(spot, world).find(|address| {
        !is_link_local(*address) && family.is_none_or(|family| family == Family::of(*address))
    })
}

/// The addresses that the file gives to a node or interface.
fn declared<'w>(spot: &'w Spot, world: &'w World) -> impl Iterator<Item = IpAddr> + 'w {
    world
        .declared(&spot.node)
        .filter(|(name, _)| spot.interface.as_ref().is_none_or(|wanted| wanted == name))
        .map(|(_, address)| *address)
}
