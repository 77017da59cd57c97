//! What fails is explained: at once where `--why` says so, else a hint says by which command.

use std::fs::File;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::user::is_there;
use crate::support::{Test, Who};

/// The router has no way to the net of the second host, though it is right there: the address of that
/// interface has another mask.
const LAB: &str = r#"
name = "wrong"
[node.h1]
route = { to = "default", via = "10.1.1.1" }
[node.r]
kind = "router"
[node.h2]
route = { to = "default", via = "10.1.2.1" }
listen = { tcp = 80 }
[[link]]
a = { at = "h1:e0", ip = "10.1.1.2/24" }
b = { at = "r:r1", ip = "10.1.1.1/24" }
[[link]]
a = { at = "r:r2", ip = "10.1.2.1/32" }
b = { at = "h2:e0", ip = "10.1.2.2/24" }
"#;

const STEPS: &str = r#"
[[step]]
about = "The way to the router is open."
ping = { from = "h1", to = "r" }
[[step]]
about = "They reach each other."
ping = { from = "h1", to = "h2", timeout = "300ms" }
expect.reachable = true
[[step]]
tcp = { from = "h1", to = "h2", port = 80, timeout = "300ms" }
[[step]]
reach = { groups = [["h1", "h2"]], among = [], timeout = "300ms" }
[[step]]
about = "This is no lack of an answer."
ping = { from = "h1", to = "r" }
expect.received = 0
"#;

/// No answer comes, however long one waits.
const SOON: [&str; 2] = ["-W", "0.3"];

const VERDICT: &str = "Why: r has no route to 10.1.2.2.";

fn why_of(step: &Value) -> &Value {
    &step["why"]
}

#[test]
fn steps_are_explained_at_once() {
    let test = Test::new("steps_are_explained_at_once");
    for who in Who::all() {
        let lab = test.file("lab.toml", format!("{LAB}{STEPS}"));
        let text = test.twinax(who).args(["run", "--why"]).arg(&lab).done().exits(1);
        assert_eq!(text.stdout.matches(VERDICT).count(), 3, "{}", text.stdout);
        assert!(
            text.stdout
                .contains("\n         an echo request from h1 to 10.1.2.2 does not arrive\n")
        );
        assert!(
            text.stdout.contains("a TCP connection to port 80 from h1 to 10.1.2.2 does not arrive")
        );
        assert_eq!(text.stderr, "");
        let junit = test.temporary(who, "junit.xml");
        let json =
            test.twinax(who).args(["run", "--why", "--json", "--junit"]).arg(&junit).arg(&lab);
        let json = json.done().exits(1);
        let run: Value = serde_json::from_str(&json.stdout).expect("one document");
        let steps = run["steps"].as_array().expect("steps");
        for place in [0, 4] {
            assert_eq!(why_of(&steps[place]), &Value::Null, "{run}");
        }
        for place in [1, 2, 3] {
            let why = why_of(&steps[place]);
            assert_eq!(why["verdict"]["causes"][0]["kind"], "no-route", "{run}");
            assert_eq!((&why["arrives"], &why["question"]["from"]), (&false.into(), &"h1".into()));
            assert!(why["text"].as_str().is_some_and(|text| text.contains(VERDICT)), "{run}");
        }
        assert_eq!(steps[1]["unanswered"]["to"], "10.1.2.2");
        let junit = std::fs::read_to_string(&junit).expect("it was written");
        assert_eq!(junit.matches(VERDICT).count(), 3, "{junit}");
    }
}

#[test]
fn a_hint_says_how_to_find_out() {
    let test = Test::new("a_hint_says_how_to_find_out");
    for who in Who::all() {
        let lab = test.file("lab.toml", format!("{LAB}{STEPS}"));
        let gone = test.twinax(who).arg("run").arg(&lab).done().exits(1);
        let again =
            format!("hint: `twinax run --why {}` finds out why step 2 failed\n", lab.display());
        assert_eq!(gone.stderr, again);
        let json = test.twinax(who).args(["run", "--json"]).arg(&lab).done().exits(1);
        assert_eq!(json.stderr, "");
        let stays = test.twinax(who).args(["run", "--keep"]).arg(&lab).done().exits(1);
        let asks = "hint: `twinax why wrong h1 10.1.2.2` finds out why step 2 failed\n";
        assert!(stays.stderr.starts_with(asks), "{}", stays.stderr);
        let check = test.twinax(who).arg("check").done().exits(1);
        assert_eq!(check.stderr, asks);
        let check = test.twinax(who).args(["check", "--why"]).done().exits(1).says(VERDICT);
        assert_eq!(check.stderr, "");
        for (sent, asks) in [
            ("ping h1 h2 -c 1", "twinax why wrong h1 h2"),
            ("ping h1:e0 h2 -c 1 -s 90", "twinax why wrong h1:e0 h2 --size 90 --fragment"),
            ("ping h1 h2 -4 -c 1", "twinax why wrong h1 10.1.2.2"),
            ("tcp h1 h2 80", "twinax why wrong h1 h2 --proto tcp --port 80"),
            ("udp h1 h2 -c 1 -t 9", "twinax why wrong h1 h2 --proto udp --port 7 --ttl 9"),
        ] {
            let output = test.twinax(who).args(sent.split(' ')).args(SOON).done().exits(1);
            assert_eq!(output.stderr, format!("hint: `{asks}` finds out why\n"), "{sent}");
            // What is offered can be asked.
            if asks.contains("--") {
                let words = asks.strip_prefix("twinax ").expect("it is ours");
                test.twinax(who).args(words.split(' ')).done().exits(1).says(VERDICT);
            }
            let json =
                test.twinax(who).args(sent.split(' ')).args(SOON).arg("--json").done().exits(1);
            assert_eq!(json.stderr, "", "{sent}");
        }
        test.twinax(who).args(["ping", "h1", "r", "-c", "1"]).done().exits(0);
        test.down(who);
    }
}

/// What a program of Wireshark says of a file, which it reads from standard input: as root it has no right
/// to the folders of others.
fn read(file: &Path, program: &str, words: &[&str]) -> String {
    let open = File::open(file).expect("it was written");
    let read = Command::new(program).args(words).stdin(open).output().expect("it is there");
    let complaints: Vec<_> = String::from_utf8_lossy(&read.stderr)
        .lines()
        .filter(|line| !line.starts_with("Running as user"))
        .map(str::to_owned)
        .collect();
    assert!(read.status.success() && complaints.is_empty(), "{program}: {read:?}");
    String::from_utf8(read.stdout).expect("text")
}

#[test]
fn the_frames_of_the_packet_are_recorded() {
    let test = Test::new("the_frames_of_the_packet_are_recorded");
    if !is_there("tshark") || !is_there("capinfos") {
        return test.skip("there is no program `tshark`");
    }
    for who in Who::all() {
        test.up(who, LAB);
        let file = test.temporary(who, "why.pcapng");
        let record = test.twinax(who).args(["why", "h1", "h2", "--record"]).arg(&file);
        record.done().exits(1).says(VERDICT);
        let fields = ["frame.interface_name", "icmp.type", "frame.packet_id", "frame.comment"];
        let mut words = vec!["-n", "-r", "-", "-T", "fields", "-E", "separator=|"];
        words.extend(fields.iter().flat_map(|field| ["-e", field]));
        let lines = read(&file, "tshark", &words);
        let rows: Vec<Vec<&str>> = lines.lines().map(|line| line.split('|').collect()).collect();
        let of =
            |kind: &str| -> Vec<&Vec<&str>> { rows.iter().filter(|row| row[1] == kind).collect() };
        let request = of("8");
        let places: Vec<&str> = request.iter().map(|row| row[0]).collect();
        assert_eq!(places, ["h1:e0", "r:r1"], "{lines}");
        assert_eq!(request[0][2], request[1][2], "{lines}");
        let said: Vec<&str> = request.iter().map(|row| row[3]).collect();
        assert_eq!(said, ["", "r has no route to 10.1.2.2."], "{lines}");
        let told = of("3,8");
        assert_eq!(told.iter().map(|row| row[0]).collect::<Vec<_>>(), ["r:r1", "h1:e0"], "{lines}");
        assert!(told[0][2] == told[1][2] && told[0][2] != request[0][2], "{lines}");
        assert!(rows.iter().all(|row| !row[2].is_empty()), "{lines}");
        let whole = read(&file, "capinfos", &["-k", "-I", "-"]);
        let remark =
            "an echo request from h1 to 10.1.2.2 does not arrive: r has no route to 10.1.2.2.";
        assert!(whole.contains(remark), "{whole}");
        test.twinax(who).args(["why", "h1", "r", "--record"]).arg(&file).done().exits(0);
        let answer = read(&file, "tshark", &words);
        let last = answer.lines().rfind(|line| line.split('|').nth(1) == Some("0"));
        assert!(
            last.is_some_and(|line| line.ends_with("|an echo request from h1 to 10.1.1.1 arrives")),
            "{answer}"
        );
        let wrong = test.twinax(who).args(["why", "h1", "h2", "--record", "/nowhere/it"]).done();
        wrong.exits(2).complains("can't be written");
        std::fs::remove_file(&file).expect("it is ours");
        test.down(who);
    }
}
