//! Frames out of a file.

use std::io::{self, Read};

use super::format::{self, option};
use super::options::Options;
use super::order::Order;
use super::source::Source;
use super::{Extras, Statistics};
use crate::{Frame, Interface, InterfaceId, LinkType, Time};

/// A block that says it is longer than this is none.
const LONGEST: usize = 16 << 20;

/// Why a file can't be read on.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Reading failed.
    #[error("the capture can't be read")]
    In(#[from] io::Error),
    /// It is no capture file.
    #[error("this is neither a pcapng nor a pcap file")]
    NoCapture,
    /// It is one up to here.
    #[error("the capture is broken at byte {offset}: {what}")]
    Broken {
        /// Where, in bytes from its beginning.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
}

/// What comes next in a file.
#[derive(Debug)]
pub enum Entry<'a> {
    /// An interface: its number, under which it is in [`Reader::interfaces`].
    Interface(InterfaceId),
    /// A frame.
    Frame(Frame<'a>, Said<'a>),
    /// What was counted at an interface.
    Statistics(InterfaceId, Statistics),
}

/// What a file says of a frame besides the frame.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a>(Options<'a>);

impl<'a> Said<'a> {
    /// What that is.
    pub fn extras(self) -> Extras<'a> {
        self.0.extras()
    }
}

/// Reads a pcapng file from its beginning to its end, in either byte order.
///
/// Memory is bounded by the longest block, 16 MiB. The numbers of interfaces go on where a file has
/// several sections.
#[derive(Debug)]
pub struct Reader<R> {
    source: Source<R>,
    /// The length of the block that was read last, which is passed over when the next one is asked for.
    last: usize,
    order: Order,
    interfaces: Vec<Interface>,
    clocks: Vec<Clock>,
    /// The first interface of the section.
    first: usize,
    truncated: bool,
}

/// How an interface counts time.
#[derive(Debug, Clone, Copy)]
struct Clock {
    resolution: u8,
    /// Seconds that are added.
    offset: i64,
    /// How much of each frame is kept; 0: all.
    snaplen: u32,
}

/// What a block is.
enum Block {
    Interface,
    Frame(Place),
    Statistics { interface: InterfaceId, time: Time },
}

/// Where a frame is in its block, and what is said of it in front.
struct Place {
    interface: InterfaceId,
    time: Time,
    length: u32,
    start: usize,
    end: usize,
    options: usize,
}

impl<R: Read> Reader<R> {
    /// Begins to read.
    ///
    /// # Errors
    ///
    /// [`ReadError::NoCapture`]: it is no pcapng file.
    pub fn new(from: R) -> Result<Self, ReadError> {
        let mut source = Source::new(from);
        match source.fill(4)? && source.bytes().starts_with(&format::SECTION.to_le_bytes()) {
            true => Ok(Self::with(source)),
            false => Err(ReadError::NoCapture),
        }
    }

    pub(crate) fn with(source: Source<R>) -> Self {
        Self {
            source,
            last: 0,
            order: Order::Little,
            interfaces: Vec::new(),
            clocks: Vec::new(),
            first: 0,
            truncated: false,
        }
    }

    /// All interfaces that were described up to now.
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// Whether the file ended in the middle of a block, as one does whose writer was killed. What was
    /// whole has been read.
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// What comes next; `None`: there is no more.
    ///
    /// # Errors
    ///
    /// [`ReadError::Broken`]: the file is none from there on.
    #[expect(clippy::should_implement_trait, reason = "an entry borrows from the reader")]
    pub fn next(&mut self) -> Result<Option<Entry<'_>>, ReadError> {
        Ok(match self.advance()? {
            None => None,
            Some(Block::Interface) => {
                Some(Entry::Interface(self.interfaces.len() as InterfaceId - 1))
            }
            Some(Block::Statistics { interface, time }) => {
                let clock = self.clocks[interface as usize];
                let found = self.options(20).statistics(time, |ticks| clock.time(ticks));
                Some(Entry::Statistics(interface, found))
            }
            Some(Block::Frame(place)) => {
                let (frame, said) = self.frame(&place);
                Some(Entry::Frame(frame, said))
            }
        })
    }

    /// The next frame, and all interfaces; what comes before it is passed over.
    pub(crate) fn next_frame(&mut self) -> Result<Option<(&[Interface], Frame<'_>)>, ReadError> {
        let place = loop {
            match self.advance()? {
                None => return Ok(None),
                Some(Block::Frame(place)) => break place,
                Some(_) => {}
            }
        };
        Ok(Some((&self.interfaces, self.frame(&place).0)))
    }

    fn frame(&self, place: &Place) -> (Frame<'_>, Said<'_>) {
        let Place { interface, time, length, start, end, options } = *place;
        let options = self.options(options);
        let direction = options.direction();
        let bytes = &self.source.bytes()[start..end];
        (Frame { time, interface, direction, length, bytes }, Said(options))
    }

    /// The options of the block, which begin there.
    fn options(&self, start: usize) -> Options<'_> {
        let block = &self.source.bytes()[..self.last];
        let end = block.len().saturating_sub(4);
        Options::new(block.get(start..end).unwrap_or_default(), self.order)
    }

    fn broken<T>(&self, what: &'static str) -> Result<T, ReadError> {
        Err(ReadError::Broken { offset: self.source.offset(), what })
    }

    /// Goes on to the next block that says something.
    fn advance(&mut self) -> Result<Option<Block>, ReadError> {
        loop {
            self.source.skip(std::mem::take(&mut self.last));
            let Some(kind) = self.block()? else { return Ok(None) };
            match kind {
                format::SECTION => self.section()?,
                format::INTERFACE => return self.interface().map(Some),
                format::STATISTICS => return self.statistics().map(Some),
                format::ENHANCED_PACKET => return self.enhanced_packet().map(Some),
                format::OLD_PACKET => return self.old_packet().map(Some),
                format::SIMPLE_PACKET => return self.simple_packet().map(Some),
                _ => {}
            }
        }
    }

    /// Reads the next block, all of it; its type.
    fn block(&mut self) -> Result<Option<u32>, ReadError> {
        /// Type, length, and the byte order of a section.
        const HEAD: usize = 12;
        if !self.source.fill(HEAD)? {
            self.truncated = !self.source.bytes().is_empty();
            return Ok(None);
        }
        let head = self.source.bytes();
        if self.order.u32(head, 0) == Some(format::SECTION) {
            self.order = match Order::Little.u32(head, 8) {
                Some(format::BYTE_ORDER_MAGIC) => Order::Little,
                Some(magic) if magic.swap_bytes() == format::BYTE_ORDER_MAGIC => Order::Big,
                _ => return self.broken("a section without its byte order"),
            };
        }
        let word = |at| self.order.u32(self.source.bytes(), at).unwrap_or_default();
        let (kind, length) = (word(0), word(4) as usize);
        if length < HEAD || !length.is_multiple_of(4) || length > LONGEST {
            return self.broken("a block of an impossible length");
        }
        if !self.source.fill(length)? {
            self.truncated = true;
            return Ok(None);
        }
        if self.order.u32(self.source.bytes(), length - 4) != Some(length as u32) {
            return self.broken("a block whose length is another at its end");
        }
        self.last = length;
        Ok(Some(kind))
    }

    fn word(&self, at: usize) -> Result<u32, ReadError> {
        let body = &self.source.bytes()[..self.last - 4];
        self.order.u32(body, at).map_or_else(|| self.broken("a block that is too short"), Ok)
    }

    fn half(&self, at: usize) -> Result<u16, ReadError> {
        let body = &self.source.bytes()[..self.last - 4];
        self.order.u16(body, at).map_or_else(|| self.broken("a block that is too short"), Ok)
    }

    fn section(&mut self) -> Result<(), ReadError> {
        if self.half(12)? != format::VERSION.0 {
            return self.broken("a section of a version that is not known");
        }
        self.first = self.interfaces.len();
        Ok(())
    }

    fn interface(&mut self) -> Result<Block, ReadError> {
        let (number, snaplen) = (self.half(8)?, self.word(12)?);
        let options = self.options(16);
        let name = options.text(option::NAME).unwrap_or_default();
        let (node, device) = match name.split_once(':') {
            Some((node, device)) if !node.is_empty() => (node.to_owned(), device.to_owned()),
            _ => (String::new(), name),
        };
        let mac = options.mac();
        let resolution = options.byte(option::RESOLUTION).unwrap_or(format::MICROSECONDS);
        let offset = options.seconds(option::TIME_OFFSET).unwrap_or_default();
        self.clocks.push(Clock { resolution, offset, snaplen });
        self.interfaces.push(Interface {
            node,
            device,
            link_type: LinkType::of_number(number),
            mac,
        });
        Ok(Block::Interface)
    }

    /// The interface of this number in the section.
    fn known(&self, number: usize) -> Result<(InterfaceId, Clock), ReadError> {
        let number = self.first + number;
        match self.clocks.get(number) {
            Some(clock) => Ok((number as InterfaceId, *clock)),
            None => self.broken("a block of an interface that was not described"),
        }
    }

    fn statistics(&self) -> Result<Block, ReadError> {
        let (interface, clock) = self.known(self.word(8)? as usize)?;
        let ticks = u64::from(self.word(12)?) << 32 | u64::from(self.word(16)?);
        Ok(Block::Statistics { interface, time: clock.time(ticks) })
    }

    fn enhanced_packet(&self) -> Result<Block, ReadError> {
        let (interface, clock) = self.known(self.word(8)? as usize)?;
        self.packet(interface, clock)
    }

    /// The packet block, which the enhanced one has replaced: interface and drops are halves.
    fn old_packet(&self) -> Result<Block, ReadError> {
        let (interface, clock) = self.known(self.half(8)?.into())?;
        self.packet(interface, clock)
    }

    fn packet(&self, interface: InterfaceId, clock: Clock) -> Result<Block, ReadError> {
        const DATA: usize = 28;
        let ticks = u64::from(self.word(12)?) << 32 | u64::from(self.word(16)?);
        let (captured, length) = (self.word(20)? as usize, self.word(24)?);
        let (end, options) = self.extent(DATA, captured)?;
        let time = clock.time(ticks);
        Ok(Block::Frame(Place { interface, time, length, start: DATA, end, options }))
    }

    fn simple_packet(&self) -> Result<Block, ReadError> {
        const DATA: usize = 12;
        let (interface, clock) = self.known(0)?;
        let length = self.word(8)?;
        let room = (self.last - 4).saturating_sub(DATA);
        let kept = if clock.snaplen == 0 { length } else { length.min(clock.snaplen) };
        let (end, options) = self.extent(DATA, (kept as usize).min(room))?;
        Ok(Block::Frame(Place { interface, time: Time(0), length, start: DATA, end, options }))
    }

    /// Where so many bytes of data end, and where the options behind them begin.
    fn extent(&self, start: usize, captured: usize) -> Result<(usize, usize), ReadError> {
        let room = (self.last - 4).saturating_sub(start);
        match captured <= room {
            true => Ok((start + captured, start + captured.next_multiple_of(4))),
            false => self.broken("a frame that is longer than its block"),
        }
    }
}

impl Clock {
    fn time(self, ticks: u64) -> Time {
        const SECOND: u128 = 1_000_000_000;
        let ticks = u128::from(ticks);
        let exponent = u32::from(self.resolution & 0x7f);
        let nanos = match self.resolution {
            format::NANOSECONDS => ticks,
            binary if binary & 0x80 != 0 => (ticks * SECOND) >> exponent,
            decimal if exponent < 9 => ticks * 10_u128.pow(9 - u32::from(decimal)),
            _ => 10_u128.checked_pow(exponent - 9).map_or(0, |divisor| ticks / divisor),
        };
        let offset = i128::from(self.offset) * SECOND as i128;
        let nanos = i128::try_from(nanos).unwrap_or(i128::MAX).saturating_add(offset);
        Time(nanos.clamp(0, u64::MAX.into()) as u64)
    }
}
