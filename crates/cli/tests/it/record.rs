//! The packets of steps, kept in files.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::user::is_there;
use crate::support::{Test, Who};

const LAB: &str = r#"
name = "recorded"
[node.left]
[node.right]
[[link]]
a = { at = "left:e0", ip = "10.0.0.1/24" }
b = { at = "right:e0", ip = "10.0.0.2/24" }
[[step]]
about = "They reach each other."
ping = { from = "left", to = "right", count = 2 }
[[step]]
look = "left:e0"
expect.up = true
"#;

const FAILS: &str = r#"
[[step]]
about = "This holds,"
ping = { from = "left", to = "right" }
expect.seen = { at = "right", packet = "icmp echo request" }
[[step]]
about = "that does not."
ping = { from = "left", to = "right" }
expect.unseen = { at = "right", packet = "icmp echo request" }
"#;

/// What a capture file has in it, as tcpdump says it; none where it can't be read.
fn lines(file: &Path) -> Option<Vec<String>> {
    // By standard input: as root, tcpdump becomes another user before it opens a file.
    let open = File::open(file).ok()?;
    let read = Command::new("tcpdump").args(["-nn", "-t", "-r", "-"]).stdin(open).output();
    let read = read.expect("it is there").stdout;
    Some(String::from_utf8_lossy(&read).lines().map(str::to_owned).collect())
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn of_every_step_there_is_a_file() {
    let test = Test::new("of_every_step_there_is_a_file");
    let lab = test.file("lab.toml", LAB);
    for who in Who::all() {
        // In a folder that is not there yet, and over what is there.
        let folder = test.path(&format!("of-{}", who.ids().0)).join("the/lab");
        for _ in 0..2 {
            let twinax = test.twinax(who).args(["run", "--record"]).arg(&folder);
            let output = twinax.arg(&lab).done().exits(0);
            output.says("packets: ").says("/01-they-reach-each-other.pcapng");
            assert_eq!(names(&folder), ["01-they-reach-each-other.pcapng", "02-look.pcapng"]);
        }
        for name in names(&folder) {
            let found = fs::metadata(folder.join(name)).unwrap();
            assert_eq!((found.uid(), found.gid()), who.ids());
        }
        if !is_there("tcpdump") {
            test.skip("there is no `tcpdump`");
            continue;
        }
        let seen = lines(&folder.join("01-they-reach-each-other.pcapng")).expect("it is there");
        // Out of the one end, and into the other.
        let count = |text: &str| seen.iter().filter(|line| line.contains(text)).count();
        assert_eq!((count("ICMP echo request"), count("ICMP echo reply")), (4, 4), "{seen:#?}");
        assert_eq!(count("ARP, Request who-has 10.0.0.2 tell 10.0.0.1"), 2, "{seen:#?}");
    }
}

#[test]
fn of_several_labs_each_has_a_folder() {
    let test = Test::new("of_several_labs_each_has_a_folder");
    let lab = test.file("lab.toml", LAB);
    let other = test.file("other.toml", LAB.replace("recorded", "other"));
    let folder = test.path("kept");
    let twinax = test.twinax(Who::User).args(["run", "--detail", "failed", "--record"]);
    twinax.arg(&folder).args([&lab, &other, &lab]).done().exits(0);
    assert_eq!(names(&folder), ["other", "recorded", "recorded-2"]);
    for below in names(&folder) {
        assert_eq!(names(&folder.join(below)).len(), 2);
    }
}

#[test]
fn a_step_that_fails_leaves_its_packets() {
    let test = Test::new("a_step_that_fails_leaves_its_packets");
    let [holds, fails] = [("holds.toml", LAB.to_owned()), ("fails.toml", format!("{LAB}{FAILS}"))]
        .map(|(name, text)| test.file(name, text));
    for who in Who::all() {
        let kept = test.temporary(who, &format!("twinax-recorded-{}", who.ids().0));
        test.twinax(who).arg("run").arg(&holds).done().exits(0);
        assert!(!kept.exists());
        let file = kept.join("04-that-does-not.pcapng");
        let output = test.twinax(who).args(["run", "--json"]).arg(&fails).done().exits(1);
        let reports = output.reports();
        let packets: Vec<_> = reports[0].steps.iter().map(|step| step.packets.clone()).collect();
        assert_eq!(packets, [None, None, None, Some(file.clone())]);
        assert_eq!(names(&kept), ["04-that-does-not.pcapng"]);
        let found = fs::metadata(&kept).unwrap();
        assert_eq!((found.uid(), found.mode() & 0o7777), (who.ids().0, 0o700));
        if !is_there("tcpdump") {
            test.skip("there is no `tcpdump`");
            continue;
        }
        let seen = lines(&file).expect("it is there");
        assert!(seen.iter().any(|line| line.contains("ICMP echo request")), "{seen:#?}");
    }
}

/// Where the name of the folder is taken by somebody else, another one is made; where there is no
/// temporary folder, the report says so.
#[test]
fn a_failing_step_is_reported_wherever_its_packets_go() {
    let test = Test::new("a_failing_step_is_reported_wherever_its_packets_go");
    let lab = test.file("lab.toml", format!("{LAB}{FAILS}"));
    let who = Who::here();
    let taken = test.temporary(who, &format!("twinax-recorded-{}", who.ids().0));
    fs::create_dir(&taken).unwrap();
    fs::set_permissions(&taken, fs::Permissions::from_mode(0o777)).unwrap();
    let second = test.temporary(who, &format!("twinax-recorded-{}-2", who.ids().0));
    let run = || test.twinax(who).arg("run").arg(&lab);
    run().done().exits(1).says(&format!("packets: {}/04-", second.display()));
    assert_eq!((names(&taken).len(), names(&second).len()), (0, 1));
    run()
        .env("TMPDIR", "/nowhere")
        .done()
        .exits(1)
        .says("packets can't be kept in `/nowhere`: No such file or directory");
}

#[test]
fn what_can_not_be_kept_is_told_before_anything_is_built() {
    let test = Test::new("what_can_not_be_kept_is_told_before_anything_is_built");
    // Done, it would leave a file behind, which is noticed.
    let step = "[[step]]\nrun = { at = \"left\", cmd = \"touch done\" }\n";
    let lab = test.file("lab.toml", format!("{LAB}{step}"));
    let run =
        |folder: &str| test.twinax(Who::User).args(["run", "--record", folder]).arg(&lab).done();
    let output = run("/proc/nowhere").exits(4);
    assert_eq!(output.stdout, "");
    output.complains("packets can't be kept in `/proc/nowhere`");
    run(lab.to_str().unwrap()).exits(4).complains("File exists");
    run("/sys").exits(4).complains("packets can't be kept in `/sys`");
}

/// A disk that is full is told of when the folder is tried, not when the lab is half done.
#[test]
fn a_full_disk() {
    let test = Test::new("a_full_disk");
    if !test.can_have_a_world() {
        return;
    }
    let lab = test.file("lab.toml", LAB);
    let world = "mount -t tmpfs -o size=4k,mode=777 full \"$FOLDER/mount\"; \
         head -c 4096 /dev/zero > \"$FOLDER/mount/full\"";
    let twinax = test.twinax(Who::here()).world(world).args(["run", "--record"]);
    let output = twinax.arg(test.folder().join("mount")).arg(lab).done();
    assert_eq!(output.stdout, "");
    assert_ne!(output.code, 0);
    output.complains("packets can't be kept in").complains("No space left on device");
}

/// A file can be read while it is written, and when its writer was killed.
#[test]
fn who_is_killed_leaves_what_was_seen() {
    let test = Test::new("who_is_killed_leaves_what_was_seen");
    if !is_there("tcpdump") {
        return test.skip("there is no `tcpdump`");
    }
    let step = "[[step]]\nabout = \"endless\"\n\
        run = { at = \"left\", cmd = [\"bash\", \"-c\", \"echo > /dev/udp/10.0.0.2/9; exec sleep 1000\"], timeout = \"1000s\" }\n";
    let lab = test.file("lab.toml", format!("{LAB}{step}"));
    let folder = test.path("kept");
    for signal in [Signal::KILL, Signal::TERM] {
        let running =
            test.twinax(Who::User).args(["run", "--record"]).arg(&folder).arg(&lab).start();
        let file = folder.join("03-endless.pcapng");
        let is_seen = || {
            let seen = lines(&file).unwrap_or_default();
            seen.iter().any(|line| line.contains("10.0.0.2.9: UDP, length 1"))
        };
        let begun = Instant::now();
        while !is_seen() {
            assert!(begun.elapsed() < Duration::from_secs(60), "it is not in the file");
        }
        running.signal(signal);
        running.end();
        test.await_end();
        assert!(is_seen());
        fs::remove_file(file).unwrap();
    }
}

#[test]
fn of_a_running_lab_too() {
    let test = Test::new("of_a_running_lab_too");
    for who in Who::all() {
        test.up(who, LAB);
        let folder = test.path(&format!("of-{}", who.ids().0));
        test.twinax(who).args(["check", "--record"]).arg(&folder).done().exits(0);
        assert_eq!(names(&folder), ["01-they-reach-each-other.pcapng", "02-look.pcapng"]);
        test.twinax(who).args(["check", "--record", "/proc/nowhere"]).done().exits(4);
        test.down(who);
        let lab = test.file("lab.toml", LAB);
        let kept = test.twinax(who).args(["run", "--keep", "--record"]).arg(&folder);
        kept.arg(lab).done().exits(0);
        test.down(who);
    }
}
