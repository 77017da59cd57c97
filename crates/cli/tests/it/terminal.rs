//! A command in a node at a terminal.

use rustix::process::Signal;

use crate::support::{Running, Test, Who};

const LAB: &str = "name = \"seen\"\n[node.n]\n";

/// Starts this line in the node, at a terminal of 33 rows and 111 columns.
fn at_terminal(test: &Test, who: Who, line: &str) -> Running {
    test.exec(who, "n", line).terminal(33, 111).start()
}

fn everybody(name: &str, inside: impl Fn(&Test, Who)) {
    let test = Test::new(name);
    for who in Who::everybody().into_iter().filter(|who| test.can_be(*who)) {
        test.up(who, LAB);
        inside(&test, who);
        test.down(who);
    }
}

#[test]
fn it_is_there_with_its_size() {
    everybody("it_is_there_with_its_size", |test, who| {
        let line = "test -t 0 && test -t 1 && test -t 2 && stty size && stty size < /dev/tty";
        at_terminal(test, who, line).end().exits(0).says("33 111\r\n33 111\r\n");
    });
}

#[test]
fn it_changes_its_size() {
    everybody("it_changes_its_size", |test, who| {
        let line = "trap 'stty size; exit 0' WINCH; echo begun; while :; do sleep 0.05; done";
        let mut running = at_terminal(test, who, line);
        running.await_said("begun");
        running.resize(44, 222);
        running.end().exits(0).says("44 222\r\n");
    });
}

#[test]
fn keys_that_mean_a_signal() {
    everybody("keys_that_mean_a_signal", |test, who| {
        for (key, signal) in [("\x03", Signal::INT), ("\x1c", Signal::QUIT)] {
            let mut running = at_terminal(test, who, "ulimit -c 0; echo begun; exec sleep 1000");
            running.await_said("begun");
            running.press(key);
            running.end().exits(128 + signal.as_raw());
        }
        // Once, and not once more by twinax.
        let line = "n=0; trap 'n=$((n+1))' INT; echo begun; until read word; do :; done; echo \"$word $n\"";
        let mut running = at_terminal(test, who, line);
        running.await_said("begun");
        running.press("\x03");
        running.await_said("^C");
        running.press("go\r");
        running.end().exits(0).says("go 1");
    });
}

#[test]
fn what_is_typed_arrives() {
    everybody("what_is_typed_arrives", |test, who| {
        let mut running = at_terminal(test, who, "echo begun; read word; echo \"it was $word\"");
        running.await_said("begun");
        running.press("this\r");
        running.end().exits(0).says("it was this");
        let mut running = at_terminal(test, who, "echo begun; cat; echo over");
        running.await_said("begun");
        running.press("line\r\x04");
        running.end().exits(0).says("over");
    });
}

/// One who hangs up ends what he has started.
#[test]
fn it_hangs_up() {
    everybody("it_hangs_up", |test, who| {
        let mut running = at_terminal(test, who, "echo begun; exec sleep 1000");
        running.await_said("begun");
        running.hang_up();
        running.end().exits(128 + Signal::HUP.as_raw());
    });
}

#[test]
fn an_interactive_shell_has_jobs() {
    everybody("an_interactive_shell_has_jobs", |test, who| {
        let exec = test.twinax(who).args(["exec", "n", "--", "bash", "--norc", "-i"]);
        let mut running = exec.env("PS1", "ready> ").terminal(33, 111).start();
        running.await_said("ready> ");
        assert!(!running.said().contains("no job control"), "{}", running.said());
        // What is typed is not what is then written.
        running.press("sh -c 'echo be\"\"gun; exec sleep 1000'\r");
        running.await_said("begun");
        // One that is ended by a key does not end the shell.
        running.press("\x03");
        running.await_said("^C");
        running.press("echo still $((1 + 1)) here\r");
        running.await_said("still 2 here");
        running.press("exit 9\r");
        running.end().exits(9);
    });
}
