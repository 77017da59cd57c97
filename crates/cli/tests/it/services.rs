//! Commands of a lab: services, and what becomes of them.

use std::fmt::Write as _;

use twinax_lab::report::LabReport;

use crate::support::{Output, Test, Who, user};

/// A lab of one node, with these services and steps in it.
fn lab(services: &[&str], steps: &[&str]) -> String {
    let mut text = format!("name = \"lab\"\n[node.n]\nrun = [{}]\n", services.join(",\n"));
    for step in steps {
        let _ = write!(text, "[[step]]\n{step}\n");
    }
    text
}

fn run(test: &Test, who: Who, lab: &str) -> Output {
    test.twinax(who).args(["run", "--json"]).arg(test.file("lab.toml", lab)).done()
}

#[track_caller]
fn report(output: &Output) -> LabReport {
    let mut reports = output.reports();
    assert_eq!(reports.len(), 1);
    reports.remove(0)
}

/// Why the lab broke, on one line for each cause.
#[track_caller]
fn broke(output: Output) -> String {
    let report = report(&output.exits(4));
    assert_eq!(report.steps.len(), 0, "no step is done when a service is not there");
    report.broken.expect("it broke").causes.join("\n")
}

#[test]
fn ready_when_it_listens() {
    let test = Test::new("ready_when_it_listens");
    if !user::is_there("perl") {
        return test.skip("there is no `perl` to listen with");
    }
    // The step would be refused if it came before the socket listens.
    let server = r#"{ name = "server", ready = "tcp:8080", cmd = '''
exec perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(LocalPort => 8080, Listen => 5, ReuseAddr => 1) or die $!;
while (my $c = $s->accept) { print $c "it is I\n"; close $c }' ''' }"#;
    let connect = r#"tcp = { from = "n", to = "127.0.0.1", port = 8080 }
expect.said = "it is I""#;
    for who in Who::all() {
        run(&test, who, &lab(&[server], &[connect])).exits(0);
    }
}

#[test]
fn ready_when_it_has_said_a_line() {
    let test = Test::new("ready_when_it_has_said_a_line");
    let server = r#"{ name = "server", ready = "line:up and", cmd = "cd $TMPDIR; echo starting; touch said; echo up and running >&2; exec sleep 1000" }"#;
    let look = "run = { at = \"n\", cmd = \"cd $TMPDIR; rm said\" }";
    for who in Who::all() {
        run(&test, who, &lab(&[server], &[look])).exits(0);
    }
}

#[test]
fn ready_when_there_is_a_file() {
    let test = Test::new("ready_when_there_is_a_file");
    let file = test.path("ready");
    let server = format!(
        r#"{{ name = "server", ready = "file:{0}", cmd = "touch {0}; exec sleep 1000" }}"#,
        file.display()
    );
    let look = format!("run = {{ at = \"n\", cmd = \"rm {}\" }}", file.display());
    for who in Who::all() {
        run(&test, who, &lab(&[&server], &[&look])).exits(0);
    }
}

#[test]
fn ready_when_it_has_ended() {
    let test = Test::new("ready_when_it_has_ended");
    let setup = r#"{ name = "setup", ready = "exit", cmd = "ip link add v0 type veth peer v1" }"#;
    if !user::is_there("ip") {
        return test.skip("there is no `ip`");
    }
    let look = "look = \"n\"\nexpect.interface = [\"v0\", \"v1\"]";
    for who in Who::all() {
        run(&test, who, &lab(&[setup], &[look])).exits(0);
    }
}

#[test]
fn they_start_in_order_and_see_what_is_before_them() {
    let test = Test::new("they_start_in_order_and_see_what_is_before_them");
    let file = test.path("said");
    let say = |name: &str| {
        let to = file.display();
        format!(r#"{{ name = "{name}", ready = "exit", cmd = "echo {name} >> {to}" }}"#)
    };
    let services = ["one", "two", "three"].map(say);
    let services: Vec<&str> = services.iter().map(String::as_str).collect();
    run(&test, Who::here(), &lab(&services, &[])).exits(0);
    assert_eq!(std::fs::read_to_string(file).unwrap(), "one\ntwo\nthree\n");
}

#[test]
fn one_that_ends_too_early() {
    let test = Test::new("one_that_ends_too_early");
    for (ready, code) in [("tcp:80", 3), ("line:never", 0), ("exit", 3)] {
        let server = format!(
            r#"{{ name = "server", ready = "{ready}", cmd = "echo out; echo no port >&2; exit {code}" }}"#
        );
        let causes = broke(run(
            &test,
            Who::here(),
            &lab(&[&server], &["look = \"n\"\nexpect.interface = []"]),
        ));
        let told = format!("`server` in node `n` ended with exit code {code} before it was ready");
        assert!(causes.starts_with(&told) && causes.contains("no port"), "{causes}");
    }
}

#[test]
fn one_that_is_never_ready() {
    let test = Test::new("one_that_is_never_ready");
    for (ready, told) in [
        ("tcp:80", "nobody listens on TCP port 80"),
        ("line:up", "no line with \"up\""),
        ("file:/nowhere/at/all", "there is no file \"/nowhere/at/all\""),
        ("exit", "it still runs"),
    ] {
        let server = format!(
            r#"{{ name = "server", ready = "{ready}", timeout = "300ms", cmd = "echo wait; exec sleep 1000" }}"#
        );
        let causes = broke(run(
            &test,
            Who::here(),
            &lab(&[&server], &["look = \"n\"\nexpect.interface = []"]),
        ));
        assert!(causes.contains("`server` in node `n` was not ready within 300ms"), "{causes}");
        assert!(causes.contains(told) && causes.contains("wait"), "{causes}");
    }
}

#[test]
fn one_that_is_not_there() {
    let test = Test::new("one_that_is_not_there");
    let server = r#"{ name = "server", cmd = ["/nowhere/serverd", "-x"] }"#;
    let causes =
        broke(run(&test, Who::here(), &lab(&[server], &["look = \"n\"\nexpect.interface = []"])));
    assert!(causes.contains("`server` in node `n` could not be started"), "{causes}");
    assert!(causes.contains("/nowhere/serverd") && causes.contains("No such file"), "{causes}");
}

#[test]
fn what_they_say_is_shown_without_its_control_characters() {
    let test = Test::new("what_they_say_is_shown_without_its_control_characters");
    let server = r#"{ name = "server", ready = "exit", cmd = "printf '\\033]0;owned\\007\\033[31mred'; exit 1" }"#;
    let lab = test.file("lab.toml", lab(&[server], &[]));
    let output = test.twinax(Who::here()).arg("run").arg(lab).done().exits(4).complains("red");
    let controls = |text: &str| text.contains(|c: char| c.is_control() && c != '\n');
    assert!(!controls(&output.stdout) && !controls(&output.stderr), "{:?}", output.stderr);
}

#[test]
fn quotes_newlines_and_arguments_arrive_as_they_are() {
    let test = Test::new("quotes_newlines_and_arguments_arrive_as_they_are");
    let shell = r#"run = { at = "n", cmd = '''printf '%s\n' 'it'\''s' "a \"b\"
second line" '$HOME' ''' }
expect.stdout.is = '''it's
a "b"
second line
$HOME
'''"#;
    let argv = r#"run = { at = "n", cmd = ["printf", "<%s>", "it's \"one\"", "two\nlines", "$HOME", "a  b", "", "é"] }
expect.stdout.is = "<it's \"one\"><two\nlines><$HOME><a  b><><é>""#;
    for who in Who::all() {
        let output = run(&test, who, &lab(&[], &[shell, argv])).exits(0);
        assert_eq!(report(&output).steps.len(), 2);
    }
}

#[test]
fn exit_codes_are_those_of_a_shell() {
    let test = Test::new("exit_codes_are_those_of_a_shell");
    let run_step =
        |cmd: &str, code: i32| format!("run = {{ at = \"n\", cmd = {cmd} }}\nexpect.exit = {code}");
    let steps = [
        run_step("\"exit 42\"", 42),
        run_step("\"kill -TERM $$\"", 128 + 15),
        run_step("\"no-such-program\"", 127),
        run_step("[\"no-such-program\"]", 127),
        run_step("[\"/etc/passwd\"]", 126),
    ];
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    let output = run(&test, Who::here(), &lab(&[], &steps));
    let report = report(&output);
    let failed: Vec<_> = report.steps.iter().filter(|step| !step.held()).collect();
    assert!(failed.is_empty() && report.steps.len() == 5, "{report:#?}");
}

#[test]
fn a_command_that_does_not_end_in_time_is_killed_with_its_children() {
    let test = Test::new("a_command_that_does_not_end_in_time_is_killed_with_its_children");
    let file = test.path("pids");
    let step = format!(
        "run = {{ at = \"n\", timeout = \"300ms\", cmd = \"echo begun; sleep 1000 & echo $! > {0}; wait\" }}",
        file.display()
    );
    // Its child ends too: it is not there any more, or a zombie (Z in proc_pid_stat(5)).
    let next = format!(
        r#"run = {{ at = "n", cmd = """
read pid < {0}; rm {0}
while read of 2> /dev/null < /proc/$pid/stat; do case $of in *') Z '*) break; esac; done""" }}"#,
        file.display()
    );
    let output = run(&test, Who::here(), &lab(&[], &[&step, &next])).exits(1);
    let report = report(&output);
    assert_eq!(report.steps[0].checks[0].expected, "exit code 0");
    let seen = &report.steps[0].checks[0].seen;
    assert!(seen.starts_with("killed when its time was up"), "{seen}");
    assert!(report.steps[1].held(), "{:?}", report.steps[1]);
}

#[test]
fn nothing_that_a_lab_has_started_outlives_it() {
    let test = Test::new("nothing_that_a_lab_has_started_outlives_it");
    let daemon = r#"{ name = "daemon", ready = "exit", cmd = "setsid sh -c 'trap : TERM HUP INT; sleep 1000; sleep 1000' >/dev/null 2>&1 &" }"#;
    let server = r#"{ name = "server", cmd = "trap : TERM; sleep 1000; sleep 1000" }"#;
    let background = "run = { at = \"n\", cmd = \"sleep 1000 & setsid sleep 1000 & nohup sleep 1000 >/dev/null 2>&1 &\" }";
    for who in Who::all() {
        run(&test, who, &lab(&[daemon, server], &[background])).exits(0);
        test.await_end();
    }
}

#[test]
fn a_command_that_never_stops_talking() {
    let test = Test::new("a_command_that_never_stops_talking");
    let step = "run = { at = \"n\", timeout = \"500ms\", cmd = \"yes\" }";
    let output = run(&test, Who::here(), &lab(&[], &[step])).exits(1);
    // What is kept of it is bounded.
    assert!(output.stdout.len() < 1024 * 1024, "{} bytes", output.stdout.len());
}
