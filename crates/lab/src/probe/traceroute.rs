//! By which routers a packet goes: packets with a TTL of 1, 2, 3 …
//!
//! Packets of one TTL go out together. Those of the next follow as soon as these are answered, or
//! have not been for a little while: so a silent router costs no more than that, and the destination
//! gets few packets that it need not. (It does not answer many: see `icmp_ratelimit` in `icmp(7)`.)

use std::net::{IpAddr, SocketAddr};
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use serde::{Deserialize, Serialize};
use twinax_kernel::{Error, Netns, udp};
use twinax_topology::{Told, TraceMethod};

use super::exchange::{Answer, Exchange, Medium, or_told};
use super::flight::{self, Flight};
use super::ping::{Echo, EchoSocket};
use super::report::EchoReport;
use super::told::told_by_failure;
use super::udp::UdpSocket;

/// What is traced, and how.
#[derive(Debug, Clone)]
pub struct Trace<'a> {
    /// The node's namespace.
    pub netns: &'a Netns,
    /// The destination.
    pub to: IpAddr,
    /// What is sent.
    pub method: TraceMethod,
    /// How many packets of each TTL, at least 1.
    pub probes: u8,
    /// The largest TTL that is tried.
    pub max_hops: u8,
    /// How long to wait for the answer to each.
    pub timeout: Duration,
}

/// What became of the packets of one TTL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// The TTL, from 1.
    pub ttl: u8,
    /// For each packet who answered; `None`: nobody did.
    pub answers: Vec<Option<HopAnswer>>,
}

/// Who answered a packet of one TTL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HopAnswer {
    /// Who; `None`: the sender's own kernel, as the result of the call.
    pub by: Option<IpAddr>,
    /// Whether the packet has reached the destination.
    pub reached: bool,
    /// What was told other than that the TTL had run out: by a router that has no way, say.
    pub told: Option<Told>,
    /// From the packet's sending to its answer.
    pub time: Duration,
}

impl Hop {
    /// Whether a packet has reached the destination.
    pub fn is_reached(&self) -> bool {
        self.answers.iter().flatten().any(|answer| answer.reached)
    }

    /// Whether somebody answered who is not the sender's own kernel.
    pub fn is_answered(&self) -> bool {
        self.answers.iter().flatten().any(|answer| answer.by.is_some())
    }

    /// Whether nobody answered.
    pub fn is_silent(&self) -> bool {
        self.answers.iter().all(Option::is_none)
    }
}

/// The hops, in the order of their TTL. They end with the first at which a packet reached the destination
/// or something else was told than that the TTL had run out; silent ones at the end are left out.
pub fn trace(asked: &Trace<'_>) -> Result<Vec<Hop>, Error> {
    let mut traces = match asked.method {
        TraceMethod::Icmp => flight::all(std::slice::from_ref(asked), |asked| {
            asked.netns.enter()?;
            let echo = Echo::one(asked.netns, asked.to, asked.timeout);
            Ok(Tracing::begin(asked, or_told(EchoSocket::open(&echo))?))
        })?,
        TraceMethod::Udp { port } => flight::all(std::slice::from_ref(asked), |asked| {
            asked.netns.enter()?;
            let socket = or_told(udp::socket(asked.to, None))?;
            let socket = socket.map(|socket| PortSocket {
                socket: UdpSocket::over(socket, PAYLOAD.len()),
                to: asked.to,
                first: port,
            });
            Ok(Tracing::begin(asked, socket))
        })?,
    };
    Ok(traces.pop().unwrap_or_default())
}

/// How long packets of one TTL have before those of the next follow; besides, twice as long as the
/// slowest answer so far took.
const PATIENCE: Duration = Duration::from_millis(30);

/// A trace under way.
struct Tracing<'a, M> {
    asked: &'a Trace<'a>,
    exchange: Exchange<M>,
    /// When those of the last TTL went out.
    last: Instant,
}

impl<'a, M: Medium> Tracing<'a, M> {
    fn begin(asked: &'a Trace<'a>, medium: Result<M, Told>) -> Self {
        Self { asked, exchange: Exchange::over(medium), last: Instant::now() }
    }

    /// The last TTL of which packets have been sent.
    fn tried(&self) -> u8 {
        self.ttl_of(self.exchange.sent())
    }

    fn ttl_of(&self, sequence: u16) -> u8 {
        sequence.div_ceil(self.asked.probes.into()) as u8
    }

    /// The numbers of the packets of the TTLs up to this.
    fn numbers_to(&self, ttl: u8) -> u16 {
        u16::from(ttl) * u16::from(self.asked.probes)
    }

    /// The last TTL that is of interest, as far as is known.
    fn end(&self) -> u8 {
        let report = self.exchange.so_far();
        let ends = report.words.iter().filter(|word| is_end(word.told)).map(|word| word.sequence);
        let first = report.replies.iter().map(|reply| reply.sequence).chain(ends).min();
        first.map_or(self.asked.max_hops, |sequence| self.ttl_of(sequence).min(self.asked.max_hops))
    }

    /// When packets of the next TTL are to follow; `None`: there is no next.
    fn next(&self) -> Option<Instant> {
        let tried = self.tried();
        if tried >= self.end() {
            return None;
        }
        let numbers = self.numbers_to(tried.saturating_sub(1)) + 1..=self.numbers_to(tried);
        let open = tried > 0 && self.exchange.awaited(numbers, self.asked.timeout).is_some();
        let report = self.exchange.so_far();
        let times = report.replies.iter().map(|reply| reply.time);
        let slowest = times.chain(report.words.iter().map(|word| word.time)).max();
        let patience = PATIENCE + 2 * slowest.unwrap_or_default();
        Some(if open { self.last + patience } else { self.last })
    }
}

/// Whether what is told ends the way.
fn is_end(told: Told) -> bool {
    !matches!(told, Told::TtlExceeded | Told::Redirect)
}

impl<M: Medium> Flight for Tracing<'_, M> {
    type Report = Vec<Hop>;

    fn go_on(&mut self) -> Result<(), Error> {
        self.exchange.receive()?;
        if self.next().is_some_and(|due| due <= Instant::now()) {
            self.last = Instant::now();
            let ttl = self.tried() + 1;
            for _ in 0..self.asked.probes {
                self.exchange.send(Some(ttl));
            }
            self.exchange.receive()?;
        }
        Ok(())
    }

    fn due(&self) -> Option<Instant> {
        let awaited = || {
            let numbers = 1..=self.numbers_to(self.end());
            self.exchange.awaited(numbers, self.asked.timeout)
        };
        self.next().or_else(awaited)
    }

    fn waits_for(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        self.exchange.waits_for()
    }

    fn report(self) -> Vec<Hop> {
        let end = self.end().min(self.tried());
        let (probes, to) = (u16::from(self.asked.probes), self.asked.to);
        let report = self.exchange.report();
        let hop = |ttl: u8| {
            let first = (u16::from(ttl) - 1) * probes + 1;
            let answers = (first..first + probes).map(|sequence| answer(&report, sequence, to));
            Hop { ttl, answers: answers.collect() }
        };
        let mut hops: Vec<Hop> = (1..=end).map(hop).collect();
        while hops.last().is_some_and(Hop::is_silent) {
            hops.pop();
        }
        hops
    }
}

/// What became of one packet.
fn answer(report: &EchoReport, sequence: u16, to: IpAddr) -> Option<HopAnswer> {
    if let Some(reply) = report.replies.iter().find(|reply| reply.sequence == sequence) {
        return Some(HopAnswer { by: Some(to), reached: true, told: None, time: reply.time });
    }
    let words = report.words.iter().filter(|word| word.sequence == sequence);
    let word = words.min_by_key(|word| word.told == Told::Redirect)?;
    let told = Some(word.told).filter(|told| is_end(*told));
    (word.told != Told::Redirect).then_some(HopAnswer {
        by: word.from,
        reached: false,
        told,
        time: word.time,
    })
}

/// What the datagrams carry, as those of `traceroute(8)`: what it is does not matter.
const PAYLOAD: [u8; 32] = *b"@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_";

/// A socket for datagrams to ports on which nobody is expected to listen, each to a port of its own, by
/// which the errors that come back tell of which they are.
struct PortSocket {
    socket: UdpSocket,
    to: IpAddr,
    first: u16,
}

impl PortSocket {
    fn sequence_of(&self, port: u16) -> Option<u16> {
        port.checked_sub(self.first)?.checked_add(1)
    }
}

impl Medium for PortSocket {
    fn socket(&self) -> BorrowedFd<'_> {
        self.socket.fd()
    }

    fn send(&mut self, sequence: u16, ttl: Option<u8>) -> Result<(), Told> {
        let port = self.first.checked_add(sequence - 1).ok_or(Told::InvalidArgument)?;
        self.socket.send(&PAYLOAD, SocketAddr::new(self.to, port), ttl)
    }

    /// That the destination itself tells of the port is its answer; and so is what a program there says
    /// that does listen.
    fn next_answer(&mut self) -> Result<Option<Answer>, Error> {
        while let Some((received, _)) = self.socket.next_datagram()? {
            if let Some(from) = received.from.filter(|from| from.ip() == self.to)
                && let Some(sequence) = self.sequence_of(from.port())
            {
                return Ok(Some(Answer::Reply { sequence, ttl: received.ttl }));
            }
        }
        while let Some((failure, _)) = self.socket.next_failure()? {
            let sequence = failure.to.and_then(|to| self.sequence_of(to.port()));
            if let (Some((told, from)), Some(sequence)) = (told_by_failure(&failure), sequence) {
                let reached = told == Told::PortUnreachable && from == Some(self.to);
                return Ok(Some(match reached {
                    true => Answer::Reply { sequence, ttl: None },
                    false => Answer::Error { sequence, told, from },
                }));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::super::exchange::tests::Script;
    use super::*;

    const TO: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 9, 9));

    fn router(number: u8) -> Option<IpAddr> {
        Some(IpAddr::from([10, 0, number, 1]))
    }

    /// What a trace gives, with so many packets of each TTL, over a medium of these answers.
    fn traced(
        probes: u8,
        max_hops: u8,
        answers: impl FnMut(u16, Option<u8>) -> Vec<Answer>,
    ) -> Vec<Hop> {
        let netns = Netns::open(std::path::Path::new("/proc/thread-self/ns/net")).unwrap();
        let method = TraceMethod::Icmp;
        let timeout = Duration::from_millis(50);
        let asked = Trace { netns: &netns, to: TO, method, probes, max_hops, timeout };
        let mut tracing = Tracing::begin(&asked, Ok(Script::new(answers)));
        loop {
            tracing.go_on().unwrap();
            if tracing.due().is_none() {
                return tracing.report();
            }
        }
    }

    fn by(hops: &[Hop]) -> Vec<Vec<Option<IpAddr>>> {
        let by = |hop: &Hop| {
            hop.answers.iter().map(|answer| answer.as_ref().and_then(|own| own.by)).collect()
        };
        hops.iter().map(by).collect()
    }

    fn exceeded(sequence: u16, number: u8) -> Answer {
        Answer::Error { sequence, told: Told::TtlExceeded, from: router(number) }
    }

    #[test]
    fn it_ends_at_the_destination_and_sends_nothing_beyond() {
        let mut most = 0;
        let hops = traced(2, 30, |sequence, ttl| {
            most = most.max(sequence);
            match ttl {
                Some(ttl @ 1..=2) => vec![exceeded(sequence, ttl)],
                _ => vec![Answer::Reply { sequence, ttl: None }],
            }
        });
        assert_eq!(by(&hops), [[router(1); 2], [router(2); 2], [Some(TO); 2]]);
        assert!(hops[2].is_reached() && !hops[1].is_reached());
        assert_eq!(most, 6);
    }

    #[test]
    fn silent_hops_stand_in_between_and_not_at_the_end() {
        let hops = traced(1, 4, |sequence, ttl| match ttl {
            Some(2) => vec![exceeded(sequence, 2)],
            _ => Vec::new(),
        });
        assert_eq!(by(&hops), [[None], [router(2)]]);
        assert!(hops[0].is_silent());
        assert!(traced(3, 2, |_, _| Vec::new()).is_empty());
    }

    #[test]
    fn several_ways_are_told_and_the_first_end_counts() {
        let hops = traced(2, 30, |sequence, ttl| match (ttl, sequence % 2) {
            (Some(1), _) => vec![exceeded(sequence, 1)],
            (Some(2), 1) => vec![exceeded(sequence, 2)],
            (_, _) => vec![Answer::Error { sequence, told: Told::Filtered, from: router(3) }],
        });
        assert_eq!(by(&hops), [[router(1), router(1)], [router(2), router(3)]]);
        let told: Vec<_> =
            hops[1].answers.iter().map(|answer| answer.and_then(|own| own.told)).collect();
        assert_eq!(told, [None, Some(Told::Filtered)]);
    }

    #[test]
    fn a_redirect_is_no_answer() {
        let hops = traced(1, 2, |sequence, _| {
            vec![
                Answer::Error { sequence, told: Told::Redirect, from: router(7) },
                exceeded(sequence, 1),
            ]
        });
        assert_eq!(by(&hops), [[router(1)], [router(1)]]);
    }
}
