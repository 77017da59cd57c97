//! Work that is mostly waiting, done many at a time.
//!
//! Giving a packet socket its ring waits once until every processor has seen it (`synchronize_net` in
//! `packet_set_ring`, `net/packet/af_packet.c`), and closing it twice: some 10 ms each time, but the
//! same 10 ms for all that wait at once.

use std::thread;

/// At most so many at a time.
const AT_ONCE: usize = 64;

/// Does some work for each thing, each on a thread that does nothing else; what comes of it, in order.
pub(super) fn for_each<T: Send, R: Send>(things: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let share = things.len().div_ceil(AT_ONCE).max(1);
    let mut things = things.into_iter();
    let shares: Vec<Vec<T>> = std::iter::from_fn(|| {
        let share: Vec<T> = things.by_ref().take(share).collect();
        (!share.is_empty()).then_some(share)
    })
    .collect();
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<_> = shares
            .into_iter()
            .map(|share| scope.spawn(move || share.into_iter().map(work).collect::<Vec<R>>()))
            .collect();
        let done = threads.into_iter().map(|thread| match thread.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        done.flatten().collect()
    })
}

#[cfg(test)]
mod tests {
    use super::for_each;

    #[test]
    fn what_comes_of_it_is_in_order() {
        for count in [0, 1, 63, 64, 65, 1000] {
            let doubled = for_each((0..count).collect(), |number: usize| 2 * number);
            assert_eq!(doubled, (0..count).map(|number| 2 * number).collect::<Vec<_>>());
        }
    }
}
