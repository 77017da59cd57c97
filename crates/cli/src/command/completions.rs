//! `twinax completions`: what a shell needs to complete our words.

use clap_complete::Shell;

use super::HELD;
use crate::{complete, show};

pub fn run(shell: Shell) -> anyhow::Result<u8> {
    let text = complete::registration(&shell.to_string())?;
    show::print(&String::from_utf8(text)?)?;
    Ok(HELD)
}
