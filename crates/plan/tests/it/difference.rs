//! Rules of the difference, one by one.

use ipnet::IpNet;
use twinax_plan::{Step, difference};
use twinax_topology::{
    Change, Firewall, Interface, Neighbour, Node, NodeKind, Policies, PortAttributes, Span,
    Topology, Verdict,
};

use crate::labs::{self, place, read, sysctl};

/// The commands that make the one lab the other.
fn steps(now: &Topology, wanted: &Topology) -> Vec<String> {
    difference(now, wanted).iter().map(twinax_plan::command).collect()
}

/// The pair with another first end.
fn with(edit: impl FnOnce(&mut Interface)) -> Topology {
    let mut lab = labs::pair();
    edit(&mut lab.links[0].a);
    lab
}

#[track_caller]
fn addresses(now: &[&str], wanted: &[&str], expected: &[&str]) {
    let lab = |nets: &[&str]| {
        with(|own| own.addresses = nets.iter().map(|net| read::<IpNet>(net)).collect())
    };
    let at = labs::pair().links[0].a.place.clone();
    let words: Vec<String> = difference(&lab(now), &lab(wanted))
        .iter()
        .map(|step| match step {
            Step::Change(Change::AddAddress(own, net)) if *own == at => format!("+{net}"),
            Step::Change(Change::DelAddress(own, net)) if *own == at => format!("-{net}"),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(words, expected);
}

#[test]
fn a_new_address_comes_before_an_old_one_goes() {
    addresses(&["10.0.0.1/24"], &["10.1.0.1/24"], &["+10.1.0.1/24", "-10.0.0.1/24"]);
    addresses(&["fd00::1/64"], &["fd00::2/64"], &["+fd00::2/64", "-fd00::1/64"]);
    let primary = "10.0.0.1/24";
    addresses(
        &[primary, "10.0.0.2/24"],
        &[primary, "10.0.0.3/24"],
        &["+10.0.0.3/24", "-10.0.0.2/24"],
    );
}

#[test]
fn the_order_of_addresses_counts_only_for_the_primary_one() {
    let (one, two, three) = ("10.0.0.1/24", "10.0.0.2/24", "10.0.0.3/24");
    addresses(&[one, two, three], &[one, three, two], &[]);
    addresses(&[one, "10.1.0.1/24"], &["10.1.0.1/24", one], &[]);
    addresses(&["fd00::1/64", "fd00::2/64"], &["fd00::2/64", "fd00::1/64"], &[]);
    addresses(
        &[one, two],
        &[two, one],
        &[
            "+10.0.0.2/32",
            "-10.0.0.2/24",
            "-10.0.0.1/24",
            "+10.0.0.2/24",
            "+10.0.0.1/24",
            "-10.0.0.2/32",
        ],
    );
}

#[test]
fn an_address_that_is_changed_is_stood_in_for() {
    addresses(
        &["10.0.0.1/24"],
        &["10.0.0.2/24"],
        &["+10.0.0.2/32", "-10.0.0.1/24", "+10.0.0.2/24", "-10.0.0.2/32"],
    );
    let other = "192.0.2.1/24";
    addresses(&["10.0.0.1/24", other], &["10.0.0.2/24", other], &["-10.0.0.1/24", "+10.0.0.2/24"]);
}

#[test]
fn an_ipv6_address_is_on_a_device_once() {
    addresses(&["fd00::1/64"], &["fd00::1/48"], &["-fd00::1/64", "+fd00::1/48"]);
}

#[test]
fn of_a_subnet_that_goes_the_primary_address_goes_last() {
    addresses(&["10.0.0.1/24", "10.0.0.2/24"], &[], &["-10.0.0.2/24", "-10.0.0.1/24"]);
}

#[test]
fn what_is_not_said_of_a_device_is_the_default_but_its_mac() {
    let plain = with(|own| (own.mac, own.mtu) = (None, None));
    let at = &plain.links[0].a.place;
    let ip = format!("ip -n {} link set dev {}", at.node, at.interface);
    let odd = with(|own| {
        own.mtu = Some(1400);
        own.mac = Some(read("02:00:00:00:00:77"));
    });
    assert_eq!(steps(&odd, &plain), [format!("{ip} mtu 1500")]);
    let said = with(|own| {
        own.mtu = Some(1500);
        own.mac = Some(read("02:00:00:00:00:78"));
    });
    let mac = format!("{ip} address 02:00:00:00:00:78");
    assert_eq!(steps(&odd, &said), [mac, format!("{ip} mtu 1500")]);
}

#[test]
fn a_bridge_of_which_no_mtu_is_said_any_more_has_that_of_its_ports() {
    let lab = |mtu: &str| -> Topology {
        let text = format!(
            "name = 'l'\n[node.a]\n[node.s.bridge.br0]\n{mtu}\n[[link]]\na = 'a:e0'\n\
             b = {{ at = 's:p1', master = 'br0', mtu = 1400 }}"
        );
        twinax_topology::parse(&text, "l.toml").unwrap_or_else(|error| panic!("{error}"))
    };
    let (plain, odd) = (lab(""), lab("mtu = 1300"));
    assert_eq!(steps(&odd, &plain), ["ip -n s link set dev br0 mtu 1400"]);
    assert_eq!(steps(&plain, &plain), [""; 0]);
}

#[test]
fn rules_without_a_priority_are_tried_in_the_order_in_which_they_would_be_built() {
    let lab = |rules: &str| -> Topology {
        let text = format!("name = 'l'\n[node.a]\nrule = [{rules}]");
        twinax_topology::parse(&text, "l.toml").unwrap_or_else(|error| panic!("{error}"))
    };
    // The first of two gets 32765, the second 32764, which is tried first.
    let wanted = lab("{ from = '10.0.0.0/8', table = 1 }, { from = '10.1.0.0/16', table = 2 }");
    let as_built = lab("{ from = '10.0.0.0/8', priority = 32765, table = 1 }, \
         { from = '10.1.0.0/16', priority = 32764, table = 2 }");
    assert_eq!(steps(&as_built, &wanted), [""; 0]);
    let second_alone = lab("{ from = '10.1.0.0/16', priority = 32764, table = 2 }");
    let first = "ip -n a rule add from 10.0.0.0/8 priority 32765 lookup 1";
    assert_eq!(steps(&second_alone, &wanted), [first]);
}

#[test]
fn a_device_that_goes_down_does_so_when_its_addresses_are_settled() {
    let now = with(|own| own.addresses = vec![read("fd00::1/64"), read("10.0.0.1/24")]);
    let then = with(|own| {
        own.addresses = vec![read("fd00::2/64"), read("10.0.0.1/24")];
        own.up = false;
    });
    let at = now.links[0].a.place.clone();
    let (addr, link) = (format!("ip -n {} addr", at.node), format!("ip -n {} link", at.node));
    let dev = &at.interface;
    // The address that is wanted would go with the interface, and comes in the next round.
    let expected =
        [format!("{addr} del fd00::1/64 dev {dev}"), format!("{link} set dev {dev} down")];
    assert_eq!(steps(&now, &then), expected);
}

#[test]
fn an_end_that_is_plugged_in_elsewhere_is_made_anew() {
    let now = labs::pair();
    let mut then = now.clone();
    then.links[0].b.place = place(&format!("{}:other", now.links[0].b.place.node));
    let steps = difference(&now, &then);
    assert_eq!(steps[0], Step::DelLink(now.links[0].a.place.clone()));
    assert!(matches!(&steps[1], Step::AddVeth(_, b) if b.place == then.links[0].b.place));
    let removed = steps.iter().filter(|step| matches!(step, Step::DelLink(_))).count();
    assert_eq!(removed, 1, "with one end goes the other");
}

#[test]
fn with_a_device_that_is_made_anew_its_routes_and_neighbours_come_back() {
    let mut now = labs::routing();
    let at = now.links[0].a.place.clone();
    let to = read("10.0.0.77");
    let mac = read("02:00:00:00:00:77");
    now.nodes[0].neighbours = vec![Neighbour { dev: at.interface.clone(), to, mac }];
    let mut then = now.clone();
    then.links[0].b.place = place("r:elsewhere");
    then.nodes.iter_mut().for_each(|node| node.rules.clear());
    now.nodes.iter_mut().for_each(|node| node.rules.clear());
    let own = |step: &&Step| *step.node() == at.node && matches!(step, Step::Change(_));
    let words: Vec<String> =
        difference(&now, &then).iter().filter(own).map(twinax_plan::command).collect();
    assert_eq!(
        words,
        [
            "ip -n a addr add 10.0.0.2/24 dev a0",
            "ip -n a addr add fd00::2/64 dev a0 nodad",
            "ip -n a link set dev a0 up",
            "ip -n a neigh replace 10.0.0.77 dev a0 lladdr 02:00:00:00:00:77 nud permanent",
            "ip -n a route add default via 10.0.0.1",
            "ip -n a -6 route add default via fe80::1 dev a0",
        ]
    );
}

fn one_node(edit: impl FnOnce(&mut Node)) -> Topology {
    let mut node = Node::new(read("n"));
    edit(&mut node);
    Topology { nodes: vec![node], links: vec![], taps: vec![], ..labs::pair() }
}

fn node_sysctls(all: &[(&str, &str)]) -> Topology {
    one_node(|node| node.sysctls = all.iter().map(|(key, value)| sysctl(key, value)).collect())
}

#[test]
fn a_sysctl_is_set_where_its_value_differs() {
    let range = "net.ipv4.ip_local_port_range";
    let now = node_sysctls(&[(range, "1024\t60999"), ("net.ipv4.tcp_ecn", "2")]);
    let then = |value, ecn| node_sysctls(&[(range, value), ("net.ipv4.tcp_ecn", ecn)]);
    assert_eq!(steps(&now, &then("1024 60999", "0x2")), [""; 0]);
    assert_eq!(
        steps(&now, &then("1024 61000", "02")),
        [format!("ip netns exec n sysctl -qw {range}='1024 61000'")]
    );
    assert_eq!(steps(&now, &node_sysctls(&[])), [""; 0], "what is not said stays");
}

#[test]
fn what_a_later_sysctl_sets_is_set_by_that() {
    let (ip_forward, all) = ("net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding");
    let now = node_sysctls(&[(ip_forward, "1"), (all, "1")]);
    assert_eq!(steps(&now, &node_sysctls(&[(ip_forward, "0"), (all, "1")])), [""; 0]);
    let default = "net.ipv4.conf.default.forwarding";
    let now = node_sysctls(&[(ip_forward, "0"), (default, "1")]);
    let set = |key, value| format!("ip netns exec n sysctl -qw {key}={value}");
    assert_eq!(
        steps(&now, &node_sysctls(&[(ip_forward, "1"), (default, "1")])),
        [set(ip_forward, 1), set(default, 1)],
        "what an earlier one sets is set again"
    );
}

#[test]
fn a_router_forwards_and_one_that_was_does_not() {
    let router = |kind| one_node(|node| node.kind = kind);
    let (host, router) = (router(NodeKind::Host), router(NodeKind::Router));
    let set = |value| {
        ["net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"]
            .map(|key| format!("ip netns exec n sysctl -qw {key}={value}"))
    };
    assert_eq!(steps(&host, &router), set(1));
    assert_eq!(steps(&router, &host), set(0));
    let said = [("net.ipv4.ip_forward", "1"), ("net.ipv6.conf.all.forwarding", "1")];
    assert_eq!(steps(&router, &node_sysctls(&said)), [""; 0]);
    assert_eq!(steps(&node_sysctls(&said), &router), [""; 0]);
}

#[test]
fn a_firewall_that_differs_is_replaced_whole() {
    let policy = Policies { forward: Some(Verdict::Drop), ..Policies::default() };
    let with = one_node(|node| node.firewall = Firewall { policy, ..Firewall::default() });
    let without = one_node(|_| {});
    let flush = Step::FlushRuleset(read("n"));
    assert_eq!(difference(&with, &without), std::slice::from_ref(&flush));
    let firewall = with.nodes[0].firewall.clone();
    let load = Step::Change(Change::Firewall(read("n"), firewall));
    assert_eq!(difference(&without, &with), [flush, load]);
}

#[test]
fn of_a_port_only_what_differs_is_set() {
    let port = |attributes: PortAttributes| {
        let mut lab = labs::bridge();
        lab.links[0].a.port = attributes;
        lab
    };
    let quiet = PortAttributes::default();
    let odd = || PortAttributes { isolated: Some(true), cost: Some(7), ..quiet.clone() };
    let set = "bridge -n sw link set dev p1";
    assert_eq!(steps(&port(quiet.clone()), &port(odd())), [format!("{set} isolated on cost 7")]);
    assert_eq!(
        steps(&port(odd()), &port(quiet.clone())),
        [format!("{set} isolated off cost 2")],
        "the kernel's defaults"
    );
    let usual = PortAttributes { learning: Some(true), cost: Some(100), ..quiet.clone() };
    assert_eq!(steps(&port(usual), &port(quiet)), [""; 0]);
}

#[test]
fn a_bridge_may_have_lost_a_hundredth_of_a_second() {
    let ageing = |millis| {
        let mut lab = labs::bridge();
        lab.nodes[0].bridges[0].ageing = Some(Span(std::time::Duration::from_millis(millis)));
        lab
    };
    assert_eq!(difference(&ageing(10_020), &ageing(10_030)), []);
    let steps = difference(&ageing(10_010), &ageing(10_030));
    assert!(matches!(&steps[..], [Step::SetBridge(_)]), "{steps:?}");
}
