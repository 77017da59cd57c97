//! TCP sockets (`tcp(7)`, RFC 9293).

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto};

use crate::error::Error;
use crate::sys;

/// Begins to connect, with a non-blocking socket in the namespace of the calling thread. Until
/// [`connected`], the errors that come back wait on it ([`message`](crate::message)).
///
/// # Errors
///
/// Those of `connect(2)`; that the connection has yet to come about is none.
pub fn connect(to: SocketAddr) -> Result<OwnedFd, Error> {
    let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP))
        .map_err(Error::call("opening a TCP socket"))?;
    keep_errors(&socket, to.ip(), true)?;
    match rustix::net::connect(&socket, &to) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket),
        Err(errno) => Err(Error::Call { call: "connecting", errno }),
    }
}

/// Says that a connection has come about: from now on an error that comes back does not end it, as it
/// would not end that of any program (`IP_RECVERR` in `ip(7)`).
pub fn connected(socket: &OwnedFd, to: IpAddr) -> Result<(), Error> {
    keep_errors(socket, to, false)
}

/// Listens, with a non-blocking socket in the namespace of the calling thread, at one address and port; of
/// an IPv6 socket is said whether it takes no IPv4, and of any the device that it is bound to, by name.
///
/// # Errors
///
/// `EADDRINUSE`: another socket has the port. `EADDRNOTAVAIL`: the node does not have the address.
pub fn listen_at(at: SocketAddr, v6only: bool, dev: Option<&str>) -> Result<OwnedFd, Error> {
    /// As many as may wait unless a program says otherwise.
    const BACKLOG: i32 = 128;
    let family = if at.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP))
        .map_err(Error::call("opening a TCP socket"))?;
    if at.is_ipv6() {
        let (level, option) = (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY);
        sys::set_int_option(socket.as_fd(), level, option, v6only.into())
            .map_err(Error::call("setting an option of a TCP socket"))?;
    }
    if let Some(dev) = dev {
        sys::bind_to_device(socket.as_fd(), dev)
            .map_err(Error::call("binding a TCP socket to a device"))?;
    }
    rustix::net::bind(&socket, &at)
        .and_then(|()| rustix::net::listen(&socket, BACKLOG))
        .map_err(Error::call("listening on a TCP port"))?;
    Ok(socket)
}

fn keep_errors(socket: &OwnedFd, to: IpAddr, keep: bool) -> Result<(), Error> {
    let (level, option) = match to {
        IpAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_RECVERR),
        IpAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_RECVERR),
    };
    sys::set_int_option(socket.as_fd(), level, option, keep.into())
        .map_err(Error::call("setting an option of a TCP socket"))
}
