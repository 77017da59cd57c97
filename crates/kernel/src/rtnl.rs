//! A visit to one namespace: an rtnetlink socket there, and what has been learned about it.
//!
//! The methods that change something are in the file of their kind: [`link`](crate::link),
//! [`address`](crate::address)… They *queue*; [`Rtnl::flush`] carries out.

use std::collections::HashMap;
use std::os::fd::AsFd;

use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::protocols::NETLINK_ROUTE;
use rustix::io::Errno;

use crate::error::Error;
use crate::netlink::Socket;

/// An rtnetlink socket (`rtnetlink(7)`) in the namespace of the thread that opened it.
pub struct Rtnl {
    pub(crate) socket: Socket,
    indexes: HashMap<String, u32>,
}

impl Rtnl {
    /// Opens a socket in the namespace of the calling thread.
    pub fn open() -> Result<Self, Error> {
        Ok(Self { socket: Socket::open(NETLINK_ROUTE)?, indexes: HashMap::new() })
    }

    /// Marks the requests queued from now on; an [`Error::Refused`] says which mark its request
    /// had.
    pub fn mark(&mut self, mark: usize) {
        self.socket.mark(mark);
    }

    /// Carries out what is queued.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.socket.flush()
    }

    pub(crate) fn queue(
        &mut self,
        request: &'static str,
        flags: u16,
        message: RouteNetlinkMessage,
    ) -> Result<(), Error> {
        self.socket.queue(request, flags, &message)
    }

    /// The index of a device (`SIOCGIFINDEX`, `netdevice(7)`), asked for once.
    pub fn index(&mut self, name: &str) -> Result<u32, Error> {
        if let Some(&index) = self.indexes.get(name) {
            return Ok(index);
        }
        // It may be one that is only queued.
        self.flush()?;
        let index = rustix::net::netdevice::name_to_index(self.socket.as_fd(), name);
        let index = index.map_err(|errno| match errno {
            Errno::NODEV => Error::NoDevice { name: name.to_owned() },
            errno => Error::Call { call: "asking for a device's index", errno },
        })?;
        self.indexes.insert(name.to_owned(), index);
        Ok(index)
    }

    /// The name of a device (`SIOCGIFNAME`, `netdevice(7)`); one that is gone is called by its
    /// index, as `ip` does.
    pub(crate) fn name(&self, index: u32) -> String {
        rustix::net::netdevice::index_to_name(self.socket.as_fd(), index)
            .unwrap_or_else(|_| format!("if{index}"))
    }

    /// Forgets the index of a device that has gone elsewhere.
    pub(crate) fn forget(&mut self, name: &str) {
        self.indexes.remove(name);
    }

    /// Forgets all indexes.
    pub(crate) fn forget_all(&mut self) {
        self.indexes.clear();
    }
}
