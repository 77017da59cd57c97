//! `twinax man`: the manual page, all verbs in one.

use clap::CommandFactory;
use clap_mangen::Man;

use super::HELD;
use crate::args::Args;
use crate::show;

pub fn run() -> anyhow::Result<u8> {
    let mut page = Vec::new();
    let mut command = Args::command();
    // So that each verb knows that it is called as `twinax VERB`.
    command.build();
    Man::new(command.clone()).render(&mut page)?;
    for verb in command.get_subcommands() {
        let name = format!("twinax-{}", verb.get_name());
        Man::new(verb.clone().display_name(name)).render(&mut page)?;
    }
    show::print(&String::from_utf8(page)?)?;
    Ok(HELD)
}
