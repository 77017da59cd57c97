//! Sockets in a copy like those that wait for what comes in the lab, with nobody's program behind them: a
//! connection comes about and is closed again, a datagram is sent back (RFC 862).

use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

use rustix::event::{PollFd, PollFlags, poll};
use twinax_kernel::ask::{Listening, Protocol};
use twinax_kernel::process::{Fork, fork};
use twinax_kernel::{Error, tcp, udp};

use crate::holder::echo;
use crate::wire::HeldWire;

/// A socket that waits for what comes.
#[derive(Debug)]
pub(super) enum Waiting {
    Tcp(OwnedFd),
    Udp(OwnedFd),
}

/// Opens one like this, in the namespace of the calling thread.
pub(super) fn open(like: &Listening) -> Result<Waiting, Error> {
    let at = SocketAddr::new(like.address, like.port);
    let v6only = like.v6only.unwrap_or(false);
    let dev = like.dev.as_deref();
    match like.protocol {
        Protocol::Tcp => tcp::listen_at(at, v6only, dev).map(Waiting::Tcp),
        Protocol::Udp => udp::listen_at(at, v6only, dev).map(Waiting::Udp),
    }
}

/// Serves whoever comes to these sockets, and carries between the ends of these wires, in a process of its own
/// that ends with the sandbox: the calling one must have one thread only, so that a copy can be made of
/// what it works on.
pub(super) fn keep(sockets: Vec<Waiting>, wires: Vec<HeldWire>) -> Result<(), Error> {
    if sockets.is_empty() && wires.is_empty() {
        return Ok(());
    }
    match fork()? {
        Fork::Parent(..) => Ok(()),
        Fork::Child => {
            let run = || keep_here(&sockets, wires);
            // Nothing may unwind into the frames of the process that we are a copy of.
            let _ = catch_unwind(AssertUnwindSafe(run));
            std::process::exit(0);
        }
    }
}

fn keep_here(sockets: &[Waiting], wires: Vec<HeldWire>) {
    for wire in wires {
        std::thread::spawn(move || {
            // Nobody ever tells it to end.
            if let Ok((told, _never)) = std::io::pipe() {
                let _ = wire.carry(told.as_fd());
            }
        });
    }
    loop {
        let ready = |own| PollFd::from_borrowed_fd(own, PollFlags::IN);
        let mut waiting: Vec<PollFd<'_>> =
            sockets.iter().map(|socket| ready(socket.as_fd())).collect();
        if rustix::io::retry_on_intr(|| poll(&mut waiting, None)).is_err() {
            return;
        }
        for (socket, waiting) in sockets.iter().zip(&waiting) {
            match socket {
                _ if waiting.revents().is_empty() => {}
                // Dropped at once.
                Waiting::Tcp(socket) => while rustix::net::accept(socket).is_ok() {},
                Waiting::Udp(socket) => echo(socket),
            }
        }
    }
}

impl AsFd for Waiting {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(socket) | Self::Udp(socket) => socket.as_fd(),
        }
    }
}
