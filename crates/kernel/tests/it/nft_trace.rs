//! Traces: what nf_tables does with a probe, and with nothing else.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsFd as _;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use twinax_kernel::message::{self, Manner};
use twinax_kernel::nft::trace::{Kind, Probe, Protocol, TraceEvent, Tracer, Verdict};
use twinax_kernel::nft::{Family, Hook, base_chains, load, tables};
use twinax_kernel::{Netns, icmp, tcp};
use twinax_plan::Device;
use twinax_topology::{Bridge, Place};

use crate::nft::{has_nft, nft};
use crate::nodes::{change, in_new, other};

const LOCAL: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// Runs in a namespace in which nothing is but a loopback device that is up, and this ruleset.
fn with(name: &str, ruleset: &str, run: impl FnOnce() + Send) {
    if !has_nft(name) {
        return;
    }
    in_new(|_| {
        change(|rtnl| rtnl.set_up("lo", true));
        load(None, ruleset).expect("nft takes the text");
        run();
    });
}

fn arm(probe: Probe) -> Tracer {
    Tracer::arm(&[probe]).expect("the kernel traces").expect("there are tables")
}

/// What is told until such an event has come, that one included.
fn until(tracer: &mut Tracer, last: impl Fn(&TraceEvent) -> bool) -> Vec<TraceEvent> {
    let mut all = Vec::new();
    loop {
        let bound = Timespec { tv_sec: 10, tv_nsec: 0 };
        let ready =
            poll(&mut [PollFd::from_borrowed_fd(tracer.as_fd(), PollFlags::IN)], Some(&bound));
        assert_eq!(ready, Ok(1), "it has not come: {all:#?}");
        all.extend(tracer.events().expect("events can be read"));
        if all.iter().any(&last) {
            assert!(!tracer.lost());
            return all;
        }
    }
}

/// An event as `inet f in: rule drop`.
fn words(event: &TraceEvent) -> String {
    let kind = match event.kind {
        Kind::Rule => "rule",
        Kind::Return => "return",
        Kind::Policy => "policy",
    };
    let TraceEvent { family, table, chain, verdict, .. } = event;
    format!("{family} {table} {chain}: {kind} {verdict}")
}

fn all_words(events: &[TraceEvent]) -> Vec<String> {
    events.iter().map(words).collect()
}

fn send(bytes: &[u8], port: u16) {
    let socket = UdpSocket::bind((LOCAL, 0)).expect("a socket");
    socket.send_to(bytes, (LOCAL, port)).expect("lo takes it");
}

/// The handle of the rule in whose line this is, as `nft` says it.
fn handle(of: &str) -> Option<u64> {
    let listed = nft(&["-a", "list", "ruleset"]);
    let line = listed.lines().find(|line| line.contains(of)).expect("there is such a rule");
    line.rsplit_once("# handle ").expect("it has a handle").1.parse().ok()
}

#[test]
fn a_rule_that_drops_is_named_and_only_the_probe_is_traced() {
    let ruleset = "\
table inet f {
    chain web {
        tcp dport 80 accept
        udp dport 7 return
        counter
    }
    chain in {
        type filter hook input priority 0; policy drop;
        ip saddr 127.0.0.0/8 jump web
        udp dport 9 drop comment \"guests\"
    }
}
table ip other {
    chain out {
        type filter hook output priority 0; policy accept;
    }
}
";
    with("a_rule_that_drops_is_named_and_only_the_probe_is_traced", ruleset, || {
        let mut tracer = arm(Probe::new(Protocol::Udp).with(8, *b"a nonce of more than sixteen"));
        send(b"a nonce of more than fifteen", 9);
        send(b"a nonce of more than sixteen bytes", 9);
        send(b"a nonce", 9);
        let events = until(&mut tracer, |event| event.verdict == Verdict::Drop);
        let expected = [
            "ip other out: policy accept",
            "inet f in: rule jump web",
            "inet f web: rule continue",
            "inet f web: return continue",
            "inet f in: rule drop",
        ];
        assert_eq!(all_words(&events), expected);
        let places: Vec<_> =
            events.iter().map(|event| (event.hook, &event.iif, &event.oif)).collect();
        let lo = Some("lo".to_owned());
        assert_eq!(places[0], (Some(Hook::Output), &None, &lo));
        for place in &places[1..] {
            assert_eq!(*place, (Some(Hook::Input), &lo, &None));
        }
        let handles: Vec<_> = events.iter().map(|event| event.rule_handle).collect();
        let of = |text| handle(text);
        assert_eq!(handles, [None, of("jump web"), of("counter"), None, of("guests")]);
        for event in &events {
            // RFC 791, 3.1: addresses; RFC 768: ports, and the data behind them.
            assert_eq!(event.headers.network[12..20], [127, 0, 0, 1, 127, 0, 0, 1]);
            assert_eq!(event.headers.transport[2..4], [0, 9]);
            assert_eq!(event.headers.transport[8..], b"a nonce of more than sixteen"[..12]);
        }
        // The next one, which meets the policy.
        send(b"a nonce of more than sixteen bytes", 7);
        let events = until(&mut tracer, |event| event.verdict == Verdict::Drop);
        let expected = [
            "ip other out: policy accept",
            "inet f in: rule jump web",
            "inet f web: rule return",
            "inet f in: policy drop",
        ];
        assert_eq!(all_words(&events), expected);
    });
}

#[test]
fn the_mark_is_told_and_who_has_the_way_asked_for_again() {
    let ruleset = "\
table inet f {
    chain out {
        type route hook output priority 0; policy accept;
        udp dport 9 counter
        udp dport 9 meta mark set 7
    }
    chain in {
        type filter hook input priority 0; policy accept;
    }
}
";
    with("the_mark_is_told_and_who_has_the_way_asked_for_again", ruleset, || {
        let mut tracer = arm(Probe::new(Protocol::Udp).ports(None, Some(9)));
        send(b"anything", 9);
        let events = until(&mut tracer, |event| event.chain == "in");
        let told: Vec<_> = events
            .iter()
            .map(|event| (event.chain.as_str(), event.kind, event.mark, event.reroutes))
            .collect();
        let expected = [
            ("out", Kind::Rule, 0, true),
            ("out", Kind::Rule, 7, true),
            ("out", Kind::Policy, 7, true),
            ("in", Kind::Policy, 7, false),
        ];
        // Behind that is the error: nobody listens.
        assert_eq!(told[..4], expected);
    });
}

#[test]
fn where_nobody_has_a_table_there_is_no_tracer() {
    if !has_nft("where_nobody_has_a_table_there_is_no_tracer") {
        return;
    }
    in_new(|_| {
        let none = Tracer::arm(&[Probe::new(Protocol::Udp)]).expect("it can be asked");
        assert!(none.is_none());
        assert_eq!(tables().expect("they can be listed"), [""; 0]);
    });
}

#[test]
fn our_tables_go_with_the_tracer_and_nobody_elses_are_touched() {
    let ruleset = "\
table inet f {
    chain in {
        type filter hook input priority 0; policy accept;
        udp dport 9 drop
    }
}
table bridge b {
}
";
    with("our_tables_go_with_the_tracer_and_nobody_elses_are_touched", ruleset, || {
        let before = nft(&["-a", "list", "ruleset"]);
        let one = arm(Probe::new(Protocol::Udp));
        let two = arm(Probe::new(Protocol::Arp));
        let all = tables().expect("they can be listed");
        let of = |family: &str| all.iter().filter(|name| name.starts_with(family)).count();
        assert_eq!((of("inet "), of("arp "), of("bridge ")), (2, 1, 3), "{all:?}");
        // Others can't take it away.
        nft(&["flush", "ruleset"]);
        assert_eq!(tables().expect("they can be listed").len(), 4);
        drop(two);
        drop(one);
        assert_eq!(tables().expect("they can be listed"), [""; 0]);
        load(None, ruleset).expect("nft takes the text");
        let again = nft(&["list", "ruleset"]);
        let tracer = arm(Probe::new(Protocol::Icmp));
        assert_ne!(nft(&["list", "ruleset"]), again);
        drop(tracer);
        assert_eq!(nft(&["list", "ruleset"]), again);
        assert!(before.contains("udp dport 9 drop"));
    });
}

#[test]
fn an_error_about_the_probe_is_traced_and_answers_are() {
    let ruleset = "\
table inet f {
    chain out {
        type filter hook output priority 0; policy accept;
        icmp type destination-unreachable drop
        icmpv6 type destination-unreachable drop
        tcp flags rst drop
    }
}
";
    with("an_error_about_the_probe_is_traced_and_answers_are", ruleset, || {
        let mut tracer = arm(Probe::new(Protocol::Udp).with(8, *b"nonce"));
        for local in ["127.0.0.1", "::1"] {
            let local: IpAddr = local.parse().expect("an address");
            let socket = UdpSocket::bind((local, 0)).expect("a socket");
            socket.send_to(b"other", (local, 9)).expect("lo takes it");
            socket.send_to(b"nonce", (local, 9)).expect("lo takes it");
            let events = until(&mut tracer, |event| event.verdict == Verdict::Drop);
            let expected = ["inet f out: policy accept", "inet f out: rule drop"];
            assert_eq!(all_words(&events), expected, "{local}");
        }
        drop(tracer);
        // A reset comes from the port that was asked.
        let mut tracer = arm(Probe::new(Protocol::Tcp).ports(None, Some(9)));
        let _socket = tcp::connect(SocketAddr::new(LOCAL.into(), 9)).expect("it begins");
        let events = until(&mut tracer, |event| event.verdict == Verdict::Drop);
        assert_eq!(all_words(&events), ["inet f out: policy accept", "inet f out: rule drop"]);
    });
}

#[test]
fn an_echo_is_known_by_its_data() {
    let ruleset = "\
table ip f {
    chain in {
        type filter hook input priority 0; policy accept;
        icmp type echo-reply drop
    }
}
";
    with("an_echo_is_known_by_its_data", ruleset, || {
        let mut tracer = arm(Probe::new(Protocol::Icmp).with(8, *b"nonce"));
        let socket = icmp::socket(LOCAL.into(), &icmp::IcmpOptions::default()).expect("a socket");
        // RFC 792: type, code, checksum (RFC 1071), identifier, sequence number, data.
        let mut request = [&[8, 0, 0, 0, 0, 1, 0, 1][..], b"nonce."].concat();
        let pairs = request.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]));
        let sum: u32 = pairs.sum();
        let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
        request[2..4].copy_from_slice(&sum.to_be_bytes());
        let to = SocketAddr::new(LOCAL.into(), 0);
        message::send(&socket, &request, to, Manner::default()).expect("lo takes it");
        let events = until(&mut tracer, |event| event.verdict == Verdict::Drop);
        assert_eq!(all_words(&events), ["ip f in: policy accept", "ip f in: rule drop"]);
        assert_eq!(events[1].headers.transport[..2], [0, 0]);
    });
}

fn place(interface: &str) -> Place {
    let name = |text: &str| text.parse().expect("a name");
    Place { node: "node".parse().expect("a name"), interface: name(interface) }
}

fn device(interface: &str) -> Device {
    Device { place: place(interface), mac: None, mtu: None }
}

fn in_node<T: Send>(node: &Netns, run: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            node.enter().expect("it is there");
            run()
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[test]
fn arp_is_traced_on_a_device_on_a_bridge_and_where_it_is_taken() {
    let name = "arp_is_traced_on_a_device_on_a_bridge_and_where_it_is_taken";
    if !has_nft(name) {
        return;
    }
    let ruleset = "\
table netdev d {
    chain in {
        type filter hook ingress device \"far\" priority 0; policy accept;
    }
}
table bridge b {
    chain pre {
        type filter hook prerouting priority -300; policy accept;
        arp operation request accept
    }
}
table arp a {
    chain in {
        type filter hook input priority 0; policy accept;
        arp operation request drop
    }
}
";
    let there = other();
    in_new(|here| {
        change(|rtnl| {
            rtnl.add_veth((&device("near"), here), (&device("far"), &there))?;
            rtnl.add_address("near", "10.0.0.1/24".parse().expect("an address"))?;
            rtnl.set_up("near", true)
        });
        let mut tracer = in_node(&there, || {
            change(|rtnl| {
                rtnl.add_bridge(&Bridge::new(place("br")))?;
                rtnl.set_master("far", Some(&"br".parse().expect("a name")))?;
                rtnl.add_address("br", "10.0.0.2/24".parse().expect("an address"))?;
                rtnl.set_up("far", true)?;
                rtnl.set_up("br", true)
            });
            load(None, ruleset).expect("nft takes the text");
            // RFC 826: the target's protocol address is at byte 24.
            arm(Probe::new(Protocol::Arp).with(24, [10, 0, 0, 2]))
        });
        crate::nodes::settle();
        in_node(&there, crate::nodes::settle);
        let socket = UdpSocket::bind("10.0.0.1:0").expect("a socket");
        socket.send_to(b"", "10.0.0.3:9").expect("the kernel asks for its address");
        socket.send_to(b"", "10.0.0.2:9").expect("the kernel asks for its address");
        let events = until(&mut tracer, |event| event.verdict == Verdict::Drop);
        let expected =
            ["netdev d in: policy accept", "bridge b pre: rule accept", "arp a in: rule drop"];
        assert_eq!(all_words(&events), expected);
        let hooks: Vec<_> = events.iter().filter_map(|event| event.hook).collect();
        assert_eq!(hooks, [Hook::Ingress, Hook::Prerouting, Hook::Input]);
        let iif: Vec<_> = events.iter().filter_map(|event| event.iif.as_deref()).collect();
        assert_eq!(iif, ["far", "far", "br"]);
        assert!(events.iter().all(|event| event.headers.network[24..28] == [10, 0, 0, 2]));
    });
}

#[test]
fn base_chains_are_listed_as_nft_lists_them() {
    let ruleset = "\
table inet f {
    chain not_base {
    }
    chain in {
        type filter hook ingress device \"lo\" priority 5; policy accept;
    }
}
table ip6 n {
    chain post {
        type nat hook postrouting priority srcnat; policy accept;
    }
    chain out {
        type route hook output priority -150; policy drop;
    }
}
table netdev d {
    chain in {
        type filter hook ingress device \"lo\" priority -500; policy drop;
    }
}
table arp a {
    chain out {
        type filter hook output priority 0; policy accept;
    }
}
";
    with("base_chains_are_listed_as_nft_lists_them", ruleset, || {
        let mut found: Vec<String> = base_chains()
            .expect("they can be listed")
            .into_iter()
            .map(|chain| {
                let devices = chain.devices.join(",");
                format!(
                    "{} {} {} {} {} {} {} {devices}",
                    chain.family,
                    chain.table,
                    chain.name,
                    chain.kind,
                    chain.hook,
                    chain.priority,
                    chain.policy
                )
            })
            .collect();
        found.sort();
        let expected = [
            "arp a out filter output 0 accept ",
            "inet f in filter ingress 5 accept lo",
            "ip6 n out route output -150 drop ",
            "ip6 n post nat postrouting 100 accept ",
            "netdev d in filter ingress -500 drop lo",
        ];
        assert_eq!(found, expected);
        assert!(base_chains().expect("again").iter().any(|chain| chain.family == Family::Ip6));
    });
}

#[test]
fn what_a_translation_has_made_is_told() {
    let ruleset = "\
table ip n {
    chain out {
        type nat hook output priority -100; policy accept;
        udp dport 9 dnat to 127.0.0.2:10
    }
    chain in {
        type filter hook input priority 0; policy accept;
        udp dport 10 drop
    }
}
";
    with("what_a_translation_has_made_is_told", ruleset, || {
        let mut tracer = arm(Probe::new(Protocol::Udp));
        send(b"a nonce", 9);
        until(&mut tracer, |event| event.verdict == Verdict::Drop);
        let passed = tracer.passed();
        let ports: Vec<_> = passed
            .iter()
            .map(|own| {
                (own.iif.as_deref(), &own.before.transport[2..4], &own.after.transport[2..4])
            })
            .collect();
        let (nine, ten) = (&[0, 9][..], &[0, 10][..]);
        assert_eq!(ports, [(None, nine, ten), (Some("lo"), ten, ten)]);
        assert_eq!(passed[0].before.network[16..20], [127, 0, 0, 1]);
        assert_eq!(passed[0].after.network[16..20], [127, 0, 0, 2]);
        assert_eq!(tracer.passed(), []);
    });
}
