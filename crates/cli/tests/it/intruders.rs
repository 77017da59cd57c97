//! A hostile program that is root inside a node: what it can not reach.
//!
//! Each attack is a line of shell that ends with exit code 0 where it succeeds. It is shown to
//! succeed where there is nothing in its way, and then to fail from within a node.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::kill::child_of;
use crate::support::{Running, Test, Who, user};
use crate::up::listed;

const LAB: &str = r#"
name = "held"
[node.a]
run = [{ name = "s", cmd = "exec sleep 1000" }]
[node.b]
"#;

/// Those whose labs hold a hostile program. Root of the machine stays root of its files in a lab
/// that he has started himself, as under `ip netns exec`.
fn contained() -> Vec<Who> {
    [Who::User, Who::UserWithRanges].into_iter().filter(|who| who.is_lacking().is_none()).collect()
}

/// The lab in which the attacks are made, and what they are made against.
struct Scene {
    test: Test,
    who: Who,
    /// A process of the same user outside of all labs, in a network of its own that stands for the
    /// machine's: its device is called `outside0`.
    outside: Running,
    /// One in another lab of the same user, whose device is called `other0`.
    other: Running,
}

impl Scene {
    fn new(name: &str, who: Who) -> Self {
        let test = Test::new(name);
        test.up(who, LAB);
        let other = "name = \"other\"\n[node.a]\nrun = [{ name = \"s\", cmd = \"exec sleep 1000\" }]\n\
             [node.b]\n[[link]]\na = \"a:other0\"\nb = \"b:other0\"\n";
        test.up(who, other);
        let line = "exec unshare --user --map-root-user --net sh -c \
             'ip link add outside0 type veth peer outside1 && echo begun && exec sleep 1000'";
        let mut outside = test.shell(who, line).start();
        outside.await_said("begun");
        let mut other = test.exec(who, "other/a", "echo begun; exec sleep 1000").start();
        other.await_said("begun");
        Self { test, who, outside, other }
    }

    fn holder(&self, lab: &str) -> String {
        let labs = listed(&self.test, self.who);
        let lab = labs.iter().find(|listed| listed["lab"] == lab).expect("it is up");
        lab["holder"].to_string()
    }

    /// The attack, with the numbers that it needs: those of the machine's `/proc`.
    fn attack(&self, inside: bool, line: &str) -> i32 {
        let program = match inside {
            true => self.test.exec(self.who, "held/a", line),
            false => self.test.shell(self.who, line),
        };
        program
            .env("outside", &self.outside.pid().to_string())
            .env("other", &child_of(self.other.pid()).to_string())
            .env("holder", &self.holder("held"))
            .env("holder_of_other", &self.holder("other"))
            .done()
            .code
    }

    /// It succeeds for whoever has started the lab, and not for who is in it.
    #[track_caller]
    fn only_outside(&self, line: &str) {
        assert_eq!(self.attack(false, line), 0, "as {:?} it fails outside, too: {line}", self.who);
        self.fails(line);
    }

    #[track_caller]
    fn fails(&self, line: &str) {
        let code = self.attack(true, line);
        assert!(code != 0, "as {:?} it succeeds: {line}", self.who);
    }

    #[track_caller]
    fn succeeds(&self, line: &str) {
        assert_eq!(self.attack(true, line), 0, "as {:?} it fails: {line}", self.who);
    }

    #[track_caller]
    fn end(self) {
        self.test.exec(self.who, "held/b", "true").done().exits(0);
        let Self { test, who, outside, other } = self;
        drop((outside, other));
        test.twinax(who).args(["down", "--all"]).done().exits(0);
    }
}

/// Where the sandbox has a `/proc` of its own over the machine's, it may take its own away.
const SEE_THE_MACHINE: &str = "umount -l /proc 2> /dev/null; umount -l /proc 2> /dev/null; ";

/// The processes of the machine that are no lab's are not seen, by whatever `/proc`.
#[test]
fn the_machines_processes_are_not_seen() {
    for who in contained() {
        let scene = Scene::new("the_machines_processes_are_not_seen", who);
        for pid in ["$outside", "$other", "$holder_of_other"] {
            let line =
                format!("tr '\\0' ' ' < /proc/{pid}/cmdline | grep -q -e 'sleep 1000' -e twinax");
            scene.only_outside(&line);
        }
        // The kernel gives the machine's only to who is in its PID namespace.
        let line = "mkdir -p /run/p && mount -t proc proc /run/p && \
             tr '\\0' ' ' < /run/p/$outside/cmdline | grep -q 'sleep 1000'";
        scene.fails(line);
        scene.succeeds("mkdir -p /run/p && mount -t proc proc /run/p && test -d /run/p/1");
        scene.end();
    }
}

/// What a process of the machine, or of another lab, has: its network, files, memory, and itself.
/// Of a process that is somebody's `/proc` shows its links to those who may trace it (`ptrace(2)`).
#[test]
fn nothing_of_the_machines_processes_is_reached_by_the_machines_proc() {
    for who in contained() {
        let scene =
            Scene::new("nothing_of_the_machines_processes_is_reached_by_the_machines_proc", who);
        for (pid, device) in [("$outside", "outside0"), ("$other", "other0")] {
            for line in [
                format!(
                    "nsenter --preserve-credentials --user --net --target {pid} ip link show {device}"
                ),
                format!("readlink /proc/{pid}/ns/net"),
                format!("ls /proc/{pid}/root/ > /dev/null"),
                format!("readlink /proc/{pid}/fd/0"),
                format!("exec 3< /proc/{pid}/mem"),
                format!("tr '\\0' '\\n' < /proc/{pid}/environ | grep -q TWINAX_TEST"),
                format!("kill -0 {pid}"),
            ] {
                scene.only_outside(&line);
                scene.fails(&format!("{SEE_THE_MACHINE}{line}"));
            }
        }
        scene.end();
    }
}

/// `twinax exec` waits outside of the lab's PID namespace, but in its user namespace: what is in
/// there might trace it, if it could name it.
#[test]
fn what_waits_for_an_exec_is_not_reached() {
    for who in contained() {
        let scene = Scene::new("what_waits_for_an_exec_is_not_reached", who);
        let mut waits = scene.test.exec(who, "held/b", "echo begun; exec sleep 1000").start();
        waits.await_said("begun");
        let pid = waits.pid();
        for line in [
            format!("exec 3< /proc/{pid}/mem"),
            format!("readlink /proc/{pid}/fd/0"),
            format!("readlink /proc/{pid}/ns/pid"),
            format!("ls /proc/{pid}/root/ > /dev/null"),
            format!("nsenter --target {pid} --pid true"),
            format!("kill -9 {pid}"),
        ] {
            scene.fails(&line);
            scene.fails(&format!("{SEE_THE_MACHINE}{line}"));
        }
        assert!(!waits.ends_within(std::time::Duration::ZERO));
        // What it started is in the lab, and can be reached as any process there.
        scene.succeeds("for p in $(ip netns pids b); do kill -9 $p; done");
        waits.end().exits(128 + 9);
        scene.end();
    }
}

/// Files of another user, and of root, stay what they are for a user's lab, in which he is root.
#[test]
fn files_of_others_are_not_reached() {
    let scene = Scene::new("files_of_others_are_not_reached", Who::User);
    if !scene.test.can_be(Who::Stranger) {
        return scene.end();
    }
    let (uid, gid) = Who::Stranger.ids();
    for (name, uid, gid) in [("of-stranger", uid, gid), ("of-root", 0, 0)] {
        let file = scene.test.file(name, "secret\n");
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        std::os::unix::fs::chown(&file, Some(uid), Some(gid)).unwrap();
        let file = file.display();
        // Whose it is may.
        let owner = if uid == 0 { Who::Root } else { Who::Stranger };
        scene.test.shell(owner, &format!("cat {file} && : >> {file}")).done().exits(0);
        for line in [
            format!("cat {file}"),
            format!(": >> {file}"),
            format!("chown 0:0 {file}"),
            format!("chmod 666 {file}"),
            format!("setpriv --reuid {uid} --regid {gid} --clear-groups cat {file}"),
            format!("mkdir -p /run/m && mount --bind {file} /run/m"),
        ] {
            scene.fails(&line);
        }
        assert_eq!(
            fs::read_to_string(scene.test.folder().join("lab").join(name)).unwrap(),
            "secret\n"
        );
    }
    scene.end();
}

/// Devices that are the machine's: nobody in a user namespace may make or mount them.
#[test]
fn devices_of_the_machine_are_not_made() {
    for who in contained() {
        let scene = Scene::new("devices_of_the_machine_are_not_made", who);
        for line in [
            "mknod /run/mem c 1 1",
            "mknod /run/disk b 254 0",
            // Opened, and nothing is written.
            ": >> /proc/sys/kernel/panic",
            ": >> /proc/sys/kernel/core_pattern",
            ": >> /proc/sysrq-trigger",
            ": >> /dev/kmsg",
            "dmesg -n 7",
        ] {
            scene.fails(line);
        }
        // What is the lab's own, it may.
        scene.succeeds("mknod /run/fifo p && echo 1 > /proc/sys/net/ipv4/ip_forward");
        scene.end();
    }
}

/// The network of the machine has a number in every `/proc` and a name in none.
#[test]
fn the_machines_network_is_not_joined() {
    let own = fs::read_link("/proc/self/ns/net").expect("our own").display().to_string();
    for who in contained() {
        let scene = Scene::new("the_machines_network_is_not_joined", who);
        // No process that is seen is in it, and no open file leads to it.
        let line = format!(
            "for ns in /proc/[0-9]*/ns/net /proc/[0-9]*/fd/*; do \
             [ \"$(readlink $ns)\" != '{own}' ] || exit 0; done; exit 1"
        );
        scene.only_outside(&line);
        scene.fails(&format!("{SEE_THE_MACHINE}{line}"));
        // What is beside the nodes is a network without anything.
        scene.succeeds(
            "test \"$(nsenter --net=/proc/1/ns/net ip -br link | cut -d ' ' -f 1)\" = lo",
        );
        scene.fails("ip link add m0 type veth peer m1 netns $outside");
        scene.end();
    }
}

/// A user's lab can't be used to become root of the machine by a file that says so.
#[test]
fn a_set_user_id_file_is_the_users() {
    let scene = Scene::new("a_set_user_id_file_is_the_users", Who::User);
    if !user::is_root() {
        return scene.end();
    }
    let shell = scene.test.path("shell");
    let line = format!("cp /bin/cat {0} && chown 0:0 {0} && chmod 4755 {0}", shell.display());
    scene.succeeds(&line);
    let found = fs::metadata(Path::new(&shell)).unwrap();
    let (uid, _) = Who::User.ids();
    assert_eq!(std::os::unix::fs::MetadataExt::uid(&found), uid);
    scene.end();
}
