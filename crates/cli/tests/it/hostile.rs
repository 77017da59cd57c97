//! Lab files that are no lab files, or mean harm.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use crate::support::{Output, Test, Who};

/// How long a bad file may keep us; it takes a fraction of it.
const WITHIN: Duration = Duration::from_secs(30);

/// Neither stream has anything that a terminal acts on.
#[track_caller]
fn is_plain(output: &Output) {
    let acts = |c: &char| c.is_control() && !matches!(c, '\n' | '\t');
    for text in [&output.stdout, &output.stderr] {
        assert_eq!(text.chars().find(acts), None, "in {text:?}");
    }
    // What a person is told about one file is no book.
    assert!(output.stderr.len() < 100_000, "{} bytes of errors", output.stderr.len());
}

/// Both verbs that read a file refuse it, with these words, and do nothing.
#[track_caller]
fn is_refused(test: &Test, file: &str, words: &[&str]) {
    for verb in ["plan", "run"] {
        for who in Who::all() {
            let output = test.twinax(who).arg(verb).arg(file).within(WITHIN).done().exits(2);
            is_plain(&output);
            assert_eq!(output.stdout, "");
            words.iter().fold(output, |output, words| output.complains(words));
        }
    }
}

#[test]
fn names_that_lead_elsewhere() {
    let test = Test::new("names_that_lead_elsewhere");
    for name in [
        "../evil",
        "..",
        ".",
        "a/b",
        "/etc/passwd",
        "-rf",
        "a b",
        "a\\nb",
        "\\u0000",
        "\\u001b[31m",
    ] {
        let lab = format!("name = \"x\"\n[node.\"{name}\"]\n");
        test.file("lab.toml", lab);
        is_refused(&test, "lab.toml", &["lab.toml:2:7"]);
        test.file("lab.toml", format!("name = \"{name}\"\n[node.a]\n"));
        is_refused(&test, "lab.toml", &["lab.toml:1:8"]);
        let interface = format!("name = \"x\"\n[node.a]\n[[tap]]\nat = \"a:{name}\"\n");
        test.file("lab.toml", interface);
        is_refused(&test, "lab.toml", &["lab.toml:4:6"]);
    }
}

#[test]
fn paths_that_lead_out_of_proc_sys() {
    let test = Test::new("paths_that_lead_out_of_proc_sys");
    for sysctl in [
        "../../etc/passwd",
        "kernel.hostname",
        "net/../kernel/hostname",
        "net.ipv4..forward",
        "net",
    ] {
        let lab = format!("name = \"x\"\n[node.a]\nsysctl = {{ \"{sysctl}\" = 1 }}\n");
        test.file("lab.toml", lab);
        is_refused(&test, "lab.toml", &["lab.toml:3:"]);
    }
}

#[test]
fn control_characters() {
    let test = Test::new("control_characters");
    test.file("lab.toml", "name = \"x\"\n\u{1b}]0;owned\u{7}\u{1b}[31m = 1\r\u{9b}31m\n");
    is_refused(&test, "lab.toml", &["lab.toml:2:1"]);
    test.file("lab.toml", "name = \"x\"\n[node.a]\n\"\\u001b[31m\\u009b\\u202e\" = 1\n");
    is_refused(&test, "lab.toml", &["lab.toml:3:1"]);
    let file = "\u{1b}[31m\nred.toml";
    test.file(file, "name = 1\n");
    is_refused(&test, file, &[]);
    is_refused(&test, "\u{1b}[31m-is-not-there", &["No such file"]);
}

#[test]
fn what_is_shown_of_a_lab_that_is_valid() {
    let test = Test::new("what_is_shown_of_a_lab_that_is_valid");
    let lab = r#"
name = "x"
about = "\u001b[31mred\u009b"
[node.a]
[[step]]
about = "\u001b]0;owned\u0007"
run = { at = "a", cmd = ["printf", "%s", "\u001b[31m\u0007"] }
expect = { exit = 9, stdout = "\u001b[32m" }
"#;
    let file = test.file("lab.toml", lab);
    for detail in ["all", "steps", "failed"] {
        let output = test.twinax(Who::User).args(["run", "--detail", detail]).arg(&file).done();
        is_plain(&output.exits(1));
    }
    let output = test.twinax(Who::User).args(["run", "--json"]).arg(&file).done().exits(1);
    is_plain(&output);
    is_plain(&test.twinax(Who::User).arg("plan").arg(&file).done().exits(0));
}

#[test]
fn no_text_at_all() {
    let test = Test::new("no_text_at_all");
    test.file("lab.toml", b"name = \"x\"\n[node.\xff\xfe]\n");
    is_refused(&test, "lab.toml", &["lab.toml", ":2:7"]);
    let own = std::fs::read(test.folder().join("bin/twinax")).expect("a copy of the program");
    test.file("lab.toml", &own[..10_000]);
    is_refused(&test, "lab.toml", &["lab.toml"]);
    test.file("lab.toml", "");
    is_refused(&test, "lab.toml", &["needs `name`"]);
}

#[test]
fn a_hundred_megabytes_of_brackets() {
    let test = Test::new("a_hundred_megabytes_of_brackets");
    let path = test.path("lab.toml");
    let mut file = std::fs::File::create(path).unwrap();
    for _ in 0..100 {
        file.write_all(&[b'['; 1 << 20]).unwrap();
    }
    is_refused(&test, "lab.toml", &["lab.toml", "too long"]);
}

#[test]
fn as_many_brackets_as_are_read() {
    const MIB: usize = 1 << 20;
    let test = Test::new("as_many_brackets_as_are_read");
    for (bracket, size) in
        [("[", 15 << 20), ("{", MIB), ("a=[", MIB), ("[[", MIB), ("a.", MIB), ("]", MIB)]
    {
        test.file("lab.toml", bracket.repeat(size / bracket.len()));
        is_refused(&test, "lab.toml", &["lab.toml:1:"]);
        test.file("lab.toml", format!("name = \"x\"\na = {}", bracket.repeat(10_000)));
        is_refused(&test, "lab.toml", &["lab.toml:2:"]);
    }
}

#[test]
fn a_hundred_thousand_nodes() {
    let test = Test::new("a_hundred_thousand_nodes");
    let nodes: String = (0..100_000).map(|number| format!("[node.n{number}]\n")).collect();
    test.file("lab.toml", format!("name = \"x\"\n{nodes}"));
    is_refused(&test, "lab.toml", &["lab.toml"]);
}

#[test]
fn devices_and_pipes() {
    let test = Test::new("devices_and_pipes");
    is_refused(&test, "/dev/zero", &["/dev/zero", "a device, not a file"]);
    is_refused(&test, "/dev/tty", &["/dev/tty"]);
    let pipe = test.path("pipe");
    let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, mode).unwrap();
    is_refused(&test, "pipe", &["a named pipe, not a file"]);
    let zeros = "exec twinax run - < /dev/zero";
    let output = test.shell(Who::User, zeros).within(WITHIN).done().exits(2);
    is_plain(&output.complains("too long"));
}

#[test]
fn a_socket() {
    let test = Test::new("a_socket");
    let _socket = std::os::unix::net::UnixListener::bind(test.path("socket")).unwrap();
    is_refused(&test, "socket", &["a socket, not a file"]);
}

#[test]
fn a_folder() {
    let test = Test::new("a_folder");
    is_refused(&test, ".", &["a directory, not a file"]);
    is_refused(&test, "/", &["a directory, not a file"]);
}

#[test]
fn a_file_that_may_not_be_read() {
    let test = Test::new("a_file_that_may_not_be_read");
    let file = test.file("lab.toml", "name = \"x\"\n[node.a]\n");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o000)).unwrap();
    let output = test.twinax(Who::User).arg("run").arg("lab.toml").done().exits(2);
    is_plain(&output.complains("lab.toml").complains("Permission denied"));
}

#[test]
fn a_link_to_itself() {
    let test = Test::new("a_link_to_itself");
    std::os::unix::fs::symlink("lab.toml", test.path("lab.toml")).unwrap();
    is_refused(&test, "lab.toml", &["lab.toml", "symbolic links"]);
}
