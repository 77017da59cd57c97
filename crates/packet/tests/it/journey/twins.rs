//! What looks alike and is not the same; and what nobody knows the wiring of.

use twinax_packet::journey::{Device, How, Journeys, Options, Role, Wiring};
use twinax_packet::{Direction, Mac};

use super::bridges::star;
use super::bytes::{Carries, Frame, Ip};
use super::routers::chain;
use super::world::{Kind, World};

/// Two tenants with the same addresses, names and MACs, who do the same at the same time.
fn tenants(seed: u64) -> World {
    let mut world = World::new(seed);
    for tenant in ["red", "blue"] {
        let hosts = [format!("{tenant}-a"), format!("{tenant}-b"), format!("{tenant}-c")];
        let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
        let (_, ends) = star(&mut world, &format!("{tenant}-sw"), &hosts, "10.0.0");
        for (place, end) in ends.iter().enumerate() {
            world.devices[*end].mac = Mac([2, 1, 1, 1, 1, place as u8]);
        }
        world.neighbours(&ends);
    }
    world
}

#[test]
fn tenants_are_not_mixed() {
    let mut world = tenants(1);
    for round in 0..20 {
        for tenant in ["red", "blue"] {
            let node = format!("{tenant}-a");
            let end = world.id(&format!("{node}:e0"));
            world.ask(end, "10.0.0.3");
            world.send(&node, Ip::echo("10.0.0.1", "10.0.0.2", false, 1, round));
            world.send(&node, Ip::udp(("10.0.0.1", 5), ("10.0.0.2", 7), b"same"));
        }
    }
    let recognised = world.assert_recognised();
    assert_eq!(recognised.journeys.len(), 2 * 20 * 5);
    for journey in &recognised.journeys {
        let tenant = |hop: usize| {
            let node = &world.interfaces[journey.hops[hop].interface as usize].node;
            node.split('-').next().expect("a tenant").to_owned()
        };
        assert!((0..journey.hops.len()).all(|hop| tenant(hop) == tenant(0)));
    }
}

/// Both ends of a cable in one node: requests cross it, replies are on `lo`, once.
#[test]
fn replies_on_lo_are_there_once() {
    let mut world = World::new(2);
    let (a, b) = world.veth("one:veth1", "one:veth2");
    let lo = world.device("one", "lo", Kind::Loopback);
    world.address(a, "20.1.0.10", 24);
    world.address(b, "20.1.0.11", 24);
    world.node("one").answers = true;
    world.route("one", ("20.1.0.10", 32), lo, "20.1.0.10");
    world.node("one").neighbours.insert("20.1.0.10".parse().expect("an address"), Mac::default());
    let (source, destination) = (world.devices[a].mac, world.devices[b].mac);
    for sequence in 1..=2 {
        // `ping -I veth1`
        let carries = Carries::Ip(Ip::echo("20.1.0.10", "20.1.0.11", false, 1, sequence));
        world.emit(a, Frame { source, destination, vlans: Vec::new(), carries });
        world.wait(1_000_000);
    }
    let there = "one:veth1 → one:veth2";
    assert_eq!(world.assert_recognised().ways(), [there, "one:lo", there, "one:lo"]);
    // `lo` is known by its name.
    let ways = world.recognise_by(&Wiring::default()).ways();
    assert_eq!(ways, [there, "one:lo", there, "one:lo"]);
}

/// The very same bytes, so many at once that they overtake nobody but crowd everywhere.
#[test]
fn a_flood_of_identical_frames_keeps_its_order() {
    let mut world = chain(3);
    world.node("right").answers = false;
    for _ in 0..2000 {
        world.send("left", Ip::udp(("10.0.0.1", 5), ("10.0.2.2", 9), b"same"));
    }
    let recognised = world.assert_recognised();
    assert_eq!(recognised.journeys.len(), 2000);
    assert!(recognised.journeys.iter().all(|journey| journey.hops.len() == 6));
}

/// A queue that holds frames back for 20 ms, while others like them come every few microseconds.
#[test]
fn a_slow_link_keeps_its_order() {
    let mut world = chain(4);
    world.node("right").answers = false;
    let slow = world.id("r1:right");
    world.devices[slow].delay = 20_000_000;
    for _ in 0..300 {
        world.send("left", Ip::udp(("10.0.0.1", 5), ("10.0.2.2", 9), b"same"));
    }
    assert_eq!(world.assert_recognised().journeys.len(), 300);
}

/// The first is lost in the router. The second, a second later, is not taken for it.
#[test]
fn what_was_lost_long_ago_is_not_followed() {
    let mut world = chain(5);
    let ask = |world: &mut World| {
        world.send("left", Ip::udp(("10.0.0.1", 5), ("10.0.2.2", 9), b"same"));
        world.wait(1_000_000_000);
    };
    ask(&mut world);
    world.node("r1").forwards = false;
    ask(&mut world);
    world.node("r1").forwards = true;
    ask(&mut world);
    let recognised = world.assert_recognised();
    let hops: Vec<usize> = recognised.journeys.iter().map(|journey| journey.hops.len()).collect();
    assert_eq!(hops, [6, 2, 6]);
}

/// Nothing tells them apart but the end of what they carry. The router has dropped the first.
#[test]
fn what_differs_only_far_inside_is_told_apart() {
    let mut world = chain(11);
    world.node("right").answers = false;
    let say = |world: &mut World, last: u8| {
        let mut data = [7; 300];
        data[200] = last;
        world.send("left", Ip::udp(("10.0.0.1", 5), ("10.0.2.2", 9), &data));
        world.run();
    };
    world.node("r1").forwards = false;
    say(&mut world, 1);
    world.node("r1").forwards = true;
    say(&mut world, 2);
    world.assert_recognised();
}

/// A link that doubles: one journey, with the second as a branch.
#[test]
fn a_link_that_doubles() {
    let mut world = chain(6);
    let end = world.id("r2:right");
    world.devices[end].doubles = 1;
    world.node("right").answers = false;
    world.send("left", Ip::udp(("10.0.0.1", 5), ("10.0.2.2", 9), b"once"));
    let ways = world.assert_recognised().ways();
    let tree = "left:e0 → r1:left → r1:right [ttl 64→63, mac] → r2:left \
                → r2:right [ttl 63→62, mac]\n    → right:e0\n    → right:e0 [again]";
    assert_eq!(ways, [tree]);
}

/// A program carries frames between TAPs, and nobody said between which.
#[test]
fn taps_without_known_ends() {
    let mut world = World::new(7);
    let (a, b) = world.veth("a:tap0", "b:tap0");
    for (id, host) in [(a, 1), (b, 2)] {
        world.address(id, &format!("10.0.0.{host}"), 24);
        world.wiring.set(id as u32, Device { role: Role::Cable, ..Device::default() });
    }
    world.neighbours(&[a, b]);
    world.node("b").answers = true;
    for sequence in 1..=3 {
        world.send("a", Ip::echo("10.0.0.1", "10.0.0.2", false, 1, sequence));
    }
    assert_eq!(world.assert_recognised().journeys.len(), 6);
    // And a frame that a virtual machine sends has come from nowhere.
    let mac = world.devices[a].mac;
    let machine = Mac([2, 9, 9, 9, 9, 9]);
    let packet = Ip::echo("10.0.0.9", "10.0.0.1", false, 4, 4);
    let carries = Carries::Ip(packet);
    world.inject(a, Frame { source: machine, destination: mac, vlans: Vec::new(), carries });
    let recognised = world.assert_recognised();
    assert_eq!(recognised.journeys.last().expect("one").hops[0].direction, Direction::In);
}

/// As for a file that is read back: only names, times and bytes.
#[test]
fn without_wiring_ways_are_found_all_the_same() {
    let mut world = chain(8);
    for sequence in 1..=5 {
        world.send("left", Ip::echo("10.0.0.1", "10.0.2.2", false, 1, sequence));
        world.send("left", Ip::echo("fd00:0::1", "fd00:2::2", false, 1, sequence));
    }
    let recognised = world.recognise_by(&Wiring::default());
    world.assert_true(&recognised);
}

#[test]
fn without_wiring_a_flood_is_still_a_tree() {
    let mut world = World::new(9);
    let (_, ends) = star(&mut world, "sw", &["a", "b", "c"], "10.0.0");
    world.stretch = (1000, 1000);
    world.ask(ends[0], "10.0.0.3");
    world.wait(1000);
    world.ask(ends[0], "10.0.0.3");
    let recognised = world.recognise_by(&Wiring::default());
    world.assert_true(&recognised);
}

/// Only the two ends are watched.
#[test]
fn devices_between_that_nobody_watched() {
    let mut world = chain(10);
    world.send("left", Ip::echo("10.0.0.1", "10.0.2.2", false, 1, 1));
    world.run();
    let watched = ["left:e0", "right:e0"].map(|name| world.id(name));
    world.seen.retain(|seen| watched.contains(&seen.interface));
    world.seen.iter_mut().for_each(|seen| seen.parent = None);
    let mut wiring = Wiring::default();
    for id in watched {
        wiring.set(id as u32, Device { role: Role::Cable, ..Device::default() });
    }
    let recognised = world.recognise_by(&wiring);
    assert_eq!(
        recognised.ways(),
        ["left:e0 → … right:e0 [ttl 64→62, mac]", "right:e0 → … left:e0 [ttl 64→62, mac]"]
    );
    assert_eq!(recognised.journeys[0].hops[1].how, How::Unseen);
}

/// Every fifth frame had no room in the ring: nothing is said of where a packet was not seen, ways have
/// gaps, and tenants are as far apart as ever.
#[test]
fn frames_that_were_lost_leave_gaps() {
    let mut world = World::new(12);
    for tenant in ["red", "blue"] {
        world.macs_from = world.devices.len();
        super::routers::add_chain(&mut world, tenant);
    }
    for sequence in 1..=50 {
        for tenant in ["red", "blue"] {
            let node = format!("{tenant}-left");
            world.send(&node, Ip::echo("10.0.0.1", "10.0.2.2", false, 1, sequence));
        }
    }
    world.run();
    let all = std::mem::take(&mut world.seen);
    world.seen =
        all.into_iter().enumerate().filter(|(at, _)| at % 5 != 0).map(|(_, seen)| seen).collect();
    let mut journeys = Journeys::new(Options::default());
    journeys.lost();
    let recognised = world.recognise_with(journeys, &world.wiring);
    let ways = recognised.ways();
    assert!(ways.iter().all(|way| !way.contains("not ")));
    assert!(ways.iter().any(|way| way.contains(" … ")));
    for way in ways {
        assert!(!(way.contains("red") && way.contains("blue")), "{way}");
    }
}
