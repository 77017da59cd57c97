//! Making a running lab what a lab file says: look at what there is, do what is missing, and look
//! again, until nothing is missing.
//!
//! One round is not always enough, because the kernel does some things by itself: with a device's
//! last address go its routes. Nothing is remembered from one round to the next but what the kernel
//! tells; so whoever is interrupted has only to begin again.

use std::collections::{BTreeMap, HashMap, HashSet};

use rustix::io::Errno;
use twinax_kernel::{Error, mounts};
use twinax_plan::{Beyond, Step, Turnover};
use twinax_topology::{
    Change, Command, Interface, Listener, Node, NodeName, Place, Sysctl, SysctlKey, Topology, Wire,
};

use crate::apply::{ApplyError, apply};
use crate::found::{self, FORWARDING};
use crate::lab::{self, LabError};
use crate::service;
use crate::wanted::{self, Key, What, tell_holder};
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
    /// Services, ports and wires that stop; and those that are started again, because they are to be
    /// otherwise.
    pub stop: Vec<Key>,
    /// What is done in the kernel, in order.
    pub steps: Vec<Step>,
    /// Services, ports and wires that start, in order.
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
    // Where whoever was at it before was interrupted.
    mounts::unpin_unnamed().map_err(ConvergeError::Look)?;
    tell_holder()
        .map_err(Error::io("telling the lab's holder to look again"))
        .map_err(ConvergeError::Look)?;
    let work = Work::new(wanted)?;
    let mut left = Vec::new();
    for _ in 0..ROUNDS {
        let (difference, start) = work.look()?;
        if difference.is_empty() {
            work.remember()?;
            return Ok(difference.beyond);
        }
        tell(&difference);
        let steps = difference.steps.iter().map(twinax_plan::command).collect();
        let before = std::mem::replace(&mut left, steps);
        if let Some(refused) = work.carry_out(&difference, &start)?
            && left == before
        {
            return Err(LabError::from(refused).into());
        }
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

/// A service, port or wire that is to start.
enum Start<'a> {
    Wire(&'a Wire),
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
        let now = said(current);
        steps.retain(|step| !is_kept(step, &now));
        let mut stop = Vec::new();
        let mut start = Vec::new();
        let listeners: Turnover<'_, Listener> = twinax_plan::listeners(current, &self.wanted);
        let services: Turnover<'_, Command> = twinax_plan::services(current, &self.wanted);
        stop.extend(services.goes.iter().map(|(node, own)| Key::command(node, &own.name)));
        stop.extend(services.changes.iter().map(|(node, own, _)| Key::command(node, &own.name)));
        stop.extend(listeners.goes.iter().map(|(node, own)| Key::listener(node, own)));
        stop.extend(listeners.changes.iter().map(|(node, own, _)| Key::listener(node, own)));
        let (goes, comes) = twinax_plan::wires(current, &self.wanted);
        // A device that is made anew is in nobody's hands.
        let remade = remade(&steps);
        let is_cut = |wire: &&Wire| remade.contains(&wire.a) || remade.contains(&wire.b);
        let cut = current.wires.iter().filter(is_cut).filter(|wire| !goes.contains(wire));
        stop.extend(goes.iter().copied().chain(cut).map(Key::wire));
        let again = self.wanted.wires.iter().filter(is_cut).filter(|wire| !comes.contains(wire));
        start.extend(comes.iter().copied().chain(again).map(Start::Wire));
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

    /// Does what is missing. Where somebody, or the kernel, has been quicker, what was refused for
    /// that: the next round tells what is still to be done.
    fn carry_out(
        &self,
        difference: &Difference,
        start: &[Start<'_>],
    ) -> Result<Option<ApplyError>, LabError> {
        let mut cut = Vec::new();
        for key in &difference.stop {
            if let Some(What::Wire(wire)) = wanted::get(key).map(|wanted| wanted.what) {
                cut.extend([wire.a.node, wire.b.node]);
            }
            service::stop(key)?;
        }
        match apply(&difference.steps) {
            Err(error) if is_overtaken(&error) => return Ok(Some(error)),
            done => done?,
        }
        let mut touched: HashSet<&NodeName> = difference.steps.iter().flat_map(nodes_of).collect();
        let wires = start.iter().filter_map(|one| match one {
            Start::Wire(wire) => Some(*wire),
            _ => None,
        });
        service::plug(wires.clone())?;
        touched.extend(wires.flat_map(|wire| [&wire.a.node, &wire.b.node]));
        touched.extend(&cut);
        touched.retain(|name| self.wanted.node(name).is_some());
        lab::settle(touched)?;
        hosts::write(&self.wanted).map_err(LabError::Files)?;
        for one in start {
            match one {
                Start::Command(node, command) => service::start(node, command)?,
                Start::Listener(node, listener) => service::listen(node, listener)?,
                // Before, so that what runs finds its links there.
                Start::Wire(_) => {}
            }
        }
        Ok(None)
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
            Self::Listener(node, listener) => Key::listener(node, listener),
            Self::Wire(wire) => Key::wire(wire),
        }
    }
}

/// Whether a step sets a sysctl that the kernel has already, in words of its own: some round a time
/// to ticks of their clock. It is asked what it makes of the value.
fn is_kept(step: &Step, now: &HashMap<&NodeName, Said>) -> bool {
    let (node, sysctl) = match step {
        Step::Change(Change::Sysctl(node, own)) => (node, own.clone()),
        Step::Change(Change::InterfaceSysctl(at, own)) => (&at.node, own.of(&at.interface)),
        _ => return false,
    };
    let there = now.get(node).and_then(|said| said.iter().find(|(key, _)| *key == sysctl.key));
    let Some((_, there)) = there else { return false };
    found::kept(&sysctl).is_some_and(|kept| kept == *there)
}

/// The TUN/TAP devices that steps make.
fn remade(steps: &[Step]) -> HashSet<&Place> {
    let made = steps.iter().filter_map(|step| match step {
        Step::AddTap(device, _) => Some(&device.place),
        _ => None,
    });
    made.collect()
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

/// The wanted lab, with the sysctls of which the lab that is known says something and the wanted one
/// does not, at the value that they would have if the wanted one were built.
fn with_defaults(wanted: &Topology, known: &Topology) -> Result<Topology, Error> {
    let (now, then) = (said(wanted), said(known));
    let none = Said::default();
    let mut complete = wanted.clone();
    let mut fresh: Vec<(&Node, BTreeMap<String, String>)> = Vec::new();
    for (node, completed) in wanted.nodes.iter().zip(&mut complete.nodes) {
        let mine = now.get(&node.name).unwrap_or(&none);
        let theirs = then.get(&node.name).unwrap_or(&none);
        let devices: Vec<&Interface> = wanted.interfaces_of(&node.name).collect();
        let missing = missing(mine, theirs, &devices);
        if missing.is_empty() {
            continue;
        }
        let same = |(own, _): &(&Node, _)| own.kind == node.kind && own.sysctls == node.sysctls;
        let at = match fresh.iter().position(same) {
            Some(at) => at,
            None => {
                fresh.push((node, found::fresh_like(node)?));
                fresh.len() - 1
            }
        };
        let value = |key: SysctlKey| {
            let path = found::of_fresh_device(&key);
            let value = fresh[at].1.get(&path)?.clone();
            Some(Sysctl { key, value })
        };
        // What sets others comes first: what is said, and what follows from that, has the last word.
        let missing = missing.into_iter().filter_map(value);
        let (setters, others): (Vec<Sysctl>, Vec<Sysctl>) =
            missing.partition(|own| twinax_plan::sets_others(&own.key));
        completed.sysctls.splice(..0, setters);
        completed.sysctls.extend(others);
    }
    Ok(complete)
}

/// The sysctls that a lab says of a node, in order, with their values.
type Said = Vec<(SysctlKey, String)>;

fn said(lab: &Topology) -> HashMap<&NodeName, Said> {
    let mut said: HashMap<&NodeName, Said> = HashMap::new();
    for node in &lab.nodes {
        let own = node.sysctls.iter().map(|own| (own.key.clone(), own.value.clone()));
        said.entry(&node.name).or_default().extend(own);
    }
    for interface in lab.interfaces() {
        let place = &interface.place;
        let own = interface.sysctls.iter().map(|own| own.of(&place.interface));
        let own = own.map(|own| (own.key, own.value));
        said.entry(&place.node).or_default().extend(own);
    }
    said
}

/// The sysctls of a node with these devices that may have a value which nobody wants: those that
/// nobody says any more, and those of devices that were made when there was another default.
fn missing(mine: &Said, theirs: &Said, devices: &[&Interface]) -> Vec<SysctlKey> {
    let is_mine = |key: &SysctlKey| mine.iter().any(|(own, _)| own == key);
    let mut missing: Vec<SysctlKey> = Vec::new();
    let is_other = |one: &&(SysctlKey, String), all: &Said| !all.contains(one);
    let of_default = theirs.iter().filter(|own| is_other(own, mine));
    let of_default = of_default.chain(mine.iter().filter(|own| is_other(own, theirs)));
    let of_devices = of_default.filter(|(key, _)| key.path().contains("/default/"));
    let names = || devices.iter().map(|device| device.place.interface.as_str()).chain(["lo"]);
    let of_devices = of_devices.flat_map(|(key, _)| {
        let of = |name| key.path().replacen("/default/", &format!("/{name}/"), 1);
        names().filter_map(move |name| of(name).parse::<SysctlKey>().ok())
    });
    for key in theirs.iter().map(|(key, _)| key.clone()).chain(of_devices) {
        if is_mine(&key) || missing.contains(&key) {
            continue;
        }
        // That of a device which is to go goes with it, and without IPv6 there is none of IPv6.
        let stays = key.interface().is_none_or(|name| {
            let device = devices.iter().find(|own| own.place.interface.as_str() == name);
            let has_no_ipv6 = device.is_some_and(|own| own.mtu.is_some_and(|mtu| mtu < 1280));
            name == "lo"
                || device.is_some() && !(has_no_ipv6 && key.path().starts_with("net/ipv6/"))
        });
        if stays {
            missing.push(key);
        }
    }
    missing
}
