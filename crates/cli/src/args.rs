//! The command line, as plain values.

mod capture;
mod extcap;
mod help;
mod names;
mod probes;
mod why;

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use clap_complete::engine::ArgValueCompleter;
use twinax_topology::{NodeName, Place};

use crate::complete;
use probes::TRACEROUTE_NOTES;

pub use capture::Capture;
pub use extcap::{Extcap, is_extcap};
pub use help::command;
pub use names::{InLab, SpotInLab, spot};
pub use probes::{Ping, Tcp, Traceroute, Udp};
pub use why::{Proto, Why};

/// Networks in a file, built on the real Linux kernel: namespaces, veth pairs, TAPs and bridges.
#[derive(Debug, Parser)]
#[command(name = "twinax", version, max_term_width = 100, disable_help_subcommand = true)]
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
    /// Bring labs up, and leave them running
    #[command(after_help = EXIT_CODES)]
    Up(Up),
    /// Take running labs down
    Down {
        /// The labs; the only one that is running unless said
        #[arg(value_name = "LAB", add = ArgValueCompleter::new(complete::labs))]
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
    /// Show what is in running labs: nodes, interfaces, addresses, routes
    Show {
        /// A lab, or a node; all running labs unless said
        #[arg(value_name = "[LAB/]NODE|LAB", add = ArgValueCompleter::new(complete::labs_and_nodes))]
        what: Option<String>,
        /// Also what the kernel makes by itself: link-local addresses, routes to itself
        #[arg(long)]
        all: bool,
        /// Print JSON, one document for each lab, one a line
        #[arg(long)]
        json: bool,
    },
    /// Run a command in a node of a running lab
    #[command(after_help = "Its exit code is the command's; 128 + N when signal N ended it.")]
    Exec {
        /// The node
        #[arg(value_name = "[LAB/]NODE", add = ArgValueCompleter::new(complete::nodes))]
        node: InLab,
        /// The command and its arguments
        #[arg(
            required = true,
            trailing_var_arg = true,
            allow_hyphen_values = true,
            value_name = "COMMAND",
            add = ArgValueCompleter::new(complete::programs)
        )]
        command: Vec<String>,
    },
    /// Start your shell in a node of a running lab
    #[command(after_help = "Its exit code is the shell's.")]
    Shell {
        /// The node
        #[arg(value_name = "[LAB/]NODE", add = ArgValueCompleter::new(complete::nodes))]
        node: InLab,
    },
    /// Print what a service of a running lab has written
    Logs {
        /// The service, by its node or by its own name
        #[arg(value_name = "[LAB/]NODE[/SERVICE]", add = ArgValueCompleter::new(complete::services))]
        service: String,
        /// Go on with what it writes from now on
        #[arg(short, long)]
        follow: bool,
    },
    /// Send echo requests from a node of a running lab
    #[command(after_help = "Exit code 0: all were answered; 1: not all.")]
    Ping(Ping),
    /// Find out by which routers a packet goes from a node of a running lab
    #[command(after_help = TRACEROUTE_NOTES)]
    Traceroute(Traceroute),
    /// Open a TCP connection from a node of a running lab
    #[command(after_help = "Exit code 0: it came about; 1: it did not.")]
    Tcp(Tcp),
    /// Send datagrams that are to come back from a node of a running lab
    #[command(after_help = "Exit code 0: all came back; 1: not all.")]
    Udp(Udp),
    /// Show every frame that crosses a device of a running lab, or write them to a file
    #[command(after_help = CAPTURE_NOTES)]
    Capture(Capture),
    /// Find out why a packet does not arrive, and what mends it
    #[command(after_help = why::NOTES)]
    Why(Why),
    /// Do the steps of running labs once more
    #[command(after_help = EXIT_CODES)]
    Check(Check),
    /// Change a running lab for the moment
    #[command(after_help = SET_EXAMPLES)]
    Set(Set),
    /// Make a running lab what its file says, and touch nothing else
    #[command(after_help = EXIT_CODES)]
    Apply(Apply),
    /// Write a running lab as a lab file that builds the same
    Save {
        /// The lab; the only one that is running unless said
        #[arg(value_name = "LAB")]
        lab: Option<NodeName>,
        /// Where to; standard output unless said
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Run a shell script of `ip netns` commands, or a shell, in a fresh sandbox
    #[command(after_help = "Its exit code is the script's.")]
    Sh(Sh),
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
    /// Be a cable between two TUN/TAP devices, in namespaces that `ip netns` knows
    #[command(
        after_help = "It carries what leaves by the one to the other, both ways, until it is told to \
                      end.\nA running lab gets a wire of its own by `twinax set --add wire=A,B`."
    )]
    Wire {
        /// One device
        #[arg(value_name = "NODE:TAP", value_parser = names::place)]
        a: Place,
        /// The other one
        #[arg(value_name = "NODE:TAP", value_parser = names::place)]
        b: Place,
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
    #[command(
        after_help = "They call `twinax` back for the names of running labs, nodes and interfaces."
    )]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page
    Man,
}

const CAPTURE_NOTES: &str = "Examples:
  twinax capture                                  every frame of the only lab that is running
  twinax capture left:veth3 right                 of one interface, and of all of another node
  twinax capture web -w web.pcapng --for 10s      for Wireshark
  twinax capture --filter 'icmp or arp' -c 10
  twinax capture --journeys                       each packet once, with its way";

/// What `twinax run` is told.
#[derive(Debug, ClapArgs)]
pub struct Run {
    /// The lab files; `-` for standard input
    #[arg(required = true, value_name = "LAB")]
    pub labs: Vec<PathBuf>,
    /// Leave the labs running, as `up` does
    #[arg(long)]
    pub keep: bool,
    /// How it is reported.
    #[command(flatten)]
    pub report: Report,
    /// Do without a user namespace of the lab's own (real root only)
    #[arg(long)]
    pub no_user_namespace: bool,
}

/// How steps are reported.
#[derive(Debug, ClapArgs)]
pub struct Report {
    /// Print one JSON document for each lab, one a line
    #[arg(long)]
    pub json: bool,
    /// Write a JUnit report to this file
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// What of each step is shown
    #[arg(long, value_enum, default_value_t = Detail::All, value_name = "WHAT")]
    pub detail: Detail,
    /// Keep the packets of each step in this folder, one pcapng file a step
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// Find out at once why a packet of a step was not answered
    #[arg(long)]
    pub why: bool,
}

impl Report {
    /// What of each step is shown as text.
    pub fn shown(&self) -> Option<Detail> {
        (!self.json).then_some(self.detail)
    }
}

/// What `twinax apply` is told.
#[derive(Debug, ClapArgs)]
pub struct Apply {
    /// The lab file; `-` for standard input
    #[arg(value_name = "LAB")]
    pub lab: PathBuf,
    /// What the running lab is called; as the file says unless said
    #[arg(long)]
    pub name: Option<NodeName>,
    /// Only print what would be done
    #[arg(long)]
    pub dry_run: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What `twinax sh` is told.
#[derive(Debug, ClapArgs)]
pub struct Sh {
    /// Run this line, in the place of a script
    #[arg(short = 'c', value_name = "LINE")]
    pub line: Option<String>,
    /// Leave what was built running, as a lab of this name
    #[arg(long, value_name = "NAME")]
    pub keep: Option<NodeName>,
    /// Do without a user namespace of the sandbox's own (real root only)
    #[arg(long)]
    pub no_user_namespace: bool,
    /// The script, which is run by what its first line says, and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "SCRIPT")]
    pub script: Vec<String>,
}

/// What `twinax up` is told.
#[derive(Debug, ClapArgs)]
pub struct Up {
    /// The lab files; `-` for standard input
    #[arg(required = true, value_name = "LAB")]
    pub labs: Vec<PathBuf>,
    /// What the running lab is called; as the file says unless said
    #[arg(long)]
    pub name: Option<NodeName>,
    /// Name its nodes for the machine's own `ip netns`, too: LAB.NODE (real root only)
    #[arg(long)]
    pub export: bool,
    /// Print one JSON document for each lab, one a line
    #[arg(long)]
    pub json: bool,
    /// Do without a user namespace of the lab's own (real root only)
    #[arg(long)]
    pub no_user_namespace: bool,
}

/// What `twinax check` is told.
#[derive(Debug, ClapArgs)]
pub struct Check {
    /// The labs; the only one that is running unless said
    #[arg(value_name = "LAB", add = ArgValueCompleter::new(complete::labs))]
    pub labs: Vec<NodeName>,
    /// All of them
    #[arg(long, conflicts_with = "labs")]
    pub all: bool,
    /// How it is reported.
    #[command(flatten)]
    pub report: Report,
}

/// What `twinax set` is told.
#[derive(Debug, ClapArgs)]
pub struct Set {
    /// The node or interface; with `--add` and `--remove`, the lab
    #[arg(value_name = "[LAB/]NODE[:INTERFACE]", required_unless_present = "parts",
        add = ArgValueCompleter::new(complete::spots))]
    pub at: Option<String>,
    /// `up`, `down`, or a key of a lab file's `change` with its value
    #[arg(value_name = "CHANGE", required_unless_present = "parts", conflicts_with = "parts",
        add = ArgValueCompleter::new(complete::changes))]
    pub changes: Vec<String>,
    /// Add a node, link, TAP or wire, in the words of a lab file: `node.NAME`, `link=END,END`
    #[arg(long, value_name = "PART", group = "parts")]
    pub add: Vec<String>,
    /// Remove a node with all that is in it, or a device; of a link, either end; or `wire=DEVICE`
    #[arg(long, value_name = "NODE[:INTERFACE]", group = "parts",
        add = ArgValueCompleter::new(complete::bare_spots))]
    pub remove: Vec<String>,
}

const SET_EXAMPLES: &str = "Examples:
  twinax set left:veth3 down
  twinax set left:veth3 mtu=1400 add_ip=10.0.0.2/24
  twinax set left 'add_route=10.9.0.0/16 via 10.0.0.1' net.ipv4.ip_forward=1
  twinax set left:veth3 move=right
  twinax set --add node.guest --add link=guest:eth0,right:guest0
  twinax set --remove guest";

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
