//! Services of a lab that is up: started in order, started again, stopped in time.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::{Test, Who, user};

/// A lab of one node with these services.
fn lab(services: &[String]) -> String {
    format!("name = \"kept\"\n[node.n]\nrun = [\n{}\n]\n", services.join(",\n"))
}

/// Waits until this holds of a file that a service writes.
#[track_caller]
pub fn await_file(path: &Path, holds: impl Fn(&str) -> bool) -> String {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let text = fs::read_to_string(path).unwrap_or_default();
        if holds(&text) {
            return text;
        }
        assert!(Instant::now() < deadline, "{}: {text:?}", path.display());
        std::thread::yield_now();
    }
}

fn lines(text: &str) -> usize {
    text.lines().count()
}

#[test]
fn they_start_in_order_and_are_ready_when_up_returns() {
    let test = Test::new("they_start_in_order_and_are_ready_when_up_returns");
    for who in Who::all() {
        let (said, there) =
            (test.path(&format!("said-{who:?}")), test.path(&format!("there-{who:?}")));
        let (said, there) = (said.display(), there.display());
        let says = |name: &str, ready: &str, and: &str| {
            format!("{{ name = \"{name}\", {ready} cmd = '''echo {name} >> {said}; {and}''' }}")
        };
        let services = [
            says("first", "ready = \"exit\",", "exit 0"),
            says("second", "ready = \"line:it is up\",", "echo it is up; exec sleep 1000"),
            says(
                "third",
                &format!("ready = \"file:{there}\","),
                &format!("touch {there}; exec sleep 1000"),
            ),
            says("fourth", "ready = \"tcp:8080\",", LISTEN),
            says("fifth", "ready = \"exit\",", "grep -q ':1F90 .* 0A ' /proc/net/tcp"),
        ];
        let services = &services[..if user::is_there("perl") { 5 } else { 3 }];
        test.up(who, &lab(services));
        let all = ["first", "second", "third", "fourth", "fifth"][..services.len()].join("\n");
        assert_eq!(fs::read_to_string(said.to_string()).unwrap().trim_end(), all);
        test.down(who);
    }
}

const LISTEN: &str = "exec perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(LocalPort => 8080, Listen => 5) or die $!; sleep 1000'";

/// One of each way to be restarted, and of each way to end: a line in a file for each start.
#[test]
fn they_are_started_again_as_they_say() {
    let test = Test::new("they_are_started_again_as_they_say");
    for who in Who::all() {
        let mut services = Vec::new();
        let mut files = Vec::new();
        for (restart, code) in [
            ("never", 0),
            ("never", 1),
            ("on-failure", 0),
            ("on-failure", 1),
            ("always", 0),
            ("always", 1),
        ] {
            let file = test.path(&format!("{restart}-{code}-{who:?}"));
            services.push(format!(
                "{{ name = \"{restart}-{code}\", restart = \"{restart}\", cmd = \"echo $$ >> {}; exit {code}\" }}",
                file.display()
            ));
            files.push((file, restart == "always" || (restart == "on-failure" && code == 1)));
        }
        test.up(who, &lab(&services));
        // Long enough for three of each that comes again: so would the others have.
        for (file, _) in files.iter().filter(|(_, again)| *again) {
            await_file(file, |text| lines(text) >= 3);
        }
        for (file, _) in files.iter().filter(|(_, again)| !*again) {
            assert_eq!(lines(&fs::read_to_string(file).unwrap()), 1, "{}", file.display());
        }
        test.down(who);
        let count =
            || files.iter().map(|(f, _)| lines(&fs::read_to_string(f).unwrap())).sum::<usize>();
        let (after, again) = (count(), count());
        assert_eq!(after, again);
    }
}

/// Also one that was killed by hand.
#[test]
fn one_that_is_killed_comes_again() {
    let test = Test::new("one_that_is_killed_comes_again");
    for who in Who::all() {
        let file = test.path(&format!("pids-{who:?}"));
        let service = format!(
            "{{ name = \"s\", restart = \"always\", cmd = \"echo $$ >> {}; exec sleep 1000\" }}",
            file.display()
        );
        test.up(who, &lab(&[service]));
        for time in 1..=3 {
            let pids = await_file(&file, |text| lines(text) == time);
            let pid = pids.lines().last().expect("a line");
            // One that it has seen itself becoming what it is, by the numbers of the lab.
            test.exec(who, "n", &format!("kill -9 {pid}")).done().exits(0);
        }
        await_file(&file, |text| lines(text) == 4);
        test.down(who);
    }
}

#[test]
fn they_are_told_to_end_and_have_time_for_it() {
    let test = Test::new("they_are_told_to_end_and_have_time_for_it");
    for who in Who::all() {
        let file = test.path(&format!("told-{who:?}"));
        // `down` waits for what it does after the signal, and for what it has started.
        let service = format!(
            "{{ name = \"s\", restart = \"always\", stop = \"60s\", ready = \"line:up\", cmd = '''
trap 'sleep 0.2; echo told >> {0}; exit 0' TERM
sh -c 'trap \"sleep 0.3; echo child >> {0}; exit 0\" TERM; echo up; while :; do sleep 0.05; done' &
while :; do sleep 0.05; done''' }}",
            file.display()
        );
        test.up(who, &lab(&[service]));
        assert!(!file.exists());
        test.down(who);
        assert_eq!(fs::read_to_string(&file).unwrap(), "told\nchild\n");
    }
}

#[test]
fn one_that_does_not_listen_is_killed_when_its_time_is_up() {
    let test = Test::new("one_that_does_not_listen_is_killed_when_its_time_is_up");
    for who in Who::all() {
        for (stop, at_least) in [("700ms", Duration::from_millis(700)), ("0s", Duration::ZERO)] {
            let service = format!(
                "{{ name = \"s\", stop = \"{stop}\", ready = \"line:up\", cmd = \"trap '' TERM HUP INT; echo up; while :; do sleep 0.05; done\" }}"
            );
            test.up(who, &lab(&[service]));
            let begun = Instant::now();
            test.down(who);
            let took = begun.elapsed();
            assert!(took >= at_least, "killed after {took:?}");
            // What it is given unless said is 5 s, and was not waited for.
            assert!(took < at_least + Duration::from_secs(4), "killed after {took:?}");
        }
    }
}

/// Zombies are those that nobody has waited for (Z in `proc_pid_stat(5)`).
#[test]
fn what_has_lost_its_parent_is_waited_for() {
    let test = Test::new("what_has_lost_its_parent_is_waited_for");
    let service = "{ name = \"s\", ready = \"line:up\", cmd = '''
n=0; while [ $n -lt 100 ]; do (true & true) ; n=$((n+1)); done; echo up; exec sleep 1000''' }";
    for who in Who::all() {
        test.up(who, &lab(&[service.to_owned()]));
        for _ in 0..20 {
            test.exec(who, "n", "(sleep 0.01 & ) & setsid sleep 0.01 & exit 0").done().exits(0);
        }
        // All end, and none stays: but for the holder, the service and this shell nobody is there.
        let line = "while set -- /proc/[0-9]*; [ $# -gt 3 ]; do :; done; echo $#";
        assert_eq!(test.exec(who, "n", line).done().exits(0).stdout, "3\n");
        test.down(who);
    }
}
