//! Packets that a step expects: what is said where they are seen, and where they are not.

use snapbox::{assert_data_eq, str};

use crate::support::{Test, Who};

/// Two nodes on a cable. Without IPv6, and with what each knows of the other, nothing crosses it of its
/// own accord.
pub const LAB: &str = r#"
name = "watched"
[node.left]
sysctl = { "net.ipv6.conf.default.disable_ipv6" = 1 }
neigh = { dev = "e0", to = "10.0.0.2", mac = "02:00:00:00:00:02" }
[node.right]
sysctl = { "net.ipv6.conf.default.disable_ipv6" = 1 }
neigh = { dev = "e0", to = "10.0.0.1", mac = "02:00:00:00:00:01" }
[[link]]
a = { at = "left:e0", ip = "10.0.0.1/24", mac = "02:00:00:00:00:01" }
b = { at = "right:e0", ip = "10.0.0.2/24", mac = "02:00:00:00:00:02" }
"#;

/// What a run of the lab with these steps says, all but head and tail.
fn said(test: &Test, who: Who, steps: &str, code: i32) -> String {
    let lab = test.file("lab.toml", format!("{LAB}{steps}"));
    let kept = test.temporary(who, &format!("twinax-watched-{}", who.ids().0));
    let output = test.twinax(who).arg("run").arg(lab).done().exits(code);
    assert_eq!(output.stderr, "");
    assert_eq!(kept.exists(), code != 0);
    let lines: Vec<&str> = output.stdout.lines().collect();
    let [_, _, said @ .., _] = &lines[..] else { panic!("{}", output.stdout) };
    said.join("\n") + "\n"
}

#[test]
fn what_is_seen_holds() {
    let test = Test::new("what_is_seen_holds");
    let steps = r#"
[[step]]
ping = { from = "left", to = "right", count = 2 }
[step.expect]
in_order = true
seen = [
  { at = "right:e0", packet = "icmp echo request", from = "left", to = "right", direction = "in", count = 2, ttl = 64 },
  { at = ["left:e0", "right:e0"], packet = "icmp echo reply", answers = true, count = "1..2", from_mac = "right:e0", to_mac = "02:00:00:00:00:01" },
]
unseen = [{ at = ["left:lo", "right:lo"], packet = "any" }, { at = "left", packet = "arp" }, { at = "left", packet = "icmp", ttl = 63 }]
"#;
    for who in Who::all() {
        assert_data_eq!(
            said(&test, who, steps, 0),
            str![[r#"
  ok   1. ping left → right (10.0.0.2)
         ping left → right (10.0.0.2):
           2 sent, 2 received
           2 × icmp echo request from left to right with TTL 64 into right:e0
           2 × icmp echo reply from MAC right:e0 to MAC 02:00:00:00:00:01 at each of left:e0 and
             right:e0, each an answer
           no packet at left:lo and right:lo
           no arp at left
           no icmp with TTL 63 at left
           the first of each in this order
         round trip [..]s to [..]s, TTL 64

"#]]
        );
    }
}

#[test]
fn each_kind_of_expectation_fails_in_its_own_words() {
    let test = Test::new("each_kind_of_expectation_fails_in_its_own_words");
    let steps = r#"
[[step]]
about = "too few, and not all"
ping = { from = "left", to = "right" }
[step.expect]
within = "1ms"
seen = [
  { at = "right:e0", packet = "icmp echo reply", count = "2.." },
  { at = ["left:e0", "left:lo"], packet = "icmp echo reply" },
]
[[step]]
about = "too many"
ping = { from = "left", to = "right", count = 2 }
expect.seen = { at = "right:e0", packet = "icmp", from = "10.0.0.0/30", direction = "in", count = 1 }
[[step]]
about = "there, though it should not be"
ping = { from = "left", to = "right" }
expect.unseen = { at = ["left", "right:lo"], packet = "icmp echo reply" }
[[step]]
about = "in another order"
ping = { from = "left", to = "right" }
[step.expect]
in_order = true
seen = [{ at = "left:e0", packet = "icmp echo reply" }, { at = "right:e0", packet = "icmp echo request" }]
[[step]]
about = "of two, one is no answer"
tcp = { from = "left", to = "right", port = 9 }
[step.expect]
connected = false
seen = { at = "right:e0", packet = "tcp", answers = true, count = 2 }
[[step]]
about = "nothing at all"
run = { at = "left", cmd = "true" }
[step.expect]
within = "1ms"
seen = [{ at = "right", packet = "dns", port = 53 }, { at = "right", packet = "any", vlan = 7 }]
"#;
    for who in Who::all() {
        assert_data_eq!(
            said(&test, who, steps, 1),
            str![[r#"
  FAIL 1. too few, and not all
         ping left → right (10.0.0.2)
         expected: at least 2 × icmp echo reply at right:e0
         seen:     1 × icmp echo reply at right:e0
         expected: icmp echo reply at each of left:e0 and left:lo
         seen:     1 × icmp echo reply at left:e0; no icmp echo reply at left:lo
         round trip [..]s, TTL 64
         seen at right:e0:
           right:e0 In  IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id [..], seq 1, length 64
           right:e0 Out IP 10.0.0.2 > 10.0.0.1: ICMP echo reply, id [..], seq 1, length 64
         seen at left:lo: nothing
         packets: [..]/01-too-few-and-not-all.pcapng
  FAIL 2. too many
         ping left → right (10.0.0.2)
         expected: 1 × icmp from 10.0.0.0/30 into right:e0
         seen:     2 × icmp from 10.0.0.0/30 into right:e0
         round trip [..]s to [..]s, TTL 64
         seen at right:e0:
           right:e0 In  IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id [..], seq 1, length 64
           right:e0 Out IP 10.0.0.2 > 10.0.0.1: ICMP echo reply, id [..], seq 1, length 64
           right:e0 In  IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id [..], seq 2, length 64
           right:e0 Out IP 10.0.0.2 > 10.0.0.1: ICMP echo reply, id [..], seq 2, length 64
         packets: [..]/02-too-many.pcapng
  FAIL 3. there, though it should not be
         ping left → right (10.0.0.2)
         expected: no icmp echo reply at left and right:lo
         seen:     1 × icmp echo reply at left
         round trip [..]s, TTL 64
         icmp echo reply at left:
           left:e0 In  IP 10.0.0.2 > 10.0.0.1: ICMP echo reply, id [..], seq 1, length 64
         packets: [..]/03-there-though-it-should-not-be.pcapng
  FAIL 4. in another order
         ping left → right (10.0.0.2)
         expected: in this order: icmp echo reply at left:e0; icmp echo request at right:e0
         seen:     icmp echo request at right:e0 came before icmp echo reply at left:e0
         round trip [..]s, TTL 64
         packets: [..]/04-in-another-order.pcapng
  FAIL 5. of two, one is no answer
         tcp left → right (10.0.0.2) port 9
         expected: 2 × tcp at right:e0, each an answer
         seen:     2 × tcp at right:e0, of which 1 answers nothing that was seen there
         seen at right:e0:
           right:e0 In  IP 10.0.0.1.[..] > 10.0.0.2.9: Flags [S], seq [..]
           right:e0 Out IP 10.0.0.2.9 > 10.0.0.1.[..]: Flags [R.], seq 0, ack [..]
         packets: [..]/05-of-two-one-is-no-answer.pcapng
  FAIL 6. nothing at all
         run in left: true
         expected: dns with port 53 at right
         seen:     no dns with port 53 at right
         expected: packet of VLAN 7 at right
         seen:     no packet of VLAN 7 at right
         seen at right: nothing
         packets: [..]/06-nothing-at-all.pcapng

"#]]
        );
    }
}

/// Nothing of what a step brings, moves or takes away is missed.
#[test]
fn what_comes_and_goes_is_watched() {
    let test = Test::new("what_comes_and_goes_is_watched");
    let steps = r#"
[[step]]
about = "A new node, with IPv6: the first that it sends is that it has joined a group."
add.node.guest = {}
add.link = { a = "guest:eth0", b = "right:e1" }
[step.expect]
within = "10s"
seen = [
  { at = "guest:eth0", packet = "icmp6", direction = "out", from = "::", to = "ff02::16" },
  { at = "right:e1", packet = "icmp6", from_mac = "guest:eth0" },
]
[[step]]
about = "Its end goes elsewhere, and is the same device there."
change = [
  { at = "guest:eth0", move = "left" },
  { at = "left:eth0", up = true, add_ip = "10.0.1.1/24" },
  { at = "right:e1", add_ip = "10.0.1.2/24" },
]
[step.expect]
unseen = { at = "guest:lo", packet = "any" }
[[step]]
ping = { from = "left:eth0", to = "10.0.1.2" }
[step.expect]
seen = { at = "left:eth0", packet = "arp reply", from_mac = "right:e1", answers = true }
[[step]]
about = "A node that goes is watched until it is gone."
remove = "guest"
expect.unseen = { at = "guest", packet = "ip" }
"#;
    for who in Who::all() {
        let lab = test.file("lab.toml", format!("{LAB}{steps}"));
        let output = test.twinax(who).args(["run", "--json"]).arg(lab).done().exits(0);
        let [report] = &output.reports()[..] else { panic!("one lab, one report") };
        assert!(report.steps.iter().all(|step| !step.checks.is_empty()), "{report:#?}");
    }
}

/// What a program sends after a step is done is waited for, but not for ever.
#[test]
fn what_is_missing_is_waited_for() {
    let test = Test::new("what_is_missing_is_waited_for");
    // The shell is gone before it sends what its child sends.
    let send = "(while kill -0 $$; do :; done; echo > /dev/udp/10.0.0.2/9) >/dev/null 2>&1 &";
    let steps = format!(
        "[[step]]\nrun = {{ at = \"left\", cmd = [\"bash\", \"-c\", \"{send}\"] }}\n\
         expect.within = \"30s\"\n\
         expect.seen = {{ at = \"right\", packet = \"udp\", to_port = 9, count = 1 }}\n"
    );
    said(&test, Who::here(), &steps, 0);
}

#[test]
fn reports_for_programs_have_it_too() {
    let test = Test::new("reports_for_programs_have_it_too");
    let steps = r#"
[[step]]
ping = { from = "left", to = "right" }
expect.unseen = { at = "left:e0", packet = "icmp echo request" }
"#;
    let lab = test.file("lab.toml", format!("{LAB}{steps}"));
    let xml = test.path("report.xml");
    test.temporary(Who::User, &format!("twinax-watched-{}", Who::User.ids().0));
    let twinax = test.twinax(Who::User).args(["run", "--json", "--junit"]).arg(&xml);
    let output = twinax.arg(lab).done().exits(1);
    let [report] = &output.reports()[..] else { panic!("one lab, one report") };
    let step = &report.steps[0];
    let failed: Vec<_> = step.checks.iter().filter(|check| !check.held).collect();
    let [check] = &failed[..] else { panic!("{step:#?}") };
    assert_eq!(check.expected, "no icmp echo request at left:e0");
    assert_eq!(check.seen, "1 × icmp echo request at left:e0");
    let told = step.notes.iter().find(|note| {
        note.starts_with("icmp echo request out of")
            || note.starts_with("icmp echo request at left:e0:\n")
    });
    assert!(told.is_some_and(|note| note.contains("ICMP echo request, id ")), "{:?}", step.notes);
    let xml = std::fs::read_to_string(xml).unwrap();
    assert!(xml.contains("seen: 1 × icmp echo request at left:e0"), "{xml}");
    let packets = step.packets.as_ref().expect("they are kept").display();
    assert!(xml.contains(&format!("packets: {packets}")), "{xml}");
}
