//! Making a running lab what a lab file says: look at what there is, do what is missing, and look
//! again, until nothing is missing.
//!
//! One round is not always enough, because the kernel does some things by itself: with a device's
//! last address go its routes. Nothing is remembered from one round to the next but what the kernel
//! tells; so whoever is interrupted has only to begin again.

use std::collections::{BTreeMap, HashMap, HashSet};

use rustix::io::Errno;
use twinax_kernel::Error;
use twinax_plan::{Beyond, Step, Turnover};
use twinax_topology::{Command, Listener, NodeName, Sysctl, SysctlKey, Topology};

use crate::apply::{ApplyError, apply};
use crate::found::{self, FORWARDING};
use crate::lab::{self, LabError};
use crate::service;
use crate::wanted::Key;
use crate::{hosts, memory};

/// Why a running lab is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum ConvergeError {
    /// It could not be looked at.
    #[error("the lab could not be looked at")]
    Look(#[source] Error),
    /// Something could not be done.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// Whatever is done, something is still missing.
    #[error("after {rounds} rounds this is still different: {}", .left.join("; "))]
    Restless {
        /// How often it was tried.
        rounds: usize,
        /// What is left to be done, as commands.
        left: Vec<String>,
    },
}

/// What makes a running lab what it should be.
#[derive(Debug, Default)]
pub struct Difference {
    /// Services and ports that stop; and those that are started again, because they are to be
    /// otherwise.
    pub stop: Vec<Key>,
    /// What is done in the kernel, in order.
    pub steps: Vec<Step>,
    /// Services and ports that start, in order.
    pub start: Vec<Key>,
    /// What there is that a lab file has no words for. It stays as it is.
    pub beyond: Vec<Beyond>,
}

impl Difference {
    /// Whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.stop.is_empty() && self.steps.is_empty() && self.start.is_empty()
    }
}

/// At most so many rounds are made.
const ROUNDS: usize = 8;

/// What makes the lab in the sandbox of the calling process what it should be.
pub fn difference(wanted: &Topology) -> Result<Difference, ConvergeError> {
    Work::new(wanted)?.look().map(|(difference, _)| difference)
}

/// Makes the lab in the sandbox of the calling process what it should be. `tell` hears of what is
/// missing in each round, before it is done; where nothing is missing, of nothing.
///
/// The value is what there is that a lab file has no words for, and that is left alone.
pub fn converge(
    wanted: &Topology,
    mut tell: impl FnMut(&Difference),
) -> Result<Vec<Beyond>, ConvergeError> {
    let work = Work::new(wanted)?;
    let mut left = Vec::new();
    for _ in 0..ROUNDS {
        let (difference, start) = work.look()?;
        if difference.is_empty() {
            work.remember()?;
            return Ok(difference.beyond);
        }
        tell(&difference);
        left = difference.steps.iter().map(twinax_plan::command).collect();
        work.carry_out(&difference, &start)?;
    }
    Err(ConvergeError::Restless { rounds: ROUNDS, left })
}

/// What is wanted, and what is needed to compare with it.
struct Work {
    wanted: Topology,
    known: Option<Topology>,
    /// The wanted lab with the sysctls that were said once and are no longer, at their defaults.
    complete: Topology,
    asked: HashMap<NodeName, Vec<String>>,
}

/// A service or port that is to start.
enum Start<'a> {
    Command(&'a NodeName, &'a Command),
    Listener(&'a NodeName, &'a Listener),
}

impl Work {
    fn new(wanted: &Topology) -> Result<Self, ConvergeError> {
        let known = memory::remembered_beside(wanted)
            .map_err(Error::io("reading what was applied last"))
            .map_err(ConvergeError::Look)?;
        let wanted = wanted.clone();
        let complete = match &known {
            Some(known) => with_defaults(&wanted, known).map_err(ConvergeError::Look)?,
            None => wanted.clone(),
        };
        let asked = asked(&complete);
        Ok(Self { wanted, known, complete, asked })
    }

    fn look(&self) -> Result<(Difference, Vec<Start<'_>>), ConvergeError> {
        let found = found::to_compare(&self.complete, self.known.as_ref(), &self.asked)
            .map_err(ConvergeError::Look)?;
        let current = &found.topology;
        let mut steps = found.in_the_way(&self.complete);
        steps.extend(twinax_plan::difference(current, &self.complete));
        let mut stop = Vec::new();
        let mut start = Vec::new();
        let listeners: Turnover<'_, Listener> = twinax_plan::listeners(current, &self.wanted);
        let services: Turnover<'_, Command> = twinax_plan::services(current, &self.wanted);
        stop.extend(services.goes.iter().map(|(node, own)| Key::command(node, &own.name)));
        stop.extend(services.changes.iter().map(|(node, own, _)| Key::command(node, &own.name)));
        stop.extend(listeners.goes.iter().map(|(node, own)| Key::listener(node, own.tcp)));
        stop.extend(listeners.changes.iter().map(|(node, own, _)| Key::listener(node, own.tcp)));
        // A node that is made anew takes with it what runs in it.
        let gone: HashSet<&NodeName> = steps
            .iter()
            .filter_map(|step| match step {
                Step::DelNetns(node) => Some(node),
                _ => None,
            })
            .collect();
        for node in &self.wanted.nodes {
            let is_gone = gone.contains(&node.name);
            let now = current.node(&node.name).filter(|_| !is_gone);
            for listener in &node.listeners {
                if now.is_none_or(|now| !now.listeners.contains(listener)) {
                    start.push(Start::Listener(&node.name, listener));
                }
            }
        }
        for node in &self.wanted.nodes {
            let is_gone = gone.contains(&node.name);
            let now = current.node(&node.name).filter(|_| !is_gone);
            for command in &node.commands {
                if now.is_none_or(|now| !now.commands.contains(command)) {
                    start.push(Start::Command(&node.name, command));
                }
            }
        }
        let keys = start.iter().map(Start::key).collect();
        Ok((Difference { stop, steps, start: keys, beyond: found.beyond }, start))
    }

    fn carry_out(&self, difference: &Difference, start: &[Start<'_>]) -> Result<(), LabError> {
        for key in &difference.stop {
            service::stop(key)?;
        }
        match apply(&difference.steps) {
            // Somebody, or the kernel, has been quicker: the next round tells.
            Err(error) if is_overtaken(&error) => return Ok(()),
            done => done?,
        }
        let touched: HashSet<&NodeName> = difference.steps.iter().flat_map(nodes_of).collect();
        lab::settle(touched)?;
        hosts::write(&self.wanted).map_err(LabError::Files)?;
        for one in start {
            match one {
                Start::Command(node, command) => service::start(node, command)?,
                Start::Listener(node, listener) => service::listen(node, listener)?,
            }
        }
        Ok(())
    }

    fn remember(&self) -> Result<(), ConvergeError> {
        if self.known.as_ref() == Some(&self.wanted) {
            return Ok(());
        }
        hosts::write(&self.wanted)
            .and_then(|()| memory::remember(&self.wanted))
            .map_err(|error| ConvergeError::Lab(LabError::Files(error)))
    }
}

impl Start<'_> {
    fn key(&self) -> Key {
        match self {
            Self::Command(node, command) => Key::command(node, &command.name),
            Self::Listener(node, listener) => Key::listener(node, listener.tcp),
        }
    }
}

/// The nodes in which a step does something, where those are there afterwards.
fn nodes_of(step: &Step) -> Vec<&NodeName> {
    match step {
        Step::AddVeth(a, b) => vec![&a.place.node, &b.place.node],
        Step::DelNetns(_) => Vec::new(),
        step => vec![step.node()],
    }
}

/// Whether a step failed because what was to go is gone, or what was to come is there.
fn is_overtaken(error: &ApplyError) -> bool {
    matches!(
        error.source.errno(),
        Some(Errno::NOENT | Errno::SRCH | Errno::NODEV | Errno::EXIST | Errno::ADDRNOTAVAIL)
    )
}

/// The sysctls that are compared, by node, as paths below `/proc/sys`.
fn asked(lab: &Topology) -> HashMap<NodeName, Vec<String>> {
    let mut asked: HashMap<NodeName, Vec<String>> = HashMap::new();
    let mut ask = |node: &NodeName, path: &str| {
        let usual = || FORWARDING.map(str::to_owned).to_vec();
        asked.entry(node.clone()).or_insert_with(usual).push(path.to_owned());
    };
    for node in &lab.nodes {
        node.sysctls.iter().for_each(|own| ask(&node.name, own.key.path()));
    }
    for interface in lab.interfaces() {
        let place = &interface.place;
        for own in &interface.sysctls {
            ask(&place.node, own.of(&place.interface).key.path());
        }
    }
    asked
}

/// The wanted lab, with what the lab that is known says of sysctls and the wanted one does not, at
/// the value that a fresh namespace has.
fn with_defaults(wanted: &Topology, known: &Topology) -> Result<Topology, Error> {
    let said = |lab: &Topology| -> BTreeMap<NodeName, Vec<SysctlKey>> {
        let mut said: BTreeMap<NodeName, Vec<SysctlKey>> = BTreeMap::new();
        for node in &lab.nodes {
            let keys = node.sysctls.iter().map(|own| own.key.clone());
            said.entry(node.name.clone()).or_default().extend(keys);
        }
        for interface in lab.interfaces() {
            let place = &interface.place;
            let keys = interface.sysctls.iter().map(|own| own.of(&place.interface).key);
            said.entry(place.node.clone()).or_default().extend(keys);
        }
        said
    };
    let (now, then) = (said(wanted), said(known));
    let mut complete = wanted.clone();
    let mut fresh = None;
    for node in &mut complete.nodes {
        let mine = now.get(&node.name).map_or(&[][..], Vec::as_slice);
        for key in then.get(&node.name).into_iter().flatten().filter(|key| !mine.contains(key)) {
            // That of a device which is to go goes with it.
            let interface = key.interface();
            let stays = interface.is_none_or(|name| {
                name == "lo"
                    || wanted.interfaces_of(&node.name).any(|i| i.place.interface.as_str() == name)
            });
            if !stays {
                continue;
            }
            let fresh = match &fresh {
                Some(fresh) => fresh,
                None => &*fresh.insert(found::fresh()?),
            };
            // A device begins with what `default` has.
            let path = match interface {
                Some(name) => key.path().replacen(&format!("/{name}/"), "/default/", 1),
                None => key.path().to_owned(),
            };
            if let Some(value) = fresh.get(&path) {
                node.sysctls.push(Sysctl { key: key.clone(), value: value.clone() });
            }
        }
    }
    Ok(complete)
}
