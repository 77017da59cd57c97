//! Machines that lack something: one clear sentence with what to do, and nothing half made.

use crate::support::{Output, Program, Test, Who, user};

const PLAIN: &str = include_str!("../../../../labs/own-ports.toml");
const TAPS: &str = include_str!("../../../../labs/tap-joined-by-veth.toml");

/// A lab that needs the program `nft`.
const RULESET: &str = r#"
name = "ruleset"
[node.a]
firewall.nft = "table inet own { }"
[[step]]
look = "a"
expect.has.table = ["inet own"]
"#;

/// The lab was not run, for what the machine lacks; why is one sentence, with what to do.
#[track_caller]
fn is_refused(output: Output, words: &[&str]) {
    let output = output.exits(3).says("not run: this machine lacks something");
    assert!(!output.stdout.contains("built"), "{}", output.stdout);
    let errors: Vec<&str> =
        output.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    let [error] = errors[..] else { panic!("not one sentence:\n{}", output.stderr) };
    for word in words {
        assert!(output.stderr.contains(word), "no {word:?} in:\n{}", output.stderr);
    }
    assert!(error.len() < 400, "{error}");
}

fn run<'t>(test: &'t Test, who: Who, lab: &str) -> Program<'t> {
    test.twinax(who).arg("run").arg(test.file("lab.toml", lab))
}

/// The command line for a user of a new user namespace that has no rights in it; `$0` is the file.
fn user_in(limits: &str, lab: &str) -> String {
    format!(
        "exec unshare --user --map-user=1000 --map-group=1000 --keep-caps -- sh -ec '{limits}
         exec setpriv --ambient-caps=-all --inh-caps=-all -- twinax run {lab}'"
    )
}

#[test]
fn no_user_namespaces_are_allowed() {
    let test = Test::new("no_user_namespaces_are_allowed");
    test.file("lab.toml", PLAIN);
    let line = user_in("echo 0 > /proc/sys/user/max_user_namespaces", "lab.toml");
    is_refused(test.shell(Who::here(), &line).done(), &["user namespace", "max_user_namespaces"]);
}

#[test]
fn no_user_namespaces_are_left() {
    let test = Test::new("no_user_namespaces_are_left");
    test.file("lab.toml", PLAIN);
    // The limit is one further out, where the one inside does not see it.
    let limit = "exec unshare --user --map-root-user sh -ec \
         'echo 1 > /proc/sys/user/max_user_namespaces; exec sh -c \"$0\"' ";
    let inner = user_in(":", "lab.toml").replace('\'', "'\\''");
    let output = test.shell(Who::here(), &format!("{limit}'{inner}'")).done();
    is_refused(output, &["max_user_namespaces"]);
}

#[test]
fn no_network_namespaces_are_left() {
    let test = Test::new("no_network_namespaces_are_left");
    test.file("lab.toml", PLAIN);
    let line = user_in("echo 2 > /proc/sys/user/max_net_namespaces", "lab.toml");
    is_refused(
        test.shell(Who::here(), &line).done(),
        &["network namespaces", "max_net_namespaces"],
    );
}

#[test]
fn not_root_without_a_user_namespace() {
    let test = Test::new("not_root_without_a_user_namespace");
    let output = run(&test, Who::User, PLAIN).arg("--no-user-namespace").done().exits(2);
    assert!(output.stdout.is_empty(), "{}", output.stdout);
    output.complains("only root").complains("leave out `--no-user-namespace`");
}

/// Refuses to run a lab with TAPs in a world with this `/dev/net`, as everybody.
#[track_caller]
fn taps_are_refused(name: &str, dev_net: &[&str], words: &[&str]) {
    let test = Test::new(name);
    if !test.can_have_a_world() || !test.has_tun() {
        return;
    }
    for who in Who::all() {
        let twinax = || dev_net.iter().fold(run(&test, who, TAPS), |run, line| run.world(line));
        is_refused(twinax().done(), words);
        // And a lab without TAPs does not mind.
        let lab = test.file("lab.toml", PLAIN);
        let plain =
            dev_net.iter().fold(test.twinax(who).arg("run").arg(lab), |run, line| run.world(line));
        plain.done().exits(0);
    }
}

#[test]
fn there_is_no_dev_net_tun() {
    let words = ["/dev/net/tun", "modprobe tun"];
    taps_are_refused("there_is_no_dev_net_tun", &["mount -t tmpfs tun /dev/net"], &words);
}

#[test]
fn dev_net_tun_is_something_else() {
    let world = ["mount --bind /dev/null /dev/net/tun"];
    taps_are_refused("dev_net_tun_is_something_else", &world, &["/dev/net/tun"]);
}

#[test]
fn dev_net_tun_is_forbidden() {
    let test = Test::new("dev_net_tun_is_forbidden");
    if !test.can_be(Who::Root) || !test.has_tun() {
        return;
    }
    let output =
        run(&test, Who::User, TAPS).world(user::OWN_TUN).world("chmod 600 /dev/net/tun").done();
    is_refused(output, &["/dev/net/tun", "chmod 0666 /dev/net/tun"]);
}

#[test]
fn there_is_no_nft() {
    let test = Test::new("there_is_no_nft");
    if !test.can_have_a_world() {
        return;
    }
    // A file that may not be executed in the place of each.
    let hide = "for folder in $(echo \"$PATH\" | tr : ' ') /usr/local/sbin; do \
         if [ -e \"$folder/nft\" ]; then mount --bind /etc/passwd \"$folder/nft\"; fi; done";
    for who in Who::all() {
        is_refused(run(&test, who, RULESET).world(hide).done(), &["`nft`", "nftables"]);
        // The short words of a firewall don't need it.
        let outside = include_str!("../../../../labs/outside.toml");
        run(&test, who, outside).world(hide).done().exits(0);
    }
}

#[test]
fn a_free_ruleset_where_there_is_nft() {
    let test = Test::new("a_free_ruleset_where_there_is_nft");
    if !user::is_there("nft") {
        return test.skip("there is no `nft`");
    }
    for who in Who::all() {
        run(&test, who, RULESET).done().exits(0);
    }
}

#[test]
fn a_ruleset_that_nft_refuses() {
    let test = Test::new("a_ruleset_that_nft_refuses");
    if !user::is_there("nft") {
        return test.skip("there is no `nft`");
    }
    let wrong = RULESET.replace("own { }", "own { chain }");
    let output = run(&test, Who::User, &wrong).done().exits(4);
    output.complains("node `a`").complains("syntax error");
}

#[test]
fn shipped_labs_need_no_other_program() {
    let test = Test::new("shipped_labs_need_no_other_program");
    let mut labs = vec![PLAIN.to_owned()];
    for lab in ["bridge", "outside", "own-tables", "routers", "veth-two-namespaces", "tap-isolated"]
    {
        let path = format!("{}/../../labs/{lab}.toml", env!("CARGO_MANIFEST_DIR"));
        labs.push(std::fs::read_to_string(path).expect("a lab that is shipped"));
    }
    if !test.has_tun() {
        labs.pop();
    }
    let name = |number| format!("{number}.toml");
    let files = labs.iter().enumerate().map(|(number, lab)| test.file(&name(number), lab));
    let files: Vec<_> = files.collect();
    let twinax = test.twinax(Who::here()).args(["run", "--detail", "failed"]).args(&files);
    twinax.env("PATH", "/var/empty").done().exits(0);
}

#[test]
fn a_command_without_the_folders_of_the_system_in_path() {
    let test = Test::new("a_command_without_the_folders_of_the_system_in_path");
    let lab = "name = \"x\"\n[node.a]\n[[step]]\nrun = { at = \"a\", cmd = [\"/bin/echo\", \"here\"] }\nexpect.stdout = \"here\"\n";
    run(&test, Who::User, lab).env("PATH", "").done().exits(0);
}

#[test]
fn open_files_are_exhausted() {
    let test = Test::new("open_files_are_exhausted");
    let line = |limit| format!("ulimit {limit} 20; exec twinax run lab.toml");
    test.file("lab.toml", PLAIN);
    for who in Who::all() {
        let output = test.shell(who, &line("-n")).done();
        is_refused(output, &["open files"]);
    }
    // The limit that may be raised is raised.
    test.shell(Who::User, &line("-S -n")).done().exits(0);
}

#[test]
fn hardly_any_file_may_be_opened() {
    let test = Test::new("hardly_any_file_may_be_opened");
    test.file("lab.toml", PLAIN);
    // With fewer the program can't even be loaded.
    for limit in 5..20 {
        let line = format!("ulimit -n {limit}; exec twinax run lab.toml");
        let output = test.shell(Who::User, &line).done();
        assert!([2, 3].contains(&output.code), "with {limit}: {output:?}");
        output.complains("open files");
    }
}

#[test]
fn the_disk_is_full_for_a_report() {
    let test = Test::new("the_disk_is_full_for_a_report");
    let output = run(&test, Who::User, PLAIN).args(["--junit", "/dev/full"]).done().exits(4);
    output.complains("/dev/full").complains("No space left on device");
}

#[test]
fn the_disk_is_full_for_what_it_says() {
    let test = Test::new("the_disk_is_full_for_what_it_says");
    test.file("lab.toml", PLAIN);
    for verb in [
        "run lab.toml",
        "run --json lab.toml",
        "plan lab.toml",
        "schema",
        "man",
        "completions bash",
    ] {
        let output =
            test.shell(Who::User, &format!("exec twinax {verb} > /dev/full")).done().exits(4);
        let lines: Vec<&str> = output.stderr.lines().collect();
        assert!(output.stderr.contains("No space left on device"), "{verb}: {lines:#?}");
        assert!(lines.len() <= 3 && !output.stderr.contains("panic"), "{verb}: {lines:#?}");
    }
    // With nowhere to complain, the exit code still tells.
    let line = "exec twinax run lab.toml nosuch.toml 2> /dev/full";
    test.shell(Who::User, line).done().exits(2);
    let line = "exec twinax run lab.toml lab.toml > /dev/full 2> /dev/full";
    test.shell(Who::User, line).done().exits(4);
}

#[test]
fn a_report_to_where_nothing_can_be_written() {
    let test = Test::new("a_report_to_where_nothing_can_be_written");
    // Before anything is made: the step would leave a file behind, which is noticed.
    let lab = "name = \"x\"\n[node.a]\n[[step]]\nrun = { at = \"a\", cmd = \"touch done\" }\n";
    let output =
        run(&test, Who::User, lab).args(["--junit", "/nowhere/report.xml"]).done().exits(4);
    output.complains("/nowhere/report.xml").complains("No such file or directory");
}

#[test]
fn temporary_folders_are_full() {
    let test = Test::new("temporary_folders_are_full");
    if !test.can_have_a_world() {
        return;
    }
    let full = |folder: &str| {
        format!(
            "mount -t tmpfs -o size=4k,mode=1777 full {folder}; cat /dev/zero > {folder}/zeros 2>/dev/null || :"
        )
    };
    for who in Who::all() {
        let world = run(&test, who, PLAIN).world(&full("\"$TMPDIR\"")).world(&full("/var/tmp"));
        world.world(&full("\"$XDG_RUNTIME_DIR\"")).done().exits(0);
    }
}

#[test]
fn nothing_can_be_written_anywhere() {
    let test = Test::new("nothing_can_be_written_anywhere");
    if !test.can_be(Who::Root) {
        return;
    }
    let world = "mount -o remount,bind,ro /";
    for who in Who::all() {
        run(&test, who, PLAIN).world(world).done().exits(0);
        let to = "/etc/report-of-twinax.xml";
        let output = run(&test, who, PLAIN).world(world).args(["--junit", to]).done().exits(4);
        output.complains(to).complains("Read-only file system");
    }
}

#[test]
fn no_process_may_be_made() {
    let test = Test::new("no_process_may_be_made");
    if !test.can_be(Who::Root) {
        return;
    }
    // A user of whom one process is already there, and more may not be.
    let limit = "exec prlimit --nproc=1 twinax run lab.toml";
    test.file("lab.toml", PLAIN);
    let output = test.shell(Who::User, limit).done();
    assert!([3, 4].contains(&output.code), "{output:?}");
    output.complains("Resource temporarily unavailable");
}

/// As in a container: parts of /proc are masked, so that no fresh one may be mounted, and what is
/// there is read-only.
#[test]
fn sysctls_are_read_only() {
    let test = Test::new("sysctls_are_read_only");
    if !test.can_have_a_world() {
        return;
    }
    let router = "name = \"r\"\n[node.r]\nkind = \"router\"\n";
    let masked = "mount -t tmpfs -o ro none /proc/irq";
    let read_only = "mount --bind /proc/sys /proc/sys; mount -o remount,ro,bind /proc/sys";
    run(&test, Who::User, PLAIN).world(masked).done().exits(0);
    let output = run(&test, Who::User, router).world(masked).world(read_only).done().exits(3);
    output.complains("/proc/sys is read-only").complains("systempaths=unconfined");
}
