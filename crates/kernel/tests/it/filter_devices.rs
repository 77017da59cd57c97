//! One filter for all devices of a namespace, in the kernel.
//!
//! ```text
//!   a program ─ tap0 ── br0 ── a ═══ b      tun0 ─ a program      lo
//! ```
//!
//! What the program behind tap0 sends comes in at tap0 and at br0, goes out of a, and comes in at b.

use std::collections::BTreeSet;
use std::net::UdpSocket;
use std::os::fd::OwnedFd;

use twinax_kernel::capture::{Ring, RingOptions};
use twinax_kernel::{Netns, Rtnl, filter, libpcap, tun};
use twinax_packet::LinkType;
use twinax_packet::filter::{Filter, Program};
use twinax_plan::Device;
use twinax_topology::{Bridge, Place, TapMode};

use crate::capture::all;
use crate::filter_words::ours;
use crate::nodes::{change, in_new, is_root, settle};

const RING: RingOptions = RingOptions { block_size: 1 << 16, blocks: 4, retire: 2 };

/// What each of our frames ends with, before its name: the kernel's own don't.
const OURS: &[u8] = b"ours";
const HEADER: [u8; 12] = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1];
/// Who has 10.0.0.2, tell 10.0.0.1.
const ARP: [u8; 30] =
    [8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2];
/// UDP from 10.0.0.1:1000 to 10.0.0.2:53, of five bytes.
const UDP: [u8; 28] = [
    0x45, 0, 0, 33, 0, 0, 0, 0, 64, 17, 0x66, 0xca, 10, 0, 0, 1, 10, 0, 0, 2, 3, 232, 0, 53, 0, 13,
    0, 0,
];

struct Devices {
    tap: OwnedFd,
    tun: OwnedFd,
    /// Index and name.
    all: Vec<(u32, &'static str)>,
}

fn place(interface: &str) -> Place {
    Place { node: "n".parse().expect("a name"), interface: interface.parse().expect("a name") }
}

fn furnish(here: &Netns) -> Devices {
    let device = |name| Device { place: place(name), mac: None, mtu: None };
    tun::add("tap0", TapMode::Tap).expect("a TAP device");
    tun::add("tun0", TapMode::Tun).expect("a TUN device");
    let tap = tun::attach("tap0", TapMode::Tap).expect("its other end");
    let tun = tun::attach("tun0", TapMode::Tun).expect("its other end");
    let names = ["lo", "a", "b", "br0", "tap0", "tun0"];
    change(|rtnl| {
        rtnl.add_bridge(&Bridge::new(place("br0")))?;
        rtnl.add_veth((&device("a"), here), (&device("b"), here))?;
        for port in ["a", "tap0"] {
            rtnl.set_master(port, Some(&"br0".parse().expect("a name")))?;
        }
        names.iter().try_for_each(|name| rtnl.set_up(name, true))
    });
    settle();
    let mut rtnl = Rtnl::open().expect("a netlink socket");
    let all = names.map(|name| (rtnl.index(name).expect("it is there"), name)).to_vec();
    Devices { tap, tun, all }
}

fn send(devices: &Devices) {
    let write = |fd: &OwnedFd, parts: &[&[u8]]| {
        let frame = parts.concat();
        assert_eq!(rustix::io::write(fd, &frame), Ok(frame.len()));
    };
    write(&devices.tap, &[&HEADER, &[8, 0], &UDP, OURS, b"U"]);
    write(&devices.tap, &[&HEADER, &[0x81, 0, 0, 5, 8, 0], &UDP, OURS, b"V"]);
    write(&devices.tap, &[&HEADER, &ARP, OURS, b"A"]);
    write(&devices.tun, &[&UDP, OURS, b"T"]);
    let server = UdpSocket::bind("127.0.0.1:53").expect("nobody else is here");
    server.send_to(b"oursL", "127.0.0.1:53").expect("lo takes it");
}

/// What a program lets through, as `device frame`; each once.
fn seen(devices: &Devices, program: &Program) -> BTreeSet<String> {
    let attach = |socket: std::os::fd::BorrowedFd<'_>| filter::attach(socket, program);
    let mut ring = Ring::open(RING, attach).expect("the kernel takes the program");
    send(devices);
    let mut seen = BTreeSet::new();
    all(&mut ring, |frame| {
        let at = devices.all.iter().find(|(index, _)| *index == frame.index).expect("a device");
        if let Some((&name, rest)) = frame.bytes.split_last()
            && rest.ends_with(OURS)
        {
            assert!(seen.insert(format!("{} {}", at.1, char::from(name))), "twice: {seen:?}");
        }
    });
    seen
}

/// The same frame at all devices that it crosses from tap0 on.
fn everywhere(frames: &str) -> BTreeSet<String> {
    let at = |frame| ["tap0", "br0", "a", "b"].map(|device| format!("{device} {frame}"));
    frames.chars().flat_map(at).collect()
}

fn and(mut seen: BTreeSet<String>, more: &[&str]) -> BTreeSet<String> {
    seen.extend(more.iter().map(|&one| one.to_owned()));
    seen
}

fn can_run(name: &str) -> bool {
    let there = std::fs::OpenOptions::new().read(true).write(true).open(tun::DEVICE).is_ok();
    if !there {
        println!("skipped: {name}: needs {}", tun::DEVICE);
    }
    is_root(name) && there
}

#[test]
fn what_is_wanted_is_let_through_at_each_kind_of_device() {
    if !can_run("what_is_wanted_is_let_through_at_each_kind_of_device") {
        return;
    }
    in_new(|here| {
        let devices = furnish(here);
        let everything = Filter::everything().program(None).unwrap();
        let expected = and(everywhere("UVA"), &["tun0 T", "lo L"]);
        assert_eq!(seen(&devices, &everything), expected);

        let nobody = BTreeSet::new();
        let udp = and(everywhere("UV"), &["tun0 T", "lo L"]);
        let of = |expression: &str| {
            let [ethernet, raw] =
                [LinkType::Ethernet, LinkType::Raw].map(|beginning| ours(expression, beginning));
            Filter::new(ethernet, raw)
        };
        for (expression, expected) in [
            ("udp port 53", &udp),
            ("arp", &everywhere("A")),
            ("ip6 and host fd00::1", &nobody),
            ("host 10.0.0.1", &and(everywhere("UVA"), &["tun0 T"])),
            ("not ip6 and not arp", &udp),
            ("src 127.0.0.1", &and(nobody.clone(), &["lo L"])),
        ] {
            let program = of(expression).program(None).unwrap();
            assert_eq!(&seen(&devices, &program), expected, "{expression}");
        }

        let index = |name| devices.all.iter().find(|(_, own)| *own == name).expect("it is there").0;
        let program = of("udp").program(Some(&[index("b"), index("tun0")])).unwrap();
        assert_eq!(seen(&devices, &program), and(nobody, &["b U", "b V", "tun0 T"]));
    });
}

#[test]
fn vlans_are_seen_wherever_the_kernel_has_the_tag() {
    let name = "vlans_are_seen_wherever_the_kernel_has_the_tag";
    if !can_run(name) || !crate::filter_words::has_libpcap(name) {
        return;
    }
    in_new(|here| {
        let devices = furnish(here);
        for (expression, expected) in [
            ("vlan 5", everywhere("V")),
            ("vlan and udp dst port 53", everywhere("V")),
            ("vlan 6", BTreeSet::new()),
            ("ether broadcast and not vlan", everywhere("UA")),
        ] {
            let ethernet = libpcap::compile(expression, LinkType::Ethernet).unwrap();
            let filter = Filter::of_tags(ethernet, Program::always(0)).unwrap();
            assert_eq!(seen(&devices, &filter.program(None).unwrap()), expected, "{expression}");
        }
    });
}
