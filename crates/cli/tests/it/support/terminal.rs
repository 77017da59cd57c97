//! A terminal of which the test is the one who sits there (`pty(7)`).

use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// So many rows and columns.
pub fn size(rows: u16, columns: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

/// A terminal of this size: the end of the one who sits there, and the end of the programs.
pub fn make(size: Winsize) -> (OwnedFd, OwnedFd) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let own = openpt(flags).expect("a terminal");
    grantpt(&own).and_then(|()| unlockpt(&own)).expect("our own terminal");
    tcsetwinsize(&own, size).expect("our own terminal");
    let name = ptsname(&own, Vec::new()).expect("our own terminal");
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let its = rustix::fs::open(name, flags, Mode::empty()).expect("our own terminal");
    (own, its)
}
