//! Sysctls: those of interfaces to their interfaces, the others to their node.

use std::collections::{BTreeMap, HashMap};

use twinax_topology::{InterfaceSysctl, Node, NodeKind, Place, Sysctl, SysctlFamily, SysctlKey};

use super::devices::Devices;
use crate::build::forwarding_keys;
use crate::defaults::same_value;
use crate::observed::ObservedNode;

/// Whether a node forwards both families.
pub(super) fn forwards(seen: &ObservedNode) -> bool {
    let is_on = |key: &SysctlKey| seen.sysctls.get(key.path()).is_some_and(|own| own == "1");
    forwarding_keys().iter().all(is_on)
}

/// Gives each sysctl that is known of a node to whom it belongs. What the lab that is known says of
/// the node itself stays there, in its order.
pub(super) fn fill(
    node: &mut Node,
    seen: &ObservedNode,
    old: Option<&Node>,
    devices: &mut Devices<'_>,
) {
    let mut left: BTreeMap<&str, String> = seen
        .sysctls
        .iter()
        .map(|(path, value)| (path.as_str(), words(value)))
        .filter(|(_, value)| !value.is_empty())
        .collect();
    for sysctl in old.map_or(&[][..], |old| &old.sysctls) {
        if let Some(value) = left.remove(sysctl.key.path()) {
            let value = in_words_of(&sysctl.value, value);
            node.sysctls.push(Sysctl { key: sysctl.key.clone(), value });
        }
    }
    if node.kind == NodeKind::Router {
        for key in forwarding_keys() {
            if left.get(key.path()).is_some_and(|value| value == "1") {
                left.remove(key.path());
            }
        }
    }
    let mut of_interfaces: HashMap<String, Vec<InterfaceSysctl>> = HashMap::new();
    for (path, value) in left {
        let Ok(key) = path.parse::<SysctlKey>() else { continue };
        match key.interface() {
            Some("lo") | None => node.sysctls.push(Sysctl { key, value }),
            Some(interface) => {
                let of_interface = of_interface(path, interface, value);
                of_interfaces.entry(interface.to_owned()).or_default().extend(of_interface);
            }
        }
    }
    for (interface, sysctls) in of_interfaces {
        let Ok(interface) = interface.parse() else { continue };
        let place = Place { node: node.name.clone(), interface };
        let old = devices.old(&place).map_or(&[][..], |old| &old.sysctls);
        let bridge = node.bridges.iter_mut().find(|own| own.interface.place == place);
        let own = bridge.map(|own| &mut own.interface).or_else(|| devices.interface(&place));
        if let Some(own) = own {
            own.sysctls = in_order(sysctls, old);
        }
    }
}

/// The sysctls of an interface in the order in which the known lab says them.
fn in_order(mut now: Vec<InterfaceSysctl>, old: &[InterfaceSysctl]) -> Vec<InterfaceSysctl> {
    let mut sysctls = Vec::new();
    for old in old {
        let same = |own: &InterfaceSysctl| own.family == old.family && own.knob == old.knob;
        if let Some(index) = now.iter().position(same) {
            let value = in_words_of(&old.value, now.remove(index).value);
            sysctls.push(InterfaceSysctl { value, ..old.clone() });
        }
    }
    sysctls.extend(now);
    sysctls
}

/// A value in the words of another one that is the same.
fn in_words_of(old: &str, now: String) -> String {
    if same_value(old, &now) { old.to_owned() } else { now }
}

/// A value with single spaces between its words.
fn words(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn of_interface(path: &str, interface: &str, value: String) -> Option<InterfaceSysctl> {
    SysctlFamily::ALL.into_iter().find_map(|(_, prefix, directory)| {
        let knob = path.strip_prefix(directory)?.strip_prefix(interface)?.strip_prefix('/')?;
        InterfaceSysctl::new(&format!("{prefix}{knob}"), value.clone()).ok()
    })
}
