//! The command line, as plain values.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use twinax_topology::{NameError, NodeName};

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
    /// Bring a lab up, and leave it running
    #[command(after_help = EXIT_CODES)]
    Up(Up),
    /// Take running labs down
    Down {
        /// The labs; the only one that is running unless said
        #[arg(value_name = "LAB")]
        labs: Vec<NodeName>,
        /// All of them
        #[arg(long, conflicts_with = "labs")]
        all: bool,
    },
    /// List the running labs
    Ls {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Run a command in a node of a running lab
    #[command(after_help = "Its exit code is the command's; 128 + N when signal N ended it.")]
    Exec {
        /// The node
        #[arg(value_name = "[LAB/]NODE")]
        node: InLab,
        /// The command and its arguments
        #[arg(required = true, last = true, value_name = "COMMAND")]
        command: Vec<String>,
    },
    /// Print what a service of a running lab has written
    Logs {
        /// The service, by its node or by its own name
        #[arg(value_name = "[LAB/]NODE[/SERVICE]")]
        service: String,
        /// Go on with what it writes from now on
        #[arg(short, long)]
        follow: bool,
    },
    /// Hold a lab: for twinax itself
    #[command(hide = true)]
    Hold {
        /// Its name, for those who list processes
        lab: NodeName,
    },
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

/// What `twinax up` is told.
#[derive(Debug, ClapArgs)]
pub struct Up {
    /// The lab file; `-` for standard input
    #[arg(value_name = "LAB")]
    pub lab: PathBuf,
    /// What the running lab is called; as the file says unless said
    #[arg(long)]
    pub name: Option<NodeName>,
    /// Name its nodes for the machine's own `ip netns`, too: LAB.NODE (real root only)
    #[arg(long)]
    pub export: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Do without a user namespace of the lab's own (real root only)
    #[arg(long)]
    pub no_user_namespace: bool,
}

/// A node, and the running lab that it is in where that must be said: `LAB/NODE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InLab {
    /// The lab; the only one that is running unless said.
    pub lab: Option<NodeName>,
    /// The node.
    pub node: NodeName,
}

impl FromStr for InLab {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.split_once('/') {
            Some((lab, node)) => Ok(Self { lab: Some(lab.parse()?), node: node.parse()? }),
            None => Ok(Self { lab: None, node: text.parse()? }),
        }
    }
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
