//! What is in a block that has been handed over, be it in its ring or copied out of it.

use twinax_packet::{Direction, LinkType};

use super::link_type;
use crate::sys::prefetch;

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
        sockaddr_ll, tpacket_bd_ts, tpacket_block_desc, tpacket_hdr_v1, tpacket_hdr_variant1,
        tpacket3_hdr,
    };

    const BLOCK: usize = offset_of!(tpacket_block_desc, hdr);
    pub const BLOCK_STATUS: usize = BLOCK + offset_of!(tpacket_hdr_v1, block_status);
    pub const FRAMES: usize = BLOCK + offset_of!(tpacket_hdr_v1, num_pkts);
    pub const USED: usize = BLOCK + offset_of!(tpacket_hdr_v1, blk_len);
    pub const FIRST: usize = BLOCK + offset_of!(tpacket_hdr_v1, offset_to_first_pkt);
    const LAST: usize = BLOCK + offset_of!(tpacket_hdr_v1, ts_last_pkt);
    pub const LAST_SECONDS: usize = LAST + offset_of!(tpacket_bd_ts, ts_sec);
    /// With frames of this kind they are nanoseconds (`prb_close_block`).
    pub const LAST_NANOS: usize = LAST + offset_of!(tpacket_bd_ts, ts_usec);

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
pub(super) const TAG: usize = 4;
/// Bytes of two MAC addresses, behind which a tag stands.
const MACS: usize = 12;

/// So many frames before one goes by it, the processor is told to fetch what is said of it.
const AHEAD: u32 = 12;

/// The frames of a block that nobody has come by yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rest {
    place: u32,
    left: u32,
}

impl Rest {
    /// How many.
    pub fn left(self) -> u32 {
        self.left
    }

    /// Where the first of them is in the block.
    pub fn place(self) -> u32 {
        self.place
    }

    /// The time of the first of them, in nanoseconds since 1970; `None`: there is none.
    pub fn time(self, block: &[u8]) -> Option<u64> {
        if self.left == 0 {
            return None;
        }
        time(block.get(self.place as usize..)?.first_chunk()?)
    }

    /// Goes by the first of them: its time, and its place for [`frame`]. `None`: there is none.
    ///
    /// The kernel takes the (outermost) 802.1Q tag out of a frame that comes in, and tells it beside the
    /// frame (`skb_vlan_untag`). It is put back here, so that a frame is what it was on the wire.
    #[inline]
    pub fn next(&mut self, block: &mut [u8]) -> Option<(u64, u32)> {
        if self.left == 0 {
            return None;
        }
        let place = self.place;
        let Some(header) = block.get(place as usize..).and_then(|own| own.first_chunk()) else {
            // The kernel says how many there are: that fewer are there does not happen.
            self.left = 0;
            return None;
        };
        let time = time(header)?;
        let next = u32_at(header, at::NEXT)?;
        // Where frames are of one length, that is where a later one begins.
        fetch_bytes(block, place.saturating_add(next.saturating_mul(AHEAD)), at::STATUS);
        let status = u32_at(header, at::STATUS)?;
        if status & libc::TP_STATUS_VLAN_VALID != 0 {
            put_tag_back(&mut block[place as usize..]);
        }
        self.place += next;
        self.left -= 1;
        Some((time, place))
    }
}

/// The frames of a block, and whether some have had no room since the socket was last asked
/// (`TP_STATUS_LOSING`).
pub(super) fn begin(block: &[u8]) -> Option<(Rest, bool)> {
    let status = u32_at(block, at::BLOCK_STATUS)?;
    let rest = Rest { place: u32_at(block, at::FIRST)?, left: u32_at(block, at::FRAMES)? };
    Some((rest, status & libc::TP_STATUS_LOSING != 0))
}

/// The time of its last frame. What its ring hands over after it is no older, but for frames that had
/// their time taken before another's, and their place after it.
pub fn last(block: &[u8]) -> Option<u64> {
    Some(nanoseconds(u32_at(block, at::LAST_SECONDS)?, u32_at(block, at::LAST_NANOS)?))
}

/// As much of a block as has something in it.
pub fn used(block: &[u8]) -> &[u8] {
    let used = u32_at(block, at::USED).unwrap_or_default() as usize;
    &block[..used.min(block.len())]
}

/// Has the processor fetch what is at this place of a block, for whoever is going to read a [frame] there soon:
/// what is said of it, and as much of itself as a small one has.
#[inline]
pub fn fetch(block: &[u8], place: u32) {
    const SMALL: usize = 96;
    fetch_bytes(block, place, at::END + SMALL);
}

#[inline]
fn fetch_bytes(block: &[u8], place: u32, count: usize) {
    let place = place as usize;
    prefetch(block.get(place..block.len().min(place + count)).unwrap_or_default());
}

/// The frame at this place of a block, which is one that was [gone by](Rest::next).
#[inline]
pub fn frame(block: &[u8], place: u32) -> Option<RawFrame<'_>> {
    let frame = block.get(place as usize..)?;
    // The length is checked once for all fields before the frame itself.
    let header: &[u8; at::END] = frame.first_chunk()?;
    let word = |place| u32_at(header, place).unwrap_or_default();
    let half = |place| u16_at(header, place).unwrap_or_default();
    let start = usize::from(half(at::MAC));
    Some(RawFrame {
        time: time(header)?,
        index: word(at::INDEX),
        direction: direction(header[at::PACKET_TYPE]),
        link_type: link_type(half(at::HARDWARE)),
        length: word(at::LENGTH),
        bytes: frame.get(start..start + word(at::CAPTURED) as usize)?,
    })
}

fn time(header: &[u8; at::END]) -> Option<u64> {
    Some(nanoseconds(u32_at(header, at::SECONDS)?, u32_at(header, at::NANOS)?))
}

fn nanoseconds(seconds: u32, nanos: u32) -> u64 {
    u64::from(seconds) * 1_000_000_000 + u64::from(nanos)
}

/// Puts the tag that the kernel tells beside a frame back into it.
#[cold]
fn put_tag_back(frame: &mut [u8]) -> Option<()> {
    let start = usize::from(u16_at(frame, at::MAC)?);
    let captured = u32_at(frame, at::CAPTURED)? as usize;
    let new = start.checked_sub(TAG).filter(|new| *new >= at::END && captured >= MACS)?;
    let status = u32_at(frame, at::STATUS)?;
    let known = status & libc::TP_STATUS_VLAN_TPID_VALID != 0;
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
    // Whoever comes by again finds it in the frame.
    set(at::STATUS, status & !libc::TP_STATUS_VLAN_VALID);
    frame[at::MAC..at::MAC + 2].copy_from_slice(&(new as u16).to_ne_bytes());
    Some(())
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
