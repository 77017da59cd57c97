//! Sysctls: those that are wanted, in order, with what one of them does to others.
//!
//! Some sysctls set others: `net.ipv4.ip_forward` sets `forwarding` of every interface. So what is
//! wanted of a sysctl doesn't count where a later one sets it too; and what is known of it is
//! forgotten when an earlier one is set, so that it is set again.

use std::collections::{HashMap, HashSet};

use twinax_topology::{Change, Interface, Node, NodeKind, Place, Sysctl, SysctlKey};

use crate::build::{forwarding, forwarding_keys, needs_device};
use crate::defaults::same_value;

/// A sysctl that is wanted.
pub(super) struct Knob {
    path: String,
    value: String,
    change: Change,
    /// The interface that says it, where one does.
    at: Option<Place>,
    /// Whether it needs a device.
    needs_device: bool,
}

/// When in a visit a sysctl is set.
#[derive(Clone, Copy)]
pub(super) enum When<'a> {
    /// Before devices come: what they begin with.
    BeforeDevices,
    /// What the node says that needs no device of the lab.
    OfNode,
    /// What the node says of its devices.
    OfDevices,
    /// What an interface says.
    OfInterface(&'a Place),
}

/// The sysctls of a node: what is wanted, and what is known.
pub(super) struct Sysctls {
    knobs: Vec<Knob>,
    values: HashMap<String, String>,
}

impl Sysctls {
    /// `own` are the node's interfaces as they are wanted, `before` as they are; of those that are
    /// fresh nothing is known.
    pub(super) fn new(
        now: &Node,
        before: &[&Interface],
        wanted: &Node,
        own: &[&Interface],
    ) -> Self {
        let mut values = values(now, before);
        let there: HashSet<&str> =
            before.iter().map(|interface| interface.place.interface.as_str()).collect();
        let is_fresh = |sysctl: &Sysctl| {
            needs_device(sysctl) && sysctl.key.interface().is_none_or(|name| !there.contains(name))
        };
        for sysctl in now.sysctls.iter().filter(|sysctl| is_fresh(sysctl)) {
            values.remove(sysctl.key.path());
        }
        let mut knobs = Vec::new();
        let of_node = |sysctl: Sysctl| Knob {
            path: sysctl.key.path().to_owned(),
            value: sysctl.value.clone(),
            needs_device: needs_device(&sysctl),
            at: None,
            change: Change::Sysctl(wanted.name.clone(), sysctl),
        };
        knobs.extend(no_longer_forwarding(now, wanted, &values).into_iter().map(of_node));
        knobs.extend(forwarding(wanted).into_iter().map(of_node));
        for wants_device in [false, true] {
            let own = wanted.sysctls.iter().filter(|own| needs_device(own) == wants_device);
            knobs.extend(own.cloned().map(of_node));
        }
        for interface in own {
            knobs.extend(interface.sysctls.iter().map(|sysctl| Knob {
                path: sysctl.of(&interface.place.interface).key.path().to_owned(),
                value: sysctl.value.clone(),
                needs_device: true,
                at: Some(interface.place.clone()),
                change: Change::InterfaceSysctl(interface.place.clone(), sysctl.clone()),
            }));
        }
        Self { knobs: last_words(knobs), values }
    }

    /// The changes that set what differs.
    pub(super) fn set(&mut self, when: When<'_>) -> Vec<Change> {
        let mut changes = Vec::new();
        for knob in self.knobs.iter().filter(|knob| knob.is_for(when)) {
            let now = self.values.get(&knob.path);
            if now.is_some_and(|now| same_value(now, &knob.value)) {
                continue;
            }
            let set = sets(&knob.path);
            if !set.is_empty() {
                self.values.retain(|path, _| !set.iter().any(|set| set.has(path)));
            }
            self.values.insert(knob.path.clone(), knob.value.clone());
            changes.push(knob.change.clone());
        }
        changes
    }
}

impl Knob {
    fn is_for(&self, when: When<'_>) -> bool {
        match when {
            When::BeforeDevices => self.path.contains("/default/"),
            When::OfNode => self.at.is_none() && !self.needs_device,
            When::OfDevices => self.at.is_none() && self.needs_device,
            When::OfInterface(place) => self.at.as_ref() == Some(place),
        }
    }
}

/// What is known: path below `/proc/sys` and value.
fn values(node: &Node, interfaces: &[&Interface]) -> HashMap<String, String> {
    let of_node = forwarding(node).into_iter().chain(node.sysctls.iter().cloned());
    let of_interfaces = interfaces.iter().flat_map(|interface| {
        interface.sysctls.iter().map(|sysctl| sysctl.of(&interface.place.interface))
    });
    let all = of_node.chain(of_interfaces);
    all.map(|sysctl| (sysctl.key.path().to_owned(), sysctl.value)).collect()
}

/// A router that is to be one no longer stops forwarding.
fn no_longer_forwarding(
    now: &Node,
    wanted: &Node,
    values: &HashMap<String, String>,
) -> Vec<Sysctl> {
    if now.kind != NodeKind::Router || wanted.kind == NodeKind::Router {
        return Vec::new();
    }
    forwarding_keys()
        .into_iter()
        .filter(|key| values.get(key.path()).is_some_and(|value| value == "1"))
        .map(|key| Sysctl { key, value: "0".to_owned() })
        .collect()
}

/// The knobs less those that a later one sets, too, and those that are not there to be kept:
/// `net.ipv4.route.flush` is an order, and never has a value.
fn last_words(mut knobs: Vec<Knob>) -> Vec<Knob> {
    let last: HashMap<String, usize> =
        knobs.iter().enumerate().map(|(index, knob)| (knob.path.clone(), index)).collect();
    let setters: Vec<(usize, Vec<Set>)> = knobs
        .iter()
        .enumerate()
        .map(|(index, knob)| (index, sets(&knob.path)))
        .filter(|(_, sets)| !sets.is_empty())
        .collect();
    let mut index = 0;
    knobs.retain(|knob| {
        let own = index;
        index += 1;
        let later = setters.iter().filter(|(setter, _)| *setter > own);
        let is_set_later = later.flat_map(|(_, sets)| sets).any(|set| set.has(&knob.path));
        last[&knob.path] == own && !is_set_later && !knob.path.ends_with("/flush")
    });
    knobs
}

/// Sysctls that another one sets: exactly this path, or this knob of every interface.
enum Set {
    Path(&'static str),
    Each { before: &'static str, after: String },
}

impl Set {
    fn has(&self, path: &str) -> bool {
        match self {
            Self::Path(own) => *own == path,
            Self::Each { before, after } => path
                .strip_prefix(before)
                .and_then(|rest| rest.strip_suffix(after.as_str()))
                .is_some_and(|interface| !interface.contains('/')),
        }
    }
}

/// Whether setting a sysctl sets others, too.
pub fn sets_others(key: &SysctlKey) -> bool {
    !sets(key.path()).is_empty()
}

/// What a sysctl sets besides itself (`devinet_sysctl_forward` in `net/ipv4/devinet.c`,
/// `addrconf_fixup_forwarding` and its like in `net/ipv6/addrconf.c`).
fn sets(path: &str) -> Vec<Set> {
    const IPV4: &str = "net/ipv4/conf/";
    const IPV6: &str = "net/ipv6/conf/";
    let each = |before, knob: &str| Set::Each { before, after: format!("/{knob}") };
    match path {
        "net/ipv4/ip_forward" | "net/ipv4/conf/all/forwarding" => vec![
            Set::Path("net/ipv4/ip_forward"),
            Set::Path("net/ipv4/conf/all/accept_redirects"),
            each(IPV4, "forwarding"),
        ],
        _ => match path.strip_prefix("net/ipv6/conf/all/") {
            Some(
                knob @ ("forwarding"
                | "disable_ipv6"
                | "disable_policy"
                | "ignore_routes_with_linkdown"),
            ) => vec![each(IPV6, knob)],
            _ => Vec::new(),
        },
    }
}
