//! The rules of wires.

use twinax_topology::{Action, Removed, Topology, parse};

use super::additions::step;
use super::rules::check;

const BASE: &str = r#"
name = "t"
[node.ns0]
[node.ns1]
[node.sw]
kind = "bridge"
[[tap]]
at = "ns0:tap0"
ip = "10.1.1.1/24"
[[tap]]
at = "ns1:tap1"
ip = "10.1.1.2/24"
[[tap]]
at = "ns0:tun0"
mode = "tun"
[[tap]]
at = "ns1:tun1"
mode = "tun"
[[tap]]
at = "sw:tap2"
[[link]]
a = "ns0:e0"
b = "ns1:e0"
"#;

fn wire(a: &str, b: &str) -> String {
    format!("[[wire]]\na = \"{a}\"\nb = \"{b}\"\n")
}

fn add(a: &str, b: &str) -> String {
    step(&format!("add.wire = {{ a = \"{a}\", b = \"{b}\" }}"))
}

fn unplug(at: &str) -> String {
    step(&format!("remove = {{ wire = \"{at}\" }}"))
}

fn good(words: &str) -> Topology {
    parse(&format!("{BASE}{words}"), "lab.toml").unwrap()
}

fn help(words: &str) -> String {
    let wrong = parse(&format!("{BASE}{words}"), "lab.toml").unwrap_err();
    wrong.iter().find_map(|one| one.help.clone()).unwrap_or_default()
}

#[test]
fn taps_and_tuns_are_joined() {
    let lab = good(&(wire("ns0:tap0", "ns1:tap1") + &wire("ns1:tun1", "ns0:tun0")));
    let wires: Vec<String> = lab.wires.iter().map(ToString::to_string).collect();
    assert_eq!(wires, ["ns0:tap0 ↔ ns1:tap1", "ns1:tun1 ↔ ns0:tun0"]);
    let place = "ns0:tun0".parse().unwrap();
    assert_eq!(lab.wire_of(&place), Some(&lab.wires[1]));
    assert_eq!(lab.wires[1].other_end(&place), Some(&"ns1:tun1".parse().unwrap()));
}

#[test]
fn what_a_wire_needs() {
    check(
        BASE,
        &[
            ("[[wire]]\na = \"ns0:tap0\"", "[[wire]]", "a wire needs `b`"),
            (
                "[[wire]]\na = \"ns0:tap0\"\nb = \"ns1\"",
                "\"ns1\"",
                "`ns1` is no place of an interface",
            ),
            (
                "[[wire]]\na = \"ns0:tap0\"\nb = \"ns1:tap1\"\ndelay = \"1ms\"",
                "delay",
                "a wire has no key `delay`",
            ),
            (&wire("ns0:tap0", "ns2:tap1"), "\"ns2:tap1\"", "no node `ns2`"),
            (&wire("ns0:tap9", "ns1:tap1"), "\"ns0:tap9\"", "no interface `tap9` in node `ns0`"),
            (&wire("ns0:tap0", "ns1:e0"), "\"ns1:e0\"", "`e0` is no TUN/TAP device"),
            (&wire("ns0:tap0", "sw:br0"), "\"sw:br0\"", "`br0` is no TUN/TAP device"),
            (&wire("ns0:lo", "ns1:tap1"), "\"ns0:lo\"", "`lo` is no TUN/TAP device"),
            (&wire("ns0:tap0", "ns1:tun1"), "\"ns1:tun1\"", "a wire joins two TAPs or two TUNs"),
            (&wire("ns0:tap0", "ns0:tap0"), "\"ns0:tap0\"", "both ends of the wire are `ns0:tap0`"),
            (
                &(wire("ns0:tap0", "ns1:tap1") + &wire("sw:tap2", "ns0:tap0")),
                "\"ns0:tap0\"",
                "`ns0:tap0` is in two wires",
            ),
        ],
    );
    assert_eq!(help(&wire("ns0:tap1", "ns1:tap1")), "did you mean `tap0`?");
    assert!(help(&wire("ns0:tap0", "ns1:e0")).contains("[[tap]]"));
}

#[test]
fn what_it_joins_is_one_segment() {
    let twice = BASE.replace("10.1.1.2/24", "10.1.1.1/24");
    check(
        &twice,
        &[
            (&wire("ns0:tap0", "ns1:tap1"), "\"10.1.1.1/24\"", "`10.1.1.1` twice on one segment"),
            // Where they were before, and nothing is wrong but that they are joined.
            (
                &add("ns0:tap0", "ns1:tap1"),
                "{ a = \"ns0:tap0\", b = \"ns1:tap1\" }",
                "`10.1.1.1` twice on one segment",
            ),
        ],
    );
    // Over the bridge behind a wire, too.
    let beside = "[[link]]\na = { at = \"ns1:e1\", ip = \"10.1.1.1/24\" }\nb = \"sw:p1\"\n";
    check(
        BASE,
        &[(
            &(wire("sw:tap2", "ns0:tap0") + beside),
            "\"10.1.1.1/24\"",
            "`10.1.1.1` twice on one segment",
        )],
    );
    good(beside);
    // What was pulled out joins nothing.
    let pulled = [add("ns0:tap0", "sw:tap2"), unplug("sw:tap2"), add("sw:tap2", "ns1:tap1")];
    good(&pulled.concat());
}

#[test]
fn wires_come_and_go_by_steps() {
    let plug = add("ns0:tap0", "ns1:tap1");
    let lab = good(&[plug.clone(), unplug("ns1:tap1"), plug.clone()].concat());
    let Action::Remove(removed) = &lab.steps[1].action else { panic!("it removes") };
    assert_eq!(removed[..], [Removed::Wire("ns1:tap1".parse().unwrap())]);
    // With a device goes its wire, and with a node the wires of all that is in it.
    let again = step("add.tap = { at = \"ns1:tap1\" }");
    good(&[plug.clone(), step("remove = \"ns1:tap1\""), again, plug.clone()].concat());
    let new = step(
        "add.node.ns1 = {}\nadd.tap = { at = \"ns1:tap1\" }\nadd.wire = { a = \"ns1:tap1\", b = \"ns0:tap0\" }",
    );
    good(&[plug.clone(), step("remove = \"ns1\""), new].concat());
    // A device that is moved takes its end along.
    let moved = step("change = { at = \"ns1:tap1\", move = \"sw\" }");
    good(&[plug.clone(), moved.clone(), unplug("sw:tap1")].concat());
    check(
        BASE,
        &[
            (
                &[plug.clone(), plug.clone()].concat().replacen("ns1:tap1", "sw:tap2", 1),
                "\"ns0:tap0\"",
                "`ns0:tap0` is in two wires",
            ),
            (&unplug("ns0:tap0"), "\"ns0:tap0\"", "no wire ends at `ns0:tap0` at this point"),
            (&unplug("ns0:tap7"), "\"ns0:tap7\"", "no interface `tap7` in node `ns0`"),
            (
                &[plug.clone(), unplug("ns0:tap0"), unplug("ns1:tap1")].concat(),
                "\"ns1:tap1\"",
                "no wire ends at `ns1:tap1` at this point",
            ),
            (
                &[plug.clone(), step("remove = \"ns0:tap0\""), unplug("ns1:tap1")].concat(),
                "\"ns1:tap1\"",
                "no wire ends at `ns1:tap1` at this point",
            ),
            (
                &[plug, moved, unplug("ns1:tap1")].concat(),
                "\"ns1:tap1\"",
                "no interface `tap1` in node `ns1`",
            ),
            (&step("add = { wire = [] }"), "add", "nothing is added"),
            (&step("remove = { wire = 3 }"), "3", "expected \"node:interface\", found an integer"),
        ],
    );
}

/// In a node where a command runs or has run anything may be there; but no command makes a wire.
#[test]
fn a_command_may_have_made_the_device() {
    let run = step("run = { at = \"ns0\", cmd = \"ip tuntap add dev x mode tap\" }");
    good(&[run.clone(), add("ns0:x", "ns1:tap1")].concat());
    check(
        BASE,
        &[(
            &[run, unplug("ns0:tap0")].concat(),
            "\"ns0:tap0\"",
            "no wire ends at `ns0:tap0` at this point",
        )],
    );
}

/// The lab after a step, without the kernel.
#[test]
fn a_topology_follows_its_steps() {
    let remove = |what: &str| {
        let mut lab = good(&(wire("ns0:tap0", "ns1:tap1") + &step(&format!("remove = {what}"))));
        let Action::Remove(removed) = lab.steps[0].action.clone() else { panic!("it removes") };
        lab.remove(&removed);
        (lab.wires.len(), lab.taps.len())
    };
    assert_eq!(remove("{ wire = \"ns1:tap1\" }"), (0, 5));
    assert_eq!(remove("\"ns1:tap1\""), (0, 4));
    assert_eq!(remove("\"ns0\""), (0, 3));
    assert_eq!(remove("\"sw\""), (1, 4));
}
