//! Our own words: what they say, and what is said of those that are not in order.

use crate::LinkType;
use crate::filter::{
    Expression, Family, Net, Problem, Program, Protocol, Side, Transport, compile, parse,
};

const TCP: Expression = Expression::Protocol(Protocol::Transport(Transport::Tcp));
const UDP: Expression = Expression::Protocol(Protocol::Transport(Transport::Udp));
const ICMP: Expression = Expression::Protocol(Protocol::Icmp);

fn not(one: Expression) -> Expression {
    Expression::Not(Box::new(one))
}

fn and(left: Expression, right: Expression) -> Expression {
    Expression::And(Box::new(left), Box::new(right))
}

fn or(left: Expression, right: Expression) -> Expression {
    Expression::Or(Box::new(left), Box::new(right))
}

fn net(side: Side, within: Option<Family>, address: &str, length: u8) -> Expression {
    let net = Net { address: address.parse().unwrap(), length };
    Expression::Address { side, within, net }
}

fn host(address: &str) -> Expression {
    net(Side::Either, None, address, if address.contains(':') { 128 } else { 32 })
}

fn port(port: u16) -> Expression {
    Expression::Port { side: Side::Either, within: None, port }
}

#[track_caller]
fn reads(text: &str, expected: Expression) {
    match parse(text) {
        Ok(expression) => assert_eq!(expression, expected, "{text}"),
        Err(error) => panic!("{text}: {error}"),
    }
}

#[test]
fn words_and_their_values() {
    reads("", Expression::Everything);
    reads("  ", Expression::Everything);
    reads("tcp", TCP);
    reads("arp", Expression::Protocol(Protocol::Family(Family::Arp)));
    reads("ip6", Expression::Protocol(Protocol::Family(Family::Ipv6)));
    reads("host 10.0.0.1", host("10.0.0.1"));
    reads("src fd00::1", net(Side::Source, None, "fd00::1", 128));
    reads("ip dst net 10.0.0.0/8", net(Side::Destination, Some(Family::Ipv4), "10.0.0.0", 8));
    reads("arp host 10.0.0.1", net(Side::Either, Some(Family::Arp), "10.0.0.1", 32));
    reads("src or dst host ::1", host("::1"));
    reads("dst and src 10.0.0.1", net(Side::Both, None, "10.0.0.1", 32));
    let from = |within| Expression::Port { side: Side::Source, within, port: 53 };
    reads("udp src port 53", from(Some(Transport::Udp)));
    reads("src port 53", from(None));
}

#[test]
fn nets_as_one_writes_them() {
    for (text, address, length) in [
        ("net 10", "10.0.0.0", 8),
        ("net 192.168", "192.168.0.0", 16),
        ("net 192.168/16", "192.168.0.0", 16),
        ("net 192.168.1", "192.168.1.0", 24),
        ("net 10.1.2.3", "10.1.2.3", 32),
        ("net 0.0.0.0/0", "0.0.0.0", 0),
        ("net ::/0", "::", 0),
        ("net 2001:db8::/33", "2001:db8::", 33),
        ("net ::1", "::1", 128),
    ] {
        reads(text, net(Side::Either, None, address, length));
    }
}

/// `pcap-filter(7)`: "Negation has highest precedence. Alternation and concatenation have equal
/// precedence and associate left to right."
#[test]
fn what_binds_how() {
    reads("tcp or udp and icmp", and(or(TCP, UDP), ICMP));
    reads("tcp and udp or icmp", or(and(TCP, UDP), ICMP));
    reads("tcp or (udp and icmp)", or(TCP, and(UDP, ICMP)));
    reads("not tcp and udp", and(not(TCP), UDP));
    reads("not (tcp and udp)", not(and(TCP, UDP)));
    reads("!tcp||udp&&!icmp", and(or(not(TCP), UDP), not(ICMP)));
    reads("not not tcp", not(not(TCP)));
    reads("tcp and(port 80)", and(TCP, port(80)));
}

/// `pcap-filter(7)`: "If an identifier is given without a keyword, the most recent keyword is assumed."
#[test]
fn a_value_alone_is_like_the_one_before_it() {
    reads("port 80 or 443", or(port(80), port(443)));
    reads("port (80 or 443) and tcp", and(or(port(80), port(443)), TCP));
    reads("port 80 or not 443", or(port(80), not(port(443))));
    reads("host not 10.0.0.1", not(host("10.0.0.1")));
    // The manual's own example.
    reads("not host 10.0.0.1 and 10.0.0.2", and(not(host("10.0.0.1")), host("10.0.0.2")));
    reads("not (host 10.0.0.1 or 10.0.0.2)", not(or(host("10.0.0.1"), host("10.0.0.2"))));
    let to = |address| net(Side::Destination, Some(Family::Ipv4), address, 16);
    reads(
        "ip dst net 10.1 or (10.2 or 10.3)",
        or(to("10.1.0.0"), or(to("10.2.0.0"), to("10.3.0.0"))),
    );
}

/// The column, the words that are underlined, and what is wrong.
#[test]
fn what_is_wrong_and_where() {
    let long = "tcp and ".repeat(2000) + "udp";
    let deep = "(".repeat(200) + "tcp";
    let cases: &[(&str, usize, &str, &str)] = &[
        (
            "ether host 1",
            1,
            "ether",
            "`ether` is none of the words that twinax knows by itself: arp, ",
        ),
        ("tcp and vlan 5", 9, "vlan", "`vlan` is none of the words"),
        ("tcp[13] & 2 != 0", 1, "tcp[13]", "`tcp[13]` is none of the words"),
        ("TCP", 1, "TCP", "`TCP` is none"),
        ("tcp & udp", 5, "&", "`&` is none of the words"),
        ("tcp udp", 5, "udp", "`and` or `or` is expected here, not `udp`"),
        ("tcp and", 8, "", "a word such as `tcp` or `host` is expected at the end of"),
        ("tcp and or udp", 9, "or", "a word such as `tcp` or `host` is expected here, not `or`"),
        ("and tcp", 1, "and", "a word such as"),
        ("not", 4, "", "a word such as"),
        ("host", 5, "", "an address is expected at the end of the expression"),
        ("host and tcp", 6, "and", "an address is expected here, not `and`"),
        ("src port", 9, "", "a port is expected"),
        ("net host 10.0.0.1", 5, "host", "a net is expected here, not `host`"),
        ("80", 1, "80", "nothing says what `80` is"),
        ("tcp or 80", 8, "80", "nothing says what `80` is: `host 80`, "),
        ("(port 80) or 443", 14, "443", "nothing says what `443` is"),
        ("tcp or (10.0.0.1)", 9, "10.0.0.1", "nothing says what `10.0.0.1` is"),
        ("host left", 6, "left", "`left` is no IPv4 or IPv6 address"),
        ("host 10.0.0", 6, "10.0.0", "`10.0.0` is no IPv4 or IPv6 address"),
        ("host 10.0.0.1/24", 6, "10.0.0.1/24", "`10.0.0.1/24` is no IPv4 or IPv6 address"),
        ("net 10.0.0.1/8", 5, "10.0.0.1/8", "is an address in a net; the net is `10.0.0.0/8`"),
        ("net fd00::1/64", 5, "fd00::1/64", "the net is `fd00::/64`"),
        ("net 10.0.0.0/33", 5, "10.0.0.0/33", "is no net such as"),
        ("net 0", 5, "0", "is no net such as"),
        ("net 300", 5, "300", "is no net such as"),
        ("port 65536", 6, "65536", "`65536` is no port: a number from 0 to 65535"),
        ("port http", 6, "http", "`http` is no port"),
        ("port 010", 6, "010", "`010` is no port"),
        ("host 10.0.0.1 or 80", 18, "80", "`80` is no IPv4 or IPv6 address"),
        ("port 80 or 10.0.0.1", 12, "10.0.0.1", "`10.0.0.1` is no port"),
        ("arp host ::1", 10, "::1", "`::1` is no address of `arp`"),
        ("ip6 host 10.0.0.1", 10, "10.0.0.1", "`10.0.0.1` is no address of `ip6`"),
        ("tcp host 10.0.0.1", 1, "tcp", "`tcp` can't stand before `host`"),
        ("tcp and icmp port 80", 9, "icmp", "`icmp` can't stand before `port`"),
        ("ip port 80", 1, "ip", "`ip` can't stand before `port`"),
        ("tcp and (udp or icmp", 9, "(", "this bracket is not closed"),
        ("tcp)", 4, ")", "no bracket is open here"),
        ("(tcp udp)", 6, "udp", "`and`, `or` or `)` is expected here, not `udp`"),
        ("()", 2, ")", "a word such as"),
        ("é and tcp and ü", 1, "é", "`é` is none"),
        ("tcp and\u{a0}é", 9, "é", "`é` is none"),
        (&deep, 101, "(", "this is more than twinax can read by itself"),
        (&long, 8001, "tcp", "this is more than twinax can read by itself"),
    ];
    for (text, column, words, message) in cases {
        let error = parse(text).expect_err(text);
        assert_eq!(error.column, *column, "{text}: {error}");
        assert_eq!(&text[error.span.clone()], *words, "{text}: {error}");
        assert!(error.problem.to_string().contains(message), "{text}: {error}");
        assert_eq!(error.to_string(), format!("column {column}: {}", error.problem));
    }
}

#[test]
fn there_is_no_program_for_frames_that_nobody_knows() {
    assert_eq!(compile(&TCP, LinkType::Other(280)), Ok(Program::always(0)));
}

/// As large as the kernel takes them, and no larger.
#[test]
fn large_expressions() {
    let list = |ports: u16| {
        let ports: Vec<String> = (1..=ports).map(|port| port.to_string()).collect();
        parse(&format!("port ({})", ports.join(" or "))).unwrap()
    };
    for link_type in [LinkType::Ethernet, LinkType::Raw] {
        assert!(compile(&list(100), link_type).is_ok());
        assert!(compile(&list(900), link_type).is_err());
    }
}

#[test]
fn problems_are_values() {
    let error = parse("tcp port x").unwrap_err();
    assert_eq!(error.problem, Problem::NotPort { word: "x".to_owned() });
}
