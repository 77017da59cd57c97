//! What the fuzz target checks, over its whole corpus: so that every run of the tests does it.

#[path = "../../../../fuzz/checks/pcapng.rs"]
mod check;

use std::path::{Path, PathBuf};

use twinax_packet::file::FileReader;
use twinax_packet::pcapng::ReadError;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/pcapng")
}

/// The files of the corpus whose names begin so, with their names.
fn files(beginning: &str) -> Vec<(String, Vec<u8>)> {
    let all = std::fs::read_dir(corpus()).unwrap().map(|entry| entry.unwrap());
    let named = all.map(|entry| (entry.file_name().into_string().unwrap(), entry.path()));
    let wanted = named.filter(|(name, _)| name.starts_with(beginning));
    wanted.map(|(name, path)| (name, std::fs::read(path).unwrap())).collect()
}

/// Reads a file to its end; whether there is nothing wrong with it, and whether it was whole.
fn read(bytes: &[u8]) -> (Result<(), ReadError>, bool) {
    let mut reader = match FileReader::new(bytes) {
        Ok(reader) => reader,
        Err(error) => return (Err(error), false),
    };
    loop {
        match reader.next() {
            Ok(Some(_)) => {}
            Ok(None) => return (Ok(()), !reader.is_truncated()),
            Err(error) => return (Err(error), false),
        }
    }
}

#[test]
fn every_file_of_the_corpus_holds() {
    let all = files("");
    assert!(all.len() >= 50, "{} files: where is the corpus?", all.len());
    for (name, bytes) in all {
        let checked = std::panic::catch_unwind(|| {
            check::pcapng(&bytes);
            check::pcapng(&check::mended(&bytes));
        });
        if let Err(panic) = checked {
            eprintln!("{name}:");
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn what_is_valid_is_read_to_its_end_and_what_is_broken_is_not() {
    for (name, bytes) in files("valid-") {
        let (read, whole) = read(&bytes);
        assert!(read.is_ok() && whole, "{name}: {read:?}, whole: {whole}");
    }
    for (name, bytes) in files("broken-") {
        assert!(read(&bytes).0.is_err(), "{name} is read");
    }
}

/// A file cut off anywhere is read as far as it goes.
#[test]
fn every_valid_file_cut_off_anywhere_is_no_broken_one() {
    for (name, bytes) in files("valid-") {
        let pcapng = bytes.starts_with(b"\n\r\r\n");
        let least = if pcapng { 4 } else { 24 };
        for end in least..bytes.len() {
            let (read, _) = read(&bytes[..end]);
            assert!(read.is_ok(), "{name}, {end} bytes of it: {read:?}");
            check::pcapng(&bytes[..end]);
        }
    }
}
