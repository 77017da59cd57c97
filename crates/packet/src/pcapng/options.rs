//! The options at the end of a block.

use super::format::{self, option};
use super::order::Order;
use super::{Extras, Statistics};
use crate::{Direction, Mac, Time};

/// The options of a block; what is left when one can't be read is passed over.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    bytes: &'a [u8],
    order: Order,
}

impl<'a> Options<'a> {
    pub(super) fn new(bytes: &'a [u8], order: Order) -> Self {
        Self { bytes, order }
    }

    fn all(self) -> impl Iterator<Item = (u16, &'a [u8])> {
        let mut rest = self.bytes;
        std::iter::from_fn(move || {
            let code = self.order.u16(rest, 0)?;
            let length = usize::from(self.order.u16(rest, 2)?);
            let value = rest.get(4..4 + length)?;
            rest = rest.get(4 + length.next_multiple_of(4)..).unwrap_or_default();
            (code != option::END).then_some((code, value))
        })
    }

    fn find(self, wanted: u16) -> Option<&'a [u8]> {
        self.all().find(|(code, _)| *code == wanted).map(|(_, value)| value)
    }

    pub(super) fn text(self, wanted: u16) -> Option<String> {
        let text = String::from_utf8_lossy(self.find(wanted)?);
        // Some writers end a text with a NUL.
        Some(text.trim_end_matches('\0').to_owned())
    }

    pub(super) fn mac(self) -> Option<Mac> {
        Some(Mac(self.find(option::MAC)?.try_into().ok()?))
    }

    pub(super) fn byte(self, wanted: u16) -> Option<u8> {
        self.find(wanted)?.first().copied()
    }

    pub(super) fn seconds(self, wanted: u16) -> Option<i64> {
        self.order.u64(self.find(wanted)?, 0).map(u64::cast_signed)
    }

    /// Which way a frame went.
    pub(super) fn direction(self) -> Direction {
        let flags = self.find(option::FLAGS).and_then(|value| self.order.u32(value, 0));
        flags.map_or(Direction::Unknown, format::direction)
    }

    /// What is said of a frame besides.
    pub(super) fn extras(self) -> Extras<'a> {
        let mut extras = Extras::default();
        for (code, value) in self.all() {
            match code {
                option::COMMENT => extras.comments.push(String::from_utf8_lossy(value)),
                option::DROPS => extras.drops = self.order.u64(value, 0),
                option::PACKET_ID => extras.packet_id = self.order.u64(value, 0),
                _ => {}
            }
        }
        extras
    }

    /// What was counted; times by way of `time`.
    pub(super) fn statistics(self, at: Time, time: impl Fn(u64) -> Time) -> Statistics {
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
