//! A capture as a pcapng file.

use std::collections::HashMap;
use std::io::Write;

use twinax_packet::pcapng::{Extras, Section, Statistics, WriteError, Writer};
use twinax_packet::{Frame, Interface, Time};
use twinax_topology::NodeName;

/// A pcapng file into which a capture goes: every interface with its name, every frame with its way, and
/// at the end what was counted.
pub struct CaptureFile<W> {
    writer: Writer<W>,
    /// How many frames of each interface were written.
    written: Vec<u64>,
    /// Frames that had no room, of the nodes where none was written since.
    lost: HashMap<String, u64>,
    lost_in_all: HashMap<String, u64>,
    started: Option<Time>,
    filter: Option<String>,
}

impl<W: Write> CaptureFile<W> {
    /// Begins a file. The frames had to pass this filter, in the words of `pcap-filter(7)`.
    ///
    /// # Errors
    ///
    /// As [`Writer::new`].
    pub fn new(out: W, filter: Option<String>) -> Result<Self, WriteError> {
        Self::begin(out, filter, None)
    }

    /// Begins a file of which something is to be remarked as a whole.
    ///
    /// # Errors
    ///
    /// As [`Writer::new`].
    pub fn remarked(out: W, comment: &str) -> Result<Self, WriteError> {
        Self::begin(out, None, Some(comment))
    }

    fn begin(out: W, filter: Option<String>, comment: Option<&str>) -> Result<Self, WriteError> {
        let section = Section {
            hardware: Some(std::env::consts::ARCH.into()),
            system: system().map(Into::into),
            application: Some(concat!("twinax ", env!("CARGO_PKG_VERSION")).into()),
            comment: comment.map(Into::into),
        };
        Ok(Self {
            writer: Writer::new(out, &section)?,
            written: Vec::new(),
            lost: HashMap::new(),
            lost_in_all: HashMap::new(),
            started: None,
            filter,
        })
    }

    /// Writes a frame that was seen at one of these interfaces, of which there are never fewer than
    /// before.
    ///
    /// # Errors
    ///
    /// Where it can't be written.
    pub fn frame(&mut self, interfaces: &[Interface], frame: &Frame<'_>) -> Result<(), WriteError> {
        self.frame_with(interfaces, frame, &Extras::default())
    }

    /// The same, and what else is to be said of the frame.
    ///
    /// # Errors
    ///
    /// Where it can't be written.
    pub fn frame_with(
        &mut self,
        interfaces: &[Interface],
        frame: &Frame<'_>,
        extras: &Extras<'_>,
    ) -> Result<(), WriteError> {
        let Some(interface) = interfaces.get(frame.interface as usize) else { return Ok(()) };
        self.describe(interfaces)?;
        let lost = if self.lost.is_empty() { None } else { self.lost.remove(&interface.node) };
        self.written[frame.interface as usize] += 1;
        match lost {
            None => self.writer.frame_with(frame, extras),
            Some(lost) => {
                let drops = Some(lost + extras.drops.unwrap_or_default());
                self.writer.frame_with(frame, &Extras { drops, ..extras.clone() })
            }
        }
    }

    /// Of a node so many frames had no room since this was last told.
    pub fn lost(&mut self, node: &NodeName, frames: u64) {
        *self.lost.entry(node.to_string()).or_default() += frames;
        *self.lost_in_all.entry(node.to_string()).or_default() += frames;
    }

    /// Hands on all that was written, so that it is there whatever happens to us.
    ///
    /// # Errors
    ///
    /// Where it can't be written.
    pub fn flush(&mut self, interfaces: &[Interface], now: Time) -> Result<(), WriteError> {
        self.started.get_or_insert(now);
        self.describe(interfaces)?;
        self.writer.flush()
    }

    /// Writes what was counted, and gives back what was written to.
    ///
    /// # Errors
    ///
    /// Where it can't be written.
    pub fn finish(mut self, interfaces: &[Interface], now: Time) -> Result<W, WriteError> {
        self.describe(interfaces)?;
        for (id, interface) in interfaces.iter().enumerate() {
            // One ring has the frames of all devices of a node: what it had no room for is told once.
            let lost = self.lost_in_all.remove(&interface.node).unwrap_or_default();
            let written = self.written[id];
            let statistics = Statistics {
                time: now,
                started: self.started,
                ended: Some(now),
                accepted: Some(written + lost),
                system_drops: Some(lost),
                // Of the two, this is what Wireshark shows, and what its own programs write.
                interface_drops: Some(lost),
                delivered: Some(written),
                ..Statistics::default()
            };
            self.writer.statistics(id as u32, &statistics)?;
        }
        self.writer.finish()
    }

    fn describe(&mut self, interfaces: &[Interface]) -> Result<(), WriteError> {
        for interface in interfaces.iter().skip(self.written.len()) {
            self.writer.interface(interface, 0, self.filter.as_deref())?;
            self.written.push(0);
        }
        Ok(())
    }
}

/// The kernel and its release, as `uname -sr` has it.
fn system() -> Option<String> {
    let own = rustix::system::uname();
    Some(format!("{} {}", own.sysname().to_str().ok()?, own.release().to_str().ok()?))
}
