//! Several labs at once, of one user and of several.

use crate::support::{Test, Who};
use crate::up::listed;

/// A lab of one node, whose loopback has an address that tells it from others.
fn lab(name: &str, number: u8) -> String {
    format!(
        "name = \"{name}\"\n[node.n]\n[node.m]\n[[link]]\n\
         a = {{ at = \"n:e0\", ip = \"192.0.2.{number}/24\" }}\nb = \"m:e0\"\n"
    )
}

/// The addresses that a node has.
#[track_caller]
fn addresses(test: &Test, who: Who, node: &str) -> String {
    let line = "ip -br -4 address show dev e0 | tr -s ' ' | cut -d ' ' -f 3";
    test.exec(who, node, line).done().exits(0).stdout
}

#[test]
fn two_labs_of_one_user() {
    let test = Test::new("two_labs_of_one_user");
    for who in Who::all() {
        for (name, number) in [("one", 1), ("two", 2)] {
            test.up(who, &lab(name, number));
        }
        assert_eq!(addresses(&test, who, "one/n"), "192.0.2.1/24\n");
        assert_eq!(addresses(&test, who, "two/n"), "192.0.2.2/24\n");
        // Which is meant must be said.
        let output = test.exec(who, "n", "true").done().exits(2);
        output.complains("`one/n`").complains("`two/n`");
        test.twinax(who).arg("down").done().exits(2).complains("`one`, `two`");
        test.twinax(who).args(["down", "one"]).done().exits(0);
        assert_eq!(addresses(&test, who, "n"), "192.0.2.2/24\n");
        test.down(who);
    }
}

#[test]
fn several_are_taken_down_at_once_and_one_that_is_not_there_is_told() {
    let test = Test::new("several_are_taken_down_at_once_and_one_that_is_not_there_is_told");
    let who = Who::here();
    for (name, number) in [("one", 1), ("two", 2)] {
        test.up(who, &lab(name, number));
    }
    let output = test.twinax(who).args(["down", "one", "none", "two"]).done().exits(2);
    output.complains("one is down").complains("no lab `none`").complains("two is down");
    assert!(test.has_no_lab(who));
}

#[test]
fn the_same_name_for_two_users() {
    let test = Test::new("the_same_name_for_two_users");
    if !test.can_be(Who::Stranger) {
        return;
    }
    let users = [(Who::Root, 1), (Who::User, 2), (Who::Stranger, 3)];
    for (who, number) in users {
        test.up(who, &lab("same", number));
    }
    for (who, number) in users {
        assert_eq!(listed(&test, who).len(), 1);
        assert_eq!(addresses(&test, who, "same/n"), format!("192.0.2.{number}/24\n"));
    }
    for (who, _) in users {
        test.twinax(who).args(["down", "same"]).done().exits(0);
    }
    test.await_end();
}
