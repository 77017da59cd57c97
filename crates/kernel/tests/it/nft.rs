//! Firewalls: what netlink puts in place is what `nft` puts in place for the same words.

use std::process::{Command, Output};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use proptest::prelude::*;
use twinax_kernel::nft::{Complaint, Error, Item, LoadError, apply, load, tables};
use twinax_plan::firewall::{ruleset, texts};
use twinax_topology::{
    Chain, CommentError, Dnat, Filter, Firewall, IfName, Policies, Protocol, Verdict,
};

use crate::nodes::{in_new, is_root};

/// Whether this test can run; where not, it says so by name.
pub fn has_nft(name: &str) -> bool {
    if !is_root(name) {
        return false;
    }
    let there = nft_command(&["--version"]).output().is_ok();
    if !there {
        println!("skipped: {name}: needs the program `nft` (package nftables)");
    }
    there
}

fn nft_command(arguments: &[&str]) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut nft = Command::new("nft");
    nft.args(arguments).env("PATH", format!("{path}:/usr/sbin:/sbin"));
    nft
}

/// What `nft` says in the namespace of the calling thread.
pub fn nft(arguments: &[&str]) -> String {
    let Output { status, stdout, stderr } = nft_command(arguments).output().expect("nft runs");
    assert!(status.success(), "nft {arguments:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("nft prints UTF-8")
}

/// The ruleset of the namespace, as text and as JSON (which has the handles, too).
fn listed() -> [String; 2] {
    [nft(&["list", "ruleset"]), nft(&["--json", "list", "ruleset"])]
}

fn by_netlink(firewall: &Firewall) -> [String; 2] {
    in_new(|_| {
        apply(firewall).expect("the kernel takes the words");
        listed()
    })
}

fn by_nft(firewall: &Firewall) -> [String; 2] {
    in_new(|_| {
        load(None, &ruleset(firewall)).expect("nft takes the text");
        listed()
    })
}

fn name(text: &str) -> IfName {
    text.parse().expect("a name")
}

fn net(text: &str) -> Option<IpNet> {
    Some(text.parse().expect("a prefix"))
}

fn forward(verdict: Verdict) -> Filter {
    Filter::new(Chain::Forward, verdict)
}

fn of_filters(filters: impl Into<Vec<Filter>>) -> Firewall {
    Firewall { filters: filters.into(), ..Firewall::default() }
}

fn home_router() -> Firewall {
    Firewall {
        masquerade: vec![name("wan")],
        dnat: vec![Dnat {
            iif: Some(name("wan")),
            protocol: Protocol::Tcp,
            dport: 80,
            to: "10.0.0.2:8080".parse().expect("an address with a port"),
        }],
        policy: Policies { forward: Some(Verdict::Drop), ..Policies::default() },
        filters: vec![
            Filter { established: true, ..forward(Verdict::Accept) },
            Filter { iif: Some(name("lan")), oif: Some(name("wan")), ..forward(Verdict::Accept) },
        ],
        ruleset: None,
    }
}

#[test]
fn a_home_router_reads_as_one_would_write_it() {
    if !has_nft("a_home_router_reads_as_one_would_write_it") {
        return;
    }
    let expected = "\
table inet twinax {
\tchain forward {
\t\ttype filter hook forward priority filter; policy drop;
\t\tct state established,related accept
\t\tiifname \"lan\" oifname \"wan\" accept
\t}

\tchain prerouting {
\t\ttype nat hook prerouting priority dstnat; policy accept;
\t\tiifname \"wan\" meta nfproto ipv4 tcp dport 80 dnat ip to 10.0.0.2:8080
\t}

\tchain postrouting {
\t\ttype nat hook postrouting priority srcnat; policy accept;
\t\toifname \"wan\" masquerade
\t}
}
";
    let [text, _] = by_netlink(&home_router());
    assert_eq!(text, expected);
}

#[test]
fn netlink_and_nft_agree_on_every_prefix_length() {
    if !has_nft("netlink_and_nft_agree_on_every_prefix_length") {
        return;
    }
    let v4 = (0..=32).map(|length| Ipv4Net::new_assert([203, 0, 113, 255].into(), length).into());
    let v6 = (0..=128).map(|length| {
        let address = "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff".parse().expect("an address");
        Ipv6Net::new_assert(address, length).into()
    });
    let nets: Vec<IpNet> = v4.chain(v6).collect();
    let from = nets.iter().map(|&net| Filter { from: Some(net), ..forward(Verdict::Accept) });
    let to = nets.iter().map(|&net| Filter { to: Some(net), ..forward(Verdict::Reject) });
    let firewall = of_filters(from.chain(to).collect::<Vec<_>>());
    assert_eq!(by_netlink(&firewall), by_nft(&firewall));
}

#[test]
fn netlink_and_nft_agree_on_every_protocol_family_and_verdict() {
    if !has_nft("netlink_and_nft_agree_on_every_protocol_family_and_verdict") {
        return;
    }
    let mut filters = Vec::new();
    let protocols = [Protocol::Tcp, Protocol::Udp, Protocol::Icmp, Protocol::Icmpv6];
    let nets = [None, net("10.0.0.1/32"), net("fd00::1/128"), net("0.0.0.0/0"), net("::/0")];
    for chain in Chain::ALL {
        for verdict in [Verdict::Accept, Verdict::Drop, Verdict::Reject] {
            for protocol in protocols.map(Some).into_iter().chain([None]) {
                for from in nets {
                    let to = from;
                    filters.push(Filter { protocol, from, ..Filter::new(chain, verdict) });
                    filters.push(Filter { protocol, from, to, ..Filter::new(chain, verdict) });
                }
            }
        }
    }
    let firewall = of_filters(filters);
    assert_eq!(by_netlink(&firewall), by_nft(&firewall));
}

#[test]
fn comments_that_look_like_something_else() {
    if !has_nft("comments_that_look_like_something_else") {
        return;
    }
    let longest = "é".repeat(63) + "x";
    assert_eq!(longest.len(), 127);
    let words =
        ["", " ", "\\", "a\\", "# no", "$x", "; drop", "'", "*", "{ }", "größe 日本", &longest];
    let filters =
        words.map(|word| Filter { comment: Some(word.to_owned()), ..forward(Verdict::Drop) });
    let firewall = of_filters(filters);
    let [text, json] = by_netlink(&firewall);
    assert_eq!([text.clone(), json], by_nft(&firewall));
    for word in words {
        assert!(text.contains(&format!("drop comment \"{word}\"\n")), "{word:?} in {text}");
    }
}

#[test]
fn a_comment_that_nft_could_not_read_is_refused() {
    let cases = [
        ("a\"b", CommentError::Character('"')),
        ("a\nb", CommentError::Character('\n')),
        ("a\0b", CommentError::Character('\0')),
        (&"x".repeat(128), CommentError::TooLong { length: 128 }),
    ];
    for (word, expected) in cases {
        let bad = Filter { comment: Some(word.to_owned()), ..forward(Verdict::Drop) };
        // Before the kernel is asked, so that it makes no difference where this runs.
        let error = apply(&of_filters([forward(Verdict::Drop), bad])).expect_err("it is refused");
        let Error::Comment { item: Item::Filter { index, .. }, error } = error else {
            panic!("{error:?}");
        };
        assert_eq!((index, error), (1, expected));
    }
}

#[test]
fn a_second_firewall_replaces_the_first_and_none_removes_it() {
    if !has_nft("a_second_firewall_replaces_the_first_and_none_removes_it") {
        return;
    }
    let first = home_router();
    let second = of_filters([forward(Verdict::Reject)]);
    let [expected, _] = by_nft(&second);
    in_new(|_| {
        load(None, "table ip other { chain c { counter; }; }").expect("nft takes it");
        let [other, _] = listed();
        apply(&first).expect("the kernel takes it");
        apply(&first).expect("and takes it again");
        apply(&second).expect("and another");
        assert_eq!(listed()[0], format!("{other}{expected}"));
        let nothing = Firewall { ruleset: Some("flush ruleset".to_owned()), ..Firewall::default() };
        apply(&nothing).expect("it can be removed");
        apply(&nothing).expect("also when it is not there");
        assert_eq!(listed()[0], other);
    });
}

#[test]
fn the_text_replaces_and_removes_as_netlink_does() {
    if !has_nft("the_text_replaces_and_removes_as_netlink_does") {
        return;
    }
    let second = of_filters([forward(Verdict::Drop)]);
    let [expected, _] = by_netlink(&second);
    in_new(|_| {
        apply(&home_router()).expect("the kernel takes it");
        load(None, &ruleset(&second)).expect("nft takes it");
        assert_eq!(listed()[0], expected);
        load(None, &ruleset(&Firewall::default())).expect("nft takes it");
        assert_eq!(listed()[0], "");
    });
}

#[test]
fn more_rules_than_the_default_send_buffer_holds() {
    let name = "more_rules_than_the_default_send_buffer_holds";
    if !has_nft(name) {
        return;
    }
    // `user_namespaces(7)`: elsewhere `net.core.wmem_max` is the limit.
    let map = std::fs::read_to_string("/proc/self/uid_map").expect("a process has its map");
    if !map.split_whitespace().eq(["0", "0", "4294967295"]) {
        println!("skipped: {name}: needs root of the first user namespace");
        return;
    }
    // Each rule has more than 500 bytes, and `net.core.wmem_default` is 212,992.
    let filters = (1..=2000).map(|port| Filter {
        from: net("10.0.0.0/23"),
        protocol: Some(Protocol::Tcp),
        dport: Some(port),
        ..forward(Verdict::Accept)
    });
    let firewall = of_filters(filters.collect::<Vec<_>>());
    let [text, _] = by_netlink(&firewall);
    let rules = text.lines().filter(|line| line.contains("dport"));
    let expected = (1..=2000).map(|port| format!("ip saddr 10.0.0.0/23 tcp dport {port} accept"));
    assert!(rules.map(str::trim).eq(expected), "{text}");
}

#[test]
fn without_the_capability_the_kernel_says_so() {
    if !is_root("without_the_capability_the_kernel_says_so") {
        return;
    }
    in_new(|_| {
        // Capabilities are the thread's own (`capabilities(7)`).
        let mut sets = rustix::thread::capabilities(None).expect("a thread knows its own");
        sets.effective.remove(rustix::thread::CapabilitySet::NET_ADMIN);
        rustix::thread::set_capabilities(None, sets).expect("fewer is always allowed");
        let error = apply(&home_router()).expect_err("only for who has CAP_NET_ADMIN");
        assert_eq!(error.errno(), Some(rustix::io::Errno::PERM), "{error:?}");
    });
}

#[test]
fn tables_are_named_with_their_family() {
    if !has_nft("tables_are_named_with_their_family") {
        return;
    }
    in_new(|_| {
        assert_eq!(tables().expect("none can be listed"), [""; 0]);
        let expected = ["arp a", "bridge b", "inet i", "inet twinax", "ip d", "ip6 s", "netdev n"];
        for table in expected.iter().filter(|table| **table != "inet twinax") {
            load(None, &format!("table {table}")).expect("nft takes it");
        }
        apply(&home_router()).expect("the kernel takes it");
        let mut found = tables().expect("they can be listed");
        found.sort();
        assert_eq!(found, expected);
    });
}

#[test]
fn a_free_ruleset_comes_on_top_of_the_words() {
    if !has_nft("a_free_ruleset_comes_on_top_of_the_words") {
        return;
    }
    let free = "add rule inet twinax forward iifname \"guest\" drop\n";
    let firewall = Firewall { ruleset: Some(free.to_owned()), ..home_router() };
    in_new(|_| {
        apply(&firewall).expect("the kernel takes the words");
        let (_, text) = texts(&firewall);
        load(None, text.expect("there is a ruleset")).expect("nft takes the ruleset");
        assert!(listed()[0].contains("iifname \"guest\" drop"));
    });
}

#[test]
fn a_bad_ruleset_is_refused_with_its_own_lines_and_nothing_is_loaded() {
    if !has_nft("a_bad_ruleset_is_refused_with_its_own_lines_and_nothing_is_loaded") {
        return;
    }
    let text = "\
table ip demo {
\tchain c {
\t\ttype filter hook input priority 0; policy accept;
\t\ttcp dport 80 acept
\t}
}
";
    in_new(|_| {
        let error = load(None, text).expect_err("there is no `acept`");
        let LoadError::Refused { complaints, stderr } = &error else { panic!("{error:?}") };
        let [Complaint { line: Some(4), column: Some(_), text }] = &complaints[..] else {
            panic!("{complaints:?}");
        };
        assert!(error.to_string().contains("line 4, column "), "{error}");
        assert!(error.to_string().contains(text.as_str()), "{error}");
        assert!(stderr.contains("tcp dport 80 acept"), "{stderr}");
        assert_eq!(tables().expect("they can be listed"), [""; 0]);
    });
}

#[test]
fn a_ruleset_that_only_the_kernel_refuses_is_refused_with_its_line() {
    if !has_nft("a_ruleset_that_only_the_kernel_refuses_is_refused_with_its_line") {
        return;
    }
    let text = "table ip demo\n# nothing of this name\ndelete table ip absent\n";
    in_new(|_| {
        let error = load(None, text).expect_err("there is no such table");
        let LoadError::Refused { complaints, .. } = &error else { panic!("{error:?}") };
        assert_eq!(complaints[0].line, Some(3), "{complaints:?}");
        assert!(complaints[0].text.contains("No such file or directory"), "{complaints:?}");
        assert_eq!(tables().expect("they can be listed"), [""; 0]);
    });
}

fn any_name() -> impl Strategy<Value = IfName> {
    "[a-zA-Z0-9_][-a-zA-Z0-9_.@+=#~]{0,14}"
        .prop_filter_map("kept by the kernel", |text| text.parse().ok())
}

fn any_net(v6: bool) -> BoxedStrategy<IpNet> {
    // Whole bytes are a case of their own: half of the prefixes are such.
    if v6 {
        let length = prop_oneof![0..=128_u8, (0..=16_u8).prop_map(|bytes| bytes * 8)];
        (any::<u128>(), length)
            .prop_map(|(bits, length)| Ipv6Net::new_assert(bits.into(), length).into())
            .boxed()
    } else {
        let length = prop_oneof![0..=32_u8, (0..=4_u8).prop_map(|bytes| bytes * 8)];
        (any::<u32>(), length)
            .prop_map(|(bits, length)| Ipv4Net::new_assert(bits.into(), length).into())
            .boxed()
    }
}

prop_compose! {
    fn any_filter()(v6 in any::<bool>())(
        chain in proptest::sample::select(&Chain::ALL[..]),
        verdict in proptest::sample::select(&[Verdict::Accept, Verdict::Drop, Verdict::Reject][..]),
        established in any::<bool>(),
        interfaces in proptest::option::of(any_name()).prop_flat_map(|iif| {
            (Just(iif), proptest::option::of(any_name()))
        }),
        nets in (proptest::option::of(any_net(v6)), proptest::option::of(any_net(v6))),
        protocol in proptest::option::of(proptest::sample::select(
            &[Protocol::Tcp, Protocol::Udp, Protocol::Icmp, Protocol::Icmpv6][..]
        )),
        ports in proptest::option::of((any::<Option<u16>>(), any::<Option<u16>>())),
        comment in proptest::option::of("[ !#-~\u{a1}-\u{2ff}]{0,60}"),
    ) -> Filter {
        let with_ports = protocol.is_some_and(Protocol::has_ports);
        let (sport, dport) = ports.filter(|_| with_ports).unwrap_or_default();
        Filter {
            chain,
            verdict,
            established,
            iif: interfaces.0.filter(|_| chain != Chain::Output),
            oif: interfaces.1.filter(|_| chain != Chain::Input),
            from: nets.0,
            to: nets.1,
            protocol,
            sport,
            dport,
            comment,
        }
    }
}

prop_compose! {
    fn any_dnat()(
        iif in proptest::option::of(any_name()),
        protocol in proptest::sample::select(&[Protocol::Tcp, Protocol::Udp][..]),
        dport in 1_u16..,
        to in any::<std::net::IpAddr>(),
        port in 1_u16..,
    ) -> Dnat {
        Dnat { iif, protocol, dport, to: (to, port).into() }
    }
}

fn any_policy() -> impl Strategy<Value = Option<Verdict>> {
    proptest::sample::select(&[None, Some(Verdict::Accept), Some(Verdict::Drop)][..])
}

fn any_firewall() -> impl Strategy<Value = Firewall> {
    (
        proptest::collection::vec(any_name(), 0..3),
        proptest::collection::vec(any_dnat(), 0..4),
        (any_policy(), any_policy(), any_policy()),
        proptest::collection::vec(any_filter(), 0..12),
    )
        .prop_map(|(masquerade, dnat, (input, forward, output), filters)| Firewall {
            masquerade,
            dnat,
            policy: Policies { input, forward, output },
            filters,
            ruleset: None,
        })
}

#[test]
fn netlink_and_nft_agree_on_random_firewalls() {
    if !has_nft("netlink_and_nft_agree_on_random_firewalls") {
        return;
    }
    proptest!(ProptestConfig { cases: 96, ..ProptestConfig::default() }, |(wall in any_firewall())| {
        prop_assert_eq!(by_netlink(&wall), by_nft(&wall));
    });
}
