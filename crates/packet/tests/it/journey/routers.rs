//! Cables and routers: MAC and TTL change, packets are cut up and put together, and some are lost.

use super::bytes::{Ip, Tcp};
use super::world::World;

/// ```text
/// left:e0 ── r1:left  r1:right ── r2:left  r2:right ── right:e0
/// ```
pub fn chain(seed: u64) -> World {
    let mut world = World::new(seed);
    add_chain(&mut world, "");
    world
}

/// The same, of a tenant, after whom the nodes are called.
pub fn add_chain(world: &mut World, tenant: &str) {
    let named = |name: &str| match tenant {
        "" => name.to_owned(),
        tenant => format!("{tenant}-{name}"),
    };
    let ends = [("left:e0", "r1:left"), ("r1:right", "r2:left"), ("r2:right", "right:e0")];
    for (net, (a, b)) in ends.into_iter().enumerate() {
        let (a, b) = world.veth(&named(a), &named(b));
        for (id, host) in [(a, 1), (b, 2)] {
            world.address(id, &format!("10.0.{net}.{host}"), 24);
            world.address(id, &format!("fd00:{net}::{host}"), 64);
        }
        world.neighbours(&[a, b]);
    }
    for (device, net, over) in [
        ("left:e0", "0.0.0.0", "10.0.0.2"),
        ("left:e0", "::", "fd00:0::2"),
        ("right:e0", "0.0.0.0", "10.0.2.1"),
        ("right:e0", "::", "fd00:2::1"),
        ("r1:right", "10.0.2.0", "10.0.1.2"),
        ("r1:right", "fd00:2::", "fd00:1::2"),
        ("r2:left", "10.0.0.0", "10.0.1.1"),
        ("r2:left", "fd00:0::", "fd00:1::1"),
    ] {
        let bits = match net {
            "0.0.0.0" | "::" => 0,
            net if net.contains(':') => 64,
            _ => 24,
        };
        let device = world.id(&named(device));
        let node = world.devices[device].node.clone();
        world.route(&node, (net, bits), device, over);
    }
    for router in ["r1", "r2"] {
        world.node(&named(router)).forwards = true;
    }
    for host in ["left", "right"] {
        world.node(&named(host)).answers = true;
    }
}

const THERE: &str = "left:e0 → r1:left → r1:right [ttl 64→63, mac] → r2:left \
                     → r2:right [ttl 63→62, mac] → right:e0";
const BACK: &str = "right:e0 → r2:right → r2:left [ttl 64→63, mac] → r1:right \
                    → r1:left [ttl 63→62, mac] → left:e0";

#[test]
fn a_cable_has_two_ends() {
    let mut world = World::new(1);
    let (a, b) = world.veth("left:veth3", "right:veth4");
    world.address(a, "192.168.10.1", 24);
    world.address(b, "192.168.10.2", 24);
    world.neighbours(&[a, b]);
    world.node("right").answers = true;
    world.ask(a, "192.168.10.2");
    world.send("left", Ip::echo("192.168.10.1", "192.168.10.2", false, 7, 1));
    let ways = world.assert_recognised().ways();
    let there = "left:veth3 → right:veth4";
    assert_eq!(ways, [there, there, "right:veth4 → left:veth3"]);
}

#[test]
fn routers_change_mac_and_ttl() {
    let mut world = chain(2);
    world.send("left", Ip::echo("10.0.0.1", "10.0.2.2", false, 7, 1).with_id(99));
    world.send("left", Ip::echo("fd00:0::1", "fd00:2::2", false, 7, 1));
    let mut ways = world.assert_recognised().ways();
    ways.sort();
    assert_eq!(ways, [THERE, THERE, BACK, BACK]);
}

#[test]
fn interleaved_pings_are_told_apart() {
    let mut world = chain(3);
    for sequence in 1..=20 {
        for id in [7, 8] {
            world.send("left", Ip::echo("10.0.0.1", "10.0.2.2", false, id, sequence));
            world.send("left", Ip::echo("fd00:0::1", "fd00:2::2", false, id, sequence));
        }
    }
    let ways = world.assert_recognised().ways();
    assert_eq!(ways.iter().filter(|way| *way == THERE).count(), 80);
    assert_eq!(ways.iter().filter(|way| *way == BACK).count(), 80);
}

#[test]
fn a_way_ends_where_the_packet_is_lost() {
    let mut world = chain(4);
    let cable = world.id("r1:right");
    world.devices[cable].loses = 1;
    world.send("left", Ip::echo("10.0.0.1", "10.0.2.2", false, 7, 1));
    let ways = world.assert_recognised().ways();
    let lost = "left:e0 → r1:left → r1:right [ttl 64→63, mac] → not r2:left";
    assert_eq!(ways, [lost]);
}

#[test]
fn a_router_that_does_not_forward_ends_it() {
    let mut world = chain(5);
    world.node("r1").forwards = false;
    world.send("left", Ip::udp(("10.0.0.1", 4000), ("10.0.2.2", 7), b"hello"));
    assert_eq!(world.assert_recognised().ways(), ["left:e0 → r1:left"]);
}

#[test]
fn an_icmp_error_is_about_a_packet() {
    let mut world = chain(6);
    let probe = Ip::udp(("10.0.0.1", 4000), ("10.0.2.2", 33434), b"probe").with_id(5);
    world.send("left", Ip { ttl: 2, ..probe });
    let recognised = world.assert_recognised();
    let ways = recognised.ways();
    assert_eq!(ways[0], "left:e0 → r1:left → r1:right [ttl 2→1, mac] → r2:left");
    assert_eq!(ways[1], "r2:left → r1:right → r1:left [ttl 64→63, mac] → left:e0");
    let about = recognised.journeys[1].about.as_ref().expect("an error is about something");
    assert_eq!(about.journey, Some(1));
    assert!(recognised.journeys[0].about.is_none());
}

#[test]
fn a_router_may_send_it_back_where_it_came_from() {
    let mut world = chain(7);
    // To 10.0.9.1 by way of r1, which sends it over left again.
    let device = world.id("r1:left");
    world.route("r1", ("10.0.9.0", 24), device, "10.0.0.1");
    world.send("left", Ip::echo("10.0.0.1", "10.0.9.1", false, 7, 1));
    let ways = world.assert_recognised().ways();
    assert_eq!(ways, ["left:e0 → r1:left → r1:left [ttl 64→63, mac] → left:e0"]);
}

#[test]
fn a_router_clamps_the_mss() {
    let mut world = chain(8);
    world.node("r1").clamp = Some(1200);
    let syn = Tcp { sequence: 1000, flags: 2, mss: Some(1460), ..Tcp::default() };
    world.send("left", Ip::tcp(("10.0.0.1", 4000), ("10.0.2.2", 80), &syn).with_id(1));
    let ways = world.assert_recognised().ways();
    assert_eq!(ways.len(), 1);
    assert!(ways[0].contains("r1:right [ttl 64→63, mac, mss 1460→1200] → r2:left"), "{ways:?}");
}

#[test]
fn fragments_are_branches() {
    let mut world = chain(9);
    let narrow = world.id("r1:right");
    world.devices[narrow].mtu = 620;
    let large = Ip::udp(("10.0.0.1", 4000), ("10.0.2.2", 7), &[7; 1000]);
    world.send("left", large.with_id(77).may_fragment());
    let ways = world.assert_recognised().ways();
    let tree = "left:e0 → r1:left\
        \n    → r1:right [ttl 64→63, mac, fragment 0+600] → r2:left \
        → r2:right [ttl 63→62, mac] → right:e0\
        \n    → r1:right [ttl 64→63, mac, fragment 600+408] → r2:left \
        → r2:right [ttl 63→62, mac] → right:e0";
    assert_eq!(ways, [tree]);
}

#[test]
fn what_was_put_together_goes_on_as_its_first_fragment() {
    let mut world = chain(10);
    let narrow = world.id("left:e0");
    world.devices[narrow].mtu = 620;
    world.node("r1").defragments = true;
    let large = Ip::udp(("10.0.0.1", 4000), ("10.0.2.2", 9), &[7; 1000]);
    world.send("left", large.with_id(78).may_fragment());
    let ways = world.assert_recognised().ways();
    let first = "left:e0 → r1:left → r1:right [ttl 64→63, mac, reassembled] → r2:left \
                 → r2:right [ttl 63→62, mac] → right:e0";
    assert_eq!(ways, [first, "left:e0 → r1:left"]);
}

#[test]
fn segments_are_branches() {
    let mut world = chain(11);
    world.node("r1").gso = Some(1000);
    let large =
        Tcp { sequence: u32::MAX - 500, flags: 0x10, data: vec![3; 2500], ..Tcp::default() };
    world.send("left", Ip::tcp(("10.0.0.1", 4000), ("10.0.2.2", 80), &large).with_id(9));
    // The next one, before which the first was acknowledged no further.
    let next = Tcp { sequence: 1999, flags: 0x10, data: vec![4; 2500], ..Tcp::default() };
    world.send("left", Ip::tcp(("10.0.0.1", 4000), ("10.0.2.2", 80), &next).with_id(12));
    let ways = world.assert_recognised().ways();
    assert_eq!(ways.len(), 2);
    for way in ways {
        let branches: Vec<_> = way.lines().skip(1).collect();
        assert_eq!(branches.len(), 3);
        for (branch, part) in branches.iter().zip(["0+1000", "1000+1000", "2000+500"]) {
            let start = format!("    → r1:right [ttl 64→63, mac, segment {part}] → r2:left → ");
            assert!(branch.starts_with(&start), "{branch}");
        }
    }
}

/// The same data again, in a new packet: its parts are not those of the first.
#[test]
fn segments_follow_the_one_that_was_sent_again() {
    let mut world = chain(13);
    world.node("r1").gso = Some(1000);
    let large = Tcp { sequence: 7, flags: 0x10, data: vec![3; 1500], ..Tcp::default() };
    for id in [9, 19] {
        world.send("left", Ip::tcp(("10.0.0.1", 4000), ("10.0.2.2", 80), &large).with_id(id));
        world.wait(100_000);
    }
    assert_eq!(world.assert_recognised().journeys.len(), 2);
}

#[test]
fn dscp_and_ecn_are_told() {
    let mut world = chain(12);
    world.send("left", Ip { tos: 2, ..Ip::echo("10.0.0.1", "10.0.2.2", false, 7, 1) });
    world.run();
    // A queue in r1 marked it: congestion experienced.
    for seen in &mut world.seen[2..] {
        seen.bytes[15] = 3;
    }
    let ways = world.assert_recognised().ways();
    assert!(ways[0].contains("r1:right [ttl 64→63, mac, tos 0x2→0x3] →"), "{ways:?}");
}
