//! `bpf(2)`: maps, programs, and the memory of a ring (`linux/bpf.h`).

use std::ffi::{CStr, c_void};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use super::check;

/// `enum bpf_cmd`
mod command {
    pub const MAP_CREATE: libc::c_long = 0;
    pub const MAP_LOOKUP_ELEM: libc::c_long = 1;
    pub const MAP_UPDATE_ELEM: libc::c_long = 2;
    pub const PROG_LOAD: libc::c_long = 5;
    pub const OBJ_GET_INFO_BY_FD: libc::c_long = 15;
    pub const RAW_TRACEPOINT_OPEN: libc::c_long = 17;
}

/// `BPF_PROG_TYPE_RAW_TRACEPOINT`
const RAW_TRACEPOINT: u32 = 17;

/// What kind of map: `enum bpf_map_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MapKind {
    /// `BPF_MAP_TYPE_HASH`, which takes memory only for what is in it (`BPF_F_NO_PREALLOC`).
    Hash,
    /// `BPF_MAP_TYPE_ARRAY`.
    Array,
    /// `BPF_MAP_TYPE_RINGBUF`: it has no keys; its size in bytes is that of its entries.
    Ring,
}

/// The beginning of `union bpf_attr` for `BPF_MAP_CREATE`.
#[repr(C)]
struct MapCreate {
    kind: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    flags: u32,
    inner_map: u32,
    numa_node: u32,
    name: [u8; 16],
}

/// For `BPF_MAP_LOOKUP_ELEM` and `BPF_MAP_UPDATE_ELEM`.
#[repr(C)]
struct Element {
    map: u32,
    padding: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// For `BPF_PROG_LOAD`.
#[repr(C)]
struct ProgramLoad {
    kind: u32,
    length: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
    name: [u8; 16],
}

/// For `BPF_RAW_TRACEPOINT_OPEN`.
#[repr(C)]
struct RawTracepointOpen {
    name: u64,
    program: u32,
    padding: u32,
}

/// For `BPF_OBJ_GET_INFO_BY_FD`.
#[repr(C)]
struct GetInfo {
    object: u32,
    length: u32,
    info: u64,
}

/// One call.
///
/// # Safety
///
/// `attributes` is what the command reads, and each address in it is that of memory which the kernel may
/// read, or write where it does, as far as the command says.
unsafe fn bpf<T>(command: libc::c_long, attributes: &mut T) -> Result<libc::c_int, Errno> {
    // SAFETY: the kernel reads as many bytes as it is told, which are those of `attributes`; for what is
    // behind the addresses in there the caller answers.
    let result = unsafe {
        libc::syscall(libc::SYS_bpf, command, &raw mut *attributes, size_of::<T>() as libc::c_long)
    };
    check(result as libc::c_int)
}

/// The descriptor that a call has made.
///
/// # Safety
///
/// Nobody else knows it.
unsafe fn owned(descriptor: libc::c_int) -> OwnedFd {
    // SAFETY: the caller says it.
    unsafe { OwnedFd::from_raw_fd(descriptor) }
}

/// A name for those who list maps and programs: letters, digits, `_` and `.` are taken.
fn object_name(name: &str) -> [u8; 16] {
    let mut bytes = [0; 16];
    for (to, from) in bytes.iter_mut().take(15).zip(name.bytes()) {
        *to = from;
    }
    bytes
}

/// A map whose keys are 4 bytes long.
#[derive(Debug)]
pub struct BpfMap {
    fd: OwnedFd,
    value_size: usize,
}

impl BpfMap {
    /// Makes one. For a [`MapKind::Ring`], `value_size` is 0.
    pub fn create(
        kind: MapKind,
        name: &str,
        value_size: u32,
        max_entries: u32,
    ) -> Result<Self, Errno> {
        const NO_PREALLOC: u32 = 1;
        let (number, key_size, flags) = match kind {
            MapKind::Hash => (1, 4, NO_PREALLOC),
            MapKind::Array => (2, 4, 0),
            MapKind::Ring => (27, 0, 0),
        };
        let mut attributes = MapCreate {
            kind: number,
            key_size,
            value_size,
            max_entries,
            flags,
            inner_map: 0,
            numa_node: 0,
            name: object_name(name),
        };
        // SAFETY: these attributes have no addresses.
        let fd = unsafe { bpf(command::MAP_CREATE, &mut attributes) }?;
        // SAFETY: the kernel has just made this descriptor for us.
        Ok(Self { fd: unsafe { owned(fd) }, value_size: value_size as usize })
    }

    /// Sets the value of a key.
    ///
    /// # Errors
    ///
    /// Those of the kernel; [`Errno::INVAL`] for a value of another size.
    pub fn set(&self, key: u32, value: &[u8]) -> Result<(), Errno> {
        if value.len() != self.value_size || value.is_empty() {
            return Err(Errno::INVAL);
        }
        let mut attributes = self.element(&key, value.as_ptr().expose_provenance() as u64);
        // SAFETY: the kernel reads a key of 4 bytes and a value as long as the map's, which this one is;
        // it writes neither.
        unsafe { bpf(command::MAP_UPDATE_ELEM, &mut attributes) }.map(drop)
    }

    /// The value of a key: a number of 8 bytes.
    ///
    /// # Errors
    ///
    /// Those of the kernel; [`Errno::INVAL`] where values have another size.
    pub fn number(&self, key: u32) -> Result<u64, Errno> {
        let mut value = 0_u64;
        if self.value_size != size_of_val(&value) {
            return Err(Errno::INVAL);
        }
        let mut attributes = self.element(&key, (&raw mut value).expose_provenance() as u64);
        // SAFETY: the kernel reads a key of 4 bytes and writes a value of the 8 bytes that there are.
        unsafe { bpf(command::MAP_LOOKUP_ELEM, &mut attributes) }?;
        Ok(value)
    }

    fn element(&self, key: &u32, value: u64) -> Element {
        Element {
            map: self.fd.as_raw_fd() as u32,
            padding: 0,
            key: std::ptr::from_ref(key).expose_provenance() as u64,
            value,
            flags: 0,
        }
    }
}

impl AsFd for BpfMap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Loads a program for a raw tracepoint. The kernel's verifier writes what it says of it into `log`, as
/// far as there is room, and ends it with a 0; nothing where it is empty.
///
/// `instructions` are `struct bpf_insn`s. What they do is what the verifier answers for.
pub fn load_raw_tracepoint(
    name: &str,
    license: &CStr,
    instructions: &[[u8; 8]],
    log: &mut [u8],
) -> Result<OwnedFd, Errno> {
    let length = u32::try_from(instructions.len()).map_err(|_| Errno::TOOBIG)?;
    let log_size = u32::try_from(log.len()).map_err(|_| Errno::TOOBIG)?;
    let mut attributes = ProgramLoad {
        kind: RAW_TRACEPOINT,
        length,
        instructions: instructions.as_ptr().expose_provenance() as u64,
        license: license.as_ptr().expose_provenance() as u64,
        log_level: u32::from(log_size > 0),
        log_size,
        log: if log_size > 0 { log.as_mut_ptr().expose_provenance() as u64 } else { 0 },
        kernel_version: 0,
        flags: 0,
        name: object_name(name),
    };
    // SAFETY: the kernel reads `length` instructions of 8 bytes and a string that ends with a 0, and
    // writes at most `log_size` bytes to the log.
    let fd = unsafe { bpf(command::PROG_LOAD, &mut attributes) }?;
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { owned(fd) })
}

/// Runs a program at each event of a tracepoint, as long as the descriptor is open.
///
/// # Errors
///
/// Those of the kernel: [`Errno::NOENT`] where there is no such tracepoint.
pub fn open_raw_tracepoint(tracepoint: &CStr, program: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    let mut attributes = RawTracepointOpen {
        name: tracepoint.as_ptr().expose_provenance() as u64,
        program: program.as_raw_fd() as u32,
        padding: 0,
    };
    // SAFETY: the kernel reads a string that ends with a 0.
    let fd = unsafe { bpf(command::RAW_TRACEPOINT_OPEN, &mut attributes) }?;
    // SAFETY: the kernel has just made this descriptor for us.
    Ok(unsafe { owned(fd) })
}

/// How often a program was not run, because the event came while the same processor was running it
/// (`bpf_prog_info.recursion_misses`, Linux 5.12; before that 0).
pub fn recursion_misses(program: BorrowedFd<'_>) -> Result<u64, Errno> {
    /// The size of `struct bpf_prog_info` up to `recursion_misses`, in words, and with it.
    const BEFORE: usize = 208 / 8;
    let mut info = [0_u64; BEFORE + 1];
    let mut attributes = GetInfo {
        object: program.as_raw_fd() as u32,
        length: size_of_val(&info) as u32,
        info: info.as_mut_ptr().expose_provenance() as u64,
    };
    // SAFETY: the kernel reads and writes at most `length` bytes of `info`. The lengths and addresses of
    // arrays in it are 0, so that it writes none of those.
    unsafe { bpf(command::OBJ_GET_INFO_BY_FD, &mut attributes) }?;
    Ok(info[BEFORE])
}

/// The memory of a ring (`BPF_MAP_TYPE_RINGBUF`, `Documentation/bpf/ringbuf.rst`), mapped: a page with the
/// position up to which we have read, a page with the one up to which the kernel has written, and the
/// data, twice in a row, so that no record is broken where it begins anew.
///
/// Positions only grow; where one is in the memory is what is left of it modulo the size.
#[derive(Debug)]
pub struct RingMemory {
    consumer: NonNull<u8>,
    producer: NonNull<u8>,
    size: usize,
}

// SAFETY: the mappings are this value's own, and no thread-local state is behind them.
unsafe impl Send for RingMemory {}

impl RingMemory {
    /// Bytes of the header in front of each record: its length, and where its page is.
    pub const HEADER: usize = 8;
    /// In the length: the record is still being written (`BPF_RINGBUF_BUSY_BIT`).
    pub const BUSY: u32 = 1 << 31;
    /// In the length: the record was given up (`BPF_RINGBUF_DISCARD_BIT`).
    pub const DISCARDED: u32 = 1 << 30;

    /// Maps the ring of this size, which is the number of the map's entries.
    pub fn map(ring: BorrowedFd<'_>, size: u32) -> Result<Self, Errno> {
        let (page, size) = (page_size(), size as usize);
        let shared = MapFlags::SHARED;
        let place = |length, protection, offset| {
            // SAFETY: the kernel chooses the address, so that no memory in use is replaced, and refuses
            // what is not the ring's (`ringbuf_map_mmap_kern`, kernel/bpf/ringbuf.c).
            let memory =
                unsafe { mmap(std::ptr::null_mut(), length, protection, shared, ring, offset) }?;
            NonNull::new(memory.cast::<u8>()).ok_or(Errno::NOMEM)
        };
        let consumer = place(page, ProtFlags::READ | ProtFlags::WRITE, 0)?;
        let producer = match place(page + 2 * size, ProtFlags::READ, page as u64) {
            Ok(producer) => producer,
            Err(errno) => {
                unmap(consumer, page);
                return Err(errno);
            }
        };
        Ok(Self { consumer, producer, size })
    }

    /// Up to where we have read.
    pub fn read(&self) -> u64 {
        // Nobody else writes it.
        self.consumer_position().load(Ordering::Relaxed)
    }

    /// Up to where the kernel has begun to write.
    pub fn written(&self) -> u64 {
        // SAFETY: the page of the producer begins with an aligned word that is only read and written
        // whole, and lives as long as the mapping does.
        let position: &AtomicU64 = unsafe { self.producer.cast().as_ref() };
        // Acquire: the headers of records up to there are written.
        position.load(Ordering::Acquire)
    }

    /// The length of the next record, with its flags; `None`: there is none.
    pub fn header(&self) -> Option<u32> {
        let next = self.read();
        (next < self.written()).then(|| {
            // SAFETY: positions of records are multiples of 8, and this one is within the data; the
            // length is only read and written whole.
            let length: &AtomicU32 = unsafe { self.data(next).cast().as_ref() };
            // Acquire: without the busy flag, the record is written.
            length.load(Ordering::Acquire)
        })
    }

    /// The bytes of the next record; `None`: there is none that is whole.
    pub fn record(&self) -> Option<&[u8]> {
        let header = self.header().filter(|header| header & (Self::BUSY | Self::DISCARDED) == 0)?;
        let length = (header as usize).min(self.size - Self::HEADER);
        // SAFETY: the data is there twice, so that `size` bytes from any place in its first copy are
        // mapped. The kernel does not write to a record that is not busy until we have read on, and
        // nobody can call `go_on` while the slice is borrowed.
        Some(unsafe {
            std::slice::from_raw_parts(self.data(self.read()).add(Self::HEADER).as_ptr(), length)
        })
    }

    /// Gives the next record back to the kernel, if it is not being written.
    pub fn go_on(&mut self) {
        let Some(header) = self.header().filter(|header| header & Self::BUSY == 0) else { return };
        let length = (header & !Self::DISCARDED) as usize + Self::HEADER;
        let next = self.read() + length.next_multiple_of(8) as u64;
        // Release: we have read what we wanted before.
        self.consumer_position().store(next, Ordering::Release);
    }

    fn consumer_position(&self) -> &AtomicU64 {
        // SAFETY: the page of the consumer begins with an aligned word that is only read and written
        // whole, and lives as long as the mapping does.
        unsafe { self.consumer.cast().as_ref() }
    }

    /// Where a position is.
    fn data(&self, position: u64) -> NonNull<u8> {
        let place = position as usize & (self.size - 1);
        // SAFETY: the data begins a page behind the producer's position, and has `size` bytes, which the
        // kernel takes only as a power of two.
        unsafe { self.producer.add(page_size() + place) }
    }
}

impl Drop for RingMemory {
    fn drop(&mut self) {
        unmap(self.consumer, page_size());
        unmap(self.producer, page_size() + 2 * self.size);
    }
}

/// The size of a page, a power of two.
fn page_size() -> usize {
    // SAFETY: nothing is read or written.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) as usize }
}

/// Gives up a mapping of [`RingMemory`].
fn unmap(memory: NonNull<u8>, length: usize) {
    let memory: *mut c_void = memory.as_ptr().cast();
    // SAFETY: only the owner of the mapping, of this length, calls this, and has no reference to it any
    // more. That it fails would mean that it isn't there.
    let _ = unsafe { munmap(memory, length) };
}
