//! Rules: what `nft` writes of them, taken out, and put back where they were.

use twinax_kernel::nft::rules::{Rule, delete_rule, restore_rule, rules, set_policy};
use twinax_kernel::nft::trace::{Probe, Protocol, Tracer};
use twinax_kernel::nft::{Family, Policy, base_chains, load, ruleset};

use crate::nft::{has_nft, nft};
use crate::nft_ruleset::RULESET;
use crate::nodes::in_new;

fn with(name: &str, run: impl FnOnce() + Send) {
    if !has_nft(name) {
        return;
    }
    in_new(|_| {
        load(None, RULESET).expect("nft takes the text");
        run();
    });
}

fn all() -> Vec<Rule> {
    rules().expect("they can be listed")
}

#[test]
fn rules_are_listed_with_their_texts_and_comments() {
    with("rules_are_listed_with_their_texts_and_comments", || {
        let tracer = Tracer::arm(&[Probe::new(Protocol::Icmp)]).expect("the kernel traces");
        assert!(tracer.is_some());
        let rules = all();
        let of = |place: &str| -> Vec<&str> {
            let there = rules.iter().filter(|rule| rule.place() == place);
            there.map(|rule| rule.text.as_deref().expect("nft is there")).collect()
        };
        let input = [
            "iifname \"eth0\" counter accept comment \"first\"",
            "ip saddr { 10.3.0.1, 10.3.0.2 } drop",
            "ip saddr { 10.4.0.1, 10.4.0.2 } drop",
            "ip saddr @friends accept",
            "ip saddr @nets accept",
            "tcp dport vmap @verdicts",
            "tcp dport { 80, 8080 } jump web",
            "tcp dport 443 jump { … }",
        ];
        assert_eq!(of("inet filter input"), input);
        assert_eq!(of("inet filter web"), ["tcp dport 80 accept"]);
        assert_eq!(of("ip nat postrouting"), ["oifname \"wan\" masquerade"]);
        let inner = rules.iter().filter(|rule| rule.chain.starts_with("__chain"));
        let inner: Vec<&str> = inner.filter_map(|rule| rule.text.as_deref()).collect();
        assert_eq!(inner, ["ip saddr 10.5.0.1 accept", "ip saddr 10.5.0.2 drop"]);
        let comments: Vec<&str> = rules.iter().filter_map(|rule| rule.comment.as_deref()).collect();
        assert_eq!(comments, ["first"]);
        assert!(rules.iter().all(|rule| !rule.table.contains("twinax")), "ours are left out");
        let handles = nft(&["-a", "list", "ruleset"]);
        for rule in rules.iter().filter(|rule| !rule.chain.starts_with("__")) {
            let ending = format!(" # handle {}\n", rule.handle);
            assert!(handles.contains(&ending), "{rule}");
        }
    });
}

#[test]
fn each_rule_goes_and_comes_back_to_its_place() {
    with("each_rule_goes_and_comes_back_to_its_place", || {
        let before = ruleset().expect("it can be read");
        let listed = nft(&["list", "ruleset"]);
        let count = all().len();
        for index in 0..count {
            // Those before it have other handles by now.
            let rules = all();
            // A chain within a rule takes no others.
            let Some(rule) = rules.get(index).filter(|rule| !rule.chain.starts_with("__")) else {
                continue;
            };
            delete_rule(rule.family, &rule.table, &rule.chain, rule.handle).expect("it is there");
            assert_ne!(ruleset().expect("it can be read"), before, "without {rule}");
            let handle = restore_rule(rule).expect("its place is there");
            assert_ne!(handle, rule.handle);
            assert_eq!(ruleset().expect("it can be read"), before, "{rule}");
            let is_it = |other: &&Rule| other.handle == handle && other.table == rule.table;
            assert_eq!(all().iter().find(is_it).and_then(|it| it.text.clone()), rule.text);
        }
        assert_eq!(nft(&["list", "ruleset"]), listed);
    });
}

#[test]
fn a_policy_is_set_and_nothing_else() {
    with("a_policy_is_set_and_nothing_else", || {
        let before = ruleset().expect("it can be read");
        set_policy(Family::Inet, "filter", "input", Policy::Drop).expect("it is a base chain");
        let chains = base_chains().expect("they can be listed");
        let policies: Vec<_> =
            chains.iter().map(|chain| (chain.name.as_str(), chain.policy)).collect();
        assert!(policies.contains(&("input", Policy::Drop)), "{policies:?}");
        assert!(policies.contains(&("output", Policy::Accept)), "{policies:?}");
        set_policy(Family::Inet, "filter", "input", Policy::Accept).expect("it is a base chain");
        assert_eq!(ruleset().expect("it can be read"), before);
        let error = set_policy(Family::Inet, "filter", "web", Policy::Drop);
        assert!(error.is_err(), "it is no base chain");
        assert_eq!(ruleset().expect("it can be read"), before);
    });
}

#[test]
fn what_is_not_there_is_an_error() {
    with("what_is_not_there_is_an_error", || {
        let error = delete_rule(Family::Inet, "filter", "web", 10_000).expect_err("no such rule");
        assert_eq!(error.errno(), Some(rustix::io::Errno::NOENT));
        let rules = all();
        let place = |text: &str| {
            rules.iter().find(|rule| rule.text.as_deref() == Some(text)).expect("it is there")
        };
        let first = place("ip saddr @friends accept");
        let second = place("ip saddr @nets accept");
        for rule in [first, second] {
            delete_rule(rule.family, &rule.table, &rule.chain, rule.handle).expect("it is there");
        }
        let error = restore_rule(second).expect_err("what it was behind is not there");
        assert_eq!(error.errno(), Some(rustix::io::Errno::NOENT));
    });
}
