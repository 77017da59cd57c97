//! The ring into which the programs write, read without waiting (`Documentation/bpf/ringbuf.rst`).

use std::os::fd::{AsFd, BorrowedFd};

use rustix::io::Errno;

use crate::sys::{BpfMap, MapKind, RingMemory};

/// A ring.
#[derive(Debug)]
pub struct Ring {
    map: BpfMap,
    memory: RingMemory,
}

impl Ring {
    /// Makes one of so many bytes: a power of two, and a multiple of the page size. What has no room in
    /// it until it is read is not written.
    pub fn create(name: &str, size: u32) -> Result<Self, Errno> {
        let map = BpfMap::create(MapKind::Ring, name, 0, size)?;
        let memory = RingMemory::map(map.as_fd(), size)?;
        Ok(Self { map, memory })
    }

    /// Reads what has been written so far, record by record; what is written meanwhile is for the next
    /// time. One that is being written ends it: what comes after that waits, too.
    pub fn read(&mut self, mut each: impl FnMut(&[u8])) {
        let end = self.memory.written();
        while self.memory.read() < end {
            match self.memory.header() {
                Some(header) if header & RingMemory::BUSY == 0 => {}
                _ => return,
            }
            if let Some(record) = self.memory.record() {
                each(record);
            }
            self.memory.go_on();
        }
    }
}

impl AsFd for Ring {
    /// Ready for reading when something has been written.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.map.as_fd()
    }
}
