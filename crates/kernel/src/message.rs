//! Packets of IP sockets with what the kernel knows of them, and the errors that came back
//! (`ip(7)`, `ipv6(7)`, `cmsg(3)`).
//!
//! Control messages and socket addresses are read and written as the bytes that they are.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::Errno;

use crate::sys;

/// Room for a `sockaddr_in6`, the longest address there is.
const NAME: usize = size_of::<libc::sockaddr_in6>();
/// Room for the control messages that these sockets have: a few numbers, an address, an error with the
/// address of who sent it.
const CONTROL: usize = 256;

/// A packet that has come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// How many of its bytes there was room for.
    pub length: usize,
    /// Who sent it.
    pub from: Option<SocketAddr>,
    /// The address of ours that answers to it come from, where the socket asks for it
    /// (`IP_PKTINFO`, `IPV6_RECVPKTINFO`).
    pub at: Option<IpAddr>,
    /// Its TTL or hop limit when it came in, where the socket asks for it.
    pub ttl: Option<u8>,
}

/// An error that came back (`IP_RECVERR`, `IPV6_RECVERR`; `struct sock_extended_err` in
/// `linux/errqueue.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failure {
    /// The errno that a program is told.
    pub errno: Errno,
    /// Where it is from.
    pub origin: Origin,
    /// How many bytes of the packet that failed (without the header of its transport) there were.
    pub length: usize,
    /// To whom that was sent.
    pub to: Option<SocketAddr>,
}

/// Where an error is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// An ICMP message (RFC 792).
    Icmp {
        /// Its type.
        kind: u8,
        /// Its code.
        code: u8,
        /// Who sent it.
        by: Option<IpAddr>,
    },
    /// An ICMPv6 message (RFC 4443).
    Icmpv6 {
        /// Its type.
        kind: u8,
        /// Its code.
        code: u8,
        /// Who sent it.
        by: Option<IpAddr>,
    },
    /// The own kernel, or whatever else is no message from the network.
    Local,
}

/// How a packet goes out, other than as the socket's options have it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner {
    /// The source address.
    pub from: Option<IpAddr>,
    /// The TTL or hop limit.
    pub ttl: Option<u8>,
}

/// The next packet that has come in, its bytes put here; `None`: no more has.
///
/// # Errors
///
/// Those of `recvmsg(2)`; an error that came back (`ECONNREFUSED`) is said once, and the next call goes
/// on.
pub fn receive(socket: impl AsFd, into: &mut [u8]) -> Result<Option<Received>, Errno> {
    let Some((length, name, control)) = take(socket.as_fd(), into, 0)? else { return Ok(None) };
    let (mut at, mut ttl) = (None, None);
    for message in control_messages(&control) {
        match (message.level, message.kind) {
            (libc::IPPROTO_IP, libc::IP_TTL) | (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => {
                ttl = number(message.data).map(|ttl| ttl as u8);
            }
            // struct in_pktinfo: interface, local address, destination of the header.
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => at = address_v4(message.data, 4),
            // struct in6_pktinfo: destination, interface.
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => at = address_v6(message.data, 0),
            _ => {}
        }
    }
    Ok(Some(Received { length, from: socket_address(&name), at, ttl }))
}

/// The next error that came back, and what it tells of the packet that failed put here; `None`: no more
/// has.
///
/// # Errors
///
/// Those of `recvmsg(2)`.
pub fn failure(socket: impl AsFd, into: &mut [u8]) -> Result<Option<Failure>, Errno> {
    loop {
        let taken = take(socket.as_fd(), into, libc::MSG_ERRQUEUE)?;
        let Some((length, name, control)) = taken else { return Ok(None) };
        let is_error = |message: &Control<'_>| {
            matches!(
                (message.level, message.kind),
                (libc::IPPROTO_IP, libc::IP_RECVERR) | (libc::IPPROTO_IPV6, libc::IPV6_RECVERR)
            )
        };
        let error = control_messages(&control).find(is_error);
        if let Some((errno, origin)) = error.and_then(|message| extended_error(message.data)) {
            return Ok(Some(Failure { errno, origin, length, to: socket_address(&name) }));
        }
    }
}

/// Sends a packet.
///
/// # Errors
///
/// Those of `sendmsg(2)`; `EINVAL` for a source address that is none, such as that of a broadcast.
pub fn send(socket: impl AsFd, bytes: &[u8], to: SocketAddr, manner: Manner) -> Result<(), Errno> {
    let mut control = Vec::new();
    match manner.from {
        Some(IpAddr::V4(from)) => {
            let info = [[0; 4], from.octets(), [0; 4]].concat();
            push(&mut control, libc::IPPROTO_IP, libc::IP_PKTINFO, &info);
        }
        Some(IpAddr::V6(from)) => {
            let info = [&from.octets()[..], &[0; 4]].concat();
            push(&mut control, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info);
        }
        None => {}
    }
    if let Some(ttl) = manner.ttl {
        // An IPv6 socket sends to `::ffff:10.0.0.1` as IPv4 would.
        let (level, kind) = match to.ip().to_canonical() {
            IpAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_TTL),
            IpAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT),
        };
        push(&mut control, level, kind, &libc::c_int::from(ttl).to_ne_bytes());
    }
    sys::send_message(socket.as_fd(), &mut name(to), bytes, &mut control)
}

/// What is taken off a socket at once: the length of the bytes, the name, and the control messages.
type Taken = (usize, Vec<u8>, Vec<u8>);

fn take(
    socket: BorrowedFd<'_>,
    into: &mut [u8],
    flags: libc::c_int,
) -> Result<Option<Taken>, Errno> {
    let (mut name, mut control) = ([0; NAME], [0; CONTROL]);
    let flags = flags | libc::MSG_DONTWAIT;
    loop {
        match sys::receive_message(socket, &mut name, into, &mut control, flags) {
            Ok(lengths) => {
                let name = name[..lengths.name.min(NAME)].to_vec();
                let control = control[..lengths.control.min(CONTROL)].to_vec();
                return Ok(Some((lengths.bytes.min(into.len()), name, control)));
            }
            Err(Errno::AGAIN) => return Ok(None),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
}

/// A control message.
#[derive(Debug, PartialEq, Eq)]
struct Control<'a> {
    level: libc::c_int,
    kind: libc::c_int,
    data: &'a [u8],
}

/// The header of a control message, `struct cmsghdr`: length (with the header), level, type.
const HEADER: usize = size_of::<libc::cmsghdr>();
/// `CMSG_ALIGN`: each begins where a word does.
const WORD: usize = size_of::<usize>();

/// The control messages in a buffer; what is cut off is left out.
fn control_messages(mut rest: &[u8]) -> impl Iterator<Item = Control<'_>> {
    std::iter::from_fn(move || {
        let header = rest.get(..HEADER)?;
        let (length, words) = header.split_first_chunk()?;
        let length = usize::from_ne_bytes(*length);
        let data = rest.get(HEADER..length)?;
        let control = Control { level: number(words)?, kind: number(&words[4..])?, data };
        rest = rest.get(length.next_multiple_of(WORD)..).unwrap_or_default();
        Some(control)
    })
}

fn push(control: &mut Vec<u8>, level: libc::c_int, kind: libc::c_int, data: &[u8]) {
    control.extend((HEADER + data.len()).to_ne_bytes());
    control.extend(level.to_ne_bytes());
    control.extend(kind.to_ne_bytes());
    control.extend(data);
    control.resize(control.len().next_multiple_of(WORD), 0);
}

fn number(bytes: &[u8]) -> Option<libc::c_int> {
    bytes.first_chunk().map(|bytes| libc::c_int::from_ne_bytes(*bytes))
}

fn address_v4(bytes: &[u8], at: usize) -> Option<IpAddr> {
    let octets: [u8; 4] = *bytes.get(at..)?.first_chunk()?;
    Some(IpAddr::V4(Ipv4Addr::from(octets)))
}

fn address_v6(bytes: &[u8], at: usize) -> Option<IpAddr> {
    let octets: [u8; 16] = *bytes.get(at..)?.first_chunk()?;
    Some(IpAddr::V6(Ipv6Addr::from(octets)))
}

/// A `sockaddr_in` or `sockaddr_in6`: family, port; of IPv6 the flow, the address and the zone, too.
fn socket_address(bytes: &[u8]) -> Option<SocketAddr> {
    let family = libc::sa_family_t::from_ne_bytes(*bytes.first_chunk()?);
    let port = u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?);
    match libc::c_int::from(family) {
        libc::AF_INET => Some(SocketAddr::new(address_v4(bytes, 4)?, port)),
        libc::AF_INET6 => {
            let IpAddr::V6(address) = address_v6(bytes, 8)? else { return None };
            let zone = u32::from_ne_bytes(*bytes.get(24..)?.first_chunk()?);
            Some(SocketAddr::V6(SocketAddrV6::new(address, port, 0, zone)))
        }
        _ => None,
    }
}

fn name(of: SocketAddr) -> Vec<u8> {
    let family = if of.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    let mut name = (family as libc::sa_family_t).to_ne_bytes().to_vec();
    name.extend(of.port().to_be_bytes());
    match of {
        SocketAddr::V4(v4) => {
            name.extend(v4.ip().octets());
            name.resize(size_of::<libc::sockaddr_in>(), 0);
        }
        SocketAddr::V6(v6) => {
            name.extend(v6.flowinfo().to_be_bytes());
            name.extend(v6.ip().octets());
            name.extend(v6.scope_id().to_ne_bytes());
        }
    }
    name
}

/// `struct sock_extended_err`: errno, origin, type, code, and the address of who sent it behind it.
fn extended_error(bytes: &[u8]) -> Option<(Errno, Origin)> {
    let errno = Errno::from_raw_os_error(number(bytes)?);
    let (origin, kind, code) = (*bytes.get(4)?, *bytes.get(5)?, *bytes.get(6)?);
    let by = bytes.get(size_of::<libc::sock_extended_err>()..).and_then(socket_address);
    let by = by.map(|by| by.ip().to_canonical());
    let origin = match origin {
        libc::SO_EE_ORIGIN_ICMP => Origin::Icmp { kind, code, by },
        libc::SO_EE_ORIGIN_ICMP6 => Origin::Icmpv6 { kind, code, by },
        _ => Origin::Local,
    };
    Some((errno, origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_come_back() {
        for text in ["10.0.0.1:7", "[fd00::2]:33434", "[fe80::1%3]:9"] {
            let address: SocketAddr = text.parse().unwrap();
            assert_eq!(socket_address(&name(address)), Some(address));
        }
        assert_eq!(socket_address(&[]), None);
        assert_eq!(socket_address(&name("10.0.0.1:7".parse().unwrap())[..7]), None);
    }

    #[cfg(all(target_endian = "little", target_pointer_width = "64"))]
    #[test]
    fn an_error_as_the_kernel_puts_it() {
        // cmsghdr: 48 bytes, SOL_IP, IP_RECVERR; ECONNREFUSED, by ICMP 3/3, from 10.0.0.2.
        let bytes = [
            48, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11, 0, 0, 0, 111, 0, 0, 0, 2, 3, 3, 0, 0, 0, 0, 0,
            0, 0, 0, 0, 2, 0, 0, 0, 10, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        let messages: Vec<Control<'_>> = control_messages(&bytes).collect();
        let [message] = &messages[..] else { panic!("{messages:?}") };
        assert_eq!((message.level, message.kind), (libc::IPPROTO_IP, libc::IP_RECVERR));
        let by = Some(IpAddr::from([10, 0, 0, 2]));
        let origin = Origin::Icmp { kind: 3, code: 3, by };
        assert_eq!(extended_error(message.data), Some((Errno::CONNREFUSED, origin)));
    }

    #[test]
    fn control_messages_begin_at_words() {
        let mut control = Vec::new();
        push(&mut control, 1, 2, &[1, 2, 3, 4]);
        push(&mut control, 3, 4, &[5]);
        assert_eq!(control.len() % WORD, 0);
        let expected = [
            Control { level: 1, kind: 2, data: &[1, 2, 3, 4] },
            Control { level: 3, kind: 4, data: &[5] },
        ];
        assert_eq!(control_messages(&control).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_cut_off_is_left_out() {
        let mut control = Vec::new();
        push(&mut control, 1, 2, &[1, 2, 3, 4]);
        for length in 0..HEADER + 4 {
            assert_eq!(control_messages(&control[..length]).count(), 0, "of {length} bytes");
        }
        let endless = [0; HEADER];
        assert_eq!(control_messages(&endless).count(), 0);
    }
}
