//! A pcapng file.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use twinax_lab::capture::CaptureFile;
use twinax_packet::pcapng::{Extras, WriteError};
use twinax_packet::{Frame, Time};
use twinax_topology::NodeName;

use super::{Known, Sink};
use crate::command::Wrong;

/// A pcapng file, or a pipe into which one goes.
pub struct File {
    /// `None` after the end.
    file: Option<CaptureFile<Box<dyn Write>>>,
    left: u64,
    hung_up: bool,
    /// Whether it is no pipe.
    is_file: bool,
}

impl File {
    /// Opens it; `-` is standard output. What is there already is overwritten.
    pub fn open(path: &Path, filter: Option<String>, most: u64) -> anyhow::Result<Self> {
        let (out, is_file): (Box<dyn Write>, bool) = match path == Path::new("-") {
            true => (Box::new(std::io::stdout()), false),
            false => {
                let file = fs::File::create(path).map_err(|error| {
                    Wrong::new(format!("`{}` can't be written: {error}", path.display()))
                })?;
                let is_file = file.metadata().is_ok_and(|of| of.is_file());
                (Box::new(file), is_file)
            }
        };
        let file = Some(CaptureFile::new(out, filter)?);
        Ok(Self { file, left: most, hung_up: false, is_file })
    }

    /// Who has hung up, as Wireshark does when it has seen enough, wanted no more.
    fn or_hung_up(&mut self, done: Result<(), WriteError>) -> anyhow::Result<()> {
        match done {
            Err(WriteError::Out(error)) if error.kind() == ErrorKind::BrokenPipe => {
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
        if self.is_done() {
            return Ok(());
        }
        self.left -= 1;
        let written = match &mut self.file {
            Some(own) => own.frame_with(known.interfaces, frame, extras),
            None => Ok(()),
        };
        self.or_hung_up(written)
    }

    fn is_read_later(&self) -> bool {
        self.is_file
    }

    fn pause(&mut self, known: Known<'_>, now: Time) -> anyhow::Result<()> {
        let written = self.file.as_mut().map_or(Ok(()), |own| own.flush(known.interfaces, now));
        self.or_hung_up(written)
    }

    fn end(&mut self, known: Known<'_>, now: Time) -> anyhow::Result<()> {
        let file = self.file.take();
        let written = file.map_or(Ok(()), |own| own.finish(known.interfaces, now).map(drop));
        self.or_hung_up(written)
    }

    fn lost(&mut self, node: &NodeName, frames: u64) {
        if let Some(file) = &mut self.file {
            file.lost(node, frames);
        }
    }

    fn is_done(&self) -> bool {
        self.left == 0 || self.hung_up
    }
}
