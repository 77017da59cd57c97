//! What services of a lab that is up have written.

use std::fs;
use std::time::Duration;

use crate::kept::await_file;
use crate::support::{Test, Who};
use crate::up::listed;

/// A lab with these services in its node `n`, and one in `m`.
fn lab(services: &[String]) -> String {
    format!(
        "name = \"logged\"\n[node.n]\nrun = [\n{}\n]\n\
         [node.m]\nrun = [{{ name = \"other\", ready = \"exit\", cmd = \"echo of m\" }}]\n",
        services.join(",\n")
    )
}

fn service(name: &str, ready: &str, cmd: &str) -> String {
    format!("{{ name = \"{name}\", ready = \"{ready}\", cmd = '''{cmd}''' }}")
}

#[track_caller]
fn logs(test: &Test, who: Who, of: &str) -> String {
    test.twinax(who).args(["logs", of]).done().exits(0).stdout
}

#[test]
fn both_outputs_as_they_came() {
    let test = Test::new("both_outputs_as_they_came");
    let services = [
        service("one", "exit", "echo out; echo err >&2"),
        service("two", "exit", "printf 'no end'"),
        service("silent", "exit", "true"),
    ];
    for who in Who::all() {
        test.up(who, &lab(&services));
        let mut one: Vec<String> = logs(&test, who, "n/one").lines().map(str::to_owned).collect();
        one.sort();
        assert_eq!(one, ["err", "out"]);
        assert_eq!(logs(&test, who, "logged/n/two"), "no end");
        assert_eq!(logs(&test, who, "n/silent"), "");
        assert_eq!(logs(&test, who, "m"), "of m\n");
        assert_eq!(logs(&test, who, "logged/m"), "of m\n");
        let ambiguous = test.twinax(who).args(["logs", "n"]).done().exits(2);
        ambiguous.complains("`n/one`").complains("`n/two`");
        for of in ["n/three", "x", "x/n/one"] {
            test.twinax(who).args(["logs", of]).done().exits(2);
        }
        test.down(who);
    }
}

#[test]
fn they_are_bytes() {
    let test = Test::new("they_are_bytes");
    let services = [service("s", "exit", "printf '\\377\\000\\033[31m\\200'")];
    test.up(Who::here(), &lab(&services));
    let output = test.twinax(Who::here()).args(["logs", "n"]).done().exits(0);
    assert_eq!(output.bytes, b"\xff\0\x1b[31m\x80");
    test.down(Who::here());
}

#[test]
fn they_are_followed_until_the_lab_goes_down() {
    let test = Test::new("they_are_followed_until_the_lab_goes_down");
    for who in Who::all() {
        let fifo = test.path(&format!("fifo-{who:?}"));
        let fifo = fifo.display();
        let cmd = format!(
            "trap 'echo last; exit' TERM; echo first; rm -f {fifo}; mkfifo {fifo}; \
             echo up; while :; do read line < {fifo} && echo \"$line\"; done"
        );
        test.up(who, &lab(&[service("s", "line:up", &cmd)]));
        let mut running = test.twinax(who).args(["logs", "-f", "n"]).start();
        running.await_said("first\nup\n");
        for word in ["second", "third"] {
            test.exec(who, "n", &format!("echo {word} > {fifo}")).done().exits(0);
            running.await_said(&format!("{word}\n"));
        }
        test.twinax(who).arg("down").done().exits(0);
        let output = running.end().exits(0);
        assert!(output.stdout.starts_with("first\nup\nsecond\nthird\n"), "{}", output.stdout);
    }
}

/// A log has two files of 512 KiB, and what is in a pipe.
const AT_MOST: usize = 1024 * 1024 + 128 * 1024;

#[test]
fn what_is_kept_is_bounded() {
    let test = Test::new("what_is_kept_is_bounded");
    for who in Who::all() {
        let done = test.path(&format!("done-{who:?}"));
        let cmd = format!(
            "yes 'a line of the flood' | head -c 100000000; echo; echo the last line; \
             echo done > {}; exec sleep 1000",
            done.display()
        );
        test.up(who, &lab(&[service("s", "line:flood", &cmd)]));
        let holder = listed(&test, who)[0]["holder"].as_i64().expect("a process ID");
        await_file(&done, |text| text == "done\n");
        let log = logs(&test, who, "n");
        assert!(log.ends_with("\nthe last line\n"), "{:?}", &log[log.len().saturating_sub(100)..]);
        assert!((512 * 1024..AT_MOST).contains(&log.len()), "{} bytes", log.len());
        let status = fs::read_to_string(format!("/proc/{holder}/status")).expect("it runs");
        let line =
            status.lines().find(|line| line.starts_with("VmHWM:")).expect("proc_pid_status(5)");
        let most: u64 = line.split_whitespace().nth(1).expect("a number").parse().expect("kB");
        assert!(most < 64 * 1024, "the holder had {most} kB");
        test.down(who);
    }
}

/// One who follows a flood sees its end, and ends.
#[test]
fn a_flood_is_followed() {
    let test = Test::new("a_flood_is_followed");
    let who = Who::here();
    let go = test.path("go");
    let cmd = format!(
        "echo up; until [ -e {} ]; do sleep 0.01; done; \
         yes 'a line of the flood' | head -c 20000000; echo; echo the last line; exec sleep 1000",
        go.display()
    );
    test.up(who, &lab(&[service("s", "line:up", &cmd)]));
    let follow = test.twinax(who).args(["logs", "--follow", "n"]);
    let mut running = follow.within(Duration::from_secs(100)).start();
    running.await_said("up\n");
    test.file("go", "");
    running.await_said("the last line\n");
    test.down(who);
    running.end().exits(0);
}
