//! The verbs, one a file.

mod apply;
mod capture;
mod check;
mod completions;
mod doctor;
mod down;
mod exec;
mod explain;
mod logs;
mod ls;
mod man;
mod names;
mod ping;
mod plan;
mod run;
mod running;
mod save;
mod schema;
mod set;
mod sh;
mod shell;
mod show;
mod target;
mod tcp;
mod traceroute;
mod udp;
mod up;
mod why;
mod wire;

use std::path::{Path, PathBuf};

use twinax_lab::capture::CaptureError;
use twinax_lab::capture::filter::FilterError;
use twinax_lab::enter::EnterError;
use twinax_lab::registry::RegistryError;
use twinax_lab::up::UpError;
use twinax_packet::pcapng::ReadError as CaptureReadError;
use twinax_topology::{ReadError, Topology};

use crate::args::Verb;
use crate::show as show_text;

pub use capture::run as capture;
pub use names::natural;
pub use set::KEYS as CHANGE_KEYS;

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
        Verb::Show { what, all, json } => show::run(what.as_deref(), all, json),
        Verb::Exec { node, command } => exec::run(&node, command),
        Verb::Shell { node } => shell::run(&node),
        Verb::Logs { service, follow } => logs::run(&service, follow),
        Verb::Apply(asked) => apply::run(&asked),
        Verb::Save { lab, output } => save::run(lab.as_ref(), output.as_deref()),
        Verb::Sh(asked) => sh::run(&asked),
        Verb::Ping(asked) => ping::run(&asked),
        Verb::Traceroute(asked) => traceroute::run(&asked),
        Verb::Tcp(asked) => tcp::run(&asked),
        Verb::Udp(asked) => udp::run(&asked),
        Verb::Why(asked) => why::run(&asked),
        Verb::Capture(asked) => capture::run(&asked),
        Verb::Check(asked) => check::run(&asked),
        Verb::Set(asked) => set::run(&asked),
        Verb::Hold { lab: _ } => Ok(twinax_lab::holder::take_over()?),
        Verb::Plan { lab } => plan::run(&lab),
        Verb::Wire { a, b } => wire::run(&a, &b),
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
    hint: Option<String>,
}

impl Wrong {
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), hint: None }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// The exit code for an error that nobody has dealt with.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    let registry = match error.downcast_ref::<UpError>() {
        Some(UpError::Registry(error)) => Some(error),
        _ => error.downcast_ref::<RegistryError>(),
    };
    let broken = |error: &RegistryError| {
        matches!(error, RegistryError::File { .. } | RegistryError::Folder { .. })
    };
    if error.is::<Wrong>() || registry.is_some_and(|error| !broken(error)) {
        return WRONG;
    }
    if let Some(EnterError::NoNode { .. } | EnterError::Ended) = error.downcast_ref() {
        return WRONG;
    }
    if is_wrong_request(error) {
        return WRONG;
    }
    match twinax_lab::hint::of(&**error) {
        // One that comes from no lab but from our own files.
        _ if error.is::<std::io::Error>() => BROKEN,
        Some(hint) if hint.lacking => LACKING,
        _ => BROKEN,
    }
}

/// Whether what was asked of a capture can't be had, whatever the machine.
fn is_wrong_request(error: &anyhow::Error) -> bool {
    // A filter that only libpcap could read is this machine's lack.
    error.downcast_ref::<FilterError>().is_some_and(|error| !error.is_lack())
        || matches!(
            error.downcast_ref(),
            Some(CaptureError::Memory { .. } | CaptureError::Filter(_))
        )
        || matches!(
            error.downcast_ref(),
            Some(CaptureReadError::NoCapture | CaptureReadError::Broken { .. })
        )
}

/// What to do about an error, where nobody below has a hint.
pub fn hint(error: &anyhow::Error) -> Option<String> {
    if let Some(wrong) = error.downcast_ref::<Wrong>() {
        return wrong.hint.clone();
    }
    let error = match error.downcast_ref::<UpError>() {
        Some(UpError::Registry(error)) => Some(error),
        _ => error.downcast_ref::<RegistryError>(),
    };
    Some(match error? {
        RegistryError::Taken { lab } => format!(
            "`twinax down {lab}` takes it down, `twinax up --name` gives the new one another name"
        ),
        RegistryError::NotRunning { running, .. } if running.is_empty() => {
            "`twinax up LAB.toml` brings one up".to_owned()
        }
        RegistryError::NotRunning { lab, running } => return names::near(lab.as_str(), running),
        RegistryError::Busy { .. } => "try again when that one has ended".to_owned(),
        RegistryError::Folder { .. } => {
            format!("set {} to a folder that is yours alone", twinax_lab::registry::VARIABLE)
        }
        _ => return None,
    })
}

/// Reads all of these lab files, or tells what is wrong with any of them.
fn read_all(paths: &[PathBuf]) -> Option<Vec<(&PathBuf, Topology)>> {
    let mut labs = Vec::new();
    for path in paths {
        match read(path) {
            Ok(lab) => labs.push((path, lab)),
            Err(error) => show_text::unreadable(&error),
        }
    }
    (labs.len() == paths.len()).then_some(labs)
}

/// Reads a lab file; `-` is standard input.
fn read(path: &Path) -> Result<Topology, ReadError> {
    if path.as_os_str() == "-" {
        // Not by the name /dev/stdin: a pipe that another user has made can't be opened again.
        return twinax_topology::read_from(std::io::stdin().lock(), "standard input".as_ref());
    }
    twinax_topology::read(path)
}
