//! `twinax`: words on a terminal.
//!
//! The words are parsed in one place ([`args`]) into plain values; each verb has a file of its own
//! under [`command`]; what a shell can complete is in [`complete`], what Wireshark can ask in [`extcap`];
//! how things look is in [`show`]. No logic is here that a user of the libraries would miss.

mod args;
mod command;
mod complete;
mod extcap;
mod show;

use std::process::ExitCode;

use clap::FromArgMatches;

fn main() -> ExitCode {
    complete::answer();
    if args::is_extcap() {
        return ExitCode::from(extcap::answer());
    }
    let parsed = args::command().try_get_matches();
    let verb = match parsed.and_then(|matches| args::Args::from_arg_matches(&matches)) {
        Ok(args) => args.verb,
        Err(error) => {
            let asked = !error.use_stderr();
            let _ = error.print();
            return ExitCode::from(if asked { command::HELD } else { command::WRONG });
        }
    };
    match command::run(verb) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            show::error(&error);
            ExitCode::from(command::exit_code(&error))
        }
    }
}
