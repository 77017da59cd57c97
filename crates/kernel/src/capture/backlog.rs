//! Whether a frame is still on its way between devices of this machine.
//!
//! What a veth or `lo` passes on goes through a queue of the processor on which it was sent
//! (`enqueue_to_backlog`, `net/core/dev.c`), and from there in order. So a datagram of our own that was
//! sent on that processor, and has come in, tells that everything queued there before it has been dealt
//! with. What that has led to may be queued again behind it: nothing is under way when a round over all
//! processors has gone by in which nothing was seen anywhere.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::error::Error;
use crate::netns::Netns;
use crate::rtnl::Rtnl;

/// How long a datagram of our own may take. On a machine that is so busy, what is not seen in time is not
/// waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// A way through the queues of all processors, in a namespace of its own.
pub struct Backlog {
    socket: UdpSocket,
}

impl Backlog {
    /// Opens it. The calling thread ends up in a namespace of its own: it must do nothing else.
    pub fn open() -> Result<Self, Error> {
        Netns::create()?;
        let mut rtnl = Rtnl::open()?;
        rtnl.set_up("lo", true)?;
        rtnl.flush()?;
        let opened = || {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            socket.connect(socket.local_addr()?)?;
            socket.set_read_timeout(Some(PATIENCE))?;
            Ok(socket)
        };
        Ok(Self { socket: opened().map_err(Error::io("opening a socket on lo"))? })
    }

    /// Goes once through the queue of each processor on which the calling thread may run.
    pub fn pass(&self) -> Result<(), Error> {
        let failed = "running on one processor";
        let own = sched_getaffinity(None).map_err(Error::call(failed))?;
        let passed = (0..CpuSet::MAX_CPU).filter(|cpu| own.is_set(*cpu)).try_for_each(|cpu| {
            let mut only = CpuSet::new();
            only.set(cpu);
            // One that has been taken away meanwhile has no queue either.
            if sched_setaffinity(None, &only).is_ok() {
                let sent = self.socket.send(&[0]).and_then(|_| self.socket.recv(&mut [0]));
                sent.map_err(Error::io("sending a datagram over lo"))?;
            }
            Ok(())
        });
        let _ = sched_setaffinity(None, &own);
        passed
    }
}
