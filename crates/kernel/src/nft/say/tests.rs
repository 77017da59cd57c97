//! What is said of a rule without `nft` is what `nft` says. As root, in namespaces of their own.

use ipnet::IpNet;
use twinax_topology::{Chain, Dnat, Filter, Firewall, Protocol, Verdict};

use crate::Netns;
use crate::nft::rules::{Rule, rules};
use crate::nft::{apply, load};

/// All of these can be said.
const SAID: &str = r#"
table inet t {
    set friends { type ipv4_addr; }
    map verdicts { type inet_service : verdict; }
    chain sub {
        return
    }
    chain c {
        meta l4proto icmp accept
        ip protocol icmp accept
        icmp type echo-request drop
        icmpv6 type { echo-request, nd-neighbor-solicit } accept
        meta l4proto ipv6-icmp drop
        ip saddr != 10.0.0.1 tcp sport 5 tcp dport 80 drop
        ip protocol tcp tcp dport 80 drop
        tcp dport 80-90 drop
        tcp dport != 80-90 drop
        tcp dport != 80 counter drop
        tcp dport >= 80 drop
        udp sport < 1024 drop
        ct state invalid drop
        ct state established,related accept
        ct state { established, related } accept
        ct state new tcp dport 22 limit rate 5/minute burst 7 packets accept
        limit rate over 10/second burst 20 packets drop
        meta nfproto ipv6 drop
        ip saddr 10.0.0.1 reject
        ip6 saddr fd00::1 reject
        reject with icmp host-unreachable
        reject with icmpx host-unreachable
        reject
        tcp dport 25 reject with tcp reset
        reject with tcp reset
        iifname "lan*" drop
        iifname { "a", "b" } oifname != "c" drop
        meta mark 5 drop
        ip ttl 1 drop
        ip6 hoplimit < 2 drop
        log prefix "x" level debug drop
        log
        ip6 saddr fd00::/10 drop
        ip saddr 10.0.0.0/23 ip daddr 10.0.0.0/8 drop
        ip saddr != 10.0.0.0/23 drop
        ip saddr { 10.0.0.2, 10.0.0.1 } drop
        ip saddr != { 10.0.0.2, 10.0.0.1 } drop
        ip saddr @friends accept comment "größe"
        tcp dport vmap @verdicts
        tcp dport vmap { 23 : drop, 22 : jump sub }
        meta l4proto vmap { tcp : goto sub, udp : drop }
        th dport 53 drop
        meta l4proto { tcp, udp } th dport 53 drop
        udp sport 5 jump sub
    }
}
table ip n {
    chain pre {
        type nat hook prerouting priority dstnat; policy accept;
        iifname "wan" tcp dport 80 dnat to 10.0.0.2:8080
        ip protocol tcp tcp dport 81 accept
        ip protocol udp dnat to 10.0.0.2 persistent
    }
    chain in {
        ip saddr 10.0.0.1 reject
        ct state new icmp type echo-request accept
    }
    chain post {
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr 10.0.0.0/24 masquerade random
        oifname "wan" snat to 10.0.0.1
    }
}
"#;

/// There are no words for these here.
const UNSAID: &str = r#"
table inet t {
    quota month { over 1 mbytes }
    set nets { type ipv4_addr . inet_service; flags interval; }
    chain c {
        iif "lo" drop
        ip saddr . tcp dport @nets drop
        quota name "month" drop
        tcp flags syn drop
        ip length > 1000 drop
        ip saddr { 10.0.0.0/24, 10.0.1.1 } drop
        limit rate 10 mbytes/second drop
        meta mark set 5
        ct state != established drop
        ip dscp cs1 drop
        fib saddr oif missing drop
        log group 5
        meta skuid 1000 drop
    }
}
table arp a {
    chain c {
        arp operation request drop
    }
}
table bridge b {
    chain c {
        ip saddr 10.0.0.1 drop
    }
}
"#;

/// The rules of a firewall, each with what is said here; `None` where this test can't run.
fn found(name: &str, make: impl FnOnce() + Send) -> Option<Vec<(Rule, Option<String>)>> {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: {name}: needs root");
        return None;
    }
    if load::listed(None, "-v").is_err() {
        println!("skipped: {name}: needs the program `nft` (package nftables)");
        return None;
    }
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            Netns::create().expect("root may make a namespace");
            make();
            let rules = rules().expect("they can be listed");
            rules
                .into_iter()
                .map(|rule| {
                    let said = rule.said();
                    (rule, said)
                })
                .collect()
        });
        Some(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

fn loaded(text: &str) -> impl FnOnce() + Send {
    move || load::load(None, text).expect("nft takes the text")
}

#[test]
fn what_people_use_most_is_said_as_nft_says_it() {
    let Some(rules) = found("what_people_use_most_is_said_as_nft_says_it", loaded(SAID)) else {
        return;
    };
    assert!(rules.len() > 45);
    let (said, written): (Vec<_>, Vec<_>) =
        rules.into_iter().map(|(rule, said)| (said, rule.text)).filter(|(a, b)| a != b).unzip();
    assert_eq!(said, written);
}

#[test]
fn what_there_are_no_words_for_is_not_said() {
    let Some(rules) = found("what_there_are_no_words_for_is_not_said", loaded(UNSAID)) else {
        return;
    };
    assert!(!rules.is_empty());
    let said: Vec<_> =
        rules.into_iter().filter_map(|(rule, said)| Some((rule.text, said?))).collect();
    assert_eq!(said, []);
}

#[test]
fn our_own_firewalls_are_said_as_nft_says_them() {
    let net = |text: &str| -> Option<IpNet> { Some(text.parse().expect("a prefix")) };
    let nets = [None, net("10.0.0.0/9"), net("10.0.0.1/32"), net("fd00::/16"), net("::/0")];
    let name = |text: &str| Some(text.parse().expect("a name"));
    let mut filters = Vec::new();
    for verdict in [Verdict::Accept, Verdict::Drop, Verdict::Reject] {
        for protocol in [None, Some(Protocol::Tcp), Some(Protocol::Icmp), Some(Protocol::Icmpv6)] {
            for to in nets {
                let with_port = protocol == Some(Protocol::Tcp);
                filters.push(Filter {
                    protocol,
                    to,
                    established: to.is_none(),
                    dport: with_port.then_some(80),
                    sport: (with_port && to.is_none()).then_some(5),
                    iif: to.and(name("lan")),
                    comment: to.map(|net| format!("to {net}")),
                    ..Filter::new(Chain::Forward, verdict)
                });
            }
        }
    }
    let to = |text: &str| text.parse().expect("an address with a port");
    let dnat = |iif, protocol, to| Dnat { iif, protocol, dport: 80, to };
    let firewall = Firewall {
        filters,
        dnat: vec![
            dnat(name("wan"), Protocol::Tcp, to("10.0.0.2:8080")),
            dnat(None, Protocol::Udp, to("[fd00::2]:53")),
        ],
        masquerade: name("wan").into_iter().collect(),
        ..Firewall::default()
    };
    let make = || apply(&firewall).expect("the kernel takes it");
    let Some(rules) = found("our_own_firewalls_are_said_as_nft_says_them", make) else { return };
    assert_eq!(rules.len(), firewall.filters.len() + 3);
    for (rule, said) in rules {
        assert_eq!(said, rule.text, "handle {} of {}", rule.handle, rule.place());
    }
}
