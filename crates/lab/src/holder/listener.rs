//! Ports on which twinax itself listens in the nodes, so that a lab needs no server program.

use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd};

use twinax_kernel::{Error, Netns};
use twinax_topology::Listener;

use crate::hint;
use crate::nodes::{self, inside};
use crate::wanted::{self, Key, State};

/// What failed, when it did.
const LISTENING: &str = "listening on a TCP port";

/// A port on which twinax listens.
pub(super) struct Port {
    key: Key,
    socket: Option<TcpListener>,
    listener: Listener,
}

impl Port {
    /// Begins to listen.
    pub(super) fn open(key: Key, listener: Listener) -> Self {
        let opened = nodes::open(&key.node).and_then(|netns| open(&netns, listener.tcp));
        let mut state = State { starts: 1, ..State::default() };
        let socket = opened.map_err(|error| state.broken = Some(hint::broken(&error))).ok();
        let _ = wanted::set_state(&key, &state);
        Self { key, socket, listener }
    }

    /// Whether it is what is wanted.
    pub(super) fn is(&self, wanted: &Listener) -> bool {
        self.listener == *wanted
    }

    pub(super) fn socket(&self) -> Option<BorrowedFd<'_>> {
        self.socket.as_ref().map(TcpListener::as_fd)
    }

    /// Tells its text to whoever has connected.
    pub(super) fn serve(&self) {
        let Some(socket) = &self.socket else { return };
        while let Ok((mut stream, _)) = socket.accept() {
            // Who hangs up early, or does not listen, has heard enough.
            let _ = stream.set_nonblocking(true);
            let _ = stream.write_all(self.listener.say.as_bytes());
        }
    }

    /// Takes away what was said of it.
    pub(super) fn forget(&self) {
        let _ = std::fs::remove_file(self.key.file(wanted::STATE));
    }
}

fn open(netns: &Netns, port: u16) -> Result<TcpListener, Error> {
    inside(netns, || {
        // `[::]` takes IPv4 too, unless the node has no IPv6.
        let both = TcpListener::bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)));
        let socket = both
            .or_else(|_| TcpListener::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))))
            .map_err(Error::io(LISTENING))?;
        socket.set_nonblocking(true).map_err(Error::io(LISTENING))?;
        Ok(socket)
    })
}
