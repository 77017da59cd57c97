//! Capture files in pcap, the older format, which are only read (draft-ietf-opsawg-pcap).

use std::io::Read;

use crate::pcapng::{Order, ReadError, Said, Seen, Source};
use crate::{Direction, Frame, Interface, LinkType, Time};

/// The longest frame that is believed; libpcap writes none above 262,144 bytes (`MAXIMUM_SNAPLEN`).
const LONGEST: usize = 16 << 20;
/// The header of a file: magic number, version, two words that are not used, snaplen, link type.
const FILE_HEADER: usize = 24;
/// The header of a frame: seconds, fraction, captured length, length on the wire.
const FRAME_HEADER: usize = 16;
/// The version of all files since 1998.
const VERSION: (u16, u16) = (2, 4);

/// `magic_number` where times are in microseconds.
const MICROSECONDS: u32 = 0xa1b2_c3d4;
/// `magic_number` where times are in nanoseconds.
const NANOSECONDS: u32 = 0xa1b2_3c4d;

/// Reads a pcap file: one interface, without a name, and no word of which way a frame went.
#[derive(Debug)]
pub struct Reader<R> {
    source: Source<R>,
    order: Order,
    /// Nanoseconds in a unit of the fraction of a second.
    unit: u32,
    interface: [Interface; 1],
    last: usize,
    truncated: bool,
}

impl<R: Read> Reader<R> {
    /// Begins to read.
    pub fn new(mut source: Source<R>) -> Result<Self, ReadError> {
        if !source.fill(FILE_HEADER)? {
            return Err(ReadError::NoCapture);
        }
        let header = source.bytes();
        let magic = Order::Little.u32(header, 0).ok_or(ReadError::NoCapture)?;
        let (order, unit) = match magic {
            MICROSECONDS => (Order::Little, 1000),
            NANOSECONDS => (Order::Little, 1),
            other if other.swap_bytes() == MICROSECONDS => (Order::Big, 1000),
            other if other.swap_bytes() == NANOSECONDS => (Order::Big, 1),
            _ => return Err(ReadError::NoCapture),
        };
        if order.u16(header, 4).zip(order.u16(header, 6)) != Some(VERSION) {
            let what = "a pcap file of a version that is not known";
            return Err(ReadError::Broken { offset: 0, what });
        }
        // The upper bits of the link type are about the checksum at the end of a frame.
        let number = order.u32(header, 20).unwrap_or_default() as u16;
        let link_type = LinkType::of_number(number);
        let interface =
            [Interface { node: String::new(), device: String::new(), link_type, mac: None }];
        Ok(Self { source, order, unit, interface, last: FILE_HEADER, truncated: false })
    }

    /// The interface.
    pub fn interfaces(&self) -> &[Interface] {
        &self.interface
    }

    /// Whether the file ended in the middle of a frame.
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// The next frame.
    pub fn next_frame(&mut self) -> Result<Option<Seen<'_>>, ReadError> {
        self.source.skip(std::mem::take(&mut self.last));
        let whole = self.source.fill(FRAME_HEADER)?;
        let header = self.source.bytes();
        let word = |at| self.order.u32(header, at).unwrap_or_default();
        let [seconds, fraction, captured, length] = [0, 4, 8, 12].map(word);
        let size = FRAME_HEADER + captured as usize;
        if whole && captured as usize > LONGEST {
            let what = "a frame of an impossible length";
            return Err(ReadError::Broken { offset: self.source.offset(), what });
        }
        if !whole || !self.source.fill(size)? {
            self.truncated = !self.source.bytes().is_empty();
            return Ok(None);
        }
        self.last = size;
        let time = u64::from(seconds) * 1_000_000_000 + u64::from(fraction) * u64::from(self.unit);
        let (time, direction) = (Time(time), Direction::Unknown);
        let (bytes, length) = (&self.source.bytes()[FRAME_HEADER..size], length.max(captured));
        let frame = Frame { time, interface: 0, direction, length, bytes };
        Ok(Some((&self.interface, frame, Said::nothing())))
    }
}
