//! `twinax wire` in scripts: this program itself, which has no other words than these, carries.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::ExitCode;

use twinax_kernel::Netns;
use twinax_lab::wire::HeldWire;
use twinax_topology::Wire;

use crate::both_ways::chain;

/// Where scripts find it, in the sandbox's own `/run`.
pub const FOLDER: &str = "/run/bin";

/// What tells this program that it is `twinax`.
const CALLED: &str = "TWINAX_TEST_CALLED";

/// Puts a `twinax` into the folder.
pub fn make_twinax() -> Result<(), String> {
    let own = std::env::current_exe().map_err(chain)?;
    let script = format!("#!/bin/sh\nexec env {CALLED}=twinax '{}' \"$@\"\n", own.display());
    let file = Path::new(FOLDER).join("twinax");
    fs::create_dir_all(FOLDER)
        .and_then(|()| fs::write(&file, script))
        .and_then(|()| fs::set_permissions(&file, fs::Permissions::from_mode(0o755)))
        .map_err(chain)
}

/// Whether it was called as `twinax`; then it carries, until it is killed.
pub fn is_called() -> Option<ExitCode> {
    std::env::var_os(CALLED)?;
    let words: Vec<String> = std::env::args().skip(1).collect();
    Some(match carry(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("twinax: {error}");
            ExitCode::FAILURE
        }
    })
}

fn carry(words: &[String]) -> Result<(), String> {
    let [verb, a, b] = words else { return Err(format!("{words:?}")) };
    if verb != "wire" {
        return Err(format!("{words:?}"));
    }
    let wire = Wire { a: a.parse().map_err(chain)?, b: b.parse().map_err(chain)? };
    let open = |node: &twinax_topology::NodeName| {
        Netns::open(&Path::new("/run/netns").join(node.as_str()))
    };
    let held = HeldWire::hold(&wire, open).map_err(chain)?;
    let (never, _open) = std::io::pipe().map_err(chain)?;
    held.carry(never.as_fd()).map(drop).map_err(chain)
}
