//! Raw ICMP sockets (`raw(7)`, `icmp(7)`, RFC 3542 for IPv6).

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};

use rustix::net::{AddressFamily, Protocol, SocketFlags, SocketType, ipproto};

use crate::error::Error;
use crate::sys;

/// How echo requests leave.
#[derive(Debug, Clone, Default)]
pub struct IcmpOptions {
    /// The interface that they leave by, whatever the route says. Not `SO_BINDTODEVICE`: a socket
    /// bound to a device would not see an answer that comes in by `lo`.
    pub interface: Option<u32>,
    /// The source address.
    pub source: Option<IpAddr>,
    /// Whether nobody may fragment them.
    pub dont_fragment: bool,
    /// Whether they are sent whatever has been learned of the way's MTU (`IP_PMTUDISC_PROBE`): only the
    /// device's own counts then.
    pub probe_mtu: bool,
}

/// Opens a raw, non-blocking ICMP (or ICMPv6) socket of the family of `to` in the namespace of the
/// calling thread. What comes is taken off it by [`message::receive`](crate::message::receive).
pub fn socket(to: IpAddr, options: &IcmpOptions) -> Result<OwnedFd, Error> {
    let (family, protocol): (_, Protocol) = match to {
        IpAddr::V4(_) => (AddressFamily::INET, ipproto::ICMP),
        IpAddr::V6(_) => (AddressFamily::INET6, ipproto::ICMPV6),
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(family, SocketType::RAW, flags, Some(protocol))
        .map_err(Error::call("opening a raw ICMP socket"))?;
    if to.is_ipv4() {
        set_v4(&socket, options)?
    } else {
        set_v6(&socket, options)?
    }
    if let Some(source) = options.source {
        rustix::net::bind(&socket, &SocketAddr::new(source, 0))
            .map_err(Error::call("binding to the source address"))?;
    }
    Ok(socket)
}

fn set_v4(socket: &OwnedFd, options: &IcmpOptions) -> Result<(), Error> {
    let set = |option, value| {
        sys::set_int_option(socket.as_fd(), libc::IPPROTO_IP, option, value)
            .map_err(Error::call("setting an option of an ICMP socket"))
    };
    if let Some(index) = options.interface {
        // In network byte order (ip(7)).
        set(libc::IP_UNICAST_IF, index.to_be() as libc::c_int)?;
    }
    if options.dont_fragment {
        let how = if options.probe_mtu { libc::IP_PMTUDISC_PROBE } else { libc::IP_PMTUDISC_DO };
        set(libc::IP_MTU_DISCOVER, how)?;
    }
    Ok(())
}

fn set_v6(socket: &OwnedFd, options: &IcmpOptions) -> Result<(), Error> {
    let set = |option, value| {
        sys::set_int_option(socket.as_fd(), libc::IPPROTO_IPV6, option, value)
            .map_err(Error::call("setting an option of an ICMPv6 socket"))
    };
    if let Some(index) = options.interface {
        set(libc::IPV6_UNICAST_IF, index.to_be() as libc::c_int)?;
    }
    if options.dont_fragment {
        let how =
            if options.probe_mtu { libc::IPV6_PMTUDISC_PROBE } else { libc::IPV6_PMTUDISC_DO };
        set(libc::IPV6_MTU_DISCOVER, how)?;
        set(libc::IPV6_DONTFRAG, 1)?;
    }
    // An IPv4 socket gives the whole packet, with its TTL.
    set(libc::IPV6_RECVHOPLIMIT, 1)
}
