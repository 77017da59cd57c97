//! Persistent TUN/TAP devices (`Documentation/networking/tuntap.rst`), made, and held.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use twinax_topology::TapMode;

use crate::error::Error;
use crate::sys;

/// The file through which TUN/TAP devices are made.
pub const DEVICE: &str = "/dev/net/tun";

/// Makes a persistent TUN/TAP device, down, in the namespace of the calling thread.
pub fn add(name: &str, mode: TapMode) -> Result<(), Error> {
    make(&open()?, name, mode)
}

/// The same, with this index.
pub fn add_at(name: &str, mode: TapMode, index: u32) -> Result<(), Error> {
    let tun = open()?;
    sys::tun_set_ifindex(tun.as_fd(), index)
        .map_err(Error::call("asking for the index of a TUN/TAP device"))?;
    make(&tun, name, mode)
}

fn make(tun: &OwnedFd, name: &str, mode: TapMode) -> Result<(), Error> {
    // IFF_TUN_EXCL: not one that is there already.
    let flags = flags(mode) | libc::IFF_TUN_EXCL;
    sys::tun_set_iff(tun.as_fd(), name, flags).map_err(Error::call("making a TUN/TAP device"))?;
    sys::tun_set_persist(tun.as_fd()).map_err(Error::call("making a TUN/TAP device persistent"))
}

/// Holds the other end of a persistent TUN/TAP device in the namespace of the calling thread: what
/// leaves by the device can be read from the descriptor, one frame (or packet) each time, and what
/// is written to it comes in. The device has carrier for as long.
///
/// Reading and writing do not wait (`EAGAIN`). Frames are whole and as long as the device's MTU
/// allows, with their checksums: nothing is left for the descriptor's owner to segment or to sum
/// up (`TUNSETOFFLOAD` with nothing in it, also where an earlier owner took that upon himself).
/// Once the device is gone, reading and writing fail with `EBADFD`; while it is down, writing fails
/// with `EIO`.
///
/// # Errors
///
/// - [`Error::NoDevice`]: there is none of this name;
/// - [`Error::NotTun`]: it is something else, or of the other mode;
/// - [`Error::Held`]: another program holds it.
pub fn attach(name: &str, mode: TapMode) -> Result<OwnedFd, Error> {
    let tun = open()?;
    let attached = sys::tun_set_iff(tun.as_fd(), name, flags(mode));
    attached.map_err(|errno| match errno {
        Errno::INVAL => Error::NotTun { name: name.to_owned(), mode: mode.as_str() },
        Errno::BUSY => Error::Held { name: name.to_owned() },
        errno => Error::Call { call: HOLDING, errno },
    })?;
    // Where there is none of the name, the kernel has just made one, which goes with the descriptor.
    let flags = sys::tun_get_iff(tun.as_fd()).map_err(Error::call(HOLDING))?;
    if flags & libc::IFF_PERSIST == 0 {
        return Err(Error::NoDevice { name: name.to_owned() });
    }
    sys::tun_set_offload(tun.as_fd(), 0).map_err(Error::call(HOLDING))?;
    Ok(tun)
}

/// What failed, when it did.
const HOLDING: &str = "holding a TUN/TAP device";

fn open() -> Result<OwnedFd, Error> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NONBLOCK;
    rustix::fs::open(DEVICE, flags, Mode::empty()).map_err(Error::file("opening", DEVICE))
}

/// `IFF_NO_PI`: no four bytes of packet information before each frame; as `ip tuntap add` has it.
fn flags(mode: TapMode) -> libc::c_int {
    let mode = match mode {
        TapMode::Tap => libc::IFF_TAP,
        TapMode::Tun => libc::IFF_TUN,
    };
    mode | libc::IFF_NO_PI
}
