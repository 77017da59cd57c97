//! The command line, as plain values.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

/// Networks in a file, built on the real Linux kernel: namespaces, veth pairs, TAPs and bridges.
#[derive(Debug, Parser)]
#[command(name = "twinax", version, max_term_width = 100, disable_help_subcommand = true)]
#[command(after_help = EXIT_CODES)]
pub struct Args {
    /// What is to be done.
    #[command(subcommand)]
    pub verb: Verb,
}

const EXIT_CODES: &str = "Exit codes: 0 all held, 1 an expectation failed, 2 the request was wrong,\n\
    3 this machine cannot do it, 4 something broke.";

/// What twinax does.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Build labs, do their steps, report, and take them away
    #[command(after_help = EXIT_CODES)]
    Run(Run),
    /// Print how a lab is built, as a shell script of ip, bridge, sysctl and nft commands
    Plan {
        /// The lab file; `-` for standard input
        lab: PathBuf,
    },
    /// Tell what this machine can do, what it lacks, and what to do about it
    Doctor {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the JSON Schema of the lab file
    Schema,
    /// Print the completions for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page
    Man,
}

/// What `twinax run` is told.
#[derive(Debug, ClapArgs)]
pub struct Run {
    /// The lab files; `-` for standard input
    #[arg(required = true, value_name = "LAB")]
    pub labs: Vec<PathBuf>,
    /// Print one JSON document for each lab, one a line
    #[arg(long)]
    pub json: bool,
    /// Write a JUnit report to this file
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// What of each step is shown
    #[arg(long, value_enum, default_value_t = Detail::All, value_name = "WHAT")]
    pub detail: Detail,
    /// Do without a user namespace of the lab's own (real root only)
    #[arg(long)]
    pub no_user_namespace: bool,
}

/// How much of each step is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Detail {
    /// What was done, expected and seen, for every step
    All,
    /// A line for each step; all of it for those that fail
    Steps,
    /// Only what fails, and the summary
    Failed,
}
