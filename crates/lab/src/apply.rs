//! Carrying out a plan: the one place where steps become actions.
//!
//! Steps of one node that follow each other are one *visit*: one `setns`, one socket, one batch of
//! requests. The planner puts them together; this only goes along.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use twinax_kernel::sysctl::Sysctls;
use twinax_kernel::{Error, Netns, Rtnl, mounts, nft, tun};
use twinax_plan::Step;
use twinax_topology::{Change, Firewall, Mac, NodeName, Place, TapMode};

use crate::nodes::{self, on_own_thread};
use crate::processes;

/// A step that could not be carried out.
#[derive(Debug, thiserror::Error)]
#[error("{} failed in node `{}`", in_words(.step), .step.node())]
pub struct ApplyError {
    /// Its place among the steps, from 0.
    pub index: usize,
    /// The step.
    pub step: Box<Step>,
    /// Why.
    #[source]
    pub source: Error,
}

/// The command that does the same as the step, on one line.
fn in_words(step: &Step) -> String {
    let command = twinax_plan::command(step);
    match command.split_once('\n') {
        Some((first, _)) => format!("`{first} …`"),
        None => format!("`{command}`"),
    }
}

/// Carries out steps, in order. What is done in one node does not wait for what is done in another
/// where that makes no difference.
///
/// The first step that fails ends it; a few that come after it may have been carried out.
pub fn apply(steps: &[Step]) -> Result<(), ApplyError> {
    if steps.is_empty() {
        return Ok(());
    }
    on_own_thread(|| {
        let mut worker = Worker::new().map_err(|error| fail(steps, 0, error))?;
        let visits = visits(steps);
        for stage in visits.chunk_by(|a, b| a.stage == b.stage) {
            match threads(stage.len()) {
                1 => stage.iter().try_for_each(|visit| worker.make(steps, visit))?,
                threads => together(steps, stage, threads)?,
            }
        }
        Ok(())
    })
}

/// The error of a step. A refused request says by its mark which step queued it.
fn fail(steps: &[Step], index: usize, source: Error) -> ApplyError {
    let index = match source {
        Error::Refused { mark, .. } => mark,
        _ => index,
    };
    ApplyError { index, step: Box::new(steps[index].clone()), source }
}

/// Steps that follow each other and are done in one place.
struct PlannedVisit {
    steps: Range<usize>,
    /// Those that have the same number here can be made in any order.
    stage: usize,
}

/// Where a step is done; `None`: outside of all nodes.
///
/// A veth pair is made from outside, whose only device is `lo`: both ends say where they belong,
/// but kernels before 6.15 refuse a name that the namespace of the *socket* has already.
fn place(step: &Step) -> Option<&NodeName> {
    (!matches!(step, Step::AddVeth(..))).then(|| step.node())
}

fn visits(steps: &[Step]) -> Vec<PlannedVisit> {
    let is_one = |a: &Step, b: &Step| {
        place(a) == place(b) && !matches!(b, Step::AddNetns(_)) && !matches!(a, Step::DelNetns(_))
    };
    let mut visits: Vec<PlannedVisit> = Vec::new();
    let (mut stage, mut start) = (0, 0);
    // The nodes of the stage; none where the stage takes no other visit.
    let mut nodes = HashSet::new();
    for own in steps.chunk_by(is_one) {
        let is_own = own.iter().all(concerns_its_node_alone);
        if nodes.is_empty() || !is_own || nodes.contains(own[0].node()) {
            stage += 1;
            nodes.clear();
        }
        if is_own {
            nodes.insert(own[0].node());
        }
        visits.push(PlannedVisit { steps: start..start + own.len(), stage });
        start += own.len();
    }
    visits
}

fn concerns_its_node_alone(step: &Step) -> bool {
    match step {
        Step::AddNetns(_) | Step::AddBridge(_) | Step::AddTap(..) => true,
        Step::Change(change) => !matches!(change, Change::Move { .. }),
        _ => false,
    }
}

/// With fewer visits than this for each, another thread costs more than it brings.
const VISITS_PER_THREAD: usize = 32;

/// More threads than this wait for each other in the kernel.
const THREADS: usize = 4;

/// How many visits a thread takes at a time.
const CHUNK: usize = 8;

fn threads(visits: usize) -> usize {
    match visits / VISITS_PER_THREAD {
        0 | 1 => 1,
        few => thread::available_parallelism().map_or(1, usize::from).min(few).min(THREADS),
    }
}

/// Makes the visits of a stage on several threads.
fn together(steps: &[Step], visits: &[PlannedVisit], threads: usize) -> Result<(), ApplyError> {
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let work = || {
        let mut worker =
            Worker::new().map_err(|error| fail(steps, visits[0].steps.start, error))?;
        // Who has taken visits makes them all: so the first that fails is always among those made.
        while !failed.load(Ordering::Relaxed) {
            let first = next.fetch_add(CHUNK, Ordering::Relaxed);
            let Some(mine) = visits.get(first..visits.len().min(first + CHUNK)) else { break };
            mine.iter()
                .try_for_each(|visit| worker.make(steps, visit))
                .inspect_err(|_| failed.store(true, Ordering::Relaxed))?;
        }
        Ok(())
    };
    let results: Vec<Result<(), ApplyError>> = thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let ended = all.into_iter().map(thread::ScopedJoinHandle::join);
        ended.map(|end| end.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    let first = results.into_iter().filter_map(Result::err).min_by_key(|error| error.index);
    first.map_or(Ok(()), Err)
}

/// A thread that goes from place to place.
struct Worker {
    outside: Netns,
    sysctls: Sysctls,
}

/// The socket that is open where the thread is.
struct Visit<'a> {
    rtnl: Rtnl,
    sysctls: &'a mut Sysctls,
    /// What queued requests name by the number of its descriptor.
    held: Vec<Netns>,
}

impl Worker {
    /// The calling thread, which is outside of all nodes.
    fn new() -> Result<Self, Error> {
        Ok(Self { outside: Netns::current()?, sysctls: Sysctls::default() })
    }

    fn make(&mut self, steps: &[Step], visit: &PlannedVisit) -> Result<(), ApplyError> {
        let first = visit.steps.start;
        let mut there = self.begin(&steps[first]).map_err(|error| fail(steps, first, error))?;
        for index in visit.steps.clone() {
            there.rtnl.mark(index);
            there.carry_out(&steps[index]).map_err(|error| fail(steps, index, error))?;
        }
        there.rtnl.flush().map_err(|error| fail(steps, visit.steps.end - 1, error))
    }

    /// Goes to where a step is done; the place is made where the step is that.
    fn begin(&mut self, step: &Step) -> Result<Visit<'_>, Error> {
        match (step, place(step)) {
            (Step::AddNetns(node), _) => {
                Netns::create()?;
                mounts::pin(node.as_str())?;
            }
            (Step::DelNetns(_), _) | (_, None) => self.outside.enter()?,
            (_, Some(node)) => nodes::open(node)?.enter()?,
        }
        Ok(Visit { rtnl: Rtnl::open()?, sysctls: &mut self.sysctls, held: Vec::new() })
    }
}

impl Visit<'_> {
    /// So many namespaces are held at most.
    const HELD: usize = 64;

    fn carry_out(&mut self, step: &Step) -> Result<(), Error> {
        let rtnl = &mut self.rtnl;
        match step {
            // By coming here.
            Step::AddNetns(_) => Ok(()),
            Step::DelNetns(node) => {
                processes::end_in(&nodes::open(node)?)?;
                nodes::remove(node)
            }
            Step::AddBridge(bridge) => rtnl.add_bridge(bridge),
            Step::AddVeth(a, b) => {
                let (at_a, at_b) = (nodes::open(&a.place.node)?, nodes::open(&b.place.node)?);
                rtnl.add_veth((a, &at_a), (b, &at_b))?;
                self.hold([at_a, at_b])
            }
            Step::AddTap(device, mode) => {
                add_tap(rtnl, &device.place, *mode, device.mac, device.mtu)
            }
            Step::Change(change) => self.carry_out_change(change),
            Step::SetBridge(bridge) => rtnl.set_bridge(bridge),
            Step::DelLink(at) => rtnl.del_link(at.interface.as_str()),
            Step::FlushRuleset(_) => {
                rtnl.flush()?;
                Ok(nft::flush()?)
            }
        }
    }

    /// Keeps namespaces open until the requests queued so far are carried out.
    fn hold(&mut self, netns: [Netns; 2]) -> Result<(), Error> {
        self.held.extend(netns);
        if self.held.len() >= Self::HELD {
            self.rtnl.flush()?;
            self.held.clear();
        }
        Ok(())
    }

    fn carry_out_change(&mut self, change: &Change) -> Result<(), Error> {
        let rtnl = &mut self.rtnl;
        let name = |place: &Place| place.interface.to_string();
        match change {
            Change::Move { at, to } => {
                let to = nodes::open(to)?;
                rtnl.move_link(&name(at), &to)?;
                rtnl.flush()
            }
            Change::Up(at, up) => rtnl.set_up(&name(at), *up),
            Change::Mtu(at, mtu) => rtnl.set_mtu(&name(at), *mtu),
            Change::Mac(at, mac) => rtnl.set_mac(&name(at), *mac),
            Change::Master(at, master) => rtnl.set_master(&name(at), master.as_ref()),
            Change::Port(at, port) => rtnl.set_port(&name(at), port),
            Change::AddAddress(at, address) => rtnl.add_address(&name(at), *address),
            Change::DelAddress(at, address) => rtnl.del_address(&name(at), *address),
            Change::AddRoute(_, route) => rtnl.add_route(route),
            Change::DelRoute(_, route) => rtnl.del_route(route),
            Change::AddRule(_, rule) => rtnl.add_rule(rule),
            Change::DelRule(_, rule) => rtnl.del_rule(rule),
            Change::AddNeighbour(_, neighbour) => rtnl.add_neighbour(neighbour),
            Change::DelNeighbour(_, neighbour) => rtnl.del_neighbour(neighbour),
            Change::InterfaceSysctl(at, own) => {
                rtnl.flush()?;
                self.sysctls.set(&own.of(&at.interface))
            }
            Change::Sysctl(_, own) => {
                rtnl.flush()?;
                self.sysctls.set(own)
            }
            Change::Firewall(_, firewall) => {
                rtnl.flush()?;
                set_firewall(firewall)
            }
        }
    }
}

fn add_tap(
    rtnl: &mut Rtnl,
    place: &Place,
    mode: TapMode,
    mac: Option<Mac>,
    mtu: Option<u32>,
) -> Result<(), Error> {
    let name = place.interface.as_str();
    // What is not netlink waits for what was queued before it.
    rtnl.flush()?;
    tun::add(name, mode)?;
    // The ioctl that makes it takes neither.
    mac.map_or(Ok(()), |mac| rtnl.set_mac(name, mac))?;
    mtu.map_or(Ok(()), |mtu| rtnl.set_mtu(name, mtu))
}

/// Sets the firewall of the namespace of the calling thread.
pub(crate) fn set_firewall(firewall: &Firewall) -> Result<(), Error> {
    nft::apply(firewall)?;
    firewall.ruleset.as_deref().map_or(Ok(()), |text| Ok(nft::load(None, text)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stages(lab: &str) -> Vec<Vec<Vec<String>>> {
        let lab = twinax_topology::parse(lab, "lab.toml").expect("a lab");
        stages_of(&twinax_plan::build(&lab))
    }

    /// The commands of each visit of each stage.
    fn stages_of(steps: &[Step]) -> Vec<Vec<Vec<String>>> {
        let commands = |visit: &PlannedVisit| {
            steps[visit.steps.clone()].iter().map(twinax_plan::command).collect()
        };
        visits(steps)
            .chunk_by(|a, b| a.stage == b.stage)
            .map(|stage| stage.iter().map(commands).collect())
            .collect()
    }

    #[test]
    fn nodes_are_made_together_then_links_then_nodes_are_set_up_together() {
        let stages = stages(
            "name = 'l'\n[node.a]\n[node.b]\n[node.c]\n\
             [[link]]\na = 'a:e0'\nb = 'b:e0'\n[[link]]\na = 'b:e1'\nb = 'c:e0'\n",
        );
        let visits: Vec<usize> = stages.iter().map(Vec::len).collect();
        assert_eq!(visits, [3, 1, 3], "{stages:#?}");
        assert_eq!(stages[1][0].len(), 2, "both links in one visit");
    }

    #[test]
    fn all_steps_are_made_and_in_their_order() {
        let lab = "name = 'l'\n[node.a]\n[node.b]\nkind = 'bridge'\n[[link]]\na = 'a:e0'\nb = 'b:e0'\n\
                   [[tap]]\nat = 'a:t0'\n[[tap]]\nat = 'b:t0'\n";
        let lab = twinax_topology::parse(lab, "lab.toml").expect("a lab");
        let steps = twinax_plan::build(&lab);
        let planned: Vec<String> = steps.iter().map(twinax_plan::command).collect();
        let made: Vec<String> = stages_of(&steps).into_iter().flatten().flatten().collect();
        assert_eq!(made, planned);
    }

    #[test]
    fn no_stage_has_two_visits_to_a_node() {
        // Without links, making the nodes and setting them up follow each other.
        let stages = stages(
            "name = 'l'\n[node.a]\nfirewall.policy.input = 'drop'\n\
             [node.b]\nfirewall.policy.input = 'drop'\n",
        );
        assert_eq!(stages.len(), 2, "{stages:#?}");
    }

    #[test]
    fn what_concerns_another_node_is_alone() {
        let at = |node: &str| Place {
            node: node.parse().expect("a name"),
            interface: "x".parse().expect("a name"),
        };
        let up = |node| Step::Change(Change::Up(at(node), true));
        let to = "b".parse().expect("a name");
        let steps = [up("a"), Step::Change(Change::Move { at: at("c"), to }), up("b")];
        assert_eq!(stages_of(&steps).len(), 3);
        assert_eq!(stages_of(&[up("a"), up("b")]).len(), 1);
    }
}
