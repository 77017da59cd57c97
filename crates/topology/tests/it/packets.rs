//! What steps expect of packets: it must be possible, and what is named must be there.

use std::time::Instant;

use super::rules::{BASE, check};
use twinax_topology::{
    Count, Family, PacketExpect, PacketKind, Span, Spot, Way, Whose, WhoseMac, parse, parse_step,
};

fn step(expect: &str) -> String {
    format!("[[step]]\nping = {{ from = \"left\", to = \"right\" }}\nexpect = {{ {expect} }}")
}

fn seen(entry: &str) -> String {
    step(&format!("seen = {{ {entry} }}"))
}

fn unseen(entry: &str) -> String {
    step(&format!("unseen = {{ {entry} }}"))
}

fn read(steps: &str) -> PacketExpect {
    let lab = parse(&format!("{BASE}{steps}\n"), "lab.toml").unwrap();
    lab.steps.last().unwrap().packets.clone()
}

#[test]
fn all_of_it_is_read() {
    let expect = read(
        "[[step]]\nreach = [[\"left\", \"right\"]]\n[step.expect]\nin_order = true\nwithin = \"2s\"\n\
        seen = [\n\
        { at = [\"left:e0\", \"right\"], packet = \"arp request\", from = \"left\", to = \"10.0.0.2\" },\n\
        { at = \"left\", packet = \"tcp syn ack\", count = 2, answers = true, port = 80, ttl = 64 },\n\
        { at = \"left\", packet = \"udp\", count = \"1..3\", from_port = 1, to_port = 2, vlan = 0 },\n\
        ]\n\
        unseen = { at = \"sw\", packet = \"any\", from = \"10.0.0.0/24\", direction = \"out\", from_mac = \"left:e0\", to_mac = \"ff:ff:ff:ff:ff:ff\" }",
    );
    assert!(expect.in_order && !expect.is_empty());
    assert_eq!(expect.within, "2s".parse::<Span>().unwrap());
    let [arp, tcp, udp] = &expect.seen[..] else { panic!("three are to be seen") };
    let spot = |node: &str, interface: Option<&str>| Spot {
        node: node.parse().unwrap(),
        interface: interface.map(|name| name.parse().unwrap()),
    };
    assert_eq!(arp.packets.at, [spot("left", Some("e0")), spot("right", None)]);
    assert_eq!(arp.packets.kind, PacketKind::ArpRequest);
    assert_eq!(arp.packets.from, Some(Whose::Spot(spot("left", None))));
    assert_eq!(arp.packets.to, Some(Whose::Net("10.0.0.2/32".parse().unwrap())));
    assert_eq!((arp.count, arp.answers), (Count::SOME, false));
    assert_eq!((tcp.count, tcp.answers), (Count::exactly(2), true));
    assert_eq!((tcp.packets.port, tcp.packets.ttl), (Some(80), Some(64)));
    assert_eq!(udp.count, Count::from(1..=3));
    assert_eq!((udp.packets.from_port, udp.packets.to_port), (Some(1), Some(2)));
    assert_eq!(udp.packets.vlan, Some(0));
    let [none] = &expect.unseen[..] else { panic!("one is not to be seen") };
    assert_eq!(none.direction, Some(Way::Out));
    assert!(
        matches!(&none.from_mac, Some(WhoseMac::Place(place)) if place.to_string() == "left:e0")
    );
    assert_eq!(none.to_mac, Some(WhoseMac::Mac([0xff; 6])));
}

#[test]
fn nothing_is_expected_unless_said() {
    let expect = read("[[step]]\nping = { from = \"left\", to = \"right\" }");
    assert_eq!(expect, PacketExpect::default());
    assert!(expect.is_empty());
}

/// Whatever a step does, packets can be seen meanwhile.
#[test]
fn every_step_can_expect_packets() {
    let packets = "seen = { at = \"left\", packet = \"any\" }";
    for (action, own) in [
        ("change = { at = \"left:e0\", up = false }", ""),
        ("add.node.guest = {}", ""),
        ("remove = \"right\"", ""),
        ("ping = { from = \"left\", to = \"right\" }", "received = 1, "),
        ("traceroute = { from = \"left\", to = \"right\" }", "reachable = true, "),
        ("tcp = { from = \"left\", to = \"right\", port = 80 }", "connected = true, "),
        ("run = { at = \"left\", cmd = \"true\" }", "exit = 0, "),
        ("look = \"left:e0\"", "up = true, "),
        ("reach = [[\"left\", \"right\"]]", ""),
    ] {
        let expect = read(&format!("[[step]]\n{action}\nexpect = {{ {own}{packets} }}"));
        assert_eq!(expect.seen.len(), 1, "{action}");
    }
    check(
        BASE,
        &[(
            "[[step]]\nlook = \"left:e0\"\nexpect = { seen = { at = \"left\", packet = \"any\" } }",
            "look",
            "the step looks, but expects nothing",
        )],
    );
}

#[test]
fn kinds_of_packets() {
    for kind in PacketKind::ALL {
        assert_eq!(kind.as_str().parse(), Ok(*kind));
        assert_eq!(kind.to_string(), kind.as_str());
        assert!(PacketKind::Any.covers(*kind) && kind.covers(*kind));
        let bare = seen(&format!("at = \"left\", packet = \"{kind}\""));
        assert_eq!(read(&bare).seen[0].packets.kind, *kind);
    }
    for (wide, narrow) in [
        (PacketKind::Arp, PacketKind::ArpReply),
        (PacketKind::Ip, PacketKind::IcmpEchoReply),
        (PacketKind::IcmpUnreachable, PacketKind::IcmpFragmentationNeeded),
        (PacketKind::Udp, PacketKind::Dns),
        (PacketKind::Ip, PacketKind::Dhcp),
    ] {
        assert!(wide.covers(narrow) && !narrow.covers(wide), "{wide} and {narrow}");
    }
    for (one, other) in [
        (PacketKind::Ip, PacketKind::Tcp),
        (PacketKind::Ip6, PacketKind::Icmp),
        (PacketKind::Icmp, PacketKind::Icmp6),
        (PacketKind::TcpSyn, PacketKind::TcpSynAck),
    ] {
        assert!(!one.covers(other) && !other.covers(one), "{one} and {other}");
    }
    assert_eq!(PacketKind::ArpRequest.family(), Some(Family::Ipv4));
    assert_eq!(PacketKind::Icmp6Redirect.family(), Some(Family::Ipv6));
    assert_eq!(PacketKind::Dns.family(), None);
    check(
        BASE,
        &[
            (
                &seen("at = \"left\", packet = \"icmp ech reply\""),
                "\"icmp ech reply\"",
                "`icmp ech reply` is no kind of packet",
            ),
            (&seen("at = \"left\""), "{ at = \"left\" }", "a packet needs `packet`"),
            (&seen("packet = \"arp\""), "{ packet = \"arp\" }", "a packet needs `at`"),
        ],
    );
    let typo =
        parse(&format!("{BASE}{}\n", seen("at = \"left\", packet = \"icmp ech reply\"")), "t");
    let said = typo.unwrap_err().to_string();
    assert!(said.contains("did you mean `icmp echo reply`?"), "{said}");
}

#[test]
fn counts() {
    for (text, least, most) in
        [("2", 2, Some(2)), ("\"1..3\"", 1, Some(3)), ("\"2..\"", 2, None), ("\"..3\"", 0, Some(3))]
    {
        let expect = read(&seen(&format!("at = \"left\", packet = \"arp\", count = {text}")));
        assert_eq!(expect.seen[0].count, Count { least, most }, "{text}");
    }
    let count = |count: &str| seen(&format!("at = \"left\", packet = \"arp\", count = {count}"));
    check(
        BASE,
        &[
            (&count("0"), "0", "no packet can't be seen"),
            (&count("\"0..0\""), "\"0..0\"", "no packet can't be seen"),
            (&count("\"0..\""), "\"0..\"", "any number of packets will do"),
            (&count("\"3..1\""), "\"3..1\"", "`3..1` is no number of packets"),
            (&count("\"2\""), "\"2\"", "`2` is no number of packets"),
            (&count("\"two\""), "\"two\"", "`two` is no number of packets"),
            (&count("\"1..-3\""), "\"1..-3\"", "`1..-3` is no number of packets"),
            (&count("-1"), "-1", "a count is a number from 1 to 4294967295"),
            (
                &unseen("at = \"left\", packet = \"arp\", count = 1"),
                "count",
                "a packet not to be seen has no key `count`",
            ),
        ],
    );
}

#[test]
fn what_is_named_must_be_there() {
    check(
        BASE,
        &[
            (&seen("at = \"lfet\", packet = \"arp\""), "\"lfet\"", "no node `lfet`"),
            (
                &unseen("at = [\"left:e0\", \"right:e7\"], packet = \"arp\""),
                "\"right:e7\"",
                "no interface `e7` in node `right`",
            ),
            (&seen("at = [], packet = \"arp\""), "at", "a packet is seen somewhere"),
            (
                &seen("at = \"left\", packet = \"arp\", from = \"rihgt\""),
                "\"rihgt\"",
                "no node `rihgt`",
            ),
            (
                &seen("at = \"left\", packet = \"arp\", to = \"sw\""),
                "\"sw\"",
                "the lab gives `sw` no IPv4 address",
            ),
            (
                &seen("at = \"left\", packet = \"icmp6\", to = \"right\""),
                "\"right\"",
                "the lab gives `right` no IPv6 address",
            ),
            (
                &seen("at = \"left\", packet = \"udp\", from = \"fd00::1\", to = \"right\""),
                "\"right\"",
                "the lab gives `right` no IPv6 address",
            ),
            (
                &seen("at = \"left\", packet = \"arp\", from = \"10.0.0.1/24\""),
                "\"10.0.0.1/24\"",
                "`10.0.0.1/24` has bits set beyond its prefix length",
            ),
            (
                &seen("at = \"left\", packet = \"arp\", to_mac = \"right:e1\""),
                "\"right:e1\"",
                "no interface `e1` in node `right`",
            ),
            (
                &seen("at = \"left\", packet = \"arp\", to_mac = \"02-00-00-00-00-01\""),
                "\"02-00-00-00-00-01\"",
                "`02-00-00-00-00-01` is no MAC address",
            ),
        ],
    );
}

/// What a step brings can be watched in it, and what it takes away, too.
#[test]
fn places_are_there_before_or_after() {
    let moved = "[[step]]\nchange = { at = \"left:tap0\", move = \"right\" }\n";
    let at = |spot: &str| format!("expect.seen = {{ at = \"{spot}\", packet = \"any\" }}\n");
    for spot in ["left:tap0", "right:tap0"] {
        read(&format!("{moved}{}", at(spot)));
    }
    let added = "[[step]]\nadd = { node.guest = {}, link = { a = { at = \"guest:e0\", ip = \"10.9.0.1/24\" }, b = \"left:e9\" } }\n";
    for spot in ["guest", "guest:e0", "left:e9", "right:e0"] {
        read(&format!("{added}{}", at(spot)));
    }
    read(&format!(
        "{added}expect.seen = {{ at = \"left\", packet = \"arp\", from = \"guest\", from_mac = \"guest:e0\" }}"
    ));
    let removed = "[[step]]\nremove = \"right\"\n";
    for spot in ["right", "right:e0", "left:e0"] {
        read(&format!("{removed}{}", at(spot)));
    }
    read(&format!(
        "{removed}expect.unseen = {{ at = \"left\", packet = \"arp\", from = \"right\", from_mac = \"right:e0\" }}"
    ));
    let later = |steps: &str, spot: &str| {
        format!(
            "{steps}{}",
            seen(&format!("at = \"{spot}\", packet = \"any\""))
                .replace("to = \"right\"", "to = \"10.0.0.2\"")
        )
    };
    check(
        BASE,
        &[
            (&later(moved, "left:tap0"), "\"left:tap0\"", "no interface `tap0` in node `left`"),
            (&later(removed, "right"), "\"right\"", "no node `right`"),
            (&later(removed, "left:e0"), "\"left:e0\"", "no interface `e0` in node `left`"),
            (
                &format!(
                    "[[step]]\nlook = \"left\"\nexpect = {{ interface = [], seen = {{ at = \"guest\", packet = \"any\" }} }}\n{added}"
                ),
                "\"guest\"",
                "no node `guest`",
            ),
        ],
    );
}

#[test]
fn what_is_said_of_a_packet_must_be_possible() {
    let tun = BASE.replace("at = \"left:tap0\"", "at = \"left:tun0\"\nmode = \"tun\"");
    check(
        BASE,
        &[
            (
                &seen("at = \"left\", packet = \"arp\", port = 80"),
                "port",
                "`port` belongs to tcp or udp, not to `arp`",
            ),
            (
                &unseen("at = \"left\", packet = \"icmp\", to_port = 80"),
                "to_port",
                "`to_port` belongs to tcp or udp, not to `icmp`",
            ),
            (
                &seen("at = \"left\", packet = \"tcp\", port = 80, from_port = 1, to_port = 2"),
                "80",
                "the port is 80, but neither of the two is",
            ),
            (
                &seen("at = \"left\", packet = \"arp reply\", ttl = 1"),
                "ttl",
                "`arp reply` has no TTL",
            ),
            (
                &seen("at = \"left\", packet = \"icmp echo request\", answers = true"),
                "answers",
                "`icmp echo request` answers nothing, as far as can be told",
            ),
            (
                &seen("at = \"left\", packet = \"icmp\", from = \"fd00::1\""),
                "\"fd00::1\"",
                "`fd00::1` is of IPv6, `icmp` of IPv4",
            ),
            (
                &unseen("at = \"left\", packet = \"ip6\", to = \"10.0.0.0/8\""),
                "\"10.0.0.0/8\"",
                "`10.0.0.0/8` is of IPv4, `ip6` of IPv6",
            ),
            (
                &seen("at = \"left\", packet = \"udp\", from = \"10.0.0.1\", to = \"fd00::1\""),
                "\"fd00::1\"",
                "the source is of IPv4, the destination of IPv6",
            ),
            (
                &seen("at = \"left\", packet = \"any\", from_mac = \"ff:ff:ff:ff:ff:ff\""),
                "\"ff:ff:ff:ff:ff:ff\"",
                "`ff:ff:ff:ff:ff:ff` is the address of a group",
            ),
            (
                &seen("at = \"left:lo\", packet = \"icmp\", direction = \"out\""),
                "\"out\"",
                "what goes out of `lo` is seen once: as it comes in",
            ),
            (
                &seen("at = \"left\", packet = \"any\", direction = \"up\""),
                "\"up\"",
                "`up` is no direction",
            ),
            (
                &seen("at = \"left\", packet = \"any\", vlan = 4095"),
                "4095",
                "this must be an integer from 0 to 4094",
            ),
        ],
    );
    check(
        &tun,
        &[
            (
                &unseen("at = \"left:tun0\", packet = \"arp\""),
                "packet",
                "an ARP packet is never seen there: the device is a TUN",
            ),
            (
                &seen("at = \"left:tun0\", packet = \"ip\", from_mac = \"left:e0\""),
                "from_mac",
                "a MAC address is never seen there: the device is a TUN",
            ),
            (
                &seen("at = \"left\", packet = \"ip\", to_mac = \"left:tun0\""),
                "\"left:tun0\"",
                "`left:tun0` has no MAC address: it is a TUN",
            ),
        ],
    );
    let said = parse(
        &format!(
            "{BASE}{}\n",
            seen("at = \"left\", packet = \"icmp echo reply\", from = \"fd00::1\"")
        ),
        "t",
    );
    let said = said.unwrap_err().to_string();
    assert!(said.contains("of IPv6 it is `icmp6 echo reply`"), "{said}");
    for good in [
        "at = \"left\", packet = \"ip\", port = 80",
        "at = \"left\", packet = \"any\", port = 80, ttl = 0",
        "at = \"left\", packet = \"tcp\", port = 80, from_port = 80, to_port = 2, answers = true",
        "at = \"left:lo\", packet = \"icmp\", direction = \"in\"",
        "at = \"left\", packet = \"any\", to_mac = \"33:33:00:00:00:01\"",
        "at = \"left\", packet = \"icmp echo request\", answers = false",
    ] {
        read(&seen(good));
    }
}

#[test]
fn an_order_and_a_wait_belong_to_what_is_seen() {
    check(
        BASE,
        &[
            (
                &step("in_order = true, seen = { at = \"left\", packet = \"arp\" }"),
                "in_order",
                "only several packets can be seen in an order",
            ),
            (
                &step("within = \"2s\", unseen = { at = \"left\", packet = \"arp\" }"),
                "within",
                "nothing is waited for: no packet is to be seen",
            ),
            (
                &step("within = \"0s\", seen = { at = \"left\", packet = \"arp\" }"),
                "\"0s\"",
                "`within` can't be 0",
            ),
            (&step("seen = []"), "seen", "`seen` names no packet"),
            (&step("unseen = []"), "unseen", "`unseen` names no packet"),
        ],
    );
}

#[test]
fn the_same_can_not_be_seen_and_unseen() {
    let both = |seen: &str, unseen: &str| {
        step(&format!("seen = [{{ {seen} }}], unseen = [{{ {unseen} }}]"))
    };
    let title = "the same packet is to be seen and not to be seen";
    check(
        BASE,
        &[
            (
                &both("at = \"left\", packet = \"arp\"", "at = \"left\", packet = \"arp\""),
                "{ at = \"left\", packet = \"arp\" }",
                title,
            ),
            (
                &both(
                    "at = [\"right\", \"left:e0\"], packet = \"icmp echo reply\", ttl = 64, count = 2",
                    "at = [\"sw\", \"left\"], packet = \"icmp\"",
                ),
                "{ at = [\"sw\", \"left\"], packet = \"icmp\" }",
                title,
            ),
        ],
    );
    for (good_seen, good_unseen) in [
        ("at = \"left\", packet = \"arp\"", "at = \"left:e0\", packet = \"arp\""),
        ("at = \"left\", packet = \"icmp\"", "at = \"left\", packet = \"icmp echo reply\""),
        ("at = \"left\", packet = \"arp\"", "at = \"left\", packet = \"arp\", direction = \"in\""),
        ("at = \"left\", packet = \"arp\", count = \"..2\"", "at = \"left\", packet = \"arp\""),
    ] {
        read(&both(good_seen, good_unseen));
    }
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let steps = step(
        "received = 3, within = 2, seen = [{ at = \"lfet\", packet = \"apr\", count = 0 }, \
         { at = \"right:e0\", packet = \"icmp\", port = 7, ttl = 300, form = \"x\" }], \
         unseen = { packet = \"arp\", from = \"10.0.0.0/33\", answers = true }",
    );
    let wrong = parse(&format!("{BASE}{steps}\n"), "lab.toml").unwrap_err();
    let titles: Vec<&str> = wrong.iter().map(|one| one.title.as_str()).collect();
    assert_eq!(
        titles,
        [
            "`received = 3`, but one request is sent",
            "a duration needs a unit",
            "`apr` is no kind of packet",
            "no packet can't be seen",
            "this must be an integer from 0 to 255",
            "a packet to be seen has no key `form`",
            "a packet needs `at`",
            "`10.0.0.0/33` is not a prefix",
            "a packet not to be seen has no key `answers`",
        ],
        "{wrong}"
    );
}

/// Nothing is known of the lab: the names may mean anything.
#[test]
fn a_step_by_itself_can_expect_packets() {
    let text = "ping = { from = \"a\", to = \"b\" }\nexpect.seen = { at = \"a:e0\", packet = \"arp\", from = \"c\" }";
    assert_eq!(parse_step(text).unwrap().packets.seen.len(), 1);
    let text = text.replace("\"arp\"", "\"apr\"");
    assert!(parse_step(&text).is_err());
}

/// Long lists of places take no longer than they are long.
#[test]
fn many_places_are_quick() {
    let start = Instant::now();
    let places = vec!["\"left:e0\""; 100_000].join(", ");
    let entry = |kind: &str| format!("{{ at = [{places}], packet = \"{kind}\" }}");
    let unseen = vec!["{ at = \"left:e0\", packet = \"arp reply\" }"; 127].join(", ");
    let steps = step(&format!(
        "seen = [{}, {}], unseen = [{unseen}, {}]",
        entry("arp request"),
        entry("icmp"),
        entry("udp")
    ));
    let expect = read(&steps);
    assert_eq!(expect.unseen.len(), PacketExpect::MOST);
    assert!(start.elapsed().as_secs() < 40, "{:?}", start.elapsed());
    let many = vec!["{ at = \"left\", packet = \"arp\" }"; 129].join(", ");
    check(
        BASE,
        &[(
            &step(&format!("seen = [{many}]")),
            "{ at = \"left\", packet = \"arp\" }",
            "129 packets are listed; at most 128 can be",
        )],
    );
}
