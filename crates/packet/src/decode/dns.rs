//! DNS (RFC 1035).

use super::bytes::u16_at;

/// A message of the DNS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dns<'a> {
    /// Which question; its answer has the same.
    pub id: u16,
    /// The flags, with opcode and response code in them.
    pub flags: u16,
    /// How many questions there are.
    pub questions: u16,
    /// How many records answer.
    pub answers: u16,
    /// How many name servers that have authority.
    pub authorities: u16,
    /// How many further records.
    pub additionals: u16,
    /// All of the message, from its id on, as far as it was captured.
    pub message: &'a [u8],
}

impl<'a> Dns<'a> {
    /// How long the header is, in bytes.
    pub const HEADER: usize = 12;

    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        Some(Self {
            id: u16_at(bytes, 0)?,
            flags: u16_at(bytes, 2)?,
            questions: u16_at(bytes, 4)?,
            answers: u16_at(bytes, 6)?,
            authorities: u16_at(bytes, 8)?,
            additionals: u16_at(bytes, 10)?,
            message: bytes,
        })
    }

    /// Whether it answers.
    pub fn is_response(&self) -> bool {
        self.flags & 0x8000 != 0
    }

    /// What is wanted: 0 is a query.
    pub fn opcode(&self) -> u8 {
        (self.flags >> 11) as u8 & 0xf
    }

    /// What came of it: 0 is well.
    pub fn response_code(&self) -> u8 {
        self.flags as u8 & 0xf
    }
}
