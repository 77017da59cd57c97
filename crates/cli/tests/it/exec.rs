//! A command in a node of a running lab: what goes through to it and what comes back.

use std::fs;

use rustix::process::Signal;

use crate::support::{Program, Running, Test, Who, user};

/// Two nodes on a cable.
const LAB: &str = r#"
name = "entered"
[node.left]
[node.right]
[[link]]
a = { at = "left:e0", ip = "192.0.2.1/24" }
b = { at = "right:far0", ip = "192.0.2.2/24" }
"#;

/// Does this in a running lab of everybody who can have one here.
fn everybody(name: &str, inside: impl Fn(&Test, Who)) {
    let test = Test::new(name);
    for who in Who::everybody().into_iter().filter(|who| test.can_be(*who)) {
        test.up(who, LAB);
        inside(&test, who);
        test.down(who);
    }
}

/// What a command in the node `left` writes.
#[track_caller]
fn sees(test: &Test, who: Who, line: &str, expected: &str) {
    assert_eq!(test.exec(who, "left", line).done().exits(0).stdout, expected, "{line} as {who:?}");
}

#[test]
fn exit_codes_come_back() {
    everybody("exit_codes_come_back", |test, who| {
        for (line, code) in [("exit 0", 0), ("exit 7", 7), ("exit 255", 255), ("exit 2", 2)] {
            test.exec(who, "left", line).done().exits(code);
        }
        for signal in [Signal::TERM, Signal::KILL, Signal::SEGV, Signal::INT] {
            let number = signal.as_raw();
            test.exec(who, "left", &format!("kill -{number} $$")).done().exits(128 + number);
        }
        let exec =
            |words: &[&str]| test.twinax(who).args(["exec", "left", "--"]).args(words).done();
        exec(&["no-such-program"]).exits(127).complains("no-such-program");
        exec(&["/no/such/program"]).exits(127).complains("/no/such/program");
        exec(&["/etc/passwd"]).exits(126).complains("/etc/passwd");
        exec(&["true"]).exits(0);
    });
}

#[test]
fn words_arrive_as_they_are() {
    everybody("words_arrive_as_they_are", |test, who| {
        let words = ["it's \"one\"", "two\nlines", "$HOME", "a  b", "", "é", "--", "-x", "--help"];
        let exec = test.twinax(who).args(["exec", "left", "--", "printf", "<%s>"]).args(words);
        let expected: String = words.iter().map(|word| format!("<{word}>")).collect();
        assert_eq!(exec.done().exits(0).stdout, expected);
    });
}

/// Every byte there is, so many that no pipe holds them.
fn bytes() -> Vec<u8> {
    (0..1_000_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

#[test]
fn bytes_go_through_as_they_are() {
    everybody("bytes_go_through_as_they_are", |test, who| {
        let cat = || test.twinax(who).args(["exec", "left", "--", "cat"]);
        let output = cat().stdin(bytes()).done().exits(0);
        assert!(output.bytes == bytes(), "{} bytes came back", output.bytes.len());
        assert_eq!(cat().done().exits(0).stdout, "");
        let output = test.exec(who, "left", "echo out; echo err >&2").done().exits(0);
        assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("out\n", "err\n"));
        // Through a pipe, from a program that outlives it and to one that goes before.
        let line = "yes | twinax exec left -- head -n 1; \
             twinax exec left -- yes 2> /dev/null | head -n 1";
        assert_eq!(test.shell(who, line).done().exits(0).stdout, "y\ny\n");
    });
}

#[test]
fn what_is_seen_is_the_node() {
    everybody("what_is_seen_is_the_node", |test, who| {
        sees(test, who, "ls /sys/class/net", "e0\nlo\n");
        sees(test, who, "cut -s -d: -f1 /proc/net/dev | tr -d ' ' | sort", "e0\nlo\n");
        sees(test, who, "ip netns list | cut -d ' ' -f 1 | sort", "left\nright\n");
        sees(test, who, "ip netns identify $$", "left\n");
        sees(test, who, "ip netns exec right ls /sys/class/net", "far0\nlo\n");
        sees(test, who, "grep -v localhost /etc/hosts", "192.0.2.1 left\n192.0.2.2 right\n");
        sees(test, who, "getent ahostsv4 right | cut -d ' ' -f 1 | sort -u", "192.0.2.2\n");
        sees(test, who, "id -u; id -g", "0\n0\n");
        test.exec(who, "left", "ping -c 1 -W 5 right").done().exits(0);
    });
}

#[test]
fn what_one_command_makes_another_one_sees() {
    everybody("what_one_command_makes_another_one_sees", |test, who| {
        test.exec(who, "left", "ip link add v0 type veth peer v1 netns right").done().exits(0);
        sees(test, who, "ls /sys/class/net", "e0\nlo\nv0\n");
        let output = test.exec(who, "right", "ls /sys/class/net").done().exits(0);
        assert_eq!(output.stdout, "far0\nlo\nv1\n");
        test.exec(who, "left", "echo mine > /run/mine").done().exits(0);
        let output = test.exec(who, "right", "cat /run/mine").done().exits(0);
        assert_eq!(output.stdout, "mine\n");
        // As under `ip netns exec`: a mount that a command makes is its own, and a name without it
        // is no node.
        test.exec(who, "left", "ip netns add own && ip -n own link").done().exits(0);
        test.exec(who, "own", "true").done().exits(2).complains("no node `own`");
        // What it has left running goes on, and ends with the lab.
        test.exec(who, "left", "setsid sleep 1000 > /dev/null 2>&1 &").done().exits(0);
        sees(test, who, "ip netns pids left | xargs -n1 ps -o comm= -p | grep -c sleep", "1\n");
    });
}

#[test]
fn what_etc_netns_has_for_its_node() {
    let test = Test::new("exec::what_etc_netns_has_for_its_node");
    if !test.can_have_a_world() {
        return;
    }
    let world = [
        user::OWN_ETC,
        "mkdir -p /etc/netns/left; echo machine > /etc/netns-test",
        "echo left > /etc/netns/left/netns-test",
    ];
    for who in Who::all() {
        let there =
            |program: Program<'_>| world.iter().fold(program, |p, line| p.world(line)).done();
        there(test.twinax(who).arg("up").arg(test.file("lab.toml", LAB))).exits(0);
        for (node, expected) in [("left", "left\n"), ("right", "machine\n")] {
            // What is seen is that of the lab: the machine of whoever enters it has no such file.
            let output = test.exec(who, node, "cat /etc/netns-test").done().exits(0);
            assert_eq!(output.stdout, expected);
        }
        test.down(who);
    }
}

#[test]
fn its_directory_is_where_one_is() {
    everybody("its_directory_is_where_one_is", |test, who| {
        let folder = test.path(&format!("folder-of-{who:?}"));
        let line = format!(
            "mkdir {0} && cd {0} && twinax exec left -- sh -c 'pwd; touch here' && ls; \
             cd / && twinax exec left -- pwd",
            folder.display()
        );
        let output = test.shell(who, &line).done().exits(0);
        assert_eq!(output.stdout, format!("{}\nhere\n/\n", folder.display()));
    });
}

#[test]
fn its_environment_is_ones_own() {
    everybody("its_environment_is_ones_own", |test, who| {
        let exec = test.exec(who, "left", "echo \"<$OWN> $HOME\"").env("OWN", "a b\nc");
        let output = exec.done().exits(0);
        assert_eq!(output.stdout, format!("<a b\nc> {}\n", test.folder().display()));
    });
}

/// Starts a line for the shell in the node `left`, which says so when it has begun.
fn begun(test: &Test, who: Who, line: &str) -> Running {
    let mut running = test.exec(who, "left", line).start();
    running.await_said("begun");
    running
}

#[test]
fn signals_are_passed_on() {
    everybody("signals_are_passed_on", |test, who| {
        for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT, Signal::USR1] {
            let running = begun(test, who, "echo begun; exec sleep 1000");
            running.signal(signal);
            running.end().exits(128 + signal.as_raw());
        }
        // One that takes them its own way is not ended by them.
        let line = "trap 'echo told; exit 5' TERM; echo begun; while :; do sleep 0.05; done";
        let running = begun(test, who, line);
        running.signal(Signal::TERM);
        running.end().exits(5).says("told");
    });
}

/// Its own processes in the node, by what they are called.
#[track_caller]
fn await_gone(test: &Test, who: Who) {
    let line = "while ip netns pids left | xargs -r -n1 ps -o comm= -p | grep -q sleep; do :; done";
    test.exec(who, "left", line).done().exits(0);
}

#[test]
fn it_ends_when_twinax_is_killed() {
    everybody("it_ends_when_twinax_is_killed", |test, who| {
        let running = begun(test, who, "echo begun; exec sleep 1000");
        running.signal(Signal::KILL);
        running.end().exits(128 + 9);
        await_gone(test, who);
    });
}

#[test]
fn it_stops_and_goes_on_with_twinax() {
    everybody("it_stops_and_goes_on_with_twinax", |test, who| {
        let line = "echo begun; kill -STOP $$; echo went on; exit 3";
        let running = begun(test, who, line);
        let stat = || {
            let stat = fs::read_to_string(format!("/proc/{}/stat", running.pid())).unwrap();
            stat.rsplit_once(") ").expect("proc_pid_stat(5)").1.chars().next().expect("a state")
        };
        // Whoever waits for twinax is told that it has stopped.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while stat() != 'T' {
            assert!(std::time::Instant::now() < deadline, "state {}", stat());
            std::thread::yield_now();
        }
        running.signal(Signal::CONT);
        running.end().exits(3).says("went on");
    });
}

#[test]
fn it_ends_when_the_lab_goes_down() {
    everybody("it_ends_when_the_lab_goes_down", |test, who| {
        let running = begun(test, who, "echo begun; trap : TERM; sleep 1000");
        test.twinax(who).arg("down").done().exits(0);
        running.end().exits(128 + 9);
        test.up(who, LAB);
    });
}

#[test]
fn many_at_once() {
    everybody("many_at_once", |test, who| {
        let all: Vec<Running> = (0..20)
            .map(|number| test.exec(who, "left", &format!("exit {number}")).start())
            .collect();
        for (number, running) in (0..).zip(all) {
            running.end().exits(number);
        }
    });
}
