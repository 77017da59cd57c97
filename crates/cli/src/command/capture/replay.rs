//! Frames of a file.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::Context as _;
use twinax_lab::capture::filter;
use twinax_packet::Time;
use twinax_packet::file::FileReader;
use twinax_packet::filter::Filter;
use twinax_packet::journey::Wiring;

use super::sink::{Known, Sink};
use crate::args::Capture;
use crate::command::{HELD, Wrong};
use crate::show;

/// Has the frames of a file go where they are to go. How its devices hang together it does not say.
pub fn run(path: &Path, asked: &Capture, mut sink: Box<dyn Sink>) -> anyhow::Result<u8> {
    let named = || format!("`{}`", path.display());
    let from: Box<dyn Read> = match path == Path::new("-") {
        true => Box::new(std::io::stdin()),
        false => Box::new(
            File::open(path)
                .map_err(|error| Wrong::new(format!("{} can't be read: {error}", named())))?,
        ),
    };
    let filter = asked.filter.as_deref().map(filter::compile).transpose()?.map(|(own, _)| own);
    let mut reader = FileReader::new(from).with_context(named)?;
    let wiring = Wiring::default();
    let mut last = Time(0);
    while !sink.is_done() {
        let Some((interfaces, frame, said)) = reader.next().with_context(named)? else { break };
        let interface = &interfaces[frame.interface as usize];
        if filter.as_ref().is_some_and(|own: &Filter| !own.wants(interface.link_type, &frame)) {
            continue;
        }
        last = frame.time;
        let known = Known { interfaces, wiring: &wiring };
        sink.frame_with(known, &frame, &said.extras())?;
        // Nothing is lost by waiting for whoever reads it.
        if let Some(screen) = sink.screen() {
            if screen.is_full() {
                screen.finish()?;
            }
            if screen.has_hung_up() {
                return Ok(HELD);
            }
        }
    }
    sink.end(Known { interfaces: reader.interfaces(), wiring: &wiring }, last)?;
    if reader.is_truncated() && !asked.quiet {
        show::tell(&format!("{} ends in the middle of a frame", named()));
    }
    Ok(HELD)
}
