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
        let captured = bytes.len() as u32;
        let [high, low] = halves(frame.time);
        let mut head = [0; 28];
        for (place, field) in head.chunks_exact_mut(4).zip([
            format::ENHANCED_PACKET,
            0,
            frame.interface,
            high,
            low,
            captured,
            frame.length.max(captured),
        ]) {
            place.copy_from_slice(&field.to_le_bytes());
        }
        buffer.extend_from_slice(&head);
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
