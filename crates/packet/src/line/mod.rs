//! A packet on one line, in the words of `tcpdump -nn`.
//!
//! ```text
//! 12:00:00.123456 left:veth3  Out IP 10.0.0.1 > 10.0.0.2: ICMP echo request, id 1, seq 1, length 64
//! └── local time  └── where   └── which way, and what tcpdump says
//! ```
//!
//! Whoever reads tcpdump can read it, and so can scripts that were written for tcpdump: the words,
//! commas and spaces are the same. A test compares them with tcpdump itself; where they differ,
//! docs/capture.md says why. It is always one line, in printable ASCII: what tcpdump would print on
//! several goes on one, and hexadecimal dumps are left out.
//!
//! A line is written at the end of a buffer of bytes, which can be used again for the next one:
//! then nothing is allocated.

mod arp;
mod conversations;
mod dns;
mod dns_types;
mod icmp;
mod icmp6;
mod igmp;
mod ip;
mod link;
mod stp;
mod tcp;
mod text;
mod udp;

use conversations::Conversations;
use text::Text;

use crate::{Frame, Interface, InterfaceId, Packet, Time};

/// How deep packets in packets are followed.
const DEEPEST: u8 = 8;

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// How far local time is ahead of UTC, in seconds.
    pub utc_offset: i32,
    /// How wide the column of `node:device` is, in characters.
    pub place_width: usize,
    /// Whether the Ethernet header is there, with VLAN tags, as with `tcpdump -e`.
    pub ethernet: bool,
}

/// Writes lines, one after the other. It remembers where the sequence numbers of TCP connections began,
/// because tcpdump counts from there.
pub struct Lines {
    style: Style,
    conversations: Conversations,
}

impl Lines {
    /// Lines of this style.
    pub fn new(style: Style) -> Self {
        Self { style, conversations: Conversations::new() }
    }

    /// How they look.
    pub fn style(&mut self) -> &mut Style {
        &mut self.style
    }

    /// Writes a frame that was seen at an interface, with time, place and direction in front. There is no
    /// newline at its end.
    pub fn write(&mut self, out: &mut Vec<u8>, frame: &Frame<'_>, interface: &Interface) {
        write_time(out, frame.time, self.style.utc_offset);
        out.push(b' ');
        write_place(out, interface, self.style.place_width);
        out.push(b' ');
        let direction = frame.direction.as_str();
        out.text(direction);
        out.extend(std::iter::repeat_n(b' ', 4usize.saturating_sub(direction.len())));
        let packet = Packet::decode(interface.link_type, frame.bytes, frame.length);
        self.write_packet(out, frame.interface, &packet);
    }

    /// Writes a packet that was seen at an interface, with nothing in front.
    pub fn write_packet(&mut self, out: &mut Vec<u8>, interface: InterfaceId, packet: &Packet<'_>) {
        let conversations = Some((&mut self.conversations, interface));
        Line { out, ethernet: self.style.ethernet, conversations, depth: 0 }.packet(packet);
    }
}

/// Writes a packet by itself: sequence numbers are those on the wire, as with `tcpdump -S`.
pub fn write(out: &mut Vec<u8>, packet: &Packet<'_>) {
    Line { out, ethernet: false, conversations: None, depth: 0 }.packet(packet);
}

/// A packet by itself, as text: see [`write()`].
pub fn text(packet: &Packet<'_>) -> String {
    let mut out = Vec::new();
    write(&mut out, packet);
    // Everything that is written is ASCII.
    String::from_utf8_lossy(&out).into_owned()
}

/// Writes the time of day, as `12:00:00.123456`: a time zone's offset from UTC in seconds is given.
pub fn write_time(out: &mut Vec<u8>, time: Time, utc_offset: i32) {
    const DAY: i64 = 24 * 60 * 60;
    let (seconds, nanos) = (time.0 / 1_000_000_000, time.0 % 1_000_000_000);
    let local = (seconds % DAY as u64) as i64 + i64::from(utc_offset);
    let local = local.rem_euclid(DAY) as u32;
    out.padded(local / 3600, 2);
    out.push(b':');
    out.padded(local / 60 % 60, 2);
    out.push(b':');
    out.padded(local % 60, 2);
    out.push(b'.');
    out.padded((nanos / 1000) as u32, 6);
}

/// Writes `node:device`, with spaces behind up to a width in characters.
fn write_place(out: &mut Vec<u8>, interface: &Interface, width: usize) {
    write_name(out, &interface.node);
    out.push(b':');
    write_name(out, &interface.device);
    let length = interface.node.chars().count() + 1 + interface.device.chars().count();
    out.extend(std::iter::repeat_n(b' ', width.saturating_sub(length)));
}

/// Writes a name. The kernel lets devices have names of any bytes but a few, and what is in them may come
/// from a script: control characters become question marks.
fn write_name(out: &mut Vec<u8>, name: &str) {
    if name.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return out.text(name);
    }
    for c in name.chars() {
        let mut room = [0; 4];
        out.text(if c.is_control() { "?" } else { c.encode_utf8(&mut room) });
    }
}

/// A line that is being written.
struct Line<'o> {
    out: &'o mut Vec<u8>,
    ethernet: bool,
    /// Where sequence numbers began, and the interface that is looked at.
    conversations: Option<(&'o mut Conversations, InterfaceId)>,
    /// In how many packets this one is.
    depth: u8,
}

/// The bytes have ended before what was to be read.
struct Ended;

impl Line<'_> {
    /// A packet in the packet.
    fn inner(&mut self, packet: &Packet<'_>) {
        if self.depth == DEEPEST {
            return self.out.text("[nested too deep]");
        }
        self.depth += 1;
        self.packet(packet);
        self.depth -= 1;
    }

    /// That the bytes end within what somebody was reading.
    fn ended(&mut self, reader: &str) {
        self.out.text(" [|");
        self.out.text(reader);
        self.out.text("]");
    }

    /// That something can't be.
    fn invalid(&mut self) {
        self.out.text(" (invalid)");
    }
}
