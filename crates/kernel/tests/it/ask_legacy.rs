//! What drops in tables of the old iptables is what `iptables-legacy` was told, and is counted as it counts.

use std::net::IpAddr;
use std::process::Command;

use twinax_kernel::ask::{LegacyDrop, legacy_drops, legacy_tables};

use crate::nodes::{change, in_new, is_root};

/// Runs a line; whether that went well.
fn run(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let program = words.next().expect("a program");
    Command::new(program).args(words).output().is_ok_and(|done| done.status.success())
}

fn is_there(name: &str, program: &str) -> bool {
    let there = run(&format!("{program} -t filter -S")) || run(&format!("{program} -t filter -L"));
    if !there {
        println!("skipped: {name}: no `{program}`, or a kernel without its tables");
    }
    there
}

fn drops() -> Vec<(String, Option<usize>, u64)> {
    let all = legacy_drops().expect("they can be read");
    all.into_iter().map(|own| (own.chain, own.rule, own.packets)).collect()
}

fn all(program: &str) -> Vec<LegacyDrop> {
    let all = legacy_drops().expect("they can be read");
    all.into_iter().filter(|own| own.program == program).collect()
}

#[test]
fn rules_and_policies_that_drop() {
    let name = "rules_and_policies_that_drop";
    if !is_root(name) {
        return;
    }
    in_new(|_| {
        assert_eq!((legacy_tables(), drops()), (Vec::new(), Vec::new()));
        if !is_there(name, "iptables-legacy") {
            return;
        }
        assert_eq!(drops(), [], "it is used, and empty");
        for rule in [
            "-A INPUT -j ACCEPT",
            "-A INPUT -s 10.0.0.0/24 -p tcp --dport 80 -j DROP",
            "-N mine",
            "-A FORWARD -j mine",
            "-A mine -i lo",
            "-A mine ! -s 192.0.2.0/24 -d 192.0.2.1 -j REJECT",
            "-P OUTPUT DROP",
        ] {
            assert!(run(&format!("iptables-legacy {rule}")), "{rule}");
        }
        let mine = ("mine".to_owned(), Some(2), 0);
        let expected = [("INPUT".to_owned(), Some(2), 0), ("OUTPUT".to_owned(), None, 0), mine];
        assert_eq!(drops(), expected);
        assert_eq!(legacy_tables(), ["iptables-legacy -t filter -S"]);

        let all = all("iptables-legacy");
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        let is_for = |own: &LegacyDrop, from: &str, to: &str, of| {
            own.is_for(Some(address(from)), address(to), of)
        };
        assert!(is_for(&all[0], "10.0.0.7", "192.0.2.1", 6));
        assert!(!is_for(&all[0], "10.0.1.7", "192.0.2.1", 6), "another source");
        assert!(!is_for(&all[0], "10.0.0.7", "192.0.2.1", 17), "another protocol");
        assert!(!is_for(&all[0], "fd00::7", "fd00::1", 6), "another family");
        assert!(is_for(&all[1], "10.0.1.7", "192.0.2.1", 1));
        assert!(is_for(&all[2], "10.0.1.7", "192.0.2.1", 1), "the source is all but that one's");
        assert!(!is_for(&all[2], "10.0.1.7", "192.0.2.2", 1));
        assert_eq!(all[0].to_string(), "rule 2 of the chain INPUT (iptables-legacy, table filter)");
        assert!(!all.iter().any(LegacyDrop::is_for_arp));

        change(|rtnl| rtnl.set_up("lo", true));
        assert!(!run("ping -c 1 -W 1 127.0.0.1"), "nothing goes out");
        assert_eq!(drops()[1], ("OUTPUT".to_owned(), None, 1));
    });
}

#[test]
fn those_of_ipv6() {
    let name = "those_of_ipv6";
    if !is_root(name) {
        return;
    }
    in_new(|_| {
        if !is_there(name, "ip6tables-legacy") {
            return;
        }
        assert!(run("ip6tables-legacy -t raw -A PREROUTING -s fd00::/64 -p udp -j DROP"));
        let [own] = &all("ip6tables-legacy")[..] else { panic!("{:?}", drops()) };
        assert_eq!(
            (own.table.as_str(), own.chain.as_str(), own.rule),
            ("raw", "PREROUTING", Some(1))
        );
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        assert!(own.is_for(Some(address("fd00::9")), address("fd01::1"), 17));
        assert!(!own.is_for(Some(address("fd01::9")), address("fd01::1"), 17));
        assert_eq!(own.command(), "ip6tables-legacy -t raw -vnL PREROUTING");
    });
}

#[test]
fn those_of_arp() {
    let name = "those_of_arp";
    if !is_root(name) {
        return;
    }
    in_new(|_| {
        if !is_there(name, "arptables-legacy") {
            return;
        }
        assert!(run("arptables-legacy -A INPUT -s 10.0.0.1 -j DROP"));
        assert!(run("arptables-legacy -P OUTPUT DROP"));
        let expected = [("INPUT".to_owned(), Some(1), 0), ("OUTPUT".to_owned(), None, 0)];
        assert_eq!(drops(), expected);
        assert!(all("arptables-legacy").iter().all(LegacyDrop::is_for_arp));
    });
}
