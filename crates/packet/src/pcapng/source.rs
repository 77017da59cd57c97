//! Bytes of a file, as many as are asked for.

use std::io::{self, Read};

/// A file that is read from its beginning to its end through one buffer.
#[derive(Debug)]
pub struct Source<R> {
    from: R,
    buffer: Vec<u8>,
    /// What of the buffer is still to be read.
    start: usize,
    end: usize,
    /// Where in the file the buffer begins.
    offset: u64,
}

/// So much is read at once.
const AT_ONCE: usize = 256 << 10;

impl<R: Read> Source<R> {
    pub fn new(from: R) -> Self {
        Self { from, buffer: Vec::new(), start: 0, end: 0, offset: 0 }
    }

    /// Where in the file one is.
    pub fn offset(&self) -> u64 {
        self.offset + self.start as u64
    }

    /// What has been read and not been passed over.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// Passes over so many bytes of these.
    pub fn skip(&mut self, bytes: usize) {
        self.start = (self.start + bytes).min(self.end);
    }

    /// Passes over so many bytes, which need not have been read yet; `false`: the file has no more.
    pub fn pass(&mut self, mut bytes: usize) -> io::Result<bool> {
        loop {
            let there = bytes.min(self.end - self.start);
            self.skip(there);
            bytes -= there;
            if bytes == 0 {
                return Ok(true);
            }
            if !self.fill(1)? {
                return Ok(false);
            }
        }
    }

    /// Reads until there are so many bytes; `false`: the file has no more. The buffer grows only as far as
    /// the file has bytes for it.
    pub fn fill(&mut self, bytes: usize) -> io::Result<bool> {
        while self.end - self.start < bytes {
            if self.start > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
                self.offset += self.start as u64;
                self.end -= self.start;
                self.start = 0;
            }
            if self.end == self.buffer.len() {
                // Memory that the allocator has zeroed need not be written to.
                let mut longer = vec![0; self.end + AT_ONCE];
                longer[..self.end].copy_from_slice(&self.buffer);
                self.buffer = longer;
            }
            match self.from.read(&mut self.buffer[self.end..]) {
                Ok(0) => return Ok(false),
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}
