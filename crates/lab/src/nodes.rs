//! The nodes of a lab that stands, and work in them.
//!
//! Which nodes there are is what is in `/run/netns`; nobody holds a list or a descriptor of them.

use std::path::Path;

use rustix::io::Errno;
use twinax_kernel::mounts::{self, NETNS_DIR, PINS};
use twinax_kernel::{Error, Netns};
use twinax_topology::NodeName;

/// The names of all nodes, in the sandbox of the calling process, in no order.
pub fn names() -> Result<Vec<NodeName>, Error> {
    let entries = std::fs::read_dir(NETNS_DIR).map_err(Error::io("listing the nodes"))?.flatten();
    let mut names = Vec::new();
    let mut in_view = Vec::new();
    for entry in entries {
        // One that can't be a node's was not put there by `ip netns`.
        let Some(name) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let is_pinned = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        if is_pinned { &mut names } else { &mut in_view }.push(name);
    }
    if !in_view.is_empty() {
        names.extend(on_own_thread(|| {
            mounts::enter_view()?;
            Ok::<Vec<NodeName>, Error>(in_view.into_iter().filter(is_namespace).collect())
        })?);
    }
    Ok(names)
}

/// As [`names`], for a process that has joined a PID namespace and can have no threads any more: it
/// is in the view from then on.
pub(crate) fn names_from_within() -> Result<Vec<NodeName>, Error> {
    mounts::enter_view()?;
    let entries = std::fs::read_dir(NETNS_DIR).map_err(Error::io("listing the nodes"))?.flatten();
    let names = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<NodeName>().ok());
    Ok(names.filter(is_namespace).collect())
}

/// Whether a name stands for a namespace in the view, where the calling thread is. `ip netns add` in
/// a node leaves one behind that does not: its mount was the command's alone.
fn is_namespace(name: &NodeName) -> bool {
    /// `NSFS_MAGIC`, `linux/magic.h`.
    const NSFS: rustix::fs::FsWord = 0x6e73_6673;
    rustix::fs::statfs(Path::new(NETNS_DIR).join(name.as_str()))
        .is_ok_and(|found| found.f_type == NSFS)
}

/// The namespace of a node, in the sandbox of the calling process.
pub fn open(name: &NodeName) -> Result<Netns, Error> {
    match Netns::open(&Path::new(PINS).join(name.as_str())) {
        Err(error) if error.errno() == Some(Errno::NOENT) => open_in_view(name),
        opened => opened,
    }
}

/// One that `ip netns add` has made: it is a mount in the view.
fn open_in_view(name: &NodeName) -> Result<Netns, Error> {
    on_own_thread(|| {
        mounts::enter_view()?;
        Netns::open(&Path::new(NETNS_DIR).join(name.as_str()))
    })
    .map_err(|error| match error.errno() {
        Some(Errno::NOENT) => Error::NoNode { name: name.to_string() },
        _ => error,
    })
}

/// Takes a node away: its name, and its namespace as soon as nothing runs in it any more.
pub(crate) fn remove(name: &NodeName) -> Result<(), Error> {
    if Path::new(PINS).join(name.as_str()).exists() {
        return mounts::unpin(name.as_str());
    }
    on_own_thread(|| {
        mounts::enter_view()?;
        mounts::unpin(name.as_str())
    })
}

/// Does some work on a thread of its own in a namespace, and waits for it.
///
/// The calling thread stays where it is: a thread that has been in a node would take whatever it
/// opens from there.
pub fn inside<T: Send>(
    netns: &Netns,
    work: impl FnOnce() -> Result<T, Error> + Send,
) -> Result<T, Error> {
    on_own_thread(|| {
        netns.enter()?;
        work()
    })
}

/// Does some work on a thread that does nothing else, and waits for it.
pub fn on_own_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| match scope.spawn(work).join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}
