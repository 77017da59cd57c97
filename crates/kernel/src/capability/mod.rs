//! What this machine can do, found out without changing it.
//!
//! Most of it is in files and takes microseconds. Whether the kernel has a kind of device or a part
//! of nftables is best found out by using it: [`Feature::try_here`], in a namespace that is thrown
//! away. [`module`] is the cheap guess for whoever may not do that.

mod feature;
mod user;

use std::fs;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use rustix::thread::CapabilitySet;

pub use feature::{Feature, TryError};
pub use user::{UserNamespaces, user_namespaces};

use crate::{sys, tun};

/// The kernel's release, such as `6.12.0-amd64` (`uname -r`).
pub fn release() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

/// Whether the calling thread may make namespaces without a user namespace: whether it has
/// `CAP_SYS_ADMIN` (`capabilities(7)`).
pub fn may_make_namespaces() -> bool {
    let sets = rustix::thread::capabilities(None);
    sets.is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_ADMIN))
}

/// What became of opening `/dev/net/tun` for reading and writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tun {
    /// It can be opened.
    Usable,
    /// The file is not there.
    Missing,
    /// The file is there, but the kernel has no driver for it.
    NoDriver,
    /// The file may not be opened by this user, or in this container.
    Forbidden,
    /// It can be opened, but is not the character device 10:200 (`Documentation/admin-guide/devices.txt`).
    SomethingElse,
    /// It could not be opened for another reason.
    Other(Errno),
}

/// Whether TUN/TAP devices can be made as far as `/dev/net/tun` is concerned.
pub fn tun() -> Tun {
    match rustix::fs::open(tun::DEVICE, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()) {
        Ok(file) => match rustix::fs::fstat(&file) {
            Ok(about) if about.st_rdev != rustix::fs::makedev(10, 200) => Tun::SomethingElse,
            _ => Tun::Usable,
        },
        Err(Errno::NOENT | Errno::NOTDIR) => Tun::Missing,
        Err(Errno::NODEV | Errno::NXIO) => Tun::NoDriver,
        Err(Errno::ACCESS | Errno::PERM) => Tun::Forbidden,
        Err(errno) => Tun::Other(errno),
    }
}

/// Whether the kernel has bridges. It loads the module for the question, as it would for a bridge.
pub fn bridges() -> bool {
    let socket = rustix::net::socket_with(
        AddressFamily::INET,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        None,
    );
    // ENOPKG is the answer of `br_ioctl_call` (net/socket.c) where there are none. Whatever else
    // goes wrong says nothing about bridges.
    socket.map_or(true, |socket| sys::bridge_version(socket.as_fd()) != Err(Errno::NOPKG))
}

/// Whether the network namespace of the calling thread has IPv6.
pub fn ipv6() -> bool {
    Path::new("/proc/sys/net/ipv6").is_dir()
}

/// Whether there is one hierarchy for all of cgroups (`cgroups(7)`, version 2).
pub fn cgroup2() -> bool {
    Path::new("/sys/fs/cgroup/cgroup.controllers").exists()
}

/// What `bpf(2)` lets the calling thread do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bpf {
    /// It takes commands.
    Usable,
    /// It is there, but not for this thread: that needs `CAP_BPF`, or the sysctl
    /// `kernel.unprivileged_bpf_disabled` at 0.
    Forbidden,
    /// The kernel has none.
    Missing,
}

/// Whether BPF programs can be loaded.
pub fn bpf() -> Bpf {
    match sys::bpf_refusal() {
        Errno::NOSYS => Bpf::Missing,
        Errno::PERM | Errno::ACCESS => Bpf::Forbidden,
        _ => Bpf::Usable,
    }
}

/// Whether the kernel describes its own types, as tracing programs of BPF need.
pub fn btf() -> bool {
    Path::new("/sys/kernel/btf/vmlinux").exists()
}

/// How many files this process may have open at once (`RLIMIT_NOFILE`, `getrlimit(2)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenFiles {
    /// How many now.
    pub soft: u64,
    /// How far the process may raise that by itself.
    pub hard: u64,
}

/// The limit of open files. One without a limit has [`u64::MAX`].
pub fn open_files() -> OpenFiles {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let number = |limit: Option<u64>| limit.unwrap_or(u64::MAX);
    OpenFiles { soft: number(limit.current), hard: number(limit.maximum) }
}

/// The greatest number of processes and threads at once (`/proc/sys/kernel/pid_max`).
pub fn pid_max() -> Option<u64> {
    number("/proc/sys/kernel/pid_max")
}

/// How many network namespaces each user may have in this user namespace
/// (`/proc/sys/user/max_net_namespaces`).
pub fn max_net_namespaces() -> Option<u64> {
    number("/proc/sys/user/max_net_namespaces")
}

fn number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Whether a module such as `veth` is there: in the kernel, loaded, or for the kernel to load.
/// `None` where the machine does not say, as in most containers.
pub fn module(name: &str) -> Option<bool> {
    // Loaded, or built in and with parameters or a version.
    if Path::new("/sys/module").join(name).is_dir() {
        return Some(true);
    }
    let modules = Path::new("/lib/modules").join(release());
    let mut is_known = false;
    for list in ["modules.builtin", "modules.dep"] {
        if let Ok(list) = fs::read_to_string(modules.join(list)) {
            is_known = true;
            if lists(&list, name) {
                return Some(true);
            }
        }
    }
    is_known.then_some(false)
}

/// Whether a text such as `modules.dep` has a line for this module (`modules.dep(5)`). The names
/// of files may have `-` where the module's has `_`, and the files may be compressed.
fn lists(text: &str, name: &str) -> bool {
    text.lines().any(|line| {
        let path = line.split(':').next().unwrap_or_default();
        let file = path.rsplit('/').next().unwrap_or_default();
        let of = file.split_once(".ko").map_or("", |(stem, _)| stem);
        of.len() == name.len()
            && of.bytes().zip(name.bytes()).all(|(a, b)| a == b || (a, b) == (b'-', b'_'))
    })
}

#[cfg(test)]
mod tests {
    use super::lists;

    const DEP: &str = "\
kernel/drivers/net/veth.ko.xz:
kernel/net/netfilter/nf_tables.ko.zst: kernel/net/netfilter/nfnetlink.ko.zst
kernel/net/sched/sch_netem.ko:
kernel/drivers/net/usb/r8153-ecm.ko: kernel/drivers/net/usb/cdc_ether.ko";

    #[test]
    fn modules_that_are_listed() {
        for name in ["veth", "nf_tables", "sch_netem", "r8153_ecm"] {
            assert!(lists(DEP, name), "{name}");
        }
    }

    #[test]
    fn what_others_need_is_not_a_line_of_its_own() {
        for name in ["nfnetlink", "cdc_ether", "eth", "vet", "netem", ""] {
            assert!(!lists(DEP, name), "{name}");
        }
    }
}
