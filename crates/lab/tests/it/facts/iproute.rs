//! What `ip -d -j` and `bridge -d -j` show of a node.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::chance::{Devices, RouteKey, flatten, has, passes, text};
use crate::both_ways::chain;

/// The answers of iproute2, each an array of objects.
pub struct Answers {
    /// `ip link`.
    pub links: Vec<Value>,
    addresses: Vec<Value>,
    routes: Vec<Value>,
    neighbours: Vec<Value>,
    rules: [(&'static str, Vec<Value>); 2],
    ports: Vec<Value>,
    fdb: Vec<Value>,
}

/// Asks for all there is in a node.
pub fn ask(node: &str) -> Result<Answers, String> {
    let all = ["link show", "addr show", "route show table all", "neigh show", "rule show"];
    let [links, addresses, routes, neighbours, rules] = batch("ip", &["-n", node], all)?;
    let [rules_ipv6] = batch("ip", &["-n", node, "-6"], ["rule show"])?;
    let [ports, fdb] = batch("bridge", &["-n", node], ["link show", "fdb show"])?;
    let rules = [("ipv4", rules), ("ipv6", rules_ipv6)];
    Ok(Answers { links, addresses, routes, neighbours, rules, ports, fdb })
}

/// Several commands to one process: for each the array that it answers.
fn batch<const N: usize>(
    program: &str,
    options: &[&str],
    lines: [&str; N],
) -> Result<[Vec<Value>; N], String> {
    let mut child = Command::new(program)
        .args(options)
        .args(["-d", "-j", "-b", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(chain)?;
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(lines.join("\n").as_bytes()).map_err(chain)?;
    drop(stdin);
    let output = child.wait_with_output().map_err(chain)?;
    let wrong = |why: &str| {
        let [out, err] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
        format!("{program} {options:?}: {why}\n{out}\n{err}")
    };
    let answers: Result<Vec<Vec<Value>>, _> =
        serde_json::Deserializer::from_slice(&output.stdout).into_iter().collect();
    let answers = answers.map_err(|error| wrong(&error.to_string()))?;
    if !output.status.success() {
        return Err(wrong(&output.status.to_string()));
    }
    answers.try_into().map_err(|_| wrong("an answer is missing"))
}

/// What is in the answers, less what passes.
pub fn facts(answers: &Answers, devices: &Devices) -> Vec<String> {
    let mut facts = Vec::new();
    for (what, links) in [("link", &answers.links), ("port", &answers.ports)] {
        for link in links {
            let name = text(link, "ifname");
            flatten("", link, &mut |key, value| {
                let property = devices[name].property(key, value);
                facts.extend(property.map(|property| format!("{what} {name}{property}")));
            });
        }
    }
    for device in &answers.addresses {
        let name = text(device, "ifname");
        for address in device["addr_info"].as_array().into_iter().flatten() {
            let (link, ipv6) =
                (text(address, "scope") == "link", text(address, "family") == "inet6");
            let fact = devices[name].address(address, link, ipv6);
            facts.extend(fact.map(|fact| format!("address {name} {fact}")));
        }
    }
    facts.extend(answers.routes.iter().filter_map(|route| self::route(devices, route)));
    let neighbours = answers.neighbours.iter().filter(|one| has(&one["state"], "PERMANENT"));
    facts.extend(neighbours.map(|neighbour| format!("neighbour {neighbour}")));
    for (family, rules) in &answers.rules {
        let rules = rules.iter().enumerate();
        facts.extend(rules.map(|(n, rule)| format!("rule {family} {n:02} {rule}")));
    }
    let given = |mac: &str| devices.values().any(|d| d.given.is_some_and(|g| g.to_string() == mac));
    let fdb = answers.fdb.iter().filter(|entry| text(entry, "state") == "permanent");
    let fdb = fdb.filter(|entry| given(text(entry, "mac")));
    facts.extend(fdb.map(|entry| format!("fdb {entry}")));
    facts
}

fn route(devices: &Devices, route: &Value) -> Option<String> {
    let dev = text(route, "dev");
    let (to, kind, protocol) = (text(route, "dst"), text(route, "type"), text(route, "protocol"));
    if passes(devices, &RouteKey { dev, to, kind, protocol }) {
        return None;
    }
    let mut shown = route.clone();
    // It follows the carrier, which is a fact of its own, and up to a second later (`net/core/link_watch.c`).
    if let Some(flags) = shown["flags"].as_array_mut() {
        flags.retain(|flag| flag != "linkdown");
    }
    Some(format!("route {shown}"))
}
