//! Makes a program of an expression of our own words.
//!
//! Each word looks at the frame for itself: at the EtherType first, so that what it looks at afterwards
//! is what it takes it for. What it then loads is loaded as libpcap's programs do it, so that a frame
//! that is cut off in the middle of it is wanted by neither.

use std::net::IpAddr;

use super::assemble::{Assembler, Label, TooLong};
use super::expression::{Expression, Family, Net, Protocol, Side, Transport};
use super::instruction::code;
use super::program::Program;
use super::value::mask_v4;
use crate::LinkType;

/// EtherTypes, `linux/if_ether.h`.
const IPV4: u32 = 0x0800;
const ARP: u32 = 0x0806;
const RARP: u32 = 0x8035;
const IPV6: u32 = 0x86dd;

/// Protocols, `linux/in.h`.
const ICMP: u32 = 1;
const TCP: u32 = 6;
const UDP: u32 = 17;
const FRAGMENT: u32 = 44;
const ICMP6: u32 = 58;
const SCTP: u32 = 132;

/// Where the fields of an IPv4 header are (RFC 791).
mod ipv4 {
    pub const FRAGMENT: u32 = 6;
    /// The bits of it that are the offset.
    pub const OFFSET: u32 = 0x1fff;
    pub const PROTOCOL: u32 = 9;
    pub const ADDRESSES: [u32; 2] = [12, 16];
}

/// Where the fields of an IPv6 header are (RFC 8200).
mod ipv6 {
    pub const NEXT_HEADER: u32 = 6;
    pub const ADDRESSES: [u32; 2] = [8, 24];
    pub const LENGTH: u32 = 40;
}

/// Where the protocol addresses are in ARP of IPv4 on Ethernet (RFC 826).
const ARP_ADDRESSES: [u32; 2] = [14, 24];
/// Where the ports are in TCP, UDP and SCTP.
const PORTS: [u32; 2] = [0, 2];

/// Compiles an expression for frames that begin like this.
///
/// Of frames that begin otherwise, none is wanted.
///
/// # Errors
///
/// [`TooLong`].
pub fn compile(expression: &Expression, link_type: LinkType) -> Result<Program, TooLong> {
    let network = match link_type {
        LinkType::Ethernet => 14,
        LinkType::Raw => 0,
        LinkType::Other(_) => return Ok(Program::always(0)),
    };
    let mut compiler = Compiler { asm: Assembler::default(), link_type, network };
    let [wanted, unwanted] = compiler.labels();
    compiler.expression(expression, wanted, unwanted);
    compiler.asm.place(wanted);
    compiler.asm.plain(code::RETURN, u32::MAX);
    compiler.asm.place(unwanted);
    compiler.asm.plain(code::RETURN, 0);
    compiler.asm.finish()
}

struct Compiler {
    asm: Assembler<'static>,
    link_type: LinkType,
    /// Where the network header begins.
    network: u32,
}

/// Each of these goes to the label `yes` or to `no`, and what it adds is behind all that was there.
impl Compiler {
    fn labels<const N: usize>(&mut self) -> [Label; N] {
        [(); N].map(|()| self.asm.label())
    }

    fn expression(&mut self, expression: &Expression, yes: Label, no: Label) {
        match expression {
            Expression::Everything => self.asm.jump(yes),
            Expression::Not(inner) => self.expression(inner, no, yes),
            Expression::And(left, right) => {
                let [next] = self.labels();
                self.expression(left, next, no);
                self.asm.place(next);
                self.expression(right, yes, no);
            }
            Expression::Or(left, right) => {
                let [next] = self.labels();
                self.expression(left, yes, next);
                self.asm.place(next);
                self.expression(right, yes, no);
            }
            Expression::Protocol(protocol) => self.protocol(*protocol, yes, no),
            Expression::Address { side, within, net } => {
                self.address(*side, *within, *net, yes, no)
            }
            Expression::Port { side, within, port } => self.port(*side, *within, *port, yes, no),
        }
    }

    /// Whether A is a number.
    fn is(&mut self, number: u32, yes: Label, no: Label) {
        self.asm.branch(code::IF_EQUAL, number, yes, no);
    }

    /// Whether A is one of these numbers.
    fn is_one_of(&mut self, numbers: &[u32], yes: Label, no: Label) {
        for number in numbers {
            let [next] = self.labels();
            self.is(*number, yes, next);
            self.asm.place(next);
        }
        self.asm.jump(no);
    }

    /// Whether the frame is one of this EtherType.
    fn ether_type(&mut self, ether_type: u32, yes: Label, no: Label) {
        match (self.link_type, ether_type) {
            (LinkType::Ethernet, ether_type) => {
                self.asm.plain(code::LOAD_HALF, 12);
                self.is(ether_type, yes, no);
            }
            // The first four bits are the version.
            (_, IPV4 | IPV6) => {
                self.asm.plain(code::LOAD_BYTE, 0);
                self.asm.plain(code::AND, 0xf0);
                self.is(if ether_type == IPV4 { 0x40 } else { 0x60 }, yes, no);
            }
            _ => self.asm.jump(no),
        }
    }

    fn protocol(&mut self, protocol: Protocol, yes: Label, no: Label) {
        match protocol {
            Protocol::Family(family) => self.ether_type(ether_type(family), yes, no),
            Protocol::Icmp => self.in_ipv4(ICMP, yes, no),
            Protocol::Icmp6 => self.in_ipv6(ICMP6, yes, no),
            Protocol::Transport(transport) => {
                let [next] = self.labels();
                self.in_ipv4(number(transport), yes, next);
                self.asm.place(next);
                self.in_ipv6(number(transport), yes, no);
            }
        }
    }

    fn in_ipv4(&mut self, protocol: u32, yes: Label, no: Label) {
        let [next] = self.labels();
        self.ether_type(IPV4, next, no);
        self.asm.place(next);
        self.asm.plain(code::LOAD_BYTE, self.network + ipv4::PROTOCOL);
        self.is(protocol, yes, no);
    }

    /// Behind the IPv6 header, or behind a fragment header behind it.
    fn in_ipv6(&mut self, protocol: u32, yes: Label, no: Label) {
        let [next, other, fragment] = self.labels();
        self.ether_type(IPV6, next, no);
        self.asm.place(next);
        self.asm.plain(code::LOAD_BYTE, self.network + ipv6::NEXT_HEADER);
        self.is(protocol, yes, other);
        self.asm.place(other);
        self.is(FRAGMENT, fragment, no);
        self.asm.place(fragment);
        self.asm.plain(code::LOAD_BYTE, self.network + ipv6::LENGTH);
        self.is(protocol, yes, no);
    }

    fn address(&mut self, side: Side, within: Option<Family>, net: Net, yes: Label, no: Label) {
        if net.address.is_ipv6() {
            return self.address_in(IPV6, ipv6::ADDRESSES, side, net, yes, no);
        }
        if within != Some(Family::Arp) {
            let [next] = self.labels();
            let otherwise = if within.is_none() { next } else { no };
            self.address_in(IPV4, ipv4::ADDRESSES, side, net, yes, otherwise);
            self.asm.place(next);
        }
        if within != Some(Family::Ipv4) {
            let [next] = self.labels();
            let otherwise = if within.is_none() { next } else { no };
            self.address_in(ARP, ARP_ADDRESSES, side, net, yes, otherwise);
            self.asm.place(next);
        }
        if within.is_none() {
            self.address_in(RARP, ARP_ADDRESSES, side, net, yes, no);
        }
    }

    /// Whether the frame is of this EtherType, and its addresses at these offsets are in the net.
    fn address_in(
        &mut self,
        ether_type: u32,
        at: [u32; 2],
        side: Side,
        net: Net,
        yes: Label,
        no: Label,
    ) {
        let [next] = self.labels();
        self.ether_type(ether_type, next, no);
        self.asm.place(next);
        self.sides(side, at, yes, no, |compiler, at, yes, no| {
            compiler.is_in(net, compiler.network + at, yes, no);
        });
    }

    /// Whether what holds of the one offset or the other (or both) does.
    fn sides(
        &mut self,
        side: Side,
        [source, destination]: [u32; 2],
        yes: Label,
        no: Label,
        holds: impl Fn(&mut Self, u32, Label, Label),
    ) {
        let [next] = self.labels();
        match side {
            Side::Source => holds(self, source, yes, no),
            Side::Destination => holds(self, destination, yes, no),
            Side::Either => {
                holds(self, source, yes, next);
                self.asm.place(next);
                holds(self, destination, yes, no);
            }
            Side::Both => {
                holds(self, source, next, no);
                self.asm.place(next);
                holds(self, destination, yes, no);
            }
        }
    }

    /// Whether the address at an offset is in a net.
    fn is_in(&mut self, net: Net, at: u32, yes: Label, no: Label) {
        for (at, mask, word) in words(net, at) {
            let [next] = self.labels();
            self.asm.plain(code::LOAD_WORD, at);
            if mask != u32::MAX {
                self.asm.plain(code::AND, mask);
            }
            self.is(word, next, no);
            self.asm.place(next);
        }
        self.asm.jump(yes);
    }

    fn port(&mut self, side: Side, within: Option<Transport>, port: u16, yes: Label, no: Label) {
        let number = within.map(number);
        let protocols = number.as_ref().map_or(&[TCP, UDP, SCTP][..], std::slice::from_ref);
        let [v4, has_ports, is_first, v6, is_v6, has_ports_v6] = self.labels();
        self.ether_type(IPV4, v4, v6);
        self.asm.place(v4);
        self.asm.plain(code::LOAD_BYTE, self.network + ipv4::PROTOCOL);
        self.is_one_of(protocols, has_ports, no);
        self.asm.place(has_ports);
        self.asm.plain(code::LOAD_HALF, self.network + ipv4::FRAGMENT);
        self.asm.branch(code::IF_BITS, ipv4::OFFSET, no, is_first);
        self.asm.place(is_first);
        self.asm.plain(code::LOADX_HEADER, self.network);
        self.sides(side, PORTS, yes, no, |compiler, at, yes, no| {
            compiler.asm.plain(code::LOAD_HALF_X, compiler.network + at);
            compiler.is(port.into(), yes, no);
        });
        self.asm.place(v6);
        self.ether_type(IPV6, is_v6, no);
        self.asm.place(is_v6);
        self.asm.plain(code::LOAD_BYTE, self.network + ipv6::NEXT_HEADER);
        self.is_one_of(protocols, has_ports_v6, no);
        self.asm.place(has_ports_v6);
        self.sides(side, PORTS, yes, no, |compiler, at, yes, no| {
            compiler.asm.plain(code::LOAD_HALF, compiler.network + ipv6::LENGTH + at);
            compiler.is(port.into(), yes, no);
        });
    }
}

fn ether_type(family: Family) -> u32 {
    match family {
        Family::Arp => ARP,
        Family::Ipv4 => IPV4,
        Family::Ipv6 => IPV6,
    }
}

fn number(transport: Transport) -> u32 {
    match transport {
        Transport::Tcp => TCP,
        Transport::Udp => UDP,
    }
}

/// The words of an address at an offset that tell whether it is in a net: where each is, which of its
/// bits count, and what these are.
fn words(net: Net, at: u32) -> Vec<(u32, u32, u32)> {
    let words: Vec<u32> = match net.address {
        IpAddr::V4(address) => vec![u32::from(address)],
        IpAddr::V6(address) => {
            let bits = u128::from(address);
            [96, 64, 32, 0].map(|shift| (bits >> shift) as u32).to_vec()
        }
    };
    let words = words.into_iter().enumerate().map(|(index, word)| {
        let length = net.length.saturating_sub(32 * index as u8).min(32);
        (at + 4 * index as u32, mask_v4(length), word)
    });
    words.collect()
}
