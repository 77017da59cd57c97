//! A capture file of either format: pcapng, or the older pcap.

use std::io::Read;

use crate::pcapng::{self, ReadError, Seen, Source};
use crate::{Interface, pcap};

/// Reads the frames of a capture file.
#[derive(Debug)]
pub struct FileReader<R> {
    format: Format<R>,
}

#[derive(Debug)]
enum Format<R> {
    Pcapng(pcapng::Reader<R>),
    Pcap(pcap::Reader<R>),
}

impl<R: Read> FileReader<R> {
    /// Begins to read; the first bytes tell the format.
    ///
    /// # Errors
    ///
    /// [`ReadError::NoCapture`]: it is neither of the two.
    pub fn new(from: R) -> Result<Self, ReadError> {
        let mut source = Source::new(from);
        let pcapng = source.fill(4)? && pcapng::begins(source.bytes());
        let format = match pcapng {
            true => Format::Pcapng(pcapng::Reader::with(source)),
            false => Format::Pcap(pcap::Reader::new(source)?),
        };
        Ok(Self { format })
    }

    /// All interfaces that were described up to now.
    pub fn interfaces(&self) -> &[Interface] {
        match &self.format {
            Format::Pcapng(reader) => reader.interfaces(),
            Format::Pcap(reader) => reader.interfaces(),
        }
    }

    /// Whether the file ended in the middle of something, as one does whose writer was killed.
    pub fn is_truncated(&self) -> bool {
        match &self.format {
            Format::Pcapng(reader) => reader.is_truncated(),
            Format::Pcap(reader) => reader.is_truncated(),
        }
    }

    /// The next frame; `None`: there is no more.
    ///
    /// # Errors
    ///
    /// [`ReadError::Broken`]: the file is none from there on.
    #[expect(clippy::should_implement_trait, reason = "a frame borrows from the reader")]
    pub fn next(&mut self) -> Result<Option<Seen<'_>>, ReadError> {
        match &mut self.format {
            Format::Pcapng(reader) => reader.next_frame(),
            Format::Pcap(reader) => reader.next_frame(),
        }
    }
}
