//! `twinax exec`: a command in a node of a running lab.

use twinax_lab::registry::Registry;
use twinax_topology::Program;

use super::running;
use crate::args::InLab;

pub fn run(at: &InLab, command: Vec<String>) -> anyhow::Result<u8> {
    let (_, holder) = running::of_node(&Registry::open()?, at)?;
    let code = twinax_lab::enter::run(&holder, Some(&at.node), &Program::Argv(command), |_| {})?;
    Ok(code as u8)
}
