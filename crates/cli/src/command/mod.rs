//! The verbs, one a file.

mod completions;
mod doctor;
mod down;
mod exec;
mod logs;
mod ls;
mod man;
mod plan;
mod run;
mod running;
mod schema;
mod up;

use std::path::Path;

use twinax_lab::enter::EnterError;
use twinax_lab::registry::RegistryError;
use twinax_topology::{ReadError, Topology};

use crate::args::Verb;

/// All held.
pub const HELD: u8 = 0;
/// An expectation failed.
pub const FAILED: u8 = 1;
/// The request was wrong.
pub const WRONG: u8 = 2;
/// This machine cannot do it.
pub const LACKING: u8 = 3;
/// Something broke.
pub const BROKEN: u8 = 4;

/// Does what is asked; the value is the exit code.
pub fn run(verb: Verb) -> anyhow::Result<u8> {
    match verb {
        Verb::Run(asked) => run::run(&asked),
        Verb::Up(asked) => up::run(&asked),
        Verb::Down { labs, all } => down::run(&labs, all),
        Verb::Ls { json } => ls::run(json),
        Verb::Exec { node, command } => exec::run(&node, command),
        Verb::Logs { service, follow } => logs::run(&service, follow),
        Verb::Hold { lab: _ } => Ok(twinax_lab::holder::take_over()?),
        Verb::Plan { lab } => plan::run(&lab),
        Verb::Doctor { json } => doctor::run(json),
        Verb::Schema => schema::run(),
        Verb::Completions { shell } => completions::run(shell),
        Verb::Man => man::run(),
    }
}

/// A request that can't be carried out as it is.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct Wrong {
    what: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Wrong {
    fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: None }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// The exit code for an error that nobody has dealt with.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    let registry = error.downcast_ref::<RegistryError>();
    let broken = |error: &RegistryError| {
        matches!(error, RegistryError::File { .. } | RegistryError::Folder { .. })
    };
    if error.is::<Wrong>() || registry.is_some_and(|error| !broken(error)) {
        return WRONG;
    }
    if let Some(EnterError::NoNode { .. }) = error.downcast_ref() {
        return WRONG;
    }
    match twinax_lab::hint::of(&**error) {
        Some(hint) if hint.lacking => LACKING,
        _ => BROKEN,
    }
}

/// Reads a lab file; `-` is standard input.
fn read(path: &Path) -> Result<Topology, ReadError> {
    if path.as_os_str() == "-" {
        // Not by the name /dev/stdin: a pipe that another user has made can't be opened again.
        return twinax_topology::read_from(std::io::stdin().lock(), "standard input".as_ref());
    }
    twinax_topology::read(path)
}
