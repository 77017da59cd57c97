//! Word from the kernel that something in a namespace has changed (`rtnetlink(7)`).

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::error::Error;

/// `RTMGRP_LINK`, `RTMGRP_IPV6_IFADDR` and `RTMGRP_IPV6_ROUTE` (`linux/rtnetlink.h`).
const GROUPS: u32 = 0x1 | 0x100 | 0x400;

/// Hears of every change of a device, an IPv6 address or an IPv6 route, from the moment it is
/// opened.
pub struct Watch {
    socket: Socket,
}

impl Watch {
    /// Begins to listen in the namespace of the calling thread.
    pub fn open() -> Result<Self, Error> {
        let opened = || {
            let mut socket = Socket::new(NETLINK_ROUTE)?;
            socket.bind(&SocketAddr::new(0, GROUPS))?;
            socket.set_non_blocking(true)?;
            Ok::<_, std::io::Error>(socket)
        };
        let socket = opened().map_err(Error::io("listening for changes"))?;
        Ok(Self { socket })
    }

    /// Waits until something has changed since the last call. `false`: nothing has by the deadline.
    pub fn wait(&mut self, deadline: Instant) -> Result<bool, Error> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
            let mut waiting = [PollFd::from_borrowed_fd(self.socket.as_fd(), PollFlags::IN)];
            match poll(&mut waiting, Some(&left)) {
                Ok(0) => return Ok(false),
                Ok(_) => {
                    // What has changed does not matter, and word that was lost (ENOBUFS) is word.
                    while self.socket.recv_from_full().is_ok() {}
                    return Ok(true);
                }
                Err(Errno::INTR) => {}
                Err(errno) => return Err(Error::Call { call: "waiting for a change", errno }),
            }
        }
    }
}

/// How long the kernel may let a change of carrier wait (`linkwatch_nextevent`, one second), and
/// some more for a busy machine.
pub const SETTLED_WITHIN: Duration = Duration::from_secs(3);
