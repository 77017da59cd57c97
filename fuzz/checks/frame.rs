//! What must hold of taking a frame apart and writing it on a line, whatever the bytes. The fuzz target
//! and the test of the corpus (`crates/packet/tests/it/corpus.rs`) both include this file.

use std::cell::RefCell;

use twinax_packet::decode::{Network, Packet, Transport};
use twinax_packet::line::{self, Lines, Style};
use twinax_packet::{Direction, Frame, Interface, LinkType, Time};

thread_local! {
    /// Used again for all frames, as a capture does.
    static LINES: RefCell<Lines> = RefCell::new(Lines::new(Style::default()));
}

/// Panics where something does not hold. That nothing panics and all comes to an end is checked by
/// being called.
pub fn frame(bytes: &[u8]) {
    let whole = bytes.len() as u32;
    for link in [LinkType::Ethernet, LinkType::Raw, LinkType::Other(147)] {
        // As it is, and as the beginning of a longer one.
        for length in [whole, whole + 1000, 0] {
            let packet = Packet::decode(link, bytes, length);
            is_sound(bytes, length, &packet);
            is_a_line(&line::text(&packet));
            written_by_lines(bytes, length, link);
        }
    }
}

/// What the packet says of itself goes together.
fn is_sound(bytes: &[u8], length: u32, packet: &Packet<'_>) {
    assert_eq!(packet.length, length.max(bytes.len() as u32));
    assert!(
        packet.payload.len() <= packet.payload_length as usize,
        "more than there was: {packet:?}"
    );
    assert!(lies_within(packet.payload, bytes), "a payload from elsewhere: {packet:?}");
    assert!(packet.flaw.is_some() || packet.further_flaw.is_none(), "{packet:?}");
    assert_eq!(packet.vlans.as_slice().len(), packet.vlans.count().min(4));
    match &packet.network {
        Network::Ipv4(ip) => assert!(ip.options.len() <= 40 && lies_within(ip.options, bytes)),
        Network::Ipv6(ip) => {
            let extensions: usize = ip.extensions().map(|extension| extension.bytes.len()).sum();
            assert_eq!(extensions, ip.extension_bytes.len(), "{packet:?}");
        }
        _ => {}
    }
    match &packet.transport {
        Transport::Tcp(tcp) => assert!(tcp.options.len() <= 40 && lies_within(tcp.options, bytes)),
        Transport::Icmpv4(icmp) => {
            let _ = (icmp.echo(), icmp.quoted().map(|quoted| quoted.flaw));
        }
        Transport::Icmpv6(icmp) => {
            let _ = (icmp.echo(), icmp.quoted().map(|quoted| quoted.flaw));
            let options = icmp.discovery().map_or(0, |said| said.options().count());
            let records = icmp.listener_records().count();
            assert!(options + records <= bytes.len(), "more than there is room for: {packet:?}");
        }
        _ => {}
    }
    let _ = packet.application();
    if let Some(flaw) = packet.flaw {
        assert!(!flaw.to_string().is_empty());
    }
    if let Some(inner) = packet.inner() {
        assert!(inner.payload.len() < bytes.len(), "the inner one is as long: {packet:?}");
        assert!(lies_within(inner.payload, bytes));
    }
}

fn lies_within(part: &[u8], whole: &[u8]) -> bool {
    let (part, whole) = (part.as_ptr_range(), whole.as_ptr_range());
    part.is_empty() || (whole.start <= part.start && part.end <= whole.end)
}

/// With time, place and direction, with Ethernet's header and without, after whatever came before.
fn written_by_lines(bytes: &[u8], length: u32, link: LinkType) {
    let (node, device) = (String::from("left"), String::from("veth3"));
    let interface = Interface { node, device, link_type: link, mac: None };
    let (time, direction) = (Time(u64::from(length) << 32), Direction::In);
    let frame = Frame { time, interface: 0, direction, length, bytes };
    LINES.with_borrow_mut(|lines| {
        for ethernet in [false, true] {
            *lines.style() = Style { utc_offset: -3600, place_width: 12, ethernet };
            let mut out = Vec::new();
            lines.write(&mut out, &frame, &interface);
            is_a_line(std::str::from_utf8(&out).expect("a line of text"));
        }
    });
}

/// One line, of printable ASCII, of a length that is bounded.
fn is_a_line(line: &str) {
    let strange = line.bytes().find(|byte| !(b' '..=b'~').contains(byte));
    assert_eq!(strange, None, "no printable ASCII: {line:?}");
    assert!(line.len() <= 4_000_000, "a line of {} bytes", line.len());
}
