//! Persistent TUN/TAP devices (`Documentation/networking/tuntap.rst`).

use std::os::fd::AsFd;

use rustix::fs::{Mode, OFlags};
use twinax_topology::TapMode;

use crate::error::Error;
use crate::sys;

/// The file through which TUN/TAP devices are made.
pub const DEVICE: &str = "/dev/net/tun";

/// Makes a persistent TUN/TAP device, down, in the namespace of the calling thread.
pub fn add(name: &str, mode: TapMode) -> Result<(), Error> {
    let tun = rustix::fs::open(DEVICE, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
        .map_err(Error::file("opening", DEVICE))?;
    let mode = match mode {
        TapMode::Tap => libc::IFF_TAP,
        TapMode::Tun => libc::IFF_TUN,
    };
    // IFF_NO_PI: no four bytes of packet information before each frame; as `ip tuntap add` has it.
    // IFF_TUN_EXCL: not one that is there already.
    let flags = mode | libc::IFF_NO_PI | libc::IFF_TUN_EXCL;
    sys::tun_set_iff(tun.as_fd(), name, flags).map_err(Error::call("making a TUN/TAP device"))?;
    sys::tun_set_persist(tun.as_fd()).map_err(Error::call("making a TUN/TAP device persistent"))
}
