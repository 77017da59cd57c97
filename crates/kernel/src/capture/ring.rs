//! A packet socket with a ring (`TPACKET_V3`), for all devices of one namespace.
//!
//! ```text
//!            the kernel fills                      we read, and give back
//!                  │                                  │
//!   ┌───────┬──────▼┬───────┬───────┬───────┬───────┬─▼─────┐
//!   │ free  │ open  │ free  │ …     │ full  │ full  │ full  │   blocks
//!   └───────┴───────┴───────┴───────┴───────┴───────┴───────┘
//! ```
//!
//! The open block is ours once it is full or its time is up. A frame for which there is no free block is
//! dropped, and counted.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType};

use super::block::{self, Rest, TAG};
use crate::error::Error;
use crate::sys::{self, PacketRing};

/// How a ring is to be.
#[derive(Debug, Clone, Copy)]
pub struct RingOptions {
    /// The size of a block in bytes, a multiple of the page size. A frame that is longer is cut off.
    pub block_size: usize,
    /// How many blocks, at least 2.
    pub blocks: usize,
    /// After so many milliseconds, or twice that, a block is handed over that is not full.
    pub retire: u32,
}

/// A packet socket of all devices of a namespace, with its ring. It keeps the namespace.
pub struct Ring {
    socket: OwnedFd,
    ring: PacketRing,
    /// The block that comes next.
    next: usize,
    /// How many were taken and not given back.
    taken: usize,
    /// How many frames were in the blocks that have been taken.
    read: u64,
    counts: Counts,
    /// Whether a block that was taken says that frames have had no room since `counts` was asked for.
    has_lost: bool,
}

/// What a ring has counted since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Frames that passed the filter, dropped ones included.
    pub frames: u64,
    /// Of these, those for which there was no room.
    pub drops: u64,
}

/// A block that has been handed over, by its number in the ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block(usize);

impl Ring {
    /// Opens a packet socket in the namespace of the calling thread. Frames come once `prepare`, which
    /// may attach a filter, is done.
    pub fn open(
        options: RingOptions,
        prepare: impl FnOnce(BorrowedFd<'_>) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        // Of protocol 0 it gets nothing, until it is bound to something.
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = rustix::net::socket_with(AddressFamily::PACKET, SocketType::RAW, flags, None)
            .map_err(Error::call("opening a packet socket"))?;
        let set = |option, value| {
            sys::set_int_option(socket.as_fd(), libc::SOL_PACKET, option, value)
                .map_err(Error::call("setting an option of a packet socket"))
        };
        set(libc::PACKET_VERSION, libc::tpacket_versions::TPACKET_V3 as libc::c_int)?;
        // Room for the tag that the kernel has taken out of a frame (see `block::put_tag_back`).
        set(libc::PACKET_RESERVE, TAG as libc::c_int)?;
        prepare(socket.as_fd())?;
        let RingOptions { block_size, blocks, retire } = options;
        let ring = PacketRing::map(socket.as_fd(), block_size, blocks, retire)
            .map_err(Error::call("giving a packet socket its ring"))?;
        sys::bind_to_all(socket.as_fd()).map_err(Error::call("binding a packet socket"))?;
        let counts = Counts::default();
        Ok(Self { socket, ring, next: 0, taken: 0, read: 0, counts, has_lost: false })
    }

    /// The next block that has been handed over, and its frames; `None`: there is none yet. Blocks that
    /// were taken must be [given back](Self::give_back), in the order in which they were taken.
    pub fn take(&mut self) -> Option<(Block, Rest)> {
        let block = self.next;
        // One that was taken is still ours: with all of them taken, the next one is no new one.
        if self.taken == self.ring.blocks() {
            return None;
        }
        let (rest, losing) = block::begin(self.ring.bytes(block)?)?;
        // It stays so until the statistics are asked for (`prb_close_block`).
        self.has_lost |= losing;
        self.next = (block + 1) % self.ring.blocks();
        self.taken += 1;
        self.read += u64::from(rest.left());
        Some((Block(block), rest))
    }

    /// The bytes of a block that was taken.
    pub fn bytes(&self, block: Block) -> &[u8] {
        self.ring.bytes(block.0).unwrap_or_default()
    }

    /// The same, to go [through it](Rest::next).
    pub fn bytes_mut(&mut self, block: Block) -> &mut [u8] {
        self.ring.bytes_mut(block.0).unwrap_or_default()
    }

    /// How many blocks it has that were taken and not given back, and how many in all.
    pub fn taken(&self) -> (usize, usize) {
        (self.taken, self.ring.blocks())
    }

    /// Gives a block back to the kernel.
    pub fn give_back(&mut self, block: Block) {
        self.ring.give_back(block.0);
        self.taken -= 1;
    }

    /// How many frames were in the blocks that have been taken so far.
    pub fn read(&self) -> u64 {
        self.read
    }

    /// What the kernel has counted so far. When that is what was [read](Self::read), and what had no room,
    /// there is nothing more.
    pub fn counts(&mut self) -> Result<Counts, Error> {
        let (frames, drops) = sys::packet_statistics(self.socket.as_fd())
            .map_err(Error::call("asking a packet socket what it has counted"))?;
        self.counts.frames += u64::from(frames);
        self.counts.drops += u64::from(drops);
        self.has_lost = false;
        Ok(self.counts)
    }

    /// Whether every frame that the kernel has counted up to now, and had room for, has been taken.
    pub fn has_all(&mut self) -> Result<bool, Error> {
        let counted = self.counts()?;
        Ok(counted.frames - counted.drops == self.read)
    }

    /// How many frames are known to have had no room. The kernel is asked only if blocks that have been
    /// taken say that there are more: those that nothing has come after are not among them.
    pub fn known_drops(&mut self) -> Result<u64, Error> {
        if self.has_lost { Ok(self.counts()?.drops) } else { Ok(self.counts.drops) }
    }
}

impl AsFd for Ring {
    /// Ready for reading when a block has been handed over and not given back.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
