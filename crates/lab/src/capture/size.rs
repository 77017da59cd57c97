//! How the memory of a capture is divided into rings.

use std::time::Duration;

use twinax_kernel::capture::RingOptions;

use super::CaptureError;

/// How much memory the rings of a capture take together, and how soon what they hold is to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// In bytes, for all nodes together.
    pub bytes: u64,
    /// After so many milliseconds frames are handed over at the latest, in a lab of few nodes.
    pub latency: u32,
}

impl Memory {
    /// For whoever watches.
    pub const WATCHING: Self = Self { bytes: 64 << 20, latency: 10 };
    /// For a step that waits for what it expects.
    pub const STEP: Self = Self { bytes: 32 << 20, latency: 2 };
}

const PAGE: u64 = 4096;
/// The largest block: room for any frame that there is, GSO included, and some more.
const LARGEST: u64 = 256 << 10;
/// So many blocks a ring has at least: one is filled while others are read.
const BLOCKS: u64 = 8;
/// So many a ring has where there is memory for it: an open block is handed over when its time is up,
/// however little is in it, so that this many times the latency is the time that a reader may be late.
const ENOUGH: u64 = 64;
/// A timer of the kernel fires for each ring each time its latency is over: so many a millisecond are not
/// felt.
const TIMERS: u32 = 10;
/// The longest latency that is ever given, in milliseconds.
const LONGEST: u32 = 1000;
/// Bytes a second, as they are in a ring, by which a ring may be half full before it is looked at again:
/// four hundred thousand of the smallest frames.
const FAST: u64 = 64 << 20;
/// A ring is looked at after this time at the latest.
const LONG_PACE: Duration = Duration::from_millis(25);

impl Memory {
    /// How the ring of each of so many nodes is to be.
    pub(super) fn ring(self, nodes: usize) -> Result<RingOptions, CaptureError> {
        let each = self.bytes / nodes.max(1) as u64;
        let least = BLOCKS * PAGE;
        if each < least {
            return Err(CaptureError::Memory { asked: self.bytes, nodes, least });
        }
        let sizes = std::iter::successors(Some(LARGEST), |size| Some(size / 2));
        let block_size = sizes
            .take_while(|size| *size > PAGE)
            .find(|size| each / size >= ENOUGH)
            .unwrap_or(PAGE);
        Ok(RingOptions {
            block_size: block_size as usize,
            blocks: (each / block_size) as usize,
            retire: self.latency.max(nodes as u32 / TIMERS).min(LONGEST),
        })
    }
}

/// How long one may leave rings alone that were just looked at.
pub(super) fn pace(ring: RingOptions) -> Duration {
    let half = (ring.block_size * ring.blocks) as u64 / 2;
    Duration::from_micros(half * 1_000_000 / FAST).min(LONG_PACE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_is_for_all_nodes_together() {
        for nodes in [1, 3, 64, 1000, 2000] {
            let ring = Memory::WATCHING.ring(nodes).expect("it is enough");
            let all = (ring.block_size * ring.blocks * nodes) as u64;
            assert!(all <= Memory::WATCHING.bytes, "{nodes} nodes: {all} bytes");
            assert!(all > Memory::WATCHING.bytes / 2, "{nodes} nodes: {all} bytes");
            assert!(ring.blocks as u64 >= BLOCKS && ring.block_size as u64 >= PAGE);
        }
    }

    #[test]
    fn blocks_take_the_largest_frame_where_there_is_memory_for_it() {
        let ring = Memory::WATCHING.ring(4).expect("it is enough");
        assert_eq!((ring.block_size, ring.blocks, ring.retire), (256 << 10, 64, 10));
        let ring = Memory::WATCHING.ring(1000).expect("it is enough");
        assert_eq!((ring.block_size, ring.blocks, ring.retire), (4096, 16, 100));
    }

    #[test]
    fn too_little_is_refused_with_what_it_takes() {
        let error = Memory { bytes: 1 << 20, latency: 10 }.ring(100).expect_err("10 KiB each");
        assert_eq!(
            error.to_string(),
            "1048576 bytes are too few for the rings of 100 nodes: each takes at least 32768 bytes"
        );
    }
}
