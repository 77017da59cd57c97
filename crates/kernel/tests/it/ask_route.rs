//! Which way a packet would take: what we are told is what `ip route get` is told.

use std::net::{IpAddr, SocketAddr};
use std::process::Command;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use twinax_kernel::ask::{self, Asked, RouteAnswer, RouteQuery};
use twinax_kernel::message::{self, Manner};
use twinax_kernel::{Error, Netns, sysctl, udp};
use twinax_plan::Device;
use twinax_topology::{Place, Sysctl};

use crate::nodes::{change, in_new, is_root, other, settle};

/// Whether the test can run: it needs root, and `ip` as a witness.
fn can(name: &str) -> bool {
    let has_ip = Command::new("ip").arg("-V").output().is_ok();
    if !has_ip {
        println!("skipped: {name}: needs ip");
    }
    has_ip && is_root(name)
}

/// A command of `ip`.
fn ip(arguments: &str) {
    let done = Command::new("ip").args(arguments.split_whitespace()).output().expect("ip is there");
    assert!(done.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&done.stderr));
}

fn set(key: &str, value: &str) {
    let (key, value) = (key.parse().expect("a sysctl"), value.to_owned());
    sysctl::set(&Sysctl { key, value }).expect("it can be set");
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// A question in few words: a destination, then each word of `ip route get` with its value.
fn query(words: &str) -> RouteQuery {
    let mut words = words.split_whitespace();
    let mut query = RouteQuery::to(address(words.next().expect("a destination")));
    while let (Some(word), Some(value)) = (words.next(), words.next()) {
        let number = || value.parse().expect("a number");
        match word {
            "from" => query.from = Some(address(value)),
            "iif" => query.iif = Some(value.to_owned()),
            "oif" => query.oif = Some(value.to_owned()),
            "mark" => query.mark = Some(number()),
            "tos" => query.tos = Some(value.parse().expect("a TOS")),
            "uid" => query.uid = Some(number()),
            "ipproto" => query.proto = Some(value.parse().expect("a protocol")),
            "sport" => query.source_port = Some(value.parse().expect("a port")),
            "dport" => query.destination_port = Some(value.parse().expect("a port")),
            other => panic!("`{other}`"),
        }
    }
    query
}

/// The answer, held against what `ip` says to the command that we have for the question.
fn ask(words: &str) -> Asked {
    let query = query(words);
    let asked = ask::route(&query).expect("an answer");
    let command = query.command();
    let mut arguments = command.split(' ');
    let said = Command::new(arguments.next().expect("ip")).args(arguments).output().expect("ip");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match &asked {
        Asked::Refused(refusal) => {
            let reason = std::io::Error::from_raw_os_error(refusal.errno.raw_os_error());
            let reason = reason.to_string();
            let reason = reason.split(" (os").next().expect("a sentence");
            let said = text(&said.stderr);
            assert!(said.contains(reason), "{command}: {said}, but we are told {reason}");
        }
        Asked::Route(answer) => {
            assert!(said.status.success(), "{command}: {}", text(&said.stderr));
            let said = text(&said.stdout);
            let words: Vec<&str> = said.split_whitespace().collect();
            let after = |word: &str| {
                words.iter().position(|w| *w == word).and_then(|at| words.get(at + 1)).copied()
            };
            let told = |value: &Option<IpAddr>| value.map(|value| value.to_string());
            assert_eq!(after("via"), told(&answer.via).as_deref(), "{said}");
            assert_eq!(after("dev"), answer.dev.as_deref(), "{said}");
            if query.from.is_none() {
                assert_eq!(after("src"), told(&answer.src).as_deref(), "{said}");
            }
            assert_eq!(after("mtu"), answer.mtu.map(|mtu| mtu.to_string()).as_deref(), "{said}");
            let is_kind = |word: &&str| word.starts_with(|c: char| c.is_ascii_lowercase());
            let kind = words.first().copied().filter(is_kind).filter(|w| !w.contains(':'));
            assert_eq!(kind.unwrap_or("unicast"), answer.kind, "{said}");
            if let Some(table) = after("table").filter(|table| *table != "local") {
                assert_eq!(table, answer.table.to_string(), "{said}");
            }
        }
    }
    asked
}

fn route(words: &str) -> RouteAnswer {
    match ask(words) {
        Asked::Route(answer) => answer,
        Asked::Refused(refusal) => panic!("{words}: {refusal}"),
    }
}

fn refused(words: &str) -> Errno {
    match ask(words) {
        Asked::Refused(refusal) => refusal.errno,
        Asked::Route(answer) => panic!("{words}: {answer:?}"),
    }
}

/// The answer in short: type, gateway, device.
fn short(answer: &RouteAnswer) -> String {
    let via = answer.via.map(|via| format!(" via {via}")).unwrap_or_default();
    let dev = answer.dev.as_deref().map(|dev| format!(" dev {dev}")).unwrap_or_default();
    format!("{}{via}{dev}", answer.kind)
}

fn device(interface: &str) -> Device {
    let name = |text: &str| text.parse().expect("a name");
    let place = Place { node: "node".parse().expect("a name"), interface: name(interface) };
    Device { place, mac: None, mtu: None }
}

/// In a namespace with a device `va` (10.0.0.1/24, 2001:db8::1/64) and `vb` (10.0.1.1/24,
/// 2001:db8:1::1/64), whose other ends are elsewhere.
fn with_two_devices(name: &str, run: impl FnOnce() + Send) {
    if !can(name) {
        return;
    }
    let there = other();
    in_new(|here| {
        in_it(here, &there, &[("va", 0), ("vb", 1)]);
        run();
    });
}

fn in_it(here: &Netns, there: &Netns, devices: &[(&str, u8)]) {
    change(|rtnl| {
        for (name, number) in devices {
            rtnl.add_veth((&device(name), here), (&device(name), there))?;
            rtnl.add_address(name, format!("10.0.{number}.1/24").parse().unwrap())?;
            rtnl.add_address(name, format!("2001:db8:{number}::1/64").parse().unwrap())?;
            rtnl.set_up(name, true)?;
        }
        rtnl.set_up("lo", true)
    });
    there.enter().expect("the other namespace");
    change(|rtnl| devices.iter().try_for_each(|(name, _)| rtnl.set_up(name, true)));
    here.enter().expect("the own namespace");
    settle();
}

#[test]
fn a_command_has_every_word() {
    let mut query =
        query("10.0.0.9 from 10.0.0.1 iif va oif vb uid 1000 ipproto 6 sport 1024 dport 80");
    (query.mark, query.tos) = (Some(26), Some(16));
    let command = "ip route get 10.0.0.9 from 10.0.0.1 iif va oif vb mark 0x1a tos 0x10 uid 1000 \
                   ipproto tcp sport 1024 dport 80";
    assert_eq!(query.command(), command);
    assert_eq!(RouteQuery::to(address("2001:db8::9")).command(), "ip route get 2001:db8::9");
}

#[test]
fn ways_and_the_routes_that_they_come_from() {
    with_two_devices("ways_and_the_routes_that_they_come_from", || {
        ip("route add 10.7.0.0/16 via 10.0.1.254 metric 40");
        ip("route add 2001:db8:7::/48 via 2001:db8:1::fe metric 40");
        for (to, way, table, src, from) in [
            ("10.0.0.9", "unicast dev va", 254, "10.0.0.1", "10.0.0.0/24"),
            ("10.7.1.1", "unicast via 10.0.1.254 dev vb", 254, "10.0.1.1", "10.7.0.0/16"),
            ("10.0.0.1", "local dev lo", 255, "10.0.0.1", "10.0.0.1/32"),
            ("127.0.0.9", "local dev lo", 255, "127.0.0.1", "127.0.0.0/8"),
            ("10.0.0.255", "broadcast dev va", 255, "10.0.0.1", "10.0.0.255/32"),
            ("2001:db8::9", "unicast dev va", 254, "2001:db8::1", "2001:db8::/64"),
            (
                "2001:db8:7::1",
                "unicast via 2001:db8:1::fe dev vb",
                254,
                "2001:db8:1::1",
                "2001:db8:7::/48",
            ),
            ("2001:db8::1", "local dev lo", 255, "2001:db8::1", "2001:db8::1/128"),
        ] {
            let answer = route(to);
            assert_eq!((short(&answer).as_str(), answer.table), (way, table), "{to}");
            assert_eq!(answer.src, Some(address(src)), "{to}");
            let [matched] = &answer.matched[..] else { panic!("{to}: {:?}", answer.matched) };
            assert_eq!((matched.to.to_string().as_str(), matched.table), (from, table), "{to}");
            assert_eq!((answer.mtu, answer.expires), (None, None));
        }
        assert_eq!(route("10.7.1.1").matched[0].metric, 40);
        assert_eq!(route("2001:db8:7::1").matched[0].protocol, "boot");

        let multicast = route("224.0.0.1 oif vb");
        assert_eq!(short(&multicast), "multicast dev vb");
        assert_eq!(short(&route("ff02::1 oif vb")), "multicast dev vb");
        let everybody = route("255.255.255.255 oif va");
        assert_eq!(short(&everybody), "broadcast dev va");
        assert!(everybody.matched.is_empty());
    });
}

#[test]
fn of_several_next_hops_one_is_taken_and_all_are_told() {
    with_two_devices("of_several_next_hops_one_is_taken_and_all_are_told", || {
        for (to, one, two) in [
            ("10.9.0.0/16", "10.0.0.254", "10.0.1.254"),
            ("2001:db8:9::/48", "2001:db8:0::2", "2001:db8:1::2"),
        ] {
            ip(&format!("route add {to} nexthop via {one} nexthop via {two}"));
            let within: ipnet::IpNet = to.parse().expect("a prefix");
            let answer = route(&within.addr().to_string().replace(".0.0", ".0.5"));
            let mut gateways: Vec<_> =
                answer.matched.iter().filter_map(|route| route.via).collect();
            gateways.sort();
            assert_eq!(gateways, [address(one), address(two)]);
            assert!(answer.via.is_some_and(|via| gateways.contains(&via)), "{answer:?}");
        }
    });
}

#[test]
fn no_way_from_here() {
    with_two_devices("no_way_from_here", || {
        for (kind, last, errno) in [
            ("blackhole", 1, Errno::INVAL),
            ("prohibit", 2, Errno::ACCESS),
            ("unreachable", 3, Errno::HOSTUNREACH),
            ("throw", 4, Errno::NETUNREACH),
        ] {
            ip(&format!("route add {kind} 10.9.{last}.0/24"));
            ip(&format!("route add {kind} 2001:db8:9:{last}::/64"));
            assert_eq!(refused(&format!("10.9.{last}.5")), errno, "{kind}");
            assert_eq!(refused(&format!("2001:db8:9:{last}::5")), errno, "{kind}");
        }
        assert_eq!(refused("192.0.2.1"), Errno::NETUNREACH);
        assert_eq!(refused("2001:db8:ffff::1"), Errno::NETUNREACH);
        // A source that is nobody's here is refused by IPv4 alone.
        assert_eq!(refused("10.0.0.9 from 192.0.2.1"), Errno::NETUNREACH);
        assert_eq!(route("10.0.0.9 from 10.0.1.1").src, Some(address("10.0.1.1")));
        assert_eq!(short(&route("2001:db8::9 from 2001:db8:ffff::1")), "unicast dev va");
        // One that is bound to a device takes what it wants to be on its link, in IPv4.
        let bound = route("192.0.2.1 oif vb");
        assert_eq!((short(&bound).as_str(), bound.matched.len()), ("unicast dev vb", 0));
        assert_eq!(short(&route("10.9.1.5 oif vb")), "unicast dev vb");
        assert_eq!(refused("2001:db8:ffff::1 oif vb"), Errno::NETUNREACH);

        change(|rtnl| rtnl.set_up("va", false));
        assert_eq!(refused("10.0.0.9"), Errno::NETUNREACH);
        assert_eq!(refused("10.0.0.9 oif va"), Errno::NETUNREACH);
        assert_eq!(refused("2001:db8::9"), Errno::NETUNREACH);
        // The own address of a device that is down goes with IPv6 only.
        assert_eq!(short(&route("10.0.0.1")), "local dev lo");
        assert_eq!(refused("2001:db8::1"), Errno::NETUNREACH);
    });
}

#[test]
fn a_packet_that_came_in_is_let_in_and_forwarded_or_not() {
    with_two_devices("a_packet_that_came_in_is_let_in_and_forwarded_or_not", || {
        let (through, nowhere) =
            ("10.0.1.9 from 10.0.0.9 iif va", "192.0.2.1 from 10.0.0.9 iif va");
        let through_v6 = "2001:db8:1::9 from 2001:db8::9 iif va";
        set("net.ipv4.ip_forward", "0");
        assert_eq!(refused(through), Errno::HOSTUNREACH);
        assert_eq!(refused(nowhere), Errno::HOSTUNREACH, "not even a route is looked for");
        assert_eq!(short(&route("10.0.0.1 from 10.0.0.9 iif va")), "local dev lo");
        // IPv6 does not say whether it forwards.
        assert_eq!(short(&route(through_v6)), "unicast dev vb");

        set("net.ipv4.ip_forward", "1");
        set("net.ipv6.conf.all.forwarding", "1");
        let answer = route(through);
        assert_eq!((short(&answer).as_str(), answer.table), ("unicast dev vb", 254));
        assert_eq!(answer.src, Some(address("10.0.0.9")));
        assert_eq!(answer.matched[0].to, "10.0.1.0/24".parse().unwrap());
        assert_eq!(refused(nowhere), Errno::NETUNREACH);
        assert_eq!(refused("2001:db8:ffff::1 from 2001:db8::9 iif va"), Errno::NETUNREACH);
        for (kind, last, errno) in [
            ("blackhole", 1, Errno::INVAL),
            ("prohibit", 2, Errno::ACCESS),
            ("unreachable", 3, Errno::HOSTUNREACH),
        ] {
            ip(&format!("route add {kind} 10.9.{last}.0/24"));
            ip(&format!("route add {kind} 2001:db8:9:{last}::/64"));
            assert_eq!(refused(&format!("10.9.{last}.5 from 10.0.0.9 iif va")), errno);
            assert_eq!(refused(&format!("2001:db8:9:{last}::5 from 2001:db8::9 iif va")), errno);
        }
        // Martians (RFC 1812, 5.3.7).
        assert_eq!(refused("10.0.1.9 from 127.0.0.1 iif va"), Errno::INVAL);
        assert_eq!(refused("10.0.1.9 from 224.0.0.1 iif va"), Errno::INVAL);
        assert_eq!(refused("127.0.0.1 from 10.0.0.9 iif va"), Errno::INVAL);
        // What is broadcast is taken and not forwarded.
        assert_eq!(short(&route("10.0.0.255 from 10.0.0.9 iif va")), "broadcast dev lo");
    });
}

#[test]
fn a_source_that_would_not_be_reached_by_the_same_way() {
    with_two_devices("a_source_that_would_not_be_reached_by_the_same_way", || {
        set("net.ipv4.ip_forward", "1");
        for (rp_filter, wrong_way, from_nowhere) in
            [("0", true, true), ("1", false, false), ("2", true, false)]
        {
            set("net.ipv4.conf.va.rp_filter", rp_filter);
            for (from, passes) in [("10.0.1.9", wrong_way), ("192.0.2.1", from_nowhere)] {
                for to in ["10.0.0.1", "10.0.1.8"] {
                    let words = format!("{to} from {from} iif va");
                    if passes {
                        route(&words);
                    } else {
                        assert_eq!(refused(&words), Errno::INVAL, "rp_filter={rp_filter} {words}");
                    }
                }
            }
            route("10.0.0.1 from 10.0.0.9 iif va");
        }
        // A way back is enough.
        set("net.ipv4.conf.va.rp_filter", "1");
        ip("route add 192.0.2.0/24 via 10.0.0.254");
        route("10.0.0.1 from 192.0.2.1 iif va");
    });
}

#[test]
fn an_own_source_from_outside() {
    if !can("an_own_source_from_outside") {
        return;
    }
    in_new(|here| {
        change(|rtnl| {
            rtnl.add_veth((&device("v1"), here), (&device("v2"), here))?;
            rtnl.add_address("v1", "20.1.0.10/24".parse().unwrap())?;
            rtnl.add_address("v2", "20.1.0.11/24".parse().unwrap())?;
            ["lo", "v1", "v2"].iter().try_for_each(|name| rtnl.set_up(name, true))
        });
        settle();
        let request = "20.1.0.11 from 20.1.0.10 iif v2";
        assert_eq!(refused(request), Errno::INVAL);
        set("net.ipv4.conf.v2.accept_local", "1");
        assert_eq!(short(&route(request)), "local dev lo");
        // The own address is to be reached by another device than the one that it comes in by.
        set("net.ipv4.conf.v2.rp_filter", "1");
        assert_eq!(refused(request), Errno::INVAL);
        set("net.ipv4.conf.v2.rp_filter", "0");
        // Without one, it is asked whether all zeros may come in: not for a single destination.
        assert_eq!(refused("20.1.0.11 iif v2"), Errno::INVAL);
    });
}

#[test]
fn rules_decide_by_all_that_is_said() {
    with_two_devices("rules_decide_by_all_that_is_said", || {
        set("net.ipv4.ip_forward", "1");
        set("net.ipv6.conf.all.forwarding", "1");
        ip("rule add pref 10 from 10.0.0.77 blackhole");
        ip("rule add pref 11 from 10.0.0.78 prohibit");
        ip("rule add pref 12 from 10.0.0.79 unreachable");
        for (last, errno) in [(77, Errno::INVAL), (78, Errno::ACCESS), (79, Errno::NETUNREACH)] {
            assert_eq!(refused(&format!("10.0.1.9 from 10.0.0.{last} iif va")), errno);
        }
        ip("-6 rule add pref 10 from 2001:db8::77 blackhole");
        ip("-6 rule add pref 11 from 2001:db8::78 prohibit");
        ip("-6 rule add pref 12 from 2001:db8::79 unreachable");
        for (last, errno) in [(77, Errno::INVAL), (78, Errno::ACCESS), (79, Errno::NETUNREACH)] {
            assert_eq!(refused(&format!("2001:db8:1::9 from 2001:db8::{last} iif va")), errno);
        }

        for (family, all, to, via) in [
            ("-4", "default", "192.0.2.1", "10.0.1"),
            ("-6", "default", "2001:db8:ffff::1", "2001:db8:1:"),
        ] {
            let icmp = if family == "-4" { "1" } else { "58" };
            let dot = if family == "-4" { "." } else { ":" };
            for (table, rule, matching, other) in [
                (101, "fwmark 0x7/0xf", "mark 23", "mark 8"),
                (102, "uidrange 1000-1999", "uid 1001", "uid 999"),
                (103, "tos 0x10", "tos 16", "tos 8"),
                (104, "ipproto tcp dport 80", "ipproto 6 dport 80", "ipproto 17 dport 80"),
                (105, "ipproto udp sport 53", "ipproto 17 sport 53", "ipproto 17 sport 54"),
                (106, &format!("ipproto {icmp}"), &format!("ipproto {icmp}"), "ipproto 6"),
                (107, "oif vb", "oif vb", "oif va"),
            ] {
                ip(&format!("{family} route add {all} via {via}{dot}{table} table {table}"));
                ip(&format!("{family} rule add pref {table} {rule} lookup {table}"));
                let answer = route(&format!("{to} {matching}"));
                assert_eq!(answer.table, table, "{rule}");
                assert_eq!(answer.via, Some(address(&format!("{via}{dot}{table}"))), "{rule}");
                assert_eq!(answer.matched[0].table, table, "{rule}");
                // IPv4 takes what it has no route for to be on the link of the device that it is
                // bound to.
                if family == "-4" && rule.starts_with("oif") {
                    assert_eq!(route(&format!("{to} {other}")).via, None);
                } else {
                    assert_eq!(refused(&format!("{to} {other}")), Errno::NETUNREACH, "{rule}");
                }
            }
        }
        // Rules part the tables local and main, which are one before (fib_unmerge).
        assert_eq!(route("10.0.0.1").table, 255);
        assert_eq!(route("10.0.0.1").matched[0].table, 255);
        ip("rule add pref 200 iif vb lookup 101");
        let asked = "192.0.2.1 from 10.0.1.9 iif";
        assert_eq!(route(&format!("{asked} vb")).table, 101);
        assert_eq!(refused(&format!("{asked} va")), Errno::NETUNREACH);
    });
}

/// Sends from `va` to somebody behind the other end, where the next link has this MTU, and waits
/// until the message has come that it is too big.
fn learn(to: &str) {
    let to = SocketAddr::new(address(to), 9);
    let socket = udp::socket(to.ip(), None).expect("a socket");
    message::send(&socket, &[0; 1400], to, Manner::default()).expect("it fits the first link");
    let within = Timespec { tv_sec: 10, tv_nsec: 0 };
    let ready = poll(&mut [PollFd::new(&socket, PollFlags::IN)], Some(&within)).unwrap();
    assert_eq!(ready, 1, "nothing has come");
    let failure = message::failure(&socket, &mut [0; 64]).unwrap().expect("it is ready");
    assert_eq!(failure.errno, Errno::MSGSIZE);
}

#[test]
fn the_mtu_of_a_path_said_or_learned() {
    if !can("the_mtu_of_a_path_said_or_learned") {
        return;
    }
    let there = other();
    in_new(|here| {
        in_it(here, &there, &[("va", 0)]);
        there.enter().unwrap();
        for (address, device) in [("10.0.0.2/24", "va"), ("2001:db8::2/64", "va")] {
            ip(&format!("address add {address} dev {device} nodad"));
        }
        ip("link add r1 mtu 1280 type veth peer name r2");
        ip("address add 10.0.5.1/24 dev r1");
        ip("address add 2001:db8:5::1/64 dev r1 nodad");
        ip("link set r1 up");
        ip("link set r2 up");
        set("net.ipv4.ip_forward", "1");
        set("net.ipv6.conf.all.forwarding", "1");
        settle();
        here.enter().unwrap();
        ip("route add 10.0.5.0/24 via 10.0.0.2");
        ip("route add 2001:db8:5::/64 via 2001:db8::2");
        ip("route add 10.0.6.0/24 via 10.0.0.2 mtu 1400");
        ip("route add 2001:db8:6::/64 via 2001:db8::2 mtu 1400");
        for (said, learned) in [("10.0.6.9", "10.0.5.9"), ("2001:db8:6::9", "2001:db8:5::9")] {
            let answer = route(said);
            assert_eq!((answer.mtu, answer.expires), (Some(1400), None));
            assert_eq!(route(learned).mtu, None);
            learn(learned);
            let answer = route(learned);
            assert_eq!(answer.mtu, Some(1280));
            // net.ipv4.route.mtu_expires and net.ipv6.route.mtu_expires: ten minutes.
            let left = answer.expires.expect("it ends").as_secs();
            assert!((1..=600).contains(&left), "{left}");
            assert_eq!(answer.matched.len(), 1);
        }
    });
}

#[test]
fn what_is_no_answer_is_an_error() {
    with_two_devices("what_is_no_answer_is_an_error", || {
        let failed = |words: &str| ask::route(&query(words)).expect_err(words);
        let error = failed("10.0.0.9 oif nobody");
        assert!(matches!(&error, Error::NoDevice { name } if name == "nobody"), "{error}");
        assert!(matches!(failed("10.0.0.9 iif nobody"), Error::NoDevice { .. }));
        // A protocol of the other family, one of which no way can be asked for.
        for words in ["10.0.0.9 ipproto 58", "2001:db8::9 ipproto 132", "10.0.0.9 ipproto 47"] {
            assert!(matches!(failed(words), Error::Refused { .. }), "{words}");
        }
        assert_eq!(failed("10.0.0.9 from 2001:db8::1").errno(), Some(Errno::AFNOSUPPORT));
    });
}
