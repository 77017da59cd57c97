//! What must hold of the lab file's parser and writer, whatever the bytes. The fuzz target and the
//! test of the corpus (`crates/topology/tests/it/corpus.rs`) both include this file.

use twinax_topology::{Diagnostics, parse};

/// Panics where something does not hold. That parsing does not panic and comes to an end is
/// checked by being called.
pub fn lab_file(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match parse(text, "fuzz.toml") {
        Ok(lab) => {
            let written = lab.to_toml();
            match parse(&written, "written.toml") {
                Ok(again) => {
                    assert_eq!(again, lab, "the lab has changed on its way through\n{written}");
                    assert_eq!(again.to_toml(), written, "written twice, two texts");
                }
                Err(wrong) => panic!("the writer wrote no lab:{wrong:?}\n{written}"),
            }
        }
        Err(wrong) => says_something(text, &wrong),
    }
}

fn says_something(text: &str, wrong: &Diagnostics) {
    assert!(wrong.count() > 0);
    for rendered in [wrong.render(false), wrong.to_string()] {
        assert!(!rendered.trim().is_empty());
        let control = rendered.chars().find(|c| c.is_control() && *c != '\n');
        assert_eq!(control, None, "a control character for the terminal:\n{rendered:?}");
    }
    for diagnostic in wrong.iter() {
        assert!(!diagnostic.title.is_empty());
        let places = diagnostic.also.iter().map(|(place, _)| place);
        for place in places.chain([&diagnostic.span]) {
            assert!(text.get(place.clone()).is_some(), "{place:?} is no place of the text");
        }
    }
    for finding in wrong.findings() {
        assert!(finding.line >= 1 && finding.column >= 1);
        assert!(finding.end_column >= finding.column);
    }
}
