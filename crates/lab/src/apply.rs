//! Carrying out a plan: the one place where steps become actions.
//!
//! Steps of one node that follow each other are one *visit*: one `setns`, one socket, one batch of
//! requests. The planner puts them together; this only goes along.

use twinax_kernel::{Error, Netns, Rtnl, mounts, nft, sysctl, tun};
use twinax_plan::Step;
use twinax_topology::{Change, Mac, NodeName, Place, TapMode};

use crate::nodes::{Nodes, on_own_thread};

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

/// Carries out steps, in order. New nodes come to `nodes`.
///
/// The first step that fails ends it; a few that come after it in the same node may have been
/// carried out.
pub fn apply(steps: &[Step], nodes: &mut Nodes) -> Result<(), ApplyError> {
    on_own_thread(|| {
        if steps.is_empty() {
            return Ok(());
        }
        let outside = Netns::current().map_err(|error| fail(steps, 0, error))?;
        let mut visit = None;
        for (index, step) in steps.iter().enumerate() {
            carry_out(index, step, &outside, nodes, &mut visit)
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
}

fn leave(visit: &mut Option<Visit>) -> Result<(), Error> {
    visit.take().map_or(Ok(()), |mut visit| visit.rtnl.flush())
}

fn carry_out(
    index: usize,
    step: &Step,
    outside: &Netns,
    nodes: &mut Nodes,
    visit: &mut Option<Visit>,
) -> Result<(), Error> {
    if let Step::AddNetns(node) = step {
        leave(visit)?;
        let netns = Netns::create()?;
        mounts::name_netns(node.as_str(), std::os::fd::AsFd::as_fd(&netns))?;
        nodes.insert(node.clone(), netns);
        *visit = Some(Visit { node: Some(node.clone()), rtnl: Rtnl::open()? });
        return Ok(());
    }
    // A veth pair is made from outside, whose only device is `lo`: both ends say where they belong,
    // but kernels before 6.15 refuse a name that the namespace of the *socket* has already.
    let place = (!matches!(step, Step::AddVeth(..))).then(|| step.node());
    if visit.as_ref().is_none_or(|visit| visit.node.as_ref() != place) {
        leave(visit)?;
        place.map_or(Ok(outside), |node| namespace(nodes, node))?.enter()?;
        *visit = Some(Visit { node: place.cloned(), rtnl: Rtnl::open()? });
    }
    let rtnl = &mut visit.as_mut().expect("there is a visit now").rtnl;
    rtnl.mark(index);
    match step {
        Step::AddNetns(_) => unreachable!("done above"),
        Step::AddBridge(bridge) => rtnl.add_bridge(bridge),
        Step::AddVeth(a, b) => {
            let (at_a, at_b) = (namespace(nodes, &a.place.node)?, namespace(nodes, &b.place.node)?);
            rtnl.add_veth((a, at_a), (b, at_b))
        }
        Step::AddTap(device, mode) => add_tap(rtnl, &device.place, *mode, device.mac, device.mtu),
        Step::Change(change) => carry_out_change(rtnl, change, nodes),
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

fn carry_out_change(rtnl: &mut Rtnl, change: &Change, nodes: &Nodes) -> Result<(), Error> {
    let name = |place: &Place| place.interface.to_string();
    match change {
        Change::Move { at, to } => rtnl.move_link(&name(at), namespace(nodes, to)?),
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
            nft::apply(firewall)?;
            firewall.ruleset.as_deref().map_or(Ok(()), |text| Ok(nft::load(None, text)?))
        }
    }
}

fn namespace<'a>(nodes: &'a Nodes, node: &NodeName) -> Result<&'a Netns, Error> {
    nodes.get(node).ok_or_else(|| Error::NoNode { name: node.to_string() })
}
