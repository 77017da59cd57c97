//! Tunnels: what goes into an outer packet, and out of it again.

use super::bridges::star;
use super::bytes::Ip;
use super::routers::chain;
use super::world::{Kind, World};

/// Two bridges, joined by VXLAN between `left` and `right` of a chain of routers.
fn overlay(seed: u64) -> World {
    let mut world = chain(seed);
    for (node, host, near, far) in
        [("left", "a", "10.0.0.1", "10.0.2.2"), ("right", "b", "10.0.2.2", "10.0.0.1")]
    {
        let (bridge, ends) = star(&mut world, node, &[host], "172.16.0");
        world.devices[ends[0]].addresses.clear();
        world.node(host).routes.clear();
        world.address(ends[0], if host == "a" { "172.16.0.1" } else { "172.16.0.2" }, 24);
        let [from, to] = [near, far].map(|text| text.parse().expect("an address"));
        let tunnel = world.device(node, "vxlan0", Kind::Vxlan { vni: 42, from, to });
        world.port(tunnel, bridge);
    }
    let ends = [world.id("a:e0"), world.id("b:e0")];
    world.neighbours(&ends);
    world
}

#[test]
fn vxlan_carries_frames() {
    let mut world = overlay(1);
    world.stretch = (1000, 1000);
    let end = world.id("a:e0");
    world.ask(end, "172.16.0.2");
    world.wait(1_000_000);
    world.send("b", Ip::echo("172.16.0.2", "172.16.0.1", false, 1, 1));
    let ways = world.assert_recognised().ways();
    let flood = "a:e0 → left:a\
        \n    → left:vxlan0 → left:e0 [in UDP 4789, vni 42, 10.0.0.1 > 10.0.2.2] → r1:left \
        → r1:right [ttl 64→63, mac] → r2:left → r2:right [ttl 63→62, mac] → right:e0 \
        → right:vxlan0 [out of UDP 4789, vni 42, 10.0.0.1 > 10.0.2.2]\
        \n        → right:b → b:e0\
        \n        → right:br0\
        \n    → left:br0";
    assert_eq!(ways[0], flood);
    let ping = "b:e0 → right:b → right:vxlan0 \
        → right:e0 [in UDP 4789, vni 42, 10.0.2.2 > 10.0.0.1] → r2:right \
        → r2:left [ttl 64→63, mac] → r1:right → r1:left [ttl 63→62, mac] → left:e0 \
        → left:vxlan0 [out of UDP 4789, vni 42, 10.0.2.2 > 10.0.0.1] → left:a → a:e0";
    assert_eq!(ways[1], ping);
}

#[test]
fn an_outer_packet_in_fragments() {
    let mut world = overlay(2);
    for device in ["left:e0", "right:e0"] {
        let device = world.id(device);
        world.devices[device].mtu = 1500;
    }
    let end = world.id("a:e0");
    world.ask(end, "172.16.0.2");
    let end = world.id("b:e0");
    world.ask(end, "172.16.0.1");
    world.run();
    world.seen.clear();
    world.node("right").defragments = true;
    let large = Ip::udp(("172.16.0.1", 4000), ("172.16.0.2", 9), &[1; 1472]);
    world.send("a", large.with_id(3));
    let ways = world.assert_recognised().ways();
    let around = "in UDP 4789, vni 42, 10.0.0.1 > 10.0.2.2";
    assert_eq!(ways.len(), 1);
    let lines: Vec<_> = ways[0].lines().collect();
    assert_eq!(lines[0], "a:e0 → left:a → left:vxlan0");
    let first = format!("    → left:e0 [{around}, fragment 0+1480] → r1:left → ");
    assert!(lines[1].starts_with(&first), "{}", lines[1]);
    assert!(lines[1].ends_with("→ right:b → b:e0"), "{}", lines[1]);
    assert!(lines[2].starts_with("    → left:e0 [fragment 1480+50] → r1:left → "), "{}", lines[2]);
    assert!(lines[2].ends_with("→ right:e0"), "{}", lines[2]);
}

#[test]
fn gre_carries_packets() {
    let mut world = chain(3);
    let [from, to] = ["10.0.0.1", "10.0.2.2"].map(|text| text.parse().expect("an address"));
    let near = world.device("left", "gre1", Kind::Gre { from, to });
    let far = world.device("right", "gre1", Kind::Gre { from: to, to: from });
    world.address(near, "172.16.0.1", 24);
    world.address(far, "172.16.0.2", 24);
    world.send("left", Ip::echo("172.16.0.1", "172.16.0.2", false, 1, 1));
    let ways = world.assert_recognised().ways();
    let there = "left:gre1 → left:e0 [in GRE, 10.0.0.1 > 10.0.2.2] → r1:left \
        → r1:right [ttl 64→63, mac] → r2:left → r2:right [ttl 63→62, mac] → right:e0 \
        → right:gre1 [out of GRE, 10.0.0.1 > 10.0.2.2]";
    assert_eq!(ways[0], there);
    assert_eq!(ways.len(), 2);
}

/// Nobody but its ends can tell what is in it.
#[test]
fn wireguard_is_sealed() {
    let mut world = chain(4);
    let [from, to] = ["10.0.0.1", "10.0.2.2"].map(|text| text.parse().expect("an address"));
    let near = world.device("left", "wg0", Kind::WireGuard { from, to });
    let far = world.device("right", "wg0", Kind::WireGuard { from: to, to: from });
    world.address(near, "172.16.0.1", 24);
    world.address(far, "172.16.0.2", 24);
    world.node("right").answers = false;
    world.send("left", Ip::echo("172.16.0.1", "172.16.0.2", false, 1, 1));
    let ways = world.assert_recognised().ways();
    let between = "left:e0 → r1:left → r1:right [ttl 64→63, mac] → r2:left \
                   → r2:right [ttl 63→62, mac] → right:e0";
    assert_eq!(ways, ["left:wg0", between, "right:wg0"]);
}
