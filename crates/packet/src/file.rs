//! A capture file of either format: pcapng, or the older pcap (draft-ietf-opsawg-pcap).

use std::io::Read;

use crate::pcapng::{self, Order, ReadError, Source};
use crate::{Direction, Frame, Interface, LinkType, Time};

/// The longest frame of a pcap file that is believed, as libpcap has it (`MAXIMUM_SNAPLEN`), and some
/// more.
const LONGEST: usize = 16 << 20;

/// Reads the frames of a capture file.
#[derive(Debug)]
pub struct FileReader<R> {
    format: Format<R>,
}

#[derive(Debug)]
enum Format<R> {
    Pcapng(pcapng::Reader<R>),
    Pcap(Pcap<R>),
}

/// A pcap file: one interface, and no word of which way a frame went.
#[derive(Debug)]
struct Pcap<R> {
    source: Source<R>,
    order: Order,
    /// Nanoseconds in a unit of the fraction of a second.
    unit: u32,
    interface: [Interface; 1],
    last: usize,
    truncated: bool,
}

impl<R: Read> FileReader<R> {
    /// Begins to read; the first bytes tell the format.
    ///
    /// # Errors
    ///
    /// [`ReadError::NoCapture`]: it is neither of the two.
    pub fn new(from: R) -> Result<Self, ReadError> {
        /// `magic_number` where times are in microseconds, and in nanoseconds.
        const MICROS: u32 = 0xa1b2_c3d4;
        const NANOS: u32 = 0xa1b2_3c4d;
        const HEADER: usize = 24;
        let mut source = Source::new(from);
        let filled = source.fill(4)?;
        let magic = Order::Little.u32(source.bytes(), 0).filter(|_| filled);
        let (order, unit) = match magic.ok_or(ReadError::NoCapture)? {
            pcapng::SECTION => {
                return Ok(Self { format: Format::Pcapng(pcapng::Reader::with(source)) });
            }
            MICROS => (Order::Little, 1000),
            NANOS => (Order::Little, 1),
            other if other.swap_bytes() == MICROS => (Order::Big, 1000),
            other if other.swap_bytes() == NANOS => (Order::Big, 1),
            _ => return Err(ReadError::NoCapture),
        };
        if !source.fill(HEADER)? {
            return Err(ReadError::NoCapture);
        }
        // The upper bits of the link type are about the checksum at the end of a frame.
        let number = order.u32(source.bytes(), 20).unwrap_or_default() as u16;
        let link_type = LinkType::of_number(number);
        let interface =
            Interface { node: String::new(), device: String::new(), link_type, mac: None };
        let last = HEADER;
        let interface = [interface];
        let pcap = Pcap { source, order, unit, interface, last, truncated: false };
        Ok(Self { format: Format::Pcap(pcap) })
    }

    /// All interfaces that were described up to now.
    pub fn interfaces(&self) -> &[Interface] {
        match &self.format {
            Format::Pcapng(reader) => reader.interfaces(),
            Format::Pcap(pcap) => &pcap.interface,
        }
    }

    /// Whether the file ended in the middle of something, as one does whose writer was killed.
    pub fn is_truncated(&self) -> bool {
        match &self.format {
            Format::Pcapng(reader) => reader.is_truncated(),
            Format::Pcap(pcap) => pcap.truncated,
        }
    }

    /// The next frame, and all interfaces that were described up to then; `None`: there is no more.
    ///
    /// # Errors
    ///
    /// [`ReadError::Broken`]: the file is none from there on.
    #[expect(clippy::should_implement_trait, reason = "a frame borrows from the reader")]
    pub fn next(&mut self) -> Result<Option<(&[Interface], Frame<'_>)>, ReadError> {
        match &mut self.format {
            Format::Pcapng(reader) => reader.next_frame(),
            Format::Pcap(pcap) => pcap.next(),
        }
    }
}

impl<R: Read> Pcap<R> {
    fn next(&mut self) -> Result<Option<(&[Interface], Frame<'_>)>, ReadError> {
        /// Seconds, fraction, captured length, length on the wire.
        const HEADER: usize = 16;
        self.source.skip(std::mem::take(&mut self.last));
        let whole = self.source.fill(HEADER)?;
        let header = self.source.bytes();
        let word = |at| self.order.u32(header, at).unwrap_or_default();
        let [seconds, fraction, captured, length] = [0, 4, 8, 12].map(word);
        let captured = captured as usize;
        if whole && captured > LONGEST {
            let what = "a frame of an impossible length";
            return Err(ReadError::Broken { offset: self.source.offset(), what });
        }
        if !whole || !self.source.fill(HEADER + captured)? {
            self.truncated = !self.source.bytes().is_empty();
            return Ok(None);
        }
        self.last = HEADER + captured;
        let time = u64::from(seconds) * 1_000_000_000 + u64::from(fraction) * u64::from(self.unit);
        let bytes = &self.source.bytes()[HEADER..HEADER + captured];
        let (time, direction) = (Time(time), Direction::Unknown);
        Ok(Some((&self.interface, Frame { time, interface: 0, direction, length, bytes })))
    }
}
