//! What a running lab knows of itself beyond what the kernel tells: the lab file that was applied
//! last, in the sandbox's own `/run`. From it are the steps, the order of things, and which sysctls
//! somebody has ever asked for. It is gone with the lab.

use std::fs;
use std::io;
use std::path::Path;

use twinax_kernel::Error;
use twinax_topology::Topology;

use crate::wanted::below;

/// The file.
pub const LAB: &str = "/run/twinax/lab.toml";

/// Remembers the lab that was applied.
pub fn remember(lab: &Topology) -> Result<(), Error> {
    let new = "/run/twinax/.lab.toml";
    fs::write(new, lab.to_toml())
        .and_then(|()| fs::rename(new, LAB))
        .map_err(Error::io("remembering the lab's file"))
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
