//! `twinax`: words on a terminal.
//!
//! The words are parsed in one place ([`args`]) into plain values; each verb has a file of its own
//! under [`command`]; how things look is in [`show`]. No logic is here that a user of the libraries
//! would miss.

mod args;
mod command;
mod show;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    // A reader that hangs up (`twinax … | head`) ends us as it ends any program.
    let verb = match args::Args::try_parse() {
        Ok(args) => args.verb,
        Err(error) => {
            let asked = !error.use_stderr();
            let _ = error.print();
            return ExitCode::from(if asked { command::HELD } else { command::WRONG });
        }
    };
    match command::run(verb) {
        Ok(code) => ExitCode::from(code),
        Err(error) if is_broken_pipe(&error) => ExitCode::from(command::BROKEN),
        Err(error) => {
            show::error(&error);
            ExitCode::from(command::BROKEN)
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
