//! Holding the other end of a TUN/TAP device.

use std::net::UdpSocket;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use twinax_kernel::{Error, Rtnl, observe, tun};
use twinax_plan::{Device, ObservedLink};
use twinax_topology::{Bridge, Place, TapMode};

use crate::nodes::{change, in_new, is_root, other};

/// Whether the test can be done here; where not, it says so.
pub fn has_tun(test: &str) -> bool {
    if !is_root(test) {
        return false;
    }
    let opened = std::fs::File::options().read(true).write(true).open(tun::DEVICE);
    if let Err(error) = &opened {
        eprintln!("skipped: {test}: /dev/net/tun can't be opened: {error}");
    }
    opened.is_ok()
}

fn place(interface: &str) -> Place {
    let interface = interface.parse().expect("a name");
    Place { node: "node".parse().expect("a name"), interface }
}

fn link(name: &str) -> Option<ObservedLink> {
    observe::node(&[]).expect("a namespace can be observed").link(name).cloned()
}

fn has_carrier(name: &str) -> bool {
    link(name).expect("it is there").carrier
}

#[test]
fn who_holds_it_gives_it_carrier() {
    if !has_tun("who_holds_it_gives_it_carrier") {
        return;
    }
    in_new(|_| {
        tun::add("tap0", TapMode::Tap).unwrap();
        change(|rtnl| rtnl.set_up("tap0", true));
        assert!(!has_carrier("tap0"));
        let held = tun::attach("tap0", TapMode::Tap).unwrap();
        assert!(has_carrier("tap0"));
        let again = tun::attach("tap0", TapMode::Tap);
        assert!(matches!(again, Err(Error::Held { name }) if name == "tap0"));
        drop(held);
        assert!(!has_carrier("tap0"));
        tun::attach("tap0", TapMode::Tap).unwrap();
    });
}

#[test]
fn what_is_not_there_or_something_else_is_refused() {
    if !has_tun("what_is_not_there_or_something_else_is_refused") {
        return;
    }
    let elsewhere = other();
    in_new(|here| {
        let gone = tun::attach("tap0", TapMode::Tap);
        assert!(matches!(gone, Err(Error::NoDevice { name }) if name == "tap0"));
        assert_eq!(link("tap0"), None, "and none is left there");
        tun::add("tun0", TapMode::Tun).unwrap();
        change(|rtnl| {
            rtnl.add_bridge(&Bridge::new(place("br0")))?;
            let end = |name| Device { place: place(name), mac: None, mtu: None };
            rtnl.add_veth((&end("e0"), here), (&end("e1"), &elsewhere))
        });
        for (name, mode) in [("tun0", TapMode::Tap), ("br0", TapMode::Tap), ("e0", TapMode::Tun)] {
            let other = tun::attach(name, mode);
            assert!(matches!(other, Err(Error::NotTun { .. })), "{name}: {other:?}");
        }
        tun::attach("tun0", TapMode::Tun).unwrap();
    });
}

/// A packet socket would be shown a datagram without its checksum, or two in one: the program is
/// not.
#[test]
fn a_packet_comes_whole_and_summed_up() {
    if !has_tun("a_packet_comes_whole_and_summed_up") {
        return;
    }
    in_new(|_| {
        tun::add("tun0", TapMode::Tun).unwrap();
        // A device that comes up with carrier sends at once; one whose carrier comes later, only when the
        // kernel has noticed.
        let held = tun::attach("tun0", TapMode::Tun).unwrap();
        change(|rtnl| {
            rtnl.set_mtu("tun0", 9000)?;
            rtnl.add_address("tun0", "192.0.2.1/24".parse().unwrap())?;
            rtnl.set_up("tun0", true)
        });
        let socket = UdpSocket::bind("192.0.2.1:0").unwrap();
        let said = [7; 8000];
        socket.send_to(&said, "192.0.2.2:9").unwrap();
        let packet = ipv4(&held);
        assert_eq!(packet.len(), 20 + 8 + said.len());
        assert_eq!(packet[28..], said);
        assert_eq!(sum_of_udp(&packet), 0xffff, "a sum with its checksum in it (RFC 768)");
    });
}

/// The next IPv4 packet that leaves by a device: IPv6 looks for routers besides.
fn ipv4(held: &OwnedFd) -> Vec<u8> {
    let mut packet = vec![0; 65_536];
    loop {
        let length = rustix::io::read(held, &mut packet).expect("a packet is there");
        if packet[0] >> 4 == 4 {
            packet.truncate(length);
            return packet;
        }
    }
}

/// The sum over a datagram and its pseudo header, in ones' complement.
fn sum_of_udp(packet: &[u8]) -> u32 {
    let words = |bytes: &[u8]| -> u32 {
        let pairs = bytes.chunks(2);
        pairs.map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0))).sum()
    };
    let (addresses, datagram) = (&packet[12..20], &packet[20..]);
    let length = u32::try_from(datagram.len()).unwrap();
    let mut sum = words(addresses) + 17 + length + words(datagram);
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    sum
}

#[test]
fn what_is_down_takes_nothing_and_what_is_gone_is_told() {
    if !has_tun("what_is_down_takes_nothing_and_what_is_gone_is_told") {
        return;
    }
    in_new(|_| {
        tun::add("tap0", TapMode::Tap).unwrap();
        let held = tun::attach("tap0", TapMode::Tap).unwrap();
        let frame = [0xff; 64];
        assert_eq!(rustix::io::write(&held, &frame), Err(Errno::IO));
        change(|rtnl| rtnl.set_up("tap0", true));
        assert_eq!(rustix::io::write(&held, &frame), Ok(frame.len()));
        let mut rtnl = Rtnl::open().unwrap();
        rtnl.del_link("tap0").unwrap();
        rtnl.flush().unwrap();
        let mut some = [0; 64];
        assert_eq!(rustix::io::read(&held, &mut some), Err(Errno::BADFD));
        assert_eq!(rustix::io::write(&held, &frame), Err(Errno::BADFD));
    });
}
