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
use twinax_packet::{Direction, LinkType};

use super::link_type;
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

/// A frame as the kernel hands it over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawFrame<'a> {
    /// Nanoseconds since 1970 (`CLOCK_REALTIME`).
    pub time: u64,
    /// The device's index in its namespace.
    pub index: u32,
    /// Which way it went.
    pub direction: Direction,
    /// What frames of the device begin with.
    pub link_type: LinkType,
    /// How long it was on the wire.
    pub length: u32,
    /// Its bytes, from the device's own header on.
    pub bytes: &'a [u8],
}

/// Where things are in a block and in front of a frame: `struct tpacket_block_desc`, `struct
/// tpacket3_hdr` and `struct sockaddr_ll` (`linux/if_packet.h`).
mod at {
    use std::mem::offset_of;

    use libc::{
        sockaddr_ll, tpacket_block_desc, tpacket_hdr_v1, tpacket_hdr_variant1, tpacket3_hdr,
    };

    const BLOCK: usize = offset_of!(tpacket_block_desc, hdr);
    pub const BLOCK_STATUS: usize = BLOCK + offset_of!(tpacket_hdr_v1, block_status);
    pub const FRAMES: usize = BLOCK + offset_of!(tpacket_hdr_v1, num_pkts);
    pub const FIRST: usize = BLOCK + offset_of!(tpacket_hdr_v1, offset_to_first_pkt);

    pub const NEXT: usize = offset_of!(tpacket3_hdr, tp_next_offset);
    pub const SECONDS: usize = offset_of!(tpacket3_hdr, tp_sec);
    pub const NANOS: usize = offset_of!(tpacket3_hdr, tp_nsec);
    pub const CAPTURED: usize = offset_of!(tpacket3_hdr, tp_snaplen);
    pub const LENGTH: usize = offset_of!(tpacket3_hdr, tp_len);
    pub const STATUS: usize = offset_of!(tpacket3_hdr, tp_status);
    pub const MAC: usize = offset_of!(tpacket3_hdr, tp_mac);
    const VARIANT: usize = offset_of!(tpacket3_hdr, hv1);
    pub const VLAN: usize = VARIANT + offset_of!(tpacket_hdr_variant1, tp_vlan_tci);
    pub const VLAN_PROTOCOL: usize = VARIANT + offset_of!(tpacket_hdr_variant1, tp_vlan_tpid);

    const ADDRESS: usize = size_of::<tpacket3_hdr>().next_multiple_of(libc::TPACKET_ALIGNMENT);
    pub const INDEX: usize = ADDRESS + offset_of!(sockaddr_ll, sll_ifindex);
    pub const HARDWARE: usize = ADDRESS + offset_of!(sockaddr_ll, sll_hatype);
    pub const PACKET_TYPE: usize = ADDRESS + offset_of!(sockaddr_ll, sll_pkttype);
    pub const END: usize = ADDRESS + size_of::<sockaddr_ll>();
}

/// Bytes of an 802.1Q tag.
const TAG: usize = 4;
/// Bytes of two MAC addresses, behind which a tag stands.
const MACS: usize = 12;

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
        // Room for the tag that the kernel has taken out of a frame (see `put_tags_back`).
        set(libc::PACKET_RESERVE, TAG as libc::c_int)?;
        prepare(socket.as_fd())?;
        let RingOptions { block_size, blocks, retire } = options;
        let ring = PacketRing::map(socket.as_fd(), block_size, blocks, retire)
            .map_err(Error::call("giving a packet socket its ring"))?;
        sys::bind_to_all(socket.as_fd()).map_err(Error::call("binding a packet socket"))?;
        let counts = Counts::default();
        Ok(Self { socket, ring, next: 0, taken: 0, read: 0, counts, has_lost: false })
    }

    /// The next block that has been handed over, and how many frames are in it; `None`: there is none
    /// yet. Blocks that were taken must be [given back](Self::give_back).
    pub fn take(&mut self) -> Option<(Block, u32)> {
        let block = self.next;
        // One that was taken is still ours: with all of them taken, the next one is no new one.
        if self.taken == self.ring.blocks() {
            return None;
        }
        let bytes = self.ring.bytes(block)?;
        let (frames, status) = (u32_at(bytes, at::FRAMES)?, u32_at(bytes, at::BLOCK_STATUS)?);
        // It stays so until the statistics are asked for (`prb_close_block`).
        self.has_lost |= status & libc::TP_STATUS_LOSING != 0;
        self.put_tags_back(block);
        self.next = (block + 1) % self.ring.blocks();
        self.taken += 1;
        self.read += u64::from(frames);
        Some((Block(block), frames))
    }

    /// Where the first frame of a block is.
    pub fn first(&self, block: Block) -> Option<u32> {
        u32_at(self.ring.bytes(block.0)?, at::FIRST)
    }

    /// The frame at this place of a block, and where the next one is. `None`: there is none.
    pub fn frame(&self, block: Block, place: u32) -> Option<(RawFrame<'_>, u32)> {
        let frame = self.ring.bytes(block.0)?.get(place as usize..)?;
        // The length is checked once for all fields before the frame itself.
        let header: &[u8; at::END] = frame.first_chunk()?;
        let word = |place| u32_at(header, place).unwrap_or_default();
        let half = |place| u16_at(header, place).unwrap_or_default();
        let start = usize::from(half(at::MAC));
        let bytes = frame.get(start..start + word(at::CAPTURED) as usize)?;
        let raw = RawFrame {
            time: u64::from(word(at::SECONDS)) * 1_000_000_000 + u64::from(word(at::NANOS)),
            index: word(at::INDEX),
            direction: direction(header[at::PACKET_TYPE]),
            link_type: link_type(half(at::HARDWARE)),
            length: word(at::LENGTH),
            bytes,
        };
        Some((raw, place + word(at::NEXT)))
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

    /// How many frames are known to have had no room. The kernel is asked only if blocks that have been
    /// taken say that there are more: those that nothing has come after are not among them.
    pub fn known_drops(&mut self) -> Result<u64, Error> {
        if self.has_lost { Ok(self.counts()?.drops) } else { Ok(self.counts.drops) }
    }

    /// The kernel takes the (outermost) 802.1Q tag out of a frame that comes in, and tells it beside the
    /// frame (`skb_vlan_untag`). It is put back, so that a frame is what it was on the wire.
    fn put_tags_back(&mut self, block: usize) {
        let Some(bytes) = self.ring.bytes_mut(block) else { return };
        let frames = u32_at(bytes, at::FRAMES).unwrap_or_default();
        let mut place = u32_at(bytes, at::FIRST).unwrap_or_default() as usize;
        for _ in 0..frames {
            let Some(frame) = bytes.get_mut(place..) else { return };
            place += u32_at(frame, at::NEXT).unwrap_or_default() as usize;
            if u32_at(frame, at::STATUS)
                .is_some_and(|status| status & libc::TP_STATUS_VLAN_VALID != 0)
            {
                put_tag_back(frame);
            }
        }
    }
}

fn put_tag_back(frame: &mut [u8]) -> Option<()> {
    let start = usize::from(u16_at(frame, at::MAC)?);
    let captured = u32_at(frame, at::CAPTURED)? as usize;
    let new = start.checked_sub(TAG).filter(|new| *new >= at::END && captured >= MACS)?;
    let known = u32_at(frame, at::STATUS)? & libc::TP_STATUS_VLAN_TPID_VALID != 0;
    let protocol = if known { u16_at(frame, at::VLAN_PROTOCOL)? } else { libc::ETH_P_8021Q as u16 };
    let tag = u32_at(frame, at::VLAN)? as u16;
    let length = u32_at(frame, at::LENGTH)?;
    frame.get(..start + captured)?;
    frame.copy_within(start..start + MACS, new);
    frame[new + MACS..new + MACS + 2].copy_from_slice(&protocol.to_be_bytes());
    frame[new + MACS + 2..new + MACS + TAG].copy_from_slice(&tag.to_be_bytes());
    let mut set =
        |place: usize, value: u32| frame[place..place + 4].copy_from_slice(&value.to_ne_bytes());
    set(at::CAPTURED, (captured + TAG) as u32);
    set(at::LENGTH, length + TAG as u32);
    frame[at::MAC..at::MAC + 2].copy_from_slice(&(new as u16).to_ne_bytes());
    Some(())
}

impl AsFd for Ring {
    /// Ready for reading when a block has been handed over and not given back.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// `PACKET_HOST`, `PACKET_OUTGOING`… (`linux/if_packet.h`).
fn direction(packet_type: u8) -> Direction {
    match packet_type {
        libc::PACKET_BROADCAST => Direction::Broadcast,
        libc::PACKET_MULTICAST => Direction::Multicast,
        libc::PACKET_OTHERHOST => Direction::OtherHost,
        libc::PACKET_OUTGOING => Direction::Out,
        _ => Direction::In,
    }
}

fn u32_at(bytes: &[u8], place: usize) -> Option<u32> {
    bytes.get(place..)?.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes))
}

fn u16_at(bytes: &[u8], place: usize) -> Option<u16> {
    bytes.get(place..)?.first_chunk().map(|bytes| u16::from_ne_bytes(*bytes))
}
