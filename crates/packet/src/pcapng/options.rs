//! The options at the end of a block.

use std::borrow::Cow;

use super::format::{self, option};
use super::order::Order;
use super::text;
use super::{Extras, Section, Statistics};
use crate::{Direction, Mac, Time};

/// The options of a block, in order.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    bytes: &'a [u8],
    order: Order,
}

impl<'a> Options<'a> {
    /// The options in these bytes.
    pub fn of(bytes: &'a [u8], order: Order) -> Self {
        Self { bytes, order }
    }

    /// Sees to it that they are options. Some have to be as long as is said here, if they are there.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub fn checked(self, lengths: &[(u16, usize)]) -> Result<Self, &'static str> {
        let mut rest = self.bytes;
        while let Some((code, length)) = self.head(rest)
            && code != option::END
        {
            if rest.len() < 4 + length {
                return Err("an option that is longer than its block");
            }
            if lengths.iter().any(|(own, wanted)| *own == code && *wanted != length) {
                return Err("an option of an impossible length");
            }
            rest = after(rest, length);
        }
        Ok(self)
    }

    /// Code and length of the first option in these bytes.
    fn head(self, bytes: &[u8]) -> Option<(u16, usize)> {
        Some((self.order.u16(bytes, 0)?, self.order.u16(bytes, 2)?.into()))
    }

    fn all(self) -> impl Iterator<Item = (u16, &'a [u8])> {
        let mut rest = self.bytes;
        std::iter::from_fn(move || {
            let (code, length) = self.head(rest)?;
            let value = rest.get(4..4 + length)?;
            rest = after(rest, length);
            (code != option::END).then_some((code, value))
        })
    }

    fn find(self, wanted: u16) -> Option<&'a [u8]> {
        self.all().find(|(code, _)| *code == wanted).map(|(_, value)| value)
    }

    fn text(self, wanted: u16) -> Option<Cow<'a, str>> {
        Some(text::read(self.find(wanted)?, text::LONGEST))
    }

    /// What wrote the section.
    pub fn section(self) -> Section<'a> {
        Section {
            hardware: self.text(option::HARDWARE),
            system: self.text(option::SYSTEM),
            application: self.text(option::APPLICATION),
            comment: self.text(option::COMMENT),
        }
    }

    /// The name of an interface.
    pub fn name(self) -> Cow<'a, str> {
        self.text(option::NAME).unwrap_or_default()
    }

    /// Its MAC address.
    pub fn mac(self) -> Option<Mac> {
        Some(Mac(self.find(option::MAC)?.try_into().ok()?))
    }

    /// The filter that its frames had to pass, if that is in words.
    pub fn filter(self) -> Option<Cow<'a, str>> {
        let (kind, words) = self.find(option::FILTER)?.split_first()?;
        (*kind == format::FILTER_WORDS).then(|| text::read(words, text::LONGEST - 1))
    }

    /// The unit of its times, as `if_tsresol` has it.
    pub fn resolution(self) -> u8 {
        let found = self.find(option::RESOLUTION).and_then(|value| value.first().copied());
        found.unwrap_or(format::MICROSECONDS)
    }

    /// What is to be added to its times, in seconds.
    pub fn time_offset(self) -> i64 {
        let found = self.find(option::TIME_OFFSET).and_then(|value| self.order.u64(value, 0));
        found.unwrap_or_default().cast_signed()
    }

    /// Which way a frame went.
    pub fn direction(self) -> Direction {
        let flags = self.find(option::FLAGS).and_then(|value| self.order.u32(value, 0));
        flags.map_or(Direction::Unknown, format::direction)
    }

    /// What is said of a frame besides.
    pub fn extras(self) -> Extras<'a> {
        let mut extras = Extras::default();
        for (code, value) in self.all() {
            match code {
                option::COMMENT => extras.comments.push(text::read(value, text::LONGEST)),
                option::DROPS => extras.drops = self.order.u64(value, 0),
                option::PACKET_ID => extras.packet_id = self.order.u64(value, 0),
                _ => {}
            }
        }
        extras
    }

    /// What was counted; times by way of `time`.
    pub fn statistics(self, at: Time, time: impl Fn(u64) -> Time) -> Statistics {
        let mut found = Statistics { time: at, ..Statistics::default() };
        for (code, value) in self.all() {
            let number = self.order.u64(value, 0);
            match code {
                option::STARTED => found.started = self.order.halves(value, 0).map(&time),
                option::ENDED => found.ended = self.order.halves(value, 0).map(&time),
                option::RECEIVED => found.received = number,
                option::INTERFACE_DROPS => found.interface_drops = number,
                option::ACCEPTED => found.accepted = number,
                option::SYSTEM_DROPS => found.system_drops = number,
                option::DELIVERED => found.delivered = number,
                _ => {}
            }
        }
        found
    }
}

/// What follows an option of this length.
fn after(bytes: &[u8], length: usize) -> &[u8] {
    bytes.get(4 + length.next_multiple_of(4)..).unwrap_or_default()
}
