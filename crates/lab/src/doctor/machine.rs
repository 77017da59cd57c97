//! Files, limits and settings of the machine.

use twinax_kernel::capability::{self, Bpf, OpenFiles};

use super::{Check, State};
use crate::remedy;
use crate::requirements::FILES;

/// Processes and threads with which a lab of a thousand nodes, each with a few commands, runs.
const MANY_PROCESSES: u64 = 16_384;

pub(super) fn kernel() -> Check {
    let release = capability::release();
    let (name, needed_for) = ("kernel", "every lab");
    match version(&release) {
        Some(version) if version < OLDEST => Check::bad(
            name,
            needed_for,
            State::Limited,
            format!("{release}: older than {}.{}, the oldest that is tested", OLDEST.0, OLDEST.1),
            "install a newer kernel",
        ),
        _ => Check::good(name, needed_for, release),
    }
}

/// The oldest kernel that is tested: that of Debian 12.
const OLDEST: (u32, u32) = (6, 1);

/// The first two numbers of a release such as `6.12.0-amd64`.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

pub(super) fn user_namespaces() -> Check {
    let (name, needed_for) = ("user namespaces", "labs of users who are not root");
    let found = capability::user_namespaces();
    match remedy::user_namespaces(&found) {
        Some(trouble) => Check::bad(name, needed_for, State::Missing, trouble.what, trouble.remedy),
        None => {
            let most = found.max.map_or_else(String::new, |max| format!(", {max} at most"));
            Check::good(name, needed_for, format!("allowed{most}"))
        }
    }
}

pub(super) fn checks() -> Vec<Check> {
    vec![ipv6(), open_files(capability::open_files()), pid_max(), cgroup2(), bpf()]
}

fn ipv6() -> Check {
    let (name, needed_for) = ("IPv6", "IPv6 addresses and routes");
    if capability::ipv6() {
        return Check::good(name, needed_for, "this kernel has it");
    }
    Check::bad(name, needed_for, State::Missing, "this kernel has none", remedy::IPV6)
}

fn open_files(limit: OpenFiles) -> Check {
    let (name, needed_for) = ("open files", "every lab");
    let hard = match limit.hard {
        u64::MAX => "without limit".to_owned(),
        hard => format!("{hard} at most"),
    };
    if limit.hard >= FILES {
        return Check::good(name, needed_for, hard);
    }
    let remedy = format!("`sudo prlimit --pid $$ --nofile={FILES}` in this shell");
    Check::bad(name, needed_for, State::Missing, hard, remedy)
}

fn pid_max() -> Check {
    let (name, needed_for) = ("processes", "labs in which many commands run");
    match capability::pid_max() {
        Some(most) if most < MANY_PROCESSES => {
            let remedy = "`sudo sysctl -w kernel.pid_max=4194304`";
            Check::bad(name, needed_for, State::Limited, format!("{most} at most"), remedy)
        }
        Some(most) => Check::good(name, needed_for, format!("{most} at most")),
        None => Check::good(name, needed_for, "the machine names no limit"),
    }
}

fn cgroup2() -> Check {
    let (name, needed_for) = ("cgroup v2", "commands of a lab that use it");
    if capability::cgroup2() {
        return Check::good(name, needed_for, "mounted at /sys/fs/cgroup");
    }
    let found = "not at /sys/fs/cgroup";
    let remedy = "start the kernel with `systemd.unified_cgroup_hierarchy=1`, or \
                  `sudo mount -t cgroup2 cgroup2 /sys/fs/cgroup`";
    Check::bad(name, needed_for, State::Missing, found, remedy)
}

fn bpf() -> Check {
    let (name, needed_for) = ("BPF", "tracing in the kernel by root");
    match (capability::bpf(), capability::btf()) {
        (Bpf::Usable, true) => Check::good(name, needed_for, "usable, with BTF"),
        (Bpf::Usable, false) => Check::bad(
            name,
            needed_for,
            State::Limited,
            "usable, but without BTF (/sys/kernel/btf/vmlinux)",
            "use a kernel built with CONFIG_DEBUG_INFO_BTF, as Debian's are",
        ),
        (Bpf::Forbidden, _) => {
            Check::bad(name, needed_for, State::Limited, "not for this user", "run as root")
        }
        (Bpf::Missing, _) => Check::bad(
            name,
            needed_for,
            State::Missing,
            "this kernel has none",
            "use a kernel built with CONFIG_BPF_SYSCALL, as Debian's are",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_releases() {
        assert_eq!(version("6.12.0-amd64"), Some((6, 12)));
        assert_eq!(version("5.15.0-105-generic"), Some((5, 15)));
        assert_eq!(version("6.18-rc3"), Some((6, 18)));
        assert_eq!(version("unknown"), None);
    }

    #[test]
    fn a_limit_that_can_be_raised_is_no_lack() {
        let few = OpenFiles { soft: 100, hard: 100 };
        let low = OpenFiles { soft: 100, hard: 1_048_576 };
        assert_eq!(open_files(few).state, State::Missing);
        assert_eq!(open_files(low).state, State::Good);
    }
}
