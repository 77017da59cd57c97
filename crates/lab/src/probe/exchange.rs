//! Numbered packets that go out over one socket, and what becomes of each.

use std::net::IpAddr;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use twinax_kernel::Error;
use twinax_topology::Told;

use super::report::{EchoReport, Reply, Word};
use super::told::told_by_kernel;

/// What came in, when it concerns a packet of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// The answer to the packet of this number; its TTL where it is known.
    Reply { sequence: u16, ttl: Option<u8> },
    /// An error about the packet of this number, sent by this router or host.
    Error { sequence: u16, told: Told, from: Option<IpAddr> },
}

/// A socket that sends packets of one kind, and knows what comes back.
pub(super) trait Medium {
    /// The socket.
    fn socket(&self) -> BorrowedFd<'_>;

    /// Sends the packet of this number, with this TTL or the node's.
    fn send(&mut self, sequence: u16, ttl: Option<u8>) -> Result<(), Told>;

    /// The next answer that has come; `None`: no more has.
    fn next_answer(&mut self) -> Result<Option<Answer>, Error>;
}

/// What the caller is told where a socket could not be had for a reason that answers the probe, and does
/// not end it: an address or interface that is not there.
pub(super) fn or_told<M>(opened: Result<M, Error>) -> Result<Result<M, Told>, Error> {
    match opened {
        Ok(medium) => Ok(Ok(medium)),
        Err(error) => match error.errno().and_then(told_by_kernel) {
            Some(told) => Ok(Err(told)),
            None => Err(error),
        },
    }
}

/// Packets that have gone out over a socket, numbered from 1.
pub(super) struct Exchange<M> {
    medium: Result<M, Told>,
    sent: Vec<Sent>,
    report: EchoReport,
}

/// A packet that has gone out.
struct Sent {
    at: Instant,
    answered: bool,
    redirected: bool,
    told: bool,
}

impl Sent {
    /// Whether nothing more is to be expected. A router that knows a better way has passed the packet on.
    fn is_settled(&self) -> bool {
        self.answered || self.told
    }
}

impl<M: Medium> Exchange<M> {
    pub(super) fn over(medium: Result<M, Told>) -> Self {
        Self { medium, sent: Vec::new(), report: EchoReport::default() }
    }

    /// How many have been sent.
    pub(super) fn sent(&self) -> u16 {
        self.report.sent
    }

    /// Sends the next one.
    pub(super) fn send(&mut self, ttl: Option<u8>) {
        self.report.sent += 1;
        let sequence = self.report.sent;
        let at = Instant::now();
        self.sent.push(Sent { at, answered: false, redirected: false, told: false });
        let sent = match &mut self.medium {
            Ok(medium) => medium.send(sequence, ttl),
            Err(told) => Err(*told),
        };
        if let Err(told) = sent {
            self.note(Answer::Error { sequence, told, from: None });
        }
    }

    /// Takes in all that has come.
    pub(super) fn receive(&mut self) -> Result<(), Error> {
        while let Ok(medium) = &mut self.medium
            && let Some(answer) = medium.next_answer()?
        {
            self.note(answer);
        }
        Ok(())
    }

    fn note(&mut self, answer: Answer) {
        let (Answer::Reply { sequence, .. } | Answer::Error { sequence, .. }) = answer;
        let Some(sent) = usize::from(sequence).checked_sub(1).and_then(|at| self.sent.get_mut(at))
        else {
            return;
        };
        let time = sent.at.elapsed();
        match answer {
            Answer::Reply { .. } if sent.answered => self.report.duplicates += 1,
            Answer::Reply { ttl, .. } => {
                sent.answered = true;
                self.report.replies.push(Reply { sequence, time, ttl });
            }
            Answer::Error { told, from, .. } => {
                let known = match told {
                    Told::Redirect => &mut sent.redirected,
                    _ => &mut sent.told,
                };
                if !std::mem::replace(known, true) {
                    self.report.words.push(Word { sequence, told, from, time });
                }
            }
        }
    }

    /// Until when the answers to these are waited for, each for so long; `None`: there is none to wait
    /// for, or it is too late.
    pub(super) fn awaited(
        &self,
        numbers: std::ops::RangeInclusive<u16>,
        timeout: Duration,
    ) -> Option<Instant> {
        let first = usize::from(*numbers.start()).saturating_sub(1);
        let last = usize::from(*numbers.end()).min(self.sent.len());
        let open = self.sent.get(first..last)?.iter().rfind(|sent| !sent.is_settled())?;
        let deadline = open.at + timeout;
        (deadline > Instant::now()).then_some(deadline)
    }

    /// What has become of them so far.
    pub(super) fn so_far(&self) -> &EchoReport {
        &self.report
    }

    pub(super) fn waits_for(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        // An error that came back is told whatever is asked for (`poll(2)`).
        Some((self.medium.as_ref().ok()?.socket(), PollFlags::IN))
    }

    pub(super) fn report(self) -> EchoReport {
        self.report
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::VecDeque;
    use std::fs::File;
    use std::os::fd::AsFd;

    use super::*;

    /// A medium whose answers are known before: to each packet these, as soon as it is sent.
    pub(in super::super) struct Script<F> {
        null: File,
        answers: F,
        ready: VecDeque<Answer>,
    }

    impl<F: FnMut(u16, Option<u8>) -> Vec<Answer>> Script<F> {
        pub(in super::super) fn new(answers: F) -> Self {
            let null = File::open("/dev/null").expect("it is there");
            Self { null, answers, ready: VecDeque::new() }
        }
    }

    impl<F: FnMut(u16, Option<u8>) -> Vec<Answer>> Medium for Script<F> {
        fn socket(&self) -> BorrowedFd<'_> {
            self.null.as_fd()
        }

        fn send(&mut self, sequence: u16, ttl: Option<u8>) -> Result<(), Told> {
            self.ready.extend((self.answers)(sequence, ttl));
            Ok(())
        }

        fn next_answer(&mut self) -> Result<Option<Answer>, Error> {
            Ok(self.ready.pop_front())
        }
    }

    const TIMEOUT: Duration = Duration::from_secs(60);

    #[test]
    fn the_first_answer_and_the_first_word_count() {
        let mut exchange = Exchange::over(Ok(Script::new(|sequence, _| {
            let reply = Answer::Reply { sequence, ttl: Some(9) };
            let error = |told| Answer::Error { sequence, told, from: None };
            vec![reply, reply, error(Told::Filtered), error(Told::TooBig)]
        })));
        exchange.send(None);
        exchange.receive().unwrap();
        let report = exchange.report();
        assert_eq!((report.sent, report.received(), report.lost()), (1, 1, 0));
        assert_eq!(report.duplicates, 1);
        let told: Vec<Told> = report.words.iter().map(|word| word.told).collect();
        assert_eq!(told, [Told::Filtered]);
    }

    #[test]
    fn after_a_redirect_an_answer_may_come() {
        let mut exchange = Exchange::over(Ok(Script::new(|sequence, _| {
            vec![Answer::Error { sequence, told: Told::Redirect, from: None }]
        })));
        exchange.send(None);
        exchange.receive().unwrap();
        assert!(exchange.awaited(1..=1, TIMEOUT).is_some());
        exchange.note(Answer::Error { sequence: 1, told: Told::Filtered, from: None });
        assert!(exchange.awaited(1..=1, TIMEOUT).is_none());
        assert_eq!(exchange.report().words.len(), 2);
    }

    #[test]
    fn what_was_never_sent_is_not_answered() {
        let mut exchange = Exchange::over(Ok(Script::new(|_, _| Vec::new())));
        exchange.send(None);
        for sequence in [0, 2, u16::MAX] {
            exchange.note(Answer::Reply { sequence, ttl: None });
        }
        assert_eq!(exchange.so_far().received(), 0);
        assert!(exchange.awaited(1..=5, TIMEOUT).is_some());
        assert!(exchange.awaited(2..=5, TIMEOUT).is_none());
    }

    #[test]
    fn without_a_socket_each_packet_is_told_so() {
        type Nobody = Script<fn(u16, Option<u8>) -> Vec<Answer>>;
        let mut exchange = Exchange::<Nobody>::over(Err(Told::CannotAssignAddress));
        exchange.send(None);
        exchange.send(None);
        let report = exchange.report();
        assert_eq!((report.sent, report.words.len()), (2, 2));
        assert_eq!(report.words[1].told, Told::CannotAssignAddress);
    }
}
