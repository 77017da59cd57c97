//! ARP (RFC 826) and RARP (RFC 903), of Ethernet and IPv4.

use std::net::Ipv4Addr;

use etherparse::ArpPacketSlice;

use super::{Layer, Network, Packet, ethertype};
use crate::Mac;

/// An ARP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arp {
    /// What is said: one of the constants below.
    pub operation: u16,
    /// The kind of hardware (`ARPHRD_…` of `<linux/if_arp.h>`): 1 is Ethernet.
    pub hardware: u16,
    /// The MAC of whoever speaks.
    pub sender_mac: Mac,
    /// His address.
    pub sender_ip: Ipv4Addr,
    /// The MAC of whom it is about; zeros in a request.
    pub target_mac: Mac,
    /// His address.
    pub target_ip: Ipv4Addr,
}

impl Arp {
    /// Who has this address?
    pub const REQUEST: u16 = 1;
    /// It is at this MAC.
    pub const REPLY: u16 = 2;
    /// RARP: who am I?
    pub const REVERSE_REQUEST: u16 = 3;
    /// RARP: you are this one.
    pub const REVERSE_REPLY: u16 = 4;
    /// InARP (RFC 2390): which address have you?
    pub const INVERSE_REQUEST: u16 = 8;
    /// InARP: this one.
    pub const INVERSE_REPLY: u16 = 9;

    /// How long it is, in bytes.
    pub const LENGTH: u32 = 28;
}

impl<'a> Packet<'a> {
    pub(super) fn read_arp(&mut self, ethertype: u16) {
        let Ok(arp) = ArpPacketSlice::from_slice(self.payload) else {
            let whole = match self.payload {
                [_, _, _, _, hardware, protocol, ..] => {
                    8 + 2 * (u32::from(*hardware) + u32::from(*protocol))
                }
                _ => 8,
            };
            return self.end_within(Layer::Arp, whole);
        };
        let addresses = (
            arp.sender_hw_addr().try_into(),
            arp.sender_protocol_addr().try_into(),
            arp.target_hw_addr().try_into(),
            arp.target_protocol_addr().try_into(),
        );
        let ipv4 = arp.proto_addr_type().0 == ethertype::IPV4;
        let (true, (Ok(sender_mac), Ok(sender_ip), Ok(target_mac), Ok(target_ip))) =
            (ipv4, addresses)
        else {
            self.network = Network::Other(ethertype);
            return;
        };
        let (sender_ip, target_ip): ([u8; 4], [u8; 4]) = (sender_ip, target_ip);
        self.network = Network::Arp(Arp {
            operation: arp.operation().0,
            hardware: arp.hw_addr_type().0,
            sender_mac: Mac(sender_mac),
            sender_ip: sender_ip.into(),
            target_mac: Mac(target_mac),
            target_ip: target_ip.into(),
        });
        self.skip(arp.slice().len());
    }
}
