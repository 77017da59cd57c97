//! A file of frames of many kinds, to be printed as text.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Result;

/// What a file has frames of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// UDP frames of 60 bytes, as in the floods.
    Udp,
    /// TCP in most, UDP, DNS, ICMP, ARP and IPv6.
    Mixed,
}

impl Kind {
    /// The word for it in the table.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "60-byte UDP",
            Self::Mixed => "mixed",
        }
    }
}

/// Writes a pcap file of this many frames, 10 µs apart.
pub fn write(file: &Path, kind: Kind, frames: u32) -> Result<()> {
    const BEGIN: u64 = 1_700_000_000_000_000;
    let mut to = BufWriter::new(File::create(file)?);
    for word in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, 1u32] {
        to.write_all(&word.to_ne_bytes())?;
    }
    for number in 0..frames {
        let frame = frame(kind, number);
        let time = BEGIN + u64::from(number) * 10;
        let length = frame.len() as u32;
        for word in [(time / 1_000_000) as u32, (time % 1_000_000) as u32, length, length] {
            to.write_all(&word.to_ne_bytes())?;
        }
        to.write_all(&frame)?;
    }
    Ok(to.flush()?)
}

fn frame(kind: Kind, number: u32) -> Vec<u8> {
    match (kind, number % 20) {
        (Kind::Udp, _) => udp(number, 9, &[0; 18]),
        (_, 0) => tcp(number, 0x02, &[2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 1, 2, 3, 0, 0, 0, 0], 0),
        (_, 1) => tcp(number, 0x12, &[2, 4, 5, 0xb4, 1, 3, 3, 7], 0),
        (_, 2..=5) => tcp(number, 0x10, &stamps(number), 0),
        (_, 6..=11) => tcp(number, 0x18, &stamps(number), 100 + number as usize % 1000),
        (_, 12..=14) => udp(number, 5000, &[7; 64]),
        (_, 15) => udp(number, 53, &question(number)),
        (_, 16 | 17) => echo(number),
        (_, 18) => arp(number),
        _ => udp6(number),
    }
}

fn stamps(number: u32) -> Vec<u8> {
    let mut options = vec![1, 1, 8, 10];
    options.extend(number.to_be_bytes());
    options.extend((number / 2).to_be_bytes());
    options
}

fn ethernet(ethertype: u16, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    frame.extend(ethertype.to_be_bytes());
    frame.extend(body);
    frame
}

fn ipv4(number: u32, protocol: u8, body: &[u8]) -> Vec<u8> {
    let length = (20 + body.len()) as u16;
    let host = number.to_be_bytes();
    let mut packet = vec![0x45, 0];
    packet.extend(length.to_be_bytes());
    packet.extend(&host[2..]);
    packet.extend([0x40, 0, 64, protocol, 0, 0]);
    packet.extend([10, 0, 0, 1, 10, host[1], host[2], 2]);
    let checksum = checksum(&packet);
    packet[10..12].copy_from_slice(&checksum);
    packet.extend(body);
    ethernet(0x0800, &packet)
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> [u8; 2] {
    let words =
        bytes.chunks(2).map(|two| u32::from_be_bytes([0, 0, two[0], *two.get(1).unwrap_or(&0)]));
    let sum: u32 = words.sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    (!((sum & 0xffff) + (sum >> 16)) as u16).to_be_bytes()
}

fn ports(number: u32, to: u16) -> Vec<u8> {
    let from = 32_768 + (number % 20_000) as u16;
    [from.to_be_bytes(), to.to_be_bytes()].concat()
}

fn udp_packet(number: u32, to: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = ports(number, to);
    packet.extend(((8 + payload.len()) as u16).to_be_bytes());
    packet.extend([0, 0]);
    packet.extend(payload);
    packet
}

fn udp(number: u32, to: u16, payload: &[u8]) -> Vec<u8> {
    ipv4(number, 17, &udp_packet(number, to, payload))
}

fn tcp(number: u32, flags: u8, options: &[u8], payload: usize) -> Vec<u8> {
    let mut packet = ports(number, 8080);
    packet.extend(number.wrapping_mul(1000).to_be_bytes());
    packet.extend(number.wrapping_mul(7).to_be_bytes());
    packet.extend([(((20 + options.len()) / 4) << 4) as u8, flags, 1, 0xf6, 0, 0, 0, 0]);
    packet.extend(options);
    packet.resize(packet.len() + payload, 0x55);
    ipv4(number, 6, &packet)
}

/// A DNS question: the address of a name.
fn question(number: u32) -> Vec<u8> {
    let mut message = number.to_be_bytes()[2..].to_vec();
    message.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    message.extend(b"\x03www\x07example\x03org\0");
    message.extend([0, 1, 0, 1]);
    message
}

fn echo(number: u32) -> Vec<u8> {
    let mut packet = vec![if number.is_multiple_of(2) { 8 } else { 0 }, 0, 0, 0, 0x12, 0x34];
    packet.extend(&number.to_be_bytes()[2..]);
    packet.resize(64, 0x20);
    let checksum = checksum(&packet);
    packet[2..4].copy_from_slice(&checksum);
    ipv4(number, 1, &packet)
}

fn arp(number: u32) -> Vec<u8> {
    let mut packet = vec![0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 2, 10, 0, 0, 1];
    packet.extend([0, 0, 0, 0, 0, 0, 10, 0, number as u8, 2]);
    packet.resize(46, 0);
    ethernet(0x0806, &packet)
}

fn udp6(number: u32) -> Vec<u8> {
    let payload = udp_packet(number, 5000, &[9; 40]);
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((payload.len() as u16).to_be_bytes());
    packet.extend([17, 64]);
    for last in [1, 2] {
        packet.extend([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last]);
    }
    packet.extend(payload);
    ethernet(0x86dd, &packet)
}
