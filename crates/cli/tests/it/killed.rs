//! However a lab that stays ends, nothing of it is left, and its name can be used again.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use serde_json::{Value, json};

use crate::kill::at_once;
use crate::support::{Output, Program, Test, Who, processes};
use crate::up::listed;

/// A lab with so many nodes on a bridge that there is something to be killed in the midst of.
fn lab(host: u8, services: &str) -> String {
    let mut text = "name = \"killed\"\n[node.switch]\nkind = \"bridge\"\n".to_owned();
    for number in 1..=NODES {
        let own = if number == 1 { services } else { "" };
        text += &format!(
            "[node.n{number}]\n{own}[[link]]\n\
             a = {{ at = \"n{number}:e0\", ip = \"192.0.{host}.{number}/24\" }}\n\
             b = \"switch:p{number}\"\n"
        );
    }
    text
}

const NODES: usize = 20;

const SERVICES: &str = r#"
listen = [{ tcp = 80, say = "n1" }]
run = [{ name = "s", ready = "line:up", cmd = "setsid sleep 1000 & echo up; exec sleep 1000" }]
"#;

/// What is so when the lab is whole: seen from its last node.
fn is_whole(host: u8) -> String {
    format!(
        "ping -c 1 -W 5 192.0.{host}.1 > /dev/null && ip netns list | wc -l && \
         bash -c 'cat < /dev/tcp/192.0.{host}.1/80' && \
         ip netns pids n1 | xargs -n1 ps -o comm= -p | sort | tr '\\n' ' '"
    )
}

/// A moment of the time that something takes; every second one is an early one.
fn moment(random: &mut Pcg64Mcg, of: Duration) -> Duration {
    let latest = if random.next_u32().is_multiple_of(2) { of } else { of / 4 };
    latest.mul_f64(f64::from(random.next_u32()) / f64::from(u32::MAX))
}

/// How often something was killed before it had ended, by all threads of a test.
#[derive(Default)]
struct Killed(AtomicU32);

impl Killed {
    fn count(&self, in_time: bool) {
        self.0.fetch_add(in_time.into(), Ordering::Relaxed);
    }

    /// Fails where the moments were too late to mean anything.
    #[track_caller]
    fn enough(self) {
        let killed = self.0.into_inner();
        eprintln!("{killed} of {TIMES} killed");
        assert!(killed > TIMES / 3, "only {killed} killed");
    }
}

/// How often each is killed.
const TIMES: u32 = 300;

/// Kills it at this moment. `true`: it had not ended.
fn kill(program: Program<'_>, moment: Duration) -> bool {
    let mut running = program.start();
    let in_time = !running.ends_within(moment);
    if in_time {
        running.signal(Signal::KILL);
    }
    let code = running.end().code;
    assert!(code == 0 || code == 128 + Signal::KILL.as_raw(), "it ended with {code}");
    in_time
}

/// After a kill: the lab is up whole (`true`), or nothing is left of it.
#[track_caller]
fn whole_or_gone(test: &Test, who: Who, host: u8) -> bool {
    let whole = test.exec(who, "killed/n20", &is_whole(host)).done();
    if whole.code == 0 {
        assert_eq!(whole.stdout, "21\nn1sleep sleep ", "{whole:?}");
        return true;
    }
    // One that is just ending takes from those who have come in one thing after the other.
    test.await_end();
    // The lock of one that was killed goes with the last process that works for it.
    let deadline = Instant::now() + Duration::from_secs(20);
    while !listed(test, who).is_empty() {
        assert!(Instant::now() < deadline, "{:?}", listed(test, who));
    }
    assert!(!test.labs(who).exists(), "the folder is still there");
    false
}

/// Does this as soon as nobody works for one that was killed any more.
#[track_caller]
fn when_it_is_free(program: impl Fn() -> Output) -> Output {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let output = program();
        let busy = output.code == 2 && output.stderr.contains("another command is changing");
        if !busy || Instant::now() > deadline {
            return output;
        }
    }
}

/// So many labs are killed at once.
const AT_ONCE: u64 = 5;

/// So often in each of them, by everybody who can have one here.
fn times() -> u32 {
    TIMES / AT_ONCE as u32 / Who::all().len() as u32
}

#[test]
fn kill_9_of_up_at_300_random_moments() {
    let killed = Killed::default();
    at_once("kill_9_of_up_at_300_random_moments", AT_ONCE, |name, seed| {
        let test = Test::new(name);
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        test.file("lab.toml", lab(2, SERVICES));
        for who in Who::all() {
            let up = || test.twinax(who).args(["up", "lab.toml"]);
            let begun = Instant::now();
            up().done().exits(0);
            let latest = begun.elapsed();
            test.down(who);
            for _ in 0..times() {
                killed.count(kill(up(), moment(&mut random, latest)));
                if whole_or_gone(&test, who, 2) {
                    test.down(who);
                }
            }
            // And its name is as good as new.
            up().done().exits(0);
            assert!(whole_or_gone(&test, who, 2));
            test.down(who);
        }
    });
    killed.enough();
}

#[test]
fn kill_9_of_apply_at_300_random_moments() {
    // All addresses are others, the service is another, and nodes, a link and a bridge come and go.
    let more = "[node.more]\nrun = [{ name = \"m\", cmd = \"exec sleep 1000\" }]\n\
         [node.switch2]\nkind = \"bridge\"\n\
         [[link]]\na = { at = \"more:e0\", ip = \"203.0.113.1/24\" }\nb = \"switch2:p0\"\n";
    // What leaves its service's group stays until the lab ends.
    let service = SERVICES.replace("setsid ", "");
    let other = service.replace("\"s\"", "\"t\"");
    let labs = [(2, 21, lab(2, &service)), (3, 23, lab(3, &other) + more)];
    let killed = Killed::default();
    at_once("kill_9_of_apply_at_300_random_moments", AT_ONCE, |name, seed| {
        let test = Test::new(name);
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        labs.iter().for_each(|(host, _, lab)| drop(test.file(&format!("{host}.toml"), lab)));
        for who in Who::all() {
            let apply = |host: u8| test.twinax(who).arg("apply").arg(format!("{host}.toml"));
            test.twinax(who).args(["up", "2.toml"]).done().exits(0);
            let begun = Instant::now();
            apply(3).done().exits(0);
            let latest = begun.elapsed();
            for (host, nodes, _) in labs.iter().cycle().take(times() as usize) {
                killed.count(kill(apply(*host), moment(&mut random, latest)));
                // A second one completes what the first has begun, and a third has nothing to do.
                when_it_is_free(|| apply(*host).done()).exits(0);
                let third = apply(*host).arg("--dry-run").done().exits(0);
                assert_eq!(third.stdout, "", "there is still something to do");
                let whole = test.exec(who, "n20", &is_whole(*host)).done().exits(0);
                assert_eq!(whole.stdout, format!("{nodes}\nn1sleep sleep "));
            }
            test.down(who);
        }
    });
    killed.enough();
}

/// The process that holds the only lab.
#[track_caller]
fn holder(test: &Test, who: Who) -> Pid {
    let labs = listed(test, who);
    let holder = labs[0]["holder"].as_i64().expect("a process ID");
    Pid::from_raw(holder as i32).expect("a process ID")
}

#[test]
fn the_holder_is_killed_with_its_services() {
    let test = Test::new("the_holder_is_killed_with_its_services");
    for who in Who::everybody().into_iter().filter(|who| test.can_be(*who)) {
        for time in 0..4 {
            test.up(who, &lab(2, SERVICES));
            let mut inside = test.exec(who, "n3", "echo begun; sleep 1000").start();
            inside.await_said("begun");
            let mut follows = test.twinax(who).args(["logs", "-f", "n1"]).start();
            follows.await_said("up\n");
            kill_process(holder(&test, who), Signal::KILL).unwrap();
            inside.end().exits(128 + 9);
            follows.end().exits(0);
            test.await_end();
            // What is left is a folder, until the next command, whichever that is.
            assert!(test.labs(who).join("killed/holder").exists());
            match time % 2 {
                0 => test.twinax(who).arg("ls").done().exits(0),
                _ => test.twinax(who).args(["exec", "n1", "--", "true"]).done().exits(2),
            };
            assert!(!test.labs(who).exists());
        }
    }
}

#[test]
fn its_name_can_be_used_at_once() {
    let test = Test::new("its_name_can_be_used_at_once");
    for who in Who::all() {
        test.up(who, &lab(2, SERVICES));
        for _ in 0..20 {
            let holder = holder(&test, who);
            let pidfd = pidfd_open(holder, PidfdFlags::empty()).unwrap();
            kill_process(holder, Signal::KILL).unwrap();
            assert!(processes::ends(&pidfd, Instant::now() + Duration::from_secs(20)));
            test.up(who, &lab(2, SERVICES));
            assert!(whole_or_gone(&test, who, 2));
        }
        test.down(who);
    }
}

/// A folder that says this of its lab's holder, as if it had been left behind.
fn leave(test: &Test, who: Who, lab: &str, says: &[u8]) {
    let folder = test.labs(who).join(lab);
    let (uid, gid) = who.ids();
    let own = |path: &std::path::Path, mode| {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        if crate::support::user::is_root() {
            chown(path, Some(uid), Some(gid)).unwrap();
        }
    };
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("holder"), says).unwrap();
    own(&test.labs(who), 0o700);
    own(&folder, 0o700);
    own(&folder.join("holder"), 0o600);
}

/// When a process started: field 22 of `proc_pid_stat(5)`.
fn start_of(pid: Pid) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    let after = stat.rsplit_once(')').expect("proc_pid_stat(5)").1;
    after.split_whitespace().nth(19).expect("field 22").parse().expect("clock ticks")
}

#[test]
fn folders_that_have_been_left_behind_are_cleared() {
    let test = Test::new("folders_that_have_been_left_behind_are_cleared");
    for who in Who::all() {
        // What a living lab says of itself, with one thing in it that is another.
        test.up(who, "name = \"stale\"\n[node.a]\n");
        let file = test.labs(who).join("stale/holder");
        let own: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        let but = |key: &str, value: Value| {
            let mut other = own.clone();
            assert!(other.get(key).is_some(), "{own} has no {key}");
            other[key] = value;
            other.to_string().into_bytes()
        };
        let us = rustix::process::getpid();
        let mut reused = own.clone();
        (reused["pid"], reused["start"]) =
            (json!(us.as_raw_nonzero().get()), json!(start_of(us) + 1));
        let mut dead = test.shell(who, "true").start();
        dead.ends_within(Duration::from_secs(60));
        let dead_pid = dead.pid().as_raw_nonzero().get();
        dead.end();
        let stale: [(&str, Vec<u8>); 9] = [
            ("a process that is no more", but("pid", json!(dead_pid))),
            ("a number that is another's now", reused.to_string().into_bytes()),
            ("a holder that started at another time", but("start", json!(1))),
            (
                "before the machine was started",
                but("boot", json!("0b0e1c4a-0000-0000-0000-000000000000")),
            ),
            ("no number", but("pid", json!(-1))),
            ("nobody", but("pid", json!(0))),
            ("rubbish", b"\xff\x00rubbish".to_vec()),
            ("half of it", own.to_string().into_bytes()[..20].to_vec()),
            ("nothing", Vec::new()),
        ];
        test.down(who);
        for (why, says) in stale {
            // By whichever command comes next.
            let commands: [(&[&str], i32); 4] = [
                (&["ls"], 0),
                (&["exec", "stale/a", "--", "true"], 2),
                (&["down", "stale"], 2),
                (&["down", "--all"], 0),
            ];
            for (args, code) in commands {
                leave(&test, who, "stale", &says);
                let output = test.twinax(who).args(args).done();
                assert_eq!(output.code, code, "{args:?} of {why}: {output:?}");
                assert!(!test.labs(who).exists(), "{args:?} leaves the folder of {why}");
            }
            leave(&test, who, "stale", &says);
            test.up(who, "name = \"stale\"\n[node.a]\n");
            test.exec(who, "stale/a", "true").done().exits(0);
            test.down(who);
        }
        // A folder without the file: somebody was killed who had just made it.
        leave(&test, who, "stale", b"");
        fs::remove_file(&file).unwrap();
        assert_eq!(listed(&test, who), Vec::<Value>::new());
        assert!(!test.labs(who).exists());
    }
}

/// Its processes can't be seen from here: whether it lives, nobody here can say.
#[test]
fn a_lab_in_another_pid_namespace_is_left_alone() {
    let test = Test::new("a_lab_in_another_pid_namespace_is_left_alone");
    for who in Who::all() {
        test.up(who, "name = \"elsewhere\"\n[node.a]\n");
        let file = test.labs(who).join("elsewhere/holder");
        let own = fs::read(&file).unwrap();
        // From a PID namespace of one's own.
        let line = "exec unshare --user --map-root-user --pid --fork --mount-proc sh -c \
             'twinax ls; twinax down elsewhere; echo $?; twinax exec elsewhere/a -- true; echo $?; \
              twinax up lab.toml; echo $?'";
        let line = if who == Who::Root {
            line.replace("--user --map-root-user", "")
        } else {
            line.to_owned()
        };
        let output = test.shell(who, &line).done();
        assert_eq!(output.stdout, "2\n2\n2\n", "{output:?}");
        output.complains("runs in another PID namespace");
        assert_eq!(fs::read(&file).unwrap(), own);
        test.exec(who, "a", "true").done().exits(0);
        test.down(who);
    }
}

/// What else is in the folder is somebody's: it stays.
#[test]
fn what_is_no_lab_is_left_alone() {
    let test = Test::new("what_is_no_lab_is_left_alone");
    let who = Who::here();
    leave(&test, who, "stale", b"");
    let note = test.labs(who).join("stale/note");
    fs::write(&note, "mine").unwrap();
    let other = test.labs(who).join(".hidden");
    fs::write(&other, "mine").unwrap();
    assert_eq!(listed(&test, who), Vec::<Value>::new());
    assert_eq!(fs::read_to_string(&note).unwrap(), "mine");
    assert_eq!(fs::read_to_string(&other).unwrap(), "mine");
    fs::remove_dir_all(test.labs(who)).unwrap();
}
