//! What a sandbox's processes see of the file system, set up once in its mount namespace.
//!
//! Everything here is in a mount namespace of the sandbox's own, from which nothing gets out: the
//! kernel takes it away with the sandbox's last process.

mod etc;
mod pins;
mod view;

use std::ffi::CStr;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags};

use crate::error::{Error, errno};

pub use etc::own_etc;
pub use pins::{pin, show_pins, unpin, unpin_unnamed};
pub use view::{enter_view, make_view, show_view, view};

/// Where the nodes are found by name, as `ip netns` has it.
pub const NETNS_DIR: &str = "/run/netns";

/// Where the sandbox keeps what is its own. The machine's folder of that name is not seen.
pub const OWN: &str = "/run/twinax";

/// Where nodes are [pinned](pin).
pub const PINS: &str = "/run/twinax/netns";

/// `SYSFS_MAGIC`, `linux/magic.h`.
const SYSFS_MAGIC: rustix::fs::FsWord = 0x6265_6572;

/// Keeps what is mounted from now on from getting out; what the machine mounts still comes in.
pub fn separate() -> Result<(), Error> {
    let below = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
    rustix::mount::mount_change(c"/", below)
        .map_err(Error::call("separating the sandbox's mounts from the machine's"))
}

/// Mounts a `/proc` that shows the PID namespace of the calling process. `false`: the machine does
/// not allow it (as in many containers, where parts of `/proc` are masked), and the old one stays.
pub fn own_proc() -> Result<bool, Error> {
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    let none: Option<&CStr> = None;
    match rustix::mount::mount(c"proc", c"/proc", c"proc", flags, none) {
        Ok(()) => Ok(true),
        Err(Errno::PERM | Errno::ACCESS) => Ok(false),
        Err(errno) => Err(Error::Call { call: "mounting /proc", errno }),
    }
}

/// Puts a `/run` in place of the machine's that has all of its entries, but a [`NETNS_DIR`] and
/// [`OWN`] folder of its own.
pub fn own_run() -> Result<(), Error> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let old =
        rustix::fs::open("/run", flags, Mode::empty()).map_err(Error::file("opening", "/run"))?;
    rustix::mount::mount(
        c"tmpfs",
        c"/run",
        c"tmpfs",
        MountFlags::NOSUID | MountFlags::NODEV,
        Some(c"mode=0755"),
    )
    .map_err(Error::file("mounting a tmpfs on", "/run"))?;
    let old = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&old));
    let entries = fs::read_dir(&old).map_err(|error| file_error("reading", "/run", &error))?;
    for entry in entries.flatten() {
        if entry.file_name() != "netns" && entry.file_name() != "twinax" {
            // An entry that can't be had (it may have gone meanwhile) is no reason to refuse.
            let _ = carry_over(&entry, &Path::new("/run").join(entry.file_name()));
        }
    }
    for folder in [NETNS_DIR, OWN, PINS] {
        fs::create_dir(folder).map_err(|error| file_error("making", folder, &error))?;
    }
    Ok(())
}

fn carry_over(entry: &fs::DirEntry, to: &Path) -> io::Result<()> {
    let kind = entry.file_type()?;
    if kind.is_symlink() {
        return symlink(fs::read_link(entry.path())?, to);
    }
    if kind.is_dir() {
        fs::create_dir(to)?;
        if is_empty_and_anothers(entry) {
            // Where root of a machine would put something, so can root of the sandbox.
            return Ok(());
        }
    } else {
        fs::File::create_new(to)?;
    }
    Ok(rustix::mount::mount_bind_recursive(entry.path(), to)?)
}

fn is_empty_and_anothers(folder: &fs::DirEntry) -> bool {
    folder.metadata().is_ok_and(|found| found.uid() != rustix::process::geteuid().as_raw())
        && fs::read_dir(folder.path()).is_ok_and(|mut entries| entries.next().is_none())
}

/// What the machine may have mounted below `/sys`, and programs look for there.
const BELOW_SYS: [&str; 4] =
    ["/sys/fs/bpf", "/sys/fs/cgroup", "/sys/kernel/debug", "/sys/kernel/tracing"];

/// Puts a `/sys` in place of the machine's that shows the network namespace of the calling process,
/// and what the machine has mounted below its own. `false`: the machine does not allow it, and the
/// old one stays.
pub fn own_sys() -> Result<bool, Error> {
    let kept: Vec<(OwnedFd, &str)> = BELOW_SYS
        .iter()
        .filter_map(|&path| {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let folder = rustix::fs::open(path, flags, Mode::empty()).ok()?;
            let is_mount =
                rustix::fs::fstatfs(&folder).is_ok_and(|found| found.f_type != SYSFS_MAGIC);
            is_mount.then_some((folder, path))
        })
        .collect();
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    let none: Option<&CStr> = None;
    match rustix::mount::mount(c"sysfs", c"/sys", c"sysfs", flags, none) {
        Ok(()) => {}
        Err(Errno::PERM | Errno::ACCESS) => return Ok(false),
        Err(errno) => return Err(Error::Call { call: "mounting /sys", errno }),
    }
    for (folder, path) in kept {
        // A kernel may show less in a new one.
        let _ = rustix::mount::mount_bind_recursive(
            format!("/proc/self/fd/{}", folder.as_raw_fd()),
            path,
        );
    }
    Ok(true)
}

/// Shows a copy of a file in the place of a file that is there, such as `/etc/hosts`.
pub fn own_file(path: &Path, copy: &Path) -> Result<(), Error> {
    fs::copy(path, copy).map_err(|error| file_error("copying", path, &error))?;
    rustix::mount::mount_bind(copy, path).map_err(Error::file("mounting over", path))
}

/// A file of the calling thread in `/proc`, by a path that means the same to other threads.
fn own_file_in_proc(link: &str, file: &str) -> Result<String, Error> {
    let own = fs::read_link(link).map_err(|error| file_error("reading", link, &error))?;
    Ok(format!("/proc/{}/{file}", own.display()))
}

fn file_error(call: &'static str, path: impl AsRef<Path>, error: &io::Error) -> Error {
    Error::File { call, path: path.as_ref().to_owned(), errno: errno(error) }
}
