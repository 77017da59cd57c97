//! What is wrong with a lab file, and where.

mod render;
mod text;

use std::fmt;
use std::ops::Range;

pub(crate) use text::{quoted, shown, shown_long};

/// So many diagnostics are kept of one file; of the others only the number is.
const KEPT: usize = 10_000;

/// One thing that is wrong with a lab file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The words that are wrong, as bytes of the text.
    pub span: Range<usize>,
    /// What is wrong, in a sentence that stands for itself.
    pub title: String,
    /// What stands beside the underlined words; may be empty.
    pub label: String,
    /// What was probably meant, or what to do.
    pub help: Option<String>,
    /// Other places that have to do with it ("first used here").
    pub also: Vec<(Range<usize>, String)>,
}

impl Diagnostic {
    /// A diagnostic of which nothing but the place and the title is said.
    pub(crate) fn new(span: Range<usize>, title: impl Into<String>) -> Self {
        Self { span, title: title.into(), label: String::new(), help: None, also: Vec::new() }
    }

    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }

    pub(crate) fn also(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.also.push((span, label.into()));
        self
    }
}

/// Everything that is wrong with a lab file, in the order of the file: never empty.
///
/// `Display` gives what [`render`](Self::render) gives without colour.
#[derive(Clone, PartialEq, Eq)]
pub struct Diagnostics {
    origin: String,
    source: String,
    list: Vec<Diagnostic>,
    not_kept: usize,
}

/// A diagnostic as a program reads it: for `--json`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// The file, as it was named.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The column after the last of the words that are wrong, on the same line.
    pub end_column: usize,
    /// What is wrong.
    pub message: String,
    /// What is wrong with the words that are meant; may be empty.
    pub label: String,
    /// What was probably meant, or what to do.
    pub help: Option<String>,
}

impl Diagnostics {
    /// The name of the file (or whatever the text came from), as it was given.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// How many there are, those included that were not kept.
    pub fn count(&self) -> usize {
        self.list.len() + self.not_kept
    }

    /// Those that were kept, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// The same for a program to read.
    pub fn findings(&self) -> Vec<Finding> {
        let lines = text::Lines::new(&self.source);
        let finding = |diagnostic: &Diagnostic| {
            let (line, column, end_column) = lines.place(&diagnostic.span);
            Finding {
                file: self.origin.clone(),
                line,
                column,
                end_column,
                message: diagnostic.title.clone(),
                label: diagnostic.label.clone(),
                help: diagnostic.help.clone(),
            }
        };
        self.list.iter().map(finding).collect()
    }

    /// All of it for a person to read: each as `error: …`, the place, the line with the words
    /// underlined, and what was probably meant. Control characters are shown as pictures, long
    /// lines cut, and after the first hundred comes only how many more there are.
    pub fn render(&self, color: bool) -> String {
        render::render(self, color)
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl fmt::Debug for Diagnostics {
    /// As `Display`, so that an `unwrap` in a test shows what a user would see.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{}", self.render(false))
    }
}

impl std::error::Error for Diagnostics {}

/// Collects what is wrong while a file is read.
pub(crate) struct Collector<'s> {
    pub source: &'s str,
    list: Vec<Diagnostic>,
    not_kept: usize,
    comparisons: usize,
}

impl<'s> Collector<'s> {
    pub(crate) fn new(source: &'s str) -> Self {
        Self { source, list: Vec::new(), not_kept: 0, comparisons: 500_000 }
    }

    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        if self.list.len() < KEPT {
            self.list.push(diagnostic);
        } else {
            self.not_kept += 1;
        }
    }

    /// The line of a place, from 1.
    pub(crate) fn line(&self, at: usize) -> usize {
        let before = self.source.as_bytes().get(..at).unwrap_or_default();
        before.iter().filter(|&&byte| byte == b'\n').count() + 1
    }

    /// Whether so much is wrong that further effort for a hint is wasted: nobody sees it.
    pub(crate) fn is_crowded(&self) -> bool {
        self.list.len() >= render::SHOWN
    }

    pub(crate) fn retain(&mut self, keep: impl FnMut(&Diagnostic) -> bool) {
        self.list.retain(keep);
    }

    /// "did you mean …?", where one of the candidates is near enough. After half a million
    /// comparisons the answer is always no, so that a hostile file can't make this take long.
    pub(crate) fn meant<'c>(
        &mut self,
        wrong: &str,
        candidates: impl IntoIterator<Item = &'c str>,
    ) -> Option<String> {
        self.nearest(wrong, candidates).map(|near| format!("did you mean `{}`?", shown(&near)))
    }

    /// The candidate nearest to what was written, if any is near.
    pub(crate) fn nearest<'c>(
        &mut self,
        wrong: &str,
        candidates: impl IntoIterator<Item = &'c str>,
    ) -> Option<String> {
        if wrong.len() > 64 || wrong.is_empty() {
            return None;
        }
        let folded = wrong.to_lowercase();
        // Of a word of two letters every other is near.
        let length = wrong.chars().count();
        let far = if length < 3 { 0 } else { 1 + length / 4 };
        let mut best: Option<(usize, &str)> = None;
        for candidate in candidates {
            if self.comparisons == 0 {
                break;
            }
            if candidate.len().abs_diff(wrong.len()) > far {
                continue;
            }
            self.comparisons -= 1;
            let distance = strsim::osa_distance(&folded, &candidate.to_lowercase());
            if distance <= far
                && distance < candidate.chars().count()
                && best.is_none_or(|least| (distance, candidate) < least)
            {
                best = Some((distance, candidate));
            }
        }
        best.map(|(_, candidate)| candidate.to_owned())
    }

    /// What was collected, sorted by place; `Ok` if nothing was.
    pub(crate) fn finish<T>(mut self, value: Option<T>, origin: &str) -> Result<T, Diagnostics> {
        match value {
            Some(value) if self.list.is_empty() => Ok(value),
            _ => {
                if self.list.is_empty() {
                    self.push(Diagnostic::new(0..0, "this is no lab"));
                }
                self.list.sort_by_key(|one| (one.span.start, one.span.end));
                self.list.dedup();
                Err(Diagnostics {
                    origin: origin.to_owned(),
                    source: self.source.to_owned(),
                    list: self.list,
                    not_kept: self.not_kept,
                })
            }
        }
    }
}
