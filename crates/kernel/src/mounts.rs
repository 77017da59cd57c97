//! What a sandbox's processes see of the file system, set up once in its mount namespace.
//!
//! Everything here is in a mount namespace of the sandbox's own, from which nothing gets out: the
//! kernel takes it away with the sandbox's last process.

use std::ffi::CStr;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags};

use crate::error::{Error, errno};

/// Where the nodes are found by name, as `ip netns` has it.
pub const NETNS_DIR: &str = "/run/netns";

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

/// Puts a `/run` in place of the machine's that has all of its entries but an empty
/// [`NETNS_DIR`], which can be written to.
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
        if entry.file_name() != "netns" {
            // An entry that can't be had (it may have gone meanwhile) is no reason to refuse.
            let _ = carry_over(&entry, &Path::new("/run").join(entry.file_name()));
        }
    }
    fs::create_dir(NETNS_DIR).map_err(|error| file_error("making", NETNS_DIR, &error))
}

fn carry_over(entry: &fs::DirEntry, to: &Path) -> io::Result<()> {
    let kind = entry.file_type()?;
    if kind.is_symlink() {
        return symlink(fs::read_link(entry.path())?, to);
    }
    if kind.is_dir() {
        fs::create_dir(to)?;
    } else {
        fs::File::create_new(to)?;
    }
    Ok(rustix::mount::mount_bind_recursive(entry.path(), to)?)
}

/// Shows this text in place of a file that is there, such as `/etc/hosts`.
pub fn replace_file(path: &Path, text: &str) -> Result<(), Error> {
    let name = path.file_name().unwrap_or_default();
    let copy = Path::new("/run").join(format!(".twinax-{}", name.to_string_lossy()));
    fs::write(&copy, text).map_err(|error| file_error("writing", &copy, &error))?;
    rustix::mount::mount_bind(&copy, path).map_err(Error::file("mounting over", path))
}

/// Makes a namespace, held by a descriptor of this process, known by name under [`NETNS_DIR`].
///
/// It is a link to the descriptor and not a bind mount: a mount would be copied, and with it every
/// other, each time a program is executed in a node.
pub fn name_netns(name: &str, fd: std::os::fd::BorrowedFd<'_>) -> Result<(), Error> {
    // Not getpid(): where the machine allows no /proc of our own, the old one has another number.
    let own =
        fs::read_link("/proc/self").map_err(|error| file_error("reading", "/proc/self", &error))?;
    let fd = std::os::fd::AsRawFd::as_raw_fd(&fd);
    let target = format!("/proc/{}/fd/{fd}", own.display());
    let path = Path::new(NETNS_DIR).join(name);
    symlink(target, &path).map_err(|error| file_error("making", &path, &error))
}

fn file_error(call: &'static str, path: impl AsRef<Path>, error: &io::Error) -> Error {
    Error::File { call, path: path.as_ref().to_owned(), errno: errno(error) }
}
