//! The contestant "bare system calls": the same lab with the fewest calls, in the obvious order.
//!
//! What a careful programmer writes who knows the kernel and wants one lab, once: no names for the
//! namespaces, no plan, no check of what came out. Node by node: `unshare`, a descriptor, one
//! netlink socket. The bridge comes up first; each veth pair is made with both ends in their final
//! namespaces, and its port is enslaved and up by that same request; one request each for `lo`,
//! the address and the far end.

use std::collections::HashMap;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use super::lab::{self, End, Kind, Lab, Shape};
use super::netlink::{LO, Socket, Veth};
use super::{sandbox, verify};

/// The lab to build.
#[derive(clap::Args)]
pub struct Args {
    shape: Shape,
    nodes: u32,
    /// Write into this folder what each node has in the end.
    #[arg(long)]
    observe: Option<PathBuf>,
}

/// The index of a node's first interface beside `lo`.
const FIRST: u32 = 2;

/// Builds the lab; it goes when this process ends.
pub fn run(args: &Args) -> Result<()> {
    sandbox::become_root()?;
    sandbox::raise_open_files().context("the limit of open files")?;
    let lab = Lab::new(args.shape, args.nodes);
    let nodes = build(&lab)?;
    let Some(folder) = &args.observe else { return Ok(()) };
    for (name, netns) in &nodes {
        sandbox::enter(netns)?;
        let command = verify::observation(folder, name);
        let status = std::process::Command::new("sh").args(["-c", &command]).status()?;
        ensure!(status.success(), "observing {name}: {status}");
    }
    Ok(())
}

/// A node that is there.
struct Node {
    socket: Socket,
    /// The index of its next interface.
    next: u32,
}

impl Node {
    /// A new one with `lo` up, the calling thread in it.
    fn new() -> Result<(OwnedFd, Self)> {
        let netns = sandbox::new_netns().context("a network namespace")?;
        let mut socket = Socket::open().context("a netlink socket")?;
        socket.set_up(LO).context("lo")?;
        Ok((netns, Self { socket, next: FIRST }))
    }

    fn index(&mut self) -> u32 {
        self.next += 1;
        self.next - 1
    }

    /// Gives an interface what it has beside a name.
    fn finish(&mut self, index: u32, end: &End) -> Result<()> {
        if let Some((address, prefix)) = end.address {
            self.socket.add_address(index, address, prefix).context("an address")?;
        }
        self.socket.set_up(index).context("an end")
    }
}

fn build(lab: &Lab) -> Result<Vec<(&str, OwnedFd)>> {
    let places: HashMap<&str, usize> =
        lab.nodes.iter().enumerate().map(|(place, (name, _))| (name.as_str(), place)).collect();
    // A socket is needed until the last link to its node is there.
    let mut last: Vec<usize> = (0..lab.nodes.len()).collect();
    for (own, other) in &lab.links {
        last[places[other.node.as_str()]] = places[own.node.as_str()];
    }
    let mut links = lab.links.iter().peekable();
    let mut nodes: Vec<(&str, OwnedFd)> = Vec::new();
    let mut open: HashMap<usize, Node> = HashMap::new();
    for (place, (name, kind)) in lab.nodes.iter().enumerate() {
        let (netns, mut own) = Node::new()?;
        match kind {
            Kind::Host => {}
            Kind::Bridge => {
                let index = own.index();
                own.socket.add_bridge(lab::BRIDGE, index).context("the bridge")?;
            }
            Kind::Router => {
                for file in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
                    std::fs::write(format!("/proc/sys/net/{file}"), "1").context(file)?;
                }
            }
        }
        nodes.push((name, netns));
        while let Some((a, b)) = links.next_if(|(a, _)| a.node == *name) {
            let there = places[b.node.as_str()];
            let other = open.get_mut(&there).context("a link to a node that is not there yet")?;
            link((a, &mut own, &nodes[place].1), (b, other, &nodes[there].1))?;
            if last[there] == place {
                open.remove(&there);
            }
        }
        if last[place] > place {
            open.insert(place, own);
        }
    }
    Ok(nodes)
}

/// Makes a veth pair and finishes both ends. A port of a bridge is the end that it is made from,
/// so that it is one by the same request.
fn link(
    (a, own, at_own): (&End, &mut Node, &OwnedFd),
    (b, other, at_other): (&End, &mut Node, &OwnedFd),
) -> Result<()> {
    let (index, other_index) = (own.index(), other.index());
    let from_own = Veth {
        name: &a.interface,
        index,
        master: None,
        peer: &b.interface,
        peer_index: other_index,
        peer_netns: at_other.as_fd(),
    };
    if b.address.is_some() {
        own.socket.add_veth(&from_own).context("a veth pair")?;
        other.finish(other_index, b)?;
        let (address, prefix) = a.address.context("an end without an address")?;
        return own.socket.add_address(index, address, prefix).context("an address");
    }
    let from_port = Veth {
        name: &b.interface,
        index: other_index,
        master: Some(FIRST),
        peer: &a.interface,
        peer_index: index,
        peer_netns: at_own.as_fd(),
    };
    other.socket.add_veth(&from_port).context("a veth pair")?;
    own.finish(index, a)
}
