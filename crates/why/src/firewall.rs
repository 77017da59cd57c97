//! The firewall of a node: what nftables did with the packet, as the kernel told it while it was done.
//!
//! No rule is evaluated here: a tracer marks the probe alone, and the kernel says which rule, or which
//! policy, has decided (`nft monitor trace`). So sets, maps, marks and connection tracking are what they are.
//! The old iptables tell nothing, but count: what has dropped something meanwhile, and is for such packets, is it.

use std::net::IpAddr;

use twinax_kernel::ask::LegacyDrop;
use twinax_kernel::nft::Hook;
use twinax_kernel::nft::rules::Rule;
use twinax_kernel::nft::trace::{Headers, Kind as Decided, TraceEvent, Verdict};
use twinax_packet::Packet;
use twinax_packet::decode::protocol;
use twinax_topology::NodeName;

use crate::cause::{Cause, Evidence, Kind, Mark, Suspect};
use crate::model::{Case, Found, Header};
use crate::remedy::{Op, Remedy};
use crate::seen::{Flow, Sight, What, in_headers};

/// What of a node's rules drops the packet.
pub fn drops(case: Case<'_>, node: &NodeName, header: Header) -> Found {
    let mut found = of_node(case, node, header.name(), |headers| is_ours(case, headers, header))?;
    let legacy = case.seen.legacy_drops(node).filter(|own| {
        !own.is_for_arp() && own.is_for(header.source, header.destination, header.protocol)
    });
    found.extend(legacy.map(|own| by_legacy(node, own, header.name())));
    Ok(found)
}

/// What the old iptables have dropped, by their own counters. No copy has them.
fn by_legacy(node: &NodeName, own: &LegacyDrop, name: &str) -> Suspect {
    let says = format!("The firewall of {node} drops {name}, by {own}.");
    let place = format!("{} {} {}", own.program, own.table, own.chain);
    let rule = own.rule.map_or("policy".to_owned(), |rule| format!("rule {rule}"));
    let cause = Cause::new(Kind::Firewall, node, says).by(place, rule);
    let seen = format!("{own} of {node} has dropped {} while the packet was sent", own.packets);
    let command = format!("ip netns exec {node} {}", own.command());
    let seen = Evidence::new(Mark::Observed, seen).with(command);
    Suspect::new(cause).because(seen).certain_if(true)
}

/// The mark that a packet has when its way is looked for: what the chains have made of it that come before.
pub fn mark(case: Case<'_>, node: &NodeName, header: Header, made_here: bool) -> Option<u32> {
    let before = |event: &&TraceEvent| match (made_here, event.hook) {
        (false, hook) => matches!(hook, Some(Hook::Prerouting | Hook::Ingress)),
        (true, hook) => hook == Some(Hook::Output) && event.reroutes,
    };
    let own = case.seen.traces.iter().filter(|(at, _)| at == node).map(|(_, event)| event);
    let last = own.rev().filter(before).find(|event| is_ours(case, &event.headers, header))?;
    Some(last.mark).filter(|mark| *mark != 0)
}

/// Whether headers are those of this packet.
fn is_ours(case: Case<'_>, headers: &Headers, header: Header) -> bool {
    let is = |packet: &Packet<'_>| {
        let to = packet.destination() == Some(header.destination)
            || is_of(case, packet, header.is_reply);
        to && (packet.protocol() == Some(header.protocol) || is_fragment(&headers.network))
    };
    ip(headers, is) || is_later_fragment(headers, header)
}

/// Whether it is a fragment of IPv6: what it is of is in its own header, which is not told (RFC 8200, 4.5).
fn is_fragment(network: &[u8]) -> bool {
    let byte = |at: usize| network.get(at).copied();
    byte(0).is_some_and(|first| first >> 4 == 6) && byte(6) == Some(protocol::FRAGMENT)
}

/// Whether it is a later fragment of IPv6 from where this packet is from. Of such a one the kernel tells no more
/// than the beginning of its IPv6 header, and calls that the transport's (seen on 6.18).
fn is_later_fragment(headers: &Headers, header: Header) -> bool {
    let Some(IpAddr::V6(source)) = header.source else { return false };
    let told = headers.transport.get(8..20);
    headers.network.is_empty()
        && is_fragment(&headers.transport)
        && told.is_some_and(|told| source.octets().starts_with(told))
}

/// What of a node's rules drops questions for a neighbour, or the answers to them.
pub fn drops_neighbour(case: Case<'_>, node: &NodeName, target: IpAddr) -> Found {
    let is_ours = |headers: &Headers| match target {
        IpAddr::V4(target) => {
            // The sender's address and the target's (RFC 826).
            let at = |from: usize| headers.network.get(from..from + 4);
            let arp = headers.network.get(..2) == Some(&[0, 1]);
            arp && (at(14) == Some(&target.octets()) || at(24) == Some(&target.octets()))
        }
        IpAddr::V6(target) => ip(headers, |packet| {
            packet.protocol() == Some(58)
                && headers.transport.get(8..24).is_none_or(|own| own == target.octets())
                && matches!(headers.transport.first(), Some(135 | 136))
        }),
    };
    let name = "the question for its neighbour";
    let mut found = of_node(case, node, name, is_ours)?;
    let legacy = case.seen.legacy_drops(node).filter(|own| own.is_for_arp() && target.is_ipv4());
    found.extend(legacy.map(|own| by_legacy(node, own, name)));
    Ok(found)
}

/// What of a node's rules drops a frame that a bridge passes on.
pub fn drops_bridged(case: Case<'_>, node: &NodeName, sight: &Sight) -> Found {
    match (sight.what, Header::of(sight)) {
        (What::Ask { target, .. } | What::Answer { target, .. }, _) => {
            drops_neighbour(case, node, target)
        }
        (_, Some(header)) => drops(case, node, header),
        _ => Ok(Vec::new()),
    }
}

/// Whether what is in the headers of a packet is so.
fn ip(headers: &Headers, is: impl Fn(&Packet<'_>) -> bool) -> bool {
    in_headers(headers, is) == Some(true)
}

/// Whether a packet is of the conversation, as it was seen somewhere: with other addresses before a NAT.
fn is_of(case: Case<'_>, packet: &Packet<'_>, is_reply: bool) -> bool {
    let Some(own) = Flow::of(packet) else { return false };
    let what = if is_reply { What::Reply } else { What::Request };
    let mut all = case.seen.of(|seen| *seen == what);
    all.any(|sight| Flow::of(&sight.packet()) == Some(own))
}

/// The rules and policies of a node that dropped what is ours.
fn of_node(
    case: Case<'_>,
    node: &NodeName,
    name: &str,
    is_ours: impl Fn(&Headers) -> bool,
) -> Found {
    let own = case.seen.traces.iter().filter(|(at, _)| at == node).map(|(_, event)| event);
    let drops = own.filter(|event| {
        matches!(event.verdict, Verdict::Drop | Verdict::Queue(_) | Verdict::Stolen)
            && is_ours(&event.headers)
    });
    let mut found: Vec<Suspect> = Vec::new();
    for event in drops {
        let suspect = suspect(case, node, event, name)?;
        if !found.iter().any(|known| known.cause == suspect.cause) {
            found.push(suspect);
        }
    }
    Ok(found)
}

/// The rules of the chain that has decided, in their order.
fn of_chain<'a>(rules: &'a [Rule], event: &TraceEvent) -> Vec<&'a Rule> {
    let is = |own: &&Rule| {
        own.family == event.family && own.table == event.table && own.chain == event.chain
    };
    rules.iter().filter(is).collect()
}

/// A rule taken out, which is at this place of its chain.
fn removed(node: &NodeName, rule: &Rule, index: usize) -> Remedy {
    let Rule { family, table, chain, handle, .. } = rule;
    let (node, family, handle) = (node.clone(), *family, *handle);
    let (table, chain) = (table.clone(), chain.clone());
    Remedy { ops: vec![Op::DeleteRule { node, family, table, chain, handle, index }] }
}

/// The rule by which a node has changed the packet's addresses or ports, taken out.
pub fn untranslated(
    case: Case<'_>,
    node: &NodeName,
) -> Result<Option<Remedy>, twinax_kernel::Error> {
    let rules = case.facts.rules(node)?;
    let own = case.seen.traces.iter().filter(|(at, _)| at == node).map(|(_, event)| event);
    let ours = own.filter(|event| ip(&event.headers, |packet| is_of(case, packet, false)));
    let mut found = ours.filter_map(|event| {
        let of_chain = of_chain(&rules, event);
        let index = of_chain.iter().position(|own| Some(own.handle) == event.rule_handle)?;
        of_chain[index].translates().then(|| removed(node, of_chain[index], index))
    });
    Ok(found.next())
}

fn suspect(
    case: Case<'_>,
    node: &NodeName,
    event: &TraceEvent,
    name: &str,
) -> Result<Suspect, twinax_kernel::Error> {
    let place = format!("{} {} {}", event.family, event.table, event.chain);
    let hook = event.hook.map(|hook| format!(" (hook {hook})")).unwrap_or_default();
    let what = match event.verdict {
        Verdict::Queue(_) => "hands to a program",
        Verdict::Stolen => "keeps",
        _ => "drops",
    };
    let command = format!("ip netns exec {node} nft -a list chain {place}");
    let rules = case.facts.rules(node)?;
    let of_chain = of_chain(&rules, event);
    let place_of =
        event.rule_handle.and_then(|handle| of_chain.iter().position(|own| own.handle == handle));
    if let (Decided::Rule, Some(handle)) = (event.kind, event.rule_handle) {
        let text = match place_of {
            Some(index) => of_chain[index].to_string(),
            None => format!("handle {handle}"),
        };
        let says =
            format!("The firewall of {node} {what} {name}, by the rule `{text}` in {place}{hook}.");
        let cause = Cause::new(Kind::Firewall, node, says).by(place.as_str(), text.as_str());
        let seen = format!(
            "nftables of {node}: {place}, rule `{text}` (handle {handle}): {}",
            event.verdict
        );
        let remedy = place_of.map(|index| removed(node, of_chain[index], index));
        return Ok(Suspect::new(cause)
            .because(Evidence::new(Mark::Observed, seen).with(command))
            .certain_if(true)
            .mended_by(remedy));
    }
    let says = format!(
        "The firewall of {node} drops {name}: the policy of the chain {place}{hook} is drop, and no rule accepts it."
    );
    let cause = Cause::new(Kind::Firewall, node, says).by(place.as_str(), "policy drop");
    let seen = format!("nftables of {node}: {place}, policy: {}", event.verdict);
    let accept = Remedy {
        ops: vec![Op::Policy {
            node: node.clone(),
            family: event.family,
            table: event.table.clone(),
            chain: event.chain.clone(),
            accept: true,
        }],
    };
    Ok(Suspect::new(cause)
        .because(Evidence::new(Mark::Observed, seen).with(command))
        .certain_if(true)
        .mended_by(accept))
}
