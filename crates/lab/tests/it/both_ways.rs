//! Building a lab in an empty sandbox, by twinax or by its script, and reading it back there.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Command, Stdio};

use serde::Serialize;
use serde::de::DeserializeOwned;
use twinax_kernel::mounts;
use twinax_lab::apply::apply;
use twinax_lab::nodes::on_own_thread;
use twinax_lab::sandbox::{Ended, Holder, Options, Sandbox};
use twinax_lab::service;
use twinax_topology::Topology;

use crate::{facts, wire};

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
    let who = if matches!(way, Way::Twinax) { "twinax" } else { "the script" };
    in_sandbox(|| build_here(lab, way).and_then(|()| facts::read(lab)))
        .map_err(|error| format!("{who}: {error}"))
}

/// Builds a lab in the sandbox of the calling process.
pub fn build_here(lab: &Topology, way: Way<'_>) -> Result<(), String> {
    match way {
        Way::Twinax => {
            apply(&twinax_plan::build(lab)).map_err(chain)?;
            service::plug(&lab.wires).map_err(chain)
        }
        Way::Script(script) => in_view(|| run(script)),
    }
}

/// Does some work in an empty sandbox, and takes the sandbox away.
pub fn in_sandbox<T: Serialize + DeserializeOwned>(
    work: impl FnOnce() -> Result<T, String>,
) -> Result<T, String> {
    let sandbox = Sandbox::start(&Options::default()).map_err(chain)?;
    inside(sandbox.holder(), work)
}

/// Does some work in a sandbox.
pub fn inside<T: Serialize + DeserializeOwned>(
    holder: &Holder,
    work: impl FnOnce() -> Result<T, String>,
) -> Result<T, String> {
    let tell = |mut out: std::io::PipeWriter| {
        let told = serde_json::to_vec(&work()).expect("plain data");
        out.write_all(&told).map_or(2, |()| 0)
    };
    let mut work = holder.work(tell).map_err(chain)?;
    let mut told = String::new();
    work.events().read_to_string(&mut told).map_err(chain)?;
    match work.wait().map_err(chain)? {
        Ended::Exit(0) => serde_json::from_str(&told).map_err(chain)?,
        ended => Err(format!("{ended:?}: {told}")),
    }
}

/// Does some work where commands are executed: there, a node that `ip netns add` has made is one.
pub fn in_view<T: Send>(work: impl FnOnce() -> Result<T, String> + Send) -> Result<T, String> {
    on_own_thread(|| {
        mounts::enter_view().map_err(chain)?;
        work()
    })
}

fn run(script: &str) -> Result<(), String> {
    let file = "/run/script.sh";
    std::fs::write(file, script).map_err(chain)?;
    wire::make_twinax()?;
    let path = format!("{}:{}", wire::FOLDER, std::env::var("PATH").unwrap_or_default());
    // No pipe: what goes on in the background has it open, too.
    let said = "/run/script.said";
    let stderr = File::create(said).map_err(chain)?;
    let mut sh = Command::new("sh");
    sh.arg(file).env("PATH", path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
    let status = sh.status().map_err(chain)?;
    let complaints = std::fs::read_to_string(said).map_err(chain)?;
    // A command that works says nothing.
    if status.success() && complaints.is_empty() {
        Ok(())
    } else {
        Err(format!("{status}\n{complaints}"))
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

/// Says that a test is skipped, where the programs of the script are not there.
pub fn lacks(test: &str) -> bool {
    let runs = |program: &str| {
        let mut command = Command::new(program);
        command.arg("-V").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let missing: Vec<_> =
        ["ip", "bridge", "sysctl", "nft"].into_iter().filter(|program| !runs(program)).collect();
    if !missing.is_empty() {
        eprintln!("skipped: {test}: {} can't be run", missing.join(", "));
    }
    !missing.is_empty()
}
