//! Holding a text against what is expected of it.

use twinax_topology::TextExpect;

use crate::report::Check;

/// At most so many characters of a text are shown in a check.
const SHOWN: usize = 400;

pub(super) fn checks(of: &str, expect: &TextExpect, text: &str) -> Vec<Check> {
    let seen = shown(text);
    let mut checks = Vec::new();
    let mut check = |expected: String, held: bool| {
        checks.push(Check { expected, seen: format!("{of} {seen}"), held });
    };
    if let Some(is) = &expect.is {
        check(format!("{of} is {}", shown(is)), is.trim() == text.trim());
    }
    for has in &expect.has {
        check(format!("{of} has {}", shown(has)), text.contains(has.as_str()));
    }
    for lacks in &expect.lacks {
        check(format!("{of} lacks {}", shown(lacks)), !text.contains(lacks.as_str()));
    }
    checks
}

/// A text in quotes, with what a terminal would not show escaped, and its middle left out when it
/// is long.
pub(super) fn shown(text: &str) -> String {
    let text = text.trim_end();
    let length = text.chars().count();
    if length <= SHOWN {
        return format!("{text:?}");
    }
    let head: String = text.chars().take(SHOWN / 2).collect();
    let tail: String = text.chars().skip(length - SHOWN / 2).collect();
    format!("{head:?} … {tail:?} ({length} characters)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_a_check_of_its_own() {
        let expect = TextExpect {
            is: Some("one two".into()),
            has: vec!["two".into(), "three".into()],
            lacks: vec!["one".into()],
        };
        let held: Vec<bool> =
            checks("stdout", &expect, "one two\n").iter().map(|check| check.held).collect();
        assert_eq!(held, [true, true, false, false]);
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(shown("\u{1b}[31mred\n"), "\"\\u{1b}[31mred\"");
    }
}
