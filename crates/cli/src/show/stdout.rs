//! Standard output, on which somebody may hang up.

use std::io::{self, ErrorKind, Write};

/// Where a report goes. The first failure ends the talking, not the work; it is told at the end.
#[derive(Default)]
pub struct Stdout {
    failed: Option<io::Error>,
}

impl Stdout {
    /// Says something.
    pub fn say(&mut self, text: &str) {
        if self.failed.is_none() {
            let mut out = anstream::stdout();
            self.failed = out.write_all(text.as_bytes()).and_then(|()| out.flush()).err();
        }
    }

    /// Why not everything could be said. A reader that has hung up (`twinax run … | head`) wanted
    /// no more: that is no failure.
    pub fn end(self) -> io::Result<()> {
        match self.failed {
            Some(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
            _ => Ok(()),
        }
    }
}

/// Prints all that a verb has to say. A reader that has hung up wanted no more.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = Stdout::default();
    out.say(text);
    Ok(out.end()?)
}
