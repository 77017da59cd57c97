//! What is read and written through: pipes that take little at once, disks that are full, files that go
//! on for very long.

use std::io::{self, Read, Write};

use twinax_packet::pcapng::{Entry, ReadError, Reader, Section, WriteError, Writer};
use twinax_packet::{Direction, Frame, Interface, LinkType, Time};

fn interface() -> Interface {
    let (node, device) = ("left".into(), "veth3".into());
    Interface { node, device, link_type: LinkType::Ethernet, mac: None }
}

fn frame(number: u64, bytes: &[u8]) -> Frame<'_> {
    let (time, length) = (Time(number), bytes.len() as u32);
    Frame { time, interface: 0, direction: Direction::In, length, bytes }
}

/// So many frames of a writer, in its file.
fn write<W: Write>(out: W, frames: u64) -> Result<Writer<W>, WriteError> {
    let mut writer = Writer::new(out, &Section::default())?;
    writer.interface(&interface(), 0, None)?;
    for number in 0..frames {
        writer.frame(&frame(number, &[number as u8; 60]))?;
    }
    Ok(writer)
}

/// Keeps each piece that it is given.
#[derive(Default)]
struct Kept(Vec<Vec<u8>>);

impl Write for Kept {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.0.push(piece.to_vec());
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn pieces_end_where_blocks_end() {
    let pieces = write(Kept::default(), 20_000).unwrap().finish().unwrap().0;
    assert!(pieces.len() > 5, "{} pieces", pieces.len());
    let all = pieces.concat();
    let mut read = 0;
    for piece in pieces {
        read += piece.len();
        assert!(piece.len() <= 256 << 10);
        let mut reader = Reader::new(&all[..read]).unwrap();
        while reader.next().unwrap().is_some() {}
        assert!(!reader.is_truncated(), "a piece ends within a block");
    }
}

/// Nothing is handed on before there is much of it, or it is asked for.
#[test]
fn what_is_flushed_is_there() {
    let mut writer = write(Kept::default(), 3).unwrap();
    assert!(writer.get_ref().0.is_empty());
    writer.flush().unwrap();
    assert_eq!(writer.get_ref().0.len(), 1);
}

/// Takes a few bytes at a time, and at every third time none at all.
struct Full {
    taken: Vec<u8>,
    times: usize,
}

impl Write for Full {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.times += 1;
        if self.times.is_multiple_of(3) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let some = piece.len().min(1000);
        self.taken.extend(&piece[..some]);
        Ok(some)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// When there is room again, the file goes on where it ended.
#[test]
fn a_full_disk_takes_nothing_twice() {
    let expected = write(Vec::new(), 100).unwrap().finish().unwrap();
    let mut writer = write(Full { taken: Vec::new(), times: 0 }, 100).unwrap();
    let mut refused = 0;
    while let Err(error) = writer.flush() {
        assert!(matches!(error, WriteError::Out(_)));
        refused += 1;
    }
    assert!(refused > 3, "refused {refused} times");
    assert_eq!(writer.finish().unwrap().taken, expected);
}

/// Hands out one byte at a time.
struct Trickle<R>(R);

impl<R: Read> Read for Trickle<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let least = into.len().min(1);
        self.0.read(&mut into[..least])
    }
}

#[test]
fn a_pipe_that_hands_out_single_bytes_is_read() {
    let file = write(Vec::new(), 50).unwrap().finish().unwrap();
    let mut reader = Reader::new(Trickle(&file[..])).unwrap();
    let mut frames = 0;
    while let Some(entry) = reader.next().unwrap() {
        if let Entry::Frame(read, _) = entry {
            assert_eq!(read, frame(frames, &[frames as u8; 60]));
            frames += 1;
        }
    }
    assert_eq!(frames, 50);
}

/// A block's head and end, which say that it is so long.
fn long(kind: u32, length: u32) -> ([u8; 8], [u8; 4]) {
    let [k, l] = [kind, length].map(u32::to_le_bytes);
    ([k, l].concat().try_into().unwrap(), l)
}

#[test]
fn a_block_that_is_not_known_may_have_any_length() {
    let length = 100 << 20;
    let (head, end) = long(0x0bad, length);
    let begin = write(Vec::new(), 0).unwrap().finish().unwrap();
    let begin = begin.len() as u64;
    let file = write(Vec::new(), 1).unwrap().finish().unwrap();
    let (first, packet) = file.split_at(begin as usize);
    let body = io::repeat(7).take(u64::from(length) - 12);
    let whole = first.chain(&head[..]).chain(body).chain(&end[..]).chain(packet);
    let mut reader = Reader::new(whole).unwrap();
    let mut frames = 0;
    while let Some(entry) = reader.next().unwrap() {
        frames += usize::from(matches!(entry, Entry::Frame(..)));
    }
    assert!(frames == 1 && !reader.is_truncated());

    // The same, cut off within the block, and with another length at its end.
    let cut = first.chain(&head[..]).chain(io::repeat(7).take(70 << 20));
    let mut reader = Reader::new(cut).unwrap();
    while reader.next().unwrap().is_some() {}
    assert!(reader.is_truncated() && reader.next().unwrap().is_none() && reader.is_truncated());
    let body = io::repeat(7).take(u64::from(length) - 12);
    let wrong = first.chain(&head[..]).chain(body).chain(&[0; 4][..]);
    let mut reader = Reader::new(wrong).unwrap();
    let error = loop {
        match reader.next() {
            Ok(entry) => assert!(entry.is_some(), "it came to an end"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, ReadError::Broken { offset, .. } if offset == begin), "{error}");
}

/// A million interfaces are read, and no more.
#[test]
fn interfaces_without_end() {
    let section = write(Vec::new(), 0).unwrap().finish().unwrap()[..28].to_vec();
    let mut description = [1_u32, 20, 1, 0, 20].map(u32::to_le_bytes).concat();
    description = description.repeat(1 << 10);
    let mut descriptions = 0;
    let endless = std::iter::repeat_with(|| &description[..]).take(1 << 11);
    let file = [&section[..]].into_iter().chain(endless);
    let mut reader = Reader::new(Row { pieces: file, rest: &[] }).unwrap();
    let error = loop {
        match reader.next() {
            Ok(Some(Entry::Interface(..))) => descriptions += 1,
            Ok(entry) => assert!(entry.is_some(), "it came to an end"),
            Err(error) => break error,
        }
    };
    assert_eq!(descriptions, 1 << 20);
    assert!(error.to_string().ends_with("one interface too many"), "{error}");
}

/// Pieces, one after the other.
struct Row<'a, I> {
    pieces: I,
    rest: &'a [u8],
}

impl<'a, I: Iterator<Item = &'a [u8]>> Read for Row<'a, I> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.rest.is_empty() {
            self.rest = self.pieces.next().unwrap_or_default();
        }
        self.rest.read(into)
    }
}
