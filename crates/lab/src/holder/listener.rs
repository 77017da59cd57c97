//! Ports on which twinax itself listens in the nodes, so that a lab needs no server program.

use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use twinax_kernel::message::{self, Manner};
use twinax_kernel::{Error, Netns, udp};
use twinax_topology::Listener;

use crate::hint;
use crate::nodes::{self, inside};
use crate::wanted::{self, Key, State};

/// What failed, when it did.
const LISTENING: &str = "listening on a TCP port";

/// A port on which twinax listens.
pub(super) struct Port {
    key: Key,
    socket: Option<Socket>,
    listener: Listener,
}

enum Socket {
    Tcp(TcpListener),
    Udp(OwnedFd),
}

impl Port {
    /// Begins to listen.
    pub(super) fn open(key: Key, listener: Listener) -> Self {
        let opened = nodes::open(&key.node).and_then(|netns| open(&netns, &listener));
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
        Some(match self.socket.as_ref()? {
            Socket::Tcp(socket) => socket.as_fd(),
            Socket::Udp(socket) => socket.as_fd(),
        })
    }

    /// Serves whoever has come.
    pub(super) fn serve(&self) {
        match (&self.socket, &self.listener) {
            (Some(Socket::Tcp(socket)), Listener::Tcp { say, .. }) => say_to_all(socket, say),
            (Some(Socket::Udp(socket)), _) => echo(socket),
            _ => {}
        }
    }

    /// Takes away what was said of it.
    pub(super) fn forget(&self) {
        let _ = std::fs::remove_file(self.key.file(wanted::STATE));
    }
}

/// Tells its text to whoever has connected.
fn say_to_all(socket: &TcpListener, text: &str) {
    while let Ok((mut stream, _)) = socket.accept() {
        // Who hangs up early, or does not listen, has heard enough.
        let _ = stream.set_nonblocking(true);
        let _ = stream.write_all(text.as_bytes());
    }
}

/// The largest payload of a datagram (RFC 768).
const LARGEST: usize = 65_535;

/// So many datagrams are sent back before others have their turn.
const IN_TURN: usize = 64;

/// Sends back what has come, each datagram from the address that it was sent to (RFC 862).
pub(crate) fn echo(socket: &OwnedFd) {
    let mut bytes = vec![0; LARGEST];
    for _ in 0..IN_TURN {
        let received = match message::receive(socket, &mut bytes) {
            Ok(Some(received)) => received,
            // An error is of a datagram that was sent back: whoever wanted it is gone.
            Ok(None) | Err(_) => return,
        };
        let Some(to) = received.from else { continue };
        let payload = &bytes[..received.length];
        // One that cannot be sent is lost, as datagrams may be. An address of many, such as a broadcast's,
        // is nobody's source.
        let manner = Manner { from: received.at, ..Manner::default() };
        if message::send(socket, payload, to, manner).is_err() {
            let _ = message::send(socket, payload, to, Manner::default());
        }
    }
}

fn open(netns: &Netns, listener: &Listener) -> Result<Socket, Error> {
    inside(netns, || match listener {
        Listener::Tcp { port, .. } => open_tcp(*port).map(Socket::Tcp),
        Listener::Udp { port } => udp::listen(*port).map(Socket::Udp),
    })
}

fn open_tcp(port: u16) -> Result<TcpListener, Error> {
    // `[::]` takes IPv4 too, unless the node has no IPv6.
    let both = TcpListener::bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)));
    let socket = both
        .or_else(|_| TcpListener::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))))
        .map_err(Error::io(LISTENING))?;
    socket.set_nonblocking(true).map_err(Error::io(LISTENING))?;
    Ok(socket)
}
