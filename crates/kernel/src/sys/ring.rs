//! The memory that a packet socket shares with the kernel (`Documentation/networking/packet_mmap.rst`).
//!
//! A ring of blocks, each of which belongs to the kernel or to us, as a word in it says. The kernel
//! fills a block that is its own, and gives it to us; it never writes to one that is ours.

use std::ffi::c_void;
use std::mem::offset_of;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::io::Errno;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

use super::set_option;

/// Where the word is that says whose a block is: `tpacket_block_desc.hdr.bh1.block_status`.
const STATUS: usize =
    offset_of!(libc::tpacket_block_desc, hdr) + offset_of!(libc::tpacket_hdr_v1, block_status);

/// The ring of one packet socket, mapped.
pub struct PacketRing {
    memory: NonNull<u8>,
    block_size: usize,
    blocks: usize,
}

// SAFETY: the mapping is this value's own, and no thread-local state is behind it.
unsafe impl Send for PacketRing {}

impl PacketRing {
    /// Gives a packet socket (of version `TPACKET_V3`, not bound yet) a ring of so many blocks, and maps
    /// it. A block is handed over at the latest so many milliseconds after it was begun, or twice that.
    ///
    /// # Errors
    ///
    /// Those of `PACKET_RX_RING` and `mmap(2)`: `EINVAL` for a block size that is no multiple of the page
    /// size, `ENOMEM`.
    pub fn map(
        socket: BorrowedFd<'_>,
        block_size: usize,
        blocks: usize,
        retire: u32,
    ) -> Result<Self, Errno> {
        /// The kernel divides blocks into frames of this size only to check the numbers: with
        /// `TPACKET_V3` frames are as long as they are.
        const FRAME: usize = 2048;
        let number = |size: usize| u32::try_from(size).map_err(|_| Errno::INVAL);
        let request = libc::tpacket_req3 {
            tp_block_size: number(block_size)?,
            tp_block_nr: number(blocks)?,
            tp_frame_size: number(FRAME)?,
            tp_frame_nr: number(block_size / FRAME * blocks)?,
            tp_retire_blk_tov: retire,
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        set_option(socket, libc::SOL_PACKET, libc::PACKET_RX_RING, &request)?;
        let (read_write, shared) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED);
        let length = block_size * blocks;
        // SAFETY: the kernel chooses the address, so that no memory in use is replaced; the length is
        // the ring's (`packet_mmap` refuses any other).
        let memory = unsafe { mmap(std::ptr::null_mut(), length, read_write, shared, socket, 0) }?;
        let memory = NonNull::new(memory.cast()).ok_or(Errno::NOMEM)?;
        Ok(Self { memory, block_size, blocks })
    }

    /// How many blocks it has.
    pub fn blocks(&self) -> usize {
        self.blocks
    }

    fn block(&self, block: usize) -> NonNull<u8> {
        assert!(block < self.blocks, "a ring has only so many blocks");
        // SAFETY: the mapping has `blocks` blocks of `block_size` bytes.
        unsafe { self.memory.add(block * self.block_size) }
    }

    fn status(&self, block: usize) -> &AtomicU32 {
        // SAFETY: blocks begin at multiples of the page size, and the word is aligned within its
        // struct. The kernel and we only ever read and write it whole, and it lives as long as the
        // mapping does.
        unsafe { self.block(block).add(STATUS).cast().as_ref() }
    }

    /// The bytes of a block that is ours; `None`: it is the kernel's.
    pub fn bytes(&self, block: usize) -> Option<&[u8]> {
        // Acquire: what the kernel wrote before it gave us the block is there.
        let ours = self.status(block).load(Ordering::Acquire) & libc::TP_STATUS_USER != 0;
        // SAFETY: the kernel does not write to a block that is ours, and it stays ours until
        // `give_back`, which nobody can call while the slice is borrowed.
        ours.then(|| unsafe {
            std::slice::from_raw_parts(self.block(block).as_ptr(), self.block_size)
        })
    }

    /// The bytes of a block that is ours, to change something in it.
    pub fn bytes_mut(&mut self, block: usize) -> Option<&mut [u8]> {
        self.bytes(block)?;
        // SAFETY: as above, and nobody else has a slice of the mapping while `self` is borrowed.
        Some(unsafe { std::slice::from_raw_parts_mut(self.block(block).as_ptr(), self.block_size) })
    }

    /// Gives a block back to the kernel, which fills it anew.
    pub fn give_back(&mut self, block: usize) {
        // Release: we have read what we wanted before.
        self.status(block).store(libc::TP_STATUS_KERNEL, Ordering::Release);
    }
}

impl Drop for PacketRing {
    fn drop(&mut self) {
        let memory: *mut c_void = self.memory.as_ptr().cast();
        // SAFETY: the mapping is ours, of this length, and nobody has a slice of it any more. That it
        // fails would mean that it isn't there.
        let _ = unsafe { munmap(memory, self.block_size * self.blocks) };
    }
}

/// What a packet socket has counted since it was asked last (`PACKET_STATISTICS`): frames, among them
/// those for which there was no room, and these.
pub fn packet_statistics(socket: BorrowedFd<'_>) -> Result<(u32, u32), Errno> {
    // SAFETY: all zeros is a valid value of this plain data.
    let zero: libc::tpacket_stats_v3 = unsafe { std::mem::zeroed() };
    let statistics = super::get_option(socket, libc::SOL_PACKET, libc::PACKET_STATISTICS, zero)?;
    Ok((statistics.tp_packets, statistics.tp_drops))
}

/// Binds a packet socket to all devices and all protocols: frames come from now on.
pub fn bind_to_all(socket: BorrowedFd<'_>) -> Result<(), Errno> {
    use std::os::fd::AsRawFd as _;
    // SAFETY: all zeros is a valid sockaddr_ll, that of no device in particular.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as libc::sa_family_t;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    let size = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: the kernel reads `size` bytes from the pointer, which are those of `address`.
    super::check(unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), size) })
        .map(drop)
}
