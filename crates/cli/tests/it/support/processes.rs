//! The processes that a test has started, directly or not: those whose environment has its mark.

use std::fs;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// The variable that marks them.
pub const VARIABLE: &str = "TWINAX_TEST";

/// A process with the mark.
#[derive(Debug)]
pub struct Marked {
    pub pid: i32,
    /// Its command line, for people.
    pub command: String,
    pidfd: OwnedFd,
}

impl Marked {
    /// Ends it at once.
    pub fn kill(&self) {
        // It may have ended by itself meanwhile.
        let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
    }
}

/// Those that there are now. One whose environment nobody may read (a program with set-user-ID) is
/// not found until it has ended or become another.
pub fn marked(mark: &str) -> Vec<Marked> {
    let variable = format!("{VARIABLE}={mark}");
    let pids = fs::read_dir("/proc").expect("/proc can be read").flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(|pid| {
        let has_mark = || {
            let environment = fs::read(format!("/proc/{pid}/environ")).ok()?;
            environment.split(|&byte| byte == 0).any(|own| own == variable.as_bytes()).then_some(())
        };
        has_mark()?;
        let pidfd = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
        // Whether the descriptor stands for the process that was looked at.
        has_mark()?;
        let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        Some(Marked { pid, command, pidfd })
    })
    .collect()
}

/// Waits until there is none; those that are still there when the time is up.
pub fn await_none(mark: &str, within: Duration) -> Vec<Marked> {
    let deadline = Instant::now() + within;
    // One that has just forked and ended can be overlooked once, but not twice.
    let mut none = 0;
    while none < 2 {
        let there = marked(mark);
        if there.is_empty() {
            none += 1;
            continue;
        }
        none = 0;
        for process in &there {
            if !ends(&process.pidfd, deadline) {
                return marked(mark);
            }
        }
    }
    Vec::new()
}

/// Waits until a process has ended; `false`: it has not until the deadline.
pub fn ends(pidfd: &OwnedFd, deadline: Instant) -> bool {
    readable(&mut [PollFd::new(pidfd, PollFlags::IN)], deadline)
}

/// Waits until one of these can be read from; `false`: none could until the deadline.
pub fn readable(of: &mut [PollFd<'_>], deadline: Instant) -> bool {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).expect("a time out of a test");
        match poll(of, Some(&left)) {
            Ok(count) => return count > 0,
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => panic!("poll: {errno}"),
        }
    }
}
