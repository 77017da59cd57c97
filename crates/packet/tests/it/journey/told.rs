//! How a journey is told, as text and as data; and that what is kept is bounded.

use std::time::Duration;

use twinax_packet::journey::{Journeys, Options, Wiring};
use twinax_packet::{Direction, Frame, Time};

use super::bytes::{self, Carries, Ip};
use super::world::World;

/// Two nodes with a router between, by hand: each frame with its time in nanoseconds.
fn by_hand(times: [u64; 4]) -> (World, Journeys) {
    let mut world = World::new(1);
    let (a, left) = world.veth("left:e0", "r1:left");
    let (right, b) = world.veth("r1:right", "right:e0");
    let mut journeys = Journeys::new(Options::default());
    let places = [(a, true), (left, false), (right, true), (b, false)];
    for ((device, out), time) in places.into_iter().zip(times) {
        let ttl = if device == a || device == left { 64 } else { 63 };
        let ip = Ip { ttl, ..Ip::echo("10.0.0.1", "10.0.2.2", false, 7, 1) };
        let mac = |id: usize| world.devices[id].mac;
        let (source, destination) =
            if ttl == 64 { (mac(a), mac(left)) } else { (mac(right), mac(b)) };
        let frame = bytes::Frame { source, destination, vlans: vec![], carries: Carries::Ip(ip) };
        let bytes = frame.bytes(true);
        let direction = if out { Direction::Out } else { Direction::In };
        let frame = Frame {
            time: Time(time),
            interface: device as u32,
            direction,
            length: bytes.len() as u32,
            bytes: &bytes,
        };
        journeys.frame(&world.interfaces, &world.wiring, &frame);
    }
    (world, journeys)
}

#[test]
fn a_line_says_what_changed_and_how_long_it_took() {
    let (world, journeys) = by_hand([1_000_000_000, 1_000_012_345, 1_003_400_000, 2_203_400_999]);
    let told: Vec<_> =
        journeys.finish().map(|journey| journey.told(&world.interfaces).to_string()).collect();
    let line = "IP 10.0.0.1 > 10.0.2.2: ICMP echo request, id 7, seq 1, length 64 \
                | left:e0 →12µs r1:left →3.4ms r1:right [ttl 64→63, mac] →1.2s right:e0";
    assert_eq!(told, [line]);
}

#[test]
fn data_has_it_all() {
    let (world, journeys) = by_hand([1_000_000_000, 1_000_000_900, 1_000_002_000, 1_000_003_000]);
    let journey = journeys.finish().next().expect("a journey");
    let data = serde_json::to_value(journey.told(&world.interfaces)).expect("data");
    let macs =
        |from: u8, to: u8| [format!("02:00:00:00:00:0{from}"), format!("02:00:00:00:00:0{to}")];
    let hop = |at: &str, direction: &str, time: &str, from: Option<usize>, how: &str| {
        serde_json::json!({
            "at": at, "direction": direction, "time": time, "from": from, "how": how,
            "changes": [], "missing": null,
        })
    };
    let mut routed = hop("r1:right", "Out", "1.000002000", Some(1), "routed");
    routed["changes"] = serde_json::json!([
        {"ttl": [64, 63]},
        {"mac": {"source": macs(0, 2), "destination": macs(1, 3)}},
    ]);
    let expected = serde_json::json!({
        "number": 1,
        "time": "1.000000000",
        "packet": "IP 10.0.0.1 > 10.0.2.2: ICMP echo request, id 7, seq 1, length 64",
        "about": null,
        "continues": null,
        "early": false,
        "lossy": false,
        "hops": [
            hop("left:e0", "Out", "1.000000000", None, "first"),
            hop("r1:left", "In", "1.000000900", Some(0), "cable"),
            routed,
            hop("right:e0", "In", "1.000003000", Some(2), "cable"),
        ],
    });
    assert_eq!(data, expected);
}

#[test]
fn an_error_names_what_it_is_about() {
    let mut world = super::routers::chain(2);
    world.stretch = (1000, 1000);
    let probe = Ip::udp(("10.0.0.1", 4000), ("10.0.2.2", 33434), b"probe").with_id(5);
    world.send("left", Ip { ttl: 1, ..probe });
    let told = &world.assert_recognised().told[1];
    let start = "IP 10.0.0.2 > 10.0.0.1: ICMP time exceeded in-transit, length 41 \
                 (about IP 10.0.0.1.4000 > 10.0.2.2.33434: UDP, length 5, 2µs before) \
                 | r1:left →1µs left:e0";
    assert_eq!(told, start);
}

#[test]
fn many_branches_can_be_left_out() {
    let mut world = World::new(3);
    let hosts = ["a", "b", "c", "d", "e"];
    let (_, ends) = super::bridges::star(&mut world, "sw", &hosts, "10.0.0");
    world.stretch = (1000, 1000);
    world.ask(ends[0], "10.0.0.9");
    let recognised = world.assert_recognised();
    let told = recognised.journeys[0].told(&world.interfaces).branches(2).to_string();
    let way = super::check::way(&told);
    assert_eq!(way, "a:e0 → sw:a\n    → sw:b → b:e0\n    → sw:c → c:e0\n    … and 3 more");
}

#[test]
fn a_name_that_would_move_the_cursor_does_not() {
    let (mut world, journeys) = by_hand([1, 2, 3, 4]);
    world.interfaces[0].device = "e\u{1b}[2J".to_owned();
    let journey = journeys.finish().next().expect("a journey");
    let told = journey.told(&world.interfaces).to_string();
    assert!(told.contains("| left:e?[2J →"), "{told}");
}

/// Complete is what was not seen for as long as the window is; and what began later waits.
#[test]
fn journeys_come_when_they_are_complete_and_in_their_order() {
    let (_, mut journeys) = by_hand([1_000_000_000, 1_000_001_000, 1_000_002_000, 1_500_000_000]);
    assert_eq!(journeys.finished(Time(3_400_000_000)).count(), 0);
    assert_eq!(journeys.finished(Time(3_600_000_000)).count(), 1);
    assert_eq!(journeys.finish().count(), 0);
}

/// With a limit that one packet fills, each journey is cut when the next comes; all are told.
#[test]
fn beyond_the_limit_the_oldest_are_given_up() {
    let mut world = super::routers::chain(4);
    world.node("right").answers = false;
    for _ in 0..100 {
        world.send("left", Ip::udp(("10.0.0.1", 5), ("10.0.2.2", 9), b"same"));
    }
    world.run();
    let mut journeys = Journeys::new(Options { limit: 10, ..Options::default() });
    for seen in &world.seen {
        let frame = Frame {
            time: Time(seen.time),
            interface: seen.interface as u32,
            direction: seen.direction,
            length: seen.bytes.len() as u32,
            bytes: &seen.bytes,
        };
        journeys.frame(&world.interfaces, &world.wiring, &frame);
    }
    assert_eq!(journeys.forgotten_early(), 590);
    let all: Vec<_> = journeys.finish().collect();
    assert_eq!(all.iter().map(|journey| journey.hops.len()).sum::<usize>(), 600);
    assert!(all[0].early);
}

#[test]
fn odd_input_does_no_harm() {
    let mut journeys = Journeys::new(Options { window: Duration::MAX, limit: 0 });
    for length in 0..200 {
        for fill in [0, 0x45, 0x60, 0xff] {
            let bytes = vec![fill; length];
            let frame = Frame {
                time: Time(200 - length as u64),
                interface: 7,
                direction: Direction::In,
                length: u32::MAX,
                bytes: &bytes,
            };
            journeys.frame(&[], &Wiring::default(), &frame);
        }
    }
    assert_eq!(journeys.finish().count(), 800);
}
