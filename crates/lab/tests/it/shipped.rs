//! The labs of `labs/`.

use std::path::Path;

use twinax_topology::{Topology, read};

use crate::random;

/// Runs a test on each of them that this machine can build.
pub fn each(test: &str, check: impl Fn(&Topology) -> Result<(), String>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../labs");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder of the labs")
        .map(|entry| entry.expect("an entry of it").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no lab is shipped");
    let mut failures = String::new();
    for file in files {
        let name = file.file_name().unwrap_or_default().display();
        let lab = read(&file).unwrap_or_else(|error| panic!("{name}: {error}"));
        if !lab.taps.is_empty() && !random::taps() {
            eprintln!("skipped: {test}: {name}: /dev/net/tun can't be opened");
            continue;
        }
        if let Err(failure) = check(&lab) {
            failures += &format!("{name}\n{failure}\n\n");
        }
    }
    assert!(failures.is_empty(), "{failures}");
}
