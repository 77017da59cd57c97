//! One direction of a wire: what becomes of each frame, without doing it.

use std::collections::VecDeque;

/// So many frames wait at most, as in a device's own queue (`DEFAULT_TX_QUEUE_LEN`,
/// `net/pkt_sched.h`).
const FRAMES: usize = 1000;

/// And so many bytes: that many full frames of Ethernet. Longer frames fill it sooner.
const BYTES: usize = FRAMES * 1514;

/// What has become of the frames of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Frames that went out.
    pub frames: u64,
    /// Their bytes, without preamble and checksum, which a device does not show.
    pub bytes: u64,
    /// Frames for which there was no room.
    pub crowded_out: u64,
    /// Frames that the other end did not take: it was down.
    pub refused: u64,
}

/// One direction of a wire: the frames that have come in at one end and not gone out at the other.
///
/// ```
/// let mut direction = twinax_wire::Direction::default();
/// direction.comes_in(b"a frame");
/// assert_eq!(direction.next(), Some(&b"a frame"[..]));
/// direction.went_out();
/// assert_eq!((direction.next(), direction.counts().frames), (None, 1));
/// ```
#[derive(Debug, Default)]
pub struct Direction {
    waiting: VecDeque<Vec<u8>>,
    /// The bytes of those that wait.
    bytes: usize,
    /// The room of the frame that left last, for the one that comes next.
    spare: Vec<u8>,
    counts: Counts,
}

impl Direction {
    /// A frame comes in. It waits for its turn; where there is no room for it, it is lost.
    pub fn comes_in(&mut self, frame: &[u8]) {
        // One alone always finds room, however long it is.
        let has_room = self.waiting.is_empty()
            || self.waiting.len() < FRAMES && self.bytes + frame.len() <= BYTES;
        if !has_room {
            self.counts.crowded_out += 1;
            return;
        }
        let mut room = std::mem::take(&mut self.spare);
        room.clear();
        room.extend_from_slice(frame);
        self.bytes += frame.len();
        self.waiting.push_back(room);
    }

    /// The frame whose turn it is to go out.
    pub fn next(&self) -> Option<&[u8]> {
        self.waiting.front().map(Vec::as_slice)
    }

    /// That frame went out.
    pub fn went_out(&mut self) {
        if let Some(length) = self.leaves() {
            self.counts.frames += 1;
            self.counts.bytes += length as u64;
        }
    }

    /// The other end did not take that frame; it is lost.
    pub fn was_refused(&mut self) {
        if self.leaves().is_some() {
            self.counts.refused += 1;
        }
    }

    /// What has become of the frames so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn leaves(&mut self) -> Option<usize> {
        self.spare = self.waiting.pop_front()?;
        self.bytes -= self.spare.len();
        Some(self.spare.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn full(frame: &[u8]) -> (Direction, usize) {
        let mut direction = Direction::default();
        let mut taken = 0;
        while direction.counts().crowded_out == 0 {
            direction.comes_in(frame);
            taken += 1;
        }
        (direction, taken - 1)
    }

    #[test]
    fn frames_and_bytes_are_bounded() {
        assert_eq!(full(&[0; 60]).1, 1000, "as many frames as a device's queue has");
        assert_eq!(full(&[0; 1514]).1, 1000, "and full frames of Ethernet are no exception");
        assert_eq!(full(&[0; 65_535]).1, 23, "23 × 65,535 is the most below 1,514,000");
    }

    #[test]
    fn where_one_has_left_another_finds_room() {
        let (mut direction, _) = full(b"old");
        direction.went_out();
        direction.comes_in(b"new");
        assert_eq!(direction.counts().crowded_out, 1);
        for _ in 0..999 {
            assert_eq!(direction.next(), Some(&b"old"[..]));
            direction.went_out();
        }
        assert_eq!(direction.next(), Some(&b"new"[..]));
    }

    #[test]
    fn what_is_refused_is_no_frame_that_went_out() {
        let mut direction = Direction::default();
        direction.comes_in(b"one");
        direction.comes_in(b"three");
        direction.was_refused();
        direction.went_out();
        direction.went_out();
        let counts = Counts { frames: 1, bytes: 5, crowded_out: 0, refused: 1 };
        assert_eq!(direction.counts(), counts);
    }

    #[derive(Debug, Clone)]
    enum Happens {
        /// A frame of so many bytes of this kind.
        ComesIn(usize, u8),
        WentOut,
        WasRefused,
    }

    fn happens() -> impl Strategy<Value = Happens> {
        prop_oneof![
            5 => (0..3000usize, any::<u8>()).prop_map(|(length, of)| Happens::ComesIn(length, of)),
            3 => Just(Happens::WentOut),
            1 => Just(Happens::WasRefused),
        ]
    }

    proptest! {
        /// Whatever happens: the frames that were not crowded out are those that come next, whole
        /// and in their order, and each one is counted once.
        #[test]
        fn it_is_a_queue(all in proptest::collection::vec(happens(), 0..3000)) {
            let mut direction = Direction::default();
            let mut model: VecDeque<Vec<u8>> = VecDeque::new();
            let mut expected = Counts::default();
            for one in all {
                match one {
                    Happens::ComesIn(length, of) => {
                        let frame = vec![of; length];
                        let before = direction.counts().crowded_out;
                        direction.comes_in(&frame);
                        let is_lost = direction.counts().crowded_out > before;
                        prop_assert!(!is_lost || model.len() >= 500, "lost though there is room");
                        if is_lost { expected.crowded_out += 1 } else { model.push_back(frame) }
                    }
                    Happens::WentOut => {
                        if let Some(frame) = model.pop_front() {
                            expected.frames += 1;
                            expected.bytes += frame.len() as u64;
                        }
                        direction.went_out();
                    }
                    Happens::WasRefused => {
                        expected.refused += u64::from(model.pop_front().is_some());
                        direction.was_refused();
                    }
                }
                prop_assert_eq!(direction.next(), model.front().map(Vec::as_slice));
                prop_assert_eq!(direction.counts(), expected);
            }
        }
    }
}
