//! Network namespaces, each held by one file descriptor (`network_namespaces(7)`).

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::error::Error;
use crate::sys;

/// A network namespace. It is there as long as this is, or as a process or mount holds it.
#[derive(Debug)]
pub struct Netns {
    fd: OwnedFd,
}

impl Netns {
    /// Makes a namespace and puts the calling *thread* into it.
    ///
    /// Only for a thread that does nothing else: whatever it opens from now on is in there.
    pub fn create() -> Result<Self, Error> {
        sys::unshare(libc::CLONE_NEWNET).map_err(Error::call("making a network namespace"))?;
        Self::current()
    }

    /// The namespace of the calling thread.
    pub fn current() -> Result<Self, Error> {
        Self::open("/proc/thread-self/ns/net".as_ref())
    }

    /// The namespace that a file stands for, such as `/run/netns/NAME`.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let fd = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
            .map_err(Error::file("opening", path))?;
        Ok(Self { fd })
    }

    /// Its inode number, by which the kernel and others know it (`network_namespaces(7)`, `stat(2)`).
    pub fn inode(&self) -> Result<u64, Error> {
        let stat = rustix::fs::fstat(&self.fd).map_err(Error::call("asking for a namespace"))?;
        Ok(stat.st_ino)
    }

    /// Puts the calling *thread* into the namespace.
    pub fn enter(&self) -> Result<(), Error> {
        move_into_link_name_space(self.fd.as_fd(), Some(LinkNameSpaceType::Network))
            .map_err(Error::call("entering a network namespace"))
    }
}

impl From<Netns> for OwnedFd {
    fn from(netns: Netns) -> Self {
        netns.fd
    }
}

impl AsFd for Netns {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
