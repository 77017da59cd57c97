//! `twinax completions`: what a shell needs to complete our words.

use clap::CommandFactory;
use clap_complete::Shell;

use super::HELD;
use crate::args::Args;
use crate::show;

pub fn run(shell: Shell) -> anyhow::Result<u8> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "twinax", &mut text);
    show::print(&String::from_utf8(text)?)?;
    Ok(HELD)
}
