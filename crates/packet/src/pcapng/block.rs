//! One block after another, into memory.

use super::format::{self, option};
use super::text;
use crate::{Frame, Time};

/// Zeroes, for whatever has to end at a multiple of four bytes.
const PADDING: [u8; 3] = [0; 3];

/// A block that is being written. It is one only after [`end`](Self::end).
pub struct Block<'a> {
    buffer: &'a mut Vec<u8>,
    /// Where in the buffer it begins.
    start: usize,
    /// Whether there are options in it, the last of which has to be `opt_endofopt`.
    options: bool,
}

impl<'a> Block<'a> {
    /// Begins one of this type.
    pub fn begin(buffer: &'a mut Vec<u8>, kind: u32) -> Self {
        let start = buffer.len();
        buffer.extend_from_slice(&kind.to_le_bytes());
        // Its length, which is not known yet.
        buffer.extend_from_slice(&[0; 4]);
        Self { buffer, start, options: false }
    }

    /// Begins an enhanced packet block with all of it but the options.
    #[inline]
    pub fn packet(buffer: &'a mut Vec<u8>, frame: &Frame<'_>, bytes: &[u8]) -> Self {
        let start = buffer.len();
        buffer.extend_from_slice(&packet_head(frame, bytes, 0));
        let mut block = Self { buffer, start, options: false };
        block.padded(bytes);
        block
    }

    /// A number of 16 bits.
    pub fn u16(&mut self, number: u16) {
        self.buffer.extend_from_slice(&number.to_le_bytes());
    }

    /// A number of 32 bits.
    pub fn u32(&mut self, number: u32) {
        self.buffer.extend_from_slice(&number.to_le_bytes());
    }

    /// A number of 64 bits.
    pub fn u64(&mut self, number: u64) {
        self.buffer.extend_from_slice(&number.to_le_bytes());
    }

    /// A time: two numbers of 32 bits, the upper half first.
    pub fn time(&mut self, time: Time) {
        self.buffer.extend_from_slice(&time_bytes(time));
    }

    /// An option, of at most 65,535 bytes.
    pub fn option(&mut self, code: u16, value: &[u8]) {
        debug_assert!(value.len() <= text::LONGEST);
        self.u16(code);
        self.u16(value.len() as u16);
        self.padded(value);
        self.options = true;
    }

    /// An option that is a text, as much of it as an option can hold.
    pub fn text(&mut self, code: u16, text: &str) {
        self.option(code, text::fitting(text, text::LONGEST).as_bytes());
    }

    /// An option that is a time.
    pub fn time_option(&mut self, code: u16, time: Time) {
        self.option(code, &time_bytes(time));
    }

    /// `if_filter`, in the words of libpcap.
    pub fn filter(&mut self, filter: &str) {
        let filter = text::fitting(filter, text::LONGEST - 1);
        let value = [&[format::FILTER_WORDS], filter.as_bytes()].concat();
        self.option(option::FILTER, &value);
    }

    /// Ends it, and says how long it is.
    #[inline]
    pub fn end(self) {
        let Self { buffer, start, options } = self;
        if options {
            buffer.extend_from_slice(&u32::from(option::END).to_le_bytes());
        }
        let length = (buffer.len() - start + 4) as u32;
        buffer.extend_from_slice(&length.to_le_bytes());
        buffer[start + 4..start + 8].copy_from_slice(&length.to_le_bytes());
    }

    #[inline]
    fn padded(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        let padding = bytes.len().next_multiple_of(4) - bytes.len();
        self.buffer.extend_from_slice(&PADDING[..padding]);
    }
}

/// A whole enhanced packet block that has no options but flags: by far the most of them are like this.
#[inline]
pub fn plain_packet(buffer: &mut Vec<u8>, frame: &Frame<'_>, bytes: &[u8], flags: u32) {
    const TAIL: usize = 16;
    let padding = bytes.len().next_multiple_of(4) - bytes.len();
    let length = PACKET_HEAD + bytes.len() + padding + TAIL;
    buffer.extend_from_slice(&packet_head(frame, bytes, length as u32));
    buffer.extend_from_slice(bytes);
    let mut tail = [0; PADDING.len() + TAIL];
    let (_, rest) = tail.split_at_mut(padding);
    put(rest, [u32::from(option::FLAGS) | 4 << 16, flags, option::END.into(), length as u32]);
    buffer.extend_from_slice(&tail[..padding + TAIL]);
}

/// How much of a packet's block comes before the frame.
const PACKET_HEAD: usize = 28;

#[inline]
fn packet_head(frame: &Frame<'_>, bytes: &[u8], length: u32) -> [u8; PACKET_HEAD] {
    let captured = bytes.len() as u32;
    let [high, low] = halves(frame.time);
    let on_the_wire = frame.length.max(captured);
    let mut head = [0; PACKET_HEAD];
    let kind = format::ENHANCED_PACKET;
    put(&mut head, [kind, length, frame.interface, high, low, captured, on_the_wire]);
    head
}

/// Puts numbers of 32 bits down, one after the other.
#[inline]
fn put<const N: usize>(bytes: &mut [u8], numbers: [u32; N]) {
    for (place, number) in bytes.chunks_exact_mut(4).zip(numbers) {
        place.copy_from_slice(&number.to_le_bytes());
    }
}

fn time_bytes(time: Time) -> [u8; 8] {
    let [high, low] = halves(time);
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&high.to_le_bytes());
    bytes[4..].copy_from_slice(&low.to_le_bytes());
    bytes
}

fn halves(Time(nanoseconds): Time) -> [u32; 2] {
    [(nanoseconds >> 32) as u32, nanoseconds as u32]
}
