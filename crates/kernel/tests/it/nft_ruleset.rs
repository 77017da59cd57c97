//! Two firewalls are the same when the kernel has the same of both.

use std::net::UdpSocket;

use twinax_kernel::nft::{self, Ruleset, load, ruleset};

use crate::nft::{has_nft, nft as run_nft};
use crate::nodes::{change, in_new};

/// One of everything that `nft` 1.0.6 and this kernel have and that needs no device.
pub const RULESET: &str = r#"
table inet filter {
    counter hits { }
    quota month { over 1000 mbytes }
    set friends { type ipv4_addr; elements = { 10.0.0.1, 10.0.0.2 } }
    set nets { type ipv4_addr; flags interval; elements = { 10.1.0.0/16, 10.2.0.0/16 } }
    set counted { type ipv4_addr; counter; elements = { 127.0.0.1 } }
    set seen { type ipv4_addr; flags dynamic; size 100; }
    set banned { type ipv4_addr; flags timeout; timeout 1h; }
    map verdicts { type inet_service : verdict; elements = { 22 : accept, 23 : drop } }
    chain web {
        tcp dport 80 accept
    }
    chain input {
        type filter hook input priority filter; policy accept;
        iifname "eth0" counter accept comment "first"
        ip saddr { 10.3.0.1, 10.3.0.2 } drop
        ip saddr { 10.4.0.1, 10.4.0.2 } drop
        ip saddr @friends accept
        ip saddr @nets accept
        tcp dport vmap @verdicts
        tcp dport { 80, 8080 } jump web
        tcp dport 443 jump {
            ip saddr 10.5.0.1 accept
            ip saddr 10.5.0.2 drop
        }
    }
    chain output {
        type filter hook output priority filter; policy accept;
        counter
        counter name "hits"
        quota name "month"
        quota over 500 mbytes
        ip daddr @counted
        add @seen { ip daddr }
        add @banned { ip daddr }
        limit rate 1000/second
    }
}
table ip nat {
    chain postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        oifname "wan" masquerade
    }
}
"#;

/// Each is a difference from [`RULESET`].
const EDITS: &[&str] = &[
    "add table ip another",
    "delete table ip nat",
    "add table inet filter { flags dormant; }",
    "add chain inet filter another",
    "flush chain inet filter web",
    "chain inet filter input { policy drop; }",
    "add rule inet filter web tcp dport 81 accept",
    "insert rule inet filter web tcp dport 80 accept",
    "insert rule inet filter input ip saddr 10.3.0.1 drop",
    "add element inet filter friends { 10.0.0.3 }",
    "delete element inet filter friends { 10.0.0.1 }",
    "add element inet filter nets { 10.9.0.0/16 }",
    "add element inet filter verdicts { 24 : drop }",
    "add set inet filter another { type ipv4_addr; }",
    "add counter inet filter another",
    "add quota inet filter another { over 1 mbytes }",
];

/// Each, said of [`RULESET`] as a text, is another firewall.
const OTHER_WORDS: &[(&str, &str)] = &[
    ("iifname \"eth0\"", "iifname \"eth1\""),
    ("comment \"first\"", "comment \"1st\""),
    ("10.3.0.2 }", "10.3.0.3 }"),
    ("10.4.0.2 } drop", "10.4.0.2 } accept"),
    ("ip saddr 10.5.0.2 drop", "ip saddr 10.5.0.3 drop"),
    ("type ipv4_addr; flags timeout; timeout 1h", "type ipv4_addr; flags timeout; timeout 2h"),
    ("23 : drop", "23 : accept"),
    ("over 1000 mbytes", "over 2000 mbytes"),
    ("over 500 mbytes", "over 501 mbytes"),
    ("limit rate 1000/second", "limit rate 1001/second"),
    ("priority srcnat", "priority 0"),
    ("oifname \"wan\" masquerade", "oifname \"wan\" masquerade random"),
    ("size 100", "size 101"),
    ("table ip nat", "table ip nat2"),
    ("add @seen", "update @seen"),
];

fn of(text: &str) -> Ruleset {
    in_new(|_| {
        load(None, text).expect("nft takes the text");
        ruleset().expect("it can be read")
    })
}

#[test]
fn the_same_text_is_the_same_firewall() {
    if !has_nft("the_same_text_is_the_same_firewall") {
        return;
    }
    assert_eq!(of(RULESET), of(RULESET));
    assert!(!of(RULESET).is_empty());
    assert!(of("").is_empty() && of("table ip t { }") != of(""));
}

#[test]
fn each_small_edit_is_a_difference() {
    if !has_nft("each_small_edit_is_a_difference") {
        return;
    }
    let plain = of(RULESET);
    for edit in EDITS {
        assert_ne!(of(&format!("{RULESET}\n{edit}")), plain, "{edit}");
    }
    for (from, to) in OTHER_WORDS {
        let other = RULESET.replacen(from, to, 1);
        assert_ne!(other, RULESET, "`{from}` is in the text");
        assert_ne!(of(&other), plain, "{from} → {to}");
    }
}

#[test]
fn the_order_of_rules_counts_and_that_of_tables_does_not() {
    if !has_nft("the_order_of_rules_counts_and_that_of_tables_does_not") {
        return;
    }
    let table = |name: &str| format!("table ip {name} {{ chain c {{ accept\n }}\n }}\n");
    assert_eq!(of(&(table("a") + &table("b"))), of(&(table("b") + &table("a"))));
    let rules = |rules: &str| of(&format!("table ip a {{ chain c {{ {rules}\n }}\n }}"));
    assert_ne!(
        rules("tcp dport 1 accept; tcp dport 2 drop"),
        rules("tcp dport 2 drop; tcp dport 1 accept")
    );
}

#[test]
fn what_was_counted_and_learned_is_no_difference() {
    if !has_nft("what_was_counted_and_learned_is_no_difference") {
        return;
    }
    in_new(|_| {
        change(|rtnl| rtnl.set_up("lo", true));
        load(None, RULESET).expect("nft takes the text");
        let before = ruleset().unwrap();
        let listed = run_nft(&["list", "ruleset"]);
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.send_to(b"some bytes", "127.0.0.1:9").unwrap();
        let after = run_nft(&["list", "ruleset"]);
        for counted in ["counter packets 0 bytes 0", "packets 0 bytes 0\n\t}"] {
            assert!(listed.matches(counted).count() > after.matches(counted).count(), "{counted}");
        }
        for learned in ["used", "expires"] {
            assert!(listed.matches(learned).count() < after.matches(learned).count(), "{learned}");
        }
        assert_eq!(ruleset().unwrap(), before);
    });
}

#[test]
fn a_firewall_that_was_changed_and_changed_back_is_the_same() {
    if !has_nft("a_firewall_that_was_changed_and_changed_back_is_the_same") {
        return;
    }
    let there_and_back = "\
        flush chain inet filter web
        add rule inet filter web ip saddr { 10.6.0.1, 10.6.0.2 } drop
        add rule inet filter web tcp dport 444 jump {
            accept
        }
        flush chain inet filter web
        add rule inet filter web tcp dport 80 accept
        delete table ip nat
        table ip nat {
            chain postrouting {
                type nat hook postrouting priority srcnat; policy accept;
                oifname \"wan\" masquerade
            }
        }
        add element inet filter friends { 10.0.0.9 }
        delete element inet filter friends { 10.0.0.9 }";
    in_new(|_| {
        load(None, RULESET).unwrap();
        let before = ruleset().unwrap();
        // Handles go on counting, and so do the names of what has none.
        for line in [there_and_back, there_and_back] {
            load(None, line).unwrap();
        }
        assert_eq!(ruleset().unwrap(), before);
    });
    // The same, with the rules that have sets without a name made in another order.
    let one = "add rule ip t c ip saddr { 10.0.0.1, 10.0.0.2 } drop\n";
    let two = "insert rule ip t c ip saddr { 10.0.0.3, 10.0.0.4 } accept\n";
    let chain = "table ip t {\n chain c {\n }\n}\n";
    let first_two = "add rule ip t c ip saddr { 10.0.0.3, 10.0.0.4 } accept\n";
    assert_eq!(of(&[chain, one, two].concat()), of(&[chain, first_two, one].concat()));
}

#[test]
fn without_the_table_of_the_short_words() {
    if !has_nft("without_the_table_of_the_short_words") {
        return;
    }
    let other = "table ip t { chain c { accept\n }\n }\n";
    let both = of(&format!("table inet twinax {{ chain c {{ drop\n }}\n }}\n{other}"));
    assert_ne!(both, of(other));
    assert_eq!(both.without_inet("twinax"), of(other));
}

#[test]
fn what_is_listed_makes_the_same_firewall() {
    if !has_nft("what_is_listed_makes_the_same_firewall") {
        return;
    }
    let (listed, made) = in_new(|_| {
        assert_eq!(nft::list(None).unwrap(), None, "there is nothing to be listed");
        load(None, RULESET).unwrap();
        (nft::list(None).unwrap().expect("there is something"), ruleset().unwrap())
    });
    assert_eq!(of(&listed), made);
    let missing = in_new(|_| {
        load(None, RULESET).unwrap();
        nft::list(Some("/nowhere/nft".as_ref())).expect_err("there is no such program")
    });
    assert_eq!(missing.to_string(), "listing the ruleset");
}
