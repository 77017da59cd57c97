//! Starting a program for a test, and what comes of it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use rustix::termios::{Winsize, tcsetwinsize};
use twinax_lab::registry::VARIABLE;
use twinax_lab::report::LabReport;

use super::processes::{self, readable};
use super::terminal;
use super::test::Test;
use super::user::{Who, is_root};

/// How long a program may take that is not said to take longer: enough under any load.
const WITHIN: Duration = Duration::from_secs(60);

/// Where a program is, whatever the environment of the one who starts it.
pub fn find(program: &str) -> Option<String> {
    let paths = path();
    let mut files = paths.split(':').map(|folder| format!("{folder}/{program}"));
    files.find(|file| Path::new(file).is_file())
}

/// `PATH` with the folders of the system's programs in it.
pub fn path() -> String {
    let own = std::env::var("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
    let folders = own.split(':').chain(system);
    // One that may not be entered makes of every missing program one that may not be executed.
    let folders = folders.filter(|folder| Path::new(folder).join(".").exists());
    folders.collect::<Vec<_>>().join(":")
}

/// Whether everybody may enter a folder.
fn others_may_enter(folder: &Path) -> bool {
    let may = |folder: &Path| fs::metadata(folder).is_ok_and(|found| found.mode() & 0o001 != 0);
    folder.ancestors().all(may)
}

/// A program that is about to be started.
///
/// Its environment is empty but for `PATH`, `HOME`, `TMPDIR`, `XDG_RUNTIME_DIR`, where labs are
/// registered, and the test's mark; it is started in the lab's folder.
pub struct Program<'t> {
    test: &'t Test,
    who: Who,
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(String, String)>,
    world: Vec<String>,
    stdin: Option<Vec<u8>>,
    terminal: Option<Winsize>,
    within: Duration,
}

impl<'t> Program<'t> {
    pub(super) fn new(test: &'t Test, who: Who, program: OsString) -> Self {
        let mut path = path();
        if who.is_another() {
            let folders = path.split(':').filter(|folder| others_may_enter(folder.as_ref()));
            path = folders.collect::<Vec<_>>().join(":");
        }
        path.insert_str(0, &format!("{}:", test.folder().join("bin").display()));
        let private = |name| test.private(name, who).display().to_string();
        let env = vec![
            ("PATH".to_owned(), path),
            ("HOME".to_owned(), test.folder().display().to_string()),
            ("FOLDER".to_owned(), test.folder().display().to_string()),
            ("TMPDIR".to_owned(), private("tmp")),
            ("XDG_RUNTIME_DIR".to_owned(), private("run")),
            (VARIABLE.to_owned(), test.labs(who).display().to_string()),
            (processes::VARIABLE.to_owned(), test.mark().to_owned()),
        ];
        let (args, world) = (Vec::new(), who.world());
        Self { test, who, program, args, env, world, stdin: None, terminal: None, within: WITHIN }
    }

    /// Adds a word to the command line.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds words to the command line.
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a variable of its environment.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.retain(|(own, _)| own != name);
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Changes the world of the program alone: this line of shell is done before it, by root of
    /// the machine or of a user namespace, in a mount namespace of its own.
    pub fn world(mut self, line: &str) -> Self {
        self.world.push(line.to_owned());
        self
    }

    /// What it can read from its standard input; without, there is nothing.
    pub fn stdin(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(text.into());
        self
    }

    /// Starts it at a terminal of its own, of so many rows and columns: what it writes to standard
    /// output and standard error comes from there together, as standard output.
    pub fn terminal(mut self, rows: u16, columns: u16) -> Self {
        self.terminal = Some(terminal::size(rows, columns));
        self
    }

    /// How long it may take at most.
    pub fn within(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }

    /// Starts it.
    pub fn start(self) -> Running {
        let deadline = Instant::now() + self.within;
        let (program, args) = self.line();
        let mut command = Command::new(&program);
        command.args(args).env_clear().envs(self.env.iter().map(|(name, value)| (name, value)));
        command.current_dir(self.test.folder().join("lab"));
        command.stdin(match &self.stdin {
            Some(text) => Stdio::from(self.input(text)),
            None => Stdio::null(),
        });
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let terminal = self.terminal.map(|size| {
            let (own, its) = terminal::make(size);
            for stream in [Command::stdin::<OwnedFd>, Command::stdout, Command::stderr] {
                stream(&mut command, its.try_clone().expect("a descriptor"));
            }
            own
        });
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{program:?}: {error}"));
        // It has copies of the terminal's other end.
        drop(command);
        let pid = Pid::from_child(&child);
        let pidfd =
            pidfd_open(pid, PidfdFlags::empty()).expect("a child that nobody has waited for");
        let screen = terminal.as_ref().map(|own| own.try_clone().expect("a descriptor"));
        let stdout = screen.or_else(|| Some(child.stdout.take()?.into())).expect("it is piped");
        let streams = [Stream::new(Some(stdout)), Stream::new(child.stderr.take().map(Into::into))];
        Running { child, pid, pidfd, streams, terminal, deadline }
    }

    /// Starts it and waits for its end.
    #[track_caller]
    pub fn done(self) -> Output {
        self.start().end()
    }

    /// A file that can be read from its beginning to this end, and has no name any more.
    fn input(&self, text: &[u8]) -> File {
        let path = self.test.folder().join("said/stdin");
        File::create(&path).and_then(|mut file| file.write_all(text)).expect("our own folder");
        File::open(path).expect("our own folder")
    }

    /// The command line, with what makes its world and its user before it.
    fn line(&self) -> (OsString, Vec<OsString>) {
        let mut words: Vec<OsString> = Vec::new();
        let mut add = |more: &[&str]| words.extend(more.iter().map(OsString::from));
        let (uid, gid) = self.who.ids();
        let unshare = find("unshare").expect("util-linux is there");
        if self.terminal.is_some() {
            // A session of its own, whose terminal this is.
            add(&[&find("setsid").expect("util-linux is there"), "--ctty", "--"]);
        }
        if !self.world.is_empty() {
            if is_root() {
                add(&[&unshare, "--mount", "--"]);
            } else {
                add(&[&unshare, "--user", "--map-root-user", "--mount", "--"]);
            }
            let script = [&self.world[..], &["exec \"$@\"".to_owned()]].concat().join("\n");
            add(&["/bin/sh", "-ec", &script, "world"]);
        }
        let (user, group) = (uid.to_string(), gid.to_string());
        if self.who.is_another() {
            let setpriv = find("setpriv").expect("util-linux is there");
            add(&[&setpriv, "--reuid", &user, "--regid", &group, "--clear-groups", "--"]);
        } else if !is_root() && !self.world.is_empty() {
            let (user, group) = (format!("--map-user={user}"), format!("--map-group={group}"));
            add(&[&unshare, "--user", &user, &group, "--"]);
        }
        words.push(self.program.clone());
        words.extend(self.args.iter().cloned());
        (words.remove(0), words)
    }
}

/// A program that has been started. Dropped, it is killed.
pub struct Running {
    child: Child,
    pid: Pid,
    pidfd: OwnedFd,
    streams: [Stream; 2],
    terminal: Option<OwnedFd>,
    deadline: Instant,
}

impl Running {
    /// Its process ID.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).expect("nobody has waited for it yet");
    }

    /// Its terminal, as one who sits there has it.
    pub fn terminal(&self) -> &OwnedFd {
        self.terminal.as_ref().expect("it was started at one")
    }

    /// Presses keys at its terminal.
    pub fn press(&self, keys: &str) {
        assert_eq!(rustix::io::write(self.terminal(), keys.as_bytes()), Ok(keys.len()));
    }

    /// What it has said so far on standard output.
    pub fn said(&self) -> String {
        self.streams[0].text()
    }

    /// Takes its terminal away.
    pub fn hang_up(&mut self) {
        self.terminal = None;
        self.streams[0].pipe = None;
    }

    /// Makes its terminal this large.
    pub fn resize(&self, rows: u16, columns: u16) {
        tcsetwinsize(self.terminal(), terminal::size(rows, columns)).expect("a terminal");
    }

    /// Waits until it has ended (`true`) or so much time has passed.
    pub fn ends_within(&mut self, time: Duration) -> bool {
        let deadline = (Instant::now() + time).min(self.deadline);
        loop {
            match self.go_on(deadline) {
                Happened::End => return true,
                Happened::Output => {}
                Happened::Nothing => return false,
            }
        }
    }

    /// Waits until it has said this on standard output.
    #[track_caller]
    pub fn await_said(&mut self, text: &str) {
        while !self.streams[0].text().contains(text) {
            let happened = self.go_on(self.deadline);
            let said = || self.streams.each_ref().map(Stream::text).join("\n");
            assert!(happened == Happened::Output, "never said {text:?}, but:\n{}", said());
        }
    }

    /// Waits for its end.
    #[track_caller]
    pub fn end(mut self) -> Output {
        loop {
            match self.go_on(self.deadline) {
                Happened::Output => {}
                Happened::End => break,
                Happened::Nothing => {
                    let said = self.streams.each_ref().map(Stream::text).join("\n");
                    panic!("not ended in time; so far it said:\n{said}");
                }
            }
        }
        let status = self.child.wait().expect("our own child");
        self.streams.iter_mut().for_each(Stream::take_in);
        let bytes = std::mem::take(&mut self.streams[0].bytes);
        let stdout = String::from_utf8_lossy(&bytes).into_owned();
        let stderr = self.streams[1].text();
        let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default());
        Output { code, stdout, stderr, bytes }
    }

    /// Waits until something happens, and takes in what it says.
    fn go_on(&mut self, deadline: Instant) -> Happened {
        let mut of = vec![PollFd::new(&self.pidfd, PollFlags::IN)];
        for pipe in self.streams.iter().filter_map(|stream| stream.pipe.as_ref()) {
            of.push(PollFd::from_borrowed_fd(pipe.as_fd(), PollFlags::IN));
        }
        if !readable(&mut of, deadline) {
            return Happened::Nothing;
        }
        let ended = !of[0].revents().is_empty();
        self.streams.iter_mut().for_each(Stream::take_in);
        if ended { Happened::End } else { Happened::Output }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(PartialEq, Eq)]
enum Happened {
    Output,
    End,
    /// The time is up.
    Nothing,
}

/// What comes out of a pipe or a terminal.
struct Stream {
    /// `None`: nothing can come any more.
    pipe: Option<File>,
    bytes: Vec<u8>,
}

impl Stream {
    fn new(pipe: Option<OwnedFd>) -> Self {
        if let Some(pipe) = &pipe {
            rustix::io::ioctl_fionbio(pipe, true).expect("a pipe or a terminal");
        }
        Self { pipe: pipe.map(File::from), bytes: Vec::new() }
    }

    /// Takes in what is there.
    fn take_in(&mut self) {
        let mut some = [0; 64 * 1024];
        while let Some(pipe) = &mut self.pipe {
            match pipe.read(&mut some) {
                Ok(0) => self.pipe = None,
                Ok(length) => self.bytes.extend_from_slice(&some[..length]),
                Err(error) => match Errno::from_io_error(&error) {
                    Some(Errno::AGAIN) => return,
                    // Nobody has the other end of a terminal open any more.
                    Some(Errno::IO) => self.pipe = None,
                    _ => panic!("descriptor {}: {error}", pipe.as_raw_fd()),
                },
            }
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// What came of a program.
#[derive(Debug)]
pub struct Output {
    /// Its exit code; 128 + N when signal N ended it.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    /// Standard output, as it was written.
    pub bytes: Vec<u8>,
}

impl Output {
    /// Fails, with all that the program said, unless it ended with this exit code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Fails unless it said this on standard error.
    #[track_caller]
    pub fn complains(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "no {text:?} in what it said:\n{}", self.stderr);
        self
    }

    /// Fails unless it said this on standard output.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stdout.contains(text), "no {text:?} in what it said:\n{}", self.stdout);
        self
    }

    /// The reports that `--json` gives, one a line.
    #[track_caller]
    pub fn reports(&self) -> Vec<LabReport> {
        let report = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        self.stdout.lines().map(report).collect()
    }
}
