//! What there is on the machine that no test may change, read and never written.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use twinax_kernel::observe;
use twinax_plan::ObservedNode;

/// The machine's own network and what else a lab could leave behind, as lines under headings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    lines: BTreeMap<&'static str, Vec<String>>,
}

impl Machine {
    /// The machine as it is now, seen from the namespaces of this test.
    pub fn snapshot() -> Self {
        let node = observe::node(&[]).expect("the machine's own namespace can be observed");
        let mut lines = network(node);
        lines.insert("sysctls of the network", sysctls());
        lines.insert("nftables", ruleset());
        lines.insert("/run/netns", entries("/run/netns".as_ref()));
        lines.insert("mounts", lines_of("/proc/self/mountinfo"));
        lines.insert("files", strays());
        Self { lines }
    }

    /// What is different on the other, as a text for people; empty: nothing.
    pub fn difference(&self, after: &Self) -> String {
        let mut text = String::new();
        for (heading, before) in &self.lines {
            let after = &after.lines[heading];
            let gone = before.iter().filter(|line| !after.contains(line));
            let come = after.iter().filter(|line| !before.contains(line));
            let gone = gone.map(|line| ('-', line));
            let marked: Vec<_> = gone.chain(come.map(|line| ('+', line))).collect();
            if marked.is_empty() && before.len() == after.len() {
                continue;
            }
            let _ = writeln!(text, "{heading}: {} before, {} after", before.len(), after.len());
            for (mark, line) in marked {
                let _ = writeln!(text, "  {mark} {line}");
            }
        }
        text
    }
}

/// Links, addresses, routes, rules and neighbours: those that stay as they are when nobody changes
/// them.
fn network(node: ObservedNode) -> BTreeMap<&'static str, Vec<String>> {
    let mut lines: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    let mut add = |heading, line: String| lines.entry(heading).or_default().push(line);
    for mut link in node.links {
        for address in std::mem::take(&mut link.addresses) {
            add("addresses", format!("{}: {} {}", link.name, address.address, address.scope));
        }
        add("links", json(&link));
    }
    // A route that a router has announced comes and goes with its time.
    let stays = |protocol: &str| protocol != "ra";
    node.routes.iter().filter(|r| stays(&r.protocol)).for_each(|r| add("routes", json(r)));
    node.rules.iter().for_each(|rule| add("rules", json(rule)));
    let permanent = node.neighbours.iter().filter(|neighbour| neighbour.state == "PERMANENT");
    permanent.for_each(|neighbour| add("neighbours", json(neighbour)));
    node.fdb.iter().filter(|fdb| !fdb.learned).for_each(|fdb| add("forwarding", json(fdb)));
    for heading in ["addresses", "links", "routes", "rules", "neighbours", "forwarding"] {
        lines.entry(heading).or_default();
    }
    lines
}

fn json(of: &impl serde::Serialize) -> String {
    serde_json::to_string(of).expect("plain data")
}

fn sysctls() -> Vec<String> {
    // How many connections there are just now.
    let counts = |path: &str| path.ends_with("/nf_conntrack_count");
    let all = observe::sysctls().into_iter().filter(|(path, _)| !counts(path));
    all.map(|(path, value)| format!("{path} = {value}")).collect()
}

/// The machine's firewall, to those who may read it, where there is the program for it.
fn ruleset() -> Vec<String> {
    let output = Command::new("nft").args(["--stateless", "list", "ruleset"]).output();
    let text = output.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
}

fn lines_of(file: &str) -> Vec<String> {
    fs::read_to_string(file).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// Whether a folder is there, and what is in it.
fn entries(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return vec!["is not there".to_owned()] };
    let mut names: Vec<_> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names.push("is there".to_owned());
    names
}

/// How the folders of tests begin.
pub const OF_A_TEST: &str = "test-of-twinax-";

/// What has our name where programs put their files, tests apart.
fn strays() -> Vec<String> {
    let folders = ["/tmp", "/var/tmp", "/dev/shm", "/run", "/etc"];
    let all = folders.into_iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten());
    let mut names: Vec<String> = all
        .flatten()
        .filter(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            name.contains("twinax") && !name.starts_with(OF_A_TEST)
        })
        .map(|entry| entry.path().display().to_string())
        .collect();
    names.sort();
    names
}
