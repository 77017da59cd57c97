//! What the fuzz target checks, over its whole corpus: so that every run of the tests does it.

#[path = "../../../../fuzz/checks/lab_file.rs"]
mod check;

use std::path::Path;

fn corpus() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/lab_file")
}

#[test]
fn every_file_of_the_corpus_holds() {
    let mut valid = 0;
    let mut broken = 0;
    for entry in std::fs::read_dir(corpus()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        if let Err(panic) = std::panic::catch_unwind(|| check::lab_file(&bytes)) {
            eprintln!("{}:", path.display());
            std::panic::resume_unwind(panic);
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let is_lab = std::str::from_utf8(&bytes)
            .is_ok_and(|text| twinax_topology::parse(text, &name).is_ok());
        match name.split('-').next() {
            Some("valid") => {
                assert!(is_lab, "{name} is to be a valid lab");
                valid += 1;
            }
            Some("broken") => {
                assert!(!is_lab, "{name} is to be wrong in some way");
                broken += 1;
            }
            _ => {}
        }
    }
    assert!(valid >= 5 && broken >= 20, "{valid} valid, {broken} broken: where is the corpus?");
}

/// Every prefix of every valid lab: what an editor that checks while one types sees.
#[test]
fn a_lab_cut_off_anywhere_holds() {
    for entry in std::fs::read_dir(corpus()).unwrap() {
        let path = entry.unwrap().path();
        if !path.file_name().unwrap().to_string_lossy().starts_with("valid-") {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        for end in (0..bytes.len()).step_by(7) {
            check::lab_file(&bytes[..end]);
        }
    }
}
