//! Frames go from one end to the other, whatever the ends do.

use std::os::fd::{AsFd, OwnedFd};
use std::thread::{self, ScopedJoinHandle};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use twinax_wire::{Counts, End, Ended, Report, carry};

/// Both ends of a wire: the one that the wire has, and the one that is the device's.
struct Ends {
    own: OwnedFd,
    device: OwnedFd,
}

fn ends() -> Ends {
    let kind = SocketType::SEQPACKET;
    let (own, device) = socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None)
        .expect("a pair of sockets");
    rustix::io::ioctl_fionbio(&own, true).expect("our own socket");
    Ends { own, device }
}

/// A wire that runs on a thread of its own.
struct Running<'s> {
    told: OwnedFd,
    thread: ScopedJoinHandle<'s, Report>,
}

impl<'s> Running<'s> {
    fn start(scope: &'s thread::Scope<'s, '_>, a: OwnedFd, b: OwnedFd) -> Self {
        let (tells, told) =
            rustix::pipe::pipe().map(|(read, write)| (write, read)).expect("a pipe");
        let run = move || carry(a.as_fd(), b.as_fd(), told.as_fd()).expect("it carries");
        Self { told: tells, thread: scope.spawn(run) }
    }

    /// Tells it to end.
    fn end(self) -> Report {
        drop(self.told);
        self.thread.join().expect("it ends")
    }
}

fn send(to: &OwnedFd, frame: &[u8]) {
    assert_eq!(rustix::io::write(to, frame), Ok(frame.len()));
}

fn receive(from: &OwnedFd) -> Vec<u8> {
    let mut frame = vec![0; 70_000];
    let length = rustix::io::read(from, &mut frame).expect("a frame comes");
    frame.truncate(length);
    frame
}

#[test]
fn both_ways_at_once() {
    let (a, b) = (ends(), ends());
    let report = thread::scope(|scope| {
        let wire = Running::start(scope, a.own, b.own);
        send(&a.device, b"there");
        send(&b.device, b"and back again");
        send(&a.device, &[1; 65_543]);
        assert_eq!(receive(&b.device), b"there");
        assert_eq!(receive(&b.device), [1; 65_543]);
        assert_eq!(receive(&a.device), b"and back again");
        wire.end()
    });
    let counts = |frames, bytes| Counts { frames, bytes, ..Counts::default() };
    let (a_to_b, b_to_a) = (counts(2, 5 + 65_543), counts(1, 14));
    assert_eq!(report, Report { ended: Ended::Told, a_to_b, b_to_a });
}

/// A frame that carries its number.
fn numbered(number: u32) -> Vec<u8> {
    let mut frame = vec![0; 60 + number as usize % 200];
    frame[..4].copy_from_slice(&number.to_be_bytes());
    frame
}

fn number(frame: &[u8]) -> u32 {
    u32::from_be_bytes(frame[..4].try_into().expect("it has a number"))
}

/// Sends while the socket takes more; how many it took.
fn fill(to: &OwnedFd, from: u32) -> u32 {
    rustix::io::ioctl_fionbio(to, true).expect("our own socket");
    let mut next = from;
    while rustix::io::write(to, &numbered(next)).is_ok() {
        next += 1;
    }
    next - from
}

/// When so many have left a full wire, it has room for all that a socket holds.
const ROOM: usize = 300;

/// Has somebody send to a wire whose other end is read only afterwards, and one frame more once it is.
/// The numbers that arrive, how many were sent, and what the wire says of it.
fn read_too_late(send_first: impl FnOnce(&OwnedFd) -> u32) -> (Vec<u32>, u32, Report) {
    let (a, b) = (ends(), ends());
    thread::scope(|scope| {
        let wire = Running::start(scope, a.own, b.own);
        let sent = send_first(&a.device);
        rustix::io::ioctl_fionbio(&a.device, false).expect("our own socket");
        let mut received = Vec::new();
        while received.last() != Some(&sent) {
            let frame = receive(&b.device);
            assert_eq!(frame, numbered(number(&frame)), "it is whole");
            received.push(number(&frame));
            if received.len() == ROOM {
                // The last one: now there is room for it.
                send(&a.device, &numbered(sent));
            }
        }
        (received, sent + 1, wire.end())
    })
}

#[test]
fn what_an_end_does_not_take_waits_in_its_order() {
    // More than fits into the sockets, and no more than may wait, however fast they are taken in.
    const MANY: u32 = 900;
    let fits = fill(&ends().device, 0);
    assert!(2 * fits < MANY, "{fits} fit into each of the sockets");
    let (received, sent, report) = read_too_late(|to| {
        (0..MANY).for_each(|number| send(to, &numbered(number)));
        MANY
    });
    assert_eq!(received, (0..sent).collect::<Vec<_>>());
    assert_eq!((report.a_to_b.frames, report.a_to_b.crowded_out), (u64::from(sent), 0));
}

#[test]
fn what_finds_no_room_is_lost_and_counted() {
    let (received, sent, report) = read_too_late(|to| {
        let mut sent = 0;
        for _ in 0..30 {
            // As soon as most of what was sent before has been taken in.
            let mut waiting = [PollFd::new(to, PollFlags::OUT)];
            poll(&mut waiting, None).expect("it takes more");
            sent += fill(to, sent);
        }
        sent
    });
    let count = received.len() as u64;
    assert!(received.is_sorted(), "those that arrive do so in their order");
    let first: Vec<u32> = (0..1000).collect();
    assert_eq!(received[..1000], first, "those that came first find room");
    assert!(report.a_to_b.crowded_out > 0);
    assert_eq!(report.a_to_b.frames, count);
    assert_eq!(report.a_to_b.crowded_out, u64::from(sent) - count);
}

#[test]
fn a_device_that_is_gone_is_told() {
    for gone in [End::A, End::B] {
        let (a, b) = (ends(), ends());
        let report = thread::scope(|scope| {
            let wire = Running::start(scope, a.own, b.own);
            drop(match gone {
                End::A => a.device,
                End::B => b.device,
            });
            wire.thread.join().expect("it ends by itself")
        });
        assert_eq!(report.ended, Ended::Gone(gone));
    }
}
