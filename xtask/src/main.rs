//! The project's own chores. `cargo xtask --help` names them.

mod bench;
mod setup;
mod test;

#[cfg(test)]
mod dependencies;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

/// The project's own chores.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
enum Chore {
    /// Everything that must hold before a change lands: formatting, tests, lints, documentation.
    Test(test::Args),
    /// Measurements.
    #[command(subcommand)]
    Bench(bench::Bench),
    /// The contestant "bare system calls" of `bench build`.
    #[command(hide = true)]
    BenchBare(bench::bare::Args),
    /// Ends when the kernel has freed every network namespace that was given up before.
    #[command(hide = true)]
    BenchQuiet,
    /// Runs commands for the benches, and tells how long each took.
    #[command(hide = true)]
    BenchTimer,
    /// Sends frames for `bench capture`.
    #[command(hide = true)]
    BenchFlood(bench::capture::flood::Args),
    /// An end of the TCP streams of `bench capture`.
    #[command(hide = true)]
    BenchStream(bench::capture::stream::Args),
    /// The parent of the captures of `bench capture`.
    #[command(hide = true)]
    BenchWatch,
}

fn main() -> ExitCode {
    let done = |()| ExitCode::SUCCESS;
    let outcome = match Chore::parse() {
        Chore::Test(args) => test::run(&args),
        Chore::Bench(bench) => bench::run(&bench).map(done),
        Chore::BenchBare(args) => bench::bare::run(&args).map(done),
        Chore::BenchQuiet => bench::quiet::run().map(done),
        Chore::BenchTimer => bench::timer::run().map(done),
        Chore::BenchFlood(args) => bench::capture::flood::run(&args).map(done),
        Chore::BenchStream(args) => bench::capture::stream::run(&args).map(done),
        Chore::BenchWatch => bench::capture::watch::run().map(done),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("xtask: {error:#}");
        ExitCode::FAILURE
    })
}

/// The folder of the workspace.
fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the workspace")
}

/// The cargo that started this program.
fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// The folder that cargo builds in.
fn target() -> std::path::PathBuf {
    let folder = std::env::var_os("CARGO_TARGET_DIR");
    workspace().join(folder.unwrap_or_else(|| "target".into()))
}
