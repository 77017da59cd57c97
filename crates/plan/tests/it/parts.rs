//! What comes to a lab that stands, and what is taken from it.

use twinax_plan::{
    Device, Observed, ObservedLink, ObservedNode, Step, add, build, listeners, remove, services,
    wires,
};
use twinax_topology::{
    Addition, Change, Command, Listener, Node, Program, READY_TIMEOUT, Removed, Restart,
    STOP_TIMEOUT, Spot, Topology, Wire,
};

use crate::labs::{self, end, place, read};

#[test]
fn a_whole_lab_is_added_as_it_is_built() {
    for lab in [labs::pair(), labs::routing(), labs::bridge(), labs::firewall()] {
        let Topology { nodes, links, taps, wires, .. } = lab.clone();
        assert_eq!(add(&Addition { nodes, links, taps, wires }), build(&lab));
    }
}

#[test]
fn the_end_of_a_link_in_a_node_that_is_there_is_set_up() {
    let mut there = end("old:e1", &["10.0.0.2/24"]);
    there.master = Some(read("br0"));
    let new = end("new:e0", &["10.0.0.1/24"]);
    let link = twinax_topology::Link { a: new.clone(), b: there.clone() };
    let nodes = vec![Node::new(read("new"))];
    let addition = Addition { nodes, links: vec![link], ..Addition::default() };
    let change = |change| Step::Change(change);
    assert_eq!(
        add(&addition),
        [
            Step::AddNetns(read("new")),
            change(Change::Up(place("new:lo"), true)),
            Step::AddVeth(Device::from(&new), Device::from(&there)),
            change(Change::AddAddress(place("new:e0"), read("10.0.0.1/24"))),
            change(Change::Up(place("new:e0"), true)),
            change(Change::Master(place("old:e1"), Some(read("br0")))),
            change(Change::AddAddress(place("old:e1"), read("10.0.0.2/24"))),
            change(Change::Up(place("old:e1"), true)),
        ]
    );
}

fn device(name: &str, kind: &str, index: u32) -> ObservedLink {
    let (name, kind) = (name.to_owned(), kind.to_owned());
    ObservedLink { name, kind, index, ..ObservedLink::default() }
}

fn gone(text: &str) -> Removed {
    Removed::Spot(match text.split_once(':') {
        Some((node, interface)) => Spot { node: read(node), interface: Some(read(interface)) },
        None => Spot { node: read(text), interface: None },
    })
}

/// `a` and `b` with a cable between them; in `a` another one, both of whose ends are there.
fn two() -> Observed {
    let to = |peer: &str| Some(place(peer));
    let inner = |name, index, peer_index| ObservedLink {
        peer_index: Some(peer_index),
        ..device(name, "veth", index)
    };
    let a = vec![
        device("lo", "", 1),
        device("sit0", "sit", 2),
        ObservedLink { peer: to("b:e1"), peer_netnsid: Some(0), ..device("e0", "veth", 3) },
        inner("x", 4, 5),
        inner("y", 5, 4),
        device("wg0", "wireguard", 6),
    ];
    let b = vec![
        device("lo", "", 1),
        ObservedLink { peer: to("a:e0"), peer_netnsid: Some(0), ..device("e1", "veth", 2) },
    ];
    let node = |links| ObservedNode { links, ..ObservedNode::default() };
    Observed { nodes: vec![(read("a"), node(a)), (read("b"), node(b))] }
}

#[test]
fn with_a_node_go_its_devices_first_and_each_cable_once() {
    let links = |names: [&str; 3]| names.map(|name| Step::DelLink(place(name)));
    let mut expected = links(["a:e0", "a:x", "a:wg0"]).to_vec();
    expected.push(Step::DelNetns(read("a")));
    assert_eq!(remove(&[gone("a")], &two()), expected);

    expected.push(Step::DelNetns(read("b")));
    assert_eq!(remove(&[gone("a"), gone("b"), gone("a")], &two()), expected);
}

#[test]
fn a_link_is_removed_by_either_end() {
    let one = [Step::DelLink(place("b:e1"))];
    assert_eq!(remove(&[gone("b:e1")], &two()), one);
    assert_eq!(remove(&[gone("b:e1"), gone("a:e0")], &two()), one);
    assert_eq!(remove(&[gone("b:gone"), gone("gone")], &two()), []);
    assert_eq!(remove(&[Removed::Wire(place("a:e0"))], &two()), [], "a wire is no device");
}

#[test]
fn services_go_come_and_change() {
    let command = |name: &str, line: &str| Command {
        name: read(name),
        program: Program::Shell(line.to_owned()),
        ready: None,
        timeout: READY_TIMEOUT,
        restart: Restart::Never,
        stop: STOP_TIMEOUT,
    };
    let lab = |commands: Vec<Command>| {
        let mut lab = labs::pair();
        lab.nodes[0].commands = commands;
        lab
    };
    let now = lab(vec![command("same", "a"), command("gone", "b"), command("other", "c")]);
    let then = lab(vec![command("other", "d"), command("new", "b"), command("same", "a")]);
    let turnover = services(&now, &then);
    let names = |all: &[(_, &Command)]| -> Vec<String> {
        all.iter().map(|(_, command)| command.name.to_string()).collect()
    };
    assert_eq!(names(&turnover.goes), ["gone"]);
    assert_eq!(names(&turnover.comes), ["new"]);
    let [(node, now, then)] = turnover.changes[..] else { panic!("one has changed") };
    assert_eq!((node, now.name.as_str()), (&labs::pair().nodes[0].name, "other"));
    assert_eq!(then.program, Program::Shell("d".to_owned()));
}

#[test]
fn a_listener_is_known_by_its_port() {
    let lab = |tcp, say: &str| {
        let mut lab = labs::pair();
        lab.nodes[0].listeners = vec![Listener::Tcp { port: tcp, say: say.to_owned() }];
        lab
    };
    let (now, says, moves) = (lab(80, "a"), lab(80, "b"), lab(81, "a"));
    assert_eq!(listeners(&now, &says).changes.len(), 1);
    let turnover = listeners(&now, &moves);
    assert_eq!((turnover.goes.len(), turnover.comes.len()), (1, 1));
    assert!(listeners(&now, &now).changes.is_empty());
    let mut udp = now.clone();
    udp.nodes[0].listeners = vec![Listener::Udp { port: 80 }];
    let turnover = listeners(&now, &udp);
    assert_eq!((turnover.goes.len(), turnover.comes.len(), turnover.changes.len()), (1, 1, 0));
}

#[test]
fn wires_are_known_by_both_their_ends() {
    let lab = |wires: &[(&str, &str)]| {
        let wires = wires.iter().map(|(a, b)| Wire { a: place(a), b: place(b) }).collect();
        Topology { wires, ..labs::pair() }
    };
    let now = lab(&[("left:t0", "right:t0"), ("left:t1", "right:t1"), ("left:t2", "right:t2")]);
    // One is said the other way round, one has another end, one is new.
    let then = lab(&[("right:t0", "left:t0"), ("left:t1", "right:t9"), ("left:t3", "right:t3")]);
    let (goes, comes) = wires(&now, &then);
    let in_words = |all: Vec<&Wire>| all.into_iter().map(Wire::to_string).collect::<Vec<_>>();
    assert_eq!(in_words(goes), ["left:t1 ↔ right:t1", "left:t2 ↔ right:t2"]);
    assert_eq!(in_words(comes), ["left:t1 ↔ right:t9", "left:t3 ↔ right:t3"]);
    assert_eq!(wires(&now, &now), (vec![], vec![]));
}
