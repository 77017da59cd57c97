//! Diagnostics for a person to read.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::text::{Lines, picture};
use super::{Diagnostic, Diagnostics};

/// So many are shown; of the others only the number is.
pub(super) const SHOWN: usize = 100;

/// So many characters of a line are shown.
const WIDTH: usize = 120;

/// Two places that are at most so many lines apart are shown as one piece of the file.
const NEAR: usize = 12;

pub(super) fn render(diagnostics: &Diagnostics, color: bool) -> String {
    let lines = Lines::new(&diagnostics.source);
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let origin = shown_path(&diagnostics.origin);
    let mut out = String::new();
    for diagnostic in diagnostics.list.iter().take(SHOWN) {
        out.push_str(&one(diagnostic, &origin, &lines, &renderer));
        out.push_str("\n\n");
    }
    let more = diagnostics.count().saturating_sub(SHOWN);
    if more > 0 {
        let group = Group::with_title(Level::ERROR.primary_title(format!("and {more} more")));
        out.push_str(&renderer.render(&[group]));
        out.push('\n');
    } else {
        out.pop();
    }
    out
}

fn shown_path(path: &str) -> String {
    path.chars().map(|c| picture(c).unwrap_or(c)).collect()
}

fn one(diagnostic: &Diagnostic, origin: &str, lines: &Lines<'_>, renderer: &Renderer) -> String {
    let mut group = Group::with_title(Level::ERROR.primary_title(diagnostic.title.as_str()));
    if lines.source.is_empty() {
        group = group.element(Origin::path(origin));
    } else {
        let line = lines.line_of(lines.clip(&diagnostic.span).start);
        let (near, far): (Vec<_>, Vec<_>) = diagnostic
            .also
            .iter()
            .partition(|(span, _)| lines.line_of(lines.clip(span).start).abs_diff(line) <= NEAR);
        let mut excerpt = Excerpt::new(lines);
        excerpt.mark(AnnotationKind::Primary, &diagnostic.span, &diagnostic.label);
        for (span, label) in near {
            excerpt.mark(AnnotationKind::Context, span, label);
        }
        group = excerpt.add_to(group, origin);
        for (span, label) in far {
            let mut excerpt = Excerpt::new(lines);
            excerpt.mark(AnnotationKind::Context, span, label);
            group = excerpt.add_to(group, origin);
        }
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    renderer.render(&[group])
}

/// The lines of the file that are shown, with what is underlined in them. They are cut to
/// [`WIDTH`], so that no message is long because a line is.
struct Excerpt<'l, 's> {
    lines: &'l Lines<'s>,
    marks: Vec<(AnnotationKind, Range<usize>, String)>,
}

impl<'l, 's> Excerpt<'l, 's> {
    fn new(lines: &'l Lines<'s>) -> Self {
        Self { lines, marks: Vec::new() }
    }

    fn mark(&mut self, kind: AnnotationKind, span: &Range<usize>, label: &str) {
        self.marks.push((kind, self.lines.clip(span), label.to_owned()));
    }

    fn add_to<'a>(self, mut group: Group<'a>, origin: &'a str) -> Group<'a> {
        let line_of = |span: &Range<usize>| self.lines.line_of(span.start);
        let first = self.marks.iter().map(|(_, span, _)| line_of(span)).min().unwrap_or(0);
        let last = self.marks.iter().map(|(_, span, _)| line_of(span)).max().unwrap_or(0);
        let mut text = String::new();
        let mut moved = vec![0..0; self.marks.len()];
        let mut cut = false;
        for line in first..=last {
            let here: Vec<usize> =
                (0..self.marks.len()).filter(|&i| line_of(&self.marks[i].1) == line).collect();
            cut |= self.copy_line(line, &here, &mut text, &mut moved);
            text.push('\n');
        }
        let mut snippet = Snippet::source(text).line_start(first + 1);
        if cut {
            // The column in the piece that is shown is not the column in the file.
            let (line, column, _) = self.lines.place(&self.marks[0].1);
            group = group.element(Origin::path(origin).line(line).char_column(column));
        } else {
            snippet = snippet.path(origin);
        }
        for ((kind, _, label), span) in self.marks.into_iter().zip(moved) {
            let mut annotation = kind.span(span);
            if !label.is_empty() {
                annotation = annotation.label(label);
            }
            snippet = snippet.annotation(annotation);
        }
        group.element(snippet)
    }

    /// Appends one line, cut around the first of the marks on it, and notes where in `text` the
    /// marks are now. Says whether its beginning was cut.
    fn copy_line(
        &self,
        line: usize,
        here: &[usize],
        text: &mut String,
        moved: &mut [Range<usize>],
    ) -> bool {
        let range = self.lines.range(line);
        let source = self.lines.source;
        let focus = here.iter().map(|&i| self.marks[i].1.start).min().unwrap_or(range.start);
        let before = source[range.start..focus].char_indices().rev().take(WIDTH / 2).last();
        let mut start = before.map_or(focus, |(at, _)| range.start + at);
        let whole = source[range.clone()].chars().nth(WIDTH).is_none();
        if whole {
            start = range.start;
        }
        if start > range.start {
            text.push('…');
        }
        let mut end = start;
        for (offset, c) in source[start..range.end].char_indices().take(WIDTH) {
            let at = start + offset;
            for &i in here {
                if self.marks[i].1.start == at {
                    moved[i] = text.len()..text.len();
                }
            }
            text.push(if c == '\t' { c } else { picture(c).unwrap_or(c) });
            end = at + c.len_utf8();
            for &i in here {
                let mark = &self.marks[i].1;
                if mark.start <= at && at < mark.end {
                    moved[i].end = text.len();
                }
            }
        }
        for &i in here {
            if self.marks[i].1.start >= end {
                moved[i] = text.len()..text.len();
            }
        }
        if end < range.end {
            text.push('…');
        }
        start > range.start
    }
}
