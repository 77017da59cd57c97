//! Nodes and what is in them: interfaces, routes, rules, neighbours, sysctls, the firewall.

use super::document::{Table, Value};
use crate::model::*;

pub(super) fn node(node: &Node) -> Table {
    let mut table = Table::default();
    if node.kind != NodeKind::default() {
        table.set("kind", Value::text(node.kind.as_str()));
    }
    if !node.lo {
        table.set("lo", Value::bare(false));
    }
    table.set_table("sysctl", sysctls(&node.sysctls));
    table.set_many("route", node.routes.iter().map(|r| Value::Table(route(r))).collect());
    table.set_many("rule", node.rules.iter().map(|r| Value::Table(rule(r))).collect());
    table.set_many("neigh", node.neighbours.iter().map(|n| Value::Table(neighbour(n))).collect());
    table.set_many("listen", node.listeners.iter().map(|l| Value::Table(listener(l))).collect());
    table.set_many("run", node.commands.iter().map(|c| Value::Table(command(c))).collect());
    table.set_table("firewall", firewall(&node.firewall));
    if !has_only_the_implied_bridge(node) && !node.bridges.is_empty() {
        let mut bridges = Table::default();
        for bridge in &node.bridges {
            let name = bridge.interface.place.interface.as_str();
            bridges.add(name, Value::Section(self::bridge(bridge)));
        }
        table.set("bridge", Value::Group(bridges));
    }
    table
}

fn has_only_the_implied_bridge(node: &Node) -> bool {
    match &node.bridges[..] {
        [only] => {
            only.interface.place.interface.as_str() == DEFAULT_BRIDGE
                && *only == Bridge::new(only.interface.place.clone())
                && node.kind == NodeKind::Bridge
        }
        _ => false,
    }
}

fn bridge(bridge: &Bridge) -> Table {
    let mut table = Table::default();
    interface(&mut table, &bridge.interface);
    if bridge.stp {
        table.set("stp", Value::bare(true));
    }
    table.set_some("ageing", bridge.ageing.map(Value::text));
    table.set_some("forward_delay", bridge.forward_delay.map(Value::text));
    table.set_some("priority", bridge.priority.map(Value::bare));
    table.set_some("multicast_snooping", bridge.multicast_snooping.map(Value::bare));
    table
}

/// What every kind of interface may say.
pub(super) fn interface(table: &mut Table, interface: &Interface) {
    table.set_many("ip", Value::texts(&interface.addresses));
    table.set_some("mac", interface.mac.map(Value::text));
    table.set_some("mtu", interface.mtu.map(Value::bare));
    if !interface.up {
        table.set("up", Value::bare(false));
    }
    let mut sysctls = Table::default();
    for sysctl in &interface.sysctls {
        sysctls.add(&sysctl.key(), sysctl_value(&sysctl.value));
    }
    table.set_table("sysctl", sysctls);
}

pub(super) fn master(master: Option<&IfName>) -> Value {
    master.map_or_else(|| Value::bare(false), Value::text)
}

pub(super) fn port(port: &PortAttributes) -> Table {
    let mut table = Table::default();
    for (key, on) in port.switches() {
        table.set(key, Value::bare(on));
    }
    table.set_some("cost", port.cost.map(Value::bare));
    table.set_some("priority", port.priority.map(Value::bare));
    table
}

pub(super) fn sysctls(sysctls: &[Sysctl]) -> Table {
    let mut table = Table::default();
    for sysctl in sysctls {
        table.add(&sysctl.key.to_string(), sysctl_value(&sysctl.value));
    }
    table
}

/// An integer where the text is what the integer would become.
pub(crate) fn sysctl_value(value: &str) -> Value {
    match value.parse::<i64>() {
        Ok(number) if number.to_string() == value => Value::bare(number),
        _ => Value::text(value),
    }
}

pub(super) fn route(route: &Route) -> Table {
    let mut table = Table::default();
    if route.kind != RouteKind::default() {
        table.set("kind", Value::text(route.kind.as_str()));
    }
    table.set("to", Value::text(destination(route)));
    table.set_some("via", route.via.map(Value::text));
    table.set_some("dev", route.dev.as_ref().map(Value::text));
    table.set_some("src", route.src.map(Value::text));
    table.set_some("metric", route.metric.map(Value::bare));
    table.set_some("table", route.table.map(table_name));
    if route.onlink {
        table.set("onlink", Value::bare(true));
    }
    table
}

fn destination(route: &Route) -> String {
    if route.to.prefix_len() == 0 {
        let said = route.via.or(route.src).map_or(Family::Ipv4, Family::of);
        if Family::of_net(&route.to) == said {
            return "default".to_owned();
        }
    }
    host_or_net(&route.to)
}

/// A prefix; the address alone where it is that of one host.
fn host_or_net(net: &ipnet::IpNet) -> String {
    if net.prefix_len() == net.max_prefix_len() { net.addr().to_string() } else { net.to_string() }
}

fn table_name(table: u32) -> Value {
    match table {
        TABLE_MAIN => Value::text("main"),
        TABLE_DEFAULT => Value::text("default"),
        TABLE_LOCAL => Value::text("local"),
        number => Value::bare(number),
    }
}

pub(super) fn rule(rule: &Rule) -> Table {
    let mut table = Table::default();
    if rule.not {
        table.set("not", Value::bare(true));
    }
    table.set_some("from", rule.from.as_ref().map(host_or_net).map(Value::Text));
    table.set_some("to", rule.to.as_ref().map(host_or_net).map(Value::Text));
    table.set_some("iif", rule.iif.as_ref().map(Value::text));
    table.set_some("oif", rule.oif.as_ref().map(Value::text));
    table.set_some("fwmark", rule.fwmark.map(mark));
    if rule.family == Family::Ipv6 && rule.from.is_none() && rule.to.is_none() {
        table.set("family", Value::text(rule.family.as_str()));
    }
    table.set_some("priority", rule.priority.map(Value::bare));
    match rule.action {
        RuleAction::Table(number) => table.set("table", table_name(number)),
        RuleAction::Blackhole => table.set("kind", Value::text("blackhole")),
        RuleAction::Prohibit => table.set("kind", Value::text("prohibit")),
        RuleAction::Unreachable => table.set("kind", Value::text("unreachable")),
    }
    table
}

fn mark(mark: Mark) -> Value {
    match mark.mask {
        u32::MAX if mark.mark < 0x100 => Value::bare(mark.mark),
        u32::MAX => Value::text(format!("{:#x}", mark.mark)),
        mask => Value::text(format!("{:#x}/{mask:#x}", mark.mark)),
    }
}

pub(super) fn neighbour(neighbour: &Neighbour) -> Table {
    let mut table = Table::default();
    table.set("dev", Value::text(&neighbour.dev));
    table.set("to", Value::text(neighbour.to));
    table.set("mac", Value::text(neighbour.mac));
    table
}

fn listener(listener: &Listener) -> Table {
    let mut table = Table::default();
    match listener {
        Listener::Tcp { port, say } => {
            table.set("tcp", Value::bare(port));
            if !say.is_empty() {
                table.set("say", Value::Prose(say.clone()));
            }
        }
        Listener::Udp { port } => table.set("udp", Value::bare(port)),
    }
    table
}

fn command(command: &Command) -> Table {
    let mut table = Table::default();
    table.set("name", Value::text(&command.name));
    table.set("cmd", program(&command.program));
    table.set_some("ready", command.ready.as_ref().map(ready));
    if command.timeout != READY_TIMEOUT {
        table.set("timeout", Value::text(command.timeout));
    }
    if command.restart != Restart::default() {
        table.set("restart", Value::text(command.restart.as_str()));
    }
    if command.stop != STOP_TIMEOUT {
        table.set("stop", Value::text(command.stop));
    }
    table
}

pub(super) fn program(program: &Program) -> Value {
    match program {
        Program::Shell(line) => Value::Prose(line.clone()),
        Program::Argv(argv) => Value::List(Value::texts(argv)),
    }
}

fn ready(ready: &Ready) -> Value {
    match ready {
        Ready::Tcp(port) => Value::text(format!("tcp:{port}")),
        Ready::Line(text) => Value::text(format!("line:{text}")),
        Ready::File(path) => Value::text(format!("file:{path}")),
        Ready::Exit => Value::text("exit"),
    }
}

pub(super) fn firewall(firewall: &Firewall) -> Table {
    let mut table = Table::default();
    table.set_many("masquerade", Value::texts(&firewall.masquerade));
    let mut policy = Table::default();
    for chain in Chain::ALL {
        let verdict = firewall.policy.of(chain);
        policy.set_some(chain.as_str(), verdict.map(Verdict::as_str).map(Value::text));
    }
    table.set_table("policy", policy);
    table.set_many("filter", firewall.filters.iter().map(|f| Value::Table(filter(f))).collect());
    table.set_many("dnat", firewall.dnat.iter().map(|d| Value::Table(dnat(d))).collect());
    table.set_some("nft", firewall.ruleset.clone().map(Value::Prose));
    table
}

fn filter(filter: &Filter) -> Table {
    let mut table = Table::default();
    table.set("chain", Value::text(filter.chain.as_str()));
    table.set("verdict", Value::text(filter.verdict.as_str()));
    if filter.established {
        table.set("established", Value::bare(true));
    }
    table.set_some("iif", filter.iif.as_ref().map(Value::text));
    table.set_some("oif", filter.oif.as_ref().map(Value::text));
    table.set_some("from", filter.from.as_ref().map(host_or_net).map(Value::Text));
    table.set_some("to", filter.to.as_ref().map(host_or_net).map(Value::Text));
    table.set_some("protocol", filter.protocol.map(Protocol::as_str).map(Value::text));
    table.set_some("sport", filter.sport.map(Value::bare));
    table.set_some("dport", filter.dport.map(Value::bare));
    table.set_some("comment", filter.comment.as_ref().map(Value::text));
    table
}

fn dnat(dnat: &Dnat) -> Table {
    let mut table = Table::default();
    table.set_some("iif", dnat.iif.as_ref().map(Value::text));
    table.set("protocol", Value::text(dnat.protocol.as_str()));
    table.set("dport", Value::bare(dnat.dport));
    table.set("to", Value::text(dnat.to));
    table
}
