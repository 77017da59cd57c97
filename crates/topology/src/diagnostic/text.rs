//! Text that came from somebody else, made fit to be shown.

use std::cell::Cell;
use std::ops::Range;

/// The longest piece of the file that a message repeats, in characters.
const LONGEST: usize = 60;

/// A picture for what a terminal would act on instead of showing it: control characters, and the
/// characters that change the direction of writing or have no width.
pub(super) fn picture(c: char) -> Option<char> {
    match c {
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + c as u32),
        '\u{7f}' => Some('\u{2421}'),
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => Some('\u{fffd}'),
        _ => None,
    }
}

/// A piece of the file as it may stand in a message: one short line, nothing in it that a
/// terminal acts on.
pub(crate) fn shown(text: &str) -> String {
    let mut out: String = text.chars().take(LONGEST).map(|c| picture(c).unwrap_or(c)).collect();
    if text.chars().nth(LONGEST).is_some() {
        out.push('…');
    }
    out
}

/// The same for a whole message of somebody else's.
pub(crate) fn shown_long(text: &str) -> String {
    text.chars().take(500).map(|c| picture(c).unwrap_or(c)).collect()
}

/// The same between backticks.
pub(crate) fn quoted(text: impl AsRef<str>) -> String {
    format!("`{}`", shown(text.as_ref()))
}

/// Where the lines of a text begin.
pub(super) struct Lines<'s> {
    pub source: &'s str,
    starts: Vec<usize>,
    /// The last byte whose column was asked for, and that column: who asks in order on one long
    /// line has it counted once, not once for each.
    last: Cell<(usize, usize)>,
}

impl<'s> Lines<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        let after = source.bytes().enumerate().filter(|&(_, b)| b == b'\n').map(|(at, _)| at + 1);
        Self { source, starts: std::iter::once(0).chain(after).collect(), last: Cell::new((0, 0)) }
    }

    /// The line (from 0) in which a byte is.
    pub(super) fn line_of(&self, at: usize) -> usize {
        self.starts.partition_point(|&start| start <= at) - 1
    }

    /// The bytes of a line, its end apart.
    pub(super) fn range(&self, line: usize) -> Range<usize> {
        let start = self.starts[line];
        let end = self.starts.get(line + 1).map_or(self.source.len(), |next| next - 1);
        let end = if self.source[start..end].ends_with('\r') { end - 1 } else { end };
        start..end
    }

    /// Line, column and end column (characters, from 1) of the part of a span on its first line.
    pub(super) fn place(&self, span: &Range<usize>) -> (usize, usize, usize) {
        let span = self.clip(span);
        let line = self.line_of(span.start);
        let start = self.range(line).start;
        let column = self.column(start, span.start) + 1;
        let width = self.source[span].chars().count();
        (line + 1, column, column + width)
    }

    fn column(&self, line_start: usize, at: usize) -> usize {
        let (last_at, last_column) = self.last.get();
        let (from, before) = if (line_start..=at).contains(&last_at) {
            (last_at, last_column)
        } else {
            (line_start, 0)
        };
        let column = before + self.source[from..at].chars().count();
        self.last.set((at, column));
        column
    }

    /// The part of a span on its first line, between characters.
    pub(super) fn clip(&self, span: &Range<usize>) -> Range<usize> {
        let mut start = span.start.min(self.source.len());
        while !self.source.is_char_boundary(start) {
            start -= 1;
        }
        let line_end = self.range(self.line_of(start)).end;
        start = start.min(line_end);
        let mut end = span.end.clamp(start, line_end);
        while !self.source.is_char_boundary(end) {
            end += 1;
        }
        start..end
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn what_a_terminal_acts_on_is_shown_as_a_picture() {
        assert_eq!(shown("a\u{1b}[31mb\u{9b}c\u{202e}d"), "a␛[31mb\u{fffd}c\u{fffd}d");
    }
}
