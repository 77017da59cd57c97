//! Echo requests (RFC 792, RFC 4443) over raw ICMP sockets.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use rustix::io::Errno;
use twinax_kernel::icmp::{self, IcmpOptions};
use twinax_kernel::message::{self, Manner};
use twinax_kernel::{Error, Netns, Rtnl};
use twinax_topology::{Ping, Told};

use super::exchange::{Answer, Exchange, Medium, or_told};
use super::flight;
use super::icmp::{answer_v4, answer_v6, echo_request};
use super::report::EchoReport;
use super::series::{Pace, Series};
use super::told::told_by_kernel;

/// A series of echo requests from one node.
#[derive(Debug, Clone)]
pub struct Echo<'a> {
    /// The node's namespace.
    pub netns: &'a Netns,
    /// The destination.
    pub to: IpAddr,
    /// The interface that they leave by, whatever the route says.
    pub interface: Option<&'a str>,
    /// The source address.
    pub source: Option<IpAddr>,
    /// How many.
    pub count: u16,
    /// From one to the next.
    pub interval: Duration,
    /// How long to wait for the answer to the last one.
    pub timeout: Duration,
    /// The TTL (hop limit).
    pub ttl: Option<u8>,
    /// Bytes of payload.
    pub size: u16,
    /// Whether nobody may fragment them.
    pub dont_fragment: bool,
    /// Whether they are sent whatever has been learned of the way's MTU.
    pub probe_mtu: bool,
}

impl<'a> Echo<'a> {
    /// One echo request like any other.
    pub fn one(netns: &'a Netns, to: IpAddr, timeout: Duration) -> Self {
        Self {
            netns,
            to,
            interface: None,
            source: None,
            count: 1,
            interval: Ping::INTERVAL.0,
            timeout,
            ttl: None,
            size: Ping::SIZE,
            dont_fragment: false,
            probe_mtu: false,
        }
    }
}

/// Sends all series at once and waits until each is answered or has timed out. The reports are in
/// the order of the series.
pub fn ping(series: &[Echo<'_>]) -> Result<Vec<EchoReport>, Error> {
    flight::all(series, |echo| {
        echo.netns.enter()?;
        let medium = or_told(EchoSocket::open(echo))?;
        let Echo { count, interval, timeout, ttl, .. } = *echo;
        Ok(Series::begin(Exchange::over(medium), Pace { count, interval, timeout, ttl }))
    })
}

/// IDs of series: what comes in is told apart by them. Other processes have theirs.
static NEXT_ID: LazyLock<AtomicU16> =
    LazyLock::new(|| AtomicU16::new(RandomState::new().hash_one(()) as u16));

/// A raw ICMP socket for echo requests of one ID.
pub(super) struct EchoSocket {
    socket: OwnedFd,
    to: IpAddr,
    size: u16,
    id: u16,
}

impl EchoSocket {
    /// Opens one in the namespace of the calling thread.
    pub(super) fn open(echo: &Echo<'_>) -> Result<Self, Error> {
        let Echo { to, size, .. } = *echo;
        let interface = echo.interface.map(|name| Rtnl::open()?.index(name)).transpose()?;
        let options = IcmpOptions {
            interface,
            source: echo.source,
            dont_fragment: echo.dont_fragment,
            probe_mtu: echo.probe_mtu,
        };
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        Ok(Self { socket: icmp::socket(to, &options)?, to, size, id })
    }
}

impl Medium for EchoSocket {
    fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    fn send(&mut self, sequence: u16, ttl: Option<u8>) -> Result<(), Told> {
        let packet = echo_request(self.to.is_ipv4(), self.id, sequence, self.size.into());
        let manner = Manner { ttl, ..Manner::default() };
        // A full queue is for the kernel to empty; the request then counts as lost.
        match message::send(&self.socket, &packet, SocketAddr::new(self.to, 0), manner) {
            Ok(()) | Err(Errno::AGAIN) => Ok(()),
            Err(errno) => Err(told_by_kernel(errno).unwrap_or(Told::InvalidArgument)),
        }
    }

    fn next_answer(&mut self) -> Result<Option<Answer>, Error> {
        let mut packet = [0; 2048];
        loop {
            let received = match message::receive(&self.socket, &mut packet) {
                Ok(Some(received)) => received,
                Ok(None) => return Ok(None),
                // An error that waited on the socket; the next call gives the next packet.
                Err(errno) if told_by_kernel(errno).is_some() => continue,
                Err(errno) => {
                    return Err(Error::Call { call: "reading from an ICMP socket", errno });
                }
            };
            let (packet, from) = (&packet[..received.length], received.from.map(|from| from.ip()));
            let answer = match self.to {
                IpAddr::V4(_) => answer_v4(packet, self.id),
                IpAddr::V6(_) => answer_v6(packet, self.id, from, received.ttl),
            };
            if answer.is_some() {
                return Ok(answer);
            }
        }
    }
}
