//! A running lab as a [`Topology`], found out from the kernel.

use std::collections::{BTreeMap, HashMap};

use twinax_kernel::observe::{Routes, What};
use twinax_kernel::{Error, Netns, observe as kernel, sysctl};
use twinax_plan::{Found, Observed, Purpose};
use twinax_topology::{Node, NodeName, SysctlKey, Topology};

use crate::nodes::{self, inside, on_own_thread};
use crate::wanted::{self, Wanted, What as Thing};
use crate::{firewalls, observe};

/// The sysctls that decide whether a node forwards.
pub(crate) const FORWARDING: [&str; 2] = ["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"];

/// The running lab, to be compared with what is wanted. Of its sysctls are found those that one of
/// the two says anything of, and those that [`FORWARDING`] names.
pub(crate) fn to_compare(
    wanted: &Topology,
    known: Option<&Topology>,
    sysctls: &HashMap<NodeName, Vec<String>>,
) -> Result<Found, Error> {
    let labs: Vec<&Topology> = [Some(wanted), known].into_iter().flatten().collect();
    let names = in_order(known)?;
    let has = |of: fn(&Node) -> bool| labs.iter().any(|lab| lab.nodes.iter().any(of));
    let usual = || FORWARDING.map(str::to_owned).to_vec();
    let asked = |index: usize| sysctls.get(&names[index]).cloned().unwrap_or_else(usual);
    let what = What {
        addresses: true,
        routes: Routes::Made,
        rules: true,
        // The kernel takes longer for them the more nodes there are.
        neighbours: names.len() <= FEW || has(|node| !node.neighbours.is_empty()),
        fdb: false,
        tables: has(|node| !node.firewall.is_empty()),
        sysctls: Some(&asked),
    };
    let observed = observe::nodes(names.clone(), &what)?;
    let firewalls = firewalls::found(&observed, &labs, false)?;
    let found = twinax_plan::found(&wanted.name, &observed, known, &firewalls, Purpose::Compare);
    with_services(found)
}

/// So many nodes are looked at for static neighbours that nobody has ever asked for.
const FEW: usize = 256;

/// The running lab, to be written down.
pub(crate) fn to_save(name: &NodeName, known: Option<&Topology>) -> Result<Found, Error> {
    let names = in_order(known)?;
    let mut observed = observe::nodes(names, &What::all())?;
    let order = add_sysctls(&mut observed)?;
    let labs: Vec<&Topology> = known.into_iter().collect();
    let firewalls = firewalls::found(&observed, &labs, true)?;
    let mut found = twinax_plan::found(name, &observed, known, &firewalls, Purpose::Save);
    for node in &mut found.topology.nodes {
        let order = &order[&node.name];
        node.sysctls.sort_by_key(|own| order.iter().position(|key| *key == own.key));
    }
    with_services(found)
}

/// Adds all sysctls that somebody has set. The order in which they can be set again.
fn add_sysctls(observed: &mut Observed) -> Result<HashMap<NodeName, Vec<SysctlKey>>, Error> {
    let fresh = fresh()?;
    let mut order = HashMap::new();
    for (name, node) in &mut observed.nodes {
        let set = inside(&nodes::open(name)?, || Ok(sysctl::differing(&fresh)))?;
        order.insert(name.clone(), set.iter().map(|own| own.key.clone()).collect());
        node.sysctls = set.into_iter().map(|own| (own.key.path().to_owned(), own.value)).collect();
    }
    Ok(order)
}

/// All sysctls of a namespace that nobody has touched.
pub(crate) fn fresh() -> Result<BTreeMap<String, String>, Error> {
    on_own_thread(|| {
        Netns::create()?;
        Ok(kernel::sysctls())
    })
}

/// All nodes, those that are known first and in their order, then by name.
pub fn in_order(known: Option<&Topology>) -> Result<Vec<NodeName>, Error> {
    let nodes = known.map_or(&[][..], |lab| &lab.nodes);
    let place: HashMap<&NodeName, usize> =
        nodes.iter().enumerate().map(|(index, node)| (&node.name, index)).collect();
    let mut names = nodes::names()?;
    names.sort();
    names.sort_by_key(|name| place.get(name).copied().unwrap_or(usize::MAX));
    Ok(names)
}

/// What runs is what the holder was asked for, whatever the file said.
fn with_services(mut found: Found) -> Result<Found, Error> {
    for node in &mut found.topology.nodes {
        node.commands.clear();
        node.listeners.clear();
    }
    let wanted = wanted::all().map_err(Error::io("reading what runs in the nodes"))?;
    let mut by_node: HashMap<NodeName, Vec<Wanted>> = HashMap::new();
    for (key, wanted) in wanted {
        by_node.entry(key.node).or_default().push(wanted);
    }
    for node in &mut found.topology.nodes {
        for wanted in by_node.remove(&node.name).into_iter().flatten() {
            match wanted.what {
                Thing::Command(command) => node.commands.push(command),
                Thing::Listener(listener) => node.listeners.push(listener),
            }
        }
    }
    Ok(found)
}
