//! The rules of steps that remove nodes and devices.

use twinax_topology::{Diagnostics, parse};

use super::additions::{GUEST, good, step};
use super::rules::{BASE, check};

const GONE: &str = "remove = \"guest\"";

fn wrong(steps: &[&str]) -> Diagnostics {
    let steps: String = steps.iter().map(|body| step(body)).collect();
    parse(&format!("{BASE}{steps}"), "lab.toml").unwrap_err()
}

#[test]
fn what_was_removed_is_not_there_any_more() {
    let gone = format!("{BASE}{}{}", step(GUEST), step(GONE));
    check(
        &gone,
        &[
            (&step("run = { at = \"guest\", cmd = \"true\" }"), "\"guest\"", "no node `guest`"),
            (&step("remove = \"guest\""), "\"guest\"", "no node `guest`"),
            (&step("remove = \"guest:e0\""), "\"guest:e0\"", "no node `guest`"),
            // The other end of its link went with it.
            (&step("remove = \"left:e9\""), "\"left:e9\"", "no interface `e9` in node `left`"),
            (
                &step("add.link = { a = \"guest:e1\", b = \"left:e9\" }"),
                "\"guest:e1\"",
                "no node `guest`",
            ),
            (
                &step(
                    "change = { at = \"left\", add_route = { to = \"default\", via = \"10.0.9.2\" } }",
                ),
                "\"10.0.9.2\"",
                "the gateway `10.0.9.2` is on no link of node `left`",
            ),
            (&step("ping = { from = \"left\", to = \"guest\" }"), "\"guest\"", "no node `guest`"),
        ],
    );
    // It may come back, and its interfaces with it.
    good(&[GUEST, GONE, GUEST, "ping = { from = \"left\", to = \"guest\" }"]);
    good(&[GUEST, "remove = \"left:e9\"", GONE, GUEST]);
    // Its address is nobody's until somebody has it again.
    let back = "add.node.guest = {}";
    check(
        &format!("{gone}{}", step(back)),
        &[(
            &step("ping = { from = \"left\", to = \"guest\" }"),
            "\"guest\"",
            "the lab gives `guest` no address",
        )],
    );
}

#[test]
fn devices_that_are_removed() {
    check(
        BASE,
        &[
            (
                &step("remove = \"left:lo\""),
                "\"left:lo\"",
                "`lo` can't be removed: it is the loopback device",
            ),
            (&step("remove = \"left:e7\""), "\"left:e7\"", "no interface `e7` in node `left`"),
            (&step("remove = [\"lfet\"]"), "\"lfet\"", "no node `lfet`"),
            (
                &step("remove = [\"left:tap0\", \"left:tap0\"]"),
                "\"left:tap0\"",
                "no interface `tap0` in node `left`",
            ),
            (
                &step("remove = [\"left:e0\", \"right:e0\"]"),
                "\"right:e0\"",
                "no interface `e0` in node `right`",
            ),
            (&step("remove = [\"left\", \"left:tap0\"]"), "\"left:tap0\"", "no node `left`"),
        ],
    );
    // A bridge goes, its ports stay.
    let plugged = "add.link = { a = \"left:p\", b = \"sw:p\" }";
    good(&[plugged, "remove = \"sw:br0\"", "look = \"sw:p\"\nexpect.up = true"]);
    check(
        &format!("{BASE}{}{}", step(plugged), step("remove = \"sw:br0\"")),
        &[(
            &step("change = { at = \"sw:p\", port.isolated = true }"),
            "port",
            "`p` is no port of a bridge at this point",
        )],
    );
    // A device that was moved goes from where it is, and takes its address along.
    let moved = "change = { at = \"left:tap0\", move = \"right\" }";
    good(&[moved, "remove = \"right:tap0\"", "add.tap = { at = \"left:tap0\" }"]);
    good(&[moved, "remove = \"right\"", "add.tap = { at = \"left:tap0\" }"]);
}

/// The help says who removed it, and by what.
#[test]
fn the_step_that_removed_it_is_named() {
    let help = |steps: &[&str]| -> Vec<String> {
        wrong(steps).iter().map(|one| one.help.clone().unwrap_or_default()).collect()
    };
    let first = BASE.lines().count() + 1;
    let line = first + 1 + GUEST.lines().count();
    assert_eq!(
        help(&[GUEST, GONE, "ping = { from = \"guest\", to = \"left\" }"]),
        [format!("`guest` was removed by the step at line {line}")]
    );
    assert_eq!(
        help(&[GUEST, GONE, "change = { at = \"left:e9\", up = true }"]),
        [format!("`left:e9` went with `guest:e0`, removed by the step at line {line}")]
    );
    assert_eq!(
        help(&["remove = \"left:tap0\"", "change = { at = \"left:tap0\", up = true }"]),
        [format!("`left:tap0` was removed by the step at line {first}")]
    );
}
