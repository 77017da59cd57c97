//! An `/etc` that can be changed.

use std::ffi::CString;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use rustix::fs::{XattrFlags, setxattr};
use rustix::io::Errno;
use rustix::mount::MountFlags;

use super::file_error;
use crate::error::Error;

/// Where what is changed in [`/etc`](own_etc) is kept.
const ETC: &str = "/run/twinax/etc";
const ETC_WORK: &str = "/run/twinax/etc-work";

/// Files of `/etc` that are larger (tables that a program has made of others) are not copied.
const LARGEST_COPY: u64 = 64 * 1024;

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
