//! Frames into a file.

use std::io::{self, Write};

use super::block::{self, Block};
use super::format::{self, option};
use super::{Extras, MAXIMUM_FRAME, Section, Statistics};
use crate::{Direction, Frame, Interface, InterfaceId};

/// So much is gathered before it is handed on.
const BUFFER: usize = 256 << 10;
/// Room for all of a packet's block but its frame and comments.
const AROUND: usize = 128;

/// Writes a capture file of one section, times in nanoseconds, all numbers little-endian.
///
/// What is written is gathered and handed on in large pieces, each of whole blocks. [`flush`](Self::flush)
/// hands on what there is; dropping the writer does not.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    buffer: Vec<u8>,
    /// How many interfaces have been described.
    interfaces: InterfaceId,
}

/// Why something could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// What was gathered could not be handed on. It is kept, from the first byte on that was not taken:
    /// writing or flushing again goes on there.
    #[error("the capture can't be written")]
    Out(#[from] io::Error),
    /// A frame, or statistics, of an interface that was not described.
    #[error("interface {0} has not been described in the capture file")]
    NoInterface(InterfaceId),
}

impl<W: Write> Writer<W> {
    /// Begins a file.
    ///
    /// # Errors
    ///
    /// Where it can't be written; nothing is, before much has been gathered.
    pub fn new(out: W, section: &Section<'_>) -> Result<Self, WriteError> {
        let mut writer = Self { out, buffer: Vec::with_capacity(BUFFER), interfaces: 0 };
        let mut block = Block::begin(&mut writer.buffer, format::SECTION);
        block.u32(format::BYTE_ORDER_MAGIC);
        block.u16(format::VERSION.0);
        block.u16(format::VERSION.1);
        block.u64(format::LENGTH_UNKNOWN);
        let Section { hardware, system, application, comment } = section;
        let options = [option::HARDWARE, option::SYSTEM, option::APPLICATION, option::COMMENT];
        for (code, text) in options.into_iter().zip([hardware, system, application, comment]) {
            if let Some(text) = text {
                block.text(code, text);
            }
        }
        block.end();
        Ok(writer)
    }

    /// Describes the next interface, with how many bytes of each of its frames are kept (0: all) and the
    /// filter they had to pass, in the words of `pcap-filter(7)`. The first is number 0.
    ///
    /// # Errors
    ///
    /// Where it can't be written.
    pub fn interface(
        &mut self,
        interface: &Interface,
        snaplen: u32,
        filter: Option<&str>,
    ) -> Result<InterfaceId, WriteError> {
        self.room(0)?;
        let Interface { node, device, link_type, mac } = interface;
        let mut block = Block::begin(&mut self.buffer, format::INTERFACE);
        block.u16(link_type.number());
        block.u16(0);
        block.u32(snaplen);
        let name = interface.to_string();
        if !name.is_empty() {
            block.text(option::NAME, &name);
        }
        if !node.is_empty() {
            block.text(option::DESCRIPTION, &format!("{device} of node {node}"));
        }
        if let Some(mac) = mac {
            block.option(option::MAC, &mac.0);
        }
        block.option(option::RESOLUTION, &[format::NANOSECONDS]);
        if let Some(filter) = filter {
            block.filter(filter);
        }
        block.end();
        self.interfaces += 1;
        Ok(self.interfaces - 1)
    }

    /// How many interfaces have been described: the number of the next.
    pub fn interfaces(&self) -> InterfaceId {
        self.interfaces
    }

    /// What is written to; it has what was [flushed](Self::flush).
    pub fn get_ref(&self) -> &W {
        &self.out
    }

    /// Writes a frame. Of a longer one than [`MAXIMUM_FRAME`] only the beginning is kept.
    ///
    /// # Errors
    ///
    /// Where its interface was not described, or what was gathered before can't be handed on; the frame
    /// is not written then.
    pub fn frame(&mut self, frame: &Frame<'_>) -> Result<(), WriteError> {
        if frame.direction == Direction::Unknown {
            self.packet(frame)?.end();
            return Ok(());
        }
        let bytes = self.room_for(frame)?;
        block::plain_packet(&mut self.buffer, frame, bytes, format::flags(frame.direction));
        Ok(())
    }

    /// Writes a frame, and what else is to be said of it.
    ///
    /// # Errors
    ///
    /// As [`frame`](Self::frame).
    pub fn frame_with(&mut self, frame: &Frame<'_>, extras: &Extras<'_>) -> Result<(), WriteError> {
        if extras.is_empty() {
            return self.frame(frame);
        }
        let mut block = self.packet(frame)?;
        for comment in &extras.comments {
            block.text(option::COMMENT, comment);
        }
        if frame.direction != Direction::Unknown {
            block.option(option::FLAGS, &format::flags(frame.direction).to_le_bytes());
        }
        for (code, number) in [(option::DROPS, extras.drops), (option::PACKET_ID, extras.packet_id)]
        {
            if let Some(number) = number {
                block.option(code, &number.to_le_bytes());
            }
        }
        block.end();
        Ok(())
    }

    /// Writes what was counted at an interface, usually at the end.
    ///
    /// # Errors
    ///
    /// As [`frame`](Self::frame).
    pub fn statistics(
        &mut self,
        interface: InterfaceId,
        statistics: &Statistics,
    ) -> Result<(), WriteError> {
        self.known(interface)?;
        self.room(0)?;
        let mut block = Block::begin(&mut self.buffer, format::STATISTICS);
        block.u32(interface);
        block.time(statistics.time);
        let Statistics { started, ended, .. } = *statistics;
        for (code, time) in [(option::STARTED, started), (option::ENDED, ended)] {
            if let Some(time) = time {
                block.time_option(code, time);
            }
        }
        for (code, count) in [
            (option::RECEIVED, statistics.received),
            (option::INTERFACE_DROPS, statistics.interface_drops),
            (option::ACCEPTED, statistics.accepted),
            (option::SYSTEM_DROPS, statistics.system_drops),
            (option::DELIVERED, statistics.delivered),
        ] {
            if let Some(count) = count {
                block.option(code, &count.to_le_bytes());
            }
        }
        block.end();
        Ok(())
    }

    /// Hands on all that was gathered.
    ///
    /// # Errors
    ///
    /// Where it can't be written; what was not taken is kept.
    pub fn flush(&mut self) -> Result<(), WriteError> {
        self.hand_on()?;
        Ok(self.out.flush()?)
    }

    /// Hands on all that was gathered, and gives back what it was written to.
    ///
    /// # Errors
    ///
    /// Where it can't be written.
    pub fn finish(mut self) -> Result<W, WriteError> {
        self.flush()?;
        Ok(self.out)
    }

    /// Begins the block of a frame: all of it but the options.
    #[inline]
    fn packet(&mut self, frame: &Frame<'_>) -> Result<Block<'_>, WriteError> {
        let bytes = self.room_for(frame)?;
        Ok(Block::packet(&mut self.buffer, frame, bytes))
    }

    /// Sees to it that there is room for a frame; what of it is written.
    #[inline]
    fn room_for<'f>(&mut self, frame: &Frame<'f>) -> Result<&'f [u8], WriteError> {
        self.known(frame.interface)?;
        let bytes = &frame.bytes[..frame.bytes.len().min(MAXIMUM_FRAME)];
        self.room(bytes.len())?;
        Ok(bytes)
    }

    /// Sees to it that there is room for a block with so many bytes of a frame.
    #[inline]
    fn room(&mut self, bytes: usize) -> Result<(), WriteError> {
        if self.buffer.len() + bytes + AROUND > BUFFER { self.hand_on() } else { Ok(()) }
    }

    #[cold]
    fn hand_on(&mut self) -> Result<(), WriteError> {
        let mut taken = 0;
        let mut done = Ok(());
        while taken < self.buffer.len() && done.is_ok() {
            match self.out.write(&self.buffer[taken..]) {
                Ok(0) => done = Err(io::ErrorKind::WriteZero.into()),
                Ok(more) => taken += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => done = Err(error),
            }
        }
        self.buffer.drain(..taken);
        Ok(done?)
    }

    fn known(&self, interface: InterfaceId) -> Result<(), WriteError> {
        if interface < self.interfaces { Ok(()) } else { Err(WriteError::NoInterface(interface)) }
    }
}
