//! UDP sockets (`udp(7)`, RFC 768).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto};

use crate::error::Error;
use crate::sys;

fn open(family: AddressFamily) -> Result<OwnedFd, Error> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    rustix::net::socket_with(family, SocketType::DGRAM, flags, Some(ipproto::UDP))
        .map_err(Error::call("opening a UDP socket"))
}

fn set(socket: &OwnedFd, options: &[(libc::c_int, libc::c_int)]) -> Result<(), Error> {
    for (level, option) in options {
        sys::set_int_option(socket.as_fd(), *level, *option, 1)
            .map_err(Error::call("setting an option of a UDP socket"))?;
    }
    Ok(())
}

/// Opens a non-blocking UDP socket of the family of `to` in the namespace of the calling thread. The
/// errors that come back wait on it, and of what comes the TTL is told
/// ([`message`](crate::message)).
///
/// # Errors
///
/// `EADDRINUSE`: another socket has the source port.
pub fn socket(to: IpAddr, source_port: Option<u16>) -> Result<OwnedFd, Error> {
    let (family, any) = match to {
        IpAddr::V4(_) => (AddressFamily::INET, IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        IpAddr::V6(_) => (AddressFamily::INET6, IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
    };
    let socket = open(family)?;
    let (v4, v6) = (libc::IPPROTO_IP, libc::IPPROTO_IPV6);
    match to {
        IpAddr::V4(_) => set(&socket, &[(v4, libc::IP_RECVERR), (v4, libc::IP_RECVTTL)])?,
        IpAddr::V6(_) => set(
            &socket,
            &[(v6, libc::IPV6_V6ONLY), (v6, libc::IPV6_RECVERR), (v6, libc::IPV6_RECVHOPLIMIT)],
        )?,
    }
    if let Some(port) = source_port {
        rustix::net::bind(&socket, &SocketAddr::new(any, port))
            .map_err(Error::call("binding to the source port"))?;
    }
    Ok(socket)
}

/// Opens a non-blocking UDP socket for this port of every address of both families, in the namespace of
/// the calling thread. Of what comes it is told to which address it came
/// ([`Received::at`](crate::message::Received::at)).
///
/// # Errors
///
/// `EADDRINUSE`: another socket has the port.
pub fn listen(port: u16) -> Result<OwnedFd, Error> {
    // `[::]` takes IPv4 too, unless the node has no IPv6.
    let at = |any: IpAddr| listen_at(SocketAddr::new(any, port), false, None);
    at(Ipv6Addr::UNSPECIFIED.into()).or_else(|_| at(Ipv4Addr::UNSPECIFIED.into()))
}

/// The same for one address and port; of an IPv6 socket, whether it takes no IPv4; and the device that
/// it is bound to, by name.
///
/// # Errors
///
/// `EADDRINUSE`: another socket has the port. `EADDRNOTAVAIL`: the node does not have the address.
pub fn listen_at(at: SocketAddr, v6only: bool, dev: Option<&str>) -> Result<OwnedFd, Error> {
    let socket = match at.ip() {
        IpAddr::V4(_) => {
            let socket = open(AddressFamily::INET)?;
            set(&socket, &[(libc::IPPROTO_IP, libc::IP_PKTINFO)])?;
            socket
        }
        IpAddr::V6(_) => {
            let socket = open(AddressFamily::INET6)?;
            set(&socket, &[(libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO)])?;
            // What `net.ipv6.bindv6only` has it is not.
            let (level, option) = (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY);
            sys::set_int_option(socket.as_fd(), level, option, v6only.into())
                .map_err(Error::call("setting an option of a UDP socket"))?;
            socket
        }
    };
    if let Some(dev) = dev {
        sys::bind_to_device(socket.as_fd(), dev)
            .map_err(Error::call("binding a UDP socket to a device"))?;
    }
    rustix::net::bind(&socket, &at).map_err(Error::call("listening on a UDP port"))?;
    Ok(socket)
}
