//! A lab is nobody else's business: what another user may not do with it.
//!
//! Each attack is shown to succeed for the one whose lab it is, and then to fail for the stranger.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use crate::support::{Program, Test, Who};
use crate::up::listed;

const LAB: &str = r#"
name = "private"
[node.a]
run = [{ name = "s", ready = "line:said", cmd = "echo said; exec sleep 1000" }]
"#;

/// A lab of the user, whose folder the stranger would look into if he might.
fn lab(name: &str) -> Option<Test> {
    let test = Test::new(name);
    if !test.can_be(Who::Stranger) {
        return None;
    }
    test.up(Who::User, LAB);
    Some(test)
}

/// A line of shell that knows the lab's holder as `$holder`, a process in a node as `$service`, and
/// where the lab is registered.
fn attack<'t>(test: &'t Test, who: Who, line: &str) -> Program<'t> {
    let holder = listed(test, Who::User)[0]["holder"].as_i64().expect("a process ID");
    let service = crate::support::processes::marked(test.mark());
    let service = service.iter().find(|process| process.command.starts_with("sleep"));
    test.shell(who, line)
        .env("TWINAX_RUNTIME_DIR", &test.labs(Who::User).display().to_string())
        .env("holder", &holder.to_string())
        .env("service", &service.expect("it runs").pid.to_string())
}

/// The owner succeeds, and the stranger does not.
#[track_caller]
fn only_the_owner(test: &Test, line: &str) {
    attack(test, Who::User, line).done().exits(0);
    let output = attack(test, Who::Stranger, line).done();
    assert!(output.code != 0, "a stranger may: {line}: {output:?}");
    // Nothing has become of the lab.
    test.exec(Who::User, "a", "true").done().exits(0);
    assert_eq!(test.twinax(Who::User).args(["logs", "a"]).done().exits(0).stdout, "said\n");
}

#[test]
fn they_do_not_list_it() {
    let Some(test) = lab("they_do_not_list_it") else { return };
    assert_eq!(listed(&test, Who::User).len(), 1);
    let strangers = test.twinax(Who::Stranger).args(["ls", "--json"]).done().exits(0);
    assert_eq!(strangers.stdout, "[]\n");
    only_the_owner(&test, "twinax ls --json | grep private");
    only_the_owner(&test, "ls $TWINAX_RUNTIME_DIR");
    test.down(Who::User);
}

/// With the folder given to him by name, too: for which it is opened by the owner, as by mistake.
#[test]
fn they_do_not_enter_it_by_any_command() {
    let Some(test) = lab("they_do_not_enter_it_by_any_command") else { return };
    for open in [false, true] {
        if open {
            for folder in [&test.private("run", Who::User), &test.labs(Who::User)] {
                fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
            }
            fs::set_permissions(
                test.labs(Who::User).join("private"),
                Permissions::from_mode(0o755),
            )
            .unwrap();
        }
        for line in [
            "twinax exec private/a -- true",
            "twinax logs private/a",
            "twinax show private",
            "twinax ping private/a 127.0.0.1 -c 1",
            "twinax save private",
        ] {
            only_the_owner(&test, line);
        }
        let refused = ["twinax down private", "twinax down --all", "twinax up lab.toml"];
        for line in refused {
            let output = attack(&test, Who::Stranger, line).done();
            assert!([2, 4].contains(&output.code), "{line}: {output:?}");
            if open {
                output.complains("belongs to somebody else");
            }
            test.exec(Who::User, "a", "true").done().exits(0);
        }
    }
    test.down(Who::User);
}

#[test]
fn they_do_not_see_into_it() {
    let Some(test) = lab("they_do_not_see_into_it") else { return };
    for line in [
        "ls /proc/$holder/root/run/twinax",
        "cat /proc/$holder/root/run/twinax/lab.toml",
        "ls /proc/$holder/root/run/netns/",
        "ls /proc/$holder/fd/",
        "ls /proc/$service/root/",
        "readlink /proc/$holder/ns/net",
        "readlink /proc/$service/ns/net",
        "tr '\\0' '\\n' < /proc/$service/environ | grep TWINAX_TEST",
        "ls /proc/$service/cwd/",
    ] {
        only_the_owner(&test, line);
    }
    test.down(Who::User);
}

#[test]
fn they_do_not_join_it() {
    let Some(test) = lab("they_do_not_join_it") else { return };
    // With the user namespace, as everybody who is in it; and without, as one who is root in his own.
    for of in ["$holder", "$service"] {
        let join = "nsenter --preserve-credentials --user --net --mount --target";
        only_the_owner(&test, &format!("{join} {of} -- true"));
        let own = format!("unshare --user --map-root-user {join} {of} -- true");
        attack(&test, Who::Stranger, &own).done().exits(1);
        let net = format!("unshare --user --map-root-user nsenter --net=/proc/{of}/ns/net -- true");
        attack(&test, Who::Stranger, &net).done().exits(1);
    }
    test.down(Who::User);
}

#[test]
fn they_do_not_signal_it() {
    let Some(test) = lab("they_do_not_signal_it") else { return };
    for line in ["kill -0 $holder", "kill -0 $service", "kill -WINCH $service"] {
        only_the_owner(&test, line);
    }
    for line in ["kill -TERM $holder", "kill -9 $holder", "kill -9 $service"] {
        attack(&test, Who::Stranger, line).done().exits(1).complains("not permitted");
        attack(&test, Who::Stranger, &format!("unshare --user --map-root-user sh -c '{line}'"))
            .done()
            .exits(1)
            .complains("not permitted");
    }
    test.exec(Who::User, "a", "true").done().exits(0);
    // Whose it is may.
    let holder = attack(&test, Who::User, "kill -9 $holder");
    holder.done().exits(0);
    test.await_end();
    assert_eq!(listed(&test, Who::User), Vec::<serde_json::Value>::new());
}

#[test]
fn they_do_not_debug_it() {
    let Some(test) = lab("they_do_not_debug_it") else { return };
    // What a debugger asks for first (`ptrace(2)`, access mode PTRACE_MODE_ATTACH).
    for of in ["$holder", "$service"] {
        only_the_owner(&test, &format!("exec 3< /proc/{of}/mem"));
        only_the_owner(
            &test,
            &format!("head -c 1 /proc/{of}/auxv > /dev/null && test -r /proc/{of}/auxv"),
        );
    }
    test.down(Who::User);
}

/// Makes a folder that belongs to this one.
fn folder(path: &Path, owner: Who, mode: u32) {
    fs::create_dir(path).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    let (uid, gid) = owner.ids();
    chown(path, Some(uid), Some(gid)).unwrap();
}

/// A folder that somebody else has prepared, or may write to, is none to register a lab in.
#[test]
fn folders_that_they_have_prepared() {
    let test = Test::new("folders_that_they_have_prepared");
    if !test.can_be(Who::Stranger) {
        return;
    }
    let world = test.path("world");
    folder(&world, Who::Root, 0o1777);
    test.file("lab.toml", LAB);
    let refused = |registry: &Path, why: &str| {
        for args in [
            &["up", "lab.toml"][..],
            &["ls"],
            &["exec", "private/a", "--", "true"],
            &["down", "private"],
        ] {
            for who in [Who::User, Who::Root] {
                let twinax = test.twinax(who).args(args);
                let output =
                    twinax.env("TWINAX_RUNTIME_DIR", &registry.display().to_string()).done();
                let output =
                    output.exits(4).complains(why).complains(&registry.display().to_string());
                assert!(output.stderr.contains("hint: "), "{}", output.stderr);
            }
        }
        assert!(crate::support::processes::marked(test.mark()).is_empty());
    };
    let of_stranger = world.join("of-stranger");
    folder(&of_stranger, Who::Stranger, 0o777);
    folder(&of_stranger.join("private"), Who::Stranger, 0o777);
    refused(&of_stranger, "belongs to somebody else");
    assert!(!of_stranger.join("private/holder").exists());
    let link = world.join("link");
    std::os::unix::fs::symlink(&of_stranger, &link).unwrap();
    refused(&link, "is no folder");
    fs::write(world.join("file"), "").unwrap();
    refused(&world.join("file"), "is no folder");
    for mode in [0o777, 0o770, 0o702] {
        for who in [Who::User, Who::Root] {
            let own = world.join(format!("{mode:o}-{who:?}"));
            folder(&own, who, mode);
            let up = test.twinax(who).args(["up", "lab.toml"]);
            let output = up.env("TWINAX_RUNTIME_DIR", &own.display().to_string()).done();
            output.exits(4).complains("can be written to by others");
        }
    }
    // One's own is taken in the same place.
    let own = world.join("own");
    let own = own.display().to_string();
    test.twinax(Who::User).args(["up", "lab.toml"]).env("TWINAX_RUNTIME_DIR", &own).done().exits(0);
    test.twinax(Who::User).arg("down").env("TWINAX_RUNTIME_DIR", &own).done().exits(0);
    assert!(!Path::new(&own).exists());
    fs::remove_dir_all(&world).unwrap();
}
