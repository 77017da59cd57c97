//! What a running lab knows of itself beyond what the kernel tells: the lab file that was applied
//! last, in the sandbox's own `/run`. From it are the steps, the order of things, and which sysctls
//! somebody has ever asked for. It is gone with the lab.

use std::fs;
use std::io;
use std::path::Path;

use twinax_kernel::Error;
use twinax_topology::{NodeName, Topology};

use crate::wanted::below;

/// The file.
pub const LAB: &str = "/run/twinax/lab.toml";

/// The names of its nodes, a line each: whoever needs no more than their order need not read all.
const NODES: &str = "/run/twinax/nodes";

/// Remembers the lab that was applied.
pub fn remember(lab: &Topology) -> Result<(), Error> {
    let names: String = lab.nodes.iter().map(|node| format!("{}\n", node.name)).collect();
    replace(NODES, &names)
        .and_then(|()| replace(LAB, &lab.to_toml()))
        .map_err(Error::io("remembering the lab's file"))
}

/// Puts a file there at once: nobody sees half of it.
fn replace(file: &str, text: &str) -> io::Result<()> {
    let new = format!("{file}.new");
    fs::write(&new, text)?;
    fs::rename(new, file)
}

/// The nodes of the lab that was applied last, in its order; of one that a script has built, none.
pub fn order() -> Vec<NodeName> {
    let text = fs::read_to_string(NODES).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

/// The lab that was applied last; `None`: none was, as in a lab that a script has built.
pub fn remembered() -> io::Result<Option<Topology>> {
    remembered_in(Path::new("/"))
}

/// The same, sooner where that lab is this one: to write a lab takes a fifth of the time that it
/// takes to read it.
pub(crate) fn remembered_beside(lab: &Topology) -> io::Result<Option<Topology>> {
    Ok(text(Path::new("/"))?.and_then(|text| match text == lab.to_toml() {
        true => Some(lab.clone()),
        false => read(&text),
    }))
}

/// That of a lab whose files are seen below this folder.
pub fn remembered_in(root: &Path) -> io::Result<Option<Topology>> {
    Ok(text(root)?.and_then(|text| read(&text)))
}

fn text(root: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(below(root, Path::new(LAB))) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        text => Ok(Some(text?)),
    }
}

fn read(text: &str) -> Option<Topology> {
    twinax_topology::parse(text, LAB).ok()
}
