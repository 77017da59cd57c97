//! Routes and policy rules as `ip route` and `ip rule` take them.

use ipnet::IpNet;
use twinax_topology::{
    Family, Mark, NodeName, Route, RouteKind, Rule, RuleAction, TABLE_DEFAULT, TABLE_LOCAL,
    TABLE_MAIN,
};

use super::command::in_node;
use super::quote::quote;

/// `ip route VERB …` in a node.
pub(super) fn route(node: &NodeName, verb: &str, route: &Route) -> String {
    format!("{} route {verb} {}", ip(node, Family::of_net(&route.to)), route_words(route))
}

/// `ip rule VERB …` in a node.
pub(super) fn rule(node: &NodeName, verb: &str, rule: &Rule) -> String {
    format!("{} rule {verb} {}", ip(node, rule.family), rule_words(rule))
}

/// A route as `ip-route(8)` has it, without a verb: `10.9.0.0/16 via 10.0.0.1 dev eth0`. The family is in
/// none of the words where all destinations are meant (`default`).
pub fn route_words(route: &Route) -> String {
    let mut line = String::new();
    if route.kind != RouteKind::Unicast {
        line += &format!("{} ", route.kind.as_str());
    }
    line += &prefix(&route.to, "default");
    if let Some(via) = route.via {
        line += &format!(" via {via}");
    }
    if let Some(dev) = &route.dev {
        line += &format!(" dev {}", quote(dev.as_str()));
    }
    if let Some(src) = route.src {
        line += &format!(" src {src}");
    }
    if let Some(metric) = route.metric {
        line += &format!(" metric {metric}");
    }
    if let Some(number) = route.table {
        line += &format!(" table {}", table(number));
    }
    if route.onlink {
        line += " onlink";
    }
    line
}

/// A policy rule as `ip-rule(8)` has it, without a verb: `from 10.0.0.0/8 priority 100 lookup 100`. Its
/// family is not in the words.
pub fn rule_words(rule: &Rule) -> String {
    let mut line = String::new();
    if rule.not {
        line += "not ";
    }
    line += &format!("from {}", rule.from.as_ref().map_or("all".to_owned(), |n| prefix(n, "all")));
    if let Some(to) = &rule.to {
        line += &format!(" to {}", prefix(to, "all"));
    }
    if let Some(iif) = &rule.iif {
        line += &format!(" iif {}", quote(iif.as_str()));
    }
    if let Some(oif) = &rule.oif {
        line += &format!(" oif {}", quote(oif.as_str()));
    }
    if let Some(fwmark) = rule.fwmark {
        line += &format!(" fwmark {}", mark(fwmark));
    }
    if let Some(priority) = rule.priority {
        line += &format!(" priority {priority}");
    }
    line + &match rule.action {
        RuleAction::Table(number) => format!(" lookup {}", table(number)),
        RuleAction::Blackhole => " blackhole".to_owned(),
        RuleAction::Prohibit => " prohibit".to_owned(),
        RuleAction::Unreachable => " unreachable".to_owned(),
    }
}

fn ip(node: &NodeName, family: Family) -> String {
    match family {
        Family::Ipv4 => in_node("ip", node),
        Family::Ipv6 => in_node("ip", node) + " -6",
    }
}

/// A prefix as one writes it: a word for everything, an address for a prefix of one address.
fn prefix(net: &IpNet, everything: &str) -> String {
    if net.prefix_len() == 0 && net.addr().is_unspecified() {
        everything.to_owned()
    } else if net.prefix_len() == net.max_prefix_len() {
        net.addr().to_string()
    } else {
        net.to_string()
    }
}

/// A table as iproute2 calls it without any `/etc/iproute2/rt_tables`.
fn table(number: u32) -> String {
    match number {
        TABLE_DEFAULT => "default".to_owned(),
        TABLE_MAIN => "main".to_owned(),
        TABLE_LOCAL => "local".to_owned(),
        number => number.to_string(),
    }
}

/// Without a mask the kernel compares all bits, but of a mark of 0 none.
fn mark(Mark { mark, mask }: Mark) -> String {
    if mask == u32::MAX && mark != 0 {
        format!("{mark:#x}")
    } else {
        format!("{mark:#x}/{mask:#x}")
    }
}
