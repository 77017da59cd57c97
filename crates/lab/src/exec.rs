//! Commands in nodes, run to their end.

use std::ffi::{CString, OsString};
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use serde::{Deserialize, Serialize};
use twinax_kernel::mounts::{self, NETNS_DIR};
use twinax_kernel::process::{Bind, Sight, exec_in, is_alone};
use twinax_topology::{NodeName, Program};

/// Why a command could not be run.
#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    /// The node's namespace could not be had for it.
    #[error("preparing the node for the command")]
    Prepare(#[from] twinax_kernel::Error),
    /// It could not be started.
    #[error("starting `{program}`")]
    Start {
        /// The program.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It was started, but could not be waited for.
    #[error("waiting for the command")]
    Wait(#[source] io::Error),
}

/// At most so many bytes are kept of each of a command's outputs.
pub const KEPT: usize = 1024 * 1024;

/// How a command ended and what it wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecReport {
    /// Its exit code; 128 + N when signal N ended it; `None`: the time was up, and it was killed.
    pub exit: Option<i32>,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// How long it ran.
    pub time: Duration,
}

/// A command that will see a node as `ip netns exec` shows it, from this working directory.
///
/// # Errors
///
/// [`Error::NoNode`](twinax_kernel::Error::NoNode) where there is no such node.
pub fn command(node: &NodeName, program: &Program, directory: &Path) -> Result<Command, ExecError> {
    let path = Path::new(NETNS_DIR).join(node.as_str());
    if path.symlink_metadata().is_err() {
        return Err(twinax_kernel::Error::NoNode { name: node.to_string() }.into());
    }
    let node = Some((c_path(&path), binds(node)));
    seeing(program, node, directory, Tie { is_tied: false, takes_terminal: false })
}

/// A command that will see a node, or what is outside of all nodes; and that the kernel ends when
/// the calling process ends. `takes_terminal`: see [`Sight::takes_terminal`].
pub(crate) fn tied_command(
    node: Option<&NodeName>,
    program: &Program,
    directory: &Path,
    takes_terminal: bool,
) -> Result<Command, ExecError> {
    let node = node.map(|node| (c_path(&Path::new(NETNS_DIR).join(node.as_str())), binds(node)));
    seeing(program, node, directory, Tie { is_tied: true, takes_terminal })
}

/// What a command has to do with its caller.
struct Tie {
    is_tied: bool,
    takes_terminal: bool,
}

fn seeing(
    program: &Program,
    node: Option<(CString, Vec<Bind>)>,
    directory: &Path,
    tie: Tie,
) -> Result<Command, ExecError> {
    let mut command = match program {
        Program::Shell(line) => {
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", line]);
            shell
        }
        Program::Argv(words) => {
            let mut command = Command::new(&words[0]);
            command.args(&words[1..]);
            command
        }
    };
    command.env("PATH", roots_path(std::env::var_os("PATH").unwrap_or_default()));
    let Tie { is_tied, takes_terminal } = tie;
    let (mounts, directory) = (mounts::view()?, c_path(directory));
    let pretends = is_alone();
    let sight = Sight { mounts, node, directory, is_tied, takes_terminal, pretends };
    exec_in(&mut command, sight);
    Ok(command)
}

/// A `PATH` in which root of a machine finds his programs: in the sandbox everybody is root, but not
/// every user has the folders of `sysctl`, `tc` and `nft` in his.
pub fn roots_path(own: OsString) -> OsString {
    const FOLDERS: [&str; 6] =
        ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
    let mut folders: Vec<PathBuf> =
        std::env::split_paths(&own).filter(|folder| !folder.as_os_str().is_empty()).collect();
    for folder in FOLDERS.map(PathBuf::from) {
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    }
    // Only one with a colon in it could not be joined, and none comes out of splitting.
    std::env::join_paths(folders).unwrap_or(own)
}

fn c_path(path: &Path) -> CString {
    // One with a NUL in it is no path that could have been entered.
    CString::new(path.as_os_str().as_bytes()).unwrap_or_default()
}

/// What a node has of its own under `/etc`: each entry of `/etc/netns/NODE` in the place of the
/// machine's (`ip-netns(8)`).
fn binds(node: &NodeName) -> Vec<Bind> {
    let own = Path::new("/etc/netns").join(node.as_str());
    let Ok(entries) = std::fs::read_dir(own) else { return Vec::new() };
    let bind = |entry: std::fs::DirEntry| {
        let from = CString::new(entry.path().as_os_str().as_bytes()).ok()?;
        let to = Path::new("/etc").join(entry.file_name());
        Some(Bind { from, to: CString::new(to.as_os_str().as_bytes()).ok()? })
    };
    entries.flatten().filter_map(bind).collect()
}

/// Runs a command to its end, or until the time is up.
///
/// What it leaves running in the background goes on; its output is no longer read. A program that
/// is not there is an exit code, 127, as a shell has it.
pub fn run(mut command: Command, timeout: Duration) -> Result<ExecReport, ExecError> {
    // A group of its own, so that all of it can be ended.
    command.process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let begun = Instant::now();
    let mut child = match start(&mut command) {
        Err(ExecError::Start { program, source }) if shell_code(&source).is_some() => {
            let stderr = format!("{program}: {source}\n");
            return Ok(ExecReport {
                exit: shell_code(&source),
                stdout: String::new(),
                stderr,
                time: begun.elapsed(),
            });
        }
        started => started?,
    };
    let pidfd = pidfd(&child).map_err(ExecError::Wait)?;
    let mut stdout = Kept::new(child.stdout.take().expect("it is piped").into());
    let mut stderr = Kept::new(child.stderr.take().expect("it is piped").into());
    let ended = wait(&pidfd, &mut [&mut stdout, &mut stderr], begun + timeout);
    let ended = ended.map_err(ExecError::Wait)?;
    if !ended {
        kill(&child);
    }
    let status = child.wait().map_err(ExecError::Wait)?;
    for output in [&mut stdout, &mut stderr] {
        output.take_in().map_err(ExecError::Wait)?;
    }
    Ok(ExecReport {
        exit: ended.then(|| exit_code(status)),
        stdout: stdout.text(),
        stderr: stderr.text(),
        time: begun.elapsed(),
    })
}

/// Starts a command.
pub(crate) fn start(command: &mut Command) -> Result<Child, ExecError> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.spawn().map_err(|source| ExecError::Start { program, source })
}

/// The exit code that a shell gives a command that is not there, or can't be executed.
pub(crate) fn shell_code(error: &io::Error) -> Option<i32> {
    match Errno::from_io_error(error)? {
        Errno::NOENT => Some(127),
        Errno::ACCESS | Errno::NOEXEC => Some(126),
        _ => None,
    }
}

/// Ends a command and all that is in its process group.
pub(crate) fn kill(child: &Child) {
    if let Some(group) = Pid::from_raw(child.id() as i32) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

pub(crate) fn pidfd(child: &Child) -> io::Result<OwnedFd> {
    let pid = Pid::from_raw(child.id() as i32).ok_or(io::ErrorKind::NotFound)?;
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}

/// A command's exit code as the shell has it.
pub(crate) fn exit_code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
}

/// Takes in output until the process has ended (`true`) or the time is up.
fn wait(pidfd: &OwnedFd, outputs: &mut [&mut Kept; 2], deadline: Instant) -> io::Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 });
        let mut waiting = vec![PollFd::new(pidfd, PollFlags::IN)];
        for output in outputs.iter().filter(|output| !output.closed) {
            waiting.push(PollFd::from_borrowed_fd(output.pipe.as_fd(), PollFlags::IN));
        }
        match poll(&mut waiting, Some(&left)) {
            Ok(0) => return Ok(false),
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(errno) => return Err(errno.into()),
        }
        let ended = !waiting[0].revents().is_empty();
        for output in outputs.iter_mut() {
            output.take_in()?;
        }
        if ended {
            return Ok(true);
        }
    }
}

/// The beginning of what comes out of a pipe.
struct Kept {
    pipe: std::fs::File,
    bytes: Vec<u8>,
    more: bool,
    closed: bool,
}

impl Kept {
    fn new(pipe: OwnedFd) -> Self {
        let _ = rustix::io::ioctl_fionbio(&pipe, true);
        Self { pipe: pipe.into(), bytes: Vec::new(), more: false, closed: false }
    }

    /// Takes in what is there, without waiting for more.
    fn take_in(&mut self) -> io::Result<()> {
        let mut some = [0; 16 * 1024];
        while !self.closed {
            match self.pipe.read(&mut some) {
                Ok(0) => self.closed = true,
                Ok(length) => {
                    let room = KEPT - self.bytes.len();
                    self.more |= length > room;
                    self.bytes.extend_from_slice(&some[..length.min(room)]);
                    if self.more {
                        // One pipe's worth at a time: an endless output must not keep us here.
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn text(&self) -> String {
        let mut text = String::from_utf8_lossy(&self.bytes).into_owned();
        if self.more {
            text.push_str("\n[what came after the first MiB is not kept]\n");
        }
        text
    }
}
