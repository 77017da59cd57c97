//! A pcapng file.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use twinax_packet::pcapng::{Extras, Section, Statistics, WriteError, Writer};
use twinax_packet::{Frame, Interface, Time};
use twinax_topology::NodeName;

use super::{Known, Sink};
use crate::command::Wrong;

/// A pcapng file, or a pipe into which one goes.
pub struct File {
    writer: Writer<Box<dyn Write>>,
    filter: Option<String>,
    counted: Vec<u64>,
    /// Frames that had no room, of the nodes where none was written since.
    lost: HashMap<String, u64>,
    lost_in_all: HashMap<String, u64>,
    started: Option<Time>,
    left: u64,
    hung_up: bool,
}

impl File {
    /// Opens it; `-` is standard output. What is there already is overwritten.
    pub fn open(path: &Path, filter: Option<String>, most: u64) -> anyhow::Result<Self> {
        let out: Box<dyn Write> = match path == Path::new("-") {
            true => Box::new(std::io::stdout()),
            false => Box::new(fs::File::create(path).map_err(|error| {
                Wrong::new(format!("`{}` can't be written: {error}", path.display()))
            })?),
        };
        let section = Section {
            hardware: Some(std::env::consts::ARCH.into()),
            system: system().map(Into::into),
            application: Some(concat!("twinax ", env!("CARGO_PKG_VERSION")).into()),
        };
        Ok(Self {
            writer: Writer::new(out, &section)?,
            filter,
            counted: Vec::new(),
            lost: HashMap::new(),
            lost_in_all: HashMap::new(),
            started: None,
            left: most,
            hung_up: false,
        })
    }

    fn describe(&mut self, interfaces: &[Interface]) -> Result<(), WriteError> {
        for interface in &interfaces[self.counted.len()..] {
            self.writer.interface(interface, 0, self.filter.as_deref())?;
            self.counted.push(0);
        }
        Ok(())
    }

    /// Who has hung up, as Wireshark does when it has seen enough, wanted no more.
    fn or_hung_up(&mut self, done: Result<(), WriteError>) -> anyhow::Result<()> {
        match done {
            Err(WriteError::Out(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                self.hung_up = true;
                Ok(())
            }
            done => Ok(done?),
        }
    }
}

impl Sink for File {
    fn frame(&mut self, known: Known<'_>, frame: &Frame<'_>) -> anyhow::Result<()> {
        self.frame_with(known, frame, &Extras::default())
    }

    fn frame_with(
        &mut self,
        known: Known<'_>,
        frame: &Frame<'_>,
        extras: &Extras<'_>,
    ) -> anyhow::Result<()> {
        let Some(interface) = known.interfaces.get(frame.interface as usize) else { return Ok(()) };
        if self.is_done() {
            return Ok(());
        }
        self.left -= 1;
        if self.counted.len() < known.interfaces.len() {
            let described = self.describe(known.interfaces);
            self.or_hung_up(described)?;
        }
        self.counted[frame.interface as usize] += 1;
        let lost = if self.lost.is_empty() { None } else { self.lost.remove(&interface.node) };
        let written = match lost {
            None => self.writer.frame_with(frame, extras),
            Some(lost) => {
                let drops = Some(lost + extras.drops.unwrap_or_default());
                self.writer.frame_with(frame, &Extras { drops, ..extras.clone() })
            }
        };
        self.or_hung_up(written)
    }

    fn pause(&mut self, known: Known<'_>, now: Time) -> anyhow::Result<()> {
        self.started.get_or_insert(now);
        let described = self.describe(known.interfaces).and_then(|()| self.writer.flush());
        self.or_hung_up(described)
    }

    fn end(&mut self, known: Known<'_>, now: Time) -> anyhow::Result<()> {
        self.pause(known, now)?;
        let mut written = Ok(());
        for (id, interface) in known.interfaces.iter().enumerate() {
            // One ring has the frames of all devices of a node: what it had no room for is told once.
            let lost = self.lost_in_all.remove(&interface.node).unwrap_or_default();
            let statistics = Statistics {
                time: now,
                started: self.started,
                ended: Some(now),
                accepted: Some(self.counted[id] + lost),
                system_drops: Some(lost),
                delivered: Some(self.counted[id]),
                ..Statistics::default()
            };
            written = written.and_then(|()| self.writer.statistics(id as u32, &statistics));
        }
        written = written.and_then(|()| self.writer.flush());
        self.or_hung_up(written)
    }

    fn lost(&mut self, node: &NodeName, frames: u64) {
        *self.lost.entry(node.to_string()).or_default() += frames;
        *self.lost_in_all.entry(node.to_string()).or_default() += frames;
    }

    fn is_done(&self) -> bool {
        self.left == 0 || self.hung_up
    }
}

/// The kernel and its release, as `uname -sr` has it.
fn system() -> Option<String> {
    let own = rustix::system::uname();
    Some(format!("{} {}", own.sysname().to_str().ok()?, own.release().to_str().ok()?))
}
