//! What a command writes, as far as it is kept.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::wanted::{Key, LOG};

/// When a file has reached this many bytes, a new one is begun, and only the one before is kept.
const FILE: u64 = 512 * 1024;

/// The output of a command: two files of which the older is the beginning.
pub(super) struct Log {
    path: PathBuf,
    file: File,
    written: u64,
}

impl Log {
    /// Opens the log of a command; what was written before stays.
    pub(super) fn open(key: &Key) -> io::Result<Self> {
        let path = key.file(LOG);
        let file = append(&path)?;
        let written = file.metadata()?.len();
        Ok(Self { path, file, written })
    }

    pub(super) fn write(&mut self, some: &[u8]) {
        // A log that can't be written is no reason to end what writes it.
        let _ = self.file.write_all(some);
        self.written += some.len() as u64;
        if self.written >= FILE
            && fs::rename(&self.path, older(&self.path)).is_ok()
            && let Ok(file) = append(&self.path)
        {
            (self.file, self.written) = (file, 0);
        }
    }
}

fn append(path: &Path) -> io::Result<File> {
    File::options().create(true).append(true).open(path)
}

/// The file in which what was written before is kept.
pub(crate) fn older(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}"))
}

/// Takes a log away.
pub(super) fn remove(key: &Key) {
    let path = key.file(LOG);
    let _ = fs::remove_file(older(&path));
    let _ = fs::remove_file(path);
}
