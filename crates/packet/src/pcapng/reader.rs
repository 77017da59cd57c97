//! Frames out of a file.

use std::borrow::Cow;
use std::io::{self, Read};

use super::clock::Clock;
use super::format::{self, option};
use super::options::Options;
use super::order::Order;
use super::source::Source;
use super::{Extras, Section, Statistics};
use crate::{Frame, Interface, InterfaceId, LinkType, Time};

/// The longest block that is read; longer ones are passed over if nothing is wanted of them.
const LONGEST: usize = 16 << 20;
/// The most interfaces of a file: sixteen for each node of the largest lab.
const MOST_INTERFACES: usize = 1 << 20;
/// The most memory for the names of a file's interfaces, in bytes.
const MOST_NAMES: usize = 64 << 20;

/// Where the options of each block begin.
const SECTION_OPTIONS: usize = 24;
const INTERFACE_OPTIONS: usize = 16;
const STATISTICS_OPTIONS: usize = 20;

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
    /// A section: what follows was written by one program, on one machine.
    Section(Section<'a>),
    /// An interface, and its number.
    Interface(InterfaceId, Described<'a>),
    /// A frame.
    Frame(Frame<'a>, Said<'a>),
    /// What was counted at an interface.
    Statistics(InterfaceId, Statistics),
}

/// An interface, and what of its frames is in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described<'a> {
    /// The interface.
    pub interface: &'a Interface,
    /// So many bytes of each frame; 0: all.
    pub snaplen: u32,
    /// Those that passed this filter, in the words of `pcap-filter(7)`.
    pub filter: Option<Cow<'a, str>>,
}

/// What a file says of a frame besides the frame.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    options: Options<'a>,
    /// The drops of a block that has no option for them.
    drops: Option<u64>,
}

/// The interfaces that were described up to a frame, the frame, and what else is said of it.
pub type Seen<'a> = (&'a [Interface], Frame<'a>, Said<'a>);

impl<'a> Said<'a> {
    /// Nothing.
    pub(crate) fn nothing() -> Self {
        Self { options: Options::of(&[], Order::Little), drops: None }
    }

    /// What that is.
    pub fn extras(self) -> Extras<'a> {
        let extras = self.options.extras();
        Extras { drops: extras.drops.or(self.drops), ..extras }
    }
}

/// Whether a file that begins like this is one of pcapng.
pub(crate) fn begins(bytes: &[u8]) -> bool {
    bytes.starts_with(&format::SECTION.to_le_bytes())
}

/// Reads a pcapng file from its beginning to its end, in either byte order.
///
/// Memory is bounded: the longest block that is read has 16 MiB, and a million interfaces may be
/// described, with 64 MiB of names. The numbers of interfaces go on where a file has several sections.
/// A frame of a simple packet block, which tells no time, is of the year 1970.
#[derive(Debug)]
pub struct Reader<R> {
    source: Source<R>,
    /// What is left of the block that was read last, which is passed over when the next one is asked for.
    last: usize,
    order: Order,
    interfaces: Vec<Interface>,
    rules: Vec<Rule>,
    /// The memory for the names of all of them.
    names: usize,
    /// The first interface of the section.
    first: usize,
    truncated: bool,
}

/// How the blocks of an interface are to be read.
#[derive(Debug, Clone, Copy)]
struct Rule {
    clock: Clock,
    snaplen: u32,
}

/// What a block is.
enum Block {
    Section,
    Interface { number: InterfaceId, snaplen: u32 },
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
    drops: Option<u64>,
}

impl<R: Read> Reader<R> {
    /// Begins to read.
    ///
    /// # Errors
    ///
    /// [`ReadError::NoCapture`]: it is no pcapng file.
    pub fn new(from: R) -> Result<Self, ReadError> {
        let mut source = Source::new(from);
        match source.fill(4)? && begins(source.bytes()) {
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
            rules: Vec::new(),
            names: 0,
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
        let Some(block) = self.advance()? else { return Ok(None) };
        Ok(Some(match block {
            Block::Section => Entry::Section(self.options(SECTION_OPTIONS).section()),
            Block::Interface { number, snaplen } => {
                let interface = &self.interfaces[number as usize];
                let filter = self.options(INTERFACE_OPTIONS).filter();
                Entry::Interface(number, Described { interface, snaplen, filter })
            }
            Block::Statistics { interface, time } => {
                let clock = self.rules[interface as usize].clock;
                let options = self.options(STATISTICS_OPTIONS);
                Entry::Statistics(interface, options.statistics(time, |ticks| clock.time(ticks)))
            }
            Block::Frame(place) => {
                let (frame, said) = self.frame(&place);
                Entry::Frame(frame, said)
            }
        }))
    }

    /// The next frame, and all interfaces; what comes before it is passed over.
    pub(crate) fn next_frame(&mut self) -> Result<Option<Seen<'_>>, ReadError> {
        let place = loop {
            match self.advance()? {
                None => return Ok(None),
                Some(Block::Frame(place)) => break place,
                Some(_) => {}
            }
        };
        let (frame, said) = self.frame(&place);
        Ok(Some((&self.interfaces, frame, said)))
    }

    fn frame(&self, place: &Place) -> (Frame<'_>, Said<'_>) {
        let Place { interface, time, start, end, drops, .. } = *place;
        let options = self.options(place.options);
        let direction = options.direction();
        let bytes = &self.source.bytes()[start..end];
        let length = place.length.max(bytes.len() as u32);
        (Frame { time, interface, direction, length, bytes }, Said { options, drops })
    }

    /// The block without the length at its end.
    fn body(&self) -> &[u8] {
        &self.source.bytes()[..self.last - 4]
    }

    /// The options of the block, which begin there.
    fn options(&self, start: usize) -> Options<'_> {
        Options::of(self.body().get(start..).unwrap_or_default(), self.order)
    }

    /// Sees to it that they are options.
    fn check(&self, start: usize, lengths: &[(u16, usize)]) -> Result<Options<'_>, ReadError> {
        self.options(start).checked(lengths).or_else(|what| self.broken(what))
    }

    fn broken<T>(&self, what: &'static str) -> Result<T, ReadError> {
        Err(ReadError::Broken { offset: self.source.offset(), what })
    }

    /// Goes on to the next block that says something.
    fn advance(&mut self) -> Result<Option<Block>, ReadError> {
        loop {
            self.source.skip(std::mem::take(&mut self.last));
            let Some(kind) = self.block()? else { return Ok(None) };
            return match kind {
                format::SECTION => self.section(),
                format::INTERFACE => self.interface(),
                format::STATISTICS => self.statistics(),
                format::ENHANCED_PACKET => self.enhanced_packet(),
                format::OLD_PACKET => self.old_packet(),
                format::SIMPLE_PACKET => self.simple_packet(),
                _ => continue,
            }
            .map(Some);
        }
    }

    /// Reads the next block, all of it if something is wanted of it; its type.
    fn block(&mut self) -> Result<Option<u32>, ReadError> {
        /// Type, length, and the byte order of a section.
        const HEAD: usize = 12;
        if !self.source.fill(HEAD)? {
            self.truncated |= !self.source.bytes().is_empty();
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
        let wanted = format::READ.contains(&kind);
        if length < HEAD || !length.is_multiple_of(4) || wanted && length > LONGEST {
            return self.broken("a block of an impossible length");
        }
        let offset = self.source.offset();
        let whole = match wanted {
            true => self.source.fill(length)?,
            false => self.source.pass(length - 4)? && self.source.fill(4)?,
        };
        if !whole {
            self.truncated = true;
            self.last = usize::MAX;
            return Ok(None);
        }
        self.last = if wanted { length } else { 4 };
        if self.order.u32(self.source.bytes(), self.last - 4) != Some(length as u32) {
            let what = "a block whose length is another at its end";
            return Err(ReadError::Broken { offset, what });
        }
        Ok(Some(kind))
    }

    fn word(&self, at: usize) -> Result<u32, ReadError> {
        self.order.u32(self.body(), at).map_or_else(|| self.broken("a block that is too short"), Ok)
    }

    fn half(&self, at: usize) -> Result<u16, ReadError> {
        self.order.u16(self.body(), at).map_or_else(|| self.broken("a block that is too short"), Ok)
    }

    /// Ticks of a clock: the upper half comes first.
    fn ticks(&self, at: usize) -> Result<u64, ReadError> {
        Ok(u64::from(self.word(at)?) << 32 | u64::from(self.word(at + 4)?))
    }

    fn section(&mut self) -> Result<Block, ReadError> {
        if self.half(12)? != format::VERSION.0 {
            return self.broken("a section of a version that is not known");
        }
        // The section's length, which need not be right, for the blocks tell theirs.
        self.ticks(16)?;
        self.check(SECTION_OPTIONS, &[])?;
        self.first = self.interfaces.len();
        Ok(Block::Section)
    }

    fn interface(&mut self) -> Result<Block, ReadError> {
        let (link_type, snaplen) = (LinkType::of_number(self.half(8)?), self.word(12)?);
        let options = self.check(INTERFACE_OPTIONS, &option::INTERFACE_LENGTHS)?;
        let name = options.name();
        let (node, device) = match name.split_once(':') {
            Some((node, device)) if !node.is_empty() => (node.to_owned(), device.to_owned()),
            _ => (String::new(), name.into_owned()),
        };
        let mac = options.mac();
        let clock = Clock { resolution: options.resolution(), offset: options.time_offset() };
        let names = self.names + node.len() + device.len();
        if self.interfaces.len() == MOST_INTERFACES || names > MOST_NAMES {
            return self.broken("one interface too many");
        }
        self.names = names;
        self.rules.push(Rule { clock, snaplen });
        self.interfaces.push(Interface { node, device, link_type, mac });
        Ok(Block::Interface { number: self.interfaces.len() as InterfaceId - 1, snaplen })
    }

    /// The interface of this number in the section.
    fn known(&self, number: usize) -> Result<(InterfaceId, Rule), ReadError> {
        let number = self.first + number;
        match self.rules.get(number) {
            Some(rule) => Ok((number as InterfaceId, *rule)),
            None => self.broken("a block of an interface that was not described"),
        }
    }

    fn statistics(&self) -> Result<Block, ReadError> {
        let (interface, rule) = self.known(self.word(8)? as usize)?;
        let time = rule.clock.time(self.ticks(12)?);
        self.check(STATISTICS_OPTIONS, &option::STATISTICS_LENGTHS)?;
        Ok(Block::Statistics { interface, time })
    }

    fn enhanced_packet(&self) -> Result<Block, ReadError> {
        self.packet(self.word(8)? as usize, None)
    }

    /// The packet block, which the enhanced one has replaced: interface and drops are halves.
    fn old_packet(&self) -> Result<Block, ReadError> {
        /// The drops were not counted.
        const NOT_COUNTED: u16 = u16::MAX;
        let drops = Some(self.half(10)?).filter(|drops| *drops != NOT_COUNTED);
        self.packet(self.half(8)?.into(), drops.map(u64::from))
    }

    fn packet(&self, interface: usize, drops: Option<u64>) -> Result<Block, ReadError> {
        const DATA: usize = 28;
        let (interface, rule) = self.known(interface)?;
        let time = rule.clock.time(self.ticks(12)?);
        let (captured, length) = (self.word(20)? as usize, self.word(24)?);
        if captured > self.body().len() - DATA {
            return self.broken("a frame that is longer than its block");
        }
        let (start, end, options) = (DATA, DATA + captured, DATA + captured.next_multiple_of(4));
        self.check(options, &option::PACKET_LENGTHS)?;
        Ok(Block::Frame(Place { interface, time, length, start, end, options, drops }))
    }

    fn simple_packet(&self) -> Result<Block, ReadError> {
        const DATA: usize = 12;
        let (interface, Rule { snaplen, .. }) = self.known(0)?;
        let length = self.word(8)?;
        let kept = if snaplen == 0 { length } else { length.min(snaplen) };
        // Without a word of how much was captured, the block's own length is the last.
        let options = self.body().len();
        let end = options.min(DATA + kept as usize);
        let (time, start, drops) = (Time(0), DATA, None);
        Ok(Block::Frame(Place { interface, time, length, start, end, options, drops }))
    }
}
