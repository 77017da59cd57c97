//! What the kernel's tracepoints tell of packets, in namespaces of our own.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};
use twinax_kernel::Netns;
use twinax_kernel::ask::{self, Asked, RouteQuery};
use twinax_kernel::bpf::{Event, Kind, Point, Tracer, harmless, same_packet, trail};
use twinax_kernel::capture::{Ring, RingOptions};
use twinax_kernel::icmp::{self, IcmpOptions};
use twinax_packet::decode::Transport;
use twinax_packet::{LinkType, Packet};
use twinax_plan::Device;
use twinax_topology::Place;

use crate::capture::all;
use crate::nft::{has_nft, nft};
use crate::nodes::{change, in_new, is_root, other, settle};

const LEFT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const RIGHT: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const NOBODY: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 9);

/// A tracer of these namespaces, where this machine can have one; where not, the test says so by name.
fn tracer(name: &str, namespaces: &[&Netns]) -> Option<Tracer> {
    let inodes: Vec<u64> =
        namespaces.iter().map(|netns| netns.inode().expect("it has a number")).collect();
    match Tracer::open(&inodes) {
        Ok(tracer) => Some(tracer),
        Err(error) => {
            println!("skipped: {name}: {error}");
            None
        }
    }
}

fn device(name: &str) -> Device {
    let node = "n".parse().expect("a name");
    Device { place: Place { node, interface: name.parse().expect("a name") }, mac: None, mtu: None }
}

/// A cable from `left` in the namespace of the calling thread, which is given, to `right` in another.
fn cable(here: &Netns) -> Netns {
    let there = other();
    change(|rtnl| rtnl.add_veth((&device("left"), here), (&device("right"), &there)));
    address("left", LEFT);
    inside(&there, || address("right", RIGHT));
    settle();
    there
}

fn address(device: &str, address: Ipv4Addr) {
    change(|rtnl| {
        rtnl.add_address(device, format!("{address}/24").parse().expect("an address"))?;
        rtnl.set_up(device, true)
    });
}

fn inside<T: Send>(netns: &Netns, work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            netns.enter().expect("it is there");
            work()
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Waits for an event of this kind; all up to it, it being the last.
fn until(tracer: &mut Tracer, what: &str, is_it: impl Fn(&Event) -> bool) -> Vec<Event> {
    let start = Instant::now();
    let mut seen: Vec<Event> = Vec::new();
    loop {
        seen.extend(tracer.events());
        if let Some(place) = seen.iter().position(&is_it) {
            seen.truncate(place + 1);
            return seen;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{what}: {seen:#?}");
        let mut ready = [PollFd::new(&*tracer, PollFlags::IN)];
        let bound = Timespec { tv_sec: 1, tv_nsec: 0 };
        poll(&mut ready, Some(&bound)).expect("poll");
    }
}

fn is_dropped(event: &Event, reason: &str) -> bool {
    event.kind == Kind::Dropped && event.reason.as_deref() == Some(reason)
}

/// Whether it is about a UDP datagram to this port.
fn is_to(event: &Event, port: u16) -> bool {
    event.packet(|packet| packet.ports().is_some_and(|(_, to)| to == port))
}

/// Sends a datagram to a port at which nobody listens.
fn send(to: Ipv4Addr, port: u16) {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
    socket.send_to(b"is anybody there?", (to, port)).expect("it is sent");
}

#[test]
fn a_datagram_for_nobody_is_followed_to_its_end() {
    let name = "a_datagram_for_nobody_is_followed_to_its_end";
    if !is_root(name) {
        return;
    }
    in_new(|here| {
        let there = cable(here);
        let Some(mut tracer) = tracer(name, &[here, &there]) else { return };
        let (here, there) = (here.inode().expect("a number"), there.inode().expect("a number"));
        let before = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
        send(RIGHT, 4242);
        let seen = until(&mut tracer, "nobody listens", |own| is_dropped(own, "NO_SOCKET"));
        let after = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");

        // A copy of the first packet goes with the ARP request, and is used up.
        let is_on_its_way = |own: &&Event| own.kind != Kind::Consumed && is_to(own, 4242);
        let own: Vec<&Event> = seen.iter().filter(is_on_its_way).collect();
        let way: Vec<_> =
            own.iter().map(|own| (own.kind, own.netns, own.device.as_deref())).collect();
        let expected = [
            (Kind::Sent, here, Some("left")),
            (Kind::Received, there, Some("right")),
            (Kind::IcmpError, there, Some("right")),
            (Kind::Dropped, there, Some("right")),
        ];
        assert_eq!(way, expected, "{seen:#?}");
        let last = own.last().expect("there are four");
        assert_eq!(last.function.as_deref(), Some("__udp4_lib_rcv"));
        assert_eq!(own[2].icmp, Some((3, 3)));
        assert_eq!(own[0].head, last.head, "the data is not copied");
        assert!(own.iter().all(|own| own.ifindex != 0 && own.protocol == 0x0800));
        let times: Vec<u64> = own.iter().map(|own| own.time.0).collect();
        let [before, after] = [before, after].map(|time| time.as_nanos() as u64);
        // The clocks are compared by three readings, which may be interrupted.
        let slack = 1_000_000;
        assert!(times.is_sorted() && times[0] + slack >= before && times[3] <= after + slack);
        assert_eq!(tracer.lost().expect("it counts"), 0);
    });
}

#[test]
fn a_rule_drops() {
    let name = "a_rule_drops";
    if !has_nft(name) {
        return;
    }
    in_new(|here| {
        let there = cable(here);
        inside(&there, || {
            nft(&[
                "add table inet f; add chain inet f in { type filter hook input priority 0; }; \
                   add rule inet f in udp dport 4242 drop",
            ]);
        });
        let Some(mut tracer) = tracer(name, &[here, &there]) else { return };
        send(RIGHT, 4242);
        let seen = until(&mut tracer, "the rule", |own| is_dropped(own, "NETFILTER_DROP"));
        let last = seen.last().expect("there is one");
        assert!(is_to(last, 4242), "{last:#?}");
        assert_eq!(last.netns, there.inode().expect("a number"));
    });
}

/// What is dropped before it has a device is known by its socket.
#[test]
fn a_rule_drops_what_has_no_device_yet() {
    let name = "a_rule_drops_what_has_no_device_yet";
    if !has_nft(name) {
        return;
    }
    in_new(|here| {
        let _there = cable(here);
        nft(&["add table inet f; add chain inet f out { type filter hook output priority 0; }; \
               add rule inet f out udp dport 4242 drop"]);
        let Some(mut tracer) = tracer(name, &[here]) else { return };
        let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
        socket.send_to(b"no", (RIGHT, 4242)).expect_err("the rule says so");
        let seen = until(&mut tracer, "the rule", |own| is_dropped(own, "NETFILTER_DROP"));
        let last = seen.last().expect("there is one");
        assert!(is_to(last, 4242) && last.ifindex == 0 && last.device.is_none(), "{last:#?}");
    });
}

#[test]
fn nobody_has_the_address() {
    let name = "nobody_has_the_address";
    if !is_root(name) {
        return;
    }
    in_new(|here| {
        let there = cable(here);
        let Some(mut tracer) = tracer(name, &[here, &there]) else { return };
        send(NOBODY, 4242);
        let seen = until(&mut tracer, "nobody answers", |own| is_dropped(own, "NEIGH_FAILED"));
        let last = seen.last().expect("there is one");
        assert!(is_to(last, 4242) && last.netns == here.inode().expect("a number"), "{last:#?}");
        // The ARP request came, and was used up without an answer.
        let ignored = seen.iter().find(|own| {
            own.kind == Kind::Consumed && own.function.as_deref() == Some("arp_process")
        });
        let ignored = ignored.unwrap_or_else(|| panic!("{seen:#?}"));
        assert_eq!((ignored.protocol, ignored.device.as_deref()), (0x0806, Some("right")));
        let own = here.inode().expect("a number");
        let told = tracer.neighbours().into_iter().filter(|event| event.address == NOBODY);
        let told: Vec<_> = told
            .map(|event| (event.point, event.netns, event.device.clone(), event.state))
            .collect();
        // The packet asks for it; three questions later it is given up.
        let (first, last) =
            (told.first().expect("it was asked for"), told.last().expect("and not found"));
        assert_eq!(*first, (Point::Wanted, own, "left".to_owned(), "INCOMPLETE"), "{told:?}");
        assert_eq!(*last, (Point::Timer, own, "left".to_owned(), "FAILED"), "{told:?}");
        let between = &told[1..told.len() - 1];
        assert_eq!(between.len(), 2, "{told:?}");
        assert!(
            between.iter().all(|own| own.0 == Point::Timer && own.3 == "INCOMPLETE"),
            "{told:?}"
        );
        assert_eq!(tracer.neighbours(), []);
    });
}

/// What happens in another namespace is not told, though it is the other end of a cable.
#[test]
fn only_what_was_asked_for_is_told() {
    let name = "only_what_was_asked_for_is_told";
    if !is_root(name) {
        return;
    }
    in_new(|here| {
        let there = cable(here);
        let Some(mut tracer) = tracer(name, &[&there]) else { return };
        let number = there.inode().expect("a number");
        // One to itself, which stays here, and then one that goes there.
        send(LEFT, 4241);
        send(RIGHT, 4242);
        let seen = until(&mut tracer, "nobody listens", |own| {
            is_dropped(own, "NO_SOCKET") && is_to(own, 4242)
        });
        assert!(seen.iter().all(|own| own.netns == number && !is_to(own, 4241)), "{seen:#?}");
        assert!(!seen.iter().any(|own| own.kind == Kind::Sent && is_to(own, 4242)), "{seen:#?}");
    });
}

/// A ping that is answered ends with a drop that is none.
#[test]
fn a_ping_that_is_answered_loses_nothing() {
    let name = "a_ping_that_is_answered_loses_nothing";
    if !is_root(name) {
        return;
    }
    in_new(|here| {
        let there = cable(here);
        let Some(mut tracer) = tracer(name, &[here, &there]) else { return };
        let options = IcmpOptions::default();
        let socket = icmp::socket(IpAddr::V4(RIGHT), &options).expect("a raw socket");
        // An echo request, number 1 of 0x4242, with its checksum (RFC 792, RFC 1071).
        let request = [8, 0, 0xb5, 0xbc, 0x42, 0x42, 0, 1];
        rustix::net::sendto(
            &socket,
            &request,
            rustix::net::SendFlags::empty(),
            &SocketAddr::from((RIGHT, 0)),
        )
        .expect("it is sent");
        let is_reply = |own: &Event| {
            own.packet(|packet| match &packet.transport {
                Transport::Icmpv4(icmp) => icmp.echo().is_some_and(|echo| echo.reply),
                _ => false,
            })
        };
        let seen =
            until(&mut tracer, "the reply", |own| own.kind == Kind::Dropped && is_reply(own));
        let drops: Vec<&Event> = seen.iter().filter(|own| own.kind == Kind::Dropped).collect();
        assert!(drops.iter().all(|own| harmless(own).is_some()), "{drops:#?}");
    });
}

/// The packet that the kernel makes up to answer a question is no loss.
#[test]
fn asking_for_a_route_loses_nothing() {
    let name = "asking_for_a_route_loses_nothing";
    if !is_root(name) {
        return;
    }
    in_new(|here| {
        let _there = cable(here);
        let Some(mut tracer) = tracer(name, &[here]) else { return };
        // Its own address is a source that is not let in.
        let mut query = RouteQuery::to(IpAddr::V4(RIGHT));
        (query.from, query.iif) = (Some(IpAddr::V4(LEFT)), Some("left".to_owned()));
        let asked = ask::route(&query).expect("the kernel answers");
        assert!(matches!(asked, Asked::Refused(_)), "{asked:?}");
        let seen = until(&mut tracer, "the question", |own| {
            own.kind == Kind::Dropped && own.protocol == 0x0800
        });
        let last = seen.last().expect("there is one");
        assert!(harmless(last).is_some(), "{last:#?}");
    });
}

/// An event is known to be about a frame that was captured, and not about one that is like it.
#[test]
fn an_event_is_about_a_captured_packet() {
    let name = "an_event_is_about_a_captured_packet";
    if !is_root(name) {
        return;
    }
    in_new(|here| {
        let there = cable(here);
        let options = RingOptions { block_size: 1 << 16, blocks: 64, retire: 2 };
        let mut ring = Ring::open(options, |_| Ok(())).expect("a ring");
        let Some(mut tracer) = tracer(name, &[&there]) else { return };
        let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
        let mut drops = Vec::new();
        for _ in 0..2 {
            socket.send_to(b"twice the same", (RIGHT, 4242)).expect("it is sent");
            let seen = until(&mut tracer, "nobody listens", |own| is_dropped(own, "NO_SOCKET"));
            drops.extend(
                seen.into_iter().filter(|own| own.kind == Kind::Dropped && is_to(own, 4242)),
            );
        }
        let mut sent = Vec::new();
        // Each block is handed over after 2 ms, with whatever is in it: there are enough of them.
        let drops_of_ring = all(&mut ring, |frame| {
            let packet = Packet::decode(frame.link_type, frame.bytes, frame.length);
            if packet.ports().is_some_and(|(_, to)| to == 4242) {
                sent.push((frame.time, frame.bytes.to_vec()));
            }
        });
        assert_eq!((sent.len(), drops.len(), drops_of_ring), (2, 2, 0));
        for (number, drop) in drops.iter().enumerate() {
            let same: Vec<bool> = sent
                .iter()
                .map(|(_, frame)| {
                    let length = frame.len() as u32;
                    same_packet(drop, &Packet::decode(LinkType::Ethernet, frame, length))
                })
                .collect();
            assert_eq!(same, [number == 0, number == 1], "{drop:#?}");
            // Both have the time of one clock; it was dropped within a second of being sent.
            let between = drop.time.0.abs_diff(sent[number].0);
            assert!(between < 1_000_000_000, "{between} ns");
        }
    });
}

/// A rule lets the datagram go to another port, at which nobody listens either: it is still that one.
#[test]
fn a_packet_is_followed_through_a_translation() {
    let name = "a_packet_is_followed_through_a_translation";
    if !has_nft(name) {
        return;
    }
    in_new(|here| {
        let there = cable(here);
        inside(&there, || {
            nft(&[
                "add table ip n; add chain ip n pre { type nat hook prerouting priority -100; }; \
                   add rule ip n pre udp dport 4242 redirect to :4243",
            ]);
        });
        let Some(mut tracer) = tracer(name, &[here, &there]) else { return };
        send(RIGHT, 4242);
        let seen = until(&mut tracer, "nobody listens", |own| is_dropped(own, "NO_SOCKET"));
        let sent = seen.iter().find(|own| own.kind == Kind::Sent && is_to(own, 4242));
        let sent = sent.unwrap_or_else(|| panic!("{seen:#?}"));
        let trail = sent.packet(|packet| trail(&seen, packet));
        let last = trail.last().expect("it begins with itself");
        assert!(is_to(last, 4243) && last.kind == Kind::Dropped, "{trail:#?}");
    });
}

#[test]
fn ipv6_is_told_of_like_ipv4() {
    let name = "ipv6_is_told_of_like_ipv4";
    if !is_root(name) {
        return;
    }
    in_new(|here| {
        let there = cable(here);
        let add = |device: &str, address: &str| {
            change(|rtnl| rtnl.add_address(device, address.parse().expect("an address")));
        };
        add("left", "fd00::1/64");
        inside(&there, || add("right", "fd00::2/64"));
        let Some(mut tracer) = tracer(name, &[here, &there]) else { return };
        let socket = UdpSocket::bind("[::]:0").expect("a socket");
        socket.send_to(b"is anybody there?", "[fd00::2]:4242").expect("it is sent");
        let seen = until(&mut tracer, "nobody listens", |own| is_dropped(own, "NO_SOCKET"));
        let last = seen.last().expect("there is one");
        assert!(is_to(last, 4242), "{last:#?}");
        assert_eq!((last.protocol, last.device.as_deref()), (0x86dd, Some("right")));
        let own: Vec<Kind> =
            last.packet(|packet| trail(&seen, packet)).iter().map(|own| own.kind).collect();
        assert!(own.ends_with(&[Kind::Sent, Kind::Received, Kind::Dropped]), "{seen:#?}");
    });
}

/// What has no room is counted, and it goes on afterwards.
#[test]
fn what_has_no_room_in_the_ring_is_lost() {
    let name = "what_has_no_room_in_the_ring_is_lost";
    if !is_root(name) {
        return;
    }
    in_new(|here| {
        change(|rtnl| rtnl.set_up("lo", true));
        let Some(mut tracer) = tracer(name, &[here]) else { return };
        // Each is at least sent, received and dropped: more than a MiB has room for.
        for _ in 0..3000 {
            send(Ipv4Addr::LOCALHOST, 4241);
        }
        let lost = tracer.lost().expect("it counts");
        let told = tracer.events().len() as u64;
        assert!(lost > 0 && told + lost >= 9000, "{told} told, {lost} lost");
        send(Ipv4Addr::LOCALHOST, 4242);
        until(&mut tracer, "nobody listens", |own| {
            is_dropped(own, "NO_SOCKET") && is_to(own, 4242)
        });
        assert_eq!(tracer.lost().expect("it counts"), lost);
    });
}

/// Who has no rights is told so in one line, and may still read what another has opened.
#[test]
fn only_opening_needs_rights() {
    let name = "only_opening_needs_rights";
    if !is_root(name) {
        return;
    }
    in_new(|here| {
        let there = cable(here);
        let Some(mut tracer) = tracer(name, &[&there]) else { return };
        let number = there.inode().expect("a number");
        let none = CapabilitySets {
            effective: CapabilitySet::empty(),
            permitted: CapabilitySet::empty(),
            inheritable: CapabilitySet::empty(),
        };
        // Of this thread only.
        set_capabilities(None, none).expect("rights may be given up");
        let error = Tracer::open(&[number]).expect_err("it has no rights").to_string();
        assert!(error.contains("CAP_BPF") && !error.contains('\n'), "{error}");
        send(RIGHT, 4242);
        let seen = until(&mut tracer, "nobody listens", |own| is_dropped(own, "NO_SOCKET"));
        let last = seen.last().expect("there is one");
        assert_eq!(last.function.as_deref(), Some("__udp4_lib_rcv"));
    });
}

/// The descriptors of this process that are those of BPF programs and maps.
fn descriptors() -> BTreeSet<String> {
    let links = std::fs::read_dir("/proc/self/fd").expect("proc is there");
    let target = |link: std::io::Result<std::fs::DirEntry>| {
        let target = std::fs::read_link(link.ok()?.path()).ok()?;
        Some(target.to_string_lossy().into_owned())
    };
    links.filter_map(target).filter(|target| target.contains("bpf")).collect()
}

#[test]
fn nothing_is_left_behind() {
    let name = "nothing_is_left_behind";
    if !is_root(name) {
        return;
    }
    in_new(|here| {
        let before = descriptors();
        let start = Instant::now();
        let Some(open) = tracer(name, &[here]) else { return };
        let opening = start.elapsed();
        for (tracepoint, error) in open.lacks() {
            println!("{tracepoint} is lacking: {error}");
        }
        assert!(descriptors().len() > before.len());
        let start = Instant::now();
        drop(open);
        let closing = start.elapsed();
        assert_eq!(descriptors(), before);
        println!("opened in {opening:?}, closed in {closing:?}");
    });
}
