//! ICMPv6 (RFC 4443), neighbour discovery (RFC 4861), multicast listeners (RFC 2710, RFC 3810).

use std::net::Ipv6Addr;

use super::text::Text;
use super::{Ended, Line};
use crate::Packet;
use crate::decode::bytes::{array_at, u16_at};
use crate::decode::{Fragment, Icmpv6, Network, protocol};

/// Names of messages.
const NAMES: [(u8, &str); 25] = [
    (Icmpv6::UNREACHABLE, "destination unreachable"),
    (Icmpv6::TOO_BIG, "packet too big"),
    (Icmpv6::TIME_EXCEEDED, "time exceeded in-transit"),
    (Icmpv6::PARAMETER_PROBLEM, "parameter problem"),
    (Icmpv6::ECHO_REQUEST, "echo request"),
    (Icmpv6::ECHO_REPLY, "echo reply"),
    (Icmpv6::LISTENER_QUERY, "multicast listener query"),
    (Icmpv6::LISTENER_REPORT, "multicast listener report"),
    (Icmpv6::LISTENER_DONE, "multicast listener done"),
    (Icmpv6::ROUTER_SOLICITATION, "router solicitation"),
    (Icmpv6::ROUTER_ADVERTISEMENT, "router advertisement"),
    (Icmpv6::NEIGHBOR_SOLICITATION, "neighbor solicitation"),
    (Icmpv6::NEIGHBOR_ADVERTISEMENT, "neighbor advertisement"),
    (Icmpv6::REDIRECT, "redirect"),
    (138, "router renumbering"),
    (139, "who-are-you request"),
    (140, "who-are-you reply"),
    (141, "inverse neighbor solicitation"),
    (142, "inverse neighbor advertisement"),
    (Icmpv6::LISTENER_REPORT_V2, "multicast listener report v2"),
    (144, "ha discovery request"),
    (145, "ha discovery reply"),
    (146, "mobile router solicitation"),
    (147, "mobile router advertisement"),
    (155, "RPL"),
];

impl Line<'_> {
    /// A message of which less than the header is there.
    pub(super) fn broken_icmp6(&mut self, packet: &Packet<'_>) {
        if packet.payload_length == 0 {
            self.out.text("ICMP6, length 0");
            return self.invalid();
        }
        if let Some(kind) = packet.payload.first() {
            self.name_of(*kind);
        }
        self.ended("icmp6");
    }

    pub(super) fn icmp6(&mut self, packet: &Packet<'_>, icmp: &Icmpv6<'_>) {
        let length = packet.payload_length.saturating_add(8);
        self.name_of(icmp.kind);
        if self.details(icmp, length).is_err() {
            return self.ended("icmp6");
        }
        self.out.text(", length ");
        self.out.number(length);
    }

    fn name_of(&mut self, kind: u8) {
        self.out.text("ICMP6, ");
        match NAMES.iter().find(|(number, _)| *number == kind) {
            Some((_, name)) => self.out.text(name),
            None => {
                self.out.text("unknown icmp6 type (");
                self.out.number(kind);
                self.out.text(")");
            }
        }
    }

    fn details(&mut self, icmp: &Icmpv6<'_>, length: u32) -> Result<(), Ended> {
        let [a, b, c, d] = icmp.rest;
        let whole = u32::from_be_bytes(icmp.rest);
        match icmp.kind {
            Icmpv6::UNREACHABLE => self.unreachable6(icmp)?,
            Icmpv6::TOO_BIG => {
                self.out.text(", mtu ");
                self.out.number(whole);
            }
            Icmpv6::TIME_EXCEEDED => match icmp.code {
                0 => self.address_behind(" for ", quoted(icmp, 24)?),
                1 => self.out.text(" (reassembly)"),
                code => {
                    self.out.text(", unknown code (");
                    self.out.number(code);
                    self.out.text(")");
                }
            },
            Icmpv6::PARAMETER_PROBLEM => {
                quoted(icmp, 24)?;
                let problem = match icmp.code {
                    0 => ", erroneous - octet ",
                    1 => ", next header - octet ",
                    2 => ", option - octet ",
                    3 => ", incomplete header chain - octet ",
                    code => {
                        self.out.text(", code-#");
                        self.out.number(code);
                        return Ok(());
                    }
                };
                self.out.text(problem);
                self.out.number(whole);
            }
            Icmpv6::ECHO_REQUEST | Icmpv6::ECHO_REPLY => {
                self.out.text(", id ");
                self.out.number(u16::from_be_bytes([a, b]));
                self.out.text(", seq ");
                self.out.number(u16::from_be_bytes([c, d]));
            }
            Icmpv6::LISTENER_QUERY => match length {
                24 => self.listener(icmp),
                28.. => self.listener_query(icmp, length)?,
                _ => {
                    self.out.text(" unknown-version (len ");
                    self.out.number(length);
                    self.out.text(") ");
                }
            },
            Icmpv6::LISTENER_REPORT | Icmpv6::LISTENER_DONE => self.listener(icmp),
            Icmpv6::LISTENER_REPORT_V2 => {
                self.out.text(", ");
                self.out.number(u16::from_be_bytes([c, d]));
                self.out.text(" group record(s)");
            }
            Icmpv6::NEIGHBOR_SOLICITATION => {
                self.address_behind(", who has ", quoted(icmp, 0)?);
            }
            Icmpv6::NEIGHBOR_ADVERTISEMENT => {
                self.address_behind(", tgt is ", quoted(icmp, 0)?);
            }
            Icmpv6::REDIRECT => {
                self.address_behind(", ", quoted(icmp, 16)?);
                self.address_behind(" to ", quoted(icmp, 0)?);
            }
            _ => {}
        }
        Ok(())
    }

    fn address_behind(&mut self, words: &str, address: Ipv6Addr) {
        self.out.text(words);
        self.out.ipv6(address);
    }

    fn unreachable6(&mut self, icmp: &Icmpv6<'_>) -> Result<(), Ended> {
        self.out.text(", ");
        match icmp.code {
            0 => self.out.text("unreachable route"),
            // The second space is tcpdump's.
            1 => self.out.text(" unreachable prohibited"),
            2 => self.out.text("beyond scope"),
            3 => self.out.text("unreachable address"),
            4 => self.out.text("unreachable port"),
            code => {
                self.out.text("unknown unreach code (");
                self.out.number(code);
                self.out.text(")");
                return Ok(());
            }
        }
        match icmp.code {
            2 => {
                self.address_behind(" ", quoted(icmp, 24)?);
                self.address_behind(", source address ", quoted(icmp, 8)?);
            }
            4 => {
                let (protocol, port) = quoted_port(icmp)?;
                self.address_behind(", ", quoted(icmp, 24)?);
                self.out.text(if protocol == protocol::TCP { " tcp port " } else { " udp port " });
                self.out.number(port);
            }
            _ => self.address_behind(" ", quoted(icmp, 24)?),
        }
        Ok(())
    }

    /// A message about one group, of the first version.
    fn listener(&mut self, icmp: &Icmpv6<'_>) {
        let Some(group) = array_at::<16>(icmp.body, 0) else { return };
        self.out.text("max resp delay: ");
        self.out.number(u16::from_be_bytes([icmp.rest[0], icmp.rest[1]]));
        self.address_behind(" addr: ", group.into());
    }

    fn listener_query(&mut self, icmp: &Icmpv6<'_>, length: u32) -> Result<(), Ended> {
        self.out.text(" v2");
        self.address_behind(" [gaddr ", quoted(icmp, 0)?);
        let sources = u16_at(icmp.body, 18).ok_or(Ended)?;
        if sources > 0 {
            if length < 28 + u32::from(sources) * 16 {
                self.out.text(" [invalid number of sources]");
            } else {
                self.out.text(", ");
                self.out.number(sources);
                self.out.text(" source(s)");
            }
        }
        self.out.text("]");
        Ok(())
    }
}

/// An address in the body: of the packet that an error quotes, the destination is at 24.
fn quoted(icmp: &Icmpv6<'_>, at: usize) -> Result<Ipv6Addr, Ended> {
    Ok(array_at::<16>(icmp.body, at).ok_or(Ended)?.into())
}

/// Protocol and destination port of the packet that an error quotes, where it is of TCP or UDP and its
/// first fragment.
fn quoted_port(icmp: &Icmpv6<'_>) -> Result<(u8, u16), Ended> {
    let packet = icmp.quoted().ok_or(Ended)?;
    let Network::Ipv6(ip) = &packet.network else { return Err(Ended) };
    if matches!(ip.fragment, Some(Fragment { offset: 1.., .. })) {
        return Err(Ended);
    }
    match ip.protocol {
        protocol::TCP | protocol::UDP => {
            let port = u16_at(icmp.body, ip.header_length() + 2).ok_or(Ended)?;
            Ok((ip.protocol, port))
        }
        _ => Err(Ended),
    }
}
