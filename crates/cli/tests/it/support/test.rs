//! A test's place, and the promise that the machine is left as it was.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tempfile::TempDir;

use super::machine::{Machine, OF_A_TEST};
use super::program::{Output, Program};
use super::user::Who;
use super::{processes, user};

/// How long the last process of a test may take to end.
const GONE_WITHIN: Duration = Duration::from_secs(20);

/// A test that runs: its folder, its mark, and the machine as it was before.
///
/// Dropped, it waits until no process of the test is left, and then fails the test if anything is
/// not as it was.
pub struct Test {
    name: String,
    mark: String,
    machine: Machine,
    folder: TempDir,
    /// What belongs into the lab's folder.
    files: RefCell<BTreeSet<PathBuf>>,
}

impl Test {
    /// Begins a test of this name.
    pub fn new(name: &str) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos();
        let folder = tempfile::Builder::new().prefix(OF_A_TEST).tempdir().expect("a folder");
        let mode = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("our own folder");
        };
        mode(folder.path(), 0o755);
        for below in ["bin", "lab", "mount", "said"] {
            fs::create_dir(folder.path().join(below)).expect("a folder");
        }
        mode(&folder.path().join("lab"), 0o777);
        // The target folder may be where another user gets no further.
        let (built, own) = (env!("CARGO_BIN_EXE_twinax"), folder.path().join("bin/twinax"));
        fs::hard_link(built, &own)
            .or_else(|_| fs::copy(built, &own).map(drop))
            .expect("a copy of the program");
        Self {
            name: name.to_owned(),
            mark: format!("{}-{now}", std::process::id()),
            machine: Machine::snapshot(),
            folder,
            files: RefCell::default(),
        }
    }

    /// Says by name that the test, or a part of it, is not done here.
    pub fn skip(&self, reason: &str) {
        eprintln!("skipped: {}: {reason}", self.name);
    }

    /// Whether the program can be run by this one here; where not, the test says so.
    pub fn can_be(&self, who: Who) -> bool {
        who.is_lacking().inspect(|reason| self.skip(reason)).is_none()
            && (who.world().is_empty() || self.can_have_a_world())
    }

    /// Whether the program can be run in a world of its own here; where not, the test says so.
    pub fn can_have_a_world(&self) -> bool {
        let there = self.shell(Who::here(), "true").world("true").done().code == 0;
        if !there {
            self.skip("no mount namespace can be made");
        }
        there
    }

    /// Whether TAP devices can be made here; where not, the test says so.
    pub fn has_tun(&self) -> bool {
        let tun = fs::File::options().read(true).write(true).open("/dev/net/tun");
        if let Err(error) = &tun {
            self.skip(&format!("/dev/net/tun can't be opened: {error}"));
        }
        tun.is_ok()
    }

    /// What makes `/dev/net/tun` one that this one may use; `None`: nothing does, and the test has
    /// said so.
    pub fn tun_for(&self, who: Who) -> Option<&'static str> {
        if !self.has_tun() {
            return None;
        }
        if !who.is_another() {
            return Some(":");
        }
        let made = self.shell(Who::here(), "true").world(user::OWN_TUN).done();
        if made.code != 0 {
            self.skip(&format!("/dev/net/tun can't be copied: {}", made.stderr.trim()));
        }
        (made.code == 0).then_some(user::OWN_TUN)
    }

    /// The mark of the processes of this test.
    pub fn mark(&self) -> &str {
        &self.mark
    }

    /// The folder of this test, which everybody can read.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A path in the lab's folder, at which a file may be when the test ends.
    pub fn path(&self, name: &str) -> PathBuf {
        let path = self.folder().join("lab").join(name);
        self.files.borrow_mut().insert(path.clone());
        path
    }

    /// A file in the lab's folder.
    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).expect("our own folder");
        path
    }

    /// A path in the temporary folder of this one, at which something may be when the test ends.
    pub fn temporary(&self, who: Who, name: &str) -> PathBuf {
        let path = self.private("tmp", who).join(name);
        self.files.borrow_mut().insert(path.clone());
        path
    }

    /// The folder that the program has as `$NAME`.
    pub fn private(&self, name: &str, who: Who) -> PathBuf {
        let path = self.folder().join(format!("{name}-{}", who.ids().0));
        if !path.exists() {
            fs::create_dir(&path).expect("our own folder");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("our own folder");
            if user::is_root() {
                let (uid, gid) = who.ids();
                chown(&path, Some(uid), Some(gid)).expect("root may");
            }
        }
        path
    }

    /// `twinax`, run by this one.
    pub fn twinax(&self, who: Who) -> Program<'_> {
        Program::new(self, who, self.folder().join("bin/twinax").into())
    }

    /// A line for the shell, run by this one; `twinax` is in its `PATH`.
    pub fn shell(&self, who: Who, line: &str) -> Program<'_> {
        Program::new(self, who, "/bin/sh".into()).args(["-c", line])
    }

    /// Brings this lab up, as this one.
    #[track_caller]
    pub fn up(&self, who: Who, lab: &str) -> Output {
        self.twinax(who).arg("up").arg(self.file("lab.toml", lab)).done().exits(0)
    }

    /// Takes the lab of this one down.
    #[track_caller]
    pub fn down(&self, who: Who) {
        self.twinax(who).arg("down").done().exits(0);
        assert!(self.has_no_lab(who), "{}", self.left());
    }

    /// A line for the shell in a node.
    pub fn exec(&self, who: Who, node: &str, line: &str) -> Program<'_> {
        self.twinax(who).args(["exec", node, "--", "sh", "-c", line])
    }

    /// Waits until no process of this test is left.
    #[track_caller]
    pub fn await_end(&self) {
        let left = self.left();
        assert!(left.is_empty(), "{left}");
    }

    /// Ends every process of this test.
    fn end(&self) {
        processes::marked(&self.mark).iter().for_each(processes::Marked::kill);
    }

    /// Where the running labs of this one are registered.
    pub fn labs(&self, who: Who) -> PathBuf {
        self.private("run", who).join("twinax")
    }

    /// Whether nothing is left of any lab of this one.
    pub fn has_no_lab(&self, who: Who) -> bool {
        !self.labs(who).exists() && processes::marked(&self.mark).is_empty()
    }

    /// The processes that don't end, for people.
    fn left(&self) -> String {
        let left = processes::await_none(&self.mark, GONE_WITHIN);
        left.iter()
            .map(|left| format!("is still running: {} {}\n", left.pid, left.command))
            .collect()
    }

    /// What there is in the test's folders that nobody has asked for.
    fn leftovers(&self) -> String {
        let folders = ["lab", "mount"].map(str::to_owned);
        let users = [Who::Root, Who::User, Who::Stranger].map(|who| who.ids().0);
        let own = users.map(|uid| [format!("tmp-{uid}"), format!("run-{uid}")]);
        let folders = folders.into_iter().chain(own.into_iter().flatten());
        let files = self.files.borrow();
        let entries = folders
            .flat_map(|folder| fs::read_dir(self.folder().join(folder)).into_iter().flatten());
        let paths = entries.flatten().map(|entry| entry.path());
        let left: BTreeSet<PathBuf> = paths.filter(|path| !files.contains(path)).collect();
        left.iter().map(|path| format!("was left behind: {}\n", path.display())).collect()
    }
}

impl Drop for Test {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // A lab that is up stays so: nobody takes it down any more.
            self.end();
        }
        let left = self.left() + &self.leftovers();
        // The next test shall not find them.
        self.end();
        let difference = self.machine.difference(&Machine::snapshot());
        if left.is_empty() && difference.is_empty() {
            return;
        }
        let text = format!("the machine is not as it was before the test:\n{left}{difference}");
        if std::thread::panicking() {
            eprintln!("{text}");
        } else {
            panic!("{text}");
        }
    }
}
