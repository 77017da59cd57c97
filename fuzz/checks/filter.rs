//! What must hold of filters, whatever the bytes: an expression of our own words up to the end of the
//! line, and a frame. The fuzz target and the test of the corpus
//! (`crates/packet/tests/it/filter_corpus.rs`) both include this file.

use twinax_packet::filter::{
    Ancillary, Filter, Instruction, ParseError, Program, Tag, compile, parse,
};
use twinax_packet::{Direction, LinkType, hardware};

/// Panics where something does not hold. That nothing panics and all comes to an end is checked by being
/// called.
pub fn filter(bytes: &[u8]) {
    let line = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (expression, frame) = (&bytes[..line], &bytes[(line + 1).min(bytes.len())..]);
    if let Ok(expression) = std::str::from_utf8(expression) {
        match parse(expression) {
            Ok(parsed) => {
                for beginning in [LinkType::Ethernet, LinkType::Raw] {
                    let Ok(program) = compile(&parsed, beginning) else { continue };
                    verdict(&program, frame, None);
                    looks_through_tags(&program, frame);
                }
            }
            Err(wrong) => says_something(expression, &wrong),
        }
    }
    let instructions = bytes.as_chunks().0.iter().map(|&[a, b, jt, jf, c, d, e, f]| Instruction {
        code: u16::from_le_bytes([a, b]),
        jt,
        jf,
        k: u32::from_le_bytes([c, d, e, f]),
    });
    if let Ok(program) = Program::new(instructions.collect()) {
        verdict(&program, bytes, None);
        let _ = Filter::new(program.clone(), Program::always(0)).program(None);
        let _ = Filter::of_tags(program, Program::always(0)).map(|filter| filter.program(None));
    }
}

fn verdict(program: &Program, frame: &[u8], tag: Option<Tag>) -> u32 {
    let ancillary = Ancillary {
        length: frame.len() as u32,
        protocol: 0,
        direction: Direction::In,
        interface: 1,
        hardware: hardware::ETHERNET,
        tag,
    };
    program.run(frame, &ancillary)
}

/// A frame of a VLAN is wanted where it would be without its tag, wherever that is.
fn looks_through_tags(program: &Program, frame: &[u8]) {
    let tag = Tag { protocol: 0x8100, control: 5 };
    let filter = Filter::new(program.clone(), Program::always(0));
    let (Ok(whole), Some((macs, rest))) = (filter.program(None), frame.split_at_checked(12)) else {
        return;
    };
    let inside = [macs, &tag.protocol.to_be_bytes(), &tag.control.to_be_bytes(), rest].concat();
    let without = verdict(program, frame, None);
    assert_eq!(verdict(&whole, frame, Some(tag)), without, "beside {program:?}");
    assert_eq!(verdict(&whole, &inside, None), without, "inside {program:?}");
}

fn says_something(expression: &str, wrong: &ParseError) {
    let place = expression.get(..wrong.span.start).expect("it begins between two characters");
    assert!(expression.get(wrong.span.clone()).is_some(), "{wrong:?}");
    assert_eq!(wrong.column, place.chars().count() + 1);
    let words = wrong.to_string();
    let control = words.chars().find(|c| c.is_control());
    assert_eq!(control, None, "a control character for the terminal: {words:?}");
}
