//! When what has ended is started again.

use std::time::{Duration, Instant};

/// How soon, at first; each time twice as long…
const FIRST: Duration = Duration::from_millis(100);
/// … but no longer than this.
const LAST: Duration = Duration::from_secs(5);
/// What has run for this long starts at the beginning again.
const FORGOTTEN: Duration = Duration::from_secs(10);

/// The pauses before something is started again.
pub(super) struct Pauses {
    begun: Instant,
    next: Duration,
}

impl Pauses {
    /// None has been made yet.
    pub(super) fn new() -> Self {
        Self { begun: Instant::now(), next: FIRST }
    }

    /// It is started now.
    pub(super) fn begin(&mut self) {
        self.begun = Instant::now();
    }

    /// It has ended: when it is started again, if it is.
    pub(super) fn end(&mut self) -> Instant {
        if self.begun.elapsed() >= FORGOTTEN {
            self.next = FIRST;
        }
        let until = Instant::now() + self.next;
        self.next = (self.next * 2).min(LAST);
        until
    }
}
