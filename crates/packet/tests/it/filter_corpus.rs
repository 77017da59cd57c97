//! What the fuzz target of filters checks, over its whole corpus: so that every run of the tests does it.

#[path = "../../../../fuzz/checks/filter.rs"]
mod check;

use std::path::Path;

#[test]
fn every_file_of_the_corpus_holds() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/filter");
    let (mut valid, mut broken) = (0, 0);
    for entry in std::fs::read_dir(corpus).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        for end in 0..=bytes.len() {
            if let Err(panic) = std::panic::catch_unwind(|| check::filter(&bytes[..end])) {
                eprintln!("{}, its first {end} bytes:", path.display());
                std::panic::resume_unwind(panic);
            }
        }
        let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let is_read =
            std::str::from_utf8(line).is_ok_and(|line| twinax_packet::filter::parse(line).is_ok());
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match name.split('-').next() {
            Some("valid") => valid += usize::from(is_read),
            Some("broken") => broken += usize::from(!is_read),
            _ => continue,
        }
        assert_eq!(is_read, name.starts_with("valid"), "{name}");
    }
    assert!(valid >= 5 && broken >= 5, "{valid} valid, {broken} broken: where is the corpus?");
}
