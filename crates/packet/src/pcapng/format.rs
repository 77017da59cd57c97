//! The numbers of the format, by the names that the draft gives them.

use crate::Direction;

/// Section header block: the same in either byte order.
pub const SECTION: u32 = 0x0a0d_0d0a;
/// Interface description block.
pub const INTERFACE: u32 = 1;
/// Packet block, which is obsolete.
pub const OLD_PACKET: u32 = 2;
/// Simple packet block.
pub const SIMPLE_PACKET: u32 = 3;
/// Interface statistics block.
pub const STATISTICS: u32 = 5;
/// Enhanced packet block.
pub const ENHANCED_PACKET: u32 = 6;
/// The blocks that are read; all others are passed over.
pub const READ: [u32; 6] =
    [SECTION, INTERFACE, OLD_PACKET, SIMPLE_PACKET, STATISTICS, ENHANCED_PACKET];

/// In a section header, in the byte order of the section.
pub const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;
/// The version of the format that is written: 1.0.
pub const VERSION: (u16, u16) = (1, 0);
/// A section's length, when it is not known beforehand.
pub const LENGTH_UNKNOWN: u64 = u64::MAX;

/// `if_tsresol`: units of 10⁻⁹ s.
pub const NANOSECONDS: u8 = 9;
/// The resolution where none is said: units of 10⁻⁶ s.
pub const MICROSECONDS: u8 = 6;
/// `if_filter`: what follows is in the words of libpcap.
pub const FILTER_WORDS: u8 = 0;

/// Codes of options. Those above 1 mean something else in each kind of block.
pub mod option {
    /// `opt_endofopt`.
    pub const END: u16 = 0;
    /// `opt_comment`.
    pub const COMMENT: u16 = 1;

    /// `shb_hardware`.
    pub const HARDWARE: u16 = 2;
    /// `shb_os`.
    pub const SYSTEM: u16 = 3;
    /// `shb_userappl`.
    pub const APPLICATION: u16 = 4;

    /// `if_name`.
    pub const NAME: u16 = 2;
    /// `if_description`.
    pub const DESCRIPTION: u16 = 3;
    /// `if_MACaddr`.
    pub const MAC: u16 = 6;
    /// `if_tsresol`.
    pub const RESOLUTION: u16 = 9;
    /// `if_filter`.
    pub const FILTER: u16 = 11;
    /// `if_tsoffset`.
    pub const TIME_OFFSET: u16 = 14;

    /// Of those of an interface that have a fixed length, their lengths.
    pub const INTERFACE_LENGTHS: [(u16, usize); 3] = [(MAC, 6), (RESOLUTION, 1), (TIME_OFFSET, 8)];

    /// `epb_flags`.
    pub const FLAGS: u16 = 2;
    /// `epb_dropcount`.
    pub const DROPS: u16 = 4;
    /// `epb_packetid`.
    pub const PACKET_ID: u16 = 5;

    /// Of those of a packet that have a fixed length, their lengths.
    pub const PACKET_LENGTHS: [(u16, usize); 3] = [(FLAGS, 4), (DROPS, 8), (PACKET_ID, 8)];

    /// `isb_starttime`.
    pub const STARTED: u16 = 2;
    /// `isb_endtime`.
    pub const ENDED: u16 = 3;
    /// `isb_ifrecv`.
    pub const RECEIVED: u16 = 4;
    /// `isb_ifdrop`.
    pub const INTERFACE_DROPS: u16 = 5;
    /// `isb_filteraccept`.
    pub const ACCEPTED: u16 = 6;
    /// `isb_osdrop`.
    pub const SYSTEM_DROPS: u16 = 7;
    /// `isb_usrdeliv`.
    pub const DELIVERED: u16 = 8;
    /// The lengths of those of statistics.
    pub const STATISTICS_LENGTHS: [(u16, usize); 7] = [
        (STARTED, 8),
        (ENDED, 8),
        (RECEIVED, 8),
        (INTERFACE_DROPS, 8),
        (ACCEPTED, 8),
        (SYSTEM_DROPS, 8),
        (DELIVERED, 8),
    ];
}

/// Bits 0–1 of `epb_flags`.
const INBOUND: u32 = 0b01;
const OUTBOUND: u32 = 0b10;

/// `epb_flags`: bits 0–1 are the direction, bits 2–4 how a frame that came in was addressed.
pub fn flags(direction: Direction) -> u32 {
    match direction {
        Direction::Unknown => 0,
        Direction::In => INBOUND | 1 << 2,
        Direction::Multicast => INBOUND | 2 << 2,
        Direction::Broadcast => INBOUND | 3 << 2,
        Direction::OtherHost => INBOUND | 4 << 2,
        Direction::Out => OUTBOUND,
    }
}

/// What [`flags`] has made of a direction.
pub fn direction(flags: u32) -> Direction {
    match (flags & 0b11, flags >> 2 & 0b111) {
        (OUTBOUND, _) => Direction::Out,
        (INBOUND, 2) => Direction::Multicast,
        (INBOUND, 3) => Direction::Broadcast,
        (INBOUND, 4) => Direction::OtherHost,
        (INBOUND, _) => Direction::In,
        _ => Direction::Unknown,
    }
}
