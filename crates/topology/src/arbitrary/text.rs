//! Texts that are hard to write down.

use proptest::collection::vec;
use proptest::prelude::*;

/// Texts of any characters but NUL (no command line can hold that), rich in what TOML, shells and
/// terminals read as something else. May be empty.
pub fn text() -> impl Strategy<Value = String> {
    let hard = prop::sample::select(vec![
        "\"",
        "'",
        "\\",
        "\"\"\"",
        "'''",
        "\n",
        "\r\n",
        "\r",
        "\t",
        "#",
        " = ",
        "[x]",
        "\\u0041",
        "\\",
        "\u{1b}[31m",
        "\u{7f}",
        "\u{202e}",
        "\u{feff}",
        "\u{85}",
        "\u{2028}",
        "${HOME}",
        "`id`",
        "é",
        "e\u{301}",
        "漢字",
        "🦀",
        " ",
        "\n\n",
        "--",
        "%s",
        "}{",
        "\u{10ffff}",
    ]);
    let piece = prop_oneof![
        3 => "[a-zA-Z0-9 .,]{1,8}".prop_map(String::from),
        2 => hard.prop_map(String::from),
        1 => any::<char>().prop_map(String::from),
    ];
    vec(piece, 0..8).prop_map(|pieces| pieces.concat().replace('\0', ""))
}

/// Such texts on one line, never empty, without white space at the ends.
pub fn line() -> impl Strategy<Value = String> {
    text().prop_map(|text| {
        let line: String = text.chars().filter(|c| !c.is_control()).collect();
        let line = line.trim();
        if line.is_empty() { "x".to_owned() } else { line.to_owned() }
    })
}
