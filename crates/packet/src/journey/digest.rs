//! A digest of bytes, quick and always the same: equal things have equal digests, others nearly
//! never. It is no protection against somebody who looks for two that collide, and needs to be none,
//! because what it finds is compared field by field.

use std::hash::{BuildHasherDefault, Hasher};

/// A digest under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Digest(u64);

impl Digest {
    /// One of its own kind: digests of different kinds are not mistaken for one another.
    pub(super) fn new(kind: u8) -> Self {
        Self(u64::from(kind) + 1)
    }

    pub(super) fn number(self, number: u64) -> Self {
        Self((self.0.rotate_left(5) ^ number).wrapping_mul(0x517c_c1b7_2722_0a95))
    }

    pub(super) fn bytes(self, bytes: &[u8]) -> Self {
        let (words, rest) = bytes.as_chunks::<8>();
        let long = words.iter().fold(self, |digest, word| digest.number(u64::from_le_bytes(*word)));
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        long.number(u64::from_le_bytes(last)).number(bytes.len() as u64)
    }

    /// The digest (the last steps of MurmurHash3: each bit of it depends on all).
    pub(super) fn finish(self) -> u64 {
        let mut x = self.0;
        x = (x ^ x >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
        x = (x ^ x >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        x ^ x >> 33
    }
}

/// For maps whose keys are digests: they need no hashing.
pub(super) type Plain = BuildHasherDefault<PlainHasher>;

/// Takes a digest as it is.
#[derive(Default)]
pub(super) struct PlainHasher(u64);

impl Hasher for PlainHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = Digest(self.0).bytes(bytes).finish();
    }

    fn write_u64(&mut self, digest: u64) {
        self.0 = digest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_tells_lengths_and_kinds_apart() {
        let of = |kind, bytes: &[u8]| Digest::new(kind).bytes(bytes).finish();
        let all =
            [of(0, b""), of(1, b""), of(0, b"\0"), of(0, b"\0\0"), of(0, &[0; 8]), of(0, &[0; 16])];
        for (place, digest) in all.iter().enumerate() {
            assert!(!all[..place].contains(digest), "{place}");
        }
        assert_eq!(of(0, b"twinax"), of(0, b"twinax"));
    }
}
