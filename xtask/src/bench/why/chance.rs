//! Drawing lots.

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};

/// The lots of a seed: of one seed always the same.
pub fn seeded(seed: u64) -> Pcg64Mcg {
    Pcg64Mcg::seed_from_u64(seed)
}

/// A number below another.
pub fn below(chance: &mut Pcg64Mcg, end: usize) -> usize {
    let drawn = chance.next_u64() % u64::try_from(end.max(1)).expect("a small number");
    usize::try_from(drawn).expect("smaller than a usize")
}

/// Whether one of so many lots is drawn.
pub fn one_in(chance: &mut Pcg64Mcg, lots: usize) -> bool {
    below(chance, lots) == 0
}

/// One of a list.
pub fn one<'a, T>(chance: &mut Pcg64Mcg, of: &'a [T]) -> Option<&'a T> {
    of.get(below(chance, of.len()))
}
