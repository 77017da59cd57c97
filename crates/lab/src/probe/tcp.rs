//! TCP connections: do they come about, and what is said?

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv, sockopt};
use serde::{Deserialize, Serialize};
use twinax_kernel::{Error, Netns, message, tcp};
use twinax_topology::Told;

use super::exchange::or_told;
use super::flight::{self, Flight};
use super::told::{told_by_failure, told_by_kernel};

/// At most so many bytes of what the other side says are kept.
const KEPT: usize = 64 * 1024;

/// A TCP connection from a node.
#[derive(Debug, Clone)]
pub struct Connection<'a> {
    /// The node's namespace.
    pub netns: &'a Netns,
    /// The destination.
    pub to: SocketAddr,
    /// How long connecting, and listening to what the other side says, may take.
    pub timeout: Duration,
    /// How long of that to listen; at zero it is closed as soon as it has come about.
    pub listen: Duration,
}

/// What became of a TCP connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpReport {
    /// How long it took to come about; `None`: it did not.
    pub connected: Option<Duration>,
    /// What the other side said until it closed or the time was up.
    pub said: String,
    /// What the sender was told instead, or how the connection ended.
    pub told: Option<Told>,
    /// By whom it was told, where that was by ICMP.
    pub by: Option<IpAddr>,
}

/// Connects all at once, each from a node to an address and port, and reads what the other sides say
/// until they close, nothing more can come, or the time is up. The reports are in the order of the
/// connections.
pub fn connect(connections: &[Connection<'_>]) -> Result<Vec<TcpReport>, Error> {
    flight::all(connections, |asked| {
        asked.netns.enter()?;
        let begun = Instant::now();
        let state = match or_told(tcp::connect(asked.to))? {
            Ok(socket) => State::Connecting(socket),
            Err(told) => State::Over(Some(told)),
        };
        let (connected, said, by) = (None, Vec::new(), None);
        Ok(Connecting { asked, begun, state, connected, said, by })
    })
}

/// A connection under way.
struct Connecting<'a> {
    asked: &'a Connection<'a>,
    begun: Instant,
    state: State,
    connected: Option<Duration>,
    said: Vec<u8>,
    by: Option<IpAddr>,
}

enum State {
    /// It has yet to come about.
    Connecting(OwnedFd),
    /// The other side may say something.
    Listening(OwnedFd),
    /// It is over; what was told, if anything was.
    Over(Option<Told>),
}

impl Connecting<'_> {
    fn deadline(&self) -> Instant {
        let whole = self.begun + self.asked.timeout;
        match self.connected {
            Some(after) => whole.min(self.begun + after + self.asked.listen),
            None => whole,
        }
    }

    /// The state after a look at a connection that has yet to come about.
    fn look(&mut self, socket: OwnedFd) -> Result<State, Error> {
        match sockopt::socket_error(&socket) {
            Ok(Ok(())) => {}
            Ok(Err(errno)) | Err(errno) => {
                self.by = told_by_whom(&socket);
                return over("connecting", errno);
            }
        }
        // Only one that has come about has another side.
        match rustix::net::getpeername(&socket) {
            Ok(_) => {}
            Err(Errno::NOTCONN) => return Ok(State::Connecting(socket)),
            Err(errno) => return over("connecting", errno),
        }
        self.connected = Some(self.begun.elapsed());
        if self.asked.listen.is_zero() {
            return Ok(State::Over(None));
        }
        tcp::connected(&socket, self.asked.to.ip())?;
        self.listen(socket)
    }

    /// The state after reading what there is.
    fn listen(&mut self, socket: OwnedFd) -> Result<State, Error> {
        let mut some = [0; 4096];
        while self.said.len() < KEPT {
            match recv(&socket, &mut some, RecvFlags::empty()) {
                Ok((_, 0)) => return Ok(State::Over(None)),
                Ok((_, length)) => self.said.extend_from_slice(&some[..length.min(some.len())]),
                Err(Errno::AGAIN) => return Ok(State::Listening(socket)),
                Err(Errno::INTR) => {}
                Err(errno) => return over("reading", errno),
            }
        }
        Ok(State::Over(None))
    }
}

fn over(call: &'static str, errno: Errno) -> Result<State, Error> {
    let told = told_by_kernel(errno).ok_or(Error::Call { call, errno })?;
    Ok(State::Over(Some(told)))
}

/// By whom the error came that ended a connection; `None`: it was not by ICMP.
fn told_by_whom(socket: &OwnedFd) -> Option<IpAddr> {
    while let Ok(Some(failure)) = message::failure(socket, &mut [0; 64]) {
        if let Some((_, by)) = told_by_failure(&failure) {
            return by;
        }
    }
    None
}

impl Flight for Connecting<'_> {
    type Report = TcpReport;

    fn go_on(&mut self) -> Result<(), Error> {
        self.state = match std::mem::replace(&mut self.state, State::Over(None)) {
            State::Connecting(socket) => self.look(socket)?,
            State::Listening(socket) => self.listen(socket)?,
            over => over,
        };
        if !matches!(self.state, State::Over(_)) && self.deadline() <= Instant::now() {
            self.state = State::Over(Some(Told::TimedOut));
        }
        Ok(())
    }

    fn due(&self) -> Option<Instant> {
        (!matches!(self.state, State::Over(_))).then(|| self.deadline())
    }

    fn waits_for(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        match &self.state {
            State::Connecting(socket) => Some((socket.as_fd(), PollFlags::OUT)),
            State::Listening(socket) => Some((socket.as_fd(), PollFlags::IN)),
            State::Over(_) => None,
        }
    }

    fn report(self) -> TcpReport {
        let told = match self.state {
            State::Over(told) => told,
            State::Connecting(_) | State::Listening(_) => None,
        };
        let said = String::from_utf8_lossy(&self.said).into_owned();
        TcpReport { connected: self.connected, said, told, by: self.by }
    }
}
