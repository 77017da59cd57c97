//! Taking parts of a lab away.

use std::collections::HashSet;

use twinax_topology::{Place, Removed};

use crate::Step;
use crate::observed::{Observed, ObservedLink};

/// The steps that remove nodes, with everything in them, and devices. A wire is no step.
///
/// `observed` has the nodes that are named, as they are now. A namespace without a name lasts as
/// long as a process is in it; so a node's devices go first, and with them the other ends of its
/// links. What is named but not there is left out: it is gone.
pub fn remove(removed: &[Removed], observed: &Observed) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut gone = HashSet::new();
    for one in removed {
        let Removed::Spot(spot) = one else { continue };
        let name = &spot.node;
        let Some(node) = observed.node(name) else { continue };
        let is_meant = |link: &&ObservedLink| match &spot.interface {
            Some(interface) => interface.as_str() == link.name,
            None => !link.is_native(),
        };
        for link in node.links.iter().filter(is_meant) {
            let Ok(interface) = link.name.parse() else { continue };
            let place = Place { node: name.clone(), interface };
            let peer = node.peer(name, link);
            if gone.insert(place.clone()) {
                gone.extend(peer);
                steps.push(Step::DelLink(place));
            }
        }
        let netns = Step::DelNetns(name.clone());
        if spot.interface.is_none() && !steps.contains(&netns) {
            steps.push(netns);
        }
    }
    steps
}
