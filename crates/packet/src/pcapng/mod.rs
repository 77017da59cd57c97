//! Capture files in pcapng, the format that Wireshark writes (draft-ietf-opsawg-pcapng).
//!
//! A file is a row of blocks, each with its length in front and behind:
//!
//! ```text
//!  section header │ interface │ interface │ packet │ packet │ interface │ packet │ … │ statistics
//!                   0: left:a   1: right:b   on 0     on 1     2: new:c    on 2
//! ```
//!
//! An interface is described before its first packet, at any place of the file, and is counted from 0
//! in the order of the descriptions. Only whole blocks are handed on by the [`Writer`], so a file whose
//! writer was killed can be read up to the last block that is whole.

mod block;
mod clock;
mod format;
mod options;
mod order;
mod reader;
mod source;
mod text;
mod writer;

pub use reader::{Described, Entry, ReadError, Reader, Said, Seen};
pub use writer::{WriteError, Writer};

pub(crate) use order::Order;
pub(crate) use reader::begins;
pub(crate) use source::Source;

use std::borrow::Cow;

use crate::Time;

/// The most bytes of a frame that are put into a file; Wireshark refuses a file with more
/// (`WTAP_MAX_PACKET_SIZE_STANDARD`, as libpcap's `MAXIMUM_SNAPLEN`).
pub const MAXIMUM_FRAME: usize = 262_144;

/// What wrote a section of a file, and where (`shb_hardware`, `shb_os`, `shb_userappl`), and what was
/// remarked about it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Section<'a> {
    /// The machine.
    pub hardware: Option<Cow<'a, str>>,
    /// The operating system and its version.
    pub system: Option<Cow<'a, str>>,
    /// The program and its version.
    pub application: Option<Cow<'a, str>>,
    /// What was remarked about all of it (`opt_comment`).
    pub comment: Option<Cow<'a, str>>,
}

/// What a file can say of a frame besides the frame.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Extras<'a> {
    /// How many frames were lost since the frame before at this interface (`epb_dropcount`).
    pub drops: Option<u64>,
    /// The same for all frames that are one packet, seen in several places (`epb_packetid`).
    pub packet_id: Option<u64>,
    /// What was remarked about it (`opt_comment`).
    pub comments: Vec<Cow<'a, str>>,
}

impl Extras<'_> {
    /// Whether there is nothing to be said.
    pub fn is_empty(&self) -> bool {
        self.drops.is_none() && self.packet_id.is_none() && self.comments.is_empty()
    }
}

/// What was counted at an interface during the capture (interface statistics block). What is `None`
/// was not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Statistics {
    /// When it was read off.
    pub time: Time,
    /// When the capture began (`isb_starttime`).
    pub started: Option<Time>,
    /// When it ended (`isb_endtime`).
    pub ended: Option<Time>,
    /// How many frames the interface had (`isb_ifrecv`).
    pub received: Option<u64>,
    /// How many the interface lost for lack of room (`isb_ifdrop`).
    pub interface_drops: Option<u64>,
    /// How many the filter let through (`isb_filteraccept`).
    pub accepted: Option<u64>,
    /// How many of these the system lost for lack of room (`isb_osdrop`).
    pub system_drops: Option<u64>,
    /// How many were handed to the program that captured (`isb_usrdeliv`).
    pub delivered: Option<u64>,
}
