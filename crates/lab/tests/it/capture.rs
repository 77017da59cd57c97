//! Every frame of a lab in one stream, in order, with the device at which it was seen.

use std::time::{Duration, Instant};

use twinax_lab::Lab;
use twinax_lab::capture::{Devices, Memory, Options, Session};
use twinax_lab::nodes;
use twinax_lab::probe::{Echo, ping};
use twinax_packet::{Direction, Frame};
use twinax_topology::{NodeName, Spot, parse};

use crate::both_ways::{in_sandbox, in_view};

const LAB: &str = r#"
    name = "watched"
    [node.left]
    route = [{ to = "default", via = "10.0.1.1" }]
    [node.router]
    kind = "router"
    [node.right]
    route = [{ to = "default", via = "10.0.2.1" }]
    [[link]]
    a = { at = "left:e0", ip = "10.0.1.2/24", mac = "02:00:00:00:00:01" }
    b = { at = "router:l", ip = "10.0.1.1/24", mac = "02:00:00:00:00:02" }
    [[link]]
    a = { at = "router:r", ip = "10.0.2.1/24", mac = "02:00:00:00:00:03" }
    b = { at = "right:e0", ip = "10.0.2.2/24", mac = "02:00:00:00:00:04" }
"#;

/// What was seen: where, which way, and what of ICMP: its type and sequence number.
type Seen = (String, Direction, u8, u16);

/// ICMP over IPv4 without options, over Ethernet.
fn icmp(devices: &Devices, frame: &Frame<'_>, seen: &mut Vec<Seen>) {
    let bytes = frame.bytes;
    if bytes.len() >= 42 && bytes[12..15] == [8, 0, 0x45] && bytes[23] == 1 {
        let at = devices.interfaces()[frame.interface as usize].to_string();
        seen.push((at, frame.direction, bytes[34], u16::from_be_bytes([bytes[40], bytes[41]])));
    }
}

fn name(node: &str) -> NodeName {
    node.parse().expect("a name")
}

fn open(names: &[NodeName]) -> Session {
    Session::open(names, &Options::all(Memory::STEP)).expect("it is watched")
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

fn echo(from: &str, to: &str, count: u16) {
    let netns = nodes::open(&name(from)).expect("the node is there");
    let to = to.parse().expect("an address");
    let echo =
        Echo { count, interval: Duration::ZERO, ..Echo::one(&netns, to, Duration::from_secs(5)) };
    let report = ping(&[echo]).expect("it is sent").remove(0);
    assert_eq!(report.received(), count);
}

fn built() -> Lab {
    let (mut lab, _) = Lab::build(parse(LAB, "lab.toml").expect("valid")).expect("it is built");
    lab.start().expect("it starts");
    lab
}

/// Each request and each reply is seen at each of the four devices, in the order of its way.
pub fn each_frame_is_seen_at_each_device_of_its_way() {
    let done = in_sandbox(|| {
        let _lab = built();
        let mut session = open(&[name("left"), name("router"), name("right")]);
        echo("left", "10.0.2.2", 20);
        let mut seen = Vec::new();
        let quiet = session.settle(soon(), |devices, frame| icmp(devices, frame, &mut seen));
        assert!(quiet.expect("the kernel answers"), "nothing is on its way any more");
        let way = |kind, sequence, places: [(&str, Direction); 4]| -> Vec<Seen> {
            places.map(|(at, direction)| (at.to_owned(), direction, kind, sequence)).to_vec()
        };
        for sequence in 1..=20 {
            let own: Vec<Seen> =
                seen.iter().filter(|(.., number)| *number == sequence).cloned().collect();
            use Direction::{In, Out};
            let there = way(
                8,
                sequence,
                [("left:e0", Out), ("router:l", In), ("router:r", Out), ("right:e0", In)],
            );
            let back = way(
                0,
                sequence,
                [("right:e0", Out), ("router:r", In), ("router:l", Out), ("left:e0", In)],
            );
            assert_eq!(own, [there, back].concat());
        }
        assert_eq!(seen.len(), 20 * 8);
        assert_eq!(session.drops().expect("the kernel counts"), 0);
        Ok(())
    });
    done.expect("it is done");
}

/// Without `settle`, what comes is given out in the order of time by and by, and all of it.
pub fn a_stream_is_in_the_order_of_time() {
    let done = in_sandbox(|| {
        let _lab = built();
        let mut session = open(&[name("left"), name("router"), name("right")]);
        let pings = std::thread::spawn(|| echo("left", "10.0.2.2", 500));
        let (mut seen, mut last) = (Vec::new(), 0);
        let end = soon();
        while seen.len() < 500 * 8 && Instant::now() < end {
            session.wait(Some(end)).expect("it waits");
            let drained = session.drain(|devices, frame| {
                assert!(frame.time.0 >= last, "{} after {last}", frame.time.0);
                last = frame.time.0;
                icmp(devices, frame, &mut seen);
            });
            drained.expect("it drains");
        }
        pings.join().expect("all are answered");
        assert_eq!(seen.len(), 500 * 8);
        Ok(())
    });
    done.expect("it is done");
}

/// Watches all three nodes with rings of 72 KiB, and 72 KiB in common, while they send `first`, and then `count`
/// times `then`: so many frames were seen, in the order of time, and none was lost. Nothing is old enough to be
/// given out for its age.
fn nothing_is_lost(first: &[(&str, &str)], count: usize, then: (&str, &str, u16), frames: usize) {
    let done = in_sandbox(|| {
        let _lab = built();
        let bytes = 3 * (96 << 10);
        let memory = Memory { bytes, each: bytes, latency: 200, crowded: 200 };
        let nodes = [name("left"), name("router"), name("right")];
        let mut session = Session::open(&nodes, &Options::all(memory)).expect("it is watched");
        let (mut seen, mut last) = (Vec::new(), 0);
        let mut take = |devices: &Devices, frame: &Frame<'_>| {
            assert!(frame.time.0 >= last, "{} after {last}", frame.time.0);
            last = frame.time.0;
            icmp(devices, frame, &mut seen);
        };
        for (from, to) in first {
            echo(from, to, 1);
        }
        for _ in 0..count {
            let (from, to, count) = then;
            echo(from, to, count);
            session.drain(&mut take).expect("it drains");
        }
        assert!(session.settle(soon(), &mut take).expect("the kernel answers"));
        assert_eq!(session.drops().expect("the kernel counts"), 0);
        assert_eq!(seen.len(), frames);
        Ok(())
    });
    done.expect("it is done");
}

/// What waits for the frames of other nodes does not fill a ring, as long as there is memory in common: a frame
/// of `right` is not handed over yet, and the router has more than its ring takes, 480 frames of some 190 bytes.
pub fn a_ring_that_fills_is_relieved() {
    nothing_is_lost(&[("right", "10.0.2.1")], 12, ("left", "10.0.1.1", 20), 4 + 12 * 20 * 4);
}

/// What all nodes have handed over what is older than is given out at once where a ring fills up: the router has
/// 2400 frames, for which there is no room even with what all have in common.
pub fn what_is_certain_to_be_in_its_order_waits_for_nothing() {
    nothing_is_lost(&[], 60, ("left", "10.0.2.2", 10), 60 * 10 * 8);
}

/// Devices that are renamed, come and go, and nodes that do, are followed.
pub fn devices_and_nodes_are_followed() {
    let done = in_sandbox(|| {
        let mut lab = built();
        let mut session = open(&[name("left"), name("router"), name("right")]);
        let renamed = in_view(|| {
            ["link set e0 down", "link set e0 name uplink", "link set uplink up"]
                .into_iter()
                .try_for_each(|words| ip(&["-n left", words].join(" ")))
        });
        renamed.expect("it is renamed");
        lab.change(&[]).expect("it has carrier again");
        let added = r#"
            name = "more"
            [node.guest]
            [[link]]
            a = { at = "guest:g0", ip = "10.0.9.1/24" }
            b = { at = "guest:g1" }
        "#;
        let added = parse(added, "more.toml").expect("valid");
        let addition = twinax_topology::Addition {
            nodes: added.nodes,
            links: added.links,
            ..Default::default()
        };
        lab.add(&addition).expect("it is added");
        session.drain(|_, _| ()).expect("it takes the node in");
        echo("guest", "10.0.9.1", 1);
        echo("left", "10.0.1.1", 1);
        let mut seen = Vec::new();
        session
            .settle(soon(), |devices, frame| icmp(devices, frame, &mut seen))
            .expect("it settles");
        let places: Vec<&str> = seen.iter().map(|(at, ..)| at.as_str()).collect();
        assert_eq!(
            places,
            ["guest:lo", "guest:lo", "left:uplink", "router:l", "router:l", "left:uplink"]
        );

        let guest = nodes::open(&name("guest")).expect("it is there");
        let spot = Spot { node: name("guest"), interface: None };
        lab.remove(&[twinax_topology::Removed::Spot(spot)]).expect("it is removed");
        drop(guest);
        session.settle(soon(), |_, _| ()).expect("it settles");
        let watched: Vec<String> =
            session.counts().expect("it counts").iter().map(|(node, _)| node.to_string()).collect();
        assert_eq!(watched, ["left", "router", "right"]);
        Ok(())
    });
    done.expect("it is done");
}

fn ip(words: &str) -> Result<(), String> {
    let status = std::process::Command::new("ip").args(words.split(' ')).status();
    let status = status.map_err(|error| error.to_string())?;
    status.success().then_some(()).ok_or(format!("ip {words}: {status}"))
}
