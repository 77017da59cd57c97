//! Datagrams that the other side is to send back (RFC 862).

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use twinax_kernel::message::{self, Failure, Manner, Received};
use twinax_kernel::{Error, Netns, udp};
use twinax_topology::{Told, Udp};

use super::exchange::{Answer, Exchange, Medium, or_told};
use super::flight;
use super::report::EchoReport;
use super::series::{Pace, Series};
use super::told::{told_by_failure, told_by_kernel};

/// A series of datagrams from one node.
#[derive(Debug, Clone)]
pub struct UdpEcho<'a> {
    /// The node's namespace.
    pub netns: &'a Netns,
    /// The destination.
    pub to: SocketAddr,
    /// The port that they come from.
    pub source_port: Option<u16>,
    /// How many.
    pub count: u16,
    /// From one to the next.
    pub interval: Duration,
    /// How long to wait for the answer to the last one.
    pub timeout: Duration,
    /// The TTL (hop limit).
    pub ttl: Option<u8>,
    /// Bytes of payload, at least [`Udp::LEAST`].
    pub size: u16,
}

/// Sends all series at once and waits until each is answered or has timed out. The reports are in
/// the order of the series.
pub fn udp_echo(series: &[UdpEcho<'_>]) -> Result<Vec<EchoReport>, Error> {
    flight::all(series, |echo| {
        echo.netns.enter()?;
        let payload = Payload::new(echo.size);
        let socket = udp::socket(echo.to.ip(), echo.source_port);
        let medium = or_told(socket.map(|socket| EchoSocket {
            // One byte more than is sent: what is longer is no answer.
            socket: UdpSocket::over(socket, usize::from(echo.size) + 1),
            to: echo.to,
            payload,
            latest: 0,
        }))?;
        let UdpEcho { count, interval, timeout, ttl, .. } = *echo;
        Ok(Series::begin(Exchange::over(medium), Pace { count, interval, timeout, ttl }))
    })
}

/// A UDP socket. The errors that came back are kept apart from what comes.
pub(super) struct UdpSocket {
    socket: OwnedFd,
    failures: VecDeque<(Failure, Vec<u8>)>,
    room: Vec<u8>,
}

/// How often a packet is sent anew because the call told of another that had failed.
const ATTEMPTS: usize = 16;

impl UdpSocket {
    /// With room for datagrams of this length; the rest of longer ones is lost.
    pub(super) fn over(socket: OwnedFd, length: usize) -> Self {
        Self { socket, failures: VecDeque::new(), room: vec![0; length] }
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Sends a datagram. While an error that came back waits to be told, the kernel tells it in the
    /// place of sending (`ip(7)`): then it is sent again.
    pub(super) fn send(
        &mut self,
        payload: &[u8],
        to: SocketAddr,
        ttl: Option<u8>,
    ) -> Result<(), Told> {
        let manner = Manner { ttl, ..Manner::default() };
        for attempt in 1.. {
            let errno = match message::send(&self.socket, payload, to, manner) {
                // A full queue is for the kernel to empty; the datagram then counts as lost.
                Ok(()) | Err(Errno::AGAIN) => return Ok(()),
                Err(errno) => errno,
            };
            let another_failed = matches!(self.read_failures(), Ok(1..));
            if !another_failed || attempt == ATTEMPTS {
                return Err(told_by_kernel(errno).unwrap_or(Told::InvalidArgument));
            }
        }
        Ok(())
    }

    /// Takes in the errors that came back; how many there were.
    fn read_failures(&mut self) -> Result<usize, Error> {
        let mut bytes = [0; 2048];
        let mut count = 0;
        let call = "reading the errors of a UDP socket";
        while let Some(failure) =
            message::failure(&self.socket, &mut bytes).map_err(Error::call(call))?
        {
            if told_by_failure(&failure).is_some() {
                self.failures.push_back((failure, bytes[..failure.length].to_vec()));
                count += 1;
            }
        }
        Ok(count)
    }

    /// The next error that came back, with what it tells of the payload that failed.
    pub(super) fn next_failure(&mut self) -> Result<Option<(Failure, Vec<u8>)>, Error> {
        if self.failures.is_empty() {
            self.read_failures()?;
        }
        Ok(self.failures.pop_front())
    }

    /// The next datagram that has come, and its payload.
    pub(super) fn next_datagram(&mut self) -> Result<Option<(Received, &[u8])>, Error> {
        loop {
            match message::receive(&self.socket, &mut self.room) {
                Ok(received) => {
                    return Ok(received.map(|received| (received, &self.room[..received.length])));
                }
                // It is told by `next_failure`; the next call gives the next datagram.
                Err(errno) if told_by_kernel(errno).is_some() => {}
                Err(errno) => {
                    return Err(Error::Call { call: "reading from a UDP socket", errno });
                }
            }
        }
    }
}

/// What is sent: a nonce, by which our datagrams are known from others, and the number of each.
struct Payload {
    nonce: [u8; NONCE],
    size: usize,
}

/// Bytes of the nonce.
const NONCE: usize = 6;
/// Bytes of the nonce and the number.
const HEAD: usize = NONCE + 2;
const _: () = assert!(HEAD == Udp::LEAST as usize);

impl Payload {
    fn new(size: u16) -> Self {
        // Keys of hashes are random, and differ each time.
        let random = RandomState::new().hash_one(size).to_ne_bytes();
        let mut nonce = [0; NONCE];
        nonce.copy_from_slice(&random[..NONCE]);
        Self { nonce, size: size.into() }
    }

    fn bytes(&self, sequence: u16) -> Vec<u8> {
        let mut bytes = self.nonce.to_vec();
        bytes.extend(sequence.to_be_bytes());
        bytes.extend((HEAD..self.size).map(|index| index as u8));
        bytes
    }

    /// The number of the datagram, if it is this series' and whole.
    fn number_of(&self, bytes: &[u8]) -> Option<u16> {
        self.number_at_head(bytes).filter(|number| *bytes == self.bytes(*number))
    }

    /// The number of the datagram of this series that begins so.
    fn number_at_head(&self, bytes: &[u8]) -> Option<u16> {
        let number = bytes.strip_prefix(&self.nonce)?.first_chunk()?;
        Some(u16::from_be_bytes(*number))
    }
}

/// A socket for the datagrams of one series.
struct EchoSocket {
    socket: UdpSocket,
    to: SocketAddr,
    payload: Payload,
    /// The number of the last that was sent.
    latest: u16,
}

/// Whether two addresses are the same, whatever zone they are in.
fn same(one: SocketAddr, other: SocketAddr) -> bool {
    (one.ip(), one.port()) == (other.ip(), other.port())
}

/// What is told of a datagram. That nobody listens is told by ICMP, and a program knows it as
/// `ECONNREFUSED`.
fn in_words_of_udp(told: Told) -> Told {
    if told == Told::PortUnreachable { Told::ConnectionRefused } else { told }
}

impl Medium for EchoSocket {
    fn socket(&self) -> BorrowedFd<'_> {
        self.socket.fd()
    }

    fn send(&mut self, sequence: u16, ttl: Option<u8>) -> Result<(), Told> {
        self.latest = sequence;
        self.socket.send(&self.payload.bytes(sequence), self.to, ttl)
    }

    fn next_answer(&mut self) -> Result<Option<Answer>, Error> {
        while let Some((received, bytes)) = self.socket.next_datagram()? {
            if received.from.is_some_and(|from| same(from, self.to))
                && let Some(sequence) = self.payload.number_of(bytes)
            {
                return Ok(Some(Answer::Reply { sequence, ttl: received.ttl }));
            }
        }
        while let Some((failure, bytes)) = self.socket.next_failure()? {
            // Routers need not send back more than the header (RFC 792).
            let sequence = match bytes.len() {
                0..HEAD => Some(self.latest),
                _ => self.payload.number_at_head(&bytes),
            };
            if let Some((told, from)) = told_by_failure(&failure)
                && let Some(sequence) = sequence
            {
                let told = in_words_of_udp(told);
                return Ok(Some(Answer::Error { sequence, told, from }));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_is_known_by_nonce_and_number() {
        let payload = Payload { nonce: [1, 2, 3, 4, 5, 6], size: 10 };
        let bytes = payload.bytes(0x0102);
        assert_eq!(bytes, [1, 2, 3, 4, 5, 6, 1, 2, 8, 9]);
        assert_eq!(payload.number_of(&bytes), Some(0x0102));
        let other = Payload { nonce: [1, 2, 3, 4, 5, 7], size: 10 };
        assert_eq!(other.number_of(&bytes), None);
    }

    #[test]
    fn what_is_not_whole_is_no_answer() {
        let payload = Payload { nonce: [0; NONCE], size: 10 };
        let mut bytes = payload.bytes(3);
        for length in 0..bytes.len() {
            assert_eq!(payload.number_of(&bytes[..length]), None, "of {length} bytes");
        }
        assert_eq!(payload.number_at_head(&bytes[..HEAD]), Some(3));
        assert_eq!(payload.number_at_head(&bytes[..HEAD - 1]), None);
        bytes.push(10);
        assert_eq!(payload.number_of(&bytes), None);
        bytes.pop();
        bytes[9] ^= 1;
        assert_eq!(payload.number_of(&bytes), None);
    }

    #[test]
    fn nonces_differ() {
        assert_ne!(Payload::new(10).nonce, Payload::new(10).nonce);
    }
}
