//! Files made to harm: each is refused, quickly and in few words.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use twinax_topology::{MAX_FILE, MAX_NODES, ReadError, parse, read};

/// Generous for a busy machine and an unoptimised build; without bounds these take minutes.
const SOON: Duration = Duration::from_secs(40);

/// The text that the parser says about a file that it must refuse.
fn refused(source: &str) -> String {
    let start = Instant::now();
    let wrong = parse(source, "hostile.toml").expect_err("it is no lab");
    let text = wrong.render(false);
    let findings = wrong.findings();
    assert!(start.elapsed() < SOON, "it took {:?}", start.elapsed());
    assert!(text.len() < 200_000, "{} bytes of message", text.len());
    assert!(!findings.is_empty() && findings.len() <= 10_000);
    text
}

#[test]
fn a_hundred_megabytes_of_brackets() {
    let text = refused(&"[".repeat(100 << 20));
    assert!(text.contains("this is too long for a lab file: more than 16 MiB"), "{text}");
}

#[test]
fn brackets_without_end() {
    let sizes = [(MAX_FILE - 8, "x = ", "["), (MAX_FILE - 8, "x = ", "{a=")];
    let lines = ["[", "[\n", "]\n", "\"\n"].map(|piece| (2 << 20, "", piece));
    for (size, head, piece) in sizes.into_iter().chain(lines) {
        refused(&format!("{head}{}", piece.repeat(size / piece.len())));
    }
}

#[test]
fn keys_without_end() {
    let dots = "a.".repeat(MAX_FILE / 2 - 8);
    assert!(refused(&format!("{dots}a = 1")).contains("nested too deeply"));
    assert!(refused(&format!("[{dots}a]")).contains("nested too deeply"));
    refused(&format!("[node.{}]", "a".repeat(MAX_FILE - 16)));
}

#[test]
fn a_million_nodes() {
    let mut source = String::from("name = \"t\"\n");
    for i in 0..1_000_000 {
        let _ = writeln!(source, "[node.n{i}]");
    }
    let text = refused(&source);
    assert!(text.contains("a lab of 1000000 nodes; at most 65536 are possible"), "{text}");
    assert_eq!(text.matches("error").count(), 1, "{text}");
}

#[test]
fn as_many_nodes_as_are_possible() {
    let mut source = String::from("name = \"t\"\n");
    for i in 0..MAX_NODES {
        let _ = writeln!(source, "[node.n{i}]");
    }
    assert_eq!(parse(&source, "t").unwrap().nodes.len(), MAX_NODES);
}

#[test]
fn ten_megabytes_on_one_line() {
    let routes = "{to=\"1.2.3.4/8\"},".repeat(600_000);
    let text = refused(&format!("name = \"t\"\n[node.a]\nroute = [{routes}]\n"));
    assert!(text.contains("and 599900 more"), "{}", &text[text.len() - 300..]);
}

/// As many wrong names as there are right ones: who looks for what was meant must not compare all
/// with all.
#[test]
fn many_names_that_are_nearly_right() {
    let mut source = String::from("name = \"t\"\n");
    for i in 0..40_000 {
        let _ = writeln!(source, "[node.node{i:05}]");
    }
    for i in 0..40_000 {
        let _ = writeln!(source, "[[link]]\na = \"nide{i:05}:e0\"\nb = \"nide{i:05}:e1\"");
    }
    assert!(refused(&source).contains("did you mean `node00000`?"));
}

/// Every route of a node with very many addresses has its gateway looked up.
#[test]
fn many_routes_and_addresses_in_one_node() {
    let mut source = String::from("name = \"t\"\n[node.a]\nroute = [\n");
    for i in 0..40_000 {
        let _ = writeln!(
            source,
            "{{ to = \"10.{}.{}.0/24\", via = \"9.9.9.9\", metric = {i} }},",
            i / 256 % 256,
            i % 256
        );
    }
    source.push_str("]\n");
    for i in 0..40_000 {
        let ip = format!("172.{}.{}.{}/32", 16 + i / 65536, i / 256 % 256, i % 256);
        let _ = writeln!(source, "[[tap]]\nat = \"a:t{i}\"\nip = \"{ip}\"");
    }
    assert!(refused(&source).contains("the gateway `9.9.9.9` is on no link"));
}

/// Wires make one segment of all devices; and each of two thousand steps pulls one out and puts it
/// back.
#[test]
fn many_wires_on_one_segment() {
    let mut source = String::from("name = \"t\"\n[node.sw]\nkind = \"bridge\"\n");
    for i in 0..500 {
        let _ = writeln!(source, "[[tap]]\nat = \"sw:p{i}\"\n[node.n{i}]");
        let _ = writeln!(source, "[[tap]]\nat = \"n{i}:t0\"\nip = \"10.0.0.7/24\"");
        let _ = writeln!(source, "[[wire]]\na = \"sw:p{i}\"\nb = \"n{i}:t0\"");
    }
    for i in 0..1000 {
        let port = i % 500;
        let _ = writeln!(source, "[[step]]\nremove = {{ wire = \"n{port}:t0\" }}");
        let wire = format!("{{ a = \"sw:p{port}\", b = \"n{port}:t0\" }}");
        let _ = writeln!(source, "[[step]]\nadd.wire = {wire}");
    }
    assert!(refused(&source).contains("twice on one segment"));
}

#[test]
fn a_large_lab_is_quick() {
    let mut source = String::from("name = \"t\"\n");
    for i in 0..10_000 {
        let (net, host) = (i / 250, i % 250 + 2);
        let _ =
            writeln!(source, "[node.n{i}]\nroute = {{ to = \"default\", via = \"10.1.{net}.1\" }}");
        let _ = writeln!(
            source,
            "[[link]]\na = {{ at = \"n{i}:e0\", ip = \"10.1.{net}.{host}/24\" }}\nb = \"sw{net}:p{host}\""
        );
    }
    for net in 0..40 {
        let _ = writeln!(source, "[node.sw{net}]\nkind = \"bridge\"");
    }
    let start = Instant::now();
    let lab = parse(&source, "t").unwrap();
    assert_eq!(lab.links.len(), 10_000);
    assert!(start.elapsed() < SOON, "it took {:?}", start.elapsed());
}

#[test]
fn names_that_are_paths() {
    for name in
        ["..", "../x", "/etc", "a/b", ".hidden", "-rf", "a b", "a\\nb", "a\\u0000", "é", "$(x)"]
    {
        let text = refused(&format!("name = \"t\"\n[node.\"{name}\"]\n"));
        assert!(text.contains("can't be the name of a node"), "{name}: {text}");
        let text = refused(&format!("name = \"t\"\n[node.a]\n[[tap]]\nat = \"a:{name}\"\n"));
        assert!(text.contains("can't be the name of an interface"), "{name}: {text}");
    }
}

#[test]
fn what_is_no_file_is_not_read() {
    let io = |path: &str| read(Path::new(path)).expect_err("it is no lab file");
    assert!(matches!(io("/nowhere/at/all"), ReadError::Io { .. }));
    assert!(matches!(io("/"), ReadError::NoFile { what: "a directory", .. }));
    assert!(matches!(io("/dev/zero"), ReadError::NoFile { what: "a device", .. }));
    assert_eq!(io("/dev/zero").to_string(), "`/dev/zero` is a device, not a file");
    // A file of which the size says 0, and that has more than it says.
    assert!(matches!(io("/proc/self/mounts"), ReadError::Lab(_)));
}

#[test]
fn a_pipe_may_stand_for_a_file() {
    use std::os::fd::AsRawFd;
    let (reader, mut writer) = std::io::pipe().unwrap();
    let thread =
        std::thread::spawn(move || writer.write_all(b"name = \"piped\"\n[node.a]\n").unwrap());
    let path = format!("/dev/fd/{}", reader.as_raw_fd());
    assert_eq!(read(Path::new(&path)).unwrap().name.as_str(), "piped");
    thread.join().unwrap();
}

#[test]
fn a_pipe_without_end_is_left() {
    use std::os::fd::AsRawFd;
    let (reader, mut writer) = std::io::pipe().unwrap();
    let thread = std::thread::spawn(move || while writer.write_all(&[b'#'; 65536]).is_ok() {});
    let path = format!("/dev/fd/{}", reader.as_raw_fd());
    assert!(matches!(read(Path::new(&path)), Err(ReadError::TooLong { .. })));
    drop(reader);
    thread.join().unwrap();
}

#[test]
fn files_that_are_too_long_or_no_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lab.toml");
    std::fs::File::create(&path).unwrap().set_len(MAX_FILE as u64 + 1).unwrap();
    assert!(matches!(read(&path), Err(ReadError::TooLong { .. })));
    std::fs::write(&path, b"name = \"t\"\n# caf\xc3\xa9 caf\xe9\n").unwrap();
    match read(&path).unwrap_err() {
        ReadError::NotText { line, column, byte, .. } => {
            assert_eq!((line, column, byte), (2, 11, 22))
        }
        other => panic!("{other}"),
    }
    std::fs::write(&path, "name = \"t\"\n[node.a]\n").unwrap();
    assert_eq!(read(&path).unwrap().nodes.len(), 1);
    std::fs::write(&path, "nam = \"t\"\n").unwrap();
    let said = read(&path).unwrap_err().to_string();
    assert!(said.contains("lab.toml:1:1") && said.contains("did you mean `name`?"), "{said}");
}

/// Opening it would wait for a writer who may never come.
#[test]
fn a_named_pipe_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    assert!(matches!(read(&path), Err(ReadError::NoFile { what: "a named pipe", .. })));
}

/// One by one on a bridge that is long full of others: nobody may compare all with all.
#[test]
fn a_lab_that_grows_step_by_step() {
    let mut source = String::from("name = \"t\"\n[node.a]\n[node.sw]\nkind = \"bridge\"\n");
    for i in 0..10_000 {
        let _ = writeln!(
            source,
            "[[step]]\nadd.link = {{ a = {{ at = \"a:e{i}\", ip = \"10.{}.{}.1/24\" }}, b = {{ at = \"a:f{i}\" }} }}",
            i / 256,
            i % 256
        );
    }
    for i in 0..1_000 {
        let _ = writeln!(
            source,
            "[[step]]\nadd.node.n{i} = {{}}\nadd.link = {{ a = {{ at = \"n{i}:e\", ip = \"10.99.0.1/16\" }}, b = \"sw:p{i}\" }}"
        );
    }
    for i in 0..10_000 {
        let _ = writeln!(source, "[[step]]\nremove = \"a:e{}\"", 9_999 - i);
    }
    let _ = writeln!(source, "[[step]]\nremove = \"a:e0\"");
    let text = refused(&source);
    assert!(text.contains("`10.99.0.1` twice on one segment"), "{}", &text[..2000]);
}
