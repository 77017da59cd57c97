//! Ethernet, VLAN tags, ARP, the spanning tree.

use super::{ECHO, Odd, patched};
use crate::build::{ICMP, Ipv4, Ipv6, LEFT, RIGHT, UDP, arp, ethernet, join, tagged, udp};

pub fn link() -> Vec<Odd> {
    let packet = Ipv4::of(ICMP).with(&ECHO);
    let (left, right) = ((LEFT, [10, 0, 0, 1]), (RIGHT, [10, 0, 0, 2]));
    let nobody = ([0; 6], [10, 0, 0, 2]);
    let request = arp(1, left, nobody);
    let bpdu = |version: u8, kind: u8, flags: u8, length: usize| {
        let mut bpdu = join(&[
            &[0x42, 0x42, 3, 0, 0, version, kind, flags],
            &[0x80, 0, 2, 0, 0, 0, 0, 9, 0, 0, 0, 4],
            &[0x80, 1, 2, 0, 0, 0, 0, 1, 0x80, 2],
            &[0, 0, 20, 0, 2, 0, 15, 0, 0],
        ]);
        bpdu.truncate(length);
        let mut frame = ethernet(length as u16, &bpdu);
        frame.resize(60, 0);
        frame
    };
    vec![
        ("vlan", tagged(&[(0x8100, 100)], 0x0800, &packet)),
        ("vlan-priority-dei", tagged(&[(0x8100, 0xb064)], 0x0800, &packet)),
        ("qinq", tagged(&[(0x88a8, 10), (0x8100, 0x2014)], 0x0800, &packet)),
        ("qinq-old", tagged(&[(0x9100, 10), (0x9200, 20)], 0x0800, &packet)),
        (
            "vlan-four",
            tagged(&[(0x8100, 1), (0x8100, 2), (0x8100, 3), (0x8100, 4)], 0x0800, &packet),
        ),
        ("vlan-of-nothing", tagged(&[(0x8100, 1)], 0x88b5, b"experimental")),
        ("vlan-of-arp", tagged(&[(0x8100, 1)], 0x0806, &request)),
        ("ethertype-lldp", ethernet(0x88cc, b"link layer discovery")),
        ("ethertype-slow", ethernet(0x8809, b"slow")),
        ("ethertype-mpls", ethernet(0x8847, &[0, 1, 0x01, 64, 0x45])),
        ("ethertype-pppoe", ethernet(0x8863, &[0x11, 9, 0, 0, 0, 0])),
        ("802.3-of-nobody", ethernet(4, &[0xaa, 0xbb, 3, 9])),
        ("ethertype-unknown", ethernet(0x88b5, b"local experimental")),
        ("ethertype-empty", ethernet(0x88b5, b"")),
        ("ipv6-said-to-be-ipv4", ethernet(0x0800, &Ipv6::of(UDP).with(&udp(1234, 4242, b"")))),
        ("ipv4-said-to-be-ipv6", ethernet(0x86dd, &join(&[&packet, &[0; 20]]))),
        ("ip-version-9", ethernet(0x0800, &patched(packet.clone(), 0, &[0x95]))),
        ("arp-request", ethernet(0x0806, &request)),
        ("arp-request-padded", ethernet(0x0806, &join(&[&request, &[0; 18]]))),
        ("arp-request-unicast", ethernet(0x0806, &arp(1, left, right))),
        ("arp-probe", ethernet(0x0806, &arp(1, (LEFT, [0; 4]), nobody))),
        ("arp-announcement", ethernet(0x0806, &arp(1, left, ([0; 6], left.1)))),
        ("arp-reply", ethernet(0x0806, &arp(2, right, left))),
        ("rarp-request", ethernet(0x8035, &arp(3, left, left))),
        ("rarp-reply", ethernet(0x8035, &arp(4, right, left))),
        ("inarp-request", ethernet(0x0806, &arp(8, left, right))),
        ("inarp-reply", ethernet(0x0806, &arp(9, right, left))),
        ("arp-operation-77", ethernet(0x0806, &arp(77, right, left))),
        ("arp-of-infiniband", ethernet(0x0806, &patched(request.clone(), 0, &[0, 32]))),
        ("arp-of-hardware-99", ethernet(0x0806, &patched(request.clone(), 0, &[0, 99]))),
        ("arp-of-ipv6", ethernet(0x0806, &patched(request.clone(), 2, &[0x86, 0xdd]))),
        ("arp-of-protocol-1234", ethernet(0x0806, &patched(request.clone(), 2, &[0x12, 0x34]))),
        ("arp-without-hardware", ethernet(0x0806, &patched(request.clone(), 4, &[0]))),
        (
            "arp-long-hardware",
            ethernet(0x0806, &join(&[&patched(request.clone(), 4, &[8]), &[7; 9]])),
        ),
        ("arp-short-protocol", ethernet(0x0806, &patched(request.clone(), 5, &[2]))),
        ("stp-config", bpdu(0, 0, 0, 38)),
        ("stp-config-flags", bpdu(0, 0, 0x81, 38)),
        ("stp-rapid", bpdu(2, 2, 0x7e, 39)),
        ("stp-topology-change", bpdu(0, 0x80, 0, 7)),
        ("stp-config-short", bpdu(0, 0, 0, 20)),
    ]
}
