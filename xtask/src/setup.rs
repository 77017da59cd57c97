//! What the tests need of the machine.

use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};

/// Programs that tests run, and the Debian packages they come in.
const PROGRAMS: [(&str, &str); 11] = [
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("iptables-nft", "iptables"),
    ("newuidmap", "uidmap"),
    ("sysctl", "procps"),
    ("ping", "iputils-ping"),
    ("tcpdump", "tcpdump"),
    ("tshark", "tshark"),
    ("capinfos", "wireshark-common"),
    ("zsh", "zsh"),
    ("fish", "fish"),
];

/// Where a user's `PATH` may not look, but these programs are.
const SYSTEM_FOLDERS: [&str; 2] = ["/usr/sbin", "/sbin"];

/// `PATH` with the folders of system programs in it.
pub fn path() -> String {
    let own = std::env::var("PATH").unwrap_or_default();
    let missing =
        SYSTEM_FOLDERS.into_iter().filter(|folder| !own.split(':').any(|have| have == *folder));
    [own.as_str()]
        .into_iter()
        .filter(|own| !own.is_empty())
        .chain(missing)
        .collect::<Vec<_>>()
        .join(":")
}

/// Installs what is missing where that is permitted, and says what is missing where it isn't: the
/// tests that need it skip themselves, by name.
pub fn run() -> Result<()> {
    install_packages();
    install_nextest()
}

fn install_packages() {
    let missing = missing_packages();
    if missing.is_empty() {
        return;
    }
    if rustix::process::geteuid().is_root() && is_there("apt-get") {
        // A fresh machine has no lists of packages yet; one that has them needn't fetch them.
        if !apt_get(&install(&missing)) {
            apt_get(&["update"]);
            apt_get(&install(&missing));
        }
    }
    let missing = missing_packages();
    if !missing.is_empty() {
        eprintln!(
            "xtask: missing: {}; the tests that need them will be skipped",
            missing.join(", ")
        );
        eprintln!("hint: apt-get install {}", missing.join(" "));
    }
}

fn install<'a>(packages: &[&'a str]) -> Vec<&'a str> {
    [&["install", "--yes", "--no-install-recommends"], packages].concat()
}

fn missing_packages() -> Vec<&'static str> {
    PROGRAMS
        .into_iter()
        .filter(|(program, _)| !is_there(program))
        .map(|(_, package)| package)
        .collect()
}

fn is_there(program: &str) -> bool {
    path().split(':').any(|folder| PathBuf::from(folder).join(program).is_file())
}

fn apt_get(args: &[&str]) -> bool {
    let status = Command::new("apt-get")
        .args(args)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(io::stderr())
        .status();
    status.is_ok_and(|status| status.success())
}

fn install_nextest() -> Result<()> {
    let there = Command::new(crate::cargo())
        .args(["nextest", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if !there.success() {
        let status =
            Command::new(crate::cargo()).args(["install", "cargo-nextest", "--locked"]).status()?;
        ensure!(status.success(), "cargo install cargo-nextest: {status}");
    }
    Ok(())
}
