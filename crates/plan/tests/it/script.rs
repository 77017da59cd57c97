//! The scripts of whole labs, each read by eye against the man pages of iproute2.

use std::process::{Command, Stdio};

use twinax_plan::script;
use twinax_topology::{Firewall, LabStep, Node, PacketExpect, Topology};

use crate::labs;

#[test]
fn two_nodes_and_a_cable() {
    insta::assert_snapshot!(script(&labs::pair()));
}

#[test]
fn everything_that_routes() {
    insta::assert_snapshot!(script(&labs::routing()));
}

#[test]
fn bridges_and_their_ports() {
    insta::assert_snapshot!(script(&labs::bridge()));
}

#[test]
fn a_firewall_of_both_sorts() {
    insta::assert_snapshot!(script(&labs::firewall()));
}

#[test]
fn a_free_ruleset_alone_takes_nothing_away() {
    let mut lab = labs::firewall();
    lab.nodes[1].firewall =
        Firewall { ruleset: lab.nodes[1].firewall.ruleset.take(), ..Firewall::default() };
    let text = script(&lab);
    let (_, end) = text.split_once("nft -f -").expect("it is loaded");
    assert!(end.starts_with(" <<'EOF'\ntable ip own {\n"), "{text}");
}

#[test]
fn a_lab_with_many_nodes_does_not_list_them_in_its_header() {
    let names = (0..40).map(|n| Node::new(labs::read(&format!("node-{n}"))));
    let lab = Topology { nodes: names.collect(), links: vec![], ..labs::pair() };
    let text = script(&lab);
    let header: Vec<&str> = text.lines().take_while(|line| line.starts_with('#')).collect();
    assert!(header.iter().all(|line| line.len() <= 100), "{header:#?}");
    assert!(text.contains("`ip netns del NODE`"), "{text}");
}

#[test]
fn the_script_says_that_steps_are_not_in_it() {
    let mut lab = labs::pair();
    assert!(!script(&lab).contains("steps"), "a lab without steps");
    let action = twinax_topology::Action::Change(vec![]);
    let packets = PacketExpect::default();
    lab.steps.push(LabStep { about: String::new(), action, packets });
    assert!(script(&lab).contains("steps"), "a lab with one");
}

#[test]
fn about_cannot_break_out_of_its_comment() {
    let about = "one\r\nreboot\n\u{85}\u{1b}[2J$(reboot) `reboot`".to_owned();
    let text = script(&Topology { about, ..labs::pair() });
    let body = text.split_once("set -e\n").expect("a header and a body").0;
    assert!(body.lines().all(|line| line.starts_with('#')), "{body}");
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
}

#[test]
fn wires_come_last_and_go_on() {
    let lab = "name = 'w'\n[node.a]\n[node.b]\n[[tap]]\nat = 'a:t~0'\n[[tap]]\nat = 'b:t1'\n\
               [[wire]]\na = 'a:t~0'\nb = 'b:t1'\n";
    let lab = twinax_topology::parse(lab, "w.toml").unwrap();
    let text = script(&lab);
    assert_eq!(text.lines().next_back(), Some("twinax wire 'a:t~0' b:t1 &"), "{text}");
}

/// Every command with the words that a shell makes of it, one in brackets each.
#[test]
fn a_shell_reads_the_words_as_they_are_meant() {
    let programs = "ip() { for word; do printf '[%s]' \"$word\"; done; echo; }\n\
                    bridge() { ip bridge \"$@\"; }\n";
    let out = Command::new("sh")
        .args(["-c", &(programs.to_owned() + &script(&labs::bridge()))])
        .stdin(Stdio::null())
        .output()
        .expect("a shell");
    let out = String::from_utf8(out.stdout).expect("the names are ASCII");
    for words in [
        "[link][add][name][a.b][netns][sw][type][veth][peer][name][up=1~][netns][sw]",
        "[netns][exec][sw][sysctl][-qw][net/ipv4/conf/a.b/rp_filter=2]",
        "[-n][sw][addr][add][10.0.3.1/24][dev][up=1~]",
        "[bridge][-n][sw][link][set][dev][t0][isolated][off]",
    ] {
        assert!(out.lines().any(|line| line == words), "no {words} in\n{out}");
    }
}
