//! How things look on a terminal. Data goes to stdout, talk to stderr; colour only where a terminal
//! is, and never as the only bearer of a meaning.

mod echo;
mod junit;
mod labs;
mod observed;
mod progress;
mod run;
mod stdout;
mod table;
mod tcp;
mod traceroute;

use std::io::{IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use twinax_topology::ReadError;

use crate::command;

pub use echo::{called, echo};
pub use junit::junit;
pub use labs::{Listed, labs};
pub use observed::Page;
pub use progress::{Building, Doing, Progress};
pub use run::{End, LabRun, built, exit_code, failed, lacking, refused, summary};
pub use stdout::{Stdout, print};
pub use tcp::tcp;
pub use traceroute::traceroute;

pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
pub(crate) const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// A text in a style; plain where the stream takes no colour.
pub(crate) fn styled(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// A lab file that can't be read, with all that is wrong in it.
pub fn unreadable(error: &ReadError) {
    match error {
        ReadError::Lab(diagnostics) => {
            let color = std::io::stderr().is_terminal();
            tell(diagnostics.render(color).trim_end());
        }
        error => failure(&causes(error)),
    }
}

/// An error that nobody has dealt with.
pub fn error(error: &anyhow::Error) {
    failure(&error.chain().map(ToString::to_string).collect::<Vec<_>>());
    let known = || twinax_lab::hint::of(&**error).map(|hint| hint.text);
    if let Some(text) = command::hint(error).or_else(known) {
        hint(&text);
    }
}

fn causes(error: &dyn std::error::Error) -> Vec<String> {
    std::iter::successors(Some(error), |error| error.source()).map(ToString::to_string).collect()
}

/// An error and its causes, outermost first.
pub(crate) fn failure(causes: &[String]) {
    let Some((first, rest)) = causes.split_first() else { return };
    tell(&format!("{} {}", styled(BAD, "error:"), printable(first)));
    for cause in rest {
        tell(&format!("  {} {}", styled(DIM, "because:"), printable(cause)));
    }
}

/// What to do about it.
pub(crate) fn hint(hint: &str) {
    tell(&format!("{} {}", styled(HINT, "hint:"), printable(hint)));
}

/// Says a line to whoever follows what is done. When nobody can hear it, the exit code still tells.
pub(crate) fn tell(line: &str) {
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// A text in which no control character but line end and tab reaches the terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let plain = !c.is_control() || matches!(c, '\n' | '\t');
            let escaped = (!plain).then(|| c.escape_default());
            plain.then_some(c).into_iter().chain(escaped.into_iter().flatten())
        })
        .collect()
}
