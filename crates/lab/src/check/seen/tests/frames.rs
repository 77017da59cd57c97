//! Frames made by hand, and the interfaces at which they are seen.

use std::net::{Ipv4Addr, Ipv6Addr};

use twinax_packet::{Direction, Interface, LinkType, Mac};

pub const LEFT: [u8; 6] = [2, 0, 0, 0, 0, 1];
pub const RIGHT: [u8; 6] = [2, 0, 0, 0, 0, 2];
pub const ALL: [u8; 6] = [0xff; 6];

/// `left:e0`, `right:e0`, `left:lo`, `left:e1`; a TUN of `right`.
pub fn interfaces() -> Vec<Interface> {
    let interface = |node: &str, device: &str, link_type, mac: Option<[u8; 6]>| Interface {
        node: node.to_owned(),
        device: device.to_owned(),
        link_type,
        mac: mac.map(Mac),
    };
    vec![
        interface("left", "e0", LinkType::Ethernet, Some(LEFT)),
        interface("right", "e0", LinkType::Ethernet, Some(RIGHT)),
        interface("left", "lo", LinkType::Ethernet, Some([0; 6])),
        interface("left", "e1", LinkType::Ethernet, Some([2, 0, 0, 0, 0, 3])),
        interface("right", "tun0", LinkType::Raw, None),
    ]
}

pub const LEFT_E0: u32 = 0;
pub const RIGHT_E0: u32 = 1;
pub const LEFT_LO: u32 = 2;
pub const LEFT_E1: u32 = 3;
pub const RIGHT_TUN: u32 = 4;

/// A frame at an interface.
pub type Made = (u32, Direction, Vec<u8>);

pub fn ethernet(from: [u8; 6], to: [u8; 6], ethertype: u16, payload: &[u8]) -> Vec<u8> {
    [&to[..], &from, &ethertype.to_be_bytes(), payload].concat()
}

pub fn arp(operation: u16, sender: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    let (from, to) = if operation == 1 { (LEFT, ALL) } else { (RIGHT, LEFT) };
    let head = [0, 1, 8, 0, 6, 4];
    let [sender, target] = [sender, target].map(|address| address.octets());
    let body = [&head[..], &operation.to_be_bytes(), &from, &sender, &[0; 6], &target].concat();
    ethernet(from, to, 0x0806, &body)
}

pub fn ip4(from: Ipv4Addr, to: Ipv4Addr, ttl: u8, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = (20 + payload.len() as u16).to_be_bytes();
    let head = [0x45, 0, length[0], length[1], 0, 1, 0, 0, ttl, protocol, 0, 0];
    [&head[..], &from.octets(), &to.octets(), payload].concat()
}

pub fn ip6(from: Ipv6Addr, to: Ipv6Addr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u16).to_be_bytes();
    let head = [0x60, 0, 0, 0, length[0], length[1], protocol, 64];
    [&head[..], &from.octets(), &to.octets(), payload].concat()
}

pub fn over(ip: &[u8]) -> Vec<u8> {
    let ethertype = if ip[0] >> 4 == 4 { 0x0800 } else { 0x86dd };
    ethernet(LEFT, RIGHT, ethertype, ip)
}

pub fn a() -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, 1)
}

pub fn b() -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, 2)
}

pub fn request(sequence: u8) -> Vec<u8> {
    over(&ip4(a(), b(), 64, 1, &[8, 0, 0, 0, 0, 7, 0, sequence]))
}

pub fn reply(sequence: u8) -> Vec<u8> {
    over(&ip4(b(), a(), 64, 1, &[0, 0, 0, 0, 0, 7, 0, sequence]))
}

pub fn tcp(from: (Ipv4Addr, u16), to: (Ipv4Addr, u16), flags: u8) -> Vec<u8> {
    let [source, destination] = [from.1, to.1].map(u16::to_be_bytes);
    let rest = [0, 0, 0, 0, 0, 0, 0, 0, 0x50, flags, 0, 0, 0, 0, 0, 0];
    over(&ip4(from.0, to.0, 64, 6, &[&source[..], &destination, &rest].concat()))
}

pub fn udp(from: (Ipv4Addr, u16), to: (Ipv4Addr, u16), payload: &[u8]) -> Vec<u8> {
    let length = 8 + payload.len() as u16;
    let [source, destination, length] = [from.1, to.1, length].map(u16::to_be_bytes);
    let datagram = [&source[..], &destination, &length, &[0, 0], payload].concat();
    over(&ip4(from.0, to.0, 64, 17, &datagram))
}

pub fn neighbor(kind: u8, target: Ipv6Addr) -> Vec<u8> {
    let (from, to): (Ipv6Addr, Ipv6Addr) = ("fd00::1".parse().unwrap(), "ff02::1".parse().unwrap());
    let body = [&[kind, 0, 0, 0, 0, 0, 0, 0][..], &target.octets()].concat();
    over(&ip6(from, to, 58, &body))
}
