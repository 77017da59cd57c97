//! What somebody has set: the sysctls that are other than the kernel has them by itself.
//!
//! Some follow others, and are then nothing that somebody has said:
//!
//! | when this is set | these follow |
//! |---|---|
//! | `ipv4/ip_forward` | `ipv4/conf/all/forwarding` (which is the same), `ipv4/conf/default/forwarding`, `ipv4/conf/all/accept_redirects` (the opposite): `inet_forward_change`, `net/ipv4/devinet.c` |
//! | `ipv6/conf/all/…`, four of them | `ipv6/conf/default/…`: `net/ipv6/addrconf.c` |
//! | `conf/default/…` | `conf/IF/…` of each interface that comes after that; in IPv4 also of those of which nothing was said and that have no address (`ipv4_devconf_setall`) |

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::PermissionsExt as _;

use twinax_topology::Sysctl;

use super::{own_proc, read};

/// What is set in `ipv6/conf/all` is set in `ipv6/conf/default`, too.
const IPV6_ALL: [&str; 4] =
    ["forwarding", "disable_ipv6", "ignore_routes_with_linkdown", "addr_gen_mode"];

/// Another file for what a file beside it says as well or better, below `/proc/sys/net`.
const ALIASES: [&str; 3] =
    ["ipv4/conf/all/forwarding", "ipv6/route/gc_min_interval", "mptcp/pm_type"];

/// The same in the directory of an interface below `neigh`: in seconds or jiffies what is there in
/// milliseconds, in packets what is there in bytes.
const NEIGH_ALIASES: [&str; 3] = ["base_reachable_time", "retrans_time", "unres_qlen"];

/// The sysctls of the namespace of the calling thread that somebody has set to other values than
/// they have by themselves, in an order in which they can be set.
///
/// `fresh` is what [`observe::sysctls`](crate::observe::sysctls) says in a new namespace. A sysctl
/// of an interface counts as set where its value is neither its own namespace's default nor one
/// that the kernel gives to such an interface. What follows from another one that is told, what
/// only counts, what can't be set, and secrets (`tcp_fastopen_key`, `stable_secret`) are not told.
/// Neither is what a fresh namespace does not have.
pub fn differing(fresh: &BTreeMap<String, String>) -> Vec<Sysctl> {
    differing_but(fresh, |_| false)
}

/// The same, without those of some interfaces, by their names: reading those of a thousand takes seconds.
pub fn differing_but(
    fresh: &BTreeMap<String, String>,
    is_left_out: impl Fn(&str) -> bool,
) -> Vec<Sysctl> {
    // Each namespace whose files somebody has opened by the usual /proc makes that slower for the next.
    let own = Own { fresh, proc: own_proc().ok() };
    let names = fresh.keys().filter_map(|path| path.strip_prefix("net/"));
    let whole = names
        .filter(|name| !is_of_lo(name))
        .filter(|name| !ALIASES.contains(name) && *name != "ipv4/tcp_fastopen_key");
    let mut told: Vec<(u8, String, String)> = Vec::new();
    for name in whole {
        told.extend(own.unless(name, &own.implied(name)));
    }
    for directory in ["ipv4/conf", "ipv6/conf", "ipv4/neigh", "ipv6/neigh"] {
        own.of_interfaces(directory, &is_left_out, &mut told);
    }
    told.sort();
    let sysctl = |(_, path, value): (_, String, _)| Some(Sysctl { key: path.parse().ok()?, value });
    told.into_iter().filter_map(sysctl).collect()
}

/// Whether it is one of the loopback device, which every namespace has.
fn is_of_lo(name: &str) -> bool {
    let mut parts = name.split('/').skip(1);
    matches!(parts.next(), Some("conf" | "neigh")) && parts.next() == Some("lo")
}

/// The namespace of the calling thread, beside a fresh one. Names are paths below `/proc/sys/net`.
struct Own<'a> {
    fresh: &'a BTreeMap<String, String>,
    /// `None`: the machine does not allow one of our own, and the usual one has to do.
    proc: Option<OwnedFd>,
}

impl Own<'_> {
    fn value(&self, name: &str) -> Option<String> {
        read(self.proc.as_ref(), &format!("net/{name}")).ok()
    }

    /// Where its files are.
    fn sys(&self) -> String {
        match &self.proc {
            Some(proc) => format!("/proc/self/fd/{}/sys", proc.as_raw_fd()),
            None => "/proc/sys".to_owned(),
        }
    }

    fn fresh(&self, name: &str) -> Option<String> {
        self.fresh.get(&format!("net/{name}")).cloned()
    }

    /// The value of another one, where somebody has set that.
    fn set(&self, name: &str) -> Option<String> {
        self.value(name).filter(|value| self.fresh(name).as_ref() != Some(value))
    }

    /// Its value and its place among what is told, unless the value is the one expected, or
    /// nobody can have set it.
    fn unless(&self, name: &str, expected: &Option<String>) -> Option<(u8, String, String)> {
        let value = self.value(name)?;
        // No text is no value that can be written.
        if Some(&value) == expected.as_ref() || value.is_empty() {
            return None;
        }
        let path = format!("net/{name}");
        let metadata = fs::metadata(format!("{}/{path}", self.sys())).ok()?;
        (metadata.permissions().mode() & 0o200 != 0).then(|| (rank(name), path, value))
    }

    /// The value that a sysctl of the whole namespace has when nobody sets it.
    fn implied(&self, name: &str) -> Option<String> {
        let follows = match name {
            "ipv4/conf/default/forwarding" => self.set("ipv4/ip_forward"),
            "ipv4/conf/all/accept_redirects" => {
                self.set("ipv4/ip_forward").map(|on| u8::from(on == "0").to_string())
            }
            _ => name
                .strip_prefix("ipv6/conf/default/")
                .filter(|knob| IPV6_ALL.contains(knob))
                .and_then(|knob| self.set(&format!("ipv6/conf/all/{knob}"))),
        };
        follows.or_else(|| self.fresh(name))
    }

    fn of_interfaces(
        &self,
        directory: &str,
        is_left_out: &impl Fn(&str) -> bool,
        told: &mut Vec<(u8, String, String)>,
    ) {
        let of_lo = format!("net/{directory}/lo/");
        let knobs: Vec<(&str, Option<String>)> = self
            .fresh
            .keys()
            .filter_map(|path| path.strip_prefix(&of_lo))
            .filter(|knob| !is_another_file(directory, knob))
            .map(|knob| (knob, self.default(directory, knob)))
            .collect();
        let entries = fs::read_dir(format!("{}/net/{directory}", self.sys()));
        for entry in entries.into_iter().flatten().flatten() {
            let interface = entry.file_name().to_string_lossy().into_owned();
            if matches!(interface.as_str(), "all" | "default") || is_left_out(&interface) {
                continue;
            }
            for (knob, default) in &knobs {
                let exempt = (interface == "lo").then(|| self.exempt(directory, knob)).flatten();
                let expected = if exempt.is_some() { &exempt } else { default };
                let differs = self.unless(&format!("{directory}/{interface}/{knob}"), expected);
                told.extend(
                    differs.filter(|(_, _, value)| !is_the_kernels(directory, knob, value)),
                );
            }
        }
    }

    /// What an interface has that nobody set. Not each kernel shows the default of `neigh` in a
    /// namespace; `lo` is as others there.
    fn default(&self, directory: &str, knob: &str) -> Option<String> {
        self.value(&format!("{directory}/default/{knob}"))
            .or_else(|| self.fresh(&format!("{directory}/lo/{knob}")))
    }

    /// What `lo` has, whatever the default: `inetdev_init` exempts it from IPsec.
    fn exempt(&self, directory: &str, knob: &str) -> Option<String> {
        let fresh = |of: &str| self.fresh(&format!("{directory}/{of}/{knob}"));
        let default = fresh("default")?;
        fresh("lo").filter(|of_lo| *of_lo != default)
    }
}

/// Whether the kernel itself gives this value to some interfaces, whatever the default.
fn is_the_kernels(directory: &str, knob: &str, value: &str) -> bool {
    match (directory, knob) {
        // The device's own.
        ("ipv6/conf", "mtu") => true,
        // Off, because there can be none on such a device (`ipv6_add_dev`).
        ("ipv6/conf", "accept_dad" | "use_tempaddr") => value == "-1",
        _ => false,
    }
}

fn is_another_file(directory: &str, knob: &str) -> bool {
    directory.ends_with("/neigh") && NEIGH_ALIASES.contains(&knob)
}

/// What others follow comes before them.
fn rank(name: &str) -> u8 {
    let of = |part: &str| name.split('/').nth(2) == Some(part);
    match name {
        "ipv4/ip_forward" => 0,
        _ if of("all") => 1,
        _ if of("default") => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_follow_comes_first() {
        let ordered = [
            "ipv4/ip_forward",
            "ipv6/conf/all/forwarding",
            "ipv4/conf/default/forwarding",
            "ipv4/conf/a/forwarding",
        ];
        assert!(ordered.is_sorted_by_key(|name| rank(name)));
    }

    #[test]
    fn of_the_loopback_device() {
        assert!(is_of_lo("ipv4/conf/lo/forwarding") && is_of_lo("ipv6/neigh/lo/locktime"));
        for other in ["ipv4/conf/all/lo", "ipv4/lo", "ipv4/conf/lot/forwarding", "lo/conf/x/y"] {
            assert!(!is_of_lo(other), "{other}");
        }
    }
}
