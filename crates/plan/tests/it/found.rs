//! What is found in what the kernel reports, rule by rule.

use std::collections::HashMap;

use twinax_plan::{
    Found, Observed, ObservedAddress, ObservedLink, ObservedNode, ObservedRoute, ObservedRule,
    Purpose, Step, found,
};
use twinax_topology::{Firewall, NodeKind, Topology};

use crate::labs::{self, place, read};

fn device(name: &str, kind: &str, index: u32) -> ObservedLink {
    let (name, kind, mtu) = (name.to_owned(), kind.to_owned(), 1500);
    ObservedLink { name, kind, index, mtu, ..ObservedLink::default() }
}

fn address(address: &str) -> ObservedAddress {
    let (address, scope) = (read(address), "global".to_owned());
    ObservedAddress { address, scope, tentative: false, broadcast: None, by_kernel: false }
}

fn route(to: &str, dev: Option<&str>) -> ObservedRoute {
    ObservedRoute {
        table: 254,
        kind: "unicast".to_owned(),
        to: read(to),
        via: None,
        dev: dev.map(str::to_owned),
        src: None,
        metric: 0,
        scope: "link".to_owned(),
        protocol: "boot".to_owned(),
        onlink: false,
        nexthop: None,
    }
}

fn rule(family: &str, priority: u32, table: u32) -> ObservedRule {
    ObservedRule {
        family: family.to_owned(),
        priority,
        not: false,
        from: None,
        to: None,
        iif: None,
        oif: None,
        mark: None,
        mask: None,
        action: "lookup".to_owned(),
        table,
        beyond: Vec::new(),
    }
}

/// One node with a TAP, as far as it is not edited.
fn seen(edit: impl FnOnce(&mut ObservedNode)) -> Observed {
    let tap = ObservedLink { tap: Some("tap".to_owned()), ..device("t0", "tun", 2) };
    let mut node = ObservedNode { links: vec![device("lo", "", 1), tap], ..Default::default() };
    edit(&mut node);
    Observed { nodes: vec![(read("n"), node)] }
}

fn saved(seen: &Observed) -> Found {
    found(&read("lab"), seen, None, &HashMap::new(), Purpose::Save)
}

#[track_caller]
fn beyond(edit: impl FnOnce(&mut ObservedNode), expected: &[&str]) {
    let told: Vec<String> = saved(&seen(edit)).beyond.iter().map(ToString::to_string).collect();
    assert_eq!(told, expected);
}

#[test]
fn what_every_namespace_has_is_not_in_it() {
    let fresh = seen(|node| {
        node.links.push(device("sit0", "sit", 3));
        let lo = ObservedAddress { scope: "host".to_owned(), ..address("127.0.0.1/8") };
        node.links[0].addresses = vec![lo];
        let made_of_mac =
            ObservedAddress { scope: "link".to_owned(), ..address("fe80::ff:fe00:1/64") };
        let said = ObservedAddress { by_kernel: true, ..address("2001:db8::5/64") };
        node.links[1].mac = Some(read("02:00:00:00:00:01"));
        node.links[1].addresses = vec![made_of_mac, said];
        node.routes = vec![
            ObservedRoute { protocol: "kernel".to_owned(), ..route("10.0.0.0/24", Some("t0")) },
            ObservedRoute { kind: "multicast".to_owned(), ..route("ff00::/8", Some("t0")) },
            ObservedRoute { protocol: "bird".to_owned(), ..route("10.9.0.0/24", Some("t0")) },
        ];
        node.rules = vec![
            rule("ipv4", 0, 255),
            rule("ipv4", 32_766, 254),
            rule("ipv4", 32_767, 253),
            rule("ipv6", 0, 255),
            rule("ipv6", 32_766, 254),
        ];
    });
    let found = saved(&fresh);
    assert_eq!(found.beyond, []);
    let node = &found.topology.nodes[0];
    assert!(node.routes.is_empty() && node.rules.is_empty());
    let tap = &found.topology.taps[0].interface;
    assert!(tap.addresses.is_empty());
    assert_eq!((tap.mac, tap.mtu), (None, None));
}

#[test]
fn what_a_lab_file_cannot_say_is_told() {
    beyond(
        |node| node.links.push(device("wg0", "wireguard", 3)),
        &["n:wg0: device of kind wireguard"],
    );
    beyond(
        |node| node.links.push(device("e0", "veth", 3)),
        &["n:e0: veth whose other end is in no node of the lab"],
    );
    beyond(|node| node.links[1].qdisc = "netem".to_owned(), &["n:t0: queueing discipline netem"]);
    beyond(
        |node| node.links[0].addresses.push(address("10.0.0.1/32")),
        &["n:lo: address 10.0.0.1/32"],
    );
    let anycast = ObservedRoute { kind: "anycast".to_owned(), ..route("10.0.0.0/8", None) };
    beyond(|node| node.routes.push(anycast), &["n: route anycast 10.0.0.0/8"]);
    beyond(|node| node.tables.push("ip own".to_owned()), &["n: nftables tables: ip own"]);
    let usual = [rule("ipv6", 0, 255), rule("ipv6", 32_766, 254)];
    let odd = ObservedRule { beyond: vec!["IP_PROTO".to_owned()], ..rule("ipv6", 9, 254) };
    beyond(|node| node.rules = [&usual[..], &[odd]].concat(), &["n: rule 9 (ipv6): IP_PROTO"]);
    beyond(
        |node| node.rules = usual[1..].to_vec(),
        &["n: rule 0 (IPv6), which every node has, is missing"],
    );
}

#[test]
fn of_a_route_with_several_next_hops_the_first_is_kept() {
    let by = |dev| ObservedRoute { via: Some(read("10.0.0.9")), ..route("10.9.0.0/16", Some(dev)) };
    let seen = seen(|node| {
        let other = ObservedLink { name: "t1".to_owned(), index: 3, ..node.links[1].clone() };
        node.links.push(other);
        node.routes = vec![by("t0"), by("t1")];
    });
    let found = saved(&seen);
    assert_eq!(found.topology.nodes[0].routes.len(), 1);
    assert_eq!(found.topology.nodes[0].routes[0].dev, Some(read("t0")));
    assert_eq!(found.beyond[0].what, "route 10.9.0.0/16 has more than one next hop");
}

#[test]
fn a_mac_is_saved_where_somebody_set_it() {
    let mac = |mac: &str, is_set| {
        let seen = seen(|node| {
            (node.links[1].mac, node.links[1].mac_set) = (Some(read(mac)), is_set);
        });
        saved(&seen).topology.taps[0].interface.mac
    };
    let (drawn, vendors) = ("02:11:22:33:44:55", "00:11:22:33:44:55");
    assert_eq!(mac(drawn, None), None);
    assert_eq!(mac(drawn, Some(true)), Some(read(drawn)));
    assert_eq!(mac(vendors, None), Some(read(vendors)), "the kernel draws no such one");
    assert_eq!(mac(vendors, Some(false)), None);
}

#[test]
fn ipv6_addresses_are_in_the_order_in_which_they_came() {
    let seen = seen(|node| {
        let listed = ["10.0.0.1/24", "10.0.0.2/24", "fd00::2/64", "fd00::1/64"];
        node.links[1].addresses = listed.map(address).to_vec();
    });
    let addresses = saved(&seen).topology.taps[0].interface.addresses.clone();
    let expected = ["10.0.0.1/24", "10.0.0.2/24", "fd00::1/64", "fd00::2/64"];
    assert_eq!(addresses, expected.map(read::<ipnet::IpNet>));
}

#[test]
fn a_node_that_forwards_both_families_is_a_router() {
    let keys = ["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"];
    let forwards = |values: [&str; 2]| {
        let seen = seen(|node| {
            node.sysctls =
                keys.into_iter().zip(values).map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        });
        let node = saved(&seen).topology.nodes[0].clone();
        (node.kind, node.sysctls.len())
    };
    assert_eq!(forwards(["1", "1"]), (NodeKind::Router, 0));
    assert_eq!(forwards(["1", "0"]), (NodeKind::Host, 2));
}

#[test]
fn sysctls_go_to_whom_they_belong() {
    let values = [
        ("net/ipv4/conf/t0/rp_filter", "2"),
        ("net/ipv6/neigh/t0/app_solicit", "1"),
        ("net/ipv4/conf/lo/rp_filter", "1"),
        ("net/ipv4/ping_group_range", "0\t7"),
    ];
    let seen = seen(|node| {
        node.sysctls = values.map(|(path, value)| (path.to_owned(), value.to_owned())).into();
    });
    let Topology { nodes, taps, .. } = saved(&seen).topology;
    let own: Vec<String> = taps[0].interface.sysctls.iter().map(|own| own.key()).collect();
    assert_eq!(own, ["ipv4.rp_filter", "ipv6.neigh.app_solicit"]);
    let of_node: Vec<_> =
        nodes[0].sysctls.iter().map(|own| (own.key.path(), own.value.as_str())).collect();
    assert_eq!(
        of_node,
        [("net/ipv4/conf/lo/rp_filter", "1"), ("net/ipv4/ping_group_range", "0 7")]
    );
}

#[test]
fn a_firewall_is_as_it_is_told() {
    let observed = seen(|node| node.tables.push("ip own".to_owned()));
    let firewall = Firewall { ruleset: Some("table ip own".to_owned()), ..Firewall::default() };
    let firewalls = HashMap::from([(read("n"), firewall.clone())]);
    let found = found(&read("lab"), &observed, None, &firewalls, Purpose::Save);
    assert_eq!(found.topology.nodes[0].firewall, firewall);
    assert_eq!(found.beyond, []);
}

#[test]
fn a_stranger_is_removed_where_its_name_is_wanted() {
    let wanted = labs::pair();
    let at = wanted.links[0].a.place.clone();
    let mut observed = seen(|node| {
        node.links.push(device(at.interface.as_str(), "dummy", 3));
        node.links.push(device("other", "dummy", 4));
    });
    observed.nodes[0].0 = at.node.clone();
    assert_eq!(saved(&observed).in_the_way(&wanted), [Step::DelLink(at)]);
}

#[test]
fn a_rule_about_a_device_that_is_gone_is_compared_but_not_saved() {
    let observed = seen(|node| {
        node.rules = vec![ObservedRule { iif: Some("e9".to_owned()), ..rule("ipv4", 5, 100) }];
    });
    let rules = |purpose| {
        let found = found(&read("lab"), &observed, None, &HashMap::new(), purpose);
        found.topology.nodes[0].rules.len()
    };
    assert_eq!((rules(Purpose::Compare), rules(Purpose::Save)), (1, 0));
}

#[test]
fn a_bridge_has_the_mtu_of_its_ports_unless_it_is_set() {
    let mtu = |of_port, of_bridge| {
        let seen = seen(|node| {
            node.links[1].master = Some("br0".to_owned());
            node.links[1].mtu = of_port;
            node.links.push(ObservedLink { mtu: of_bridge, ..device("br0", "bridge", 3) });
        });
        let topology = saved(&seen).topology;
        assert_eq!(topology.taps[0].interface.master, Some(read("br0")));
        assert_eq!(topology.nodes[0].bridges[0].interface.place, place("n:br0"));
        topology.nodes[0].bridges[0].interface.mtu
    };
    assert_eq!(mtu(1400, 1400), None);
    assert_eq!(mtu(1400, 1500), Some(1500));
    assert_eq!(mtu(1500, 1400), Some(1400));
}
