//! What the IP stack, devices and queues have counted.

use std::net::UdpSocket;
use std::process::Command;
use std::time::{Duration, Instant};

use twinax_kernel::ask::{self, Counters};
use twinax_kernel::{Netns, sysctl, tun};
use twinax_plan::Device;
use twinax_topology::{Neighbour, Place, Sysctl, TapMode};

use crate::nodes::{change, in_new, is_root, other, settle};

fn counters() -> Counters {
    ask::counters().expect("they can be read")
}

fn set(key: &str, value: &str) {
    let (key, value) = (key.parse().expect("a sysctl"), value.to_owned());
    sysctl::set(&Sysctl { key, value }).expect("it can be set");
}

fn device(interface: &str) -> Device {
    let name = |text: &str| text.parse().expect("a name");
    let place = Place { node: "node".parse().expect("a name"), interface: name(interface) };
    Device { place, mac: None, mtu: None }
}

/// Everything that a counter of a device or a packet of ours could be mistaken for.
fn silence() {
    set("net.ipv6.conf.default.disable_ipv6", "1");
}

#[test]
fn a_closed_port_and_a_missing_route_are_counted() {
    if !is_root("a_closed_port_and_a_missing_route_are_counted") {
        return;
    }
    in_new(|_| {
        change(|rtnl| rtnl.set_up("lo", true));
        let before = counters();
        for name in ["IpExtInNoRoutes", "IpFragFails", "IpInAddrErrors", "Ip6InNoRoutes"] {
            assert!(before.0.contains_key(name), "{name}");
        }
        for at in ["127.0.0.1:0", "[::1]:0"] {
            let socket = UdpSocket::bind(at).unwrap();
            socket.connect((socket.local_addr().unwrap().ip(), 9)).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            socket.send(b"one").unwrap();
            socket.recv(&mut [0; 8]).expect_err("nobody is there");
        }
        UdpSocket::bind("0.0.0.0:0").unwrap().send_to(b"", "192.0.2.1:9").expect_err("no route");
        UdpSocket::bind("[::]:0").unwrap().send_to(b"", "[2001:db8::1]:9").expect_err("no route");
        let after = counters();
        let grown = after.since(&before);
        for name in [
            "UdpNoPorts",
            "Udp6NoPorts",
            "IcmpOutDestUnreachs",
            "Icmp6InDestUnreachs",
            "IcmpMsgOutType3",
            "IpOutNoRoutes",
            "Ip6OutNoRoutes",
        ] {
            assert_eq!(grown.get(name), Some(&1), "{name}: {grown:?}");
        }
        assert!(!grown.contains_key("IpInAddrErrors") && !grown.contains_key("TcpInSegs"));
        assert!(before.since(&after).is_empty());

        // `nstat` has the same names, and the same counts.
        let Ok(shown) = Command::new("nstat").args(["-a", "-s", "-z"]).output() else {
            println!("skipped: a_closed_port_and_a_missing_route_are_counted: needs nstat");
            return;
        };
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        let shown: Vec<(&str, u64)> = shown
            .lines()
            .filter_map(|line| {
                let mut words = line.split_whitespace();
                Some((words.next()?, words.next()?.parse().ok()?))
            })
            .collect();
        assert!(shown.len() > 100, "{shown:?}");
        for (name, count) in shown {
            assert_eq!(after.get(name), count, "{name}");
        }
    });
    in_new(|_| assert_eq!(counters().get("UdpNoPorts"), 0, "of this namespace"));
}

/// A cable from here, `va`, to there, `vb`, where the calling thread is then. Here the neighbour 10.0.0.2 is
/// said to have a MAC that it has not.
fn cable_to_another(here: &Netns, there: &Netns) {
    silence();
    there.enter().unwrap();
    silence();
    here.enter().unwrap();
    change(|rtnl| {
        rtnl.add_veth((&device("va"), here), (&device("vb"), there))?;
        rtnl.add_address("va", "10.0.0.1/24".parse().unwrap())?;
        rtnl.add_neighbour(&Neighbour {
            dev: "va".parse().unwrap(),
            to: "10.0.0.2".parse().unwrap(),
            mac: "02:00:00:00:00:99".parse().unwrap(),
        })?;
        rtnl.set_up("va", true)
    });
    there.enter().unwrap();
}

#[test]
fn a_frame_for_another_is_counted_by_who_gets_it() {
    if !is_root("a_frame_for_another_is_counted_by_who_gets_it") {
        return;
    }
    let there = other();
    in_new(|here| {
        cable_to_another(here, &there);
        change(|rtnl| {
            rtnl.add_address("vb", "10.0.0.2/24".parse().unwrap())?;
            rtnl.set_up("vb", true)
        });
        settle();
        let before = ask::statistics().unwrap()["vb"];
        here.enter().unwrap();
        settle();
        let sent_before = ask::statistics().unwrap()["va"];
        UdpSocket::bind("10.0.0.1:0").unwrap().send_to(b"one", "10.0.0.2:9").unwrap();
        let sent = ask::statistics().unwrap()["va"].since(&sent_before);
        // Ethernet 14, IPv4 20, UDP 8.
        assert_eq!(sent.counted(), [("tx_packets", 1), ("tx_bytes", 14 + 20 + 8 + 3)]);
        there.enter().unwrap();
        // It may still wait in the processor's queue.
        let start = Instant::now();
        let got = std::iter::repeat_with(|| ask::statistics().unwrap()["vb"].since(&before))
            .take_while(|_| start.elapsed() < Duration::from_secs(10))
            .find(|got| got.rx_otherhost_dropped > 0)
            .expect("it comes");
        assert_eq!((got.rx_packets, got.rx_otherhost_dropped, got.rx_dropped), (1, 1, 0));
    });
}

#[test]
fn what_nobody_carries_away_is_dropped() {
    if !is_root("what_nobody_carries_away_is_dropped") {
        return;
    }
    in_new(|_| {
        silence();
        tun::add("tap0", TapMode::Tap).unwrap();
        change(|rtnl| {
            rtnl.add_address("tap0", "10.0.0.1/24".parse().unwrap())?;
            rtnl.add_neighbour(&Neighbour {
                dev: "tap0".parse().unwrap(),
                to: "10.0.0.2".parse().unwrap(),
                mac: "02:00:00:00:00:99".parse().unwrap(),
            })?;
            rtnl.set_up("tap0", true)
        });
        settle();
        let before = ask::statistics().unwrap()["tap0"];
        UdpSocket::bind("10.0.0.1:0").unwrap().send_to(b"one", "10.0.0.2:9").unwrap();
        let after = ask::statistics().unwrap()["tap0"];
        assert_eq!(after.since(&before).counted(), [("tx_dropped", 1)]);
        assert_eq!(ask::statistics().unwrap()["lo"].counted(), []);
    });
}

#[test]
fn a_queue_that_is_full_counts_what_it_drops() {
    if !is_root("a_queue_that_is_full_counts_what_it_drops") {
        return;
    }
    let there = other();
    in_new(|here| {
        cable_to_another(here, &there);
        change(|rtnl| rtnl.set_up("vb", true));
        here.enter().unwrap();
        settle();
        let queues = ask::queues().unwrap();
        let kinds: Vec<_> = queues.iter().map(|q| (&*q.dev, &*q.kind, q.root)).collect();
        assert_eq!(kinds, [("va", "noqueue", true)]);

        // A token bucket that takes a second for a byte, with room for one packet of 45 bytes.
        let words = "qdisc add dev va root tbf rate 8bit burst 60b limit 60b";
        match Command::new("tc").args(words.split(' ')).status() {
            Ok(status) if status.success() => {}
            _ => {
                println!("skipped: a_queue_that_is_full_counts_what_it_drops: needs tc and tbf");
                return;
            }
        }
        let socket = UdpSocket::bind("10.0.0.1:0").unwrap();
        for _ in 0..3 {
            // IP tells of a drop in a queue here (ENOBUFS) only where IP_RECVERR asks for it.
            socket.send_to(b"one", "10.0.0.2:9").unwrap();
        }
        let queues = ask::queues().unwrap();
        let [queue] = &queues.iter().filter(|q| q.root).collect::<Vec<_>>()[..] else {
            panic!("{queues:?}")
        };
        // The bucket was full: the first has gone.
        assert_eq!((&*queue.kind, queue.waiting, queue.dropped), ("tbf", 1, 1));
        assert!(queue.overlimits > 0 && !queue.ingress);
    });
}
