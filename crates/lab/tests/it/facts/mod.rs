//! What the kernel reports of a lab, one fact a line, sorted, in such a way that two builds of one
//! lab give the same lines.
//!
//! Two readers that know nothing of each other: iproute2, which shows more than twinax asks for
//! ([`iproute`]), and twinax's own ([`observed`]). Left out, or replaced by a word, is only what is
//! random or a matter of time ([`chance`]).

mod chance;
pub mod history;
mod iproute;
mod observed;

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use twinax_kernel::{Netns, Rtnl, observe};
use twinax_lab::nodes::{self, inside};
use twinax_topology::{Link, Node, Place, Topology};

use crate::both_ways::{chain, in_view};

/// All facts of a lab that stands under `/run/netns`.
pub fn read(lab: &Topology) -> Result<Vec<String>, String> {
    let mut names = nodes::names().map_err(chain)?;
    names.sort();
    in_view(|| read_nodes(lab)).map(|mut facts| {
        facts.extend(names.iter().map(|name| format!("{name}: is there")));
        facts.sort();
        facts
    })
}

/// What is in one list of facts and not in the other, as a diff without context. Each line says of
/// itself where it belongs.
pub fn difference(one: (&str, &[String]), other: (&str, &[String])) -> Option<String> {
    let ((name, facts), (other_name, other_facts)) = (one, other);
    let missing = |sign: &str, of: &[String], from: &[String]| -> Vec<String> {
        of.iter().filter(|line| !from.contains(line)).map(|line| format!("{sign} {line}")).collect()
    };
    let mut lines = missing("-", facts, other_facts);
    lines.extend(missing("+", other_facts, facts));
    lines.sort_by(|a, b| a[2..].cmp(&b[2..]));
    if lines.is_empty() && facts.len() == other_facts.len() {
        return None;
    }
    let counts = format!("{} lines against {}", facts.len(), other_facts.len());
    Some(format!("- {name}\n+ {other_name} ({counts})\n{}", lines.join("\n")))
}

fn read_nodes(lab: &Topology) -> Result<Vec<String>, String> {
    settle(lab)?;
    let mut facts = Vec::new();
    let mut numbers = HashMap::new();
    for node in &lab.nodes {
        let seen = inside(&netns(node)?, || observe::node(&[])).map_err(chain)?;
        for link in &seen.links {
            let interface = link.name.parse().map_err(chain)?;
            let place = Place { node: node.name.clone(), interface };
            numbers.insert(place, (link.index, link.peer_index));
        }
        let answers = iproute::ask(node.name.as_str())?;
        let devices = chance::devices(lab, node, &answers.links);
        let mut own = iproute::facts(&answers, &devices);
        own.extend(observed::facts(&seen, &devices));
        own.extend(sysctls(node)?);
        own.extend(nft(node)?);
        facts.extend(own.into_iter().map(|fact| format!("{}: {fact}", node.name)));
    }
    facts.extend(lab.links.iter().flat_map(|link| ends(link, &numbers)));
    Ok(facts)
}

/// Whose the other end of each end of a cable is.
fn ends(link: &Link, numbers: &HashMap<Place, (u32, Option<u32>)>) -> [String; 2] {
    [(&link.a, &link.b), (&link.b, &link.a)].map(|(end, other)| {
        let sees = numbers.get(&end.place).and_then(|(_, peer)| *peer);
        let is = numbers.get(&other.place).map(|(index, _)| *index);
        format!("{}: the other end is {}: {}", end.place, other.place, is.is_some() && sees == is)
    })
}

fn netns(node: &Node) -> Result<Netns, String> {
    Netns::open(&Path::new("/run/netns").join(node.name.as_str())).map_err(chain)
}

/// Waits until the kernel has worked off what it does behind the requests.
fn settle(lab: &Topology) -> Result<(), String> {
    let deadline = Instant::now() + Duration::from_secs(10);
    // A bridge has carrier once a port's has been noticed: a second round sees that.
    let mut quiet_rounds = 0;
    while quiet_rounds < 2 {
        let mut settled = true;
        for node in &lab.nodes {
            settled &= inside(&netns(node)?, || Rtnl::open()?.settled()).map_err(chain)?;
        }
        for place in lab.wires.iter().flat_map(|wire| [&wire.a, &wire.b]) {
            settled &= is_plugged_in(place)?;
        }
        quiet_rounds = if settled { quiet_rounds + 1 } else { 0 };
        if Instant::now() > deadline {
            return Err("the kernel is still busy after ten seconds".to_owned());
        }
    }
    Ok(())
}

/// Whether a device has carrier, as far as it is up. Nobody waits for the program of a script.
fn is_plugged_in(place: &Place) -> Result<bool, String> {
    let netns = Netns::open(&Path::new("/run/netns").join(place.node.as_str())).map_err(chain)?;
    let seen = inside(&netns, || observe::node(&[])).map_err(chain)?;
    Ok(seen.link(place.interface.as_str()).is_none_or(|link| link.carrier || !link.up))
}

/// Every sysctl of the namespace that can be read; of the others why not.
fn sysctls(node: &Node) -> Result<Vec<String>, String> {
    let facts = inside(&netns(node)?, || {
        let mut facts = Vec::new();
        let mut folders = vec![Path::new("/proc/sys/net").to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(path);
                    continue;
                }
                // How many connections there are just now.
                if path.ends_with("nf_conntrack_count") {
                    continue;
                }
                let value = match fs::read_to_string(&path) {
                    // Nobody has set it.
                    Ok(_) if path.ends_with("stable_secret") => "(drawn)".to_owned(),
                    Ok(value) => value.trim_end().to_owned(),
                    Err(error) => error.to_string(),
                };
                facts.push(format!("sysctl {} = {value:?}", path.display()));
            }
        }
        Ok(facts)
    });
    facts.map_err(chain)
}

/// The ruleset as `nft` prints it, line by line, where the lab has one.
fn nft(node: &Node) -> Result<Vec<String>, String> {
    if node.firewall.is_empty() {
        return Ok(Vec::new());
    }
    let output = Command::new("ip")
        .args(["netns", "exec", node.name.as_str(), "nft", "list", "ruleset"])
        .output()
        .map_err(chain)?;
    if !output.status.success() {
        return Err(format!("nft list ruleset: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let ruleset = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(ruleset.lines().enumerate().map(|(n, line)| format!("nft {n:03} {line}")).collect())
}
