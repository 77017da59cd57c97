//! Waiting for the kernel to have freed network namespaces, as `twinax down` does.
//!
//! A process that ends gives its namespaces up, but the kernel frees them later. A round that
//! started before that would pay for the contestant before it.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::contestant::Programs;
use super::sandbox;

/// How long the kernel may take.
const LONG: Duration = Duration::from_secs(300);

/// Ends when the kernel has freed every network namespace that was given up before.
pub fn run() -> Result<()> {
    sandbox::become_root()?;
    let freed = twinax_kernel::cleanup::wait(Instant::now() + LONG)?;
    ensure!(freed, "the kernel has not freed all namespaces within {LONG:?}");
    Ok(())
}

/// The same in a process of its own.
pub fn wait(programs: &Programs) -> Result<()> {
    let status = Command::new(programs.xtask()).arg("bench-quiet").status().context("xtask")?;
    ensure!(status.success(), "waiting for the kernel to free namespaces: {status}");
    Ok(())
}
