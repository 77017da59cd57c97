//! Which sockets wait for what comes: TCP that listens, UDP that is bound (`sock_diag(7)`,
//! `linux/inet_diag.h`; where the kernel has none of that, `proc_pid_net(5)`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd as _;

use netlink_packet_core::NetlinkSerializable;
use netlink_sys::protocols::NETLINK_SOCK_DIAG;

use crate::attributes::{INET, INET6, Value, header, number};
use crate::error::{Error, errno};
use crate::netlink::{self, Socket};

/// The protocol of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// TCP (RFC 9293).
    Tcp,
    /// UDP (RFC 768).
    Udp,
}

impl Protocol {
    const ALL: [Self; 2] = [Self::Tcp, Self::Udp];

    /// `IPPROTO_…`.
    fn number(self) -> u8 {
        match self {
            Self::Tcp => libc::IPPROTO_TCP as u8,
            Self::Udp => libc::IPPROTO_UDP as u8,
        }
    }

    /// In which states one takes what nobody has announced: `TCP_LISTEN`; of UDP, `TCP_CLOSE`
    /// (bound) and `TCP_ESTABLISHED` (connected).
    fn states(self) -> &'static [u8] {
        match self {
            Self::Tcp => &[10],
            Self::Udp => &[7, 1],
        }
    }
}

/// A socket that waits for what comes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listening {
    /// Its protocol.
    pub protocol: Protocol,
    /// The address at which it waits; all zeros: any address.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// Of an IPv6 socket, whether it takes no IPv4 (`IPV6_V6ONLY`); `None`: it is one of IPv4, it is
    /// connected, or the kernel does not tell.
    pub v6only: Option<bool>,
    /// The device that it is bound to (`SO_BINDTODEVICE`), by name; `None`: to none, or the kernel
    /// does not tell.
    pub dev: Option<String>,
    /// The only one from whom it takes anything, where it is connected (UDP).
    pub peer: Option<SocketAddr>,
    /// What has come and nobody has taken yet: connections of TCP, bytes of UDP with what the
    /// kernel needs to keep them.
    pub queued: u32,
    /// How many connections may wait (`listen(2)`); `None`: it is not TCP, or the kernel does not
    /// tell.
    pub backlog: Option<u32>,
}

impl Listening {
    /// Whether it takes what comes to this address and port by this device, from whomever: so one
    /// that is connected does not. Where it is not known whether an IPv6 socket takes IPv4, it
    /// does, as by default.
    pub fn takes(&self, protocol: Protocol, to: SocketAddr, dev: Option<&str>) -> bool {
        let at_address = match (self.address, to.ip()) {
            (IpAddr::V4(own), IpAddr::V4(to)) => own.is_unspecified() || own == to,
            (IpAddr::V6(own), IpAddr::V6(to)) => own.is_unspecified() || own == to,
            (IpAddr::V6(own), IpAddr::V4(to)) => {
                let takes_v4 = own.is_unspecified() && self.v6only != Some(true);
                takes_v4
                    || own.to_ipv4_mapped().is_some_and(|own| own == to || own.is_unspecified())
            }
            (IpAddr::V4(_), IpAddr::V6(_)) => false,
        };
        let by_device = self.dev.is_none() || dev.is_none() || self.dev.as_deref() == dev;
        let by_anybody = self.peer.is_none();
        self.protocol == protocol && self.port == to.port() && at_address && by_device && by_anybody
    }
}

/// Whether one of these takes what comes to an address and port: see [`Listening::takes`].
pub fn listens(
    sockets: &[Listening],
    protocol: Protocol,
    to: SocketAddr,
    dev: Option<&str>,
) -> bool {
    sockets.iter().any(|socket| socket.takes(protocol, to, dev))
}

/// The sockets of the namespace of the calling thread that wait for what comes, in order.
///
/// # Errors
///
/// A broken socket, or a file that can't be read. What the kernel does not have (IPv6) is none.
pub fn sockets() -> Result<Vec<Listening>, Error> {
    let mut socket = match Socket::open(NETLINK_SOCK_DIAG) {
        Ok(socket) => socket,
        // A kernel without CONFIG_INET_DIAG.
        Err(Error::Call { .. }) => return sockets_of_files(),
        Err(error) => return Err(error),
    };
    each(|protocol, family| match by_netlink(&mut socket, protocol, family)? {
        Some(told) => Ok(told),
        None => by_file(protocol, family),
    })
}

/// The same as [`sockets`], as far as every kernel tells it, with or without `sock_diag(7)`.
///
/// # Errors
///
/// A file that can't be read.
pub fn sockets_of_files() -> Result<Vec<Listening>, Error> {
    each(by_file)
}

fn each(
    mut of: impl FnMut(Protocol, u8) -> Result<Vec<Listening>, Error>,
) -> Result<Vec<Listening>, Error> {
    let mut sockets = Vec::new();
    for protocol in Protocol::ALL {
        for family in [INET, INET6] {
            sockets.append(&mut of(protocol, family)?);
        }
    }
    sockets.sort();
    Ok(sockets)
}

/// `SOCK_DIAG_BY_FAMILY`, `linux/sock_diag.h`.
const BY_FAMILY: u16 = 20;
/// `INET_DIAG_SKV6ONLY`, `linux/inet_diag.h`.
const V6ONLY: u16 = 11;

/// `struct inet_diag_req_v2` for all sockets of a family and protocol in some states.
struct Question {
    family: u8,
    protocol: Protocol,
}

impl NetlinkSerializable for Question {
    fn message_type(&self) -> u16 {
        BY_FAMILY
    }

    fn buffer_len(&self) -> usize {
        // Family, protocol, extensions and padding, states, then a struct inet_diag_sockid.
        4 + 4 + 48
    }

    fn serialize(&self, buffer: &mut [u8]) {
        let states = self.protocol.states().iter().fold(0_u32, |states, state| states | 1 << state);
        buffer.fill(0);
        buffer[0] = self.family;
        buffer[1] = self.protocol.number();
        buffer[4..8].copy_from_slice(&states.to_ne_bytes());
    }
}

/// `None`: the kernel has no diagnosis of this protocol.
fn by_netlink(
    socket: &mut Socket,
    protocol: Protocol,
    family: u8,
) -> Result<Option<Vec<Listening>>, Error> {
    let mut answer = Vec::new();
    match socket.dump_raw("listing sockets", &Question { family, protocol }, &mut answer) {
        Ok(()) => {}
        Err(Error::Refused { .. }) => return Ok(None),
        Err(error) => return Err(error),
    }
    let name = |index| {
        rustix::net::netdevice::index_to_name(socket.as_fd(), index)
            .unwrap_or_else(|_| format!("if{index}"))
    };
    let told = netlink::messages(&answer)
        .filter(|(header, _)| header.message_type == BY_FAMILY)
        .filter_map(|(_, message)| told(message, protocol, name));
    Ok(Some(told.collect()))
}

/// `struct inet_diag_msg` and its attributes.
fn told(message: &[u8], protocol: Protocol, name: impl Fn(u32) -> String) -> Option<Listening> {
    // Family, state, timer, retransmissions; ports and addresses (from 4 on), device, cookie;
    // expiry, queues, owner, inode.
    let (header, mut attributes) = header::<72>(message)?;
    let port = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let address = |at: usize| match header[0] {
        INET => Value(&header[at..at + 4]).ip(),
        INET6 => Value(&header[at..at + 16]).ip(),
        _ => None,
    };
    let (own, other) =
        (SocketAddr::new(address(8)?, port(4)), SocketAddr::new(address(24)?, port(6)));
    let index = number(header, 40);
    Some(Listening {
        protocol,
        address: own.ip(),
        port: own.port(),
        v6only: attributes
            .find(|(kind, _)| *kind == V6ONLY)
            .and_then(|(_, v)| v.u8())
            .map(|v| v != 0),
        dev: (index != 0).then(|| name(index)),
        peer: (other.port() != 0).then_some(other),
        queued: number(header, 56),
        backlog: (protocol == Protocol::Tcp).then(|| number(header, 60)),
    })
}

/// The table of a protocol that every kernel has.
fn by_file(protocol: Protocol, family: u8) -> Result<Vec<Listening>, Error> {
    let name = match (protocol, family) {
        (Protocol::Tcp, INET) => "tcp",
        (Protocol::Tcp, _) => "tcp6",
        (Protocol::Udp, INET) => "udp",
        (Protocol::Udp, _) => "udp6",
    };
    let path = format!("/proc/thread-self/net/{name}");
    match std::fs::read_to_string(&path) {
        Ok(table) => Ok(table.lines().skip(1).filter_map(|line| listed(line, protocol)).collect()),
        // A kernel without the family.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && family == INET6 => {
            Ok(Vec::new())
        }
        Err(error) => Err(Error::File { call: "reading", path: path.into(), errno: errno(&error) }),
    }
}

/// A line of such a table: number, own address, the other's, state, both queues, and more.
fn listed(line: &str, protocol: Protocol) -> Option<Listening> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let (own, other) = (end(fields.next()?)?, end(fields.next()?)?);
    let state = u8::from_str_radix(fields.next()?, 16).ok()?;
    let (_, queued) = fields.next()?.split_once(':')?;
    protocol.states().contains(&state).then_some(())?;
    Some(Listening {
        protocol,
        address: own.ip(),
        port: own.port(),
        v6only: None,
        dev: None,
        peer: (other.port() != 0).then_some(other),
        queued: u32::from_str_radix(queued, 16).ok()?,
        backlog: None,
    })
}

/// `0100007F:0050`: an address as numbers of four bytes, each in this machine's byte order, and a
/// port.
fn end(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let mut bytes = [0; 16];
    let length = address.len() / 2;
    let whole = matches!(length, 4 | 16) && address.is_ascii();
    for (place, digits) in address.as_bytes().chunks(8).enumerate().take_while(|_| whole) {
        let digits = std::str::from_utf8(digits).ok()?;
        let number = u32::from_str_radix(digits, 16).ok()?;
        bytes[4 * place..4 * place + 4].copy_from_slice(&number.to_ne_bytes());
    }
    let address = match length {
        4 => Ipv4Addr::from(*bytes.first_chunk()?).into(),
        16 => Ipv6Addr::from(bytes).into(),
        _ => return None,
    };
    Some(SocketAddr::new(address, u16::from_str_radix(port, 16).ok()?))
}
