//! Which packet answers which.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use twinax_packet::Packet;
use twinax_packet::decode::{Arp, Icmpv6, Network, Transport};

/// What a packet asks, so that another can be found to answer it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Question {
    /// Where is this one? (ARP.)
    Arp { asker: Ipv4Addr, asked: Ipv4Addr },
    /// Where is this one? (RFC 4861. Who asks before he has an address is answered, too.)
    Neighbor { asked: Ipv6Addr },
    /// Are you there? Whoever answers: a group may have been asked.
    Echo { asker: IpAddr, id: u16, sequence: u16 },
    /// What comes from here and goes there, by protocol, address and port.
    Ports { protocol: u8, from: (IpAddr, u16), to: (IpAddr, u16) },
}

/// What a packet asks, if it asks something.
pub(super) fn question(packet: &Packet<'_>) -> Option<Question> {
    if let Network::Arp(arp) = &packet.network {
        let (asker, asked) = (arp.sender_ip, arp.target_ip);
        return (arp.operation == Arp::REQUEST).then_some(Question::Arp { asker, asked });
    }
    match &packet.transport {
        Transport::Icmpv4(icmp) => echo(packet.source()?, icmp.echo()?, false),
        Transport::Icmpv6(icmp) if icmp.kind == Icmpv6::NEIGHBOR_SOLICITATION => {
            Some(Question::Neighbor { asked: target(icmp)? })
        }
        Transport::Icmpv6(icmp) => echo(packet.source()?, icmp.echo()?, false),
        _ => {
            let ((from, to), ends) = (packet.ports()?, (packet.source()?, packet.destination()?));
            let protocol = packet.protocol()?;
            Some(Question::Ports { protocol, from: (ends.0, from), to: (ends.1, to) })
        }
    }
}

/// What a packet would answer; an error of ICMP, what it quotes.
pub(super) fn answered(packet: &Packet<'_>) -> Option<Question> {
    if let Network::Arp(arp) = &packet.network {
        let (asker, asked) = (arp.target_ip, arp.sender_ip);
        return (arp.operation == Arp::REPLY).then_some(Question::Arp { asker, asked });
    }
    match &packet.transport {
        Transport::Icmpv4(icmp) => match icmp.quoted() {
            Some(quoted) => question(&quoted),
            None => echo(packet.destination()?, icmp.echo()?, true),
        },
        Transport::Icmpv6(icmp) if icmp.kind == Icmpv6::NEIGHBOR_ADVERTISEMENT => {
            Some(Question::Neighbor { asked: target(icmp)? })
        }
        Transport::Icmpv6(icmp) => match icmp.quoted() {
            Some(quoted) => question(&quoted),
            None => echo(packet.destination()?, icmp.echo()?, true),
        },
        _ => {
            let ((from, to), ends) = (packet.ports()?, (packet.source()?, packet.destination()?));
            let protocol = packet.protocol()?;
            Some(Question::Ports { protocol, from: (ends.1, to), to: (ends.0, from) })
        }
    }
}

fn echo(asker: IpAddr, echo: twinax_packet::decode::Echo, reply: bool) -> Option<Question> {
    let (id, sequence) = (echo.id, echo.sequence);
    (echo.reply == reply).then_some(Question::Echo { asker, id, sequence })
}

/// The address that neighbour discovery is about: the first thing behind the header (RFC 4861, 4.3).
fn target(icmp: &Icmpv6<'_>) -> Option<Ipv6Addr> {
    let bytes: [u8; 16] = icmp.body.get(..16)?.try_into().ok()?;
    Some(bytes.into())
}

/// Questions that were asked at a place.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// How often each.
    open: HashMap<Question, u32>,
    /// Whether there were more of them than are remembered.
    pub forgotten: bool,
}

impl Asked {
    /// A packet was seen: if it asks something, that can be answered from now on. At most so many
    /// questions are remembered.
    pub(super) fn take(&mut self, packet: &Packet<'_>, most: usize) {
        let Some(question) = question(packet) else { return };
        if self.open.len() >= most && !self.open.contains_key(&question) {
            self.forgotten = true;
            return;
        }
        let times = self.open.entry(question).or_default();
        *times = times.saturating_add(1);
    }

    /// Whether a packet answers one of the questions. An echo request is answered once.
    pub(super) fn is_answered_by(&mut self, packet: &Packet<'_>) -> bool {
        let Some(question) = answered(packet) else { return false };
        let Some(times) = self.open.get_mut(&question) else { return false };
        if matches!(question, Question::Echo { .. }) && is_reply(packet) {
            *times -= 1;
            if *times == 0 {
                self.open.remove(&question);
            }
        }
        true
    }
}

/// Whether it is the answer itself, and not an error that quotes the question.
fn is_reply(packet: &Packet<'_>) -> bool {
    match &packet.transport {
        Transport::Icmpv4(icmp) => !icmp.is_error(),
        Transport::Icmpv6(icmp) => !icmp.is_error(),
        _ => true,
    }
}
