//! Where the bench's own contestants work: never in the machine's own network namespace.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use anyhow::{Context as _, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};

/// Moves this process into a user namespace if it isn't root, so that it may make network
/// namespaces. Call it before any thread is started: `CLONE_NEWUSER` refuses a process with more.
pub fn become_root() -> Result<()> {
    let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
    if uid.is_root() {
        return Ok(());
    }
    unshare(UnshareFlags::NEWUSER).context("a user namespace")?;
    let write = |file: &str, text: String| {
        std::fs::write(format!("/proc/self/{file}"), text).with_context(|| file.to_owned())
    };
    // A single id is mapped without privilege only once setgroups is given up: user_namespaces(7).
    write("setgroups", "deny".to_owned())?;
    write("uid_map", format!("0 {} 1", uid.as_raw()))?;
    write("gid_map", format!("0 {} 1", gid.as_raw()))
}

/// As many open files as the machine allows: one is held per namespace.
pub fn raise_open_files() -> io::Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}

/// A new network namespace, with the calling thread in it.
pub fn new_netns() -> io::Result<OwnedFd> {
    unshare(UnshareFlags::NEWNET)?;
    Ok(File::open("/proc/thread-self/ns/net")?.into())
}

/// Moves the calling thread into a network namespace.
pub fn enter(netns: impl AsFd) -> io::Result<()> {
    Ok(move_into_link_name_space(netns.as_fd(), Some(LinkNameSpaceType::Network))?)
}

#[expect(deprecated, reason = "what is unsafe about it is UnshareFlags::FILES, not used here")]
fn unshare(flags: UnshareFlags) -> io::Result<()> {
    Ok(rustix::thread::unshare(flags)?)
}
