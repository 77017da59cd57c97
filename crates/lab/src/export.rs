//! The nodes of a running lab under names that the machine's own `ip netns` knows: `LAB.NODE`.
//!
//! Each is a link that leads through the lab's holder, and keeps nothing: when the holder has
//! ended, it leads nowhere. Only root may write there.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use twinax_kernel::mounts::{NETNS_DIR, PINS};
use twinax_topology::NodeName;

use crate::sandbox::Holder;

/// Where the links of a lab with this holder lead to.
fn target(holder: i32) -> String {
    format!("/proc/{holder}/root{PINS}/")
}

/// Why the nodes have no such names.
#[derive(Debug, thiserror::Error)]
#[error("naming the lab's nodes in {NETNS_DIR}")]
pub struct ExportError(#[from] io::Error);

/// Names all nodes of a lab, and takes away the names of those that are no more. Where one can't be
/// named, none is.
pub fn names(lab: &NodeName, holder: &Holder) -> Result<(), ExportError> {
    let pid = holder.pid().as_raw_nonzero().get();
    remove(pid);
    let named = name_all(lab, holder, pid);
    if named.is_err() {
        remove(pid);
    }
    Ok(named?)
}

fn name_all(lab: &NodeName, holder: &Holder, pid: i32) -> io::Result<()> {
    fs::create_dir_all(NETNS_DIR)?;
    for node in fs::read_dir(holder.sees(PINS))? {
        let node = node?.file_name();
        let name = format!("{lab}.{}", node.to_string_lossy());
        symlink(Path::new(&target(pid)).join(&node), Path::new(NETNS_DIR).join(name))?;
    }
    Ok(())
}

/// Whether the nodes of a lab have such names.
pub fn is_exported(holder: &Holder) -> bool {
    links(holder.pid().as_raw_nonzero().get()).next().is_some()
}

/// Takes away the names of the nodes of a lab with this holder.
pub(crate) fn remove(holder: i32) {
    let links: Vec<PathBuf> = links(holder).collect();
    if links.is_empty() {
        return;
    }
    for link in links {
        let _ = fs::remove_file(link);
    }
    // Where it was made for them, nothing else is in there, and nothing is mounted on it.
    let _ = fs::remove_dir(NETNS_DIR);
}

fn links(holder: i32) -> impl Iterator<Item = PathBuf> {
    let target = target(holder);
    let entries = fs::read_dir(NETNS_DIR).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(move |path| {
        fs::read_link(path).is_ok_and(|to| to.starts_with(target.trim_end_matches('/')))
    })
}
