//! The contestant "bare system calls": the same lab with the fewest calls, in the obvious order.
//!
//! What a careful programmer writes who knows the kernel and wants one lab, once: no names for the
//! namespaces, no plan, no check of what came out. Node by node: `unshare`, a descriptor, one
//! netlink socket. The bridge comes up first; each veth pair is made with both ends in their final
//! namespaces, and its port is enslaved and up by that same request; one request each for `lo`,
//! the address and the far end.

use std::os::fd::{AsFd as _, OwnedFd};
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use super::lab::{self, Shape};
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

/// The index of a router's end to the left, of a host's only end, and of the bridge.
const FIRST: u32 = 2;
/// The index of a router's end to the right.
const SECOND: u32 = 3;

/// Builds the lab; it goes when this process ends.
pub fn run(args: &Args) -> Result<()> {
    sandbox::become_root()?;
    sandbox::raise_open_files().context("the limit of open files")?;
    let nodes = match args.shape {
        Shape::Star => star(args.nodes)?,
        Shape::Line => line(args.nodes)?,
    };
    let Some(folder) = &args.observe else { return Ok(()) };
    for (name, netns) in &nodes {
        sandbox::enter(netns)?;
        let command = verify::observation(folder, name);
        let status = std::process::Command::new("sh").args(["-c", &command]).status()?;
        ensure!(status.success(), "observing {name}: {status}");
    }
    Ok(())
}

/// A new node with `lo` up, the calling thread in it.
fn node() -> Result<(OwnedFd, Socket)> {
    let netns = sandbox::new_netns().context("a network namespace")?;
    let mut socket = Socket::open().context("a netlink socket")?;
    socket.set_up(LO).context("lo")?;
    Ok((netns, socket))
}

fn star(count: u32) -> Result<Vec<(String, OwnedFd)>> {
    let (netns, mut switch) = node()?;
    switch.add_bridge(lab::BRIDGE, FIRST).context("the bridge")?;
    let mut nodes = vec![(lab::SWITCH.to_owned(), netns)];
    for index in 0..count {
        let (netns, mut host) = node()?;
        let veth = Veth {
            name: &lab::port(index),
            index: FIRST + 1 + index,
            master: Some(FIRST),
            peer: lab::HOST_IF,
            peer_index: FIRST,
            peer_netns: netns.as_fd(),
        };
        switch.add_veth(&veth).context("a veth pair")?;
        host.add_address(FIRST, lab::host_address(index), lab::STAR_PREFIX)
            .context("an address")?;
        host.set_up(FIRST).context("a host's end")?;
        nodes.push((lab::host(index), netns));
    }
    Ok(nodes)
}

fn line(count: u32) -> Result<Vec<(String, OwnedFd)>> {
    let mut nodes: Vec<(String, OwnedFd)> = Vec::new();
    let mut before: Option<Socket> = None;
    for index in 0..count {
        let (netns, mut own) = node()?;
        for file in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
            std::fs::write(format!("/proc/sys/net/{file}"), "1").context(file)?;
        }
        if let (Some(before), Some((_, neighbour))) = (&mut before, nodes.last()) {
            let veth = Veth {
                name: lab::LEFT_IF,
                index: FIRST,
                master: None,
                peer: lab::RIGHT_IF,
                peer_index: SECOND,
                peer_netns: neighbour.as_fd(),
            };
            own.add_veth(&veth).context("a veth pair")?;
            let (left, right) = lab::link_addresses(index - 1);
            before.add_address(SECOND, left, lab::LINE_PREFIX).context("an address")?;
            before.set_up(SECOND).context("the end to the right")?;
            own.add_address(FIRST, right, lab::LINE_PREFIX).context("an address")?;
        }
        before = Some(own);
        nodes.push((lab::router(index), netns));
    }
    Ok(nodes)
}
