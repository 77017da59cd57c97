//! Folders that stay the same whatever becomes of their names.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, fstat, mkdirat, openat, unlinkat};
use rustix::io::Errno;
use rustix::process::geteuid;

/// A folder that is open.
pub(super) struct Folder(OwnedFd);

const FOLDER: OFlags = OFlags::DIRECTORY.union(OFlags::RDONLY).union(OFlags::CLOEXEC);
const NEW: OFlags = OFlags::CREATE.union(OFlags::EXCL).union(OFlags::RDWR).union(OFlags::CLOEXEC);
/// Read and write for the owner, and what the umask leaves for others.
const ANYBODY: Mode = Mode::from_raw_mode(0o666);
const OWNER: Mode = Mode::from_raw_mode(0o600);

impl Folder {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(openat(CWD, path, FOLDER, Mode::empty())?))
    }

    /// Makes a file of this name, in the place of what had it.
    pub(super) fn create(&self, name: &str) -> io::Result<File> {
        match unlinkat(&self.0, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno.into()),
        }
        // Never through a link that somebody else has put there.
        Ok(openat(&self.0, name, NEW, ANYBODY)?.into())
    }

    /// Makes a file that has no name: it goes with whoever has it open.
    pub(super) fn nameless(&self) -> io::Result<File> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        match openat(&self.0, ".", flags, OWNER) {
            // Not every file system can do it (`O_TMPFILE`, `open(2)`).
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {
                let name = format!(".twinax-{}", std::process::id());
                let file = openat(&self.0, &name, NEW, OWNER)?;
                unlinkat(&self.0, &name, AtFlags::empty())?;
                Ok(file.into())
            }
            opened => Ok(opened?.into()),
        }
    }

    /// Finds out whether something can be written here.
    pub(super) fn try_out(&self) -> io::Result<()> {
        // One block: where there is no room, the kernel says so when it is written out.
        let mut file = self.nameless()?;
        file.write_all(&[0; 4096])?;
        file.sync_data()
    }

    /// The folder of this name in it that belongs to us, and that nobody else may enter; made where it is
    /// not there. Where somebody else has taken the name it has another one.
    pub(super) fn own(&self, path: &Path) -> io::Result<(Self, PathBuf)> {
        const TRIES: usize = 10;
        let name = path.file_name().unwrap_or_default().to_os_string();
        for number in 1..=TRIES {
            let mut name = name.clone();
            if number > 1 {
                name.push(format!("-{number}"));
            }
            match mkdirat(&self.0, &name, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno.into()),
            }
            let opened = openat(&self.0, &name, FOLDER | OFlags::NOFOLLOW, Mode::empty());
            if let Ok(folder) = opened
                && let found = fstat(&folder)?
                && found.st_uid == geteuid().as_raw()
                && found.st_mode & 0o077 == 0
            {
                return Ok((Self(folder), path.with_file_name(name)));
            }
        }
        Err(Errno::EXIST.into())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn folder() -> (tempfile::TempDir, Folder) {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = Folder::open(dir.path()).expect("it has just been made");
        (dir, folder)
    }

    #[test]
    fn what_has_no_name_leaves_nothing() {
        let (dir, folder) = folder();
        folder.try_out().expect("it is ours");
        let mut file = folder.nameless().expect("it is ours");
        file.write_all(b"x").expect("there is room");
        assert_eq!(std::fs::read_dir(dir.path()).expect("it is there").count(), 0);
    }

    #[test]
    fn what_had_the_name_is_replaced_and_not_written_to() {
        let (dir, folder) = folder();
        let other = dir.path().join("other");
        std::fs::write(&other, "kept").expect("our folder");
        symlink(&other, dir.path().join("name")).expect("our folder");
        folder.create("name").and_then(|mut file| file.write_all(b"new")).expect("our folder");
        let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).expect("a file");
        assert_eq!((read("name").as_str(), read("other").as_str()), ("new", "kept"));
    }

    #[test]
    fn a_folder_that_others_may_enter_is_not_ours() {
        let (dir, folder) = folder();
        let path = dir.path().join("own");
        let own = || folder.own(&path).expect("our folder").1;
        assert_eq!(own(), path);
        assert_eq!(own(), path, "it is taken once more");
        let mode = std::fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("it is ours");
        assert_eq!(own(), dir.path().join("own-2"));
        std::fs::remove_dir(dir.path().join("own-2")).expect("it is empty");
        symlink("/", dir.path().join("own-2")).expect("our folder");
        assert_eq!(own(), dir.path().join("own-3"));
    }
}
