//! Where frames go: lines on the screen, a file, journeys.

mod file;
mod journeys;
mod lines;

use std::time::Duration;

use twinax_packet::journey::Wiring;
use twinax_packet::pcapng::Extras;
use twinax_packet::{Frame, Interface, Time};
use twinax_topology::NodeName;

use super::screen::Screen;
use crate::args::Capture;

/// What is known of the devices at which frames are seen.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// All that there are and have been.
    pub interfaces: &'a [Interface],
    /// How they hang together.
    pub wiring: &'a Wiring,
}

/// Where frames go.
pub trait Sink {
    /// Takes a frame.
    fn frame(&mut self, known: Known<'_>, frame: &Frame<'_>) -> anyhow::Result<()>;

    /// Takes a frame of a file, and what else the file says of it.
    fn frame_with(
        &mut self,
        known: Known<'_>,
        frame: &Frame<'_>,
        extras: &Extras<'_>,
    ) -> anyhow::Result<()> {
        let _ = extras;
        self.frame(known, frame)
    }

    /// There are no more for the moment; it is this time.
    fn pause(&mut self, known: Known<'_>, now: Time) -> anyhow::Result<()>;

    /// There will be no more.
    fn end(&mut self, known: Known<'_>, now: Time) -> anyhow::Result<()>;

    /// Of a node so many frames have had no room.
    fn lost(&mut self, node: &NodeName, frames: u64) {
        let _ = (node, frames);
    }

    /// Whether nobody looks at a frame as soon as it is there.
    fn is_read_later(&self) -> bool {
        false
    }

    /// Whether it has had as many frames as it was to have.
    fn is_done(&self) -> bool;

    /// When it has something to do even if nothing comes.
    fn due(&self) -> Option<Duration> {
        None
    }

    /// The screen on which it writes, where it does.
    fn screen(&mut self) -> Option<&mut Screen> {
        None
    }
}

/// What is asked for. Files are opened here, as the calling process sees them.
pub fn open(asked: &Capture) -> anyhow::Result<Box<dyn Sink>> {
    let most = asked.count.unwrap_or(u64::MAX);
    Ok(match &asked.write {
        Some(path) => Box::new(file::File::open(path, asked.filter.clone(), most)?),
        None if asked.journeys => Box::new(journeys::Ways::new(asked.json, most)),
        None => Box::new(lines::Screenful::new(most)),
    })
}

/// How far local time is ahead of UTC at a time, in seconds.
fn utc_offset(time: Time) -> i32 {
    let nanos = jiff::Timestamp::from_nanosecond(time.0.into());
    nanos.map_or(0, |time| jiff::tz::TimeZone::system().to_offset(time).seconds())
}
