//! A running lab as a [`Topology`], found out from the kernel.

use std::collections::{BTreeMap, HashMap};

use twinax_kernel::observe::{Routes, What};
use twinax_kernel::{Error, Netns, Rtnl, observe as kernel, sysctl};
use twinax_plan::{Found, Observed, Purpose};
use twinax_topology::{Bridge, Node, NodeKind, NodeName, Place, Sysctl, SysctlKey, Topology, Wire};

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
    let order = add_sysctls(&mut observed, known)?;
    add_who_set_macs(&mut observed)?;
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
fn add_sysctls(
    observed: &mut Observed,
    known: Option<&Topology>,
) -> Result<HashMap<NodeName, Vec<SysctlKey>>, Error> {
    let fresh = fresh()?;
    let mut order = HashMap::new();
    for (name, node) in &mut observed.nodes {
        let set = inside(&nodes::open(name)?, || Ok(sysctl::differing(&fresh)))?;
        order.insert(name.clone(), set.iter().map(|own| own.key.clone()).collect());
        // That a router does not forward has to be said, though it is what the kernel has by itself.
        let was = known.and_then(|lab| lab.node(name));
        if was.is_some_and(|node| node.kind == NodeKind::Router) {
            let usual = FORWARDING.iter().filter_map(|path| fresh.get_key_value(*path));
            node.sysctls.extend(usual.map(|(path, value)| (path.clone(), value.clone())));
        }
        let set = set.into_iter().map(|own| (own.key.path().to_owned(), own.value));
        node.sysctls.extend(set);
    }
    Ok(order)
}

/// Adds whose MAC somebody has set, where the machine lets that be known.
fn add_who_set_macs(observed: &mut Observed) -> Result<(), Error> {
    for (name, node) in &mut observed.nodes {
        let devices = node.links.iter().map(|link| link.name.as_str());
        let set = inside(&nodes::open(name)?, || Ok(kernel::macs_set(devices)))?;
        let Ok(set) = set else { return Ok(()) };
        for link in &mut node.links {
            link.mac_set = set.get(&link.name).copied();
        }
    }
    Ok(())
}

/// The sysctls of a node that somebody has set, each with the value that it would have by itself.
pub fn set_sysctls(node: &NodeName) -> Result<Vec<(Sysctl, String)>, Error> {
    let fresh = fresh()?;
    let (set, all) =
        inside(&nodes::open(node)?, || Ok((sysctl::differing(&fresh), kernel::sysctls())))?;
    let usual = |own: &Sysctl| {
        let path = own.key.path();
        let of = |other: &str| {
            own.key.interface().map(|name| path.replacen(&format!("/{name}/"), other, 1))
        };
        let of_default = of("/default/").and_then(|path| all.get(&path));
        // Not each kernel shows the default of `neigh` in a namespace; `lo` is as others there.
        let of_lo = || of("/lo/").and_then(|path| fresh.get(&path));
        of_default.or_else(|| fresh.get(path)).or_else(of_lo).cloned()
    };
    Ok(set
        .into_iter()
        .filter_map(|own| Some((usual(&own)?, own)))
        .map(|(usual, own)| (own, usual))
        .collect())
}

/// A device that nobody has touched, in [`fresh_like`].
const FRESH_DEVICE: &str = "fresh";

/// All sysctls of a namespace in which nothing has happened but that the sysctls of this node were
/// set, and then a [device](FRESH_DEVICE) was made.
pub(crate) fn fresh_like(node: &Node) -> Result<BTreeMap<String, String>, Error> {
    on_own_thread(|| {
        Netns::create()?;
        for own in twinax_plan::sysctls_before_devices(node) {
            sysctl::set(&own)?;
        }
        make_fresh_device(&node.name)?;
        Ok(kernel::sysctls())
    })
}

/// What the kernel has of a sysctl when it has been set to this value; `None`: that can't be tried.
pub(crate) fn kept(own: &Sysctl) -> Option<String> {
    let own = Sysctl { key: of_fresh_device(&own.key).parse().ok()?, value: own.value.clone() };
    let tried = on_own_thread(|| {
        Netns::create()?;
        make_fresh_device(&FRESH_DEVICE.parse().expect("the name of a node"))?;
        sysctl::set(&own)?;
        sysctl::get(own.key.path())
    });
    Some(tried.ok()?.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The path of a sysctl, of the [device](FRESH_DEVICE) if it is one of a device.
pub(crate) fn of_fresh_device(key: &SysctlKey) -> String {
    match key.interface() {
        Some(name) if name != "lo" => {
            key.path().replacen(&format!("/{name}/"), &format!("/{FRESH_DEVICE}/"), 1)
        }
        _ => key.path().to_owned(),
    }
}

/// In the namespace of the calling thread.
fn make_fresh_device(node: &NodeName) -> Result<(), Error> {
    let interface = FRESH_DEVICE.parse().expect("the name of an interface");
    let mut rtnl = Rtnl::open()?;
    rtnl.add_bridge(&Bridge::new(Place { node: node.clone(), interface }))?;
    rtnl.flush()
}

/// All sysctls of a namespace that nobody has touched.
fn fresh() -> Result<BTreeMap<String, String>, Error> {
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

/// What runs and carries is what the holder was asked for, whatever the file said.
fn with_services(mut found: Found) -> Result<Found, Error> {
    let wanted = wanted::all().map_err(Error::io("reading what runs in the nodes"))?;
    let mut by_node: HashMap<NodeName, Vec<Wanted>> = HashMap::new();
    let mut wires = Vec::new();
    for (key, wanted) in wanted {
        match wanted.what {
            Thing::Wire(wire) => wires.push(wire),
            _ => by_node.entry(key.node).or_default().push(wanted),
        }
    }
    for node in &mut found.topology.nodes {
        let (mut commands, mut listeners) = (Vec::new(), Vec::new());
        for wanted in by_node.remove(&node.name).into_iter().flatten() {
            match wanted.what {
                Thing::Command(command) => commands.push(command),
                Thing::Listener(listener) => listeners.push(listener),
                Thing::Wire(_) => {}
            }
        }
        node.commands = in_order_of(&node.commands, commands, |a, b| a.name == b.name);
        node.listeners = in_order_of(&node.listeners, listeners, |a, b| a.key() == b.key());
    }
    found.topology.wires = in_order_of(&found.topology.wires, wires, Wire::is_same);
    Ok(found)
}

/// What is wanted: that which is known first, in its order.
fn in_order_of<T>(known: &[T], mut wanted: Vec<T>, is_same: impl Fn(&T, &T) -> bool) -> Vec<T> {
    wanted.sort_by_cached_key(|own| {
        known.iter().position(|old| is_same(old, own)).unwrap_or(usize::MAX)
    });
    wanted
}
