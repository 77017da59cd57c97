//! Which firewalls the nodes of a running lab have.
//!
//! The kernel keeps a firewall in a form of its own, in which the words that built it are not to be
//! found again. So it is asked: the words are carried out in a scratch namespace, and what it then
//! has there is compared with what it has in the node.

use std::collections::HashMap;

use twinax_kernel::nft::{self, Ruleset};
use twinax_kernel::{Error, Netns};
use twinax_plan::Observed;
use twinax_topology::{Firewall, NodeName, Topology};

use crate::apply::set_firewall;
use crate::nodes::{self, inside, on_own_thread};

/// What the kernel makes of firewalls, asked for once each.
#[derive(Default)]
struct Made<'a> {
    of: Vec<(&'a Firewall, Option<Ruleset>)>,
}

impl<'a> Made<'a> {
    /// `None`: a scratch namespace does not take it, as where it names a device by its index.
    fn get(&mut self, firewall: &'a Firewall) -> Option<&Ruleset> {
        let at = match self.of.iter().position(|(own, _)| *own == firewall) {
            Some(at) => at,
            None => {
                let made = on_own_thread(|| {
                    Netns::create()?;
                    set_firewall(firewall)?;
                    nft::ruleset()
                });
                self.of.push((firewall, made.ok()));
                self.of.len() - 1
            }
        };
        self.of[at].1.as_ref()
    }
}

/// The firewall of each node that has nftables tables: in the words of one of these labs, the first
/// of which is that which says what it should be; or all of it as a free ruleset.
///
/// A node of which no lab says anything is not in the answer, unless `all` is asked for.
pub(crate) fn found(
    observed: &Observed,
    labs: &[&Topology],
    all: bool,
) -> Result<HashMap<NodeName, Firewall>, Error> {
    let mut said: HashMap<&NodeName, Vec<&Firewall>> = HashMap::new();
    for node in labs.iter().flat_map(|lab| &lab.nodes).filter(|node| !node.firewall.is_empty()) {
        said.entry(&node.name).or_default().push(&node.firewall);
    }
    let mut made = Made::default();
    let mut found = HashMap::new();
    for (name, _) in observed.nodes.iter().filter(|(_, node)| !node.tables.is_empty()) {
        let said = said.get(name).map_or(&[][..], Vec::as_slice);
        if said.is_empty() && !all {
            continue;
        }
        let netns = nodes::open(name)?;
        let there = inside(&netns, nft::ruleset)?;
        let same = said.iter().find(|own| match made.get(own) {
            Some(made) => *made == there,
            // What can't be compared is taken to be as it was left.
            None => true,
        });
        let firewall = match same {
            Some(same) => (*same).clone(),
            None => {
                let text = inside(&netns, || nft::list(None))?;
                Firewall { ruleset: Some(text.unwrap_or_default()), ..Firewall::default() }
            }
        };
        found.insert(name.clone(), firewall);
    }
    Ok(found)
}
