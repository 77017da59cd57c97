//! Bridges and the devices on top of others: a flood is a tree, and VLAN tags come and go.

use twinax_packet::Mac;

use super::bytes::{Carries, Frame, Ip};
use super::world::{Id, Kind, World};

/// A bridge `br0` in the node `sw`, and hosts `a`, `b`, `c`… on it, whose cables end in `sw:a`, `sw:b`…
pub fn star(world: &mut World, sw: &str, hosts: &[&str], net: &str) -> (Id, Vec<Id>) {
    let bridge = world.device(sw, "br0", Kind::Bridge);
    let mut ends = Vec::new();
    for (place, host) in hosts.iter().enumerate() {
        let (end, port) = world.veth(&format!("{host}:e0"), &format!("{sw}:{host}"));
        world.port(port, bridge);
        world.address(end, &format!("{net}.{}", place + 1), 24);
        world.node(host).answers = true;
        ends.push(end);
    }
    (bridge, ends)
}

#[test]
fn a_flood_is_a_tree() {
    let mut world = World::new(1);
    let (_, ends) = star(&mut world, "sw", &["a", "b", "c"], "10.0.0");
    world.stretch = (1000, 1000);
    world.ask(ends[0], "10.0.0.3");
    let ways = world.assert_recognised().ways();
    let tree = "a:e0 → sw:a\n    → sw:b → b:e0\n    → sw:c → c:e0\n    → sw:br0";
    assert_eq!(ways, [tree]);
}

#[test]
fn what_is_learned_goes_one_way() {
    let mut world = World::new(2);
    let (_, ends) = star(&mut world, "sw", &["a", "b", "c", "d"], "10.0.0");
    world.neighbours(&ends);
    for end in &ends {
        world.ask(*end, "10.0.0.9");
    }
    world.run();
    world.send("a", Ip::echo("10.0.0.1", "10.0.0.3", false, 1, 1));
    let ways = world.assert_recognised().ways();
    assert_eq!(ways[4..], ["a:e0 → sw:a → sw:c → c:e0", "c:e0 → sw:c → sw:a → a:e0"]);
}

/// ```text
/// a ── sw1:br0 ── sw2:br0 ── c
/// b ──┘               └── d
/// ```
fn two_bridges(seed: u64) -> (World, Vec<Id>) {
    let mut world = World::new(seed);
    let (one, mut ends) = star(&mut world, "sw1", &["a", "b"], "10.0.0");
    let (other, more) = star(&mut world, "sw2", &["c", "d"], "10.0.1");
    let (left, right) = world.veth("sw1:up", "sw2:up");
    world.port(left, one);
    world.port(right, other);
    ends.extend(more);
    (world, ends)
}

#[test]
fn two_bridges_make_a_deeper_tree() {
    let (mut world, ends) = two_bridges(3);
    world.stretch = (1000, 1000);
    world.ask(ends[0], "10.0.0.9");
    let ways = world.assert_recognised().ways();
    let tree = "a:e0 → sw1:a\
        \n    → sw1:b → b:e0\
        \n    → sw1:up → sw2:up\
        \n        → sw2:c → c:e0\
        \n        → sw2:d → d:e0\
        \n        → sw2:br0\
        \n    → sw1:br0";
    assert_eq!(ways, [tree]);
}

#[test]
fn the_same_request_twice_is_two_journeys() {
    let (mut world, ends) = two_bridges(4);
    for _ in 0..5 {
        world.ask(ends[0], "10.0.0.9");
    }
    world.wait(1_000_000_000);
    world.ask(ends[0], "10.0.0.9");
    let recognised = world.assert_recognised();
    assert_eq!(recognised.journeys.len(), 6);
}

#[test]
fn a_bridge_sends_itself() {
    let mut world = World::new(5);
    let (bridge, ends) = star(&mut world, "sw", &["a", "b"], "10.0.0");
    world.stretch = (1000, 1000);
    world.address(bridge, "10.0.0.254", 24);
    world.neighbours(&[bridge, ends[0], ends[1]]);
    world.ask(bridge, "10.0.0.1");
    world.wait(1_000_000);
    world.ask(ends[0], "10.0.0.254");
    world.wait(1_000_000);
    world.send("sw", Ip::echo("10.0.0.254", "10.0.0.1", false, 3, 1));
    let ways = world.assert_recognised().ways();
    assert_eq!(ways[0], "sw:br0\n    → sw:a → a:e0\n    → sw:b → b:e0");
    assert_eq!(ways[2], "sw:br0 → sw:a → a:e0");
    assert_eq!(ways[3], "a:e0 → sw:a → sw:br0");
}

#[test]
fn a_bridge_routes() {
    let mut world = World::new(6);
    let (bridge, ends) = star(&mut world, "sw", &["a", "b"], "10.0.0");
    world.address(bridge, "10.0.0.254", 24);
    let (out, far) = world.veth("sw:wan", "far:e0");
    world.address(out, "10.1.0.1", 24);
    world.address(far, "10.1.0.2", 24);
    world.neighbours(&[bridge, ends[0], ends[1]]);
    world.neighbours(&[out, far]);
    world.route("a", ("0.0.0.0", 0), ends[0], "10.0.0.254");
    world.route("far", ("0.0.0.0", 0), far, "10.1.0.1");
    world.node("sw").forwards = true;
    world.node("far").answers = true;
    world.ask(ends[0], "10.0.0.254");
    world.run();
    world.send("a", Ip::echo("10.0.0.1", "10.1.0.2", false, 3, 1));
    let ways = world.assert_recognised().ways();
    let there = "a:e0 → sw:a → sw:br0 → sw:wan [ttl 64→63, mac] → far:e0";
    let back = "far:e0 → sw:wan → sw:br0 [ttl 64→63, mac] → sw:a → a:e0";
    assert_eq!(ways[1..], [there, back]);
}

#[test]
fn vlan_devices_tag_and_untag() {
    let mut world = World::new(7);
    let (a, b) = world.veth("a:e0", "b:e0");
    let mut tops = Vec::new();
    for (lower, node, host) in [(a, "a", 1), (b, "b", 2)] {
        for id in [10, 20] {
            let top = world.device(node, &format!("e0.{id}"), Kind::Vlan { lower, id });
            // The same addresses in both.
            world.address(top, &format!("10.0.0.{host}"), 24);
            tops.push(top);
        }
    }
    world.ask(tops[0], "10.0.0.2");
    world.ask(tops[1], "10.0.0.2");
    let mut ways = world.assert_recognised().ways();
    ways.sort();
    let way = |id| format!("a:e0.{id} → a:e0 [+vlan {id}] → b:e0 → b:e0.{id} [-vlan {id}]");
    assert_eq!(ways, [way(10), way(20)]);
}

#[test]
fn macvlans_have_their_parent_elsewhere() {
    let mut world = World::new(8);
    let (card, far) = world.veth("host:eth0", "far:e0");
    let lower = Kind::Macvlan { lower: card };
    let a = world.device("a", "mv0", lower);
    let b = world.device("b", "mv0", lower);
    for (id, host) in [(a, 1), (b, 2), (far, 3)] {
        world.address(id, &format!("10.0.0.{host}"), 24);
    }
    world.neighbours(&[a, b, far]);
    for node in ["a", "b", "far"] {
        world.node(node).answers = true;
    }
    world.send("a", Ip::echo("10.0.0.1", "10.0.0.3", false, 1, 1));
    world.send("b", Ip::echo("10.0.0.2", "10.0.0.3", false, 1, 1));
    let mut ways = world.assert_recognised().ways();
    ways.sort();
    let there = |node| format!("{node}:mv0 → host:eth0 → far:e0");
    let back = |node| format!("far:e0 → host:eth0 → {node}:mv0");
    assert_eq!(ways, [there("a"), there("b"), back("a"), back("b")]);
}

#[test]
fn a_frame_that_runs_in_circles_does_not_grow_for_ever() {
    let mut world = World::new(9);
    let (one, ends) = star(&mut world, "sw1", &["a"], "10.0.0");
    let other = world.device("sw2", "br0", Kind::Bridge);
    for name in ["x", "y"] {
        let (left, right) = world.veth(&format!("sw1:{name}"), &format!("sw2:{name}"));
        world.port(left, one);
        world.port(right, other);
    }
    world.ask(ends[0], "10.0.0.9");
    world.run_for(20_000);
    let recognised = world.recognise_seen_by(&world.wiring);
    assert!(recognised.journeys.len() > 1);
    assert!(recognised.journeys.iter().all(|journey| journey.hops.len() <= 16_384));
    assert!(recognised.journeys[1..].iter().all(|journey| journey.continues.is_some()));
}

#[test]
fn what_is_not_ip_is_bridged_too() {
    let mut world = World::new(10);
    let (_, ends) = star(&mut world, "sw", &["a", "b"], "10.0.0");
    let frame = |number: u8| Frame {
        source: Mac([2, 0, 0, 0, 9, number]),
        destination: Mac([1, 0x80, 0xc2, 0, 0, 0x0e]),
        vlans: Vec::new(),
        carries: Carries::Other(0x88cc, vec![2, 7, 4, number]),
    };
    world.stretch = (1000, 1000);
    world.emit(ends[0], frame(1));
    world.emit(ends[0], frame(2));
    let ways = world.assert_recognised().ways();
    let tree = "a:e0 → sw:a\n    → sw:b → b:e0\n    → sw:br0";
    assert_eq!(ways, [tree, tree]);
}
