//! The proof that the plan is honest: a lab built by twinax and the same lab built by its script,
//! with iproute2, procps and nft, are the same to the kernel.

use twinax_topology::{Topology, parse};

use crate::both_ways::{Way, build, lacks};
use crate::{facts, random, shipped};

/// As many as run in a minute on two cores.
const CASES: u32 = 40;

/// Random labs, smaller ones when one fails.
pub fn random_labs_come_out_alike() {
    if lacks("script::random_labs_come_out_alike") {
        return;
    }
    random::each("script", CASES, &random::lab(), |lab| compare(&lab));
}

/// Every lab of `labs/`.
pub fn shipped_labs_come_out_alike() {
    if lacks("script::shipped_labs_come_out_alike") {
        return;
    }
    shipped::each("script::shipped_labs_come_out_alike", compare);
}

/// A script that does something else than twinax does not pass for the same: what the first word is
/// replaced by, both readers find.
pub fn a_difference_is_found() {
    if lacks("script::a_difference_is_found") {
        return;
    }
    let lab = r#"
        name = "changed"
        [node.sw.bridge.br0]
        ageing = "100s"
        [node.r]
        kind = "router"
        route = [{ to = "10.9.0.0/16", via = "10.0.0.2" }]
        rule = [{ from = "10.0.0.0/24", table = 100 }]
        neigh = [{ dev = "e0", to = "10.0.0.9", mac = "02:00:00:00:00:09" }]
        firewall = { masquerade = "e0" }
        [[link]]
        a = { at = "sw:p1", master = "br0", port = { hairpin = true }, mac = "02:00:00:00:00:01" }
        b = { at = "r:e0", ip = "10.0.0.1/24", mtu = 1400 }
    "#;
    let lab = parse(lab, "changed.toml").unwrap_or_else(|error| panic!("{error}"));
    let script = twinax_plan::script(&lab);
    let twinax = build(&lab, Way::Twinax).unwrap_or_else(|error| panic!("{error}"));
    let changes = [
        ("ageing_time 10000", "ageing_time 20000", "ageing_time"),
        ("hairpin on", "hairpin off", "hairpin"),
        ("link set dev p1 master br0", "link set dev p1 nomaster", "master"),
        ("02:00:00:00:00:01", "02:00:00:00:00:03", "mac"),
        ("mtu 1400", "mtu 1300", "mtu"),
        ("10.0.0.1/24", "10.0.0.1/25", "address"),
        ("link set dev p1 up", "link set dev p1 down", "carrier"),
        ("10.9.0.0/16 via 10.0.0.2", "10.9.0.0/16 via 10.0.0.3", "route"),
        ("lookup 100", "lookup 101", "rule"),
        ("neigh replace 10.0.0.9", "neigh replace 10.0.0.8", "neighbour"),
    ];
    for (from, to, word) in changes {
        // Without what is about the port, if it is to be none.
        let script = if word == "master" { without(&script, "bridge -n") } else { script.clone() };
        assert!(script.contains(from), "no `{from}` in\n{script}");
        let other = build(&lab, Way::Script(&script.replace(from, to)));
        let other = other.unwrap_or_else(|error| panic!("{error}"));
        let difference = difference(&twinax, &other).unwrap_or_default();
        let lines: Vec<_> = difference.lines().filter(|line| line.contains(word)).collect();
        for by in ["observed ", ": "] {
            let by_observed = by == "observed ";
            let found = lines.iter().any(|line| line.contains("observed ") == by_observed);
            // iproute2 calls them otherwise.
            let found = found || (!by_observed && matches!(word, "mac" | "carrier"));
            assert!(found, "`{from}` became `{to}`, and this is all{by}\n{difference}");
        }
    }
    let one_sysctl = script.replace("net.ipv4.ip_forward=1", "net.ipv4.ip_forward=0");
    let one_rule = without(&script, "masquerade");
    for (script, word) in [(one_sysctl, "ip_forward"), (one_rule, "masquerade")] {
        let other = build(&lab, Way::Script(&script)).unwrap_or_else(|error| panic!("{error}"));
        let difference = difference(&twinax, &other).unwrap_or_default();
        assert!(difference.contains(word), "{word}: {difference}");
    }
}

fn without(script: &str, word: &str) -> String {
    script.lines().filter(|line| !line.contains(word)).map(|line| format!("{line}\n")).collect()
}

fn compare(lab: &Topology) -> Result<(), String> {
    let script = twinax_plan::script(lab);
    let twinax = build(lab, Way::Twinax);
    let other = build(lab, Way::Script(&script));
    let difference = match (&twinax, &other) {
        (Ok(twinax), Ok(other)) => difference(twinax, other),
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Some(error.clone()),
        (Err(one), Err(other)) => Some(format!("{one}\n{other}")),
    };
    difference.map_or(Ok(()), |difference| Err(format!("{difference}\n\nthe script:\n{script}")))
}

fn difference(twinax: &[String], script: &[String]) -> Option<String> {
    facts::difference(("twinax", twinax), ("script", script))
}
