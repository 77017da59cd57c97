//! The bridge: a frame has come in at a port, and should go out of another, or to the node itself.
//!
//! `br_handle_frame` takes nothing from a port that is not forwarding; `br_forward` gives nothing to one that is
//! not, nor from one isolated port to another; the forwarding database says which port (or all of them:
//! flooding, where the port's flags allow it) (`net/bridge/br_input.c`, `br_forward.c`).

use twinax_kernel::FdbEntry;
use twinax_packet::Mac;
use twinax_topology::PortAttributes;

use super::{Case, Found, device, observed, size};
use crate::cause::{Cause, Evidence, Kind, Mark, Suspect};
use crate::remedy::{Op, Remedy};
use crate::seen::{At, Sight, What};

/// What can stop a frame that has come in at a port of a bridge.
pub fn bridge(case: Case<'_>, sight: &Sight) -> Found {
    let input = &sight.at;
    let Some(bridge) = case.facts.bridge_of(input) else { return Ok(Vec::new()) };
    let onward = onward(case, sight);
    let is_own = |next: &&At| case.facts.bridge_of(next).as_ref() == Some(&bridge);
    // The ports by which the frame should go on.
    let outputs: Vec<At> = onward.iter().filter(is_own).cloned().collect();
    // It has been flooded to where nobody is whom it is for, and should have gone out of another port before.
    if outputs.is_empty()
        && !onward.is_empty()
        && let Some(before) = bridged_before(case, sight)
    {
        return self::bridge(case, before);
    }
    let mut found = Vec::from_iter(device::takes(case, input));
    if case.facts.link(&bridge).is_some_and(|link| !link.up) {
        found.push(device::is_down(&bridge));
    }
    found.extend(state(case, input));
    found.extend(locked(case, input));
    found.extend(two_of_one_mac(case, sight, input)?);
    for output in &outputs {
        found.extend(isolated(case, input, output));
        found.extend(state(case, output));
        found.extend(flags(case, sight, output));
    }
    found.extend(entry(case, sight, &bridge, &outputs)?);
    for output in &outputs {
        found.extend(device::sends(case, output)?);
        found.extend(size::too_big_for_a_port(case, sight, output));
    }
    found.extend(crate::firewall::drops_bridged(case, &input.node, sight)?);
    found.iter_mut().for_each(|suspect| suspect.evidence.insert(0, observed(sight)));
    Ok(found)
}

/// Where a frame was when it came in at a bridge last, before it did so here.
fn bridged_before<'a>(case: Case<'a>, sight: &Sight) -> Option<&'a Sight> {
    let before = case.seen.journey(sight.journey).filter(|own| own.hop < sight.hop);
    before.filter(|own| !own.is_out() && case.facts.bridge_of(&own.at).is_some()).last()
}

/// The devices to which a frame should come next on its link.
fn onward(case: Case<'_>, sight: &Sight) -> Vec<At> {
    let wanted: Vec<At> = match sight.what {
        What::Ask { target, .. } => case.facts.owners(target),
        _ => sight
            .to_mac()
            .filter(|mac| !mac.is_group())
            .map_or(Vec::new(), |mac| case.facts.with_mac(mac)),
    };
    let segment = case.facts.segment(&sight.at);
    let mut next: Vec<At> =
        wanted.iter().filter_map(|to| segment.path(to)?.into_iter().nth(1)).collect();
    next.sort();
    next.dedup();
    next
}

/// A port that does not forward.
fn state(case: Case<'_>, port: &At) -> Vec<Suspect> {
    let Some(link) = case.facts.link(port) else { return Vec::new() };
    let Some(state) = link.port.get("state").filter(|state| *state != "forwarding") else {
        return Vec::new();
    };
    if !link.up || !link.carrier {
        // It is disabled because it is down; that is said there.
        return Vec::new();
    }
    let says = format!("The port {port} of its bridge is {state}, not forwarding.");
    let cause =
        Cause::new(Kind::PortState, &port.node, says).at(&port.device).by("state", state.as_str());
    let seen = Evidence::new(Mark::Observed, format!("{port} state {state}")).with(shown(port));
    let forward = Remedy { ops: vec![Op::Forward(port.clone())] };
    vec![Suspect::new(cause).because(seen).certain_if(true).mended_by(forward)]
}

fn shown(port: &At) -> String {
    format!("bridge -n {} -d link show dev {}", port.node, port.device)
}

/// A locked port takes nothing from a MAC that is not entered for it.
fn locked(case: Case<'_>, input: &At) -> Vec<Suspect> {
    if is_on(case, input, "locked") != Some(true) {
        return Vec::new();
    }
    let says = format!(
        "The port {input} is locked: the bridge takes nothing from a MAC that is not entered for it."
    );
    let cause = Cause::new(Kind::PortFlags, &input.node, says).at(&input.device).by("locked", "on");
    let seen = Evidence::new(Mark::Observed, format!("{input} locked on")).with(shown(input));
    vec![Suspect::new(cause).because(seen).certain_if(true)]
}

/// How a port behaves, by the name that `bridge link` has for it.
fn is_on(case: Case<'_>, port: &At, key: &str) -> Option<bool> {
    case.facts.link(port)?.port.get(key).map(|value| value == "on")
}

/// Two ports that are isolated from each other.
fn isolated(case: Case<'_>, input: &At, output: &At) -> Vec<Suspect> {
    let is = |port: &At| is_on(case, port, "isolated") == Some(true);
    if !is(input) || !is(output) {
        return Vec::new();
    }
    let says = format!(
        "The ports {} and {} of {} are both isolated: the bridge passes nothing from one to the other.",
        input.device, output.device, input.node
    );
    let cause =
        Cause::new(Kind::IsolatedPort, &input.node, says).at(&input.device).by("isolated", "on");
    let seen =
        |port: &At| Evidence::new(Mark::Observed, format!("{port} isolated on")).with(shown(port));
    let mut suspect = Suspect::new(cause).because(seen(input)).because(seen(output));
    for port in [input, output] {
        let off = PortAttributes { isolated: Some(false), ..PortAttributes::default() };
        suspect = suspect.mended_by(Remedy::port(port, off));
    }
    vec![suspect]
}

/// A port out of which frames of this kind are not flooded.
fn flags(case: Case<'_>, sight: &Sight, output: &At) -> Vec<Suspect> {
    let Some(to) = sight.to_mac() else { return Vec::new() };
    let (key, what) = match to {
        Mac::BROADCAST => ("bcast_flood", "broadcasts"),
        to if to.is_group() => ("mcast_flood", "multicasts"),
        _ => ("flood", "frames to MACs that it has not learned"),
    };
    if is_on(case, output, key) != Some(false) {
        return Vec::new();
    }
    let says = format!(
        "The bridge of {} does not send {what} out of {}: {key} is off.",
        output.node, output.device
    );
    let cause = Cause::new(Kind::PortFlags, &output.node, says).at(&output.device).by(key, "off");
    let seen = Evidence::new(Mark::Observed, format!("{output} {key} off")).with(shown(output));
    let on = match key {
        "bcast_flood" => PortAttributes { bcast_flood: Some(true), ..PortAttributes::default() },
        "mcast_flood" => PortAttributes { mcast_flood: Some(true), ..PortAttributes::default() },
        _ => PortAttributes { flood: Some(true), ..PortAttributes::default() },
    };
    vec![Suspect::new(cause).because(seen).mended_by(Remedy::port(output, on))]
}

/// Two devices with one MAC: the bridge sends to where it saw the MAC last.
fn two_of_one_mac(case: Case<'_>, sight: &Sight, input: &At) -> Found {
    let Some(to) = sight.to_mac().filter(|mac| !mac.is_group()) else { return Ok(Vec::new()) };
    let segment = case.facts.segment(input);
    let on_link = |at: &At| segment.has(at) || at == input;
    let mut all: Vec<At> = case.facts.with_mac(to).into_iter().filter(on_link).collect();
    // A bridge has the MAC of one of its ports.
    all.retain(|at| case.facts.bridge_of(at).is_none() && at.node != input.node);
    let [one, other, ..] = &all[..] else { return Ok(Vec::new()) };
    let says = format!(
        "{one} and {other} have the same MAC {to}: the bridge of {} knows only one port for it.",
        input.node
    );
    let cause = Cause::new(Kind::DuplicateMac, &other.node, says)
        .at(&other.device)
        .by("mac", to.to_string());
    let command = format!("bridge -n {} fdb show", input.node);
    let seen = Evidence::new(Mark::Observed, format!("{one} and {other} have {to}")).with(command);
    let mut suspect = Suspect::new(cause).because(seen);
    for at in [other, one] {
        if let (Some(place), Ok(mac)) = (crate::remedy::place(at), spare(case, to)) {
            suspect = suspect.mended_by(Remedy::from(twinax_topology::Change::Mac(place, mac)));
        }
    }
    Ok(vec![suspect])
}

/// A MAC like this one that nobody has.
fn spare(case: Case<'_>, like: Mac) -> Result<twinax_topology::Mac, twinax_topology::MacError> {
    let mut bytes = like.0;
    bytes[0] = (bytes[0] | 2) & !1;
    for last in 0..=u8::MAX {
        bytes[5] = like.0[5] ^ last;
        if case.facts.with_mac(Mac(bytes)).is_empty() {
            break;
        }
    }
    twinax_topology::Mac::new(bytes)
}

/// An entry of the forwarding database that leads elsewhere.
fn entry(case: Case<'_>, sight: &Sight, bridge: &At, outputs: &[At]) -> Found {
    let Some(to) = sight.to_mac().filter(|mac| !mac.is_group()) else { return Ok(Vec::new()) };
    let seen = case.facts.node(&bridge.node)?;
    let entries = seen.fdb.iter().filter(|own| {
        own.bridge.as_deref() == Some(&bridge.device) && own.mac.octets() == to.0 && !own.learned
    });
    let went_out = |dev: &str| {
        let out = At::new(&bridge.node, dev);
        case.seen.journey(sight.journey).any(|own| own.is_out() && own.at == out)
    };
    let is_right = |dev: &str| outputs.iter().any(|port| port.device == dev);
    // One that leads to the right port keeps the frame all the same if it is the bridge's own.
    let wrong = entries.filter(|own| !is_right(&own.dev) || !went_out(&own.dev));
    let found = wrong.map(|own| {
        let says = format!(
            "The bridge {bridge} has a static entry for {to} at {}, by which the frame does not get to who has \
             this MAC.",
            own.dev
        );
        let cause = Cause::new(Kind::StaticFdb, &bridge.node, says)
            .at(&own.dev)
            .by("fdb", to.to_string());
        let seen = Evidence::new(Mark::Observed, format!("{to} dev {} static", own.dev))
            .with(format!("bridge -n {} fdb show br {}", bridge.node, bridge.device));
        let at = At::new(&bridge.node, &own.dev);
        let entry = FdbEntry::behind_port(to.0);
        let removed = Remedy { ops: vec![Op::Entry { at, entry, there: false }] };
        Suspect::new(cause).because(seen).certain_if(true).mended_by(removed)
    });
    Ok(found.collect())
}
