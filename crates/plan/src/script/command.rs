//! Each step as the command that does the same.
//!
//! Names stand after the word that announces them (`name`, `dev`, `master`, `netns`), because
//! `ip` and `bridge` read a name that stands alone as an option where it can: a device may be
//! called `up`.

use std::net::IpAddr;

use twinax_topology::{
    Bridge, Change, Firewall, IfName, NodeName, Place, PortAttributes, Span, Sysctl, TapMode,
};

use super::quote::{here_document, quote};
use super::routing;
use crate::{Device, Step};

/// The `ip`, `bridge`, `sysctl` or `nft` command that does the same as a step, for a POSIX shell
/// with iproute2 (6.1 or later), procps and nftables: without a newline at its end. A step that
/// takes several commands becomes several lines.
pub fn command(step: &Step) -> String {
    match step {
        Step::AddNetns(node) => format!("ip netns add {}", quote(node.as_str())),
        Step::AddBridge(bridge) => add_bridge(bridge),
        Step::AddVeth(a, b) => format!("ip link add {} type veth peer {}", end(a), end(b)),
        Step::AddTap(device, mode) => add_tap(device, *mode),
        Step::Change(change) => self::change(change),
        Step::SetBridge(bridge) => set_bridge(bridge),
        Step::DelLink(at) => {
            let ip = in_node("ip", &at.node);
            format!("{ip} link del dev {}", quote(at.interface.as_str()))
        }
        Step::DelNetns(node) => format!("ip netns del {}", quote(node.as_str())),
        Step::FlushRuleset(node) => format!("{} nft flush ruleset", exec(node)),
    }
}

/// `ip` or `bridge` (the program) in a node.
pub(super) fn in_node(program: &str, node: &NodeName) -> String {
    format!("{program} -n {}", quote(node.as_str()))
}

/// A program that has no option for a network namespace, in a node.
fn exec(node: &NodeName) -> String {
    format!("ip netns exec {}", quote(node.as_str()))
}

/// One end of a veth pair, as `ip link add` takes it, with the node in which it is made.
fn end(device: &Device) -> String {
    let name = quote(device.place.interface.as_str());
    let node = quote(device.place.node.as_str());
    format!("name {name}{} netns {node}", hardware(device))
}

/// MAC and MTU, where they are given, each with a space before it.
fn hardware(device: &Device) -> String {
    let mac = device.mac.map(|mac| format!(" address {mac}")).unwrap_or_default();
    let mtu = device.mtu.map(|mtu| format!(" mtu {mtu}")).unwrap_or_default();
    mac + &mtu
}

fn add_bridge(bridge: &Bridge) -> String {
    let Place { node, interface } = &bridge.interface.place;
    let mut line = format!("{} link add name {}", in_node("ip", node), quote(interface.as_str()));
    if let Some(mac) = bridge.interface.mac {
        line += &format!(" address {mac}");
    }
    line += " type bridge";
    if bridge.stp {
        line += " stp_state 1";
    }
    if let Some(ageing) = bridge.ageing {
        line += &format!(" ageing_time {}", hundredths(ageing));
    }
    if let Some(delay) = bridge.forward_delay {
        line += &format!(" forward_delay {}", hundredths(delay));
    }
    if let Some(priority) = bridge.priority {
        line += &format!(" priority {priority}");
    }
    if let Some(snooping) = bridge.multicast_snooping {
        line += &format!(" mcast_snooping {}", u8::from(snooping));
    }
    line
}

fn set_bridge(bridge: &Bridge) -> String {
    // What the kernel gives a bridge of which nothing is said (br_dev_setup in
    // net/bridge/br_device.c).
    format!(
        "{} type bridge stp_state {} ageing_time {} forward_delay {} priority {} mcast_snooping {}",
        link_set(&bridge.interface.place, "").trim_end(),
        u8::from(bridge.stp),
        bridge.ageing.map_or(30_000, hundredths),
        bridge.forward_delay.map_or(1500, hundredths),
        bridge.priority.unwrap_or(32_768),
        u8::from(bridge.multicast_snooping.unwrap_or(true)),
    )
}

/// A bridge's times are in hundredths of a second, for iproute2 as for the kernel (`USER_HZ`),
/// whatever `ip-link(8)` says.
fn hundredths(span: Span) -> u128 {
    span.0.as_millis() / 10
}

/// `ip tuntap` takes neither MAC nor MTU.
fn add_tap(device: &Device, mode: TapMode) -> String {
    let Place { node, interface } = &device.place;
    let ip = in_node("ip", node);
    let name = quote(interface.as_str());
    let add = format!("{ip} tuntap add dev {name} mode {}", mode.as_str());
    match hardware(device) {
        none if none.is_empty() => add,
        hardware => format!("{add}\n{ip} link set dev {name}{hardware}"),
    }
}

fn change(change: &Change) -> String {
    match change {
        Change::Move { at, to } => link_set(at, &format!("netns {}", quote(to.as_str()))),
        Change::Up(at, up) => link_set(at, if *up { "up" } else { "down" }),
        Change::Mtu(at, mtu) => link_set(at, &format!("mtu {mtu}")),
        Change::Mac(at, mac) => link_set(at, &format!("address {mac}")),
        Change::Master(at, Some(bridge)) => {
            link_set(at, &format!("master {}", quote(bridge.as_str())))
        }
        Change::Master(at, None) => link_set(at, "nomaster"),
        Change::Port(at, port) => port_set(at, port),
        Change::AddAddress(at, address) => {
            // Duplicate address detection would leave the address unusable for a second or two.
            let nodad = if address.addr().is_ipv6() { " nodad" } else { "" };
            format!("{}{nodad}", addr(at, &format!("add {address}")))
        }
        Change::DelAddress(at, address) => addr(at, &format!("del {address}")),
        Change::InterfaceSysctl(at, sysctl) => set_sysctl(&at.node, &sysctl.of(&at.interface)),
        Change::Sysctl(node, sysctl) => set_sysctl(node, sysctl),
        Change::AddRoute(node, route) => routing::route(node, "add", route),
        Change::DelRoute(node, route) => routing::route(node, "del", route),
        Change::AddRule(node, rule) => routing::rule(node, "add", rule),
        Change::DelRule(node, rule) => routing::rule(node, "del", rule),
        // What the kernel has learned by itself gives way to what is set: `replace`, not `add`.
        Change::AddNeighbour(node, neighbour) => format!(
            "{} lladdr {} nud permanent",
            neigh(node, "replace", neighbour.to, &neighbour.dev),
            neighbour.mac
        ),
        Change::DelNeighbour(node, key) => neigh(node, "del", key.to, &key.dev),
        Change::Firewall(node, firewall) => {
            let words = nft(node, &crate::firewall::ruleset(firewall));
            match free_ruleset(node, firewall) {
                free if free.is_empty() => words,
                free => words + "\n" + &free,
            }
        }
    }
}

/// The command that loads the free ruleset of a firewall; empty where it has none.
pub(super) fn free_ruleset(node: &NodeName, firewall: &Firewall) -> String {
    firewall.ruleset.as_ref().map(|ruleset| nft(node, ruleset)).unwrap_or_default()
}

fn nft(node: &NodeName, ruleset: &str) -> String {
    format!("{} nft -f - {}", exec(node), here_document(ruleset))
}

fn link_set(at: &Place, what: &str) -> String {
    format!("{} link set dev {} {what}", in_node("ip", &at.node), quote(at.interface.as_str()))
}

fn addr(at: &Place, what: &str) -> String {
    format!("{} addr {what} dev {}", in_node("ip", &at.node), quote(at.interface.as_str()))
}

fn neigh(node: &NodeName, verb: &str, to: IpAddr, dev: &IfName) -> String {
    format!("{} neigh {verb} {to} dev {}", in_node("ip", node), quote(dev.as_str()))
}

fn port_set(at: &Place, port: &PortAttributes) -> String {
    let bridge = in_node("bridge", &at.node);
    let mut line = format!("{bridge} link set dev {}", quote(at.interface.as_str()));
    for (name, on) in port.switches() {
        line += &format!(" {name} {}", if on { "on" } else { "off" });
    }
    if let Some(cost) = port.cost {
        line += &format!(" cost {cost}");
    }
    if let Some(priority) = port.priority {
        line += &format!(" priority {priority}");
    }
    line
}

fn set_sysctl(node: &NodeName, Sysctl { key, value }: &Sysctl) -> String {
    if key.path().contains('=') {
        // `sysctl KEY=VALUE` ends the key at the first `=`.
        let path = quote(&format!("/proc/sys/{}", key.path()));
        return format!("printf '%s\\n' {} | {} tee {path} >/dev/null", quote(value), exec(node));
    }
    let key = key.to_string();
    let setting = if quote(&key) == key {
        format!("{key}={}", quote(value))
    } else {
        quote(&format!("{key}={value}"))
    };
    format!("{} sysctl -qw {setting}", exec(node))
}
