//! Whether a frame is still on its way between devices of this machine.
//!
//! What a veth or `lo` passes on goes through a queue of the processor on which it was sent
//! (`enqueue_to_backlog`, `net/core/dev.c`), and from there in order. So a datagram of our own that was
//! sent on that processor, and has come in, tells that everything queued there before it has been dealt
//! with. What that has led to may be queued again behind it: nothing is under way when a round over all
//! processors has gone by in which nothing was seen anywhere.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::error::Error;
use crate::netns::Netns;
use crate::rtnl::Rtnl;

/// How long a datagram of our own may take. A queue that is full drops it (`net.core.netdev_max_backlog`).
const PATIENCE: Duration = Duration::from_millis(200);

/// A way through the queues of all processors, in a namespace of its own.
pub struct Backlog {
    socket: UdpSocket,
    /// How many datagrams were sent.
    sent: u64,
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
        Ok(Self { socket: opened().map_err(Error::io("opening a socket on lo"))?, sent: 0 })
    }

    /// Goes once through the queue of each processor on which the calling thread may run. `false`: one of
    /// them is so full that it drops what is put into it.
    pub fn pass(&mut self) -> Result<bool, Error> {
        let failed = "running on one processor";
        let own = sched_getaffinity(None).map_err(Error::call(failed))?;
        let mut passed = Ok(true);
        for cpu in (0..CpuSet::MAX_CPU).filter(|cpu| own.is_set(*cpu)) {
            let mut only = CpuSet::new();
            only.set(cpu);
            // One that has been taken away meanwhile has no queue either.
            if sched_setaffinity(None, &only).is_ok() {
                passed = self.go_and_come();
            }
            if !matches!(passed, Ok(true)) {
                break;
            }
        }
        let _ = sched_setaffinity(None, &own);
        passed.map_err(Error::io("sending a datagram over lo"))
    }

    /// Sends a datagram, and waits for this very one; whether it has come.
    fn go_and_come(&mut self) -> io::Result<bool> {
        self.sent += 1;
        self.socket.send(&self.sent.to_ne_bytes())?;
        let mut came = [0; 8];
        loop {
            match self.socket.recv(&mut came) {
                Ok(_) if u64::from_ne_bytes(came) == self.sent => return Ok(true),
                // One that was given up before.
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
