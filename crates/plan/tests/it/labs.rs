//! Labs made by hand: together they use every word of the vocabulary that a plan is made of.

use std::time::Duration;

use twinax_topology::{
    Bridge, Chain, Dnat, Family, Filter, Firewall, Interface, InterfaceSysctl, Link, Mark,
    Neighbour, Node, NodeKind, Place, Policies, PortAttributes, Protocol, Route, RouteKind, Rule,
    RuleAction, Span, Sysctl, TABLE_MAIN, Tap, TapMode, Topology, Verdict,
};

/// Parses any value that is written as text.
pub fn read<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error:?}"))
}

/// `node:interface`.
pub fn place(text: &str) -> Place {
    let (node, interface) = text.split_once(':').expect("node:interface");
    Place { node: read(node), interface: read(interface) }
}

/// An interface with these addresses.
pub fn end(at: &str, addresses: &[&str]) -> Interface {
    let addresses = addresses.iter().map(|address| read(address)).collect();
    Interface { addresses, ..Interface::new(place(at)) }
}

/// A sysctl of a node.
pub fn sysctl(key: &str, value: &str) -> Sysctl {
    Sysctl { key: read(key), value: value.to_owned() }
}

/// A sysctl of an interface.
pub fn knob(key: &str, value: &str) -> InterfaceSysctl {
    InterfaceSysctl::new(key, value).unwrap()
}

/// A unicast route.
pub fn via(to: &str, gateway: &str) -> Route {
    Route::via(read(to), read(gateway))
}

fn lab(name: &str, about: &str, nodes: Vec<Node>, links: Vec<Link>, taps: Vec<Tap>) -> Topology {
    let about = about.to_owned();
    Topology { name: read(name), about, nodes, links, taps, wires: Vec::new(), steps: Vec::new() }
}

fn node(name: &str) -> Node {
    Node::new(read(name))
}

/// Two nodes, one cable, with MAC and MTU.
pub fn pair() -> Topology {
    let a = Interface {
        mac: Some(read("02:00:00:00:00:01")),
        mtu: Some(1400),
        ..end("left:veth3", &["192.168.10.1/24"])
    };
    let b = Interface { up: false, ..end("right:veth4", &["192.168.10.2/24", "fd00::2/64"]) };
    let right = Node { lo: false, ..node("right") };
    let about = "Two namespaces, one cable.\nThe right end stays down.";
    lab("pair", about, vec![node("left"), right], vec![Link { a, b }], vec![])
}

/// A router between two nodes, with all that decides where a packet goes.
pub fn routing() -> Topology {
    let mut r = Node { kind: NodeKind::Router, ..node("r") };
    r.sysctls = vec![
        sysctl("net.ipv4.conf.default.rp_filter", "0"),
        sysctl("net.ipv4.conf.r1.log_martians", "1"),
        sysctl("net.ipv4.ip_local_port_range", "32768 60999"),
    ];
    r.neighbours = vec![
        Neighbour { dev: read("r0"), to: read("10.0.0.9"), mac: read("02:00:00:00:00:09") },
        Neighbour { dev: read("r0"), to: read("fd00::9"), mac: read("02:00:00:00:00:09") },
    ];
    r.routes = vec![
        Route { metric: Some(50), table: Some(100), ..via("10.9.0.0/16", "10.0.0.2") },
        Route::of_kind(RouteKind::Blackhole, read("10.1.2.2/32")),
        Route { metric: Some(7), ..Route::of_kind(RouteKind::Prohibit, read("fd09::/64")) },
        Route::of_kind(RouteKind::Unreachable, read("172.16.0.0/12")),
        Route {
            dev: Some(read("r1")),
            src: Some(read("10.0.1.1")),
            onlink: true,
            ..via("10.8.0.0/16", "192.0.2.1")
        },
        Route { dev: Some(read("r1")), ..Route::of_kind(RouteKind::Unicast, read("10.7.0.0/16")) },
    ];
    let table = |number| RuleAction::Table(number);
    r.rules = vec![
        Rule {
            from: Some(read("10.0.0.0/24")),
            priority: Some(100),
            ..Rule::new(Family::Ipv4, table(100))
        },
        Rule {
            not: true,
            to: Some(read("fd00::/64")),
            iif: Some(read("r0")),
            oif: Some(read("r1")),
            priority: Some(5),
            ..Rule::new(Family::Ipv6, RuleAction::Prohibit)
        },
        Rule {
            fwmark: Some(Mark { mark: 1, mask: 0xff }),
            ..Rule::new(Family::Ipv4, RuleAction::Blackhole)
        },
        Rule {
            fwmark: Some(Mark { mark: 2, mask: u32::MAX }),
            ..Rule::new(Family::Ipv4, RuleAction::Unreachable)
        },
        Rule {
            fwmark: Some(Mark { mark: 0, mask: u32::MAX }),
            to: Some(read("0.0.0.0/0")),
            ..Rule::new(Family::Ipv4, table(TABLE_MAIN))
        },
        Rule { priority: Some(9), ..Rule::new(Family::Ipv6, table(1000)) },
    ];
    let a = Node {
        routes: vec![
            via("0.0.0.0/0", "10.0.0.1"),
            Route { dev: Some(read("a0")), ..via("::/0", "fe80::1") },
        ],
        ..node("a")
    };
    let r0 = Interface {
        mac: Some(read("02:00:00:00:00:01")),
        sysctls: vec![knob("ipv4.accept_local", "1"), knob("ipv6.neigh.retrans_time_ms", "500")],
        ..end("r:r0", &["10.0.0.1/24", "10.0.0.100/24", "fd00::1/64"])
    };
    let links = vec![
        Link { a: end("a:a0", &["10.0.0.2/24", "fd00::2/64"]), b: r0 },
        Link { a: end("r:r1", &["10.0.1.1/24"]), b: end("b:b0", &["10.0.1.2/24"]) },
    ];
    lab("routing", "", vec![a, r, node("b")], links, vec![])
}

/// A bridge with ports of every sort: ends of cables, one of them in the same node, and TAPs.
pub fn bridge() -> Topology {
    let br0 = Bridge {
        interface: Interface {
            mac: Some(read("02:00:00:00:00:aa")),
            mtu: Some(1400),
            ..end("sw:br0", &["10.0.0.254/24"])
        },
        stp: true,
        ageing: Some(Span(Duration::from_secs(10))),
        forward_delay: Some(Span(Duration::from_millis(2500))),
        priority: Some(4096),
        multicast_snooping: Some(false),
    };
    let sw = Node {
        kind: NodeKind::Bridge,
        bridges: vec![br0, Bridge::new(place("sw:br.1"))],
        ..node("sw")
    };
    let port = PortAttributes {
        isolated: Some(true),
        hairpin: Some(true),
        learning: Some(false),
        flood: Some(false),
        mcast_flood: Some(false),
        bcast_flood: Some(false),
        guard: Some(true),
        root_block: Some(true),
        neigh_suppress: Some(true),
        cost: Some(10),
        priority: Some(3),
    };
    let of = |bridge: &str| Some(read(bridge));
    let p1 = Interface { master: of("br0"), port, ..end("sw:p1", &[]) };
    let quiet = PortAttributes { isolated: Some(false), ..PortAttributes::default() };
    let t0 = Interface {
        master: of("br.1"),
        port: quiet,
        mac: Some(read("02:00:00:00:00:0a")),
        mtu: Some(1300),
        ..end("sw:t0", &[])
    };
    let odd =
        Interface { sysctls: vec![knob("ipv4.rp_filter", "2")], ..end("sw:a.b", &["10.0.2.1/24"]) };
    let odder = Interface {
        sysctls: vec![knob("ipv4.rp_filter", "2")],
        ..end("sw:up=1~", &["10.0.3.1/24"])
    };
    let links = vec![Link { a: p1, b: end("h1:e0", &["10.0.0.1/24"]) }, Link { a: odd, b: odder }];
    let taps = vec![
        Tap { interface: t0, mode: TapMode::Tap },
        Tap { interface: end("h1:tun0", &["10.0.4.1/30"]), mode: TapMode::Tun },
    ];
    lab("bridge", "Ports of every sort.", vec![sw, node("h1")], links, taps)
}

/// A router with a firewall of both sorts.
pub fn firewall() -> Topology {
    let mut r = Node { kind: NodeKind::Router, ..node("r") };
    r.firewall = Firewall {
        masquerade: vec![read("wan")],
        dnat: vec![Dnat {
            iif: Some(read("wan")),
            protocol: Protocol::Tcp,
            dport: 80,
            to: read("10.0.0.2:8080"),
        }],
        policy: Policies { forward: Some(Verdict::Drop), ..Policies::default() },
        filters: vec![
            Filter { established: true, ..Filter::new(Chain::Forward, Verdict::Accept) },
            Filter {
                iif: Some(read("lan")),
                protocol: Some(Protocol::Tcp),
                dport: Some(443),
                comment: Some("the guests' web".to_owned()),
                ..Filter::new(Chain::Forward, Verdict::Accept)
            },
        ],
        ruleset: Some("table ip own {\n  # it's $free\n}".to_owned()),
    };
    let links = vec![
        Link { a: end("r:lan", &["10.0.0.1/24"]), b: end("a:a0", &["10.0.0.2/24"]) },
        Link { a: end("r:wan", &["192.0.2.1/24"]), b: end("b:b0", &["192.0.2.2/24"]) },
    ];
    lab("firewall", "", vec![node("a"), r, node("b")], links, vec![])
}
