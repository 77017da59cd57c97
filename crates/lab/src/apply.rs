//! Carrying out a plan: the one place where steps become actions.
//!
//! Steps of one node that follow each other are one *visit*: one `setns`, one socket, one batch of
//! requests. The planner puts them together; this only goes along.

use twinax_kernel::{Error, Netns, Rtnl, mounts, nft, sysctl, tun};
use twinax_plan::Step;
use twinax_topology::{Change, Firewall, Mac, NodeName, Place, TapMode};

use crate::nodes::{self, on_own_thread};
use crate::processes;

/// A step that could not be carried out.
#[derive(Debug, thiserror::Error)]
#[error("{} failed in node `{}`", in_words(.step), .step.node())]
pub struct ApplyError {
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

/// Carries out steps, in order.
///
/// The first step that fails ends it; a few that come after it in the same node may have been
/// carried out.
pub fn apply(steps: &[Step]) -> Result<(), ApplyError> {
    on_own_thread(|| {
        if steps.is_empty() {
            return Ok(());
        }
        let outside = Netns::current().map_err(|error| fail(steps, 0, error))?;
        let mut visit = None;
        for (index, step) in steps.iter().enumerate() {
            carry_out(index, step, &outside, &mut visit)
                .map_err(|error| fail(steps, index, error))?;
        }
        leave(&mut visit).map_err(|error| fail(steps, steps.len() - 1, error))
    })
}

/// The error of a step. A refused request says by its mark which step queued it.
fn fail(steps: &[Step], index: usize, source: Error) -> ApplyError {
    let index = match source {
        Error::Refused { mark, .. } => mark,
        _ => index,
    };
    ApplyError { step: Box::new(steps[index].clone()), source }
}

/// Where the thread is, and the socket that it has open there.
struct Visit {
    /// `None`: outside of all nodes.
    node: Option<NodeName>,
    rtnl: Rtnl,
    /// What queued requests name by the number of its descriptor.
    held: Vec<Netns>,
}

impl Visit {
    /// So many namespaces are held at most.
    const HELD: usize = 64;

    fn new(node: Option<NodeName>) -> Result<Self, Error> {
        Ok(Self { node, rtnl: Rtnl::open()?, held: Vec::new() })
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
}

fn leave(visit: &mut Option<Visit>) -> Result<(), Error> {
    visit.take().map_or(Ok(()), |mut visit| visit.rtnl.flush())
}

fn carry_out(
    index: usize,
    step: &Step,
    outside: &Netns,
    visit: &mut Option<Visit>,
) -> Result<(), Error> {
    if let Step::AddNetns(node) = step {
        leave(visit)?;
        Netns::create()?;
        mounts::pin(node.as_str())?;
        *visit = Some(Visit::new(Some(node.clone()))?);
        return Ok(());
    }
    if let Step::DelNetns(node) = step {
        leave(visit)?;
        processes::end_in(&nodes::open(node)?)?;
        return nodes::remove(node);
    }
    // A veth pair is made from outside, whose only device is `lo`: both ends say where they belong,
    // but kernels before 6.15 refuse a name that the namespace of the *socket* has already.
    let place = (!matches!(step, Step::AddVeth(..))).then(|| step.node());
    if visit.as_ref().is_none_or(|visit| visit.node.as_ref() != place) {
        leave(visit)?;
        match place {
            Some(node) => nodes::open(node)?.enter()?,
            None => outside.enter()?,
        }
        *visit = Some(Visit::new(place.cloned())?);
    }
    let visit = visit.as_mut().expect("there is a visit now");
    let rtnl = &mut visit.rtnl;
    rtnl.mark(index);
    match step {
        Step::AddNetns(_) | Step::DelNetns(_) => unreachable!("done above"),
        Step::AddBridge(bridge) => rtnl.add_bridge(bridge),
        Step::AddVeth(a, b) => {
            let (at_a, at_b) = (nodes::open(&a.place.node)?, nodes::open(&b.place.node)?);
            rtnl.add_veth((a, &at_a), (b, &at_b))?;
            visit.hold([at_a, at_b])
        }
        Step::AddTap(device, mode) => add_tap(rtnl, &device.place, *mode, device.mac, device.mtu),
        Step::Change(change) => carry_out_change(rtnl, change),
        Step::SetBridge(bridge) => rtnl.set_bridge(bridge),
        Step::DelLink(at) => rtnl.del_link(at.interface.as_str()),
        Step::FlushRuleset(_) => {
            rtnl.flush()?;
            Ok(nft::flush()?)
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

fn carry_out_change(rtnl: &mut Rtnl, change: &Change) -> Result<(), Error> {
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
            sysctl::set(&own.of(&at.interface))
        }
        Change::Sysctl(_, own) => {
            rtnl.flush()?;
            sysctl::set(own)
        }
        Change::Firewall(_, firewall) => {
            rtnl.flush()?;
            set_firewall(firewall)
        }
    }
}

/// Sets the firewall of the namespace of the calling thread.
pub(crate) fn set_firewall(firewall: &Firewall) -> Result<(), Error> {
    nft::apply(firewall)?;
    firewall.ruleset.as_deref().map_or(Ok(()), |text| Ok(nft::load(None, text)?))
}
