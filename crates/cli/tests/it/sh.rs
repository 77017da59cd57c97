//! `twinax sh`: shell scripts that know of no sandbox.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use rustix::process::Signal;

use crate::support::user::{is_root, is_there};
use crate::support::{Output, Program, Test, Who};

/// As root and as users: all that can be here.
fn everybody(name: &str, inside: impl Fn(&Test, Who)) {
    let test = Test::new(name);
    if !is_there("ip") {
        return test.skip("there is no `ip`");
    }
    for who in Who::everybody().into_iter().filter(|who| test.can_be(*who)) {
        inside(&test, who);
    }
}

fn sh<'t>(test: &'t Test, who: Who, words: &[&str]) -> Program<'t> {
    test.twinax(who).arg("sh").args(words)
}

/// Runs this script, which has no bit that says that it can be executed.
fn script(test: &Test, who: Who, text: &str) -> Output {
    let script = test.file("script", text);
    fs::set_permissions(&script, PermissionsExt::from_mode(0o644)).expect("our own file");
    test.twinax(who).arg("sh").arg(script).done()
}

/// Two nodes and a cable, all of it by hand.
const PAIR: &str = "#!/bin/sh -e
ip netns add left
ip netns add right
ip link add veth3 type veth peer name veth4
ip link set veth3 netns left
ip link set veth4 netns right
ip -n left address add 10.0.0.1/24 dev veth3
ip -n right address add 10.0.0.2/24 dev veth4
ip -n left link set lo up
ip -n left link set veth3 up
ip -n right link set veth4 up
ip netns exec left sysctl -qw net.ipv4.ip_forward=1
";

#[test]
fn every_subcommand_of_ip_netns() {
    everybody("every_subcommand_of_ip_netns", |test, who| {
        let text = "#!/bin/bash -e
            stdbuf -oL ip netns monitor > log & monitor=$!
            until grep -qs ^inotify /proc/$monitor/fdinfo/*; do sleep 0.01; done
            ip netns add one
            ip netns set one 7
            ip netns list | grep -qx 'one (id: 7)'
            ip netns exec one sh -c 'echo ready; exec sleep 1000' | (read ready; echo $ready) &
            until [ \"$(ip netns pids one | wc -l)\" = 1 ]; do sleep 0.01; done
            pid=$(ip netns pids one)
            [ \"$(ip netns identify $pid)\" = one ]
            [ -z \"$(ip netns identify $$)\" ]
            unshare --net sleep 1000 & other=$!
            until [ \"$(readlink /proc/$other/ns/net)\" != \"$(readlink /proc/$$/ns/net)\" ]; do
                sleep 0.01
            done
            ip netns attach two $other
            [ \"$(ip netns pids two)\" = $other ]
            [ \"$(ls /run/netns /var/run/netns | sort -u | xargs)\" = '/run/netns: /var/run/netns: one two' ]
            ip -all netns exec true | grep -c netns: | grep -qx 2
            ip netns del one
            ip netns del two
            [ -z \"$(ip netns list)\" ]
            until [ \"$(wc -l < log)\" = 4 ]; do sleep 0.01; done
            xargs < log";
        test.path("log");
        script(test, who, text).exits(0).says("add one add two delete one delete two\n");
        fs::remove_file(test.path("log")).expect("the script has written it");
    });
}

#[test]
fn arguments_and_exit_codes() {
    everybody("arguments_and_exit_codes", |test, who| {
        let file = test.file("script", "#!/bin/sh\nprintf '<%s>' \"$@\"\nexit 17");
        let words = [file.to_str().expect("a path of ours"), "a b", "--keep", "-c"];
        let output = sh(test, who, &words).done().exits(17);
        assert_eq!(output.stdout, "<a b><--keep><-c>");
        let output = sh(test, who, &["-c", "printf '<%s>' \"$0\" \"$@\"", "name", "a b"]).done();
        assert_eq!(output.exits(0).stdout, "<name><a b>");
        sh(test, who, &["-c", "kill -TERM $$"]).done().exits(128 + 15);
        sh(test, who, &["-c", "nosuchprogram"]).done().exits(127);
    });
}

#[test]
fn the_first_line_says_what_runs_it() {
    everybody("the_first_line_says_what_runs_it", |test, who| {
        script(test, who, "echo \"$0\"").exits(0).says("/script\n");
        // Each ends at `false`, and has what POSIX's shell has not.
        script(test, who, "#!/bin/bash -e\n[[ a ]]; echo yes; false; echo no")
            .exits(1)
            .says("yes\n");
        let output = script(test, who, "#! /usr/bin/env bash\n[[ a ]] && echo yes").exits(0);
        assert_eq!(output.stdout, "yes\n");
        // What is no script is executed.
        let output = sh(test, who, &["/bin/echo", "hello"]).done().exits(0);
        assert_eq!(output.stdout, "hello\n");
        sh(test, who, &["nosuch"]).done().exits(2).complains("nosuch");
    });
}

#[test]
fn standard_input() {
    everybody("standard_input", |test, who| {
        let line = "ip netns add n; ip netns exec n cat";
        let output = sh(test, who, &["-c", line]).stdin("some\ntext").done().exits(0);
        assert_eq!(output.stdout, "some\ntext");
    });
}

#[test]
fn as_on_a_machine_that_has_just_been_started() {
    everybody("as_on_a_machine_that_has_just_been_started", |test, who| {
        let text = "#!/bin/sh -e
            [ $(id -u) = 0 ]
            ls /sys/class/net | xargs
            ip link add br0 type bridge
            [ -e /sys/class/net/br0/bridge ]
            ping -c 1 -W 5 127.0.0.1 > /dev/null
            sysctl -qw net.ipv4.ip_forward=1
            echo 0 > /proc/sys/net/ipv4/ip_forward
            ip netns list";
        // Users often have no folder for programs of root.
        let file = test.file("script", text);
        let output = test.twinax(who).env("PATH", "/usr/bin:/bin").arg("sh").arg(file).done();
        assert_eq!(output.exits(0).stdout, "lo\n");
    });
}

#[test]
fn names_and_files_that_a_script_changes_are_its_own() {
    everybody("names_and_files_that_a_script_changes_are_its_own", |test, who| {
        // In a user namespace of its own, /etc is the sandbox's where the kernel has overlayfs.
        let overlayfs = fs::read_to_string("/proc/filesystems").expect("/proc is there");
        if !overlayfs.contains("overlay") {
            return test.skip("the kernel has no overlayfs");
        }
        let text = "#!/bin/sh -e
            ip netns add n
            mkdir -p /etc/netns/n /etc/new
            echo 192.0.2.7 node-of-n > /etc/netns/n/hosts
            ip netns exec n cat /etc/hosts
            echo 192.0.2.8 somebody >> /etc/hosts
            echo '200 mine' >> /etc/iproute2/rt_tables
            ip route add 192.0.2.0/24 dev lo table mine
            ip route show table 200
            hostname somewhere-else
            hostname";
        let hosts = fs::read("/etc/hosts").ok();
        let there = fs::metadata("/etc/iproute2/rt_tables").is_ok();
        if !there {
            return test.skip("there is no /etc/iproute2/rt_tables");
        }
        let output = script(test, who, text).exits(0);
        let expected = "192.0.2.7 node-of-n\n192.0.2.0/24 scope link \nsomewhere-else\n";
        assert_eq!(output.stdout.replace(" dev lo", ""), expected);
        assert_eq!(fs::read("/etc/hosts").ok(), hosts);
        assert!(!fs::exists("/etc/new").expect("/etc can be read"));
        assert_ne!(rustix::system::uname().nodename().to_bytes(), b"somewhere-else");
    });
}

#[test]
fn programs_that_become_another_user() {
    everybody("programs_that_become_another_user", |test, who| {
        let text = "#!/bin/sh -e
            sudo true
            sudo -u nobody NAME=value sh -c '[ \"$NAME\" = value ]'
            sudo -n -- ip netns add n
            touch file
            chown nobody file
            setpriv --reuid 65534 --regid 65534 --clear-groups -- id -u
            rm file";
        // Real root has the machine's sudo, if any.
        if who == Who::Root && !is_there("sudo") {
            return test.skip("there is no `sudo`");
        }
        let output = script(test, who, text).exits(0);
        // Where nobody else is there, what is said to be done is not.
        let expected = if who == Who::User { "0\n" } else { "65534\n" };
        assert_eq!(output.stdout, expected);
        test.path("file");
    });
}

#[test]
fn what_runs_in_the_background_ends_with_the_script() {
    everybody("what_runs_in_the_background_ends_with_the_script", |test, who| {
        let line = "ip netns add n; ip netns exec n sleep 1000 & setsid sleep 1000 & exit 3";
        sh(test, who, &["-c", line]).done().exits(3);
        test.await_end();
    });
}

#[test]
fn signals_reach_the_script() {
    everybody("signals_reach_the_script", |test, who| {
        for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
            let file = test.file(
                "script",
                "#!/bin/bash
                trap 'ip netns del n; echo cleaned; exit 9' INT TERM HUP
                ip netns add n
                echo ready
                while :; do sleep 0.01; done",
            );
            let mut running = test.twinax(who).arg("sh").arg(file).start();
            running.await_said("ready");
            running.signal(signal);
            running.end().exits(9).says("cleaned\n");
            test.await_end();
        }
        // One that does not listen is gone all the same.
        let mut running = sh(test, who, &["-c", "trap '' TERM; echo ready; sleep 1000; :"]).start();
        running.await_said("ready");
        running.signal(Signal::KILL);
        running.end().exits(128 + 9);
        test.await_end();
    });
}

#[test]
fn control_c_at_a_terminal() {
    everybody("control_c_at_a_terminal", |test, who| {
        let line = "trap 'echo cleaned; exit 9' INT; sleep 1000 & echo ready; wait";
        let mut running = sh(test, who, &["-c", line]).terminal(24, 80).start();
        running.await_said("ready");
        running.press("\x03");
        running.end().exits(9).says("cleaned");
    });
}

#[test]
fn what_is_kept_is_a_lab() {
    everybody("what_is_kept_is_a_lab", |test, who| {
        let file = test.file("script", format!("{PAIR}\nip netns exec left sleep 1000 &\nexit 5"));
        let path = file.to_str().expect("a path of ours");
        sh(test, who, &["--keep", "made", path]).done().exits(5);
        let twinax = |words: &[&str]| test.twinax(who).args(words).done();
        twinax(&["ls"]).exits(0).says("made");
        twinax(&["show", "made/right"]).exits(0).says("10.0.0.2/24");
        twinax(&["exec", "made/left", "--", "ping", "-c", "1", "-W", "5", "10.0.0.2"]).exits(0);
        twinax(&["exec", "made/left", "--", "pgrep", "-f", "^sleep 1000"]).exits(0);
        sh(test, who, &["--keep", "made", "-c", "echo no"]).done().exits(2).complains("made");

        // What is saved makes the same; and of what is there, it has nothing to say.
        let saved = twinax(&["save", "made"]).exits(0).stdout;
        let saved_file = test.file("saved.toml", &saved);
        let saved_path = saved_file.to_str().expect("a path of ours");
        twinax(&["apply", saved_path]).exits(0);
        twinax(&["exec", "made/left", "--", "pgrep", "-f", "^sleep 1000"]).exits(0);
        twinax(&["down", "made"]).exits(0);
        test.await_end();
        twinax(&["up", saved_path]).exits(0);
        twinax(&["exec", "made/left", "--", "ping", "-c", "1", "-W", "5", "10.0.0.2"]).exits(0);
        let again = twinax(&["save", "made"]).exits(0).stdout;
        assert_eq!(saved, again);
        twinax(&["down", "made"]).exits(0);
        assert!(test.has_no_lab(who));
    });
}

#[test]
fn a_lab_of_a_script_is_changed_by_apply() {
    everybody("a_lab_of_a_script_is_changed_by_apply", |test, who| {
        let file = test.file("script", PAIR);
        let path = file.to_str().expect("a path of ours");
        sh(test, who, &["--keep", "made", path]).done().exits(0);
        let twinax = |words: &[&str]| test.twinax(who).args(words).done();
        let saved = twinax(&["save", "made"]).exits(0).stdout;
        let changed = saved.replace("10.0.0.2/24", "10.0.0.3/24") + "\n[node.third]\n";
        assert_ne!(changed.find("10.0.0.3/24"), None, "{saved}");
        let changed = test.file("changed.toml", changed);
        twinax(&["apply", changed.to_str().expect("a path of ours")]).exits(0);
        twinax(&["exec", "made/left", "--", "ping", "-c", "1", "-W", "5", "10.0.0.3"]).exits(0);
        twinax(&["exec", "made/third", "--", "true"]).exits(0);
        twinax(&["down", "made"]).exits(0);
    });
}

#[test]
fn without_a_script_it_is_the_shell_of_the_user() {
    everybody("without_a_script_it_is_the_shell_of_the_user", |test, who| {
        for (shell, keep) in [("/bin/bash", None), ("/bin/sh", None), ("/bin/bash", Some("mine"))] {
            let keep_words: Vec<&str> = keep.iter().flat_map(|name| ["--keep", name]).collect();
            let mut running =
                sh(test, who, &keep_words).env("SHELL", shell).terminal(24, 200).start();
            running.await_said(&format!("({}) ", keep.unwrap_or("sandbox")));
            running.press("ip netns add n && ip netns list | sed s/^/has:/\r");
            running.await_said("has:n");
            running.press("exit 6\r");
            running.end().exits(6);
            if let Some(name) = keep {
                test.twinax(who).args(["down", name]).done().exits(0);
            }
        }
    });
}

#[test]
fn without_a_user_namespace() {
    let test = Test::new("without_a_user_namespace");
    if !is_there("ip") {
        return test.skip("there is no `ip`");
    }
    let option = "--no-user-namespace";
    if is_root() {
        let line = "ip netns add n; ip netns exec n true && readlink /proc/self/ns/user";
        let output = sh(&test, Who::Root, &[option, "-c", line]).done().exits(0);
        let own = fs::read_link("/proc/self/ns/user").expect("/proc is there");
        assert_eq!(output.stdout.trim(), own.to_str().expect("it is plain"));
    }
    sh(&test, Who::User, &[option, "-c", "echo no"]).done().exits(2).complains("root");
}
