//! Waiting for the kernel to have freed network namespaces.
//!
//! A process that ends gives its namespaces up, but the kernel frees them later: a mount namespace
//! drops its mounts a tick after its last process (`delayed_mntput_work`), and one work queue with
//! one worker frees network namespaces, in batches (`cleanup_net`). A round that started before
//! that would pay for the contestant before it.
//!
//! No file says when it is done; a veth does. Its other end is put into a namespace that is given
//! up: it vanishes when that namespace is freed, and that can only be in the batch that is next or
//! the one after it. So the batch of the namespaces given up before has ended when a second one
//! has vanished; a third covers those that came in by the late unmounting.

use std::os::fd::{AsFd as _, OwnedFd};

use anyhow::{Context as _, Result};

use super::netlink::{Socket, Veth};
use super::sandbox;

/// How many namespaces are given up and waited for.
const PASSES: u32 = 3;

/// The index of the near end, in a namespace that has nothing but `lo`.
const NEAR: u32 = 2;

/// Ends when the kernel has freed every network namespace that was given up before.
pub fn run() -> Result<()> {
    sandbox::become_root()?;
    let own = sandbox::new_netns().context("a network namespace")?;
    for _ in 0..PASSES {
        let mut socket = Socket::open().context("a netlink socket")?;
        let mut listener = Socket::open_listener().context("a netlink socket that listens")?;
        give_up_a_namespace(&own, &mut socket)?;
        listener.wait_for_end_of(NEAR).context("waiting for a link to vanish")?;
    }
    Ok(())
}

/// Makes a veth pair with its far end in a namespace that nothing holds once this returns.
fn give_up_a_namespace(own: &OwnedFd, socket: &mut Socket) -> Result<()> {
    let other = sandbox::new_netns().context("a network namespace")?;
    sandbox::enter(own)?;
    let veth = Veth {
        name: "near",
        index: NEAR,
        master: None,
        peer: "far",
        peer_index: NEAR,
        peer_netns: other.as_fd(),
    };
    socket.add_veth(&veth).context("a veth pair")
}
