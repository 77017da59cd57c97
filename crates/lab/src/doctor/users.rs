//! Programs, and the subordinate IDs of the user who asks.

use std::fs;

use super::{Check, State};
use crate::sandbox::ranges;
use crate::{programs, remedy};

const IDS: &str = "commands of a lab that change to other users, in labs of users who are not root";

/// So many IDs make a sandbox like a machine: up to `nobody`, 65534.
const ENOUGH: u64 = 65_534;

pub(super) fn checks() -> Vec<Check> {
    let is_root = rustix::process::geteuid().is_root();
    vec![
        program("ip", "scripts of `ip` commands, and commands of a lab that use it"),
        program("nft", "free rulesets (`nft = …`) in firewalls"),
        mapper("newuidmap", is_root),
        mapper("newgidmap", is_root),
        subordinate("subuid", "/etc/subuid", is_root),
        subordinate("subgid", "/etc/subgid", is_root),
        libpcap(),
    ]
}

fn libpcap() -> Check {
    let (name, needed_for) = ("libpcap", "all of tcpdump's words in filters of captures");
    match twinax_kernel::libpcap::version() {
        Some(version) => Check::good(name, needed_for, version),
        None => {
            let found = "not installed: filters know a few words only";
            Check::bad(name, needed_for, State::Missing, found, remedy::program(name))
        }
    }
}

fn program(name: &'static str, needed_for: &'static str) -> Check {
    match programs::find(name) {
        Some(file) => Check::good(name, needed_for, file.display().to_string()),
        None => {
            let found = "not installed";
            Check::bad(name, needed_for, State::Missing, found, remedy::program(name))
        }
    }
}

/// `newuidmap` or `newgidmap`: it must be allowed to do what the user is not.
fn mapper(name: &'static str, is_root: bool) -> Check {
    let check = program(name, IDS);
    match programs::find(name) {
        _ if is_root => Check::good(name, IDS, "not needed by root"),
        Some(file) if !programs::has_rights_of_its_own(&file) => {
            let file = file.display();
            let found = format!("{file} is not set-user-ID");
            Check::bad(name, IDS, State::Missing, found, format!("`sudo chmod u+s {file}`"))
        }
        _ => check,
    }
}

fn subordinate(name: &'static str, file: &str, is_root: bool) -> Check {
    if is_root {
        return Check::good(name, IDS, "not needed by root");
    }
    let uid = rustix::process::geteuid().as_raw();
    of_ranges(name, file, &ranges(&fs::read_to_string(file).unwrap_or_default(), uid))
}

fn of_ranges(name: &'static str, file: &str, ranges: &[(u32, u32)]) -> Check {
    let option = if name == "subuid" { "--add-subuids" } else { "--add-subgids" };
    let remedy = format!("`sudo usermod {option} 100000-165535 \"$(id -un)\"`");
    if ranges.is_empty() {
        let found = format!("{file} has no range for this user");
        return Check::bad(name, IDS, State::Missing, found, remedy);
    }
    let words: Vec<String> = ranges
        .iter()
        .map(|&(start, count)| format!("{start}-{}", u64::from(start) + u64::from(count) - 1))
        .collect();
    let count: u64 = ranges.iter().map(|&(_, count)| u64::from(count)).sum();
    if count < ENOUGH {
        let found = format!("{}: only {count} IDs", words.join(", "));
        return Check::bad(name, IDS, State::Limited, found, remedy);
    }
    Check::good(name, IDS, words.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_ids() {
        let state = |ranges: &[(u32, u32)]| of_ranges("subuid", "/etc/subuid", ranges).state;
        assert_eq!(state(&[]), State::Missing);
        assert_eq!(state(&[(100_000, 1000)]), State::Limited);
        assert_eq!(state(&[(100_000, 65_536)]), State::Good);
        assert_eq!(state(&[(100_000, 40_000), (300_000, 40_000)]), State::Good);
        let two = of_ranges("subgid", "/etc/subgid", &[(100_000, 65_536), (7, 1)]);
        assert_eq!(two.found, "100000-165535, 7-7");
    }

    #[test]
    fn the_remedy_is_for_the_file_that_lacks() {
        let remedy = |name, file| of_ranges(name, file, &[]).remedy.unwrap();
        assert!(remedy("subuid", "/etc/subuid").contains("--add-subuids"));
        assert!(remedy("subgid", "/etc/subgid").contains("--add-subgids"));
    }
}
