//! Packet sockets with a ring, devices that come and go, and whether frames are still on their way.

use std::net::UdpSocket;
use std::os::fd::{AsFd, AsRawFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use twinax_kernel::capture::{Backlog, RawFrame, Rest, Ring, RingOptions, block};
use twinax_kernel::observe::{Change, Follower};
use twinax_kernel::{Error, Netns, tun};
use twinax_packet::{Direction, LinkType};
use twinax_plan::Device;
use twinax_topology::{NodeName, Place, TapMode};

use crate::nodes::{change, in_new, is_root, other};
use crate::tun::has_tun;

const RING: RingOptions = RingOptions { block_size: 1 << 16, blocks: 4, retire: 2 };

/// Reads all that the kernel counts, once it has been handed over; how many frames had no room.
pub fn all(ring: &mut Ring, mut each: impl FnMut(&RawFrame<'_>)) -> u64 {
    let before = ring.read();
    loop {
        while let Some((block, mut rest)) = ring.take() {
            let (said, mut again) = (rest.left(), rest);
            let mut by = |rest: &mut Rest| -> Vec<(u64, u32)> {
                std::iter::from_fn(|| rest.next(ring.bytes_mut(block))).collect()
            };
            let places = by(&mut rest);
            assert_eq!(places.len(), said as usize, "as many frames as it says");
            assert_eq!(by(&mut again), places, "to come by again changes nothing");
            // What was copied out of the ring is what was there.
            let copy = block::used(ring.bytes(block)).to_vec();
            ring.give_back(block);
            for (time, place) in places {
                let frame = block::frame(&copy, place).expect("a frame at its place");
                assert_eq!(frame.time, time);
                each(&frame);
            }
        }
        let counts = ring.counts().expect("a packet socket counts");
        if ring.read() == counts.frames - counts.drops {
            return counts.drops;
        }
        let mut ready = [PollFd::new(ring, PollFlags::IN)];
        let bound = Timespec { tv_sec: 5, tv_nsec: 0 };
        let there = poll(&mut ready, Some(&bound)).expect("poll");
        assert!(there > 0, "a block is handed over in time: {before}, {counts:?}");
    }
}

fn up(name: &str) {
    change(|rtnl| rtnl.set_up(name, true));
}

#[test]
fn each_frame_is_there_as_it_was() {
    if !is_root("each_frame_is_there_as_it_was") {
        return;
    }
    in_new(|_| {
        up("lo");
        let mut ring = Ring::open(RING, |_| Ok(())).expect("a ring");
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let own = socket.local_addr().expect("its address");
        for number in 0..100_u8 {
            let payload = vec![number; usize::from(number)];
            socket.send_to(&payload, own).expect("lo takes it");
        }
        let mut seen = Vec::new();
        let drops = all(&mut ring, |frame| {
            assert_eq!((frame.index, frame.link_type), (1, LinkType::Ethernet));
            assert_eq!(frame.length as usize, frame.bytes.len());
            seen.push((frame.direction, frame.bytes[42..].to_vec(), frame.time));
        });
        assert_eq!(drops, 0);
        // Each is there twice: as it goes out of `lo`, and as it comes in.
        let of = |kind: Direction| seen.iter().filter(move |(own, ..)| *own == kind);
        for kind in [Direction::Out, Direction::In] {
            let payloads: Vec<&Vec<u8>> = of(kind).map(|(_, payload, _)| payload).collect();
            let sent: Vec<Vec<u8>> = (0..100).map(|n: u8| vec![n; usize::from(n)]).collect();
            assert_eq!(payloads, sent.iter().collect::<Vec<_>>());
        }
        assert!(seen.is_sorted_by_key(|(.., time)| *time));
    });
}

#[test]
fn what_has_no_room_is_counted() {
    if !is_root("what_has_no_room_is_counted") {
        return;
    }
    in_new(|_| {
        up("lo");
        let mut ring = Ring::open(RING, |_| Ok(())).expect("a ring");
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let own = socket.local_addr().expect("its address");
        for _ in 0..500 {
            socket.send_to(&[0; 1000], own).expect("lo takes it");
        }
        let mut seen = 0_u64;
        let drops = all(&mut ring, |_| seen += 1);
        assert!(drops > 0, "500 kB do not fit in 256 KiB");
        assert_eq!(seen + drops, 1000);
        // And it goes on.
        socket.send_to(&[1; 10], own).expect("lo takes it");
        let mut seen = 0;
        let still = all(&mut ring, |_| seen += 1);
        assert_eq!((seen, still), (2, drops));
    });
}

/// With all blocks in hand there are no more, until one is given back.
#[test]
fn a_block_is_taken_once() {
    if !is_root("a_block_is_taken_once") {
        return;
    }
    in_new(|_| {
        up("lo");
        let mut ring = Ring::open(RING, |_| Ok(())).expect("a ring");
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let own = socket.local_addr().expect("its address");
        while ring.counts().expect("it counts").drops == 0 {
            socket.send_to(&[0; 1000], own).expect("lo takes it");
        }
        let taken: Vec<_> = std::iter::from_fn(|| ring.take()).take(2 * RING.blocks).collect();
        assert_eq!(taken.len(), RING.blocks);
        let counts = ring.counts().expect("it counts");
        assert_eq!(ring.read(), counts.frames - counts.drops);
        taken.into_iter().for_each(|(block, _)| ring.give_back(block));
        assert_eq!(ring.take(), None);
    });
}

/// The kernel takes the tag out of a frame that comes in; one behind it stays where it is.
#[test]
fn a_tag_is_where_it_was_on_the_wire() {
    if !has_tun("a_tag_is_where_it_was_on_the_wire") {
        return;
    }
    in_new(|_| {
        tun::add("tap0", TapMode::Tap).expect("root may make a TAP");
        let wire = tun::attach("tap0", TapMode::Tap).expect("nobody holds it");
        up("tap0");
        let macs = [[0xff; 6], [2, 0, 0, 0, 0, 1]].concat();
        let payload: Vec<u8> = [vec![0x88, 0xb5], (0..46).collect()].concat();
        let tagged = [&macs[..], &[0x81, 0x00, 0x60, 0x07], &payload].concat();
        let twice =
            [&macs[..], &[0x88, 0xa8, 0x00, 0x05, 0x81, 0x00, 0x60, 0x07], &payload].concat();
        let plain = [&macs[..], &payload].concat();
        let frames = [tagged, plain, twice];
        let mut ring = Ring::open(RING, |_| Ok(())).expect("a ring");
        for frame in &frames {
            rustix::io::write(&wire, frame).expect("the device takes it");
        }
        let mut seen = Vec::new();
        let drops = all(&mut ring, |frame| {
            if frame.bytes[6..12] == macs[6..] {
                assert_eq!(frame.length as usize, frame.bytes.len());
                seen.push(frame.bytes.to_vec());
            }
        });
        assert_eq!((seen, drops), (frames.to_vec(), 0));
    });
}

fn name(node: usize) -> NodeName {
    format!("n{node}").parse().expect("a name")
}

fn device(interface: &str) -> Device {
    let place = Place { node: name(0), interface: interface.parse().expect("a name") };
    Device { place, mac: None, mtu: None }
}

/// Opens a namespace once more, as a lab does by the node's name.
fn again(netns: &Netns) -> Result<Netns, Error> {
    Netns::open(format!("/proc/self/fd/{}", netns.as_fd().as_raw_fd()).as_ref())
}

/// What has changed: the node, the device's index, and its name, or none where it is gone.
fn heard(follower: &mut Follower) -> Vec<(usize, u32, Option<String>)> {
    let mut heard = Vec::new();
    let complete = follower.changes(|node, change| {
        heard.push(match change {
            Change::Is(device) => (node, device.link.index, Some(device.link.name)),
            Change::Gone(index) => (node, index, None),
        });
    });
    assert!(complete.expect("netlink answers"), "there was room for all");
    heard
}

#[test]
fn devices_are_followed_in_all_nodes() {
    if !is_root("devices_are_followed_in_all_nodes") {
        return;
    }
    in_new(|_| {
        let nodes = [other(), other()];
        let mut follower =
            Follower::open(&[name(0), name(1)], &|node| again(&nodes[node])).expect("it follows");
        assert_eq!(heard(&mut follower), []);
        change(|rtnl| rtnl.add_veth((&device("a"), &nodes[0]), (&device("b"), &nodes[1])));
        let seen = heard(&mut follower);
        let a = follower.devices(0).expect("the node is there");
        let b = follower.devices(1).expect("the node is there");
        let find = |devices: &[twinax_kernel::observe::Device], name: &str| {
            devices.iter().find(|device| device.link.name == name).cloned().expect("it is there")
        };
        let (a, b) = (find(&a, "a"), find(&b, "b"));
        assert_eq!((a.peer, b.peer), (Some((1, b.link.index)), Some((0, a.link.index))));
        assert_eq!(a.link_type, LinkType::Ethernet);
        assert!(seen.contains(&(0, a.link.index, Some("a".to_owned()))), "{seen:?}");
        assert!(seen.contains(&(1, b.link.index, Some("b".to_owned()))), "{seen:?}");

        // One more node, a device that goes there under another name, and one that goes for good.
        let third = other();
        assert_eq!(follower.add(&third).expect("it follows"), 2);
        in_node(&nodes[1], || {
            change(|rtnl| rtnl.move_link("b", &third));
        });
        let seen = heard(&mut follower);
        assert!(seen.contains(&(1, b.link.index, None)), "{seen:?}");
        let moved = find(&follower.devices(2).expect("the node is there"), "b");
        assert_eq!(moved.peer, Some((0, a.link.index)));
        in_node(&third, || change(|rtnl| rtnl.del_link("b")));
        let seen = heard(&mut follower);
        assert!(seen.contains(&(2, moved.link.index, None)), "{seen:?}");
        assert!(seen.contains(&(0, a.link.index, None)), "{seen:?}");
    });
}

/// The kernel numbers the namespaces of peers by itself: nothing is heard of them, until they are
/// followed, too.
#[test]
fn a_node_that_comes_later_may_have_a_number_already() {
    if !is_root("a_node_that_comes_later_may_have_a_number_already") {
        return;
    }
    in_new(|_| {
        let nodes = [other(), other(), other()];
        let mut follower =
            Follower::open(&[name(0)], &|node| again(&nodes[node])).expect("it follows");
        change(|rtnl| rtnl.add_veth((&device("a"), &nodes[0]), (&device("b"), &nodes[1])));
        assert!(heard(&mut follower).iter().all(|(node, ..)| *node == 0));
        let find = |devices: &[twinax_kernel::observe::Device], name: &str| {
            devices.iter().find(|device| device.link.name == name).cloned().expect("it is there")
        };
        let a = find(&follower.devices(0).expect("the node is there"), "a");
        assert_eq!(a.peer, None, "nobody follows that node");
        in_node(&nodes[1], || change(|rtnl| rtnl.set_up("b", true)));
        assert!(heard(&mut follower).iter().all(|(node, ..)| *node == 0));

        assert_eq!(follower.add(&nodes[2]).expect("it follows"), 1);
        assert_eq!(follower.add(&nodes[1]).expect("it follows"), 2);
        let a = find(&follower.devices(0).expect("the node is there"), "a");
        let b = find(&follower.devices(2).expect("the node is there"), "b");
        assert_eq!((a.peer, b.peer), (Some((2, b.link.index)), Some((0, a.link.index))));
        in_node(&nodes[1], || change(|rtnl| rtnl.set_up("b", false)));
        assert!(heard(&mut follower).iter().any(|(node, ..)| *node == 2));
    });
}

fn in_node(netns: &Netns, work: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            netns.enter().expect("it is there");
            work();
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

/// A datagram that goes over `lo` is handed on by the processor's queue: when one of our own has gone
/// the same way, it has come.
#[test]
fn what_was_sent_before_has_come() {
    if !is_root("what_was_sent_before_has_come") {
        return;
    }
    in_new(|_| {
        up("lo");
        let mut ring = Ring::open(RING, |_| Ok(())).expect("a ring");
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let own = socket.local_addr().expect("its address");
        let mut backlog = std::thread::scope(|scope| {
            scope.spawn(Backlog::open).join().expect("no panic").expect("a scratch namespace")
        });
        for round in 1..200 {
            socket.send_to(&[0; 10], own).expect("lo takes it");
            while !backlog.pass().expect("lo takes it") {}
            assert_eq!(ring.counts().expect("it counts").frames, 2 * round);
        }
    });
}
