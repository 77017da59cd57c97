//! Wires of running labs, and `twinax wire` by itself.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{Output, Program, Test, Who, processes, user};
use crate::up::listed;

const LAB: &str = r#"
name = "wired"
[node.ns0]
[node.ns1]
[[tap]]
at = "ns0:tap0"
ip = "10.1.1.1/24"
[[tap]]
at = "ns1:tap1"
ip = "10.1.1.2/24"
"#;

const WIRE: &str = "[[wire]]\na = \"ns0:tap0\"\nb = \"ns1:tap1\"\n";

/// Everybody who can have TAPs here, with what makes them possible in a world of his own.
fn everybody(name: &str, inside: impl Fn(&Test, Who, &str)) {
    let test = Test::new(name);
    for program in ["ip", "bash"] {
        if !user::is_there(program) {
            return test.skip(&format!("there is no `{program}`"));
        }
    }
    for who in Who::everybody().into_iter().filter(|who| test.can_be(*who)) {
        if let Some(tun) = test.tun_for(who) {
            inside(&test, who, tun);
        }
    }
}

/// `twinax`, where TAPs are possible.
fn twinax<'t>(test: &'t Test, who: Who, tun: &str, words: &[&str]) -> Program<'t> {
    let twinax = test.twinax(who).args(words);
    if who.is_another() { twinax.world(tun) } else { twinax }
}

fn up(test: &Test, who: Who, tun: &str, lab: &str) -> Output {
    test.file("lab.toml", lab);
    twinax(test, who, tun, &["up", "lab.toml"]).done().exits(0)
}

/// Whether ns0 reaches ns1.
fn reaches(test: &Test, who: Who) -> bool {
    test.twinax(who).args(["ping", "ns0", "ns1", "-c", "1", "-W", "5"]).done().code == 0
}

/// The processes of the test that carry.
fn carriers(test: &Test) -> Vec<Pid> {
    let is_one = |pid: i32| {
        fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "twinax wire\n")
    };
    let all = processes::marked(test.mark()).into_iter().filter(|process| is_one(process.pid));
    all.map(|process| Pid::from_raw(process.pid).expect("a number")).collect()
}

/// What `show` says of the wire, where it is called by a device of ns0.
fn state(test: &Test, who: Who) -> Value {
    let output = test.twinax(who).args(["show", "ns0", "--json"]).done().exits(0);
    let page: Value = serde_json::from_str(&output.stdout).expect("JSON");
    page["nodes"]["ns0"]["services"]["wire:tap0"].clone()
}

#[test]
fn a_wire_from_up_to_down() {
    everybody("a_wire_from_up_to_down", |test, who, tun| {
        let apply = |lab: &str| {
            test.file("lab.toml", lab);
            twinax(test, who, tun, &["apply", "lab.toml"]).done().exits(0)
        };
        let set = |words: &[&str]| twinax(test, who, tun, &[&["set"], words].concat()).done();
        let wired = LAB.to_owned() + WIRE;
        up(test, who, tun, &wired).complains("2 TAPs, 1 wire");
        assert!(reaches(test, who));
        let page = test.twinax(who).args(["show", "wired"]).done().exits(0);
        page.says("tap, ↔ ns1:tap1 by a wire").says("tap, ↔ ns0:tap0 by a wire");
        let page = test.twinax(who).args(["show", "ns0"]).done().exits(0);
        page.says("wire:tap0 carrying, PID ").says(", ns0:tap0 ↔ ns1:tap1");
        let page = test.twinax(who).args(["show", "--json"]).done().exits(0);
        let page: Value = serde_json::from_str(&page.stdout).expect("JSON");
        assert_eq!(page["wires"], serde_json::json!([{ "a": "ns0:tap0", "b": "ns1:tap1" }]));
        // What is saved is what was brought up, and nothing is to be done for it.
        let saved = test.twinax(who).arg("save").done().exits(0);
        assert_eq!(
            twinax_topology::parse(&saved.stdout, "saved"),
            twinax_topology::parse(&wired, "wired")
        );
        let before = carriers(test);
        apply(&wired).complains("nothing to do");
        assert_eq!(carriers(test), before, "it goes on");

        apply(LAB).says("# stop ns0/wire:tap0\n");
        assert_eq!(carriers(test), []);
        let output = set(&["--add", "wire=ns0:tap0,ns1:tap1"]).exits(0);
        assert_eq!(output.stdout, "twinax wire ns0:tap0 ns1:tap1 &\n");
        assert!(reaches(test, who));
        set(&["--add", "wire=ns1:tap1,ns0:tap0"]).exits(4).complains("another program holds");
        let output = set(&["--remove", "wire=ns1:tap1"]).exits(0);
        assert_eq!(output.stdout, "# unplug ns0:tap0 ↔ ns1:tap1\n");
        set(&["--remove", "wire=ns1:tap1"]).exits(2).complains("no wire ends at `ns1:tap1`");
        set(&["--add", "wire=ns0:tap0,ns1:tap9"]).exits(2).complains("tap9");
        apply(&wired).says("# start ns0/wire:tap0\n");
        assert!(reaches(test, who));
        // With a node goes what leads there.
        set(&["--remove", "ns1"]).exits(0).says("# unplug ns0:tap0 ↔ ns1:tap1\n");
        assert_eq!(carriers(test), []);
        apply(&wired);
        assert!(reaches(test, who));
        test.down(who);
    });
}

#[test]
fn kill_9_of_the_program_is_a_cable_that_is_cut_and_mended() {
    everybody("kill_9_of_the_program_is_a_cable_that_is_cut_and_mended", |test, who, tun| {
        up(test, who, tun, &(LAB.to_owned() + WIRE));
        for starts in 2..4 {
            let [carrier] = carriers(test)[..] else { panic!("{:?}", carriers(test)) };
            kill_process(carrier, Signal::KILL).unwrap();
            let deadline = Instant::now() + Duration::from_secs(20);
            let state = loop {
                let state = state(test, who);
                if state["pid"].is_u64() && state["starts"] == starts {
                    break state;
                }
                assert!(Instant::now() < deadline, "{state}");
            };
            assert_eq!(state["ended"], 137);
            assert!(reaches(test, who));
        }
        test.down(who);
    });
}

#[test]
fn with_the_holder_goes_the_program() {
    everybody("with_the_holder_goes_the_program", |test, who, tun| {
        up(test, who, tun, &(LAB.to_owned() + WIRE));
        assert_eq!(carriers(test).len(), 1);
        let holder = listed(test, who)[0]["holder"].as_i64().expect("a process ID");
        kill_process(Pid::from_raw(holder as i32).unwrap(), Signal::KILL).unwrap();
        test.await_end();
        test.twinax(who).arg("ls").done().exits(0);
        assert!(test.has_no_lab(who));
    });
}

#[test]
fn with_a_run_goes_the_program() {
    everybody("with_a_run_goes_the_program", |test, who, tun| {
        let step = "[[step]]\nrun = { at = \"ns0\", cmd = \"touch here; sleep 1000\" }\n";
        test.file("lab.toml", LAB.to_owned() + WIRE + step);
        let here = test.path("here");
        let running = twinax(test, who, tun, &["run", "lab.toml"]).start();
        let deadline = Instant::now() + Duration::from_secs(20);
        while !here.exists() {
            assert!(Instant::now() < deadline, "the step is never done");
        }
        assert_eq!(carriers(test).len(), 1);
        running.signal(Signal::KILL);
        running.end().exits(128 + 9);
        test.await_end();
        fs::remove_file(here).unwrap();
    });
}

/// A script that knows of no lab: two nodes with a TAP each.
const SCRIPT: &str = "
for n in 0 1; do
    ip netns add ns$n
    ip -n ns$n tuntap add dev tap$n mode tap
    ip -n ns$n address add 10.1.1.$((n+1))/24 dev tap$n
    ip -n ns$n link set tap$n up
done
ip -n ns0 tuntap add dev tun0 mode tun
";

/// Waits until the devices have carrier, and until ns0 has heard from ns1 what its MAC is.
const CROSSES: &str = "
carrier() { ip -n ns$1 link show tap$1 | grep -q LOWER_UP; }
until carrier 0 && carrier 1; do :; done
ip netns exec ns0 bash -c 'echo > /dev/udp/10.1.1.2/9'
mac=$(ip netns exec ns1 cat /sys/class/net/tap1/address)
until ip -n ns0 neigh show 10.1.1.2 | grep -q \"$mac\"; do :; done
echo crosses
";

#[test]
fn the_verb_is_a_cable_as_long_as_it_runs() {
    everybody("the_verb_is_a_cable_as_long_as_it_runs", |test, who, tun| {
        let line = SCRIPT.to_owned()
            + "twinax wire ns0:tap0 ns1:tap1 2> said & wire=$!"
            + CROSSES
            + "kill -TERM $wire; wait $wire; echo $?; carrier 0 || echo gone";
        let path = test.path("said");
        let output = twinax(test, who, tun, &["sh", "-c", &line]).done().exits(0);
        assert_eq!(output.stdout, "crosses\n0\ngone\n", "{output:?}");
        let said = fs::read_to_string(&path).unwrap();
        // ARP each way, at the least: IPv6 looks around besides.
        for way in ["ns0:tap0 → ns1:tap1: ", "ns1:tap1 → ns0:tap0: "] {
            let rest = said.split_once(way).unwrap_or_else(|| panic!("{said}")).1;
            let frames: u64 = rest.split(' ').next().unwrap().parse().unwrap();
            assert!(frames >= 1 && !rest.contains(';'), "{said}");
        }
        fs::remove_file(path).unwrap();
    });
}

#[test]
fn the_verb_says_what_it_cannot_hold() {
    everybody("the_verb_says_what_it_cannot_hold", |test, who, tun| {
        let tries = |wire: &str, code: i32, word: &str| {
            let line = format!("{SCRIPT}exec twinax wire {wire}");
            twinax(test, who, tun, &["sh", "-c", &line]).done().exits(code).complains(word);
        };
        tries("ns0:tap0 ns2:tap1", 2, "there is no node `ns2`");
        tries("ns0:tap9 ns1:tap1", 2, "there is no device `tap9`");
        tries("ns0:tap0 ns0:tun0", 2, "`tun0` is no TUN/TAP device of mode tap");
        tries("ns0:lo ns1:tap1", 2, "`lo` is no TUN/TAP device");
        tries("ns0:tap0 ns0:tap0", 2, "both ends of the wire are `ns0:tap0`");
        tries("ns0 ns1:tap1", 2, "write NODE:TAP");
        let line = SCRIPT.to_owned()
            + "twinax wire ns0:tap0 ns1:tap1 &"
            + CROSSES
            + "twinax wire ns0:tap0 ns1:tap1";
        let output = twinax(test, who, tun, &["sh", "-c", &line]).done().exits(2);
        output.complains("another program holds `tap0`");
    });
}

/// The device is taken away: the program ends by itself, and says why.
#[test]
fn the_verb_ends_with_its_device() {
    everybody("the_verb_ends_with_its_device", |test, who, tun| {
        let line = SCRIPT.to_owned()
            + "twinax wire ns0:tap0 ns1:tap1 & wire=$!"
            + CROSSES
            + "ip -n ns1 link del tap1; wait $wire";
        let output = twinax(test, who, tun, &["sh", "-c", &line]).done().exits(4);
        output.complains("device `ns1:tap1` is gone");
    });
}

/// The plan as a script, with the program that it names.
#[test]
fn the_plan_has_its_wire() {
    everybody("the_plan_has_its_wire", |test, who, tun| {
        test.file("lab.toml", LAB.to_owned() + WIRE);
        let plan = test.twinax(who).args(["plan", "lab.toml"]).done().exits(0).stdout;
        let output = twinax(test, who, tun, &["sh", "-c", &(plan + CROSSES)]).done().exits(0);
        assert_eq!(output.stdout, "crosses\n");
    });
}
