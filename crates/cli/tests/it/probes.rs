//! Traceroute, TCP and UDP, as steps and as verbs.

use serde_json::Value;
use snapbox::{assert_data_eq, str};

use crate::support::{Test, Who, user};

/// Two routers in a row, of which the second passes packets on, but tells nobody of any error; behind
/// it a node with two addresses of each family. What the first has no way to, what is out of reach and
/// what is forbidden, it tells.
const LAB: &str = r#"
name = "ways"
[node.left]
route = { to = "default", via = "10.0.0.1" }
[node.r1]
kind = "router"
route = [
  { to = "10.0.2.0/24", via = "10.0.1.2" },
  { to = "10.7.0.0/16", kind = "unreachable" },
  { to = "10.8.0.0/16", kind = "prohibit" },
]
[node.silent]
kind = "router"
route = { to = "10.0.0.0/24", via = "10.0.1.1" }
firewall = { filter = { chain = "output", verdict = "drop", protocol = "icmp" } }
[node.right]
route = { to = "default", via = "10.0.2.1" }
listen = [{ udp = 7 }, { tcp = 80, say = "hello" }]
[[link]]
a = { at = "left:e0", ip = "10.0.0.2/24" }
b = { at = "r1:left", ip = "10.0.0.1/24" }
[[link]]
a = { at = "r1:right", ip = "10.0.1.1/24" }
b = { at = "silent:left", ip = "10.0.1.2/24" }
[[link]]
a = { at = "silent:right", ip = ["10.0.2.1/24", "fd00:2::1/64"] }
b = { at = "right:e0", ip = ["10.0.2.2/24", "10.0.2.3/24", "fd00:2::2/64", "fd00:2::3/64"] }
"#;

/// Runs the lab with these steps, as everybody, and wants all that is expected to hold.
fn all_hold(name: &str, lab: &str, steps: &str) {
    let test = Test::new(name);
    for who in Who::all() {
        let file = test.file("lab.toml", format!("{lab}{steps}"));
        let output = test.twinax(who).args(["run", "--json"]).arg(file).done();
        let [report] = &output.reports()[..] else { panic!("one lab, one report") };
        let failed: Vec<_> = report.steps.iter().filter(|step| !step.held()).collect();
        assert!(failed.is_empty() && report.broken.is_none(), "as {who:?}: {report:#?}");
        assert!(report.steps.iter().all(|step| !step.checks.is_empty()), "{report:#?}");
    }
}

#[test]
fn ways_with_a_silent_router() {
    all_hold(
        "ways_with_a_silent_router",
        LAB,
        r#"
[[step]]
traceroute = { from = "left", to = "right" }
expect = { hops = ["r1:left", "*", "10.0.2.2"], reachable = true }
[[step]]
traceroute = { from = "left", to = "right", method = "udp", probes = 2 }
expect.hops = ["r1", "*", "right:e0"]
[[step]]
about = "the TTL is too small"
traceroute = { from = "left", to = "right", method = "udp", max_hops = 1 }
expect = { hops = "r1", reachable = false }
[[step]]
about = "silent to the end"
traceroute = { from = "r1", to = "right", max_hops = 1, timeout = "200ms" }
expect = { hops = [], reachable = false }
[[step]]
about = "to itself"
traceroute = { from = "left", to = "left", method = "udp" }
expect.hops = "left"
[[step]]
about = "no way, says the sender's own kernel, which is no hop"
traceroute = { from = "r1", to = "10.9.9.9", method = "udp" }
expect = { hops = [], reachable = false, told = "Network is unreachable" }
"#,
    );
}

#[test]
fn ways_that_end() {
    for (to, told) in [
        ("10.9.9.9", "Destination Net Unreachable"),
        ("10.7.0.1", "Destination Host Unreachable"),
        ("10.8.0.1", "Packet filtered"),
    ] {
        let step = |method: &str| {
            format!(
                "[[step]]\ntraceroute = {{ from = \"left\", to = \"{to}\", method = \"{method}\" }}\n\
                 expect = {{ hops = \"r1:left\", told = \"{told}\", reachable = false }}\n"
            )
        };
        all_hold(&format!("ways_that_end: {to}"), LAB, &(step("icmp") + &step("udp")));
    }
}

#[test]
fn datagrams_that_come_back() {
    all_hold(
        "datagrams_that_come_back",
        LAB,
        r#"
[[step]]
udp = { from = "left", to = "right", port = 7, count = 3, interval = "1ms" }
expect = { received = 3, lost = 0, reachable = true }
[[step]]
about = "from the address that they were sent to"
udp = { from = "left", to = "10.0.2.3", port = 7 }
[[step]]
about = "in IPv6 as well"
udp = { from = "silent", to = "fd00:2::3", port = 7 }
[[step]]
about = "in fragments, and as small as can be"
udp = { from = "left", to = "right", port = 7, size = "65507B" }
[[step]]
udp = { from = "silent", to = "fd00:2::2", port = 7, size = "9000B" }
[[step]]
udp = { from = "left", to = "right", port = 7, size = "8B", source_port = 7 }
expect.seen = { at = "right:e0", packet = "udp", from_port = 7, to_port = 7, count = 2, answers = false }
[[step]]
about = "in each other's way"
udp = { from = "right", to = "left", port = 9, source_port = 7 }
expect.told = "Address already in use"
[[step]]
about = "closed"
udp = { from = "left", to = "right", port = 9, count = 2, interval = "1ms" }
expect = { received = 0, lost = 2, told = "Connection refused" }
[[step]]
udp = { from = "silent", to = "fd00:2::2", port = 9 }
expect = { reachable = false, told = "Connection refused" }
[[step]]
about = "the TTL is too small"
udp = { from = "left", to = "right", port = 7, ttl = 1 }
expect = { received = 0, told = "Time to live exceeded" }
[[step]]
about = "no way"
udp = { from = "left", to = "10.9.9.9", port = 7 }
expect.told = "Destination Net Unreachable"
[[step]]
udp = { from = "r1", to = "10.9.9.9", port = 7 }
expect.told = "Network is unreachable"
[[step]]
about = "no word"
udp = { from = "left", to = "right", port = 7, ttl = 2, timeout = "200ms" }
expect = { received = 0 }
"#,
    );
}

/// By its port, each second packet of the second hop goes another way, and all answers come back by the
/// first.
const TWO_WAYS: &str = r#"
name = "two-ways"
[node.left]
route = { to = "default", via = "10.0.0.1" }
[node.r1]
kind = "router"
route = [
  { to = "10.0.9.0/24", via = "10.0.1.2" },
  { to = "10.0.9.0/24", via = "10.0.2.2", table = 100 },
]
[node.r2a]
kind = "router"
route = { to = "10.0.0.0/24", via = "10.0.1.1" }
[node.r2b]
kind = "router"
route = { to = "10.0.0.0/24", via = "10.0.2.1" }
[node.sw]
kind = "bridge"
[node.right]
route = { to = "default", via = "10.0.9.1" }
[[link]]
a = { at = "left:e0", ip = "10.0.0.2/24" }
b = { at = "r1:left", ip = "10.0.0.1/24" }
[[link]]
a = { at = "r1:a", ip = "10.0.1.1/24" }
b = { at = "r2a:left", ip = "10.0.1.2/24" }
[[link]]
a = { at = "r1:b", ip = "10.0.2.1/24" }
b = { at = "r2b:left", ip = "10.0.2.2/24" }
[[link]]
a = { at = "r2a:right", ip = "10.0.9.1/24" }
b = "sw:a"
[[link]]
a = { at = "r2b:right", ip = "10.0.9.2/24" }
b = "sw:b"
[[link]]
a = { at = "right:e0", ip = "10.0.9.9/24" }
b = "sw:right"
[[step]]
run = { at = "r1", cmd = "ip rule add dport 33437 lookup 100" }
"#;

#[test]
fn two_ways_at_once() {
    let test = Test::new("two_ways_at_once");
    if !user::is_there("ip") {
        return test.skip("there is no `ip`");
    }
    let steps = r#"
[[step]]
traceroute = { from = "left", to = "right", method = "udp", probes = 2 }
expect.hops = ["r1", ["r2a", "r2b"], "right"]
[[step]]
traceroute = { from = "left", to = "right", method = "udp", probes = 2 }
expect.hops = ["r1", "r2a", "right"]
"#;
    let lab = test.file("lab.toml", format!("{TWO_WAYS}{steps}"));
    let output = test.twinax(Who::User).arg("run").arg(lab).done().exits(1);
    let said: Vec<&str> = output.stdout.lines().skip(4).collect();
    assert_data_eq!(
        said.join("\n") + "\n",
        str![[r#"
  ok   2. traceroute left → right (10.0.9.9), UDP from port 33434 on, 2 of each TTL
         traceroute left → right (10.0.9.9), UDP from port 33434 on, 2 of each TTL: 1. r1:left
           (10.0.0.1), 2. r2a:left (10.0.1.2) or r2b:left (10.0.2.2), 3. right:e0 (10.0.9.9)
  FAIL 3. traceroute left → right (10.0.9.9), UDP from port 33434 on, 2 of each TTL
         expected: r1, r2a, right
         seen:     1. r1:left (10.0.0.1), 2. r2a:left (10.0.1.2) or r2b:left (10.0.2.2), 3. right:e0 (10.0.9.9)
  FAILED, 2 of 3 steps held; built and taken away in [..]s

"#]]
    );
}

#[test]
fn what_fails_is_told_in_words() {
    let test = Test::new("what_fails_is_told_in_words");
    let steps = r#"
[[step]]
traceroute = { from = "left", to = "right", method = "udp", timeout = "300ms" }
expect = { hops = ["r1", ["silent", "10.0.9.9"], "right"], told = "Packet filtered" }
[[step]]
traceroute = { from = "left", to = "10.9.9.9", method = "udp", port = 40000 }
[[step]]
udp = { from = "left", to = "right", port = 9, count = 2, interval = "1ms", ttl = 9, size = "100B", source_port = 8 }
[[step]]
udp = { from = "left", to = "right", port = 7 }
expect = { lost = 1, told = "Connection refused", reachable = false }
[[step]]
tcp = { from = "left", to = "10.8.0.1", port = 80 }
[[step]]
tcp = { from = "left", to = "right", port = 80 }
expect = { connected = false }
"#;
    let lab = test.file("lab.toml", format!("{LAB}{steps}"));
    let output = test.twinax(Who::User).arg("run").arg(lab).done().exits(1);
    let said: Vec<&str> = output.stdout.lines().skip(2).collect();
    assert_data_eq!(
        said.join("\n") + "\n",
        str![[r#"
  FAIL 1. traceroute left → right (10.0.2.2), UDP from port 33434 on
         expected: r1, silent or 10.0.9.9, right
         seen:     1. r1:left (10.0.0.1), 2. *, 3. right:e0 (10.0.2.2)
         expected: the sender is told "Packet filtered"
         seen:     1. r1:left (10.0.0.1), 2. *, 3. right:e0 (10.0.2.2)
  FAIL 2. traceroute left → 10.9.9.9, UDP from port 40000 on
         expected: reaches 10.9.9.9
         seen:     1. r1:left (10.0.0.1) "Destination Net Unreachable"
  FAIL 3. udp left → right (10.0.2.2) port 9, from port 8, TTL 9, 100 bytes
         expected: all received
         seen:     2 sent, 0 received; told 2 times "Connection refused" by 10.0.2.2
  FAIL 4. udp left → right (10.0.2.2) port 7
         expected: 1 lost
         seen:     1 sent, 1 received
         expected: unreachable
         seen:     1 sent, 1 received
         expected: the sender is told "Connection refused"
         seen:     1 sent, 1 received
         round trip [..]s, TTL 62
  FAIL 5. tcp left → 10.8.0.1 port 80
         expected: connected
         seen:     not connected; told "No route to host" by 10.0.0.1
  FAIL 6. tcp left → right (10.0.2.2) port 80
         expected: not connected
         seen:     connected
         connected in [..]s
  FAILED, 0 of 6 steps held; built and taken away in [..]s

"#]]
    );
}

/// What a verb says of a lab that is up; of what fails, but for a traceroute, it can be found out why.
#[track_caller]
fn says(test: &Test, who: Who, words: &str, code: i32) -> String {
    let output = test.twinax(who).args(words.split(' ')).done().exits(code);
    match code != 0 && !words.starts_with("traceroute") {
        true => assert!(output.stderr.starts_with("hint: `twinax why "), "{words}: {output:?}"),
        false => assert_eq!(output.stderr, "", "{words}"),
    }
    output.stdout
}

#[test]
fn traceroutes_of_a_running_lab() {
    let test = Test::new("traceroutes_of_a_running_lab");
    for who in Who::all() {
        test.up(who, LAB);
        assert_data_eq!(
            says(&test, who, "traceroute left right -q 2 -W 300ms", 0),
            str![[r#"
traceroute left → right (10.0.2.2), by UDP from port 33434 on
   1  r1:left (10.0.0.1)  [..]s  [..]s
   2  *
   3  right:e0 (10.0.2.2)  [..]s  [..]s
reached in 3 hops

"#]]
        );
        assert_data_eq!(
            says(&test, who, "traceroute ways/r1 right:e0 --icmp -q 1 -m 1 -W 0.2", 1),
            str![[r#"
traceroute r1 → right:e0 (10.0.2.2), by ICMP
not reached: no answer with a TTL of 1

"#]]
        );
        assert_data_eq!(
            says(&test, who, "traceroute left 10.8.0.1 -q 1 -p 5000", 1),
            str![[r#"
traceroute left → 10.8.0.1, by UDP from port 5000 on
   1  r1:left (10.0.0.1)  [..]s !X
not reached: "Packet filtered", says r1:left (10.0.0.1)

"#]]
        );
        assert_data_eq!(
            says(&test, who, "traceroute r1 10.9.9.9 -q 1", 1),
            str![[r#"
traceroute r1 → 10.9.9.9, by UDP from port 33434 on
   1  r1's own kernel  [..]s !N
not reached: "Network is unreachable", says r1's own kernel

"#]]
        );
        let traced = says(&test, who, "traceroute silent fd00:2::2 -6 -q 1 --json", 0);
        let traced: Value = serde_json::from_str(&traced).expect("one document");
        assert_eq!((&traced["lab"], &traced["address"]), (&"ways".into(), &"fd00:2::2".into()));
        assert_eq!((&traced["method"], &traced["reached"]), (&"udp".into(), &true.into()));
        let answer = &traced["hops"][0]["answers"][0];
        assert_eq!((&answer["place"], &answer["by"]), (&"right:e0".into(), &"fd00:2::2".into()));
        test.down(who);
    }
}

#[test]
fn connections_and_datagrams_of_a_running_lab() {
    let test = Test::new("connections_and_datagrams_of_a_running_lab");
    for who in Who::all() {
        test.up(who, LAB);
        assert_data_eq!(
            says(&test, who, "tcp left right 80", 0),
            str![[r#"
tcp left → right (10.0.2.2) port 80
  connected in [..]s; it says:
    hello

"#]]
        );
        assert_data_eq!(
            says(&test, who, "tcp left right 81", 1),
            str![[r#"
tcp left → right (10.0.2.2) port 81
  not connected: "Connection refused"

"#]]
        );
        assert_data_eq!(
            says(&test, who, "tcp left 10.7.0.1 80", 1),
            str![[r#"
tcp left → 10.7.0.1 port 80
  not connected: "No route to host", says 10.0.0.1

"#]]
        );
        let told = says(&test, who, "tcp silent right 80 -6 --listen 0 --json", 0);
        let told: Value = serde_json::from_str(&told).expect("one document");
        assert_eq!((&told["port"], &told["said"]), (&80.into(), &"".into()));
        assert!(told["connected"].is_object(), "{told}");
        assert_data_eq!(
            says(&test, who, "udp left right -c 2 -i 0", 0),
            str![[r#"
udp left → right (10.0.2.2) port 7
   1  [..]s, TTL 62
   2  [..]s, TTL 62
2 sent, 2 received; round trip min [..]s, avg [..]s, max [..]s

"#]]
        );
        assert_data_eq!(
            says(&test, who, "udp left right 9 -c 1 --source-port 4000", 1),
            str![[r#"
udp left → right (10.0.2.2) port 9
   1  not delivered: "Connection refused", says 10.0.2.2
1 sent, 0 received

"#]]
        );
        assert_data_eq!(
            says(&test, who, "udp r1 10.9.9.9 -c 1", 1),
            str![[r#"
udp r1 → 10.9.9.9 port 7
   1  not delivered: "Network is unreachable", says r1's own kernel
1 sent, 0 received

"#]]
        );
        let told = says(&test, who, "udp silent right -6 -c 1 -s 8 --json", 0);
        let told: Value = serde_json::from_str(&told).expect("one document");
        assert_eq!((&told["sent"], &told["replies"][0]["ttl"]), (&1.into(), &64.into()));
        test.down(who);
    }
}

#[test]
fn ports_come_and_go_while_the_lab_is_up() {
    let test = Test::new("ports_come_and_go_while_the_lab_is_up");
    for who in Who::all() {
        test.up(who, LAB);
        test.twinax(who).args(["show", "right"]).done().exits(0).says("udp:7 listening");
        let other = LAB.replace("{ udp = 7 }", "{ udp = 80 }, { tcp = 7 }");
        test.twinax(who).arg("apply").arg(test.file("other.toml", &other)).done().exits(0);
        says(&test, who, "udp left right 80 -c 1", 0);
        says(&test, who, "udp left right 7 -c 1", 1);
        says(&test, who, "tcp left right 7", 0);
        let saved = says(&test, who, "save", 0);
        let saved = twinax_topology::parse(&saved, "saved").expect("what is saved is a lab");
        let wanted = twinax_topology::parse(&other, "other").expect("a lab");
        let listeners = |lab: &twinax_topology::Topology| {
            let mut all = lab.nodes.iter().flat_map(|node| node.listeners.clone());
            let mut keys: Vec<_> = all.by_ref().map(|listener| listener.key()).collect();
            keys.sort();
            keys
        };
        assert_eq!(listeners(&saved), listeners(&wanted));
        test.down(who);
    }
}

#[test]
fn requests_that_are_wrong() {
    let test = Test::new("requests_that_are_wrong");
    let who = Who::User;
    test.up(who, LAB);
    let wrong = |words: &str| test.twinax(who).args(words.split(' ')).done().exits(2);
    wrong("traceroute left rihgt").complains("lab `ways` has no node `rihgt`").complains("`right`");
    wrong("traceroute left right:e1").complains("node `right` has no interface `e1`");
    wrong("traceroute left fe80::1").complains("`fe80::1` is on every link; a traceroute needs");
    wrong("tcp left r1:left 80 -6").complains("is on every link; a TCP connection needs another");
    wrong("ping left fe80::1")
        .complains("`fe80::1` is on every link")
        .complains("`left:INTERFACE`");
    wrong("traceroute left 10.0.0.1 -6").complains("`10.0.0.1` is an IPv4 address, not IPv6");
    wrong("traceroute left right -p 65535").complains("there is no port 65624").complains("hint:");
    wrong("traceroute left right -I -U").complains("cannot be used with");
    wrong("traceroute left right -I -p 9").complains("cannot be used with");
    wrong("traceroute left:e0 right").complains("left:e0");
    wrong("tcp left right").complains("PORT");
    wrong("tcp left right 0").complains("0 is not in 1..=65535");
    wrong("udp left right 7 -s 7").complains("7 is not in 8..=65507");
    test.down(who);
}
