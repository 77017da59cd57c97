//! Size: what does not fit into an MTU, and may not be fragmented, or not any more.

use twinax_topology::{Change, NodeName, Sysctl};

use super::input::capital;
use super::{Case, Header, at};
use crate::cause::{Cause, Evidence, Kind, Mark, Suspect};
use crate::remedy::{Op, Remedy};
use crate::seen::{At, Sight};

/// What a frame may be longer than the MTU: the Ethernet header, and one VLAN tag.
const HEADER: u32 = 18;
/// The Ethernet header.
const ETHERNET: u32 = 14;

/// The packet does not fit into an MTU, and may not be fragmented.
pub fn too_big(case: Case<'_>, node: &NodeName, dev: &str, header: Header, mtu: u32) -> Suspect {
    let out = at(node, dev);
    let says = format!(
        "{} has {} bytes and may not be fragmented, but only {mtu} fit through {out}.",
        capital(header.name()),
        header.length
    );
    let cause = Cause::new(Kind::TooBig, node, says).at(dev).by("mtu", mtu.to_string());
    let mut suspect = Suspect::new(cause).because(has_mtu(&out, mtu));
    let mut changes = Vec::new();
    for end in [Some(out.clone()), case.facts.peer(&out)].into_iter().flatten() {
        let small = case.facts.link(&end).is_some_and(|link| link.mtu < header.length);
        if let Some(place) = crate::remedy::place(&end).filter(|_| small) {
            changes.push(Change::Mtu(place, header.length.max(1500)));
        }
    }
    if !changes.is_empty() {
        let sender = header.source.and_then(|source| case.facts.owners(source).into_iter().next());
        let sender = sender.map_or_else(|| case.question.from.clone(), |owner| owner.node);
        suspect = suspect.mended_by(forgotten(Remedy::of(changes), sender, header));
    }
    suspect
}

/// The MTU of a device, as evidence.
fn has_mtu(at: &At, mtu: u32) -> Evidence {
    let command = format!("ip -n {} link show dev {}", at.node, at.device);
    Evidence::new(Mark::Observed, format!("{at} has an MTU of {mtu}")).with(command)
}

/// Who was told of the small MTU remembers it for ten minutes. Of IPv6 there is no sysctl for that in a user
/// namespace (`ipv6_route_sysctl_init`, `net/ipv6/route.c`).
fn forgotten(remedy: Remedy, sender: NodeName, header: Header) -> Remedy {
    if !header.v4() {
        return remedy.and(Op::ForgetPath { node: sender, to: header.destination });
    }
    let Ok(key) = "net/ipv4/route/flush".parse() else { return remedy };
    let flush = Sysctl { key, value: "1".to_owned() };
    remedy.and(Op::Change(Box::new(Change::Sysctl(sender, flush))))
}

/// A bridge drops what does not fit out of a port: it has nobody to tell (`is_skb_forwardable`).
pub fn too_big_for_a_port(case: Case<'_>, sight: &Sight, output: &At) -> Option<Suspect> {
    let why = format!("fit through the port {output}; a bridge drops what does not fit");
    let ends = [Some(output.clone()), case.facts.peer(output)];
    let changed = ends.into_iter().flatten().collect();
    does_not_fit(case, sight, output, &why, changed)
}

/// What comes in must fit, too: the end of a cable takes nothing that is larger than its own MTU.
pub fn too_big_to_come_in(case: Case<'_>, sight: &Sight, input: &At) -> Option<Suspect> {
    let why = format!("fit into {input}, the other end of the cable");
    does_not_fit(case, sight, input, &why, vec![input.clone()])
}

/// A frame that is larger than a device lets through.
fn does_not_fit(
    case: Case<'_>,
    sight: &Sight,
    narrow: &At,
    why: &str,
    changed: Vec<At>,
) -> Option<Suspect> {
    let mtu = case.facts.link(narrow)?.mtu;
    if sight.length <= mtu + HEADER {
        return None;
    }
    let says = format!("The frame has {} bytes, and only {mtu} {why}.", sight.length);
    let cause =
        Cause::new(Kind::TooBig, &narrow.node, says).at(&narrow.device).by("mtu", mtu.to_string());
    let before = case.facts.link(&sight.at).map_or(0, |link| link.mtu);
    let wanted = sight.length.saturating_sub(ETHERNET).max(before);
    let places = changed.iter().filter_map(crate::remedy::place);
    let remedy = Remedy::of(places.map(|place| Change::Mtu(place, wanted)));
    Some(Suspect::new(cause).because(has_mtu(narrow, mtu)).mended_by(remedy))
}
