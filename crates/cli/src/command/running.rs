//! Which running lab is meant, and work in it.

use std::io::{PipeReader, PipeWriter, Write};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::Signal;
use twinax_kernel::process::signals;

use twinax_lab::registry::{Entry, Registry};
use twinax_lab::sandbox::{Ended, Holder, Work};
use twinax_topology::NodeName;

use super::names::{self, quoted};
use super::{BROKEN, Wrong};
use crate::args::InLab;
use crate::show;

/// The only lab that is running.
pub fn only(registry: &Registry) -> anyhow::Result<NodeName> {
    let mut labs: Vec<NodeName> = registry.labs()?.into_iter().map(|entry| entry.lab).collect();
    match labs.len() {
        0 => Err(none().into()),
        1 => Ok(labs.remove(0)),
        count => {
            let wrong = Wrong::new(format!("{count} labs are running: {}", quoted(&labs)));
            Err(wrong.hint("say which is meant").into())
        }
    }
}

/// The lab of this name; the only one that is running where none is said.
pub fn lab(named: Option<&NodeName>) -> anyhow::Result<(NodeName, Holder)> {
    let registry = Registry::open()?;
    let lab = named.cloned().map_or_else(|| only(&registry), Ok)?;
    let holder = registry.find(&lab)?;
    Ok((lab, holder))
}

/// The labs of these names, all that are running, or the only one that is.
pub fn named(registry: &Registry, labs: &[NodeName], all: bool) -> anyhow::Result<Vec<NodeName>> {
    match (labs, all) {
        (_, true) => Ok(registry.labs()?.into_iter().map(|entry| entry.lab).collect()),
        ([], false) => Ok(vec![only(registry)?]),
        (labs, false) => Ok(labs.to_vec()),
    }
}

/// The lab that a node is in, where that need not be said: the only one that has such a node.
pub fn of_node(registry: &Registry, at: &InLab) -> anyhow::Result<(NodeName, Holder)> {
    let (lab, holder) = match &at.lab {
        Some(lab) => (lab.clone(), registry.find(lab)?),
        None => alone_with(registry, &at.node)?,
    };
    if holder.has_node(&at.node) {
        Ok((lab, holder))
    } else {
        Err(no_node(&lab, &holder, &at.node).into())
    }
}

fn alone_with(registry: &Registry, node: &NodeName) -> anyhow::Result<(NodeName, Holder)> {
    let held = |entry: Entry| Some((entry.lab, entry.holder?));
    let labs: Vec<_> = registry.labs()?.into_iter().filter_map(held).collect();
    let single = labs.len() == 1;
    let names: Vec<NodeName> = labs.iter().map(|(lab, _)| lab.clone()).collect();
    let mut with: Vec<_> =
        labs.into_iter().filter(|(_, holder)| single || holder.has_node(node)).collect();
    match with.len() {
        1 => Ok(with.remove(0)),
        0 if names.is_empty() => Err(none().into()),
        0 => {
            let wrong = Wrong::new(format!("no running lab has a node `{node}`"));
            Err(wrong.hint(format!("these are running: {}", quoted(&names))).into())
        }
        count => {
            let with: Vec<String> = with.iter().map(|(lab, _)| format!("{lab}/{node}")).collect();
            let wrong = Wrong::new(format!("{count} running labs have a node `{node}`"));
            Err(wrong.hint(format!("say which is meant: {}", quoted(&with))).into())
        }
    }
}

fn none() -> Wrong {
    Wrong::new("no lab is running").hint("`twinax up LAB.toml` brings one up")
}

/// That a lab has no such node, and what may have been meant.
pub fn no_node(lab: &NodeName, holder: &Holder, node: &NodeName) -> Wrong {
    let mut nodes = holder.node_names();
    nodes.sort_by(|a, b| names::natural(a.as_str(), b.as_str()));
    let wrong = Wrong::new(format!("lab `{lab}` has no node `{node}`"));
    match names::meant(node.as_str(), &nodes) {
        Some(hint) => wrong.hint(hint),
        None => wrong,
    }
}

/// Has something done in a lab by a process that joins it and prints by itself; its exit code.
pub fn inside(holder: &Holder, work: impl FnOnce() -> anyhow::Result<u8>) -> anyhow::Result<u8> {
    let sent = send(holder, |events| {
        drop(events);
        work()
    })?;
    end(holder, sent)
}

/// As [`inside`], for work that goes on until somebody asks for its end, by a key or by a signal: then
/// there is something to read in the pipe that it is given. Who asks twice does not wait for it.
pub fn inside_until_asked(
    holder: &Holder,
    work: impl FnOnce(PipeReader) -> anyhow::Result<u8>,
) -> anyhow::Result<u8> {
    // Before the fork: a key reaches every process that has the terminal.
    let signals = signals(&[Signal::INT, Signal::TERM, Signal::HUP])?;
    let (asked, mut ask) = std::io::pipe()?;
    let sent = send(holder, |events| {
        drop(events);
        work(asked)
    })?;
    let mut times = 0;
    loop {
        let mut ready = [PollFd::new(&signals, PollFlags::IN), PollFd::new(&sent, PollFlags::IN)];
        rustix::io::retry_on_intr(|| poll(&mut ready, None))?;
        if !ready[1].revents().is_empty() {
            return end(holder, sent);
        }
        while let Some(signal) = signals.next()? {
            times += 1;
            if times > 1 {
                drop(sent);
                anyhow::bail!("broken off by signal {}", signal.signal);
            }
            ask.write_all(&[0])?;
        }
    }
}

/// Sends a process into a lab; what goes wrong in it is told there.
pub fn send(
    holder: &Holder,
    work: impl FnOnce(PipeWriter) -> anyhow::Result<u8>,
) -> anyhow::Result<Work> {
    let sent = holder.work(|events| {
        work(events).unwrap_or_else(|error| {
            show::error(&error);
            super::exit_code(&error)
        })
    });
    sent.map_err(|error| if holder.is_ending() { gone().into() } else { error.into() })
}

/// Waits for a process in a lab; its exit code.
pub fn end(holder: &Holder, sent: Work) -> anyhow::Result<u8> {
    match sent.wait()? {
        Ended::Exit(code) if i32::from(BROKEN) == code && holder.is_ending() => Err(gone().into()),
        Ended::Exit(code) => Ok(code as u8),
        Ended::Signal(_) if holder.is_ending() => Err(gone().into()),
        Ended::Signal(signal) => {
            anyhow::bail!("the process in the lab was ended by signal {signal}")
        }
    }
}

fn gone() -> Wrong {
    Wrong::new("the lab has ended meanwhile")
}
