//! What must hold of reading a capture file and writing it again, whatever the bytes. The fuzz target and
//! the test of the corpus (`crates/packet/tests/it/pcapng_corpus.rs`) both include this file.

use std::borrow::Cow;
use std::io::Read;

use twinax_packet::file::FileReader;
use twinax_packet::pcapng::{
    self, Entry, Extras, MAXIMUM_FRAME, ReadError, Reader, Section, Statistics, Writer,
};
use twinax_packet::{Direction, Frame, Interface, InterfaceId, Time};

/// Panics where something does not hold. That nothing panics and all comes to an end is checked by
/// being called.
pub fn pcapng(bytes: &[u8]) {
    let Some(whole) = Contents::read(bytes) else {
        return frames_of_pcap_come_through(bytes);
    };
    whole.end_is_sound(bytes.len());
    let in_pieces = Contents::read(Pieces(bytes)).expect("it was one in one piece");
    assert_eq!(in_pieces, whole, "it matters how much is read at once");
    both_readers_agree(bytes, &whole);
    a_part_is_a_beginning(bytes, &whole);
    let written = whole.written();
    let again = Contents::read(&written[..]).expect("the writer wrote no pcapng");
    assert_eq!(again.end, End::Whole);
    assert_eq!(again.parts, whole.parts_as_written());
    assert_eq!(again.written(), written, "written twice, two files");
}

/// The same bytes with lengths of blocks that fit, for what changes bytes at random hardly ever makes both
/// lengths of a block the same.
pub fn mended(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes[..bytes.len() / 4 * 4].to_vec();
    let big = bytes.get(8..12) == Some(&[0x1a, 0x2b, 0x3c, 0x4d]);
    let mut start = 0;
    while bytes.len() - start >= 12 {
        let there = bytes.len() - start;
        let said: [u8; 4] = bytes[start + 4..start + 8].try_into().unwrap();
        let said = if big { u32::from_be_bytes(said) } else { u32::from_le_bytes(said) };
        let length = (said as usize / 4 * 4).clamp(12, there);
        let said = length as u32;
        let said = if big { said.to_be_bytes() } else { said.to_le_bytes() };
        bytes[start + 4..start + 8].copy_from_slice(&said);
        start += length;
        bytes[start - 4..start].copy_from_slice(&said);
    }
    bytes
}

/// All that is in a file.
#[derive(Debug, PartialEq)]
struct Contents {
    parts: Vec<Part>,
    end: End,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Section(Section<'static>),
    Interface(Described),
    Frame(OwnFrame),
    Statistics(InterfaceId, Statistics),
}

#[derive(Debug, Clone, PartialEq)]
struct Described {
    interface: Interface,
    snaplen: u32,
    filter: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
struct OwnFrame {
    time: Time,
    interface: InterfaceId,
    direction: Direction,
    length: u32,
    bytes: Vec<u8>,
    extras: Extras<'static>,
}

/// How a file ends.
#[derive(Debug, Clone, PartialEq)]
enum End {
    Whole,
    Truncated,
    Broken(u64, &'static str),
}

impl End {
    fn of(truncated: bool, error: Option<ReadError>) -> Self {
        match error {
            None if truncated => Self::Truncated,
            None => Self::Whole,
            Some(ReadError::Broken { offset, what }) => Self::Broken(offset, what),
            Some(other) => panic!("an error that bytes in memory can't have: {other}"),
        }
    }
}

impl Contents {
    /// What is in a pcapng file; `None`: it is none.
    fn read(from: impl Read) -> Option<Self> {
        let mut reader = match Reader::new(from) {
            Ok(reader) => reader,
            Err(ReadError::NoCapture) => return None,
            Err(other) => panic!("an error that bytes in memory can't have: {other}"),
        };
        let mut parts = Vec::new();
        let mut described = 0;
        let error = loop {
            match reader.next() {
                Ok(None) => break None,
                Err(error) => break Some(error),
                Ok(Some(Entry::Section(own))) => parts.push(Part::Section(section(&own))),
                Ok(Some(Entry::Interface(number, own))) => {
                    assert_eq!(number, described, "numbers go on");
                    described += 1;
                    let pcapng::Described { interface, snaplen, filter } = own;
                    let (interface, filter) = (interface.clone(), filter.map(Cow::into_owned));
                    parts.push(Part::Interface(Described { interface, snaplen, filter }));
                }
                Ok(Some(Entry::Frame(frame, said))) => {
                    assert!(frame.interface < described);
                    parts.push(Part::Frame(OwnFrame::of(&frame, said.extras())));
                }
                Ok(Some(Entry::Statistics(number, own))) => {
                    assert!(number < described);
                    parts.push(Part::Statistics(number, own));
                }
            }
        };
        assert_eq!(reader.interfaces().len(), described as usize);
        let end = End::of(reader.is_truncated(), error);
        Some(Self { parts, end })
    }

    fn end_is_sound(&self, length: usize) {
        if let End::Broken(offset, what) = self.end {
            assert!(offset <= length as u64 && !what.is_empty());
        }
    }

    fn frames(&self) -> impl Iterator<Item = &OwnFrame> {
        self.parts.iter().filter_map(|part| match part {
            Part::Frame(frame) => Some(frame),
            _ => None,
        })
    }

    /// Written as a file of one section.
    fn written(&self) -> Vec<u8> {
        let none = Section::default();
        let first = match self.parts.first() {
            Some(Part::Section(first)) => first,
            _ => &none,
        };
        let mut writer = Writer::new(Vec::new(), first).unwrap();
        for part in &self.parts {
            match part {
                Part::Section(_) => {}
                Part::Interface(Described { interface, snaplen, filter }) => {
                    writer.interface(interface, *snaplen, filter.as_deref()).unwrap();
                }
                Part::Frame(own) => writer.frame_with(&own.frame(), &own.extras).unwrap(),
                Part::Statistics(number, own) => writer.statistics(*number, own).unwrap(),
            }
        }
        writer.finish().unwrap()
    }

    /// What of it can be written: one section, and of each frame not more than a file may have.
    fn parts_as_written(&self) -> Vec<Part> {
        let mut parts = self.parts.clone();
        let mut sections = 0;
        parts.retain(|part| {
            sections += usize::from(matches!(part, Part::Section(_)));
            sections == 1 || !matches!(part, Part::Section(_))
        });
        for part in &mut parts {
            if let Part::Frame(frame) = part {
                frame.bytes.truncate(MAXIMUM_FRAME);
            }
        }
        if parts.is_empty() {
            parts.push(Part::Section(Section::default()));
        }
        parts
    }
}

impl OwnFrame {
    fn of(frame: &Frame<'_>, extras: Extras<'_>) -> Self {
        let Frame { time, interface, direction, length, bytes } = *frame;
        assert!(length as usize >= bytes.len(), "more was captured than there was");
        let Extras { drops, packet_id, comments } = extras;
        let comments = comments.into_iter().map(|own| own.into_owned().into()).collect();
        let extras = Extras { drops, packet_id, comments };
        Self { time, interface, direction, length, bytes: bytes.to_vec(), extras }
    }

    fn frame(&self) -> Frame<'_> {
        let Self { time, interface, direction, length, bytes, .. } = self;
        Frame { time: *time, interface: *interface, direction: *direction, length: *length, bytes }
    }
}

fn section(own: &Section<'_>) -> Section<'static> {
    let text = |own: &Option<Cow<'_, str>>| own.as_ref().map(|own| Cow::Owned(own.to_string()));
    let [hardware, system, application, comment] =
        [&own.hardware, &own.system, &own.application, &own.comment].map(text);
    Section { hardware, system, application, comment }
}

/// Hands bytes out in small pieces, as a pipe does.
struct Pieces<'a>(&'a [u8]);

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let piece = (1 + self.0.len() % 7).min(into.len());
        self.0.read(&mut into[..piece])
    }
}

/// The frames of a file, by the reader of both formats.
fn frames_of(bytes: &[u8]) -> Option<(Vec<Interface>, Vec<OwnFrame>, End)> {
    let mut reader = FileReader::new(bytes).ok()?;
    let mut frames = Vec::new();
    let error = loop {
        match reader.next() {
            Ok(None) => break None,
            Err(error) => break Some(error),
            Ok(Some((interfaces, frame, said))) => {
                assert!((frame.interface as usize) < interfaces.len());
                frames.push(OwnFrame::of(&frame, said.extras()));
            }
        }
    };
    Some((reader.interfaces().to_vec(), frames, End::of(reader.is_truncated(), error)))
}

fn both_readers_agree(bytes: &[u8], whole: &Contents) {
    let (_, frames, end) = frames_of(bytes).expect("it is a capture to the other reader");
    assert!(frames.iter().eq(whole.frames()));
    assert_eq!(end, whole.end);
}

/// A file that is cut off has the beginning of what the whole one has, and nothing else is wrong with it.
fn a_part_is_a_beginning(bytes: &[u8], whole: &Contents) {
    let Some(part) = Contents::read(&bytes[..bytes.len() / 2]) else { return };
    assert_eq!(part.parts, whole.parts[..part.parts.len()]);
    assert!(!matches!(part.end, End::Broken(..)) || part.end == whole.end);
}

/// The frames of a pcap file are the same in a pcapng file.
fn frames_of_pcap_come_through(bytes: &[u8]) {
    let Some((interfaces, frames, _)) = frames_of(bytes) else { return };
    let described = |interface| Part::Interface(Described { interface, snaplen: 0, filter: None });
    let parts =
        interfaces.into_iter().map(described).chain(frames.into_iter().map(Part::Frame)).collect();
    let contents = Contents { parts, end: End::Whole };
    let again = Contents::read(&contents.written()[..]).expect("the writer wrote no pcapng");
    let sent = contents.parts_as_written();
    assert_eq!(again.parts[1..], sent);
}
