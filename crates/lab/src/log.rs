//! What a service of a lab has written, as far as it is kept.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;
use rustix::io::Errno;

use crate::holder::older;
use crate::sandbox::Holder;
use crate::wanted::{Key, LOG, below};

/// So long a process takes at most that ends.
const ENDING: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// All of it, in a lab whose files are seen below this folder.
pub(crate) fn all(root: &Path, key: &Key) -> Vec<u8> {
    let path = below(root, &key.file(LOG));
    let mut bytes = fs::read(older(&path)).unwrap_or_default();
    bytes.extend(fs::read(&path).unwrap_or_default());
    bytes
}

/// A log that is read, and waited for.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    /// What is being read, in order; the last one grows.
    files: Vec<File>,
    changes: Option<OwnedFd>,
    holder: OwnedFd,
}

impl Log {
    /// Opens what a service of a running lab writes. One that has not written yet has an empty log.
    pub fn open(holder: &Holder, key: &Key) -> io::Result<Self> {
        let path = holder.sees(&key.file(LOG).to_string_lossy());
        let files =
            [older(&path), path.clone()].iter().filter_map(|f| File::open(f).ok()).collect();
        let holder = holder.as_fd().try_clone_to_owned()?;
        Ok(Self { path, files, changes: None, holder })
    }

    /// What has come since one asked last.
    pub fn more(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        for file in &mut self.files {
            file.read_to_end(&mut bytes)?;
        }
        // Where a new file has been begun, the one that was read is complete.
        let current = fs::metadata(&self.path).ok().map(|found| inode(&found));
        let known = self.files.last().and_then(|file| file.metadata().ok()).map(|own| inode(&own));
        if current.is_none() || current == known {
            return Ok(bytes);
        }
        let mut new = match File::open(&self.path) {
            // It is just being replaced: the next time there will be another.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(bytes),
            opened => opened?,
        };
        if let Some(known) = self.files.last_mut() {
            // What came between the reading above and the new file.
            known.read_to_end(&mut bytes)?;
        }
        if let Ok(mut between) = File::open(older(&self.path)) {
            let own = Some(inode(&between.metadata()?));
            if own != known && own != Some(inode(&new.metadata()?)) {
                between.read_to_end(&mut bytes)?;
            }
        }
        new.read_to_end(&mut bytes)?;
        self.files = vec![new];
        Ok(bytes)
    }

    /// Whether the lab has ended, or does so within this time.
    fn has_ended(&self, within: Timespec) -> io::Result<bool> {
        let mut waiting = [PollFd::new(&self.holder, PollFlags::IN)];
        Ok(rustix::io::retry_on_intr(|| poll(&mut waiting, Some(&within)))? > 0)
    }

    /// Waits until more has come, or something may have changed; `false`: the lab has ended.
    pub fn wait(&mut self) -> io::Result<bool> {
        let changes = match self.changes.take() {
            Some(changes) => changes,
            None => {
                let changes =
                    inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
                let folder = self.path.parent().unwrap_or(&self.path);
                let which = inotify::WatchFlags::MODIFY | inotify::WatchFlags::CREATE;
                match inotify::add_watch(&changes, folder, which) {
                    // The holder is seen through; what it saw is gone a moment before it has ended.
                    Err(Errno::NOENT) if self.has_ended(ENDING)? => return Ok(false),
                    watched => watched?,
                };
                self.changes = Some(changes);
                // What came before the watch.
                return Ok(true);
            }
        };
        let mut waiting =
            [PollFd::new(&changes, PollFlags::IN), PollFd::new(&self.holder, PollFlags::IN)];
        match poll(&mut waiting, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        let has_ended = !waiting[1].revents().is_empty();
        let mut events = [0; 4096];
        while rustix::io::read(&changes, &mut events).is_ok() {}
        self.changes = Some(changes);
        Ok(!has_ended)
    }
}

fn inode(of: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(of)
}
