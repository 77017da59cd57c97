//! How the memory of a capture is divided into rings.

use std::time::Duration;

use twinax_kernel::capture::RingOptions;

use super::CaptureError;

/// How much memory the rings of a capture take together, and how soon what they hold is to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// In bytes, for all nodes together.
    pub bytes: u64,
    /// In bytes, for each node at most.
    pub each: u64,
    /// After so many milliseconds, or twice that, frames are handed over, in a lab of few nodes.
    pub latency: u32,
    /// The same in a lab of 120 nodes or more: the fewer and fuller blocks are, the less processor
    /// time each frame takes.
    pub crowded: u32,
}

/// How the memory is divided.
#[derive(Debug, Clone, Copy)]
pub(super) struct Division {
    /// What the ring of each node is like.
    pub ring: RingOptions,
    /// For what is copied out of rings, in bytes.
    pub room: usize,
}

impl Memory {
    /// For whoever watches.
    pub const WATCHING: Self = Self { bytes: 64 << 20, each: CACHED, latency: 10, crowded: 60 };
    /// For whoever reads a file afterwards.
    pub const RECORDING: Self = Self { latency: 50, crowded: 240, ..Self::WATCHING };
    /// For a step that waits for what it expects.
    pub const STEP: Self = Self { bytes: 32 << 20, each: CACHED, latency: 2, crowded: 2 };
}

/// A ring is filled and read again and again from its beginning to its end. While it is in the processor's cache
/// that is quick: where much comes all the time, a larger one makes the watched slower and loses more.
const CACHED: u64 = 16 << 20;
const PAGE: u64 = 4096;
/// The largest block: room for any frame that there is, GSO included, and some more.
const LARGEST: u64 = 1 << 20;
/// So many blocks a ring has at least: one is filled while others are read.
const BLOCKS: u64 = 8;
/// So late a reader may be, in milliseconds, where there is memory for it: an open block is handed over when
/// its time is up, however little is in it.
const READER: u64 = 640;
/// That is a matter of how many blocks there are, between these numbers.
const ENOUGH: (u64, u64) = (16, 64);
/// In a lab of so many nodes blocks are handed over as late as is allowed; in one of fewer as much sooner.
const CROWD: u32 = 120;
/// A timer of the kernel fires for each ring each time its latency is over: so many a millisecond are not
/// felt.
const TIMERS: u32 = 10;
/// The longest latency that is ever given, in milliseconds.
const LONGEST: u32 = 1000;
/// Bytes a second, as they are in a ring, that do not fill it before it is looked at again: two hundred
/// thousand of the smallest frames.
const FAST: u64 = 32 << 20;
/// A ring is looked at after this time at the latest.
const LONG_PACE: Duration = Duration::from_millis(25);
/// Blocks of this size and more are worth a look each, and worth having fewer of them, up to the second size: a
/// segment of 64 KiB (GSO) fits into the smaller one, and three fit into the larger.
const LARGE: (u64, u64) = (128 << 10, 256 << 10);

impl Memory {
    /// The same with so many bytes in all, however many that are for a node.
    pub fn of(self, bytes: u64) -> Self {
        Self { bytes, each: bytes, ..self }
    }

    /// How it is divided among the rings of so many nodes, and what they have in common. Only where there
    /// are several do frames wait for others.
    pub(super) fn divide(self, nodes: usize) -> Result<Division, CaptureError> {
        let nodes = nodes.max(1) as u64;
        let all = self.bytes.min(self.each.saturating_mul(nodes));
        let share = all / nodes;
        let least = BLOCKS * PAGE;
        if share < least {
            let nodes = nodes as usize;
            return Err(CaptureError::Memory { asked: self.bytes, nodes, least });
        }
        let each = if nodes == 1 { share } else { (share * 3 / 4).max(least) };
        let many = u32::try_from(nodes).unwrap_or(u32::MAX);
        let crowded = self.crowded * many.min(CROWD) / CROWD;
        let retire = self.latency.max(crowded).max(many / TIMERS).min(LONGEST);
        let enough = (READER / u64::from(retire).max(1)).clamp(ENOUGH.0, ENOUGH.1);
        let sizes = std::iter::successors(Some(LARGEST), |size| Some(size / 2));
        let mut sizes = sizes.take_while(|size| *size > PAGE);
        let block_size = sizes.find(|size| match each / size {
            blocks if (LARGE.0..=LARGE.1).contains(size) => blocks >= BLOCKS,
            blocks => blocks >= enough,
        });
        let block_size = block_size.unwrap_or(PAGE);
        let blocks = each / block_size;
        Ok(Division {
            ring: RingOptions { block_size: block_size as usize, blocks: blocks as usize, retire },
            room: (all - nodes * blocks * block_size) as usize,
        })
    }
}

/// How long one may leave rings alone that were just looked at, when in the fullest so many blocks were
/// taken.
pub(super) fn pace(ring: RingOptions, taken: usize) -> Duration {
    if ring.block_size as u64 >= LARGE.0 {
        return Duration::ZERO;
    }
    // A fifth, and the block that is open, is left for whoever comes late.
    let free = ring.blocks.saturating_sub(taken + 1) as u64 * ring.block_size as u64 * 4 / 5;
    Duration::from_micros(free * 1_000_000 / FAST).min(LONG_PACE)
}

/// Whether frames come so fast that a ring may be full before it is looked at again.
pub(super) fn is_filling(ring: RingOptions, taken: usize) -> bool {
    taken * 4 > ring.blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn divided(nodes: usize) -> Division {
        Memory::WATCHING.divide(nodes).expect("it is enough")
    }

    #[test]
    fn the_memory_is_for_all_nodes_together() {
        for (nodes, all) in [(1, 16), (3, 48), (4, 64), (64, 64), (1000, 64), (2000, 64)] {
            let Division { ring, room } = divided(nodes);
            let rings = ring.block_size * ring.blocks * nodes;
            assert_eq!(rings + room, all << 20, "{nodes} nodes");
            assert!(rings > all << 19, "{nodes} nodes: {rings} bytes");
            assert!(ring.blocks as u64 >= BLOCKS && ring.block_size as u64 >= PAGE);
        }
    }

    #[test]
    fn blocks_take_the_largest_frame_where_there_is_memory_for_it() {
        let of = |nodes| {
            let Division { ring, room } = divided(nodes);
            (ring.block_size, ring.blocks, ring.retire, room)
        };
        assert_eq!(of(1), (256 << 10, 64, 10, 0));
        assert_eq!(of(2), (256 << 10, 48, 10, 8 << 20));
        assert_eq!(of(4), (256 << 10, 48, 10, 16 << 20));
        let few = |nodes| (of(nodes).0, of(nodes).2);
        assert_eq!(few(100), (16 << 10, 50));
        assert_eq!(few(400), (4096, 60));
        assert_eq!(of(1000), (4096, 12, 100, (64 << 20) - 1000 * 12 * 4096));
    }

    #[test]
    fn what_is_recorded_is_handed_over_later() {
        let retire = |nodes| Memory::RECORDING.divide(nodes).expect("it is enough").ring.retire;
        assert_eq!([1, 5, 100, 1000].map(retire), [50, 50, 200, 240]);
    }

    #[test]
    fn the_fuller_a_ring_the_sooner_it_is_looked_at() {
        let ring = divided(100).ring;
        let paces: Vec<Duration> = (0..=ring.blocks).map(|taken| pace(ring, taken)).collect();
        assert!(paces.is_sorted_by(|a, b| a >= b), "{paces:?}");
        assert!(paces[0] > Duration::from_millis(10), "{paces:?}");
        assert_eq!(paces[ring.blocks], Duration::ZERO);
        assert_eq!(pace(divided(1).ring, 0), Duration::ZERO, "its blocks are large");
    }

    #[test]
    fn a_ring_of_which_a_quarter_is_taken_at_once_is_filling() {
        let ring = divided(1).ring;
        assert_eq!(
            [0, 16, 17, 64].map(|taken| is_filling(ring, taken)),
            [false, false, true, true]
        );
    }

    #[test]
    fn a_step_waits_for_no_fuller_blocks() {
        for (nodes, retire) in [(1, 2), (10, 2), (100, 10)] {
            assert_eq!(Memory::STEP.divide(nodes).expect("it is enough").ring.retire, retire);
        }
    }

    #[test]
    fn too_little_is_refused_with_what_it_takes() {
        let memory = Memory { bytes: 1 << 20, ..Memory::WATCHING };
        let error = memory.divide(100).expect_err("10 KiB each");
        assert_eq!(
            error.to_string(),
            "1048576 bytes are too few for the rings of 100 nodes: each takes at least 32768 bytes"
        );
    }
}
