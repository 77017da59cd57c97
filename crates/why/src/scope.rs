//! Which nodes a question concerns: those that are watched, and those that are copied.

use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;

use twinax_kernel::ask::{Asked, RouteQuery};
use twinax_topology::NodeName;

use crate::WhyError;
use crate::cause::Suspect;
use crate::facts::Facts;
use crate::model::Case;
use crate::question::Question;
use crate::seen::At;

/// So many nodes are watched whatever the way; of more only those on it.
const FEW: usize = 64;
/// So many nodes a way has at most.
const LONGEST: usize = 256;

/// The nodes to be watched while the packet is sent.
pub fn watched(facts: &Facts, question: &Question) -> Result<Vec<NodeName>, WhyError> {
    let all: Vec<NodeName> = facts.names().cloned().collect();
    if all.len() <= FEW {
        return Ok(all);
    }
    Ok(on_the_way(facts, question)?.into_iter().collect())
}

/// The nodes to be copied: all that saw something of the packet, and all on the way as it should be.
pub fn nodes(case: Case<'_>, suspects: &[Suspect]) -> Result<BTreeSet<NodeName>, WhyError> {
    let all: BTreeSet<NodeName> = case.facts.names().cloned().collect();
    if all.len() <= FEW {
        return Ok(all);
    }
    let mut nodes = on_the_way(case.facts, case.question)?;
    nodes.extend(suspects.iter().map(|suspect| suspect.cause.node.clone()));
    let touched = case.seen.requests().chain(case.seen.replies());
    nodes.extend(touched.map(|sight| sight.at.node.clone()).take(LONGEST));
    nodes.retain(|node| all.contains(node));
    Ok(nodes)
}

/// The nodes that the packet and its answer should come by, as routes and cables say.
fn on_the_way(facts: &Facts, question: &Question) -> Result<BTreeSet<NodeName>, WhyError> {
    let mut nodes = BTreeSet::from([question.from.clone()]);
    let own = facts.links(&question.from).iter().flat_map(|link| &link.addresses);
    let sources: Vec<IpAddr> = own
        .map(|own| own.address.addr())
        .filter(|own| own.is_ipv4() == question.to.is_ipv4() && !own.is_loopback())
        .collect();
    follow(facts, &question.from, question.to, &mut nodes)?;
    for owner in facts.owners(question.to) {
        nodes.insert(owner.node.clone());
        for source in question.source.iter().chain(sources.first()) {
            follow(facts, &owner.node, *source, &mut nodes)?;
        }
    }
    Ok(nodes)
}

/// Adds the nodes by which a packet comes from one to an address.
fn follow(
    facts: &Facts,
    from: &NodeName,
    to: IpAddr,
    nodes: &mut BTreeSet<NodeName>,
) -> Result<(), WhyError> {
    let mut next: VecDeque<NodeName> = VecDeque::from([from.clone()]);
    let mut known: BTreeSet<NodeName> = BTreeSet::from([from.clone()]);
    while let Some(node) = next.pop_front() {
        if known.len() > LONGEST {
            return Ok(());
        }
        let answer = facts.route(&node, &RouteQuery::to(to)).map_err(WhyError::Look)?;
        let Asked::Route(way) = answer else { continue };
        let Some(dev) = way.dev.filter(|_| way.kind == "unicast") else { continue };
        let out = At::new(&node, &dev);
        for owner in facts.owners(way.via.unwrap_or(to)) {
            let Some(path) = facts.segment(&out).path(&owner) else { continue };
            nodes.extend(path.into_iter().map(|at| at.node));
            if known.insert(owner.node.clone()) {
                next.push_back(owner.node);
            }
        }
    }
    Ok(())
}
