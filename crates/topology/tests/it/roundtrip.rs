//! A lab as a file and back, and the builder beside the file.

use std::path::Path;

use proptest::prelude::*;
use twinax_topology::arbitrary::{self, Config};
use twinax_topology::builder::*;
use twinax_topology::{
    Action, Chain, Family, LabStep, Listener, PacketKind, Protocol, Removed, Restart, Spot, Told,
    Topology, Verdict, Way, Whose, parse, parse_step_for,
};

fn again(lab: &Topology) -> (String, Topology) {
    let text = lab.to_toml();
    match parse(&text, "written.toml") {
        Ok(again) => (text, again),
        Err(wrong) => panic!("the writer wrote no lab:{wrong:?}\n{text}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn a_lab_comes_back_from_its_file(lab in arbitrary::topology(Config::ALL)) {
        let (text, again) = again(&lab);
        prop_assert_eq!(&again, &lab, "{}", text);
    }

    #[test]
    fn a_lab_without_extras_comes_back_too(lab in arbitrary::topology(Config::default())) {
        let (text, again) = again(&lab);
        prop_assert_eq!(&again, &lab, "{}", text);
        prop_assert!(lab.taps.is_empty() && lab.steps.is_empty());
    }

    /// The file could have declared what its steps add, and no rule differs: until something is
    /// removed.
    #[test]
    fn what_is_added_could_have_been_there(lab in arbitrary::topology(Config::ALL)) {
        let mut whole = Topology { steps: Vec::new(), ..lab.clone() };
        let as_made = whole.clone();
        let mut added = Vec::new();
        for step in &lab.steps {
            match &step.action {
                Action::Add(addition) => {
                    whole.add(addition);
                    added.extend(addition.nodes.iter().map(|node| {
                        Removed::Spot(Spot { node: node.name.clone(), interface: None })
                    }));
                }
                Action::Remove(_) => break,
                _ => {}
            }
        }
        let (text, again) = again(&whole);
        prop_assert_eq!(&again, &whole, "{}", text);
        whole.remove(&added);
        prop_assert_eq!(&whole, &as_made);
    }

    /// A step of a lab, as it stands in the file, is a step by itself.
    #[test]
    fn a_step_comes_back_from_its_table(lab in arbitrary::topology(Config::ALL)) {
        for step in &lab.steps {
            let alone = Topology { steps: vec![step.clone()], ..lab.clone() };
            let text = alone.to_toml();
            let (_, body) = text.rsplit_once("[[step]]\n").unwrap();
            let body = body.replace("[step.", "[");
            prop_assert_eq!(&parse_step_for(&body, &lab.nodes).unwrap(), step, "{}", body);
        }
    }

    #[test]
    fn every_text_comes_back(about in arbitrary::text(), say in arbitrary::text()) {
        let lab = Lab::new("t").about(&about).node(node("n").listen(80, &say)).build().unwrap();
        prop_assert_eq!(&lab.about, &about);
        prop_assert_eq!(&lab.nodes[0].listeners, &[Listener::Tcp { port: 80, say }]);
    }
}

/// The random labs must not be so tame that they prove nothing.
#[test]
fn random_labs_have_everything() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy = arbitrary::topology(Config::ALL);
    let labs: Vec<Topology> =
        (0..600).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect();
    let count = |has: &dyn Fn(&Topology) -> bool| labs.iter().filter(|lab| has(lab)).count();
    let node = |has: fn(&twinax_topology::Node) -> bool| {
        count(&move |lab: &Topology| lab.nodes.iter().any(has))
    };
    let step = |has: fn(&LabStep) -> bool| count(&move |lab: &Topology| lab.steps.iter().any(has));
    let numbers = [
        ("gateways", node(|n| n.routes.iter().any(|r| r.via.is_some_and(|g| g.is_ipv4())))),
        ("IPv6 gateways", node(|n| n.routes.iter().any(|r| r.via.is_some_and(|g| g.is_ipv6())))),
        ("rules", node(|n| !n.rules.is_empty())),
        ("neighbours", node(|n| !n.neighbours.is_empty())),
        ("bridges", node(|n| n.bridges.len() > 1)),
        ("firewalls", node(|n| n.firewall.has_words())),
        ("rulesets", node(|n| n.firewall.ruleset.is_some())),
        ("commands", node(|n| !n.commands.is_empty())),
        ("restarts", node(|n| n.commands.iter().any(|c| c.restart != Restart::Never))),
        ("ports", count(&|lab| lab.links.iter().any(|link| !link.a.port.is_empty()))),
        ("taps", count(&|lab| !lab.taps.is_empty())),
        ("changes", step(|s| matches!(s.action, Action::Change(_)))),
        (
            "added bridges",
            step(
                |s| matches!(&s.action, Action::Add(a) if a.nodes.iter().any(|n| !n.bridges.is_empty())),
            ),
        ),
        ("added taps", step(|s| matches!(&s.action, Action::Add(a) if !a.taps.is_empty()))),
        (
            "removed links",
            step(
                |s| matches!(&s.action, Action::Remove(r) if matches!(&r[0], Removed::Spot(s) if s.interface.is_some())),
            ),
        ),
        ("wires", count(&|lab| !lab.wires.is_empty())),
        ("added wires", step(|s| matches!(&s.action, Action::Add(a) if !a.wires.is_empty()))),
        (
            "removed wires",
            step(|s| matches!(&s.action, Action::Remove(r) if matches!(r[0], Removed::Wire(_)))),
        ),
        ("removed nodes", step(|s| matches!(&s.action, Action::Remove(_)))),
        ("pings", step(|s| matches!(s.action, Action::Ping(..)))),
        ("traceroutes", step(|s| matches!(s.action, Action::Traceroute(..)))),
        ("connections", step(|s| matches!(s.action, Action::Tcp(..)))),
        ("runs", step(|s| matches!(s.action, Action::Run(..)))),
        ("looks", step(|s| matches!(s.action, Action::Look(..)))),
        ("matrices", step(|s| matches!(s.action, Action::Reach(_)))),
        ("packets to be seen", step(|s| !s.packets.seen.is_empty())),
        ("packets not to be seen", step(|s| !s.packets.unseen.is_empty())),
        ("packets in an order", step(|s| s.packets.in_order)),
        ("answers", step(|s| s.packets.seen.iter().any(|seen| seen.answers))),
        (
            "addresses said by whose they are",
            step(|s| s.packets.seen.iter().any(|s| matches!(s.packets.from, Some(Whose::Spot(_))))),
        ),
    ];
    for (what, number) in numbers {
        assert!(number >= 20, "of 600 random labs only {number} have {what}");
    }
}

#[test]
fn the_shipped_labs_come_back() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../labs");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let lab = twinax_topology::read(&path).unwrap();
            let (text, again) = again(&lab);
            assert_eq!(again, lab, "{}:\n{text}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 0);
}

/// The text is the one that a person would have written.
#[test]
fn defaults_are_not_written() {
    let by_hand = r#"name = "small"
about = """
Two hosts on a switch.
The switch is one bridge.
"""

[node.h1]
[node."h2.example"]
route = { to = "default", via = "10.0.0.1" }

[node.sw]
kind = "bridge"

[[link]]
a = { at = "h1:e0", ip = "10.0.0.1/24" }
b = "sw:p1"

[[link]]
a = { at = "h2.example:e0", ip = ["10.0.0.2/24", "fd00::2/64"] }
b = { at = "sw:p2", port = { isolated = true } }

[[step]]
ping = { from = "h1", to = "10.0.0.2" }
expect = { received = 1 }
"#;
    assert_eq!(parse(by_hand, "by hand").unwrap().to_toml(), by_hand);
}

/// A long table gets a header of its own, a list that is too long takes several lines.
#[test]
fn long_things_take_several_lines() {
    let by_hand = r#"name = "long"

[node.r]
kind = "router"
route = [
  { to = "10.1.0.0/16", via = "10.0.0.2", metric = 5 },
  { to = "10.2.0.0/16", via = "10.0.0.2", table = "main" },
  { kind = "unreachable", to = "10.3.0.0/16" },
]

[node.r.firewall]
nft = """
table inet demo {
}
"""

[node.r.bridge.br7]
ip = "10.7.0.1/24"
stp = true

[[link]]

[link.a]
at = "r:uplink"
ip = ["10.0.0.1/24", "fd00::1/64"]
mac = "02:00:00:00:00:01"
mtu = 1400
sysctl = { "ipv4.rp_filter" = 2 }

[link.b]
at = "r:other"
up = false
master = "br7"
"#;
    let lab = parse(by_hand, "by hand").unwrap();
    let text = lab.to_toml();
    assert_eq!(parse(&text, "written").unwrap(), lab, "{text}");
    assert_eq!(text, by_hand);
}

fn same(built: &Lab, by_hand: &str) {
    let from_file = parse(by_hand, "by hand").unwrap();
    assert_eq!(built.build().unwrap(), from_file, "{}", built.to_toml());
}

#[test]
fn the_builder_makes_hosts_routers_and_bridges() {
    let built = Lab::new("routers")
        .about("two hosts, a router, a switch")
        .node(
            node("left")
                .sysctl("net.ipv4.ip_default_ttl", 32)
                .route(route("default").via("10.0.1.254"))
                .route(blackhole("10.9.0.0/16").metric(9).table(100))
                .rule(rule().from("10.8.0.0/16").priority(7).table("main"))
                .rule(rule().fwmark("0x1/0xff").family(Family::Ipv6).inverted().kind("prohibit"))
                .neigh(neighbour("e0", "10.0.1.9", "02:00:00:00:00:09"))
                .lo_down(),
        )
        .node(router("r").listen(80, "I am r"))
        .node(bridge("sw").bridge(
            bridge_device("br0").stp(true).ageing("30s").priority(4096).ip("10.0.1.253/24").down(),
        ))
        .link(
            end("left:e0").ip("10.0.1.1/24").ip("fd00:1::1/64").mac("02:00:00:00:00:01").mtu(1400),
            "sw:p1",
        )
        .link(
            end("r:e1").ip("10.0.1.254/24").sysctl("ipv4.accept_local", true),
            end("sw:p2").port(port().isolated(true).cost(10)).down(),
        )
        .link(end("sw:free").no_master(), end("r:e2").ip("10.0.2.254/24"));
    same(
        &built,
        r#"
name = "routers"
about = "two hosts, a router, a switch"
[node.left]
lo = false
sysctl = { "net.ipv4.ip_default_ttl" = 32 }
neigh = { dev = "e0", to = "10.0.1.9", mac = "02:00:00:00:00:09" }
[[node.left.route]]
to = "default"
via = "10.0.1.254"
[[node.left.route]]
to = "10.9.0.0/16"
kind = "blackhole"
metric = 9
table = 100
[[node.left.rule]]
from = "10.8.0.0/16"
priority = 7
table = "main"
[[node.left.rule]]
fwmark = "0x1/0xff"
family = "ipv6"
not = true
kind = "prohibit"
[node.r]
kind = "router"
listen = { tcp = 80, say = "I am r" }
[node.sw]
kind = "bridge"
[node.sw.bridge.br0]
stp = true
ageing = "30s"
priority = 4096
ip = "10.0.1.253/24"
up = false
[[link]]
a = { at = "left:e0", ip = ["10.0.1.1/24", "fd00:1::1/64"], mac = "02:00:00:00:00:01", mtu = 1400 }
b = "sw:p1"
[[link]]
a = { at = "r:e1", ip = "10.0.1.254/24", sysctl = { "ipv4.accept_local" = 1 } }
b = { at = "sw:p2", up = false, port = { isolated = true, cost = 10 } }
[[link]]
a = { at = "sw:free", master = false }
b = { at = "r:e2", ip = "10.0.2.254/24" }
"#,
    );
}

#[test]
fn the_builder_makes_firewalls_commands_and_taps() {
    let built = Lab::new("gate")
        .node(
            node("gate")
                .firewall(
                    firewall()
                        .masquerade("wan")
                        .policy(Chain::Forward, Verdict::Drop)
                        .filter(filter(Chain::Forward, Verdict::Accept).established())
                        .filter(
                            filter(Chain::Forward, Verdict::Reject)
                                .oif("wan")
                                .to("10.1.2.2")
                                .protocol(Protocol::Tcp)
                                .dport(80)
                                .comment("guests"),
                        )
                        .dnat(dnat(Protocol::Tcp, 80, "10.0.0.2:8080").iif("wan"))
                        .nft("table ip demo {\n}\n"),
                )
                .run(command("web", "python3 -m http.server 80").ready("tcp:80").timeout("20s"))
                .run(command("plain", ["sleep", "10"]).restart(Restart::Always).stop("500ms")),
        )
        .node(node("out"))
        .link("gate:wan", "out:e0")
        .tap(tap("gate:tap0").ip("10.0.0.1/24"))
        .tap(tap("gate:tap1"))
        .wire("gate:tap0", "gate:tap1")
        .tap(tun("gate:tun0").down());
    same(
        &built,
        r#"
name = "gate"
[node.gate]
run = [
  { name = "web", cmd = "python3 -m http.server 80", ready = "tcp:80", timeout = "20s" },
  { name = "plain", cmd = ["sleep", "10"], restart = "always", stop = "500ms" },
]
[node.gate.firewall]
masquerade = "wan"
policy = { forward = "drop" }
filter = [
  { chain = "forward", verdict = "accept", established = true },
  { chain = "forward", verdict = "reject", oif = "wan", to = "10.1.2.2", protocol = "tcp", dport = 80, comment = "guests" },
]
dnat = [{ iif = "wan", protocol = "tcp", dport = 80, to = "10.0.0.2:8080" }]
nft = """
table ip demo {
}
"""
[node.out]
[[link]]
a = "gate:wan"
b = "out:e0"
[[tap]]
at = "gate:tap0"
ip = "10.0.0.1/24"
[[tap]]
at = "gate:tap1"
[[tap]]
at = "gate:tun0"
mode = "tun"
up = false
[[wire]]
a = "gate:tap0"
b = "gate:tap1"
"#,
    );
}

#[test]
fn the_builder_makes_steps() {
    let built = Lab::new("steps")
        .node(node("a").sysctl("net.ipv4.ip_default_ttl", "32"))
        .node(node("b").listen(8080, "hello").echo(7))
        .link(end("a:e0").ip("10.0.0.1/24"), end("b:e0").ip("10.0.0.2/24"))
        .tap(tap("a:tap0"))
        .step(
            ping("a:e0", "b:e0")
                .count(3)
                .interval(std::time::Duration::from_millis(20))
                .ttl(5)
                .size(1400)
                .dont_fragment()
                .about("they reach each other")
                .expect(received(3))
                .expect(lost(0))
                .expect(seen("b:e0", PacketKind::IcmpEchoRequest).from("a").ttl(5).count(3))
                .expect(
                    seen("a:e0", PacketKind::IcmpEchoReply).at("b").answers().count(1..=3).vlan(7),
                )
                .expect(
                    unseen("a:lo", PacketKind::Any)
                        .to("10.0.0.0/24")
                        .from_mac("a:e0")
                        .to_mac("ff:ff:ff:ff:ff:ff")
                        .direction(Way::In),
                )
                .expect(unseen("b", PacketKind::Udp).port(1).from_port(1).to_port(2))
                .expect(in_order())
                .expect(within("2s")),
        )
        .step(ping("a", "10.0.0.9").expect(told(Told::HostUnreachable)))
        .step(traceroute("a", "b").max_hops(3).expect(hops(["10.0.0.2"])).expect(reachable(true)))
        .step(
            traceroute("a", "b")
                .by_udp()
                .port(40_000)
                .probes(3)
                .expect(hops(["*".into(), one_of(["10.0.0.9", "a"]), "b:e0".into()]))
                .expect(told(Told::Filtered)),
        )
        .step(
            udp("a", "b", 7)
                .source_port(9)
                .count(2)
                .size(8)
                .ttl(3)
                .timeout("2s")
                .expect(reachable(true)),
        )
        .step(tcp("a", "b", 8080).timeout("2s").expect(said(text().is("hello").lacks("bye"))))
        .step(run("a", ["ip", "addr"]).expect(exit(0)).expect(stdout("10.0.0.1")))
        .step(
            change(at("a:e0").mtu(1400).add_ip("10.0.0.7/24").sysctl("ipv4.rp_filter", 0))
                .then(at("a").add_route(blackhole("10.5.0.0/16")).sysctl("net.ipv4.ip_forward", 1))
                .then(at("a:tap0").move_to("b")),
        )
        .step(
            look("a:e0")
                .expect(is_up(true))
                .expect(addresses(["10.0.0.1/24", "10.0.0.7/24"]))
                .expect(lacks(facts().ip("10.0.0.8/24"))),
        )
        .step(look("b").expect(has(facts().interface("tap0").sysctl("net.ipv4.ip_forward", 0))))
        .step(reach().group(["a", "b"]).timeout("500ms"))
        .step(
            add()
                .node(bridge("sw").bridge(bridge_device("br7").stp(true)))
                .node(node("c").route(route("default").via("10.9.0.1")))
                .link(end("c:e0").ip("10.9.0.3/24"), "sw:p3")
                .link("a:e1", "sw:p1")
                .tap(tap("b:tap1").ip("10.8.0.1/24"))
                .wire("b:tap1", "b:tap0")
                .about("a switch and a host"),
        )
        .step(
            remove(["c", "a:e1"]).about("and away").expect(seen("c", PacketKind::Icmp6).count(2..)),
        );
    same(
        &built,
        r#"
name = "steps"
[node.a]
sysctl = { "net.ipv4.ip_default_ttl" = 32 }
[node.b]
listen = [{ tcp = 8080, say = "hello" }, { udp = 7 }]
[[link]]
a = { at = "a:e0", ip = "10.0.0.1/24" }
b = { at = "b:e0", ip = "10.0.0.2/24" }
[[tap]]
at = "a:tap0"
[[step]]
about = "they reach each other"
ping = { from = "a:e0", to = "b:e0", count = 3, interval = "20ms", ttl = 5, size = "1400B", dont_fragment = true }
[step.expect]
received = 3
lost = 0
in_order = true
within = "2s"
seen = [
  { at = "b:e0", packet = "icmp echo request", from = "a", ttl = 5, count = 3 },
  { at = ["a:e0", "b"], packet = "icmp echo reply", answers = true, count = "1..3", vlan = 7 },
]
unseen = [
  { at = "a:lo", packet = "any", to = "10.0.0.0/24", from_mac = "a:e0", to_mac = "ff:ff:ff:ff:ff:ff", direction = "in" },
  { at = "b", packet = "udp", port = 1, from_port = 1, to_port = 2 },
]
[[step]]
ping = { from = "a", to = "10.0.0.9", timeout = "5s" }
expect = { told = "Destination Host Unreachable" }
[[step]]
traceroute = { from = "a", to = "b", max_hops = 3 }
expect = { hops = "10.0.0.2", reachable = true }
[[step]]
traceroute = { from = "a", to = "b", method = "udp", port = 40000, probes = 3 }
expect = { hops = ["*", ["10.0.0.9", "a"], "b:e0"], told = "Packet filtered" }
[[step]]
udp = { from = "a", to = "b", port = 7, source_port = 9, count = 2, size = "8B", ttl = 3, timeout = "2s" }
expect = { reachable = true }
[[step]]
tcp = { from = "a", to = "b", port = 8080, timeout = "2s" }
expect = { said = { is = "hello", lacks = "bye" } }
[[step]]
run = { at = "a", cmd = ["ip", "addr"] }
expect = { exit = 0, stdout = "10.0.0.1" }
[[step]]
change = [
  { at = "a:e0", sysctl = { "ipv4.rp_filter" = 0 }, add_ip = "10.0.0.7/24", mtu = 1400 },
  { at = "a", add_route = { to = "10.5.0.0/16", kind = "blackhole" }, sysctl = { "net.ipv4.ip_forward" = 1 } },
  { at = "a:tap0", move = "b" },
]
[[step]]
look = "a:e0"
expect = { up = true, ip = ["10.0.0.1/24", "10.0.0.7/24"], lacks = { ip = "10.0.0.8/24" } }
[[step]]
look = "b"
expect = { has = { interface = "tap0", sysctl = { "net.ipv4.ip_forward" = 0 } } }
[[step]]
reach = { groups = [["a", "b"]], timeout = "500ms" }
[[step]]
about = "a switch and a host"
add.node.sw = { kind = "bridge", bridge.br7.stp = true }
add.node.c.route = { to = "default", via = "10.9.0.1" }
add.tap = { at = "b:tap1", ip = "10.8.0.1/24" }
add.wire = { a = "b:tap1", b = "b:tap0" }
[[step.add.link]]
a = { at = "c:e0", ip = "10.9.0.3/24" }
b = { at = "sw:p3", master = "br7" }
[[step.add.link]]
a = "a:e1"
b = "sw:p1"
[[step]]
about = "and away"
remove = ["c", "a:e1"]
expect.seen = { at = "c", packet = "icmp6", count = "2.." }
"#,
    );
}

#[test]
fn the_builder_says_all_that_is_wrong_at_once() {
    let wrong = Lab::new("wrong")
        .node(node("left"))
        .node(node("right"))
        .link(end("left:e0").ip("10.0.0.1"), end("rigth:e0").mtu(1))
        .step(ping("left", "right").timeout("3").expect(exit(0)))
        .build()
        .unwrap_err();
    let said = wrong.to_string();
    for part in ["rigth", "did you mean `right`", "10.0.0.1/24", "68", "3s", "belongs to a command"]
    {
        assert!(said.contains(part), "nothing of {part:?} in:\n{said}");
    }
    assert!(wrong.diagnostics().count() >= 5, "{said}");
}

#[test]
fn the_builder_takes_a_name_once() {
    let wrong = Lab::new("twice").node(node("a")).node(node("a")).build().unwrap_err();
    assert!(wrong.to_string().contains("said twice"), "{wrong}");
}
