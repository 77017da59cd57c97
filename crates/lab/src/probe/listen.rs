//! Ports on which twinax itself listens in the nodes, so that a lab needs no server program.

use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use twinax_kernel::{Error, Netns};

use crate::nodes::inside;

/// What failed, when it did.
const LISTENING: &str = "listening on a TCP port";

/// A port on which twinax listens.
#[derive(Debug)]
pub struct Listening {
    socket: TcpListener,
    say: String,
}

impl Listening {
    /// Begins to listen in a node: connections wait in the kernel's queue until [`listen`] serves
    /// them.
    pub fn open(netns: &Netns, port: u16, say: String) -> Result<Self, Error> {
        let socket = inside(netns, || {
            // `[::]` takes IPv4 too, unless the node has no IPv6.
            let both = TcpListener::bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)));
            let socket = both
                .or_else(|_| TcpListener::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))))
                .map_err(Error::io(LISTENING))?;
            socket.set_nonblocking(true).map_err(Error::io(LISTENING))?;
            Ok(socket)
        })?;
        Ok(Self { socket, say })
    }
}

/// Serves all ports on one thread, which ends with the process: whoever connects is told the
/// port's text.
pub fn listen(ports: Vec<Listening>) {
    if ports.is_empty() {
        return;
    }
    std::thread::spawn(move || {
        loop {
            let mut waiting: Vec<_> =
                ports.iter().map(|port| PollFd::new(&port.socket, PollFlags::IN)).collect();
            match poll(&mut waiting, None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(_) => return,
            }
            for port in &ports {
                while let Ok((mut stream, _)) = port.socket.accept() {
                    // Who hangs up early has heard enough.
                    let _ = stream.write_all(port.say.as_bytes());
                }
            }
        }
    });
}
