//! ARP and RARP.

use std::net::Ipv4Addr;

use super::text::Text;
use super::{Ended, Line};
use crate::Packet;
use crate::decode::bytes::{array_at, u16_at};
use crate::decode::{Arp, ethertype};

/// What is said of an ARP packet, whatever the length of its hardware addresses.
struct Said<'a> {
    operation: u16,
    sender_mac: &'a [u8],
    sender_ip: Ipv4Addr,
    target_mac: &'a [u8],
    target_ip: Ipv4Addr,
    length: u32,
}

impl Line<'_> {
    pub(super) fn arp(&mut self, packet: &Packet<'_>, arp: &Arp) {
        self.announce("ARP, ");
        self.arp_said(&Said {
            operation: arp.operation,
            sender_mac: &arp.sender_mac.0,
            sender_ip: arp.sender_ip,
            target_mac: &arp.target_mac.0,
            target_ip: arp.target_ip,
            length: packet.payload_length.saturating_add(Arp::LENGTH),
        });
    }

    /// ARP that is not of Ethernet and IPv4; the payload is all of it.
    pub(super) fn arp_of_others(&mut self, packet: &Packet<'_>) {
        if self.try_arp_of_others(packet).is_err() {
            self.ended("arp");
        }
    }

    fn try_arp_of_others(&mut self, packet: &Packet<'_>) -> Result<(), Ended> {
        let bytes = packet.payload;
        let number = |at| u16_at(bytes, at).ok_or(Ended);
        let (hardware, protocol, operation) = (number(0)?, number(2)?, number(6)?);
        let [hardware_length, protocol_length] = array_at(bytes, 4).ok_or(Ended)?;
        self.announce("ARP, ");
        if protocol != ethertype::IPV4 || protocol_length != 4 || hardware_length == 0 {
            self.hardware_type(hardware);
            self.out.text(" (len ");
            self.out.number(hardware_length);
            self.out.text("), ");
            self.protocol_type(protocol);
            self.out.text(" (len ");
            self.out.number(protocol_length);
            self.out.text("), length ");
            self.out.number(packet.payload_length);
            return Ok(());
        }
        let long = usize::from(hardware_length);
        let mac = |at: usize| bytes.get(at..at + long).ok_or(Ended);
        let ip = |at| array_at::<4>(bytes, at).map(Ipv4Addr::from).ok_or(Ended);
        self.arp_said(&Said {
            operation,
            sender_mac: mac(8)?,
            sender_ip: ip(8 + long)?,
            target_mac: mac(12 + long)?,
            target_ip: ip(12 + 2 * long)?,
            length: packet.payload_length,
        });
        Ok(())
    }

    fn arp_said(&mut self, arp: &Said<'_>) {
        match arp.operation {
            Arp::REQUEST => {
                self.out.text("Request who-has ");
                self.out.ipv4(arp.target_ip);
                if arp.target_mac.iter().any(|byte| *byte != 0) {
                    self.out.text(" (");
                    self.out.hardware(arp.target_mac);
                    self.out.text(")");
                }
                self.out.text(" tell ");
                self.out.ipv4(arp.sender_ip);
            }
            Arp::REPLY => {
                self.out.text("Reply ");
                self.out.ipv4(arp.sender_ip);
                self.out.text(" is-at ");
                self.out.hardware(arp.sender_mac);
            }
            Arp::REVERSE_REQUEST | Arp::INVERSE_REQUEST => {
                let reverse = arp.operation == Arp::REVERSE_REQUEST;
                self.out.text(if reverse { "Reverse" } else { "Inverse" });
                self.out.text(" Request who-is ");
                self.out.hardware(arp.target_mac);
                self.out.text(" tell ");
                self.out.hardware(arp.sender_mac);
            }
            Arp::REVERSE_REPLY => {
                self.out.text("Reverse Reply ");
                self.out.hardware(arp.target_mac);
                self.out.text(" at ");
                self.out.ipv4(arp.target_ip);
            }
            Arp::INVERSE_REPLY => {
                self.out.text("Inverse Reply ");
                self.out.hardware(arp.sender_mac);
                self.out.text(" at ");
                self.out.ipv4(arp.sender_ip);
            }
            unknown => {
                self.out.text("Unknown (");
                self.out.number(unknown);
                self.out.text(")");
            }
        }
        self.out.text(", length ");
        self.out.number(arp.length);
    }

    fn hardware_type(&mut self, hardware: u16) {
        match hardware {
            1 => self.out.text("Ethernet"),
            6 => self.out.text("TokenRing"),
            24 => self.out.text("IEEE 1394"),
            32 => self.out.text("InfiniBand"),
            unknown => {
                self.out.text("Unknown Hardware (");
                self.out.number(unknown);
                self.out.text(")");
            }
        }
    }

    fn protocol_type(&mut self, protocol: u16) {
        match protocol {
            ethertype::IPV4 => self.out.text("IPv4"),
            ethertype::IPV6 => self.out.text("IPv6"),
            unknown => {
                self.out.text("Unknown Protocol (0x");
                self.out.hex(unknown, 4);
                self.out.text(")");
            }
        }
    }
}
