//! A plan as a shell script.
//!
//! The script does with `ip`, `bridge`, `sysctl` and `nft` what twinax does with netlink, in the
//! same order; wires, for which there is no such program, with `twinax` itself. It teaches; and it is the proof that the plan is honest: a test of `twinax-lab`
//! builds labs by both ways and compares what the kernel then reports.

mod command;
mod quote;
mod routing;

use twinax_topology::{Change, Node, NodeKind, Topology, Wire};

pub use command::command;
use command::free_ruleset;
use quote::{comment, quote};
pub use routing::{route_words, rule_words};

use crate::Step;
use crate::build::{Part, parts};

/// The widest line of the header.
const WIDTH: usize = 100;

/// The whole plan of a lab as a script for a POSIX shell, that works in an empty sandbox or, as
/// root, on a machine where none of the nodes' names is taken in `/run/netns`. It ends at the first
/// command that fails. The programs that carry its wires go on when it has ended.
///
/// It builds what stands before the lab's steps: neither the steps nor the nodes' listeners and
/// commands are in it.
pub fn script(lab: &Topology) -> String {
    let mut text = header(lab);
    for (part, steps) in parts(lab.into()) {
        if steps.is_empty() {
            continue;
        }
        text += "\n";
        text += &comment(&title(&part, &steps));
        for step in &steps {
            text += &building(step);
            text += "\n";
        }
    }
    if !lab.wires.is_empty() {
        text += "\n# The wires: each a program that goes on until it is ended, and so long keeps its nodes\n";
        text.extend(lab.wires.iter().map(|wire| wire_command(wire) + "\n"));
    }
    text
}

/// The command that carries a wire, in the background.
pub fn wire_command(wire: &Wire) -> String {
    let [a, b] = [&wire.a, &wire.b].map(|place| quote(&place.to_string()));
    format!("twinax wire {a} {b} &")
}

/// The command of a step that builds: it need not take away what a node had before.
fn building(step: &Step) -> String {
    match step {
        Step::Change(Change::Firewall(node, firewall)) if !firewall.has_words() => {
            free_ruleset(node, firewall)
        }
        step => command(step),
    }
}

fn header(lab: &Topology) -> String {
    let mut about = lab.name.to_string();
    if !lab.about.trim().is_empty() {
        about += ": ";
        about += lab.about.trim();
    }
    let mut text = "#!/bin/sh\n".to_owned();
    text += &comment(&about);
    text += "#\n\
             # It needs root; or a sandbox in which anybody is root, and which is gone with its shell:\n\
             #   unshare --user --map-root-user --mount --net sh\n\
             #   mount -t tmpfs tmpfs /run\n";
    text += &undo(lab);
    if !lab.steps.is_empty() {
        text += "# It builds the lab. The steps that the lab file does in it are not here.\n";
    }
    text += "set -e\n";
    text
}

fn undo(lab: &Topology) -> String {
    let names: Vec<_> = lab.nodes.iter().map(|node| quote(node.name.as_str())).collect();
    let all = match &names[..] {
        [] => return String::new(),
        [one] => format!("#   ip netns del {one}\n"),
        many => {
            let names = many.join(" ");
            format!("#   for node in {names}; do ip netns del \"$node\"; done\n")
        }
    };
    if all.len() <= WIDTH {
        format!("# To undo it:\n{all}")
    } else {
        "# To undo it, `ip netns del NODE` for each of its nodes.\n".to_owned()
    }
}

fn title(part: &Part<'_>, steps: &[Step]) -> String {
    match part {
        Part::Make(Node { name, kind, .. }) => match kind {
            NodeKind::Host => format!("{name}: a host"),
            NodeKind::Router => format!("{name}: a router, which forwards"),
            NodeKind::Bridge => format!("{name}: a bridge"),
        },
        Part::Links => "The links: veth pairs, each end made where it belongs".to_owned(),
        Part::Taps => "The TUN/TAP devices, which stay when nobody holds them open".to_owned(),
        Part::SetUp(node) => {
            let mut topics = Vec::new();
            for topic in steps.iter().filter_map(topic) {
                if !topics.contains(&topic) {
                    topics.push(topic);
                }
            }
            format!("{node}: {}", topics.join(", "))
        }
    }
}

/// What a change of an interface or node is about, for the comment above it.
fn topic(step: &Step) -> Option<&'static str> {
    let Step::Change(change) = step else { return None };
    Some(match change {
        Change::Move { .. } => "devices",
        Change::Mac(..) => "MAC",
        Change::Mtu(..) => "MTU",
        Change::Master(..) | Change::Port(..) => "ports",
        Change::InterfaceSysctl(..) | Change::Sysctl(..) => "sysctls",
        Change::AddAddress(..) | Change::DelAddress(..) => "addresses",
        Change::Up(..) => "up",
        Change::AddNeighbour(..) | Change::DelNeighbour(..) => "neighbours",
        Change::AddRoute(..) | Change::DelRoute(..) => "routes",
        Change::AddRule(..) | Change::DelRule(..) => "rules",
        Change::Firewall(..) => "firewall",
    })
}
