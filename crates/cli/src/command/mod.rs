//! The verbs, one a file.

mod completions;
mod doctor;
mod man;
mod plan;
mod run;
mod schema;

use std::path::Path;

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
        Verb::Plan { lab } => plan::run(&lab),
        Verb::Doctor { json } => doctor::run(json),
        Verb::Schema => schema::run(),
        Verb::Completions { shell } => completions::run(shell),
        Verb::Man => man::run(),
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
