//! What the fuzz target checks, over its whole corpus: so that every run of the tests does it.

#[path = "../../../../fuzz/checks/frame.rs"]
mod check;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::odd;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/frame")
}

fn holds(name: &str, bytes: &[u8]) {
    if let Err(panic) = std::panic::catch_unwind(|| check::frame(bytes)) {
        eprintln!("{name}:");
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn every_frame_of_the_corpus_holds() {
    let mut frames = 0;
    for entry in std::fs::read_dir(corpus()).unwrap() {
        let path = entry.unwrap().path();
        holds(&path.display().to_string(), &std::fs::read(&path).unwrap());
        frames += 1;
    }
    assert!(frames >= 50, "{frames} frames: where is the corpus?");
}

/// The frames that are held against tcpdump, one of each name, cut off anywhere.
#[test]
fn a_frame_cut_off_anywhere_holds() {
    for (name, frame) in odd::all().into_iter().collect::<BTreeMap<_, _>>() {
        for end in 0..=frame.len() {
            holds(name, &frame[..end]);
        }
    }
}
