//! `twinax run`: what it says, where, and with which exit code.

use snapbox::{assert_data_eq, str};
use twinax_lab::report::Outcome;

use crate::support::{Test, Who};

/// A lab of one node, in which one expectation holds and the other does not.
const FAILS: &str = r#"
name = "fails"
[node.left]
[[step]]
about = "It says red."
run = { at = "left", cmd = "echo red" }
expect.stdout = "red"
[[step]]
about = "It says blue."
run = { at = "left", cmd = "echo red" }
expect = { exit = 7, stdout = "blue" }
"#;

const HOLDS: &str = r#"
name = "holds"
[node.left]
[[step]]
run = { at = "left", cmd = "true" }
"#;

/// A service that ends before it is ready.
const BREAKS: &str = r#"
name = "breaks"
[node.left]
run = [{ name = "web", cmd = "exit 3", ready = "tcp:80" }]
[[step]]
run = { at = "left", cmd = "true" }
[[step]]
run = { at = "left", cmd = "true" }
"#;

#[test]
fn a_lab_that_holds_in_words() {
    let test = Test::new("a_lab_that_holds_in_words");
    let lab = include_str!("../../../../labs/veth-two-namespaces.toml");
    let output = test.twinax(Who::User).arg("run").arg(test.file("lab.toml", lab)).done().exits(0);
    assert_data_eq!(
        output.stdout,
        str![[r#"
veth-two-namespaces — Two namespaces, joined by a veth pair, ping each other.
  built 2 nodes, 1 veth pair in [..]s
  ok   1. Left reaches right: both requests are answered.
         ping left → 192.168.10.2:
           2 sent, 2 received
           1 × arp request from left to right at right:veth4
           1 × arp reply at right:veth4, an answer
           2 × icmp echo request at right:veth4
           2 × icmp echo reply at right:veth4, each an answer
           no packet at left:lo and right:lo
           the first of each in this order
         round trip [..]s to [..]s, TTL 64
  ok   2. And right reaches left.
         ping right → 192.168.10.1:
           2 sent, 2 received
           2 × icmp echo request from right into left:veth3
           2 × icmp echo reply from left into right:veth4, each an answer
         round trip [..]s to [..]s, TTL 64
  ok   3. Both ends are up and have carrier: the cable is plugged in at either side.
         look at left:veth3: up; carrier; MTU 1500; addresses: 192.168.10.1/24
  ok   4. Left has learned right's MAC address, and knows its subnet by way of veth3 alone.
         look at left: the interfaces veth3; route 192.168.10.0/24 dev veth3
  held, 4 of 4 steps held; built and taken away in [..]s

"#]]
    );
    assert_eq!(output.stderr, "");
}

#[test]
fn a_lab_that_fails_in_words() {
    let test = Test::new("a_lab_that_fails_in_words");
    let output =
        test.twinax(Who::User).arg("run").arg(test.file("lab.toml", FAILS)).done().exits(1);
    assert_data_eq!(
        output.stdout,
        str![[r#"
fails
  built 1 node in [..]s
  ok   1. It says red.
         run in left: echo red: exit code 0; stdout "red"
  FAIL 2. It says blue.
         run in left: echo red
         expected: exit code 7
         seen:     exit code 0
         expected: stdout has "blue"
         seen:     stdout "red"
         stdout:
           red
  FAILED, 1 of 2 steps held; built and taken away in [..]s

"#]]
    );
    assert_eq!(output.stderr, "");
}

#[test]
fn what_was_expected_and_seen_is_in_the_report() {
    let test = Test::new("what_was_expected_and_seen_is_in_the_report");
    let lab = test.file("lab.toml", FAILS);
    let output = test.twinax(Who::User).args(["run", "--json"]).arg(lab).done().exits(1);
    let [report] = &output.reports()[..] else { panic!("one lab, one report") };
    assert_eq!(report.outcome(), Outcome::Failed);
    assert!(report.steps[0].held() && !report.steps[1].held());
    let wrong: Vec<_> = report.steps[1].checks.iter().map(|check| &check.expected[..]).collect();
    assert_eq!(wrong, ["exit code 7", "stdout has \"blue\""]);
    assert_eq!(report.steps[1].checks[0].seen, "exit code 0");
}

#[test]
fn little_detail_shows_what_fails() {
    let test = Test::new("little_detail_shows_what_fails");
    let lab = test.file("lab.toml", FAILS);
    let twinax = |detail| test.twinax(Who::User).args(["run", "--detail", detail]).arg(&lab).done();
    let failed = twinax("failed").exits(1);
    assert!(!failed.stdout.contains("It says red."), "{}", failed.stdout);
    failed.says("FAIL 2. It says blue.").says("seen:     exit code 0");
    twinax("steps").exits(1).says("ok   1. It says red.").says("expected: exit code 7");
}

#[test]
fn several_labs_have_one_summary_and_the_worst_exit_code() {
    let test = Test::new("several_labs_have_one_summary_and_the_worst_exit_code");
    let [holds, fails, breaks] = [("a.toml", HOLDS), ("b.toml", FAILS), ("c.toml", BREAKS)]
        .map(|(name, text)| test.file(name, text));
    let twinax = || test.twinax(Who::User).args(["run", "--detail", "failed"]);
    let output = twinax().args([&fails, &holds]).done().exits(1);
    assert_eq!(output.stderr, "2 labs: 1 held, 1 failed (fails)\n");
    let output = twinax().args([&breaks, &fails, &holds]).done().exits(4);
    output.complains("3 labs: 1 held, 1 failed (fails), 1 broken (breaks)\n");
    twinax().args([&holds, &holds]).done().exits(0).complains("2 labs: 2 held\n");
}

#[test]
fn a_wrong_file_is_told_with_its_place_and_nothing_is_built() {
    let test = Test::new("a_wrong_file_is_told_with_its_place_and_nothing_is_built");
    let wrong = test.file(
        "wrong.toml",
        "name = \"wrong\"\n[node.left]\n[node.right]\n[[link]]\na = \"left:e0\"\nb = \"rigth:e0\"\n",
    );
    // Done, it would leave a file behind, which is noticed.
    let good = test.file("good.toml", HOLDS.replace("\"true\"", "\"touch done\""));
    let output = test.twinax(Who::User).arg("run").args([&good, &wrong]).done().exits(2);
    assert_eq!(output.stdout, "");
    output
        .complains("wrong.toml:6:5")
        .complains("no node `rigth`")
        .complains("did you mean `right`?");
}

#[test]
fn a_file_that_is_not_there() {
    let test = Test::new("a_file_that_is_not_there");
    let output = test.twinax(Who::User).args(["run", "nosuch.toml"]).done().exits(2);
    output.complains("nosuch.toml").complains("No such file or directory");
}

#[test]
fn wrong_words_on_the_command_line() {
    let test = Test::new("wrong_words_on_the_command_line");
    let twinax = |words: &[&str]| test.twinax(Who::User).args(words).done();
    twinax(&["run", "--no-such-flag", "lab.toml"]).exits(2).complains("--no-such-flag");
    twinax(&["ruin"]).exits(2).complains("ruin");
    twinax(&["run"]).exits(2).complains("<LAB>");
    twinax(&[]).exits(2).complains("Usage:");
    twinax(&["--help"]).exits(0).says("Exit codes: 0 all held");
    twinax(&["--version"]).exits(0).says(env!("CARGO_PKG_VERSION"));
}

#[test]
fn json_has_one_line_for_each_lab() {
    let test = Test::new("json_has_one_line_for_each_lab");
    let labs = [("a.toml", HOLDS), ("b.toml", FAILS), ("c.toml", BREAKS)];
    let files = labs.map(|(name, text)| test.file(name, text));
    let output = test.twinax(Who::User).args(["run", "--json"]).args(&files).done().exits(4);
    let reports = output.reports();
    let outcomes: Vec<_> =
        reports.iter().map(|report| (&report.lab[..], report.outcome())).collect();
    let expected =
        [("holds", Outcome::Held), ("fails", Outcome::Failed), ("breaks", Outcome::Broken)];
    assert_eq!(outcomes, expected);
    let broken = reports[2].broken.as_ref().expect("it broke");
    assert!(broken.causes[0].contains("ended with exit code 3"), "{:?}", broken.causes);
    for (line, file) in output.stdout.lines().zip(&files) {
        let report: serde_json::Value = serde_json::from_str(line).expect("a line is a document");
        assert_eq!(report["file"], file.to_str().unwrap());
    }
}

#[test]
fn junit_has_a_suite_for_each_lab_and_a_case_for_each_step() {
    let test = Test::new("junit_has_a_suite_for_each_lab_and_a_case_for_each_step");
    let colours = HOLDS.replace("\"true\"", r#"'printf "\033[1m<&>]]>\0\033[0m"; exit 1'"#);
    let labs = [("a.toml", FAILS), ("b.toml", BREAKS), ("c.toml", &colours)];
    let files = labs.map(|(name, text)| test.file(name, text));
    let to = test.path("report.xml");
    test.twinax(Who::User).arg("run").arg("--junit").arg(&to).args(&files).done().exits(4);
    let text = std::fs::read_to_string(to).unwrap();
    let xml = roxmltree::Document::parse(&text).unwrap_or_else(|e| panic!("{e}:\n{text}"));
    let number = |node: roxmltree::Node<'_, '_>, name| {
        node.attribute(name).map(|number| number.parse::<usize>().unwrap())
    };
    let counts = |node| ["tests", "failures", "errors", "skipped"].map(|name| number(node, name));
    // Two steps; a service that does not come up, and so two steps that are not done; one step.
    let all = xml.root_element();
    assert_eq!(counts(all), [6, 2, 1, 2].map(Some));
    let suites: Vec<_> = all.children().filter(|node| node.has_tag_name("testsuite")).collect();
    let found: Vec<_> =
        suites.iter().map(|&suite| (suite.attribute("name"), counts(suite))).collect();
    let expected = [
        (Some("fails"), [2, 1, 0, 0].map(Some)),
        (Some("breaks"), [3, 0, 1, 2].map(Some)),
        (Some("holds"), [1, 1, 0, 0].map(Some)),
    ];
    assert_eq!(found, expected);
    let failure = xml.descendants().find(|node| node.has_tag_name("failure")).unwrap();
    let said = failure.text().unwrap();
    assert!(said.contains("expected: exit code 7\nseen: exit code 0"), "{said}");
}

#[test]
fn a_lab_from_standard_input() {
    let test = Test::new("a_lab_from_standard_input");
    let lab = test.file("lab.toml", HOLDS);
    for who in Who::all() {
        test.twinax(who).args(["run", "-"]).stdin(HOLDS).done().exits(0).says("1 of 1 step");
        let pipe = format!("cat {} | twinax run -", lab.display());
        test.shell(who, &pipe).done().exits(0).says("1 of 1 step");
        let pipe = format!(
            "mkfifo \"$TMPDIR/pipe\"; cat {} > \"$TMPDIR/pipe\" & \
             twinax run - < \"$TMPDIR/pipe\"; code=$?; rm \"$TMPDIR/pipe\"; exit $code",
            lab.display()
        );
        test.shell(who, &pipe).done().exits(0).says("1 of 1 step");
        let nothing = test.twinax(who).args(["run", "-"]).done().exits(2);
        nothing.complains("needs `name`");
    }
}

#[test]
fn a_lab_from_a_pipe_of_the_shell() {
    let test = Test::new("a_lab_from_a_pipe_of_the_shell");
    let lab = test.file("lab.toml", HOLDS);
    let line = format!("exec bash -c 'twinax run <(cat {})'", lab.display());
    for who in Who::all() {
        test.shell(who, &line).done().exits(0).says("1 of 1 step");
    }
}

#[test]
fn a_reader_that_hangs_up_does_no_harm() {
    let test = Test::new("a_reader_that_hangs_up_does_no_harm");
    // What comes after the first line is written when nobody is there any more.
    let lab = test.file("lab.toml", FAILS.replace("echo red", "cat /proc/sys/net/ipv4/tcp_mem"));
    let file = lab.display();
    for line in [
        format!("(twinax run {file}; echo $? > said) | head -n 1"),
        format!("(twinax run --json {file}; echo $? > said) | head -c 10"),
        format!("(twinax run {file} 2>&1; echo $? > said) | true"),
    ] {
        let said = test.path("said");
        let output = test.shell(Who::here(), &line).done().exits(0);
        assert_eq!(output.stderr, "", "{line}");
        // The labs failed, which whoever asks for the exit code still learns.
        assert_eq!(std::fs::read_to_string(said).unwrap(), "1\n", "{line}");
    }
    for verb in ["schema", "man", "completions bash"] {
        let line = format!("twinax {verb} | true");
        let output = test.shell(Who::User, &line).done().exits(0);
        assert_eq!(output.stderr, "", "{verb}");
    }
}

#[test]
fn the_colours_of_a_terminal_are_for_terminals() {
    let test = Test::new("the_colours_of_a_terminal_are_for_terminals");
    let lab = test.file("lab.toml", FAILS);
    let output = test.twinax(Who::User).arg("run").arg(lab).done().exits(1);
    assert!(!output.stdout.contains('\u{1b}') && !output.stderr.contains('\u{1b}'));
}

#[test]
fn a_lab_without_steps_is_built_and_taken_away() {
    let test = Test::new("a_lab_without_steps_is_built_and_taken_away");
    let lab = test.file("lab.toml", "name = \"idle\"\n[node.left]\n");
    for who in Who::all() {
        let output = test.twinax(who).args(["run", "--json"]).arg(&lab).done().exits(0);
        let [report] = &output.reports()[..] else { panic!("one lab, one report") };
        assert_eq!((report.planned, report.built.unwrap().nodes), (0, 1));
    }
}
