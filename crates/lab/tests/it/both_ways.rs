//! Building a lab in an empty sandbox, by twinax or by its script, and reading it back there.

use std::io::{Read, Write};
use std::process::Command;

use twinax_lab::apply::apply;
use twinax_lab::sandbox::{Ended, Options, Sandbox};
use twinax_topology::Topology;

use crate::facts;

/// By which way a lab is built.
#[derive(Debug, Clone, Copy)]
pub enum Way<'a> {
    /// By twinax itself.
    Twinax,
    /// By this script for `sh`, with `ip`, `bridge`, `sysctl` and `nft`.
    Script(&'a str),
}

/// What the kernel reports of a lab that was built one way, line by line; or why it couldn't be
/// built or read.
pub fn build(lab: &Topology, way: Way<'_>) -> Result<Vec<String>, String> {
    let inside = |mut out: std::io::PipeWriter| {
        let built = match way {
            Way::Twinax => apply(&twinax_plan::build(lab)).map_err(chain),
            Way::Script(script) => run(script),
        };
        let (code, text) = match built.and_then(|()| facts::read(lab)) {
            Ok(lines) => (0, lines.join("\n")),
            Err(error) => (1, error),
        };
        out.write_all(text.as_bytes()).map_or(2, |()| code)
    };
    let sandbox = Sandbox::start(&Options::default()).map_err(chain)?;
    let mut work = sandbox.holder().work(inside).map_err(chain)?;
    let mut text = String::new();
    work.events().read_to_string(&mut text).map_err(chain)?;
    match work.wait().map_err(chain)? {
        Ended::Exit(0) => Ok(text.lines().map(str::to_owned).collect()),
        ended => {
            let who = if matches!(way, Way::Twinax) { "twinax" } else { "the script" };
            Err(format!("{who}: {ended:?}: {text}"))
        }
    }
}

fn run(script: &str) -> Result<(), String> {
    let file = "/run/script.sh";
    std::fs::write(file, script).map_err(chain)?;
    let output = Command::new("sh").arg(file).output().map_err(chain)?;
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    // A command that works says nothing.
    if output.status.success() && complaints.is_empty() {
        Ok(())
    } else {
        Err(format!("{}\n{complaints}", output.status))
    }
}

/// An error with all that caused it.
pub fn chain(error: impl std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(": {error}");
        source = error.source();
    }
    text
}
