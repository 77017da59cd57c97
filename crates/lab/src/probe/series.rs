//! Packets that go out one after the other, at an interval.

use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use twinax_kernel::Error;

use super::exchange::{Exchange, Medium};
use super::flight::Flight;
use super::report::EchoReport;

/// How a series goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// How many.
    pub count: u16,
    /// From one to the next.
    pub interval: Duration,
    /// How long to wait for the answer to the last one.
    pub timeout: Duration,
    /// The TTL (hop limit); `None`: the node's.
    pub ttl: Option<u8>,
}

/// A series under way.
pub(super) struct Series<M> {
    exchange: Exchange<M>,
    pace: Pace,
    next: Instant,
}

impl<M: Medium> Series<M> {
    pub(super) fn begin(exchange: Exchange<M>, pace: Pace) -> Self {
        Self { exchange, pace, next: Instant::now() }
    }
}

impl<M: Medium> Flight for Series<M> {
    type Report = EchoReport;

    fn go_on(&mut self) -> Result<(), Error> {
        let now = Instant::now();
        if self.exchange.sent() < self.pace.count && self.next <= now {
            self.next = now + self.pace.interval;
            self.exchange.send(self.pace.ttl);
        }
        self.exchange.receive()
    }

    fn due(&self) -> Option<Instant> {
        if self.exchange.sent() < self.pace.count {
            return Some(self.next);
        }
        self.exchange.awaited(1..=self.pace.count, self.pace.timeout)
    }

    fn waits_for(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        self.exchange.waits_for()
    }

    fn report(self) -> EchoReport {
        self.exchange.report()
    }
}
