//! What a sandbox's processes see of the file system, set up once in its mount namespace.
//!
//! Everything here is in a mount namespace of the sandbox's own, from which nothing gets out: the
//! kernel takes it away with the sandbox's last process.

use std::collections::HashSet;
use std::ffi::{CStr, CString, OsString};
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use rustix::fs::{Mode, OFlags, XattrFlags, setxattr};
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::error::{Error, errno};
use crate::sys;

/// Where the nodes are found by name, as `ip netns` has it.
pub const NETNS_DIR: &str = "/run/netns";

/// Where the sandbox keeps what is its own. The machine's folder of that name is not seen.
pub const OWN: &str = "/run/twinax";

/// Where nodes are [pinned](pin).
pub const PINS: &str = "/run/twinax/netns";

/// Where what is changed in [`/etc`](own_etc) is kept.
const ETC: &str = "/run/twinax/etc";
const ETC_WORK: &str = "/run/twinax/etc-work";

/// Files of `/etc` that are larger (tables that a program has made of others) are not copied.
const LARGEST_COPY: u64 = 64 * 1024;

/// `SYSFS_MAGIC`, `linux/magic.h`.
const SYSFS_MAGIC: rustix::fs::FsWord = 0x6265_6572;

const SHOWN_PINS: &str = "/run/twinax/pins";
const VIEW: &str = "/run/twinax/view";

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

/// Puts an `/etc` in place of the machine's that has all of its entries, and that can be changed: the
/// changes are in the memory of the sandbox. `false`: the machine does not allow it, and the old one
/// stays.
///
/// Who is not root of the machine can't change what others own, not even in there. So that is
/// copied, as far as it can be read.
pub fn own_etc() -> Result<bool, Error> {
    for folder in [ETC, ETC_WORK] {
        fs::create_dir(folder).map_err(|error| file_error("making", folder, &error))?;
    }
    let etc = Path::new("/etc");
    let device = fs::metadata(etc).map_err(|error| file_error("reading", etc, &error))?.dev();
    copy_of_others(etc, Path::new(ETC), device);
    let data = CString::new(format!("lowerdir=/etc,upperdir={ETC},workdir={ETC_WORK},userxattr"))
        .expect("no NUL is in there");
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    match rustix::mount::mount(c"overlay", c"/etc", c"overlay", flags, Some(data.as_c_str())) {
        Ok(()) => Ok(true),
        // Before Linux 5.11 only root of the machine may; some kernels have no overlayfs.
        Err(Errno::PERM | Errno::ACCESS | Errno::NODEV | Errno::INVAL) => Ok(false),
        Err(errno) => Err(Error::Call { call: "mounting /etc", errno }),
    }
}

/// Copies the files and folders that others own, and those that are mounts: below another mount, they
/// would not be seen.
fn copy_of_others(from: &Path, to: &Path, device: u64) {
    for entry in fs::read_dir(from).into_iter().flatten().flatten() {
        let Ok(found) = entry.metadata() else { continue };
        if found.dev() == device && found.uid() == rustix::process::geteuid().as_raw() {
            continue;
        }
        let (path, copy) = (entry.path(), to.join(entry.file_name()));
        if found.is_dir() {
            if fs::create_dir(&copy).is_err() {
            } else if fs::read_dir(&path).is_ok() {
                copy_of_others(&path, &copy, device);
            } else if setxattr(&copy, c"user.overlay.opaque", b"y", XattrFlags::empty()).is_err() {
                // Only one that hides the other can take the place of what can't be looked into.
                let _ = fs::remove_dir(&copy);
            }
        } else if found.is_symlink() {
            let _ = fs::read_link(&path).and_then(|to| symlink(to, &copy));
        } else if found.is_file() && found.len() <= LARGEST_COPY && fs::copy(&path, &copy).is_err()
        {
            let _ = fs::remove_file(copy);
        }
    }
}

/// Shows a copy of a file in the place of a file that is there, such as `/etc/hosts`.
pub fn own_file(path: &Path, copy: &Path) -> Result<(), Error> {
    fs::copy(path, copy).map_err(|error| file_error("copying", path, &error))?;
    rustix::mount::mount_bind(copy, path).map_err(Error::file("mounting over", path))
}

/// Makes the *view*: a copy of the mount namespace of the calling process as it is now. Others open
/// it by [`view`] once it is [shown](show_view).
///
/// The namespaces that are [pinned](pin) from now on are mounts of the original alone. What is
/// executed in the view gets a mount namespace of its own, and that copies every mount.
pub fn make_view() -> Result<OwnedFd, Error> {
    std::thread::scope(|scope| {
        let copy = || {
            sys::unshare(libc::CLONE_NEWNS).map_err(Error::call("copying the mount namespace"))?;
            open_namespace("/proc/thread-self/ns/mnt")
        };
        match scope.spawn(copy).join() {
            Ok(copied) => copied,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Lets others [open](view) the view as long as this descriptor is open.
///
/// It is not bound to a file, as a network namespace is: from Linux 6.18 on the kernel takes the one
/// of two mount namespaces for the older that was made on a certain processor, and refuses to bind
/// the older one (`mnt_ns_loop`, `fs/namespace.c`).
pub fn show_view(view: &OwnedFd) -> Result<(), Error> {
    let target = own_file_in_proc("/proc/self", &format!("fd/{}", view.as_raw_fd()))?;
    let _ = fs::remove_file(VIEW);
    symlink(target, VIEW).map_err(|error| file_error("making", VIEW, &error))
}

/// A file of the calling thread in `/proc`, by a path that means the same to other threads.
fn own_file_in_proc(link: &str, file: &str) -> Result<String, Error> {
    let own = fs::read_link(link).map_err(|error| file_error("reading", link, &error))?;
    Ok(format!("/proc/{}/{file}", own.display()))
}

/// The [view](make_view), to be entered.
pub fn view() -> Result<OwnedFd, Error> {
    open_namespace(VIEW)
}

fn open_namespace(path: &str) -> Result<OwnedFd, Error> {
    rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .map_err(Error::file("opening", path))
}

/// Puts the calling *thread* into the [view](make_view).
///
/// Only for a thread that does nothing else.
pub fn enter_view() -> Result<(), Error> {
    let view = view()?;
    // A thread that shares its working directory with others can't change the mount namespace.
    sys::unshare(libc::CLONE_FS)
        .and_then(|()| move_into_link_name_space(view.as_fd(), Some(LinkNameSpaceType::Mount)))
        .map_err(Error::call("entering the sandbox's view"))
}

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

fn file_error(call: &'static str, path: impl AsRef<Path>, error: &io::Error) -> Error {
    Error::File { call, path: path.as_ref().to_owned(), errno: errno(error) }
}
