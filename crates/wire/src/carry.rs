//! Carrying frames between two descriptors: reading, writing and waiting.

use std::fmt;
use std::os::fd::BorrowedFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use crate::direction::{Counts, Direction};

/// The longest frame: that of a TAP with the largest MTU (65,521, `tun_net_initialize` in
/// `drivers/net/tun.c`), its Ethernet header and two VLAN tags.
const LONGEST: usize = 65_521 + 14 + 2 * 4;

/// How many frames are carried one way before the other way has its turn.
const TURN: usize = 64;

/// One of the two ends of a wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The first.
    A,
    /// The second.
    B,
}

impl End {
    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "the first end",
            Self::B => "the second end",
        })
    }
}

/// Why a wire carries nothing any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was told to end.
    Told,
    /// The device at this end is gone.
    Gone(End),
}

/// What a wire has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// Why it has ended.
    pub ended: Ended,
    /// From the first end to the second.
    pub a_to_b: Counts,
    /// From the second end to the first.
    pub b_to_a: Counts,
}

/// What went wrong with a wire.
#[derive(Debug, thiserror::Error)]
pub enum CarryError {
    /// It could not be waited for frames.
    #[error("waiting for frames")]
    Wait(#[source] Errno),
    /// A frame could not be read.
    #[error("reading a frame at {0}")]
    Read(End, #[source] Errno),
    /// A frame could not be written.
    #[error("writing a frame at {0}")]
    Write(End, #[source] Errno),
}

/// Carries frames between two descriptors, both ways, until `told` can be read or a device is gone.
///
/// The descriptors do not wait (`O_NONBLOCK`) and give and take one frame with each call, as those
/// of a TUN/TAP device do. Frames that an end does not take at once wait in their order for it to
/// take some again (see [`Direction`]). An end that is down (`EIO`) takes none.
pub fn carry(
    a: BorrowedFd<'_>,
    b: BorrowedFd<'_>,
    told: BorrowedFd<'_>,
) -> Result<Report, CarryError> {
    let mut from_a = Way::new(End::A, a, b);
    let mut from_b = Way::new(End::B, b, a);
    let mut buffer = vec![0; LONGEST];
    let ended = loop {
        if is_told(&from_a, &from_b, told)? {
            break Ended::Told;
        }
        let one = from_a.take_turn(&mut buffer)?;
        if let Some(gone) = one.or(from_b.take_turn(&mut buffer)?) {
            break Ended::Gone(gone);
        }
    };
    Ok(Report { ended, a_to_b: from_a.direction.counts(), b_to_a: from_b.direction.counts() })
}

/// Waits until there is something to do; `true`: to end.
fn is_told(from_a: &Way<'_>, from_b: &Way<'_>, told: BorrowedFd<'_>) -> Result<bool, CarryError> {
    // Of three descriptors, poll(2) costs no more than epoll(7).
    let flags = |to_it: &Way<'_>| match to_it.direction.next() {
        Some(_) => PollFlags::IN | PollFlags::OUT,
        None => PollFlags::IN,
    };
    let mut waiting = [
        PollFd::from_borrowed_fd(from_a.source, flags(from_b)),
        PollFd::from_borrowed_fd(from_b.source, flags(from_a)),
        PollFd::from_borrowed_fd(told, PollFlags::IN),
    ];
    rustix::io::retry_on_intr(|| poll(&mut waiting, None)).map_err(CarryError::Wait)?;
    Ok(!waiting[2].revents().is_empty())
}

/// One way: from an end to the other.
struct Way<'f> {
    from: End,
    source: BorrowedFd<'f>,
    target: BorrowedFd<'f>,
    direction: Direction,
}

/// What became of the attempt to read or write a frame.
enum Moved {
    /// It was done.
    Done,
    /// Not now.
    Later,
    /// Never again: the device is gone.
    Gone,
}

impl<'f> Way<'f> {
    fn new(from: End, source: BorrowedFd<'f>, target: BorrowedFd<'f>) -> Self {
        Self { from, source, target, direction: Direction::default() }
    }

    /// Carries what there is, but no more than a turn's worth. The end whose device is gone.
    fn take_turn(&mut self, buffer: &mut [u8]) -> Result<Option<End>, CarryError> {
        for _ in 0..TURN {
            // What has waited goes first; and so each frame goes out before the next comes in.
            if let Moved::Gone = self.send_out()? {
                return Ok(Some(self.from.other()));
            }
            match self.take_in(buffer)? {
                Moved::Done => {}
                Moved::Later => return Ok(None),
                Moved::Gone => return Ok(Some(self.from)),
            }
        }
        Ok(None)
    }

    /// Reads one frame.
    fn take_in(&mut self, buffer: &mut [u8]) -> Result<Moved, CarryError> {
        match rustix::io::retry_on_intr(|| rustix::io::read(self.source, &mut *buffer)) {
            Ok(0) | Err(Errno::BADFD) => Ok(Moved::Gone),
            Ok(length) => {
                self.direction.comes_in(&buffer[..length]);
                Ok(Moved::Done)
            }
            Err(Errno::AGAIN) => Ok(Moved::Later),
            Err(errno) => Err(CarryError::Read(self.from, errno)),
        }
    }

    /// Writes the frames whose turn it is, as far as the other end takes them.
    fn send_out(&mut self) -> Result<Moved, CarryError> {
        while let Some(frame) = self.direction.next() {
            match rustix::io::retry_on_intr(|| rustix::io::write(self.target, frame)) {
                Ok(_) => self.direction.went_out(),
                Err(Errno::AGAIN) => return Ok(Moved::Later),
                Err(Errno::BADFD | Errno::PIPE) => return Ok(Moved::Gone),
                // It is down; it has no memory for it; it is no frame for it.
                Err(Errno::IO | Errno::NOMEM | Errno::NOBUFS | Errno::INVAL) => {
                    self.direction.was_refused();
                }
                Err(errno) => return Err(CarryError::Write(self.from.other(), errno)),
            }
        }
        Ok(Moved::Done)
    }
}
