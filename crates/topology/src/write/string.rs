//! Strings and keys in TOML (toml.io, "String" and "Keys"), in the form that a person would choose.

use std::fmt::Write as _;

/// A key: bare where TOML takes it so.
pub(crate) fn key(text: &str) -> String {
    let bare =
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if bare { text.to_owned() } else { one_line(text) }
}

/// A string on one line: between `'` where that saves escapes, else between `"`.
pub(crate) fn one_line(text: &str) -> String {
    let literal = text.contains(['"', '\\']) && !text.contains(['\'', '\n']);
    if literal && !text.chars().any(needs_escape) {
        return format!("'{text}'");
    }
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '"' => out.push_str("\\\""),
            _ => push(&mut out, c),
        }
    }
    out.push('"');
    out
}

/// A string over several lines. The line break after the opening quotes is not part of it.
pub(crate) fn many_lines(text: &str) -> String {
    let literal = text.contains('\\') && !text.contains("'''") && !text.ends_with('\'');
    if literal && !text.chars().any(needs_escape) {
        return format!("'''\n{text}'''");
    }
    let mut out = String::from("\"\"\"\n");
    let mut quotes = 0;
    for (at, c) in text.char_indices() {
        quotes = if c == '"' { quotes + 1 } else { 0 };
        let last = at + c.len_utf8() == text.len();
        match c {
            '\n' | '\t' => out.push(c),
            '"' if quotes == 3 || last => {
                out.push_str("\\\"");
                quotes = 0;
            }
            '"' => out.push('"'),
            _ => push(&mut out, c),
        }
    }
    out.push_str("\"\"\"");
    out
}

fn push(out: &mut String, c: char) {
    match c {
        '\\' => out.push_str("\\\\"),
        '\r' => out.push_str("\\r"),
        c if needs_escape(c) && u32::from(c) > 0xffff => {
            let _ = write!(out, "\\U{:08X}", u32::from(c));
        }
        c if needs_escape(c) => {
            let _ = write!(out, "\\u{:04X}", u32::from(c));
        }
        c => out.push(c),
    }
}

/// What TOML wants escaped (control characters, line breaks and tabs apart), and what a reader
/// would not see in the file though it is there.
fn needs_escape(c: char) -> bool {
    let invisible = matches!(c,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    (c.is_control() && !matches!(c, '\n' | '\t')) || invisible
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plainest_form_that_holds_the_text() {
        assert_eq!(one_line("plain"), r#""plain""#);
        assert_eq!(one_line(r#"echo "hi""#), r#"'echo "hi"'"#);
        assert_eq!(one_line(r#"it's "so""#), r#""it's \"so\"""#);
        assert_eq!(one_line("a\r\u{1b}[1m\u{202e}"), r#""a\r\u001B[1m\u202E""#);
        assert_eq!(many_lines("a\nb\n"), "\"\"\"\na\nb\n\"\"\"");
        assert_eq!(many_lines("a\\d\n"), "'''\na\\d\n'''");
        assert_eq!(many_lines("\"\"\"\n\""), "\"\"\"\n\"\"\\\"\n\\\"\"\"\"");
    }

    #[test]
    fn keys_are_quoted_only_where_they_must_be() {
        assert_eq!(key("left-1_b"), "left-1_b");
        assert_eq!(key("web.example"), r#""web.example""#);
        assert_eq!(key(""), r#""""#);
    }

    proptest::proptest! {
        #[test]
        fn every_string_comes_back(
            text in proptest::collection::vec(
                proptest::prop_oneof![
                    proptest::prelude::any::<char>(),
                    proptest::sample::select(vec!['"', '\'', '\\', '\n', '\r', '\t', '\0', '\u{7f}']),
                ],
                0..40,
            )
        ) {
            let text: String = text.into_iter().collect();
            for form in [one_line(&text), many_lines(&text)] {
                let table: toml::Table = toml::from_str(&format!("t = {form}\n")).unwrap();
                proptest::prop_assert_eq!(table["t"].as_str(), Some(text.as_str()));
            }
        }
    }
}
