//! The running labs of a user: one folder per lab, with one file that says who its holder is.
//!
//! ```text
//!  $XDG_RUNTIME_DIR/twinax/LAB/holder      (root: /run/twinax/LAB/holder)
//! ```
//!
//! It says nothing of what the lab is: that is in the kernel. Whoever changes a lab has its folder
//! locked (`flock(2)`) as long as he lives; so two that want to do so at once find out, and one who
//! was killed leaves no lock. A folder whose holder is no more is cleared by whoever finds it.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::FlockOperation;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use twinax_topology::NodeName;

use crate::export;
use crate::sandbox::Holder;

/// The variable that says where running labs are registered, in the place of the usual folder.
pub const VARIABLE: &str = "TWINAX_RUNTIME_DIR";

/// Why a lab could not be registered or found.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The folder is no place for it.
    #[error("{}, where running labs are registered, {why}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// Something in the folder could not be read or written.
    #[error("{call} {}", path.display())]
    File {
        /// What failed.
        call: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no such lab.
    #[error("no lab `{lab}` is running{}", listed(.running))]
    NotRunning {
        /// The name.
        lab: NodeName,
        /// Those that are.
        running: Vec<NodeName>,
    },
    /// The name is taken.
    #[error("a lab `{lab}` is running already")]
    Taken {
        /// The name.
        lab: NodeName,
    },
    /// Another command is changing it.
    #[error("another command is changing lab `{lab}` just now")]
    Busy {
        /// The lab.
        lab: NodeName,
    },
    /// It runs where its processes can't be seen.
    #[error("lab `{lab}` runs in another PID namespace, such as another container's")]
    Elsewhere {
        /// The lab.
        lab: NodeName,
    },
}

fn listed(labs: &[NodeName]) -> String {
    match labs {
        [] => "; none is".to_owned(),
        labs => {
            let names: Vec<String> = labs.iter().map(|lab| format!("`{lab}`")).collect();
            format!("; these are: {}", names.join(", "))
        }
    }
}

/// Where the running labs of a user are registered.
#[derive(Debug, Clone)]
pub struct Registry {
    folder: PathBuf,
}

/// A lab that is running, or on the way there.
#[derive(Debug)]
pub struct Entry {
    /// Its name.
    pub lab: NodeName,
    /// Its holder; `None`: it is just being brought up.
    pub holder: Option<Holder>,
}

/// A lab that nobody else can change meanwhile.
#[derive(Debug)]
pub struct Claim {
    lab: NodeName,
    folder: PathBuf,
    // The lock goes with the last copy of it, also one that a worker has inherited.
    _lock: File,
}

/// Who a holder is, such that no other process is taken for it.
#[derive(Debug, Serialize, Deserialize)]
struct Identity {
    pid: i32,
    /// When it started, in clock ticks since the machine did (`proc_pid_stat(5)`).
    start: u64,
    /// Which time the machine was started.
    boot: String,
    /// In which PID namespace that is its number.
    pid_namespace: String,
    user_namespace: bool,
}

impl Registry {
    /// That of the calling user. The folder need not be there.
    pub fn open() -> Result<Self, RegistryError> {
        let folder = match std::env::var_os(VARIABLE).filter(|folder| !folder.is_empty()) {
            Some(folder) => PathBuf::from(folder),
            None => usual_folder(),
        };
        let registry = Self { folder };
        registry.check()?;
        Ok(registry)
    }

    /// Nobody else may be able to put something there.
    fn check(&self) -> Result<(), RegistryError> {
        let wrong = |why: &str| {
            Err(RegistryError::Folder { folder: self.folder.clone(), why: why.to_owned() })
        };
        match fs::symlink_metadata(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(source) => Err(self.failed("looking at", source)),
            Ok(found) if !found.is_dir() => wrong("is no folder"),
            Ok(found) if found.uid() != rustix::process::geteuid().as_raw() => {
                wrong("belongs to somebody else")
            }
            Ok(found) if found.mode() & 0o022 != 0 => wrong("can be written to by others"),
            Ok(_) => Ok(()),
        }
    }

    fn failed(&self, call: &'static str, source: io::Error) -> RegistryError {
        RegistryError::File { call, path: self.folder.clone(), source }
    }

    /// Claims the name of a lab that is to be brought up.
    pub fn claim(&self, lab: &NodeName) -> Result<Claim, RegistryError> {
        let make = |path: &Path| match fs::DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        };
        loop {
            let folder = self.folder.join(lab.as_str());
            match make(&self.folder).and_then(|()| make(&folder)) {
                // Somebody who has just taken his lab away took this away with it.
                Err(error) if error.kind() == io::ErrorKind::NotFound && self.parent_is_there() => {
                    continue;
                }
                made => made.map_err(|source| self.failed("making", source))?,
            }
            let Some(claim) = self.lock(lab, PATIENCE)? else { continue };
            return match self.holder(lab)? {
                Some(_) => Err(RegistryError::Taken { lab: lab.clone() }),
                None => Ok(claim),
            };
        }
    }

    fn parent_is_there(&self) -> bool {
        self.folder.parent().is_some_and(Path::exists)
    }

    /// A running lab, to be changed or taken down.
    pub fn change(&self, lab: &NodeName) -> Result<(Claim, Holder), RegistryError> {
        let Some(claim) = self.lock(lab, PATIENCE)? else {
            return Err(self.not_running(lab));
        };
        match self.holder(lab)? {
            Some(holder) => Ok((claim, holder)),
            None => {
                claim.remove();
                Err(self.not_running(lab))
            }
        }
    }

    /// A running lab, to be looked at or entered.
    pub fn find(&self, lab: &NodeName) -> Result<Holder, RegistryError> {
        match self.look(lab)? {
            Some(Entry { holder: Some(holder), .. }) => Ok(holder),
            Some(Entry { holder: None, .. }) => Err(RegistryError::Busy { lab: lab.clone() }),
            None => Err(self.not_running(lab)),
        }
    }

    /// All labs, by name. What is left of those that have died is cleared away.
    pub fn labs(&self) -> Result<Vec<Entry>, RegistryError> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|source| self.failed("reading", source))?,
        };
        let mut labs = Vec::new();
        for entry in entries.flatten() {
            let name = entry.file_name();
            let lab = name.to_str().and_then(|name| name.parse::<NodeName>().ok());
            match lab.map(|lab| self.look(&lab)) {
                Some(Ok(found)) => labs.extend(found),
                // Of another PID namespace's nothing can be told.
                Some(Err(RegistryError::Elsewhere { .. })) | None => {}
                Some(Err(error)) => return Err(error),
            }
        }
        if labs.is_empty() {
            // One who was killed has made it, and nothing in it; it goes only if it is empty.
            let _ = fs::remove_dir(&self.folder);
        }
        labs.sort_by(|a, b| a.lab.cmp(&b.lab));
        Ok(labs)
    }

    /// What there is of a lab. What is left of one that has died is cleared away.
    fn look(&self, lab: &NodeName) -> Result<Option<Entry>, RegistryError> {
        let entry = |holder| Some(Entry { lab: lab.clone(), holder });
        if let Some(holder) = self.holder(lab)? {
            return Ok(entry(Some(holder)));
        }
        match self.lock(lab, Duration::ZERO) {
            Err(RegistryError::Busy { .. }) => Ok(entry(None)),
            Err(error) => Err(error),
            Ok(None) => Ok(None),
            // It may have come up since.
            Ok(Some(claim)) => match self.holder(lab)? {
                Some(holder) => Ok(entry(Some(holder))),
                None => {
                    claim.remove();
                    Ok(None)
                }
            },
        }
    }

    fn not_running(&self, lab: &NodeName) -> RegistryError {
        let running = self.labs().unwrap_or_default();
        RegistryError::NotRunning {
            lab: lab.clone(),
            running: running.into_iter().map(|entry| entry.lab).collect(),
        }
    }

    /// Locks a lab's folder. `None`: there is none, or it was taken away meanwhile.
    ///
    /// `patience` is how long another may have it locked: one who only looks whether somebody has,
    /// or who was just killed, lets it go at once.
    fn lock(&self, lab: &NodeName, patience: Duration) -> Result<Option<Claim>, RegistryError> {
        let folder = self.folder.join(lab.as_str());
        let failed = |call, source| RegistryError::File { call, path: folder.clone(), source };
        let lock = match File::open(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(|source| failed("opening", source))?,
        };
        let deadline = Instant::now() + patience;
        loop {
            match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
                // There is no waiting for a lock with an end to it, and the kernel sends no word.
                Err(Errno::WOULDBLOCK) if Instant::now() < deadline => {
                    let _ = poll(&mut [], Some(&TICK));
                }
                Err(Errno::WOULDBLOCK) => return Err(RegistryError::Busy { lab: lab.clone() }),
                locked => break locked.map_err(|errno| failed("locking", errno.into()))?,
            }
        }
        let own = lock.metadata().map_err(|source| failed("looking at", source))?;
        let is_there = fs::metadata(&folder).is_ok_and(|found| found.ino() == own.ino());
        Ok(is_there.then(|| Claim { lab: lab.clone(), folder, _lock: lock }))
    }

    /// The holder of a lab, if it lives.
    fn holder(&self, lab: &NodeName) -> Result<Option<Holder>, RegistryError> {
        let file = self.folder.join(lab.as_str()).join(HOLDER);
        let Some(identity) = Identity::read(&file) else { return Ok(None) };
        if identity.boot != boot() {
            return Ok(None);
        }
        if identity.pid_namespace != pid_namespace() {
            return Err(RegistryError::Elsewhere { lab: lab.clone() });
        }
        Ok(identity.holder())
    }
}

/// How long whoever wants to change a lab waits for another to let go of it.
const PATIENCE: Duration = Duration::from_millis(50);

/// How often he looks.
const TICK: Timespec = Timespec { tv_sec: 0, tv_nsec: 1_000_000 };

/// The file in a lab's folder.
const HOLDER: &str = "holder";

impl Claim {
    /// The lab's name.
    pub fn lab(&self) -> &NodeName {
        &self.lab
    }

    /// Says who holds the lab. From now on others find it.
    pub fn register(&self, holder: &Holder) -> Result<(), RegistryError> {
        let path = self.folder.join(HOLDER);
        let identity = Identity {
            pid: holder.pid().as_raw_nonzero().get(),
            start: start(holder.pid()).unwrap_or_default(),
            boot: boot(),
            pid_namespace: pid_namespace(),
            user_namespace: holder.has_user_namespace(),
        };
        let new = self.folder.join(".holder");
        let written = serde_json::to_vec(&identity)
            .map_err(io::Error::from)
            .and_then(|text| fs::write(&new, text))
            .and_then(|()| fs::rename(&new, &path));
        written.map_err(|source| RegistryError::File { call: "writing", path, source })
    }

    /// Takes the lab's folder away, and what names its nodes on the machine.
    pub fn remove(self) {
        if let Some(identity) = Identity::read(&self.folder.join(HOLDER)) {
            export::remove(identity.pid);
        }
        for file in [HOLDER, ".holder"] {
            let _ = fs::remove_file(self.folder.join(file));
        }
        let _ = fs::remove_dir(&self.folder);
        // Ours too, where this was the last lab.
        let _ = self.folder.parent().map(fs::remove_dir);
    }
}

impl Identity {
    fn read(file: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(file).ok()?).ok()
    }

    fn holder(&self) -> Option<Holder> {
        // A negative one means a group elsewhere, and `from_raw` is not to be asked for it.
        let pid = Pid::from_raw(self.pid.max(0))?;
        let pidfd = pidfd_open(pid, PidfdFlags::empty()).ok()?;
        // Asked after the descriptor was had: it can't become another's number any more.
        let lives = start(pid) == Some(self.start) && !has_ended(&pidfd);
        lives.then(|| Holder::new(pid, pidfd, self.user_namespace))
    }
}

impl Holder {
    /// How long it has been there, and with it the lab.
    pub fn age(&self) -> Option<Duration> {
        // USER_HZ, which is 100 wherever Linux is built today.
        let start = Duration::from_millis(start(self.pid())? * 10);
        let now = clock_gettime(ClockId::Boottime);
        Duration::try_from(now).ok()?.checked_sub(start)
    }
}

/// Whether a process has ended, and at most waits to be noticed.
fn has_ended(pidfd: &OwnedFd) -> bool {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    !matches!(poll(&mut [PollFd::new(pidfd, PollFlags::IN)], Some(&now)), Ok(0))
}

fn start(pid: Pid) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    start_in(&stat)
}

/// Field 22 of `/proc/PID/stat`. The second, the name in brackets, may have anything in it.
fn start_in(stat: &str) -> Option<u64> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(22 - 3)?.parse().ok()
}

fn boot() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    id.trim().to_owned()
}

fn pid_namespace() -> String {
    let link = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    link.display().to_string()
}

fn usual_folder() -> PathBuf {
    let user = rustix::process::geteuid();
    if user.is_root() {
        return PathBuf::from("/run/twinax");
    }
    let named = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let of_session = PathBuf::from(format!("/run/user/{}", user.as_raw()));
    named
        .filter(|folder| folder.is_absolute() && folder.is_dir())
        .or_else(|| Some(of_session).filter(|folder| folder.is_dir()))
        .map(|folder| folder.join("twinax"))
        .unwrap_or_else(|| std::env::temp_dir().join(format!("twinax-{}", user.as_raw())))
}

#[cfg(test)]
mod tests {
    use super::start_in;

    #[test]
    fn when_a_process_started_whatever_its_name_is() {
        // The first 24 fields as proc_pid_stat(5) has them.
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 99 100";
        assert_eq!(start_in(stat), Some(4711));
        assert_eq!(start_in("7 (a"), None);
    }
}
