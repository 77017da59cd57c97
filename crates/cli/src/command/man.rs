//! `twinax man`: the manual page, all verbs in one.

use std::io::Write;

use clap::CommandFactory;
use clap_mangen::Man;

use super::HELD;
use crate::args::Args;

pub fn run() -> anyhow::Result<u8> {
    let mut page = Vec::new();
    let command = Args::command();
    Man::new(command.clone()).render(&mut page)?;
    for verb in command.get_subcommands() {
        let name = format!("twinax-{}", verb.get_name());
        Man::new(verb.clone().display_name(name)).render(&mut page)?;
    }
    std::io::stdout().write_all(&page)?;
    Ok(HELD)
}
