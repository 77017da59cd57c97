//! Many probes under way at once, on one thread.
//!
//! A socket stays in the namespace in which it was opened, so one thread opens one in each node in
//! turn and then waits for all of them together: a hundred probes take as long as the slowest.

use std::os::fd::BorrowedFd;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use twinax_kernel::Error;

use crate::nodes::on_own_thread;

/// A probe under way.
pub(super) trait Flight {
    /// What became of it.
    type Report;

    /// Sends what is due, and takes in all that has come.
    fn go_on(&mut self) -> Result<(), Error>;

    /// When something is to be done without anything coming in; `None`: it is over.
    fn due(&self) -> Option<Instant>;

    /// The socket on which something may come, and what; `None`: nothing can.
    fn waits_for(&self) -> Option<(BorrowedFd<'_>, PollFlags)>;

    /// What became of it.
    fn report(self) -> Self::Report;
}

/// So many are under way at once; each has a socket.
const AT_ONCE: usize = 512;

/// Begins each of these probes and waits until all are over. The reports are in their order.
pub(super) fn all<'a, P: Sync, F: Flight<Report: Send>>(
    probes: &'a [P],
    begin: impl Fn(&'a P) -> Result<F, Error> + Sync + Send,
) -> Result<Vec<F::Report>, Error> {
    on_own_thread(|| {
        let mut reports = Vec::with_capacity(probes.len());
        for some in probes.chunks(AT_ONCE) {
            let flights: Result<Vec<F>, Error> = some.iter().map(&begin).collect();
            reports.extend(fly(flights?)?);
        }
        Ok(reports)
    })
}

fn fly<F: Flight>(mut flights: Vec<F>) -> Result<Vec<F::Report>, Error> {
    loop {
        for flight in &mut flights {
            flight.go_on()?;
        }
        let Some(due) = flights.iter().filter_map(Flight::due).min() else { break };
        let mut sockets: Vec<PollFd<'_>> = flights
            .iter()
            .filter(|flight| flight.due().is_some())
            .filter_map(Flight::waits_for)
            .map(|(socket, flags)| PollFd::from_borrowed_fd(socket, flags))
            .collect();
        let wait = due.saturating_duration_since(Instant::now());
        let wait = Timespec::try_from(wait).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 });
        match poll(&mut sockets, Some(&wait)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(Error::Call { call: "waiting for answers", errno }),
        }
    }
    Ok(flights.into_iter().map(Flight::report).collect())
}
