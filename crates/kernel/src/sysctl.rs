//! Sysctls of the calling thread's network namespace: the files under `/proc/sys/net`.

mod differing;

use rustix::fs::{Mode, OFlags};
use twinax_topology::Sysctl;

pub use differing::differing;

use crate::error::{Error, errno};

/// Sets a sysctl in the namespace of the calling thread.
pub fn set(sysctl: &Sysctl) -> Result<(), Error> {
    let path = format!("/proc/sys/{}", sysctl.key.path());
    let flags = OFlags::WRONLY | OFlags::CLOEXEC;
    let file =
        rustix::fs::open(&path, flags, Mode::empty()).map_err(Error::file("opening", &path))?;
    // One write: the kernel takes the first write as the whole value.
    rustix::io::write(&file, sysctl.value.as_bytes())
        .map(drop)
        .map_err(Error::file("writing", &path))
}

/// Reads a sysctl, by its path below `/proc/sys`, in the namespace of the calling thread.
pub fn get(path: &str) -> Result<String, Error> {
    let path = format!("/proc/sys/{path}");
    let value = std::fs::read_to_string(&path).map_err(|error| Error::File {
        call: "reading",
        path: path.into(),
        errno: errno(&error),
    })?;
    Ok(value.trim_end().to_owned())
}
