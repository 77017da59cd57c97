//! Echo requests as bytes, and bytes as answers (RFC 792, RFC 4443).

use std::net::{IpAddr, Ipv4Addr};

use super::exchange::Answer;
use super::told::{told_v4, told_v6};

/// Length of the ICMP header of an echo request.
const HEADER: usize = 8;

const ECHO_REPLY_V4: u8 = 0;
const ECHO_REQUEST_V4: u8 = 8;
const ECHO_REQUEST_V6: u8 = 128;
const ECHO_REPLY_V6: u8 = 129;

/// An echo request. The checksum of an ICMPv6 one is the kernel's to fill in: it covers a pseudo
/// header (RFC 3542, 3.1).
pub(super) fn echo_request(v4: bool, id: u16, sequence: u16, size: usize) -> Vec<u8> {
    let mut packet = vec![0; HEADER + size];
    packet[0] = if v4 { ECHO_REQUEST_V4 } else { ECHO_REQUEST_V6 };
    packet[4..6].copy_from_slice(&id.to_be_bytes());
    packet[6..8].copy_from_slice(&sequence.to_be_bytes());
    for (index, byte) in packet[HEADER..].iter_mut().enumerate() {
        *byte = index as u8;
    }
    if v4 {
        let sum = checksum(&packet);
        packet[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    packet
}

/// The Internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| match *pair {
        [high, low] => u32::from(u16::from_be_bytes([high, low])),
        [high] => u32::from(high) << 8,
        _ => 0,
    });
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// What an incoming packet of a raw IPv4 socket (IP header and all) says of the requests with this
/// ID.
pub(super) fn answer_v4(packet: &[u8], id: u16) -> Option<Answer> {
    let ttl = *packet.get(8)?;
    let from = packet.get(12..16)?.first_chunk::<4>().map(|a| IpAddr::V4(Ipv4Addr::from(*a)));
    let icmp = after_ip_header(packet)?;
    match (*icmp.first()?, *icmp.get(1)?) {
        (ECHO_REPLY_V4, _) => {
            let (own, sequence) = id_and_sequence(icmp)?;
            (own == id).then_some(Answer::Reply { sequence, ttl: Some(ttl) })
        }
        (kind, code) => {
            let told = told_v4(kind, code)?;
            let about = after_ip_header(icmp.get(HEADER..)?)?;
            let (own, sequence) = id_and_sequence(about)?;
            let ours = about[0] == ECHO_REQUEST_V4 && own == id;
            ours.then_some(Answer::Error { sequence, told, from })
        }
    }
}

/// What an incoming packet of a raw ICMPv6 socket (without the IP header) from this address, with
/// this hop limit, says of the requests with this ID.
pub(super) fn answer_v6(
    icmp: &[u8],
    id: u16,
    from: Option<IpAddr>,
    ttl: Option<u8>,
) -> Option<Answer> {
    match (*icmp.first()?, *icmp.get(1)?) {
        (ECHO_REPLY_V6, _) => {
            let (own, sequence) = id_and_sequence(icmp)?;
            (own == id).then_some(Answer::Reply { sequence, ttl })
        }
        (kind, code) => {
            let told = told_v6(kind, code)?;
            let about = after_ipv6_header(icmp.get(HEADER..)?)?;
            let (own, sequence) = id_and_sequence(about)?;
            let ours = about[0] == ECHO_REQUEST_V6 && own == id;
            ours.then_some(Answer::Error { sequence, told, from })
        }
    }
}

fn id_and_sequence(icmp: &[u8]) -> Option<(u16, u16)> {
    let id = icmp.get(4..6)?.first_chunk().map(|b| u16::from_be_bytes(*b))?;
    let sequence = icmp.get(6..8)?.first_chunk().map(|b| u16::from_be_bytes(*b))?;
    Some((id, sequence))
}

fn after_ip_header(packet: &[u8]) -> Option<&[u8]> {
    let words = usize::from(*packet.first()? & 0x0f);
    packet.get(words * 4..)
}

/// `IPPROTO_FRAGMENT`: a request that was fragmented has this header before its own.
const FRAGMENT: u8 = 44;

fn after_ipv6_header(packet: &[u8]) -> Option<&[u8]> {
    let next = *packet.get(6)?;
    packet.get(if next == FRAGMENT { 48 } else { 40 }..)
}

#[cfg(test)]
mod tests {
    use twinax_topology::Told;

    use super::*;

    #[test]
    fn a_request_is_what_rfc_792_draws() {
        let packet = echo_request(true, 0x1234, 1, 2);
        // Type 8, code 0, checksum, ID, sequence number, data 00 01. The checksum by hand:
        // 0800 + 1234 + 0001 + 0001 = 1a36, complemented e5c9.
        assert_eq!(packet, [8, 0, 0xe5, 0xc9, 0x12, 0x34, 0, 1, 0, 1]);
    }

    #[test]
    fn the_checksum_of_rfc_1071_section_3() {
        let bytes = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
        assert_eq!(checksum(&bytes), !0xddf2);
    }

    fn ip_header(protocol: u8, from: [u8; 4]) -> Vec<u8> {
        let mut header = vec![0; 20];
        header[0] = 0x45;
        header[8] = 63;
        header[9] = protocol;
        header[12..16].copy_from_slice(&from);
        header
    }

    #[test]
    fn a_reply_counts_only_with_our_id() {
        let mut packet = ip_header(1, [10, 0, 0, 2]);
        packet.extend([0, 0, 0, 0, 0x12, 0x34, 0, 7]);
        let reply = Answer::Reply { sequence: 7, ttl: Some(63) };
        assert_eq!(answer_v4(&packet, 0x1234), Some(reply));
        assert_eq!(answer_v4(&packet, 0x1235), None);
    }

    #[test]
    fn an_error_is_told_with_who_sent_it() {
        let mut packet = ip_header(1, [10, 0, 0, 1]);
        packet.extend([11, 0, 0, 0, 0, 0, 0, 0]);
        packet.extend(ip_header(1, [10, 0, 0, 2]));
        packet.extend([8, 0, 0, 0, 0x12, 0x34, 0, 3]);
        let from = Some(IpAddr::from([10, 0, 0, 1]));
        let error = Answer::Error { sequence: 3, told: Told::TtlExceeded, from };
        assert_eq!(answer_v4(&packet, 0x1234), Some(error));
    }

    #[test]
    fn cut_off_packets_say_nothing() {
        let mut packet = ip_header(1, [10, 0, 0, 1]);
        packet.extend([3, 1, 0, 0, 0, 0, 0, 0]);
        packet.extend(ip_header(1, [10, 0, 0, 2]));
        packet.extend([8, 0, 0, 0, 0x12, 0x34, 0, 3]);
        for length in 0..packet.len() {
            assert_eq!(answer_v4(&packet[..length], 0x1234), None, "of {length} bytes");
            assert_eq!(answer_v6(&packet[..length], 0x1234, None, None), None, "of {length} bytes");
        }
    }
}
