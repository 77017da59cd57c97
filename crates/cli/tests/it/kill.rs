//! However a run ends, nothing of its lab is left.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng, SeedableRng};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Running, Test, Who, processes};

/// Services, a bridge, TAPs, a wire, a firewall, a listener: one of each sort of thing that could stay.
const LAB: &str = r#"
name = "killed"

[node.left]
listen = [{ tcp = 8080, say = "left" }]
run = [
  { name = "server", ready = "line:up", cmd = "echo up; setsid sleep 1000 & exec sleep 1000" },
  { name = "other", cmd = ["sleep", "1000"] },
]

[node.right]
firewall = { masquerade = "e0" }

[node.switch]
kind = "bridge"

[[link]]
a = { at = "left:e0", ip = "192.0.2.1/24" }
b = "switch:p0"

[[link]]
a = { at = "right:e0", ip = "192.0.2.2/24" }
b = "switch:p1"

[[tap]]
at = "right:tap0"
ip = "198.51.100.1/24"

[[tap]]
at = "left:tap1"

[[wire]]
a = "right:tap0"
b = "left:tap1"

[[step]]
ping = { from = "left", to = "right", count = 2, interval = "10ms" }
[[step]]
run = { at = "right", cmd = "sleep 1000 & true" }
[[step]]
change = { at = "right:tap0", move = "left" }
[[step]]
tcp = { from = "right", to = "left", port = 8080 }
expect.said = "left"
"#;

/// The same without TAPs where there can be none, and what makes TAPs possible where there can.
fn lab(test: &Test, who: Who) -> (String, &'static str) {
    if let Some(tun) = test.tun_for(who) {
        return (LAB.to_owned(), tun);
    }
    let (before, after) = LAB.split_once("[[tap]]").expect("it has one");
    let (_, after) = after.split_once("[[step]]").expect("steps come after it");
    let step = "[[step]]\nchange = { at = \"right:tap0\", move = \"left\" }\n";
    (format!("{before}[[step]]{after}").replace(step, ""), ":")
}

/// A number from the clock, or the one that somebody wants to see again.
pub fn seed() -> u64 {
    let wanted = std::env::var("TWINAX_SEED").ok().map(|seed| seed.parse().expect("a number"));
    let seed = wanted.unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        u64::from(now.subsec_nanos()) ^ now.as_secs()
    });
    eprintln!("TWINAX_SEED={seed} does the same again");
    seed
}

/// Does a test several times at once, each under a name and with a seed of its own: most of the time
/// goes by waiting for the kernel to take things away.
pub fn at_once(name: &str, count: u64, test: impl Fn(&str, u64) + Sync) {
    let seed = seed();
    std::thread::scope(|scope| {
        for number in 0..count {
            let test = &test;
            scope.spawn(move || test(&format!("{name}/{number}"), seed.wrapping_add(number)));
        }
    });
}

/// How often a run is killed.
const TIMES: u32 = 300;

#[test]
fn alone_kill_9_at_300_random_moments() {
    const AT_ONCE: u64 = 6;
    let killed = AtomicU32::new(0);
    at_once("alone_kill_9_at_300_random_moments", AT_ONCE, |name, seed| {
        let test = Test::new(name);
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let everybody = Who::all();
        for &who in &everybody {
            let (lab, tun) = lab(&test, who);
            let file = test.file("lab.toml", lab);
            let twinax = || {
                let twinax = test.twinax(who).arg("run").arg(&file);
                if who.is_another() { twinax.world(tun) } else { twinax }
            };
            let begun = Instant::now();
            twinax().done().exits(0);
            let whole = begun.elapsed();
            for time in 0..TIMES / everybody.len() as u32 / AT_ONCE as u32 {
                // A third of them early, while everything is being made.
                let latest = if time % 3 == 0 { whole / 5 } else { whole };
                let moment = latest.mul_f64(f64::from(random.next_u32()) / f64::from(u32::MAX));
                let mut running = twinax().start();
                if !running.ends_within(moment) {
                    running.signal(Signal::KILL);
                    killed.fetch_add(1, Ordering::Relaxed);
                }
                drop(running);
                test.await_end();
            }
        }
    });
    let killed = killed.into_inner();
    assert!(killed > TIMES * 2 / 3, "only {killed} killed before they had ended");
}

/// How often a run is killed while its namespaces are counted.
const COUNTED: u32 = 60;

/// The kernel counts the namespaces of each user namespace (`namespaces(7)`). One from which
/// something can still be reached is never taken off the count.
#[test]
fn alone_kill_9_leaves_no_namespace() {
    let test = Test::new("alone_kill_9_leaves_no_namespace");
    test.file("lab.toml", ENDLESS);
    let line = "exec unshare --user --map-root-user sh -c 'echo up; exec sleep 1000'";
    let mut counted = test.shell(Who::here(), line).start();
    counted.await_said("up");
    let enter = format!(
        "exec nsenter --user --preserve-credentials --target {} -- ",
        counted.pid().as_raw_pid()
    );
    let inside = |line: &str| test.shell(Who::here(), &format!("{enter}{line}"));
    let limit = |of: &str, most: u32| {
        inside(&format!("sh -c 'echo {most} > /proc/sys/user/max_{of}_namespaces'"))
            .done()
            .exits(0);
    };
    let mut random = Pcg64Mcg::seed_from_u64(seed());
    let begun = Instant::now();
    let mut running = inside("twinax run lab.toml").start();
    running.await_said("It has begun.");
    let latest = begun.elapsed() * 3 / 2;
    // What is running counts: there is no room for another one beside it.
    limit("net", 1);
    inside("unshare --net true").done().exits(1);
    limit("net", 10_000);
    drop(running);
    for _ in 0..COUNTED {
        let mut running = inside("twinax run lab.toml").start();
        running.ends_within(latest.mul_f64(f64::from(random.next_u32()) / f64::from(u32::MAX)));
        drop(running);
    }
    let deadline = Instant::now() + Duration::from_secs(60);
    for (of, option) in [("net", "--net"), ("mnt", "--mount"), ("pid", "--pid"), ("user", "--user")]
    {
        limit(of, 1);
        // The kernel takes them away a while after the last process has gone.
        while inside(&format!("unshare {option} true")).done().code != 0 {
            assert!(Instant::now() < deadline, "a namespace is left: {of}");
        }
        limit(of, 10_000);
    }
}

/// A lab whose only step goes on until somebody ends it.
const ENDLESS: &str = r#"
name = "endless"
[node.left]
run = [{ name = "server", cmd = "setsid sleep 1000 & exec sleep 1000" }]
[[step]]
about = "It has begun."
run = { at = "left", cmd = "true" }
[[step]]
run = { at = "left", cmd = "sleep 1000", timeout = "1000s" }
"#;

/// Starts a lab that goes on, and waits until it is at it.
fn endless(test: &Test, who: Who, options: &[&str]) -> Running {
    let lab = test.file("lab.toml", ENDLESS);
    let mut running = test.twinax(who).arg("run").args(options).arg(lab).start();
    running.await_said("It has begun.");
    // The two of its service, and the second step.
    let deadline = Instant::now() + Duration::from_secs(60);
    let sleeps = |process: &processes::Marked| process.command.starts_with("sleep");
    while processes::marked(test.mark()).into_iter().filter(sleeps).count() < 3 {
        assert!(Instant::now() < deadline, "the second step never began");
    }
    running
}

/// The first child of a process: of a run, the lab's holder.
pub fn child_of(parent: Pid) -> Pid {
    let of = |pid: i32| {
        // pid (name) state ppid …: the name may have anything in it.
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse::<i32>().ok()
    };
    // Field 22; in the same tick, by their numbers.
    let start = |pid: i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let ticks = stat.rsplit_once(')').and_then(|(_, after)| after.split_whitespace().nth(19));
        (ticks.and_then(|ticks| ticks.parse::<u64>().ok()), pid)
    };
    let pids = fs::read_dir("/proc").expect("/proc can be read").flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let children: Vec<i32> = pids.filter(|&pid| of(pid) == Some(parent.as_raw_pid())).collect();
    let first = children.into_iter().min_by_key(|&pid| start(pid));
    Pid::from_raw(first.expect("it has a child")).expect("a process ID")
}

#[test]
fn the_sandbox_itself_is_killed() {
    let test = Test::new("the_sandbox_itself_is_killed");
    for who in Who::all() {
        let running = endless(&test, who, &[]);
        kill_process(child_of(running.pid()), Signal::KILL).unwrap();
        let output = running.end().exits(4).says("BROKEN");
        output.complains("the sandbox was ended by signal 9");
        test.await_end();
    }
}

#[test]
fn signals_that_end_a_program() {
    let test = Test::new("signals_that_end_a_program");
    for who in Who::all() {
        for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT] {
            let running = endless(&test, who, &[]);
            running.signal(signal);
            running.end().exits(128 + signal.as_raw());
            test.await_end();
        }
    }
}

#[test]
fn control_c_reaches_the_whole_group() {
    let test = Test::new("control_c_reaches_the_whole_group");
    test.file("lab.toml", ENDLESS);
    // As at a terminal: a group of its own, to all of which the signal goes.
    let mut running = test.shell(Who::User, "exec setsid twinax run lab.toml").start();
    running.await_said("It has begun.");
    rustix::process::kill_process_group(running.pid(), Signal::INT).unwrap();
    running.end().exits(128 + Signal::INT.as_raw());
    test.await_end();
}

#[test]
fn without_a_user_namespace_too() {
    let test = Test::new("without_a_user_namespace_too");
    if !test.can_be(Who::Root) {
        return;
    }
    let running = endless(&test, Who::Root, &["--no-user-namespace"]);
    running.signal(Signal::KILL);
    running.end().exits(128 + 9);
    test.await_end();
}

#[test]
fn a_stopped_run_that_is_killed() {
    let test = Test::new("a_stopped_run_that_is_killed");
    for who in Who::all() {
        let running = endless(&test, who, &[]);
        let sandbox = child_of(running.pid());
        kill_process(sandbox, Signal::STOP).unwrap();
        running.signal(Signal::STOP);
        running.signal(Signal::KILL);
        running.end().exits(128 + 9);
        test.await_end();
    }
}

#[test]
fn what_a_test_leaves_behind_is_found() {
    let begun = Instant::now();
    let test = Test::new("what_a_test_leaves_behind_is_found");
    let process = test.shell(Who::here(), "exec sleep 1000").start();
    let found = processes::await_none(test.mark(), Duration::from_millis(50));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].pid, process.pid().as_raw_pid());
    assert!(begun.elapsed() < Duration::from_secs(60));
}
