//! `twinax capture`: every frame that crosses a device of a running lab.
//!
//! ```text
//!   targets ──▶ Session (in the lab) ──▶ live ──▶ Sink: lines on the screen, a pcapng file, journeys
//!               a file, read back ────▶ replay ─▶   the same
//! ```

mod live;
mod replay;
mod screen;
mod sink;
mod targets;

use crate::args::Capture;
use crate::command::running;

use targets::Targets;

pub fn run(asked: &Capture) -> anyhow::Result<u8> {
    if let Some(file) = &asked.read {
        return replay::run(file, asked, sink::open(asked)?);
    }
    let Targets { holder, watched } = targets::of(&asked.what)?;
    // Before the lab is joined: in there, other files are seen.
    let sink = sink::open(asked)?;
    running::inside_until_asked(&holder, |stop| live::run(&watched, asked, sink, &stop))
}
