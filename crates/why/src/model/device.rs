//! The device and the cable: a frame is handed to a device, and should come in at the other end.
//!
//! A device that is down takes nothing; one without carrier has a queueing discipline (`noop`) that drops
//! everything (`net/sched/sch_generic.c`), before a packet socket could have seen the frame. The end of a veth
//! pair has carrier while the other end is up (`drivers/net/veth.c`), a TUN/TAP device while a program holds it
//! open, a bridge while one of its ports forwards. A queueing discipline says itself what it has dropped. What
//! comes in at the other end must fit there, too (`is_skb_forwardable`, `include/linux/netdevice.h`).

use twinax_kernel::ask::Queue;
use twinax_topology::NodeName;

use super::{Case, Found, at, size};
use crate::cause::{Cause, Evidence, Kind, Mark, Suspect};
use crate::remedy::Remedy;
use crate::seen::{At, Sight, What};

/// What keeps a device from sending what was not seen to go out of it.
pub fn sends(case: Case<'_>, out: &At) -> Found {
    let mut found = is_able(case, out)?;
    found.extend(queued(case, out));
    Ok(found)
}

/// What keeps a device from sending anything.
fn is_able(case: Case<'_>, out: &At) -> Found {
    let Some(link) = case.facts.link(out) else { return Ok(Vec::new()) };
    if !link.up {
        return Ok(vec![is_down(out)]);
    }
    let mut found = Vec::new();
    if !link.carrier {
        found.extend(no_carrier(case, out));
    }
    // What a device sends that is a bridge or sits on another goes on there.
    if link.kind != "bridge"
        && let Some(lower) = lower(case, out)
    {
        found.extend(sends(case, &lower)?);
    }
    Ok(found)
}

/// A queueing discipline that has dropped something meanwhile, or keeps something back. What waits for its
/// neighbour has not come to it.
fn queued(case: Case<'_>, out: &At) -> Option<Suspect> {
    let crossed = |is: fn(&What) -> bool, is_out: bool| {
        case.seen.of(is).any(|sight| sight.at == *out && sight.is_out() == is_out)
    };
    let has_asked = crossed(|what| matches!(what, What::Ask { .. }), true);
    if has_asked && !crossed(|what| matches!(what, What::Answer { .. }), false) {
        return None;
    }
    let queues = || case.seen.queues(out).filter(|queue| queue.kind != "ingress");
    let drops = queues().find(|queue| queue.dropped > 0);
    let queue = drops.or_else(|| queues().find(|queue| queue.waiting > 0))?;
    let (does, count) = match drops {
        Some(queue) => ("drops what is to go out", format!("dropped {}", queue.dropped)),
        None => ("keeps back what is to go out", format!("has {} waiting", queue.waiting)),
    };
    // Others may have sent what waits.
    Some(of_queue(out, queue, does, &count).certain_if(drops.is_some()))
}

/// What a device has, or somebody has put there, that drops what comes in before anybody else has it.
pub fn takes(case: Case<'_>, input: &At) -> Option<Suspect> {
    let mut queues = case.seen.queues(input);
    let queue = queues.find(|queue| queue.ingress && queue.dropped > 0)?;
    let count = format!("dropped {}", queue.dropped);
    Some(of_queue(input, queue, "drops what comes in", &count).certain_if(true))
}

fn of_queue(device: &At, queue: &Queue, does: &str, count: &str) -> Suspect {
    let says = format!("The queueing discipline {} of {device} {does}.", queue.kind);
    let cause = Cause::new(Kind::Queue, &device.node, says)
        .at(&device.device)
        .by("qdisc", queue.kind.as_str());
    let command = format!("tc -n {} -s qdisc show dev {}", device.node, device.device);
    let counted = format!("{} of {device} {count} while the packet was sent", queue.kind);
    let seen = Evidence::new(Mark::Observed, counted).with(command);
    Suspect::new(cause).because(seen)
}

/// The device that another sits on, in the same node.
fn lower(case: Case<'_>, upper: &At) -> Option<At> {
    let link = case.facts.link(upper)?;
    let index = link.peer_index.filter(|_| matches!(&*link.kind, "vlan" | "macvlan" | "ipvlan"))?;
    let lower = case.facts.links(&upper.node).iter().find(|own| own.index == index)?;
    Some(at(&upper.node, &lower.name))
}

/// That a device is administratively down.
pub fn is_down(at: &At) -> Suspect {
    let says = format!("{at} is down.");
    let cause = Cause::new(Kind::LinkDown, &at.node, says).at(&at.device).by("up", "false");
    let seen = Evidence::new(Mark::Observed, format!("{at} lacks the flag UP")).with(show(at));
    Suspect::new(cause).because(seen).certain_if(true).mended_by(Remedy::up(at))
}

fn show(at: &At) -> String {
    format!("ip -n {} -d link show dev {}", at.node, at.device)
}

/// Why a device that is up has no carrier.
fn no_carrier(case: Case<'_>, out: &At) -> Vec<Suspect> {
    let Some(link) = case.facts.link(out) else { return Vec::new() };
    let seen = Evidence::new(Mark::Observed, format!("{out} is NO-CARRIER")).with(show(out));
    match &*link.kind {
        "veth" => match case.facts.peer(out) {
            Some(peer) if case.facts.link(&peer).is_some_and(|link| !link.up) => {
                vec![is_down(&peer).because(seen)]
            }
            Some(_) => vec![Suspect::new(without_carrier(out)).because(seen)],
            None => vec![not_connected(out).because(seen)],
        },
        "tun" => vec![no_program(out).because(seen)],
        "bridge" => {
            let ports: Vec<At> = case.facts.ports(out).collect();
            let down = ports
                .iter()
                .filter(|port| case.facts.link(port).is_some_and(|link| !link.up || !link.carrier));
            let mut found: Vec<Suspect> = down
                .flat_map(|port| match case.facts.link(port) {
                    Some(link) if !link.up => vec![is_down(port)],
                    _ => no_carrier(case, port),
                })
                .map(|suspect| suspect.because(seen.clone()))
                .collect();
            if ports.is_empty() {
                found.push(Suspect::new(without_carrier(out)).because(seen).certain_if(true));
            }
            found
        }
        _ => vec![Suspect::new(without_carrier(out)).because(seen).certain_if(true)],
    }
}

fn without_carrier(out: &At) -> Cause {
    let says = format!("{out} has no carrier.");
    Cause::new(Kind::NoCarrier, &out.node, says).at(&out.device).by("carrier", "false")
}

fn no_program(out: &At) -> Suspect {
    let says = format!(
        "{out} is a TUN/TAP device that no program holds open, so it has no carrier and nobody takes its frames."
    );
    let cause = Cause::new(Kind::NoProgram, &out.node, says).at(&out.device).by("carrier", "false");
    Suspect::new(cause).certain_if(true)
}

fn not_connected(out: &At) -> Suspect {
    let says = format!("The other end of {out} is in none of the lab's nodes.");
    Suspect::new(Cause::new(Kind::NotConnected, &out.node, says).at(&out.device))
}

/// What keeps a frame that went out from coming in at the other end.
pub fn cable(case: Case<'_>, sight: &Sight) -> Found {
    let out = &sight.at;
    let mut found = is_able(case, out)?;
    let Some(link) = case.facts.link(out) else { return Ok(found) };
    match case.facts.peer(out) {
        Some(peer) if link.carrier && case.facts.link(&peer).is_some_and(|link| !link.up) => {
            found.push(is_down(&peer));
        }
        Some(peer) if link.kind == "veth" => {
            found.extend(size::too_big_to_come_in(case, sight, &peer));
        }
        Some(_) => {}
        None if link.kind == "tun" && found.is_empty() => found.push(no_program(out)),
        None if link.kind == "veth" && found.is_empty() => found.push(not_connected(out)),
        None => {}
    }
    Ok(found)
}

/// Packets of a node to itself go by `lo`.
pub fn loopback(case: Case<'_>, node: &NodeName) -> Vec<Suspect> {
    let lo = at(node, "lo");
    let down = case.facts.link(&lo).is_some_and(|link| !link.up);
    if !down {
        return Vec::new();
    }
    let mut suspect = is_down(&lo);
    suspect.cause.kind = Kind::LoopbackDown;
    suspect.cause.sentence =
        format!("{node} sends to an address of its own by lo, and lo is down.");
    vec![suspect]
}
