//! Nodes under their names: network namespaces, each kept by a mount.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::io::Errno;
use rustix::mount::UnmountFlags;

use super::{NETNS_DIR, PINS, file_error, own_file_in_proc};
use crate::error::Error;

const SHOWN_PINS: &str = "/run/twinax/pins";

/// Where nodes are pinned, as a path that leads there from the view, too. The calling process must
/// be the one that holds the mount namespace.
pub fn show_pins() -> Result<(), Error> {
    // Not getpid(): where the machine allows no /proc of our own, the old one has another number.
    let target = own_file_in_proc("/proc/self", &format!("root{PINS}"))?;
    symlink(target, SHOWN_PINS).map_err(|error| file_error("making", SHOWN_PINS, &error))
}

/// Keeps the network namespace of the calling thread, under a name that `ip netns` knows.
///
/// It is kept by a mount that is in the calling process's mount namespace only, so that no other
/// mount namespace has to copy it; the name is a link to it. The link is made last and goes first:
/// one who is killed in between leaves no name that leads nowhere, but at most a
/// [pin without a name](unpin_unnamed).
///
/// # Errors
///
/// `EEXIST`: the name is taken.
pub fn pin(name: &str) -> Result<(), Error> {
    let pin = Path::new(PINS).join(name);
    let path = Path::new(NETNS_DIR).join(name);
    let target = Path::new(SHOWN_PINS).join(name);
    if path.symlink_metadata().is_ok() {
        return Err(Error::File { call: "making", path, errno: Errno::EXIST });
    }
    take_away(&pin)?;
    let kept = fs::File::create(&pin)
        .map_err(|error| file_error("making", &pin, &error))
        .and_then(|_| {
            rustix::mount::mount_bind("/proc/thread-self/ns/net", &pin)
                .map_err(Error::file("mounting over", &pin))
        })
        .and_then(|()| symlink(target, &path).map_err(|error| file_error("making", &path, &error)));
    if kept.is_err() {
        let _ = take_away(&pin);
    }
    kept
}

/// Takes a node's name away; and where it was [pinned](pin), no longer keeps its namespace.
///
/// A node that `ip netns add` has made is kept by a mount in the view: for it, the calling thread
/// must be in there.
pub fn unpin(name: &str) -> Result<(), Error> {
    take_away(&Path::new(NETNS_DIR).join(name))?;
    take_away(&Path::new(PINS).join(name))
}

/// No longer keeps what is [pinned](pin) and has no name, because somebody was killed who was about
/// to name it or to let it go. Nobody else may be pinning anything meanwhile.
pub fn unpin_unnamed() -> Result<(), Error> {
    let names = |folder: &str| -> Result<HashSet<OsString>, Error> {
        let entries =
            fs::read_dir(folder).map_err(|error| file_error("reading", folder, &error))?;
        Ok(entries.flatten().map(|entry| entry.file_name()).collect())
    };
    let named = names(NETNS_DIR)?;
    for name in names(PINS)?.difference(&named) {
        take_away(&Path::new(PINS).join(name))?;
    }
    Ok(())
}

/// Takes a mount and the file beneath it away, as far as they are there.
fn take_away(path: &Path) -> Result<(), Error> {
    // A link must not be followed: where it leads may be in another mount namespace.
    let flags = UnmountFlags::DETACH | UnmountFlags::NOFOLLOW;
    match rustix::mount::unmount(path, flags) {
        // It is no mount, or not here.
        Ok(()) | Err(Errno::INVAL | Errno::NOENT) => {}
        Err(errno) => {
            return Err(Error::File { call: "unmounting", path: path.to_owned(), errno });
        }
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(file_error("removing", path, &error))
        }
        _ => Ok(()),
    }
}
