//! Labs that stay: brought up, listed, taken down.

use std::fs;

use serde_json::Value;

use crate::support::{Test, Who};

/// Two nodes on a cable, and a port that answers.
const LAB: &str = r#"
name = "stays"
[node.left]
listen = [{ tcp = 8080, say = "left" }]
[node.right]
[[link]]
a = { at = "left:e0", ip = "192.0.2.1/24" }
b = { at = "right:e0", ip = "192.0.2.2/24" }
"#;

/// What `ls --json` has.
#[track_caller]
pub fn listed(test: &Test, who: Who) -> Vec<Value> {
    let output = test.twinax(who).args(["ls", "--json"]).done().exits(0);
    serde_json::from_str(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", output.stdout))
}

#[test]
fn up_and_down() {
    let test = Test::new("up_and_down");
    for who in Who::everybody().into_iter().filter(|who| test.can_be(*who)) {
        assert_eq!(listed(&test, who), Vec::<Value>::new());
        let output = test.up(who, LAB);
        assert_eq!(output.stdout, "");
        output.complains("stays is up").complains("2 nodes");
        let labs = listed(&test, who);
        assert_eq!(labs.len(), 1);
        assert_eq!((&labs[0]["lab"], &labs[0]["nodes"]), (&"stays".into(), &2.into()));
        assert!(test.labs(who).join("stays/holder").exists());
        let holder = labs[0]["holder"].as_i64().expect("a process ID");
        let comm = fs::read(format!("/proc/{holder}/cmdline")).expect("it runs");
        assert_eq!(String::from_utf8_lossy(&comm), "twinax\0hold\0stays\0");
        test.twinax(who).arg("ls").done().exits(0).says("stays");
        test.exec(who, "left", "ping -c1 -W5 right").done().exits(0);
        let output = test.twinax(who).arg("down").done().exits(0);
        assert_eq!(output.stdout, "");
        output.complains("stays is down");
        assert!(test.has_no_lab(who));
    }
}

#[test]
fn the_only_process_that_a_lab_without_services_has() {
    let test = Test::new("the_only_process_that_a_lab_without_services_has");
    for who in Who::all() {
        test.up(who, LAB);
        let there = crate::support::processes::marked(test.mark());
        let commands: Vec<&str> = there.iter().map(|process| process.command.trim()).collect();
        assert_eq!(commands, ["twinax hold stays"]);
        test.down(who);
    }
}

#[test]
fn a_port_answers_while_the_lab_is_up() {
    let test = Test::new("a_port_answers_while_the_lab_is_up");
    for who in Who::all() {
        test.up(who, LAB);
        for _ in 0..2 {
            let line = "exec bash -c 'exec 3<>/dev/tcp/left/8080; cat <&3'";
            assert_eq!(test.exec(who, "right", line).done().exits(0).stdout, "left");
        }
        test.down(who);
    }
}

/// The holder is to have nothing of the terminal, the pipes and the files of whoever started it: a
/// shell's `$(…)` returns when nobody holds the pipe any more.
#[test]
fn nobody_waits_for_a_holder() {
    let test = Test::new("nobody_waits_for_a_holder");
    let lab = LAB.replace(
        "[node.right]",
        "[node.right]\nrun = [{ name = \"s\", cmd = \"exec sleep 1000\" }]",
    );
    for who in Who::everybody().into_iter().filter(|who| test.can_be(*who)) {
        test.file("lab.toml", &lab);
        let line = "said=$(twinax up lab.toml 2>&1 9>&1); echo \"<$said>\"";
        test.shell(who, line).done().exits(0).says("<stays is up");
        // None of what was open is open in it.
        let holder = listed(&test, who)[0]["holder"].as_i64().expect("a process ID");
        let open = fs::read_dir(format!("/proc/{holder}/fd")).expect("root may look, and the user");
        for fd in open.flatten() {
            let to = fs::read_link(fd.path()).expect("an open file");
            assert!(!to.starts_with(test.folder()), "{} is open", to.display());
        }
        test.down(who);
    }
}

#[test]
fn a_name_that_is_taken() {
    let test = Test::new("a_name_that_is_taken");
    for who in Who::all() {
        test.up(who, LAB);
        let holder =
            || listed(&test, who).iter().map(|lab| lab["holder"].clone()).collect::<Vec<_>>();
        let before = holder();
        let output = test.twinax(who).args(["up", "lab.toml"]).done().exits(2);
        assert_eq!(output.stdout, "");
        output.complains("`stays` is running already");
        assert_eq!(holder(), before);
        // Under another name it is another lab.
        test.twinax(who).args(["up", "lab.toml", "--name", "other"]).done().exits(0);
        let names: Vec<Value> = listed(&test, who).iter().map(|lab| lab["lab"].clone()).collect();
        assert_eq!(names, ["other", "stays"]);
        test.twinax(who).args(["down", "--all"]).done().exits(0);
        assert!(test.has_no_lab(who));
    }
}

#[test]
fn names_that_are_none() {
    let test = Test::new("names_that_are_none");
    test.file("lab.toml", LAB);
    for name in ["../evil", "..", ".", "", "a/b", "-x y", "a\nb"] {
        let name = format!("--name={name}");
        test.twinax(Who::User).args(["up", "lab.toml", &name]).done().exits(2);
        test.twinax(Who::User).args(["down", "--", &name]).done().exits(2);
        test.twinax(Who::User).args(["exec", &format!("{name}/a"), "--", "true"]).done().exits(2);
    }
    assert!(test.has_no_lab(Who::User));
}

#[test]
fn labs_that_are_not_there() {
    let test = Test::new("labs_that_are_not_there");
    for who in Who::all() {
        for args in [&["down"][..], &["exec", "a", "--", "true"], &["logs", "a"]] {
            test.twinax(who).args(args).done().exits(2).complains("no lab is running");
        }
        let named =
            [&["down", "stay"][..], &["exec", "stay/a", "--", "true"], &["logs", "stay/a/s"]];
        for args in named {
            test.twinax(who).args(args).done().exits(2).complains("no lab `stay` is running");
        }
        test.up(who, LAB);
        for args in named {
            // With the one that there is.
            test.twinax(who).args(args).done().exits(2).complains("`stays`");
        }
        let output = test.twinax(who).args(["exec", "nobody", "--", "true"]).done().exits(2);
        output.complains("no node `nobody`");
        test.down(who);
        test.twinax(who).args(["down", "--all"]).done().exits(0);
    }
}

/// What it has made before it fails is gone again, and nothing is registered.
#[test]
fn a_lab_that_can_not_be_built() {
    let test = Test::new("a_lab_that_can_not_be_built");
    let ends = LAB.replace(
        "[node.right]",
        "[node.right]\nrun = [{ name = \"s\", ready = \"line:up\", cmd = \"echo no; exit 3\" }]",
    );
    for who in Who::all() {
        let output = test.twinax(who).arg("up").arg(test.file("lab.toml", &ends)).done().exits(4);
        output.complains("ended with exit code 3 before it was ready");
        assert!(test.has_no_lab(who));
    }
}

#[test]
fn without_a_user_namespace_of_its_own() {
    let test = Test::new("without_a_user_namespace_of_its_own");
    if !test.can_be(Who::Root) {
        return;
    }
    test.file("lab.toml", LAB);
    test.twinax(Who::Root).args(["up", "--no-user-namespace", "lab.toml"]).done().exits(0);
    let own = fs::read_link("/proc/self/ns/user").expect("our own");
    let line = "readlink /proc/self/ns/user; ping -c1 -W5 right > /dev/null";
    let output = test.exec(Who::Root, "left", line).done().exits(0);
    assert_eq!(output.stdout.trim(), own.display().to_string());
    test.down(Who::Root);
}

/// Names that the machine's own `ip netns` knows.
#[test]
fn nodes_that_the_machine_knows_by_name() {
    let test = Test::new("nodes_that_the_machine_knows_by_name");
    if !test.can_be(Who::Root) {
        return;
    }
    test.file("lab.toml", LAB);
    let line = r#"
twinax up --export lab.toml
ls /run/netns
ip netns exec stays.left ip -br -4 address show dev e0 | grep -o 192.0.2.1/24
twinax down
! ls /run/netns
twinax up --export lab.toml
# Where the lab has died, the next command takes the names away.
holder=$(sed 's|.*"pid":\([0-9]*\).*|\1|' "$TWINAX_RUNTIME_DIR/stays/holder")
kill -9 $holder
while kill -0 $holder; do :; done
ls /run/netns
twinax ls
! ls /run/netns
"#;
    // Where nobody else looks for names meanwhile.
    let world = "mount -t tmpfs -o mode=755 run /run";
    let output = test.shell(Who::Root, &format!("set -e; {line}")).world(world).done().exits(0);
    let names = "stays.left\nstays.right\n";
    assert_eq!(output.stdout, format!("{names}192.0.2.1/24\n{names}"));
    let output = test.twinax(Who::User).args(["up", "--export", "lab.toml"]).done().exits(2);
    output.complains("only root");
}
