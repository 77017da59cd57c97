//! A line for each frame.

use twinax_packet::line::{Lines, Style};
use twinax_packet::{Frame, Time};

use super::{Known, Sink, utc_offset};
use crate::command::capture::screen::Screen;

/// Lines on the screen.
pub struct Screenful {
    screen: Screen,
    lines: Lines,
    /// How many of the interfaces the column of places has room for.
    measured: usize,
    left: u64,
    begun: bool,
}

/// The column of places is not made wider than this for names that are longer.
const WIDEST: usize = 32;

impl Screenful {
    pub fn new(most: u64) -> Self {
        let lines = Lines::new(Style::default());
        Self { screen: Screen::default(), lines, measured: 0, left: most, begun: false }
    }

    /// Makes the column of places wide enough for all of them.
    fn measure(&mut self, known: Known<'_>) {
        let new = &known.interfaces[self.measured..];
        let widest = new.iter().map(|interface| interface.to_string().chars().count()).max();
        let style = self.lines.style();
        style.place_width = style.place_width.max(widest.unwrap_or(0).min(WIDEST));
        self.measured = known.interfaces.len();
    }
}

impl Sink for Screenful {
    fn frame(&mut self, known: Known<'_>, frame: &Frame<'_>) -> anyhow::Result<()> {
        let Some(interface) = known.interfaces.get(frame.interface as usize) else { return Ok(()) };
        if self.left == 0 {
            return Ok(());
        }
        self.left -= 1;
        if self.measured < known.interfaces.len() {
            self.measure(known);
        }
        if !self.begun {
            self.begun = true;
            self.lines.style().utc_offset = utc_offset(frame.time);
        }
        let text = self.screen.text();
        self.lines.write(text, frame, interface);
        text.push(b'\n');
        Ok(())
    }

    fn pause(&mut self, _: Known<'_>, _: Time) -> anyhow::Result<()> {
        Ok(self.screen.write()?)
    }

    fn end(&mut self, _: Known<'_>, _: Time) -> anyhow::Result<()> {
        Ok(self.screen.finish()?)
    }

    fn is_done(&self) -> bool {
        self.left == 0
    }

    fn screen(&mut self) -> Option<&mut Screen> {
        Some(&mut self.screen)
    }
}
