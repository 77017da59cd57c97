//! Standard output, by somebody who must not wait for it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// Text that is on its way to standard output.
#[derive(Default)]
pub struct Screen {
    text: Vec<u8>,
    written: usize,
    hung_up: bool,
}

/// When so much text waits, no more is made of frames: these wait in the rings, which are larger.
const FULL: usize = 1 << 20;
/// What a pipe that is ready takes without waiting (`PIPE_BUF`, `pipe(7)`).
const AT_ONCE: usize = 4096;

impl Screen {
    /// Where text is put.
    pub fn text(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }

    /// Whether there is text to write.
    pub fn is_waiting(&self) -> bool {
        self.written < self.text.len()
    }

    /// Whether there is so much that no more is to come.
    pub fn is_full(&self) -> bool {
        self.text.len() - self.written >= FULL
    }

    /// Whether nobody reads it any more.
    pub fn has_hung_up(&self) -> bool {
        self.hung_up
    }

    /// Writes as much as is taken at once.
    pub fn write(&mut self) -> io::Result<()> {
        const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
        while self.is_waiting() {
            let out = rustix::stdio::stdout();
            let mut ready = [PollFd::from_borrowed_fd(out, PollFlags::OUT)];
            rustix::io::retry_on_intr(|| poll(&mut ready, Some(&NOW)))?;
            if ready[0].revents().is_empty() {
                return Ok(());
            }
            self.write_some()?;
        }
        Ok(())
    }

    /// Writes all of it, however long that takes.
    pub fn finish(&mut self) -> io::Result<()> {
        while self.is_waiting() {
            self.write_some()?;
        }
        Ok(())
    }

    fn write_some(&mut self) -> io::Result<()> {
        let waiting = &self.text[self.written..];
        let some = &waiting[..waiting.len().min(AT_ONCE)];
        match rustix::io::write(rustix::stdio::stdout(), some) {
            Ok(written) => self.written += written,
            Err(Errno::INTR | Errno::AGAIN) => {}
            // Whoever read it wanted no more.
            Err(Errno::PIPE) => {
                self.hung_up = true;
                self.written = self.text.len();
            }
            Err(errno) => return Err(errno.into()),
        }
        if !self.is_waiting() {
            self.text.clear();
            self.written = 0;
        }
        Ok(())
    }
}

impl AsFd for Screen {
    fn as_fd(&self) -> BorrowedFd<'_> {
        rustix::stdio::stdout()
    }
}
