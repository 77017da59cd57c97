//! A line for each packet, with its way.

use std::io::Write as _;
use std::time::Duration;

use twinax_packet::journey::{Journey, Journeys, Options};
use twinax_packet::line::write_time;
use twinax_packet::{Frame, Time};
use twinax_topology::NodeName;

use super::{Known, Sink, utc_offset};
use crate::command::capture::screen::Screen;
use crate::show::tell;

/// Ways of packets on the screen.
pub struct Ways {
    screen: Screen,
    /// Those that are under way; `None` after the end.
    journeys: Option<Journeys>,
    json: bool,
    left: u64,
}

/// A journey that nobody adds to any more is complete some time later; then it is to be shown.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// So many branches of a flood are shown where it branches.
const BRANCHES: usize = 16;

impl Ways {
    pub fn new(json: bool, most: u64) -> Self {
        let mut journeys = Journeys::new(Options::default());
        // The rings of the nodes were not opened at one instant: what was under way then was not seen
        // everywhere.
        journeys.lost();
        let journeys = Some(journeys);
        Self { screen: Screen::default(), journeys, json, left: most }
    }

    fn show(&mut self, known: Known<'_>, journeys: &[Journey]) -> anyhow::Result<()> {
        for journey in journeys {
            if self.left == 0 {
                break;
            }
            self.left -= 1;
            let told = journey.told(known.interfaces);
            let text = self.screen.text();
            if self.json {
                serde_json::to_writer(&mut *text, &told)?;
            } else {
                write_time(text, journey.start(), utc_offset(journey.start()));
                write!(text, " {}", told.branches(BRANCHES))?;
            }
            text.push(b'\n');
        }
        Ok(())
    }
}

impl Sink for Ways {
    fn frame(&mut self, known: Known<'_>, frame: &Frame<'_>) -> anyhow::Result<()> {
        if let Some(journeys) = &mut self.journeys {
            journeys.frame(known.interfaces, known.wiring, frame);
        }
        Ok(())
    }

    fn pause(&mut self, known: Known<'_>, now: Time) -> anyhow::Result<()> {
        let complete = self.journeys.as_mut().map(|own| own.finished(now).collect::<Vec<_>>());
        self.show(known, &complete.unwrap_or_default())?;
        Ok(self.screen.write()?)
    }

    fn end(&mut self, known: Known<'_>, _: Time) -> anyhow::Result<()> {
        let early = self.journeys.as_ref().map_or(0, Journeys::forgotten_early);
        if early > 0 {
            let what = "a packet that took long may be on two lines";
            tell(&format!("{early} frames too many to wait for where they went next: {what}"));
        }
        let left = self.journeys.take().map(|own| own.finish().collect::<Vec<_>>());
        self.show(known, &left.unwrap_or_default())?;
        Ok(self.screen.finish()?)
    }

    fn lost(&mut self, _: &NodeName, _: u64) {
        if let Some(journeys) = &mut self.journeys {
            journeys.lost();
        }
    }

    fn is_done(&self) -> bool {
        self.left == 0
    }

    fn due(&self) -> Option<Duration> {
        Some(LOOK_EVERY)
    }

    fn screen(&mut self) -> Option<&mut Screen> {
        Some(&mut self.screen)
    }
}
