//! Copies of nftables: the same, as `nft` writes it and as the kernel lists it.

use std::process::Command;

use twinax_kernel::nft::copy::{HandleMap, RawRuleset, dump};
use twinax_kernel::nft::rules::rules;
use twinax_kernel::nft::{Family, load, ruleset};

use crate::nft::{has_nft, nft};
use crate::nft_ruleset::RULESET;
use crate::nodes::{change, in_new};

/// What a firewall may have in every family.
const FAMILIES: &str = r#"
table ip nat {
    map services { type inet_service : ipv4_addr . inet_service; elements = { 80 : 10.0.0.2 . 8080, 443 : 10.0.0.3 . 8443 } }
    chain prerouting {
        type nat hook prerouting priority dstnat; policy accept;
        iifname "wan" dnat ip addr . port to tcp dport map @services
        tcp dport 22 redirect to :2222
        dup to 10.0.0.9
        udp dport 53 dnat to 10.0.0.2-10.0.0.9
        ip daddr 10.9.0.0/16 dnat ip prefix to ip daddr map { 10.9.1.0/24 : 10.8.1.0/24 }
    }
    chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr 10.0.0.0/24 oifname { "wan", "wan2" } masquerade random
        snat to numgen inc mod 2 map { 0 : 10.0.0.1, 1 : 10.0.0.2 }
    }
}
table ip6 raw {
    chain pre {
        type filter hook prerouting priority raw; policy accept;
        ip6 saddr fd00::/8 notrack
        fib saddr . iif oif missing drop
        exthdr frag exists drop
    }
}
table arp a {
    chain in {
        type filter hook input priority 0; policy drop;
        arp operation { request, reply } arp saddr ip 10.0.0.1 accept
    }
}
table bridge b {
    chain forward {
        type filter hook forward priority -200; policy accept;
        ether saddr 02:00:00:00:00:01 vlan id 5 drop
        ether type arp accept
    }
}
table netdev d {
    chain in {
        type filter hook ingress device "lo" priority -500; policy accept;
        ip frag-off & 0x1fff != 0 counter drop
    }
}
"#;

/// What there is besides rules.
const OBJECTS: &str = r#"
table inet t {
    comment "all that is not a rule"
    flags dormant
    counter ours { packets 3 bytes 300 }
    counter theirs { }
    limit slow { rate over 10/second burst 20 packets }
    quota month { over 1000 mbytes used 5 mbytes }
    quota spent { 10 bytes used 10 bytes }
    map counts { type ipv4_addr : counter; elements = { 10.0.0.1 : "ours", 10.0.0.2 : "theirs" } }
    set pairs { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/24 . 80-90, 10.0.1.1 . 443 } }
    set open { type inet_service; flags interval; elements = { 1024-65535, 22 comment "ssh" } }
    set merged { type ipv4_addr; flags interval; auto-merge; elements = { 10.0.0.0/25, 10.0.0.128/25 } }
    set all6 { type ipv6_addr; flags interval; elements = { ::/0 } }
    set names { type ifname; elements = { "lan", "wan" } }
    set sized { typeof ip daddr; size 4; counter; elements = { 10.0.0.1 counter packets 1 bytes 2 } }
    set every { type ipv4_addr; flags interval; elements = { 10.0.0.1, * } }
    map goes { type ipv4_addr : verdict; flags interval; elements = { 10.0.0.0/8 : jump sub, 11.0.0.0/8 : goto other, * : drop } }
    chain empty { comment "nothing"
    }
    chain sub {
        counter name ip saddr map @counts
        limit name "slow" log prefix "slow " level debug
        jump other
    }
    chain other {
        tcp option maxseg size set rt mtu
        reset tcp option sack-perm
        meta mark set 0x1 ct mark set meta mark
        ip dscp set cs1
        tcp dport { 22, 80-90 } tcp flags & (syn | ack) == syn counter packets 7 bytes 8
        ct state vmap { established : accept, invalid : drop }
        ip saddr . tcp dport @pairs return
        meta l4proto { tcp, udp } th dport @open drop
        tcp dport 25 reject with tcp reset
        reject with icmpx admin-prohibited
        ct count over 5 drop
        iif "lo" oif != "lo" meta pkttype broadcast skuid 1000 drop comment "größe"
        jump {
            ip saddr { 10.0.0.1, 10.0.0.2 } accept
            drop
        }
    }
    chain in {
        type filter hook forward priority filter + 5; policy drop;
        ip daddr vmap @goes
        update @sized { ip daddr counter }
        quota name "month" accept
        quota over 10 bytes used 10 bytes drop
    }
}
"#;

fn copied(ruleset: &RawRuleset) -> HandleMap {
    ruleset.load().unwrap_or_else(|error| {
        let source = std::error::Error::source(&error).map(ToString::to_string);
        panic!("the kernel does not take it: {error:?}, {source:?}")
    })
}

/// Has the ruleset that `make` makes in a new namespace copied to another.
fn is_copied(make: impl Fn() + Send + Sync) {
    let (raw, listed, made) = in_new(|_| {
        make();
        let raw = dump().expect("it can be read");
        (raw, nft(&["list", "ruleset"]), ruleset().expect("it can be read"))
    });
    // It goes from process to process as bytes.
    let bytes = serde_json::to_vec(&raw).expect("it is plain data");
    let raw: RawRuleset = serde_json::from_slice(&bytes).expect("it is the same again");
    in_new(|_| {
        copied(&raw);
        assert_eq!(nft(&["list", "ruleset"]), listed);
        assert_eq!(ruleset().expect("it can be read"), made);
    });
}

/// Leaves out what this kernel does not have: a line of a ruleset at a time. It says which.
fn as_far_as_there(name: &str, text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    let mut at = 0;
    while let Err(error) = in_new(|_| load(None, &lines.join("\n"))) {
        let refused = error.to_string();
        let line = refused.split("line ").nth(1).and_then(|rest| rest.split(',').next());
        let line = line.and_then(|line| line.parse::<usize>().ok()).expect("a line is refused");
        let left_out = lines.remove(line - 1).trim();
        println!("{name}: without `{left_out}`: {refused}");
        let braces = |brace| left_out.matches(brace).count();
        assert_eq!(braces('{'), braces('}'), "a rule or a set is refused");
        at += 1;
        assert!(at < 12, "nearly everything is refused");
    }
    lines.join("\n")
}

#[test]
fn a_copy_is_the_same() {
    let name = "a_copy_is_the_same";
    if !has_nft(name) {
        return;
    }
    // Without timeouts, which run.
    let without_time: Vec<&str> = RULESET.lines().filter(|line| !line.contains("banned")).collect();
    for text in [&without_time.join("\n"), FAMILIES, OBJECTS] {
        let text = as_far_as_there(name, text);
        is_copied(|| load(None, &text).expect("nft takes the text"));
    }
}

#[test]
fn sets_of_many_elements_are_copied() {
    if !has_nft("sets_of_many_elements_are_copied") {
        return;
    }
    let net = |n: u32| format!("10.{}.{}.0/25", n / 256, n % 256);
    let nets: Vec<String> = (0..3000).map(net).collect();
    let ports: Vec<String> = (1..3000).map(|port| format!("{port} : {}", 9000 - port)).collect();
    let text = format!(
        "table ip t {{\n set nets {{ type ipv4_addr; flags interval; elements = {{ {} }}\n }}\n \
         map ports {{ type inet_service : inet_service; elements = {{ {} }}\n }}\n}}\n",
        nets.join(", "),
        ports.join(", ")
    );
    is_copied(|| load(None, &text).expect("nft takes the text"));
}

#[test]
fn nothing_is_copied_as_nothing_and_what_runs_is_copied_too() {
    if !has_nft("nothing_is_copied_as_nothing_and_what_runs_is_copied_too") {
        return;
    }
    is_copied(|| ());
    let (raw, made) = in_new(|_| {
        change(|rtnl| rtnl.set_up("lo", true));
        load(None, RULESET).expect("nft takes the text");
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.send_to(b"some bytes", "127.0.0.1:9").expect("lo takes it");
        (dump().expect("it can be read"), ruleset().expect("it can be read"))
    });
    in_new(|_| {
        copied(&raw);
        assert_eq!(ruleset().expect("it can be read"), made);
        let listed = nft(&["list", "ruleset"]);
        assert!(
            listed.contains("127.0.0.1 timeout 1h expires") || listed.contains("expires"),
            "{listed}"
        );
    });
}

#[test]
fn the_copy_of_a_rule_is_found_by_its_handle() {
    if !has_nft("the_copy_of_a_rule_is_found_by_its_handle") {
        return;
    }
    let (raw, originals) = in_new(|_| {
        load(None, RULESET).expect("nft takes the text");
        // So that the handles are others.
        load(None, "insert rule inet filter web drop\nadd rule ip nat postrouting accept")
            .expect("nft takes the text");
        (dump().expect("it can be read"), rules().expect("they can be listed"))
    });
    in_new(|_| {
        let handles = copied(&raw);
        let copies = rules().expect("they can be listed");
        assert_eq!(copies.len(), originals.len());
        for own in &originals {
            let copy = handles.copy(own.family, &own.table, own.handle).expect("there is one");
            let back = handles.original(own.family, &own.table, copy);
            assert_eq!(back, Some(own.handle));
            let copy = copies
                .iter()
                .find(|other| (&other.table, other.handle) == (&own.table, copy))
                .expect("it is there");
            assert_eq!((&copy.text, copy.place()), (&own.text, own.place()));
        }
        assert_eq!(handles.copy(Family::Inet, "filter", 10_000), None);
    });
}

#[test]
fn what_is_there_already_is_not_touched() {
    if !has_nft("what_is_there_already_is_not_touched") {
        return;
    }
    in_new(|_| {
        load(None, RULESET).expect("nft takes the text");
        let raw = dump().expect("it can be read");
        let before = nft(&["list", "ruleset"]);
        let error = raw.load().expect_err("there is a table of that name");
        assert_eq!(error.errno(), Some(rustix::io::Errno::EXIST), "{error:?}");
        assert_eq!(nft(&["list", "ruleset"]), before);
    });
}

/// Each a line of `iptables` arguments.
const IPTABLES: &[&str] = &[
    "-P FORWARD DROP",
    "-N web",
    "-A INPUT -i lo -j ACCEPT",
    "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "-A INPUT -p tcp -m tcp --dport 22 -m comment --comment guests -j ACCEPT",
    "-A INPUT -p tcp -m multiport --dports 80,443 -j web",
    "-A INPUT ! -p tcp -m limit --limit 5/min -j LOG --log-prefix x",
    "-A INPUT -p udp -m length --length 100:200 -j DROP",
    "-A web -p tcp -j REJECT --reject-with tcp-reset",
    "-A web -s 10.0.0.0/8 -m addrtype --dst-type LOCAL -j REJECT --reject-with icmp-host-prohibited",
    "-A web -m mark --mark 0x1/0xff -j RETURN",
    "-t nat -A PREROUTING -p tcp --dport 80 -j DNAT --to-destination 10.0.0.2:8080",
    "-t nat -A POSTROUTING -o wan -j MASQUERADE",
    "-t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu",
];

#[test]
fn what_iptables_has_made_is_copied() {
    let name = "what_iptables_has_made_is_copied";
    if !has_nft(name) {
        return;
    }
    let iptables = |program: &str, line: &str| {
        Command::new(program).args(line.split(' ')).env("XTABLES_LOCKFILE", "/dev/null").output()
    };
    if iptables("/usr/sbin/iptables-nft", "--version").is_err() {
        println!("skipped: {name}: needs the program `iptables-nft` (package iptables)");
        return;
    }
    let saved = || {
        let output = iptables("/usr/sbin/iptables-nft-save", "-c").expect("it runs");
        let text = String::from_utf8(output.stdout).expect("it prints UTF-8");
        // Those are comments that say when.
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let (raw, listed, made, comments) = in_new(|_| {
        let mut done = 0;
        for line in IPTABLES {
            let output = iptables("/usr/sbin/iptables-nft", line).expect("it runs");
            let refused = String::from_utf8_lossy(&output.stderr).into_owned();
            match output.status.success() {
                true => done += 1,
                // An extension that this kernel has not.
                false => println!("{name}: without `{line}`: {refused}"),
            }
        }
        assert!(done > IPTABLES.len() / 2, "most of it is there");
        let rules = rules().expect("they can be listed");
        let comments: Vec<String> = rules.into_iter().filter_map(|rule| rule.comment).collect();
        let made = ruleset().expect("it can be read");
        (dump().expect("it can be read"), saved(), made, comments)
    });
    assert_eq!(comments, ["guests"]);
    in_new(|_| {
        copied(&raw);
        assert_eq!(saved(), listed);
        assert_eq!(ruleset().expect("it can be read"), made);
    });
}
