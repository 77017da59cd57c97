//! Waiting until the kernel has freed network namespaces.
//!
//! Nobody is told when a namespace that was given up is freed, and no file says it. A veth does:
//! its other end is put into a namespace that is given up, too, and vanishes with that. The kernel
//! frees namespaces by one worker, in batches: what was given up since it took the last one is the
//! next (`cleanup_net`, `net/core/net_namespace.c`; the work queue `netns` has one worker).
//!
//! ```text
//!  given up before ──┐   1st veth ──┐   2nd veth ──┐   3rd veth ──┐
//!                    ▼              ▼              ▼              ▼
//!  batch          … n  or          n + 1  or      n + 2 …        a later one each time
//! ```
//!
//! - *One* is not enough: a batch takes all its devices away together, and has more to do after
//!   that. The first veth can be in one batch with what was given up before it, and vanish before
//!   the rest of that batch.
//! - With the *second* gone, the batch of the first has ended (it was given up when the first
//!   vanished, so that it came into a later one), and with it all that was given up before.
//! - The *third* is for what a socket held. Some kinds of sockets (UDP, packet, netlink) let go of
//!   their namespace only by a callback of RCU (`SOCK_RCU_FREE`, `deferred_put_nlk_sk`). Each
//!   batch waits for those that are pending, between taking its devices away and its end
//!   (`rcu_barrier` in `cleanup_net`): so what the last close gave up is in the batch after the
//!   first veth's at the latest, as the second veth is, and the third tells the end of that.
//!
//! A process that has been waited for has given everything up: its files, its namespaces, and the
//! mounts of a mount namespace that ends with it. The kernel drops these in the process's own name
//! (`exit_task_namespaces`, then `exit_task_work`, then `exit_notify`, in `do_exit`), and not by
//! `delayed_mntput_work`, which is for kernel threads and for whoever can have no more work of his
//! own. A PID namespace's first process ends last: when it can be waited for, all others have gone
//! the same way (`zap_pid_ns_processes`).
//!
//! What can still hold a namespace: another process's open file, mount or socket; and a TCP
//! connection that nobody has open any more but that has not ended on the wire (FIN-WAIT, LAST-ACK).
//! Those are not waited for.

use std::time::Instant;

use twinax_plan::Device;
use twinax_topology::Place;

use crate::error::Error;
use crate::netns::Netns;
use crate::rtnl::Rtnl;
use crate::watch::Watch;

/// How many namespaces are given up and waited for, one after the other.
const PASSES: usize = 3;

/// Waits until the kernel has freed every network namespace that was given up before. `false`: it
/// has not by the deadline.
///
/// It makes namespaces, and leaves the calling thread in one of them: only for a thread that does
/// nothing else, or a process of its own, with `CAP_SYS_ADMIN` in its user namespace and
/// `CAP_NET_ADMIN` in what it makes.
///
/// # Errors
///
/// Those of making namespaces and veth pairs.
pub fn wait(deadline: Instant) -> Result<bool, Error> {
    let own = Netns::create()?;
    let mut watch = Watch::open()?;
    for _ in 0..PASSES {
        let near = give_up_a_namespace(&own)?;
        loop {
            match Rtnl::open()?.index(near) {
                Err(Error::NoDevice { .. }) => break,
                index => index?,
            };
            if !watch.wait(deadline)? {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Makes a veth pair with its far end in a namespace that nothing holds once this returns, and
/// names the near end.
fn give_up_a_namespace(own: &Netns) -> Result<&'static str, Error> {
    const NEAR: &str = "near";
    let device = |name: &str| Device {
        place: Place {
            node: "scratch".parse().expect("a name of a node"),
            interface: name.parse().expect("a name of an interface"),
        },
        mac: None,
        mtu: None,
    };
    let other = Netns::create()?;
    own.enter()?;
    let mut rtnl = Rtnl::open()?;
    rtnl.add_veth((&device(NEAR), own), (&device("far"), &other))?;
    rtnl.flush()?;
    Ok(NEAR)
}
