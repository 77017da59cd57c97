//! `twinax completions`: what a shell needs to complete our words.

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;

use super::HELD;
use crate::args::Args;

pub fn run(shell: Shell) -> anyhow::Result<u8> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "twinax", &mut text);
    std::io::stdout().write_all(&text)?;
    Ok(HELD)
}
