//! Echo requests from many nodes at once, on one thread.
//!
//! A socket stays in the namespace in which it was opened, so one thread opens one in each node in
//! turn and then waits for all of them together: a hundred pings take as long as the slowest.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recvfrom, sendto};
use serde::{Deserialize, Serialize};
use twinax_kernel::icmp::{self, IcmpOptions};
use twinax_kernel::{Error, Netns, Rtnl};
use twinax_topology::{Ping, Told};

use super::icmp::{Answer, answer_v4, answer_v6, echo_request};
use crate::nodes::on_own_thread;

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
        }
    }
}

/// An echo reply.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// The number of the request, from 1.
    pub sequence: u16,
    /// From the request's sending to its reply.
    pub time: Duration,
    /// The reply's TTL when it came in; known for IPv4 only.
    pub ttl: Option<u8>,
}

/// What the sender was told about one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// The number of the request, from 1.
    pub sequence: u16,
    /// What it was told.
    pub told: Told,
    /// By whom; `None`: by its own kernel, as the result of the call.
    pub from: Option<IpAddr>,
}

/// What became of a series of echo requests.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EchoReport {
    /// How many were sent, those that the kernel refused included.
    pub sent: u16,
    /// The replies, the first for each request, in the order in which they came.
    pub replies: Vec<Reply>,
    /// The errors, the first for each request, in the order in which they came.
    pub words: Vec<Word>,
    /// How many replies came more than once.
    pub duplicates: u16,
}

impl EchoReport {
    /// How many requests were answered.
    pub fn received(&self) -> u16 {
        self.replies.len() as u16
    }

    /// How many requests were not answered.
    pub fn lost(&self) -> u16 {
        self.sent - self.received()
    }
}

/// So many series are under way at once; each has a socket.
const AT_ONCE: usize = 512;

/// Sends all series at once and waits until each is answered or has timed out. The reports are in
/// the order of the series.
pub fn ping(series: &[Echo<'_>]) -> Result<Vec<EchoReport>, Error> {
    on_own_thread(|| {
        let mut reports = Vec::with_capacity(series.len());
        for some in series.chunks(AT_ONCE) {
            let flights: Result<Vec<_>, Error> = some.iter().map(Flight::open).collect();
            reports.extend(fly(flights?)?);
        }
        Ok(reports)
    })
}

/// A series under way.
struct Flight<'a> {
    echo: &'a Echo<'a>,
    id: u16,
    socket: Result<OwnedFd, Told>,
    sent_at: BTreeMap<u16, Instant>,
    next: Instant,
    report: EchoReport,
}

/// IDs of series: what comes in is told apart by them.
static NEXT_ID: AtomicU16 = AtomicU16::new(1);

impl<'a> Flight<'a> {
    fn open(echo: &'a Echo<'a>) -> Result<Self, Error> {
        echo.netns.enter()?;
        let interface = echo.interface.map(|name| Rtnl::open()?.index(name)).transpose();
        let socket = interface.and_then(|interface| {
            let options = IcmpOptions {
                interface,
                source: echo.source,
                ttl: echo.ttl,
                dont_fragment: echo.dont_fragment,
            };
            icmp::socket(echo.to, &options)
        });
        // An address or interface that is not there is an answer to the ping, not its end.
        let socket = match socket {
            Ok(socket) => Ok(socket),
            Err(error) => match error.errno().and_then(told_by_kernel) {
                Some(told) => Err(told),
                None => return Err(error),
            },
        };
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let (sent_at, report) = (BTreeMap::new(), EchoReport::default());
        Ok(Self { echo, id, socket, sent_at, next: Instant::now(), report })
    }

    /// When something is to be done without anything coming in; `None`: it is over.
    fn due(&self) -> Option<Instant> {
        if self.report.sent < self.echo.count {
            return Some(self.next);
        }
        let settled = |sequence: &u16| {
            self.report.replies.iter().any(|reply| reply.sequence == *sequence)
                || self
                    .report
                    .words
                    .iter()
                    .any(|word| word.sequence == *sequence && word.told != Told::Redirect)
        };
        if self.sent_at.keys().all(settled) {
            return None;
        }
        let last = self.sent_at.values().last()?;
        let deadline = *last + self.echo.timeout;
        (deadline > Instant::now()).then_some(deadline)
    }

    fn send_if_due(&mut self) {
        let now = Instant::now();
        if self.report.sent == self.echo.count || self.next > now {
            return;
        }
        self.report.sent += 1;
        self.next = now + self.echo.interval;
        let sequence = self.report.sent;
        self.sent_at.insert(sequence, now);
        let sent = match &self.socket {
            Ok(socket) => self.send(socket, sequence),
            Err(told) => Err(*told),
        };
        if let Err(told) = sent {
            self.report.words.push(Word { sequence, told, from: None });
        }
    }

    fn send(&self, socket: &OwnedFd, sequence: u16) -> Result<(), Told> {
        let Echo { to, size, .. } = *self.echo;
        let packet = echo_request(to.is_ipv4(), self.id, sequence, size.into());
        // A full queue is for the kernel to empty; the request then counts as lost.
        match sendto(socket, &packet, SendFlags::empty(), &SocketAddr::new(to, 0)) {
            Ok(_) | Err(Errno::AGAIN) => Ok(()),
            Err(errno) => Err(told_by_kernel(errno).unwrap_or(Told::InvalidArgument)),
        }
    }

    /// Takes in all that has come.
    fn receive(&mut self) -> Result<(), Error> {
        while let Some(answer) = self.next_answer()? {
            match answer {
                Answer::Reply { sequence, ttl } => self.report_reply(sequence, ttl),
                Answer::Error { sequence, told, from } => {
                    let known = self.report.words.iter().any(|word| word.sequence == sequence);
                    if !known && self.sent_at.contains_key(&sequence) {
                        self.report.words.push(Word { sequence, told, from });
                    }
                }
            }
        }
        Ok(())
    }

    /// The next packet that concerns this series; `None` when no more has come.
    fn next_answer(&self) -> Result<Option<Answer>, Error> {
        let Ok(socket) = &self.socket else { return Ok(None) };
        let mut packet = [0; 2048];
        loop {
            let (length, from) = match recvfrom(socket, &mut packet, RecvFlags::TRUNC) {
                Ok((_, length, from)) => (length.min(packet.len()), from),
                Err(Errno::AGAIN) => return Ok(None),
                Err(Errno::INTR) => continue,
                // An error that waited on the socket; the next call gives the next packet.
                Err(errno) if told_by_kernel(errno).is_some() => continue,
                Err(errno) => {
                    return Err(Error::Call { call: "reading from an ICMP socket", errno });
                }
            };
            let from = from.and_then(|from| SocketAddr::try_from(from).ok()).map(|from| from.ip());
            let answer = match self.echo.to {
                IpAddr::V4(_) => answer_v4(&packet[..length], self.id),
                IpAddr::V6(_) => answer_v6(&packet[..length], self.id, from),
            };
            if answer.is_some() {
                return Ok(answer);
            }
        }
    }

    fn report_reply(&mut self, sequence: u16, ttl: Option<u8>) {
        let Some(sent_at) = self.sent_at.get(&sequence) else { return };
        if self.report.replies.iter().any(|reply| reply.sequence == sequence) {
            self.report.duplicates += 1;
        } else {
            self.report.replies.push(Reply { sequence, time: sent_at.elapsed(), ttl });
        }
    }
}

fn fly(mut flights: Vec<Flight<'_>>) -> Result<Vec<EchoReport>, Error> {
    loop {
        for flight in &mut flights {
            flight.send_if_due();
            flight.receive()?;
        }
        let Some(due) = flights.iter().filter_map(Flight::due).min() else { break };
        let mut sockets: Vec<PollFd<'_>> = flights
            .iter()
            .filter(|flight| flight.due().is_some())
            .filter_map(|flight| Some(PollFd::new(flight.socket.as_ref().ok()?, PollFlags::IN)))
            .collect();
        let wait = due.saturating_duration_since(Instant::now());
        let wait = Timespec::try_from(wait).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 });
        match poll(&mut sockets, Some(&wait)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(Error::Call { call: "waiting for ICMP", errno }),
        }
    }
    Ok(flights.into_iter().map(|flight| flight.report).collect())
}

/// What an errno of `sendto` or `connect` tells the sender.
pub(super) fn told_by_kernel(errno: Errno) -> Option<Told> {
    Some(match errno {
        Errno::NETUNREACH => Told::NetworkIsUnreachable,
        Errno::HOSTUNREACH => Told::NoRouteToHost,
        Errno::ACCESS => Told::PermissionDenied,
        Errno::PERM => Told::NotPermitted,
        Errno::INVAL => Told::InvalidArgument,
        Errno::MSGSIZE => Told::MessageTooLong,
        Errno::NETDOWN => Told::NetworkIsDown,
        Errno::ADDRNOTAVAIL => Told::CannotAssignAddress,
        Errno::NODEV | Errno::NXIO => Told::NoSuchDevice,
        Errno::NOBUFS => Told::NoBufferSpace,
        Errno::CONNREFUSED => Told::ConnectionRefused,
        Errno::CONNRESET => Told::ConnectionReset,
        Errno::TIMEDOUT => Told::TimedOut,
        _ => return None,
    })
}
