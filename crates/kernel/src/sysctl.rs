//! Sysctls of the calling thread's network namespace: the files under `/proc/sys/net`.

mod differing;

use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags};
use twinax_topology::Sysctl;

pub use differing::{differing, differing_but};

use crate::error::{Error, errno};

/// Sets a sysctl in the namespace of the calling thread.
pub fn set(sysctl: &Sysctl) -> Result<(), Error> {
    write(None, sysctl)
}

/// Reads a sysctl, by its path below `/proc/sys`, in the namespace of the calling thread.
pub fn get(path: &str) -> Result<String, Error> {
    read(None, path)
}

/// Sets and reads sysctls in many namespaces, one after the other.
///
/// What is below `/proc/sys/net` is another directory in each namespace, under the same name. The
/// kernel remembers each that somebody has used, all of them in one list, and goes through that
/// list whenever one is opened (`__d_lookup`, `proc_sys_compare`): with 1000 namespaces, that is
/// more work than everything else that is asked of them. So this has a `/proc` of its own, which
/// nobody else sees, and takes a new one before the list is long.
#[derive(Debug, Default)]
pub struct Sysctls {
    proc: Option<OwnedFd>,
    uses: usize,
}

impl Sysctls {
    /// A `/proc` costs 30 µs; a namespace in the list, 20 ns for each that comes after it.
    const USES: usize = 64;

    /// Sets a sysctl in the namespace of the calling thread.
    pub fn set(&mut self, sysctl: &Sysctl) -> Result<(), Error> {
        write(self.proc(), sysctl)
    }

    /// Reads a sysctl, by its path below `/proc/sys`, in the namespace of the calling thread.
    pub fn get(&mut self, path: &str) -> Result<String, Error> {
        read(self.proc(), path)
    }

    /// `None`: the machine does not allow one, and the usual one has to do.
    fn proc(&mut self) -> Option<&OwnedFd> {
        if self.uses.is_multiple_of(Self::USES) {
            self.proc = own_proc().ok();
        }
        self.uses += 1;
        self.proc.as_ref()
    }
}

/// A `/proc` that is mounted nowhere.
fn own_proc() -> Result<OwnedFd, Errno> {
    let context = rustix::mount::fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
    rustix::mount::fsconfig_create(&context)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    rustix::mount::fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}

fn write(proc: Option<&OwnedFd>, sysctl: &Sysctl) -> Result<(), Error> {
    let path = sysctl.key.path();
    let file = open(proc, path, OFlags::WRONLY).map_err(Error::file("opening", shown(path)))?;
    // One write: the kernel takes the first write as the whole value.
    rustix::io::write(&file, sysctl.value.as_bytes())
        .map(drop)
        .map_err(Error::file("writing", shown(path)))
}

fn read(proc: Option<&OwnedFd>, path: &str) -> Result<String, Error> {
    let failed = |errno| Error::File { call: "reading", path: shown(path).into(), errno };
    let mut value = String::new();
    let mut file = File::from(open(proc, path, OFlags::RDONLY).map_err(failed)?);
    file.read_to_string(&mut value).map_err(|error| failed(errno(&error)))?;
    value.truncate(value.trim_end().len());
    Ok(value)
}

fn open(proc: Option<&OwnedFd>, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::CLOEXEC;
    match proc {
        Some(proc) => rustix::fs::openat(proc, format!("sys/{path}"), flags, Mode::empty()),
        None => rustix::fs::open(shown(path), flags, Mode::empty()),
    }
}

/// Where others find it.
fn shown(path: &str) -> String {
    format!("/proc/sys/{path}")
}
