//! An expression cut into words.

use std::ops::Range;

/// One of its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'e> {
    /// `(`
    Open,
    /// `)`
    Close,
    /// `not`, `!`
    Not,
    /// `and`, `&&`
    And,
    /// `or`, `||`
    Or,
    /// Anything else.
    Word(&'e str),
}

/// The words of an expression, and where they stand in it (in bytes).
pub(super) fn tokens(expression: &str) -> Vec<(Token<'_>, Range<usize>)> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(next) = expression[at..].chars().next() {
        let length = if next.is_whitespace() { next.len_utf8() } else { length(&expression[at..]) };
        if !next.is_whitespace() {
            tokens.push((token(&expression[at..at + length]), at..at + length));
        }
        at += length;
    }
    tokens
}

/// How long the word is with which a text begins.
fn length(text: &str) -> usize {
    let is_sign = |c: char| c.is_whitespace() || "()!&|".contains(c);
    match text.chars().next() {
        Some('(' | ')' | '!') => 1,
        Some(sign @ ('&' | '|')) => text.len() - text.trim_start_matches(sign).len(),
        _ => text.find(is_sign).unwrap_or(text.len()),
    }
}

fn token(word: &str) -> Token<'_> {
    match word {
        "(" => Token::Open,
        ")" => Token::Close,
        "not" | "!" => Token::Not,
        "and" | "&&" => Token::And,
        "or" | "||" => Token::Or,
        word => Token::Word(word),
    }
}
