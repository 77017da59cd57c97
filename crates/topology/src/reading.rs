//! The way from a text to a lab.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

use crate::diagnostic::{Collector, Diagnostic, Diagnostics, quoted};
use crate::file::{self, At};
use crate::model::{LabStep, Node, Topology};
use crate::{lower, validate};

/// The longest lab file, in bytes.
pub const MAX_FILE: usize = 16 << 20;

/// The most nodes that a lab can have.
pub const MAX_NODES: usize = 65_536;

/// In a longer text only the first syntax error is found: a parser that goes on after each makes
/// hundreds of megabytes of them out of a few megabytes of brackets.
const MAX_RECOVERED: usize = 256 << 10;

/// Why there is no lab in a file.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file can't be opened or read.
    #[error("can't read {}", quoted(.path.to_string_lossy()))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is a directory, a device, a socket…
    #[error("{} is {what}, not a file", quoted(.path.to_string_lossy()))]
    NoFile {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        what: &'static str,
    },
    /// It is longer than [`MAX_FILE`].
    #[error("{} is too long for a lab file: more than {} MiB", quoted(.path.to_string_lossy()), MAX_FILE >> 20)]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// It is no text.
    #[error(
        "{}:{line}:{column}: this is no UTF-8 text (byte {byte})",
        quoted(.path.to_string_lossy())
    )]
    NotText {
        /// The file.
        path: PathBuf,
        /// The line of the first byte that is wrong, from 1.
        line: usize,
        /// Its column in characters, from 1.
        column: usize,
        /// Which byte it is, from 0.
        byte: usize,
    },
    /// It is no valid lab.
    #[error(transparent)]
    Lab(#[from] Diagnostics),
}

/// Reads the lab in a file. A pipe without a name may stand for the file
/// (`twinax run <(make-lab)`); a named pipe, a device, a socket or a directory is refused, and so is more than [`MAX_FILE`] bytes.
pub fn read(path: &Path) -> Result<Topology, ReadError> {
    let io = |source| ReadError::Io { path: path.to_owned(), source };
    let kind = std::fs::metadata(path).map_err(io)?.file_type();
    if let Some(what) = not_readable(path, kind) {
        return Err(ReadError::NoFile { path: path.to_owned(), what });
    }
    let file = File::open(path).map_err(io)?;
    // Asked again of what was opened: the path may mean something else by now.
    let metadata = file.metadata().map_err(io)?;
    if let Some(what) = not_readable(path, metadata.file_type()) {
        return Err(ReadError::NoFile { path: path.to_owned(), what });
    }
    if metadata.len() > MAX_FILE as u64 {
        return Err(ReadError::TooLong { path: path.to_owned() });
    }
    read_from(file, path)
}

/// Reads the lab in what is open already, such as standard input, to its end; more than
/// [`MAX_FILE`] bytes are refused. `path` is what messages call it.
pub fn read_from(input: impl Read, path: &Path) -> Result<Topology, ReadError> {
    let mut bytes = Vec::new();
    input
        .take(MAX_FILE as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| ReadError::Io { path: path.to_owned(), source })?;
    if bytes.len() > MAX_FILE {
        return Err(ReadError::TooLong { path: path.to_owned() });
    }
    let source = String::from_utf8(bytes).map_err(|error| {
        let byte = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(&error.as_bytes()[..byte]).into_owned();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        ReadError::NotText { path: path.to_owned(), line, column, byte }
    })?;
    Ok(parse(&source, &path.to_string_lossy())?)
}

/// What a file is that no lab is read from.
fn not_readable(path: &Path, kind: std::fs::FileType) -> Option<&'static str> {
    use std::os::unix::fs::FileTypeExt;
    if kind.is_file() {
        None
    } else if kind.is_fifo() {
        // Opening a pipe that has a name waits for somebody to write, perhaps for ever. The pipe
        // of a shell's `<(…)` (`/dev/fd/63`) has no name that could be resolved.
        path.canonicalize().is_ok().then_some("a named pipe")
    } else if kind.is_dir() {
        Some("a directory")
    } else if kind.is_socket() {
        Some("a socket")
    } else {
        Some("a device")
    }
}

/// Makes a lab of the text of a lab file, or says everything that is wrong with it. `origin` is
/// what messages call the file.
pub fn parse(source: &str, origin: &str) -> Result<Topology, Diagnostics> {
    read_text(source, origin, |root, broken, to| {
        if let Some(nodes) = root.get("node")
            && let DeValue::Table(table) = nodes.get_ref()
            && table.len() > MAX_NODES
        {
            let title = format!("a lab of {} nodes; at most {MAX_NODES} are possible", table.len());
            to.push(Diagnostic::new(nodes.span(), title));
            return None;
        }
        let keys = file::decode_document(root, to);
        if let Some(broken) = broken {
            broken.forget_consequences(to);
            return None;
        }
        let draft = lower::lower(&keys, to);
        validate::validate(&draft, to);
        draft.into_topology()
    })
}

/// Makes a step of the text of one `[[step]]` table, without that head:
/// `change = { at = "left:e0", up = false }`. As nothing is known of the lab in which it will be
/// done, the names in it may mean anything; what is wrong by itself is refused as in a file.
///
/// # Errors
///
/// Everything that is wrong with it: always [`ReadError::Lab`].
pub fn parse_step(text: &str) -> Result<LabStep, ReadError> {
    parse_step_for(text, &[])
}

/// As [`parse_step`], for a lab that has these nodes: an end of a link that comes into a node of
/// kind `bridge` is a port of its bridge unless the step says otherwise, as in a file.
///
/// # Errors
///
/// As for [`parse_step`].
pub fn parse_step_for(text: &str, nodes: &[Node]) -> Result<LabStep, ReadError> {
    let step = read_text(text, "the step", |root, broken, to| {
        let value = file::decode_document(root, to);
        if let Some(broken) = broken {
            broken.forget_consequences(to);
            return None;
        }
        let keys = At { value, span: 0..text.trim_end().len() };
        let (step, marks) = lower::lower_step(&keys, nodes, to)?;
        validate::validate_step(&step, &marks, to);
        Some(step)
    });
    Ok(step?)
}

/// Reads a text as far as it is TOML; what is made of that is said by the caller.
fn read_text<T>(
    source: &str,
    origin: &str,
    make: impl FnOnce(&DeTable<'_>, Option<Broken>, &mut Collector<'_>) -> Option<T>,
) -> Result<T, Diagnostics> {
    if source.len() > MAX_FILE {
        let title = format!("this is too long for a lab file: more than {} MiB", MAX_FILE >> 20);
        let mut to = Collector::new("");
        to.push(Diagnostic::new(0..0, title));
        return to.finish(None, origin);
    }
    let mut to = Collector::new(source);
    let (tree, broken) = tree(source, &mut to);
    let made = tree.and_then(|tree| make(tree.get_ref(), broken, &mut to));
    to.finish(made, origin)
}

/// The tree of the text, and where its syntax is broken.
fn tree<'s>(
    source: &'s str,
    to: &mut Collector<'_>,
) -> (Option<Spanned<DeTable<'s>>>, Option<Broken>) {
    let first = match DeTable::parse(source) {
        Ok(tree) => return (Some(tree), None),
        Err(first) => first,
    };
    if source.len() > MAX_RECOVERED {
        syntax_error(&first, to);
        return (None, None);
    }
    let (tree, errors) = DeTable::parse_recoverable(source);
    let mut broken = Broken { lines: HashSet::new(), header: false, known: 0 };
    for error in &errors {
        syntax_error(error, to);
        let at = error.span().map_or(0, |span| span.start).min(source.len());
        let start = line_start(source, at);
        broken.lines.insert(start);
        broken.header |= source[start..].trim_start().starts_with('[');
    }
    broken.known = errors.len();
    (Some(tree), Some(broken))
}

fn line_start(source: &str, at: usize) -> usize {
    source.as_bytes()[..at].iter().rposition(|&b| b == b'\n').map_or(0, |end| end + 1)
}

fn syntax_error(error: &toml::de::Error, to: &mut Collector<'_>) {
    let span = error.span().unwrap_or(0..0);
    let message = error.message();
    let diagnostic = match message {
        "duplicate key" => {
            let word = to.source.get(span.clone()).unwrap_or("");
            let title = format!("{} is said twice", quoted(word.trim()));
            Diagnostic::new(span, title).label("said before").help("leave one of the two out")
        }
        "recursion limit" => Diagnostic::new(span, "this is nested too deeply"),
        _ => Diagnostic::new(
            span,
            format!("this is no TOML: {}", crate::diagnostic::shown_long(message)),
        ),
    };
    to.push(diagnostic);
}

/// Where the syntax of a text is broken.
struct Broken {
    /// The beginnings of the lines.
    lines: HashSet<usize>,
    /// Whether one of them is the head of a table: then what follows stands in the wrong table.
    header: bool,
    /// How many errors there are.
    known: usize,
}

impl Broken {
    /// Forgets what is only wrong because the syntax is: what is missing, what is said on a broken
    /// line, and everything when the head of a table is broken.
    fn forget_consequences(&self, to: &mut Collector<'_>) {
        let source = to.source;
        let mut index = 0;
        to.retain(|diagnostic| {
            index += 1;
            let own = index <= self.known;
            let missing = diagnostic.label.starts_with("no `");
            let on_broken = || self.lines.contains(&line_start(source, diagnostic.span.start));
            own || !(self.header || missing || on_broken())
        });
    }
}
