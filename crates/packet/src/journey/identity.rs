//! What makes two sightings the same packet.
//!
//! Of each frame is kept what can be told from its headers, and digests of its content. The *core* is
//! a digest of all that neither a router nor a NAT changes: so a packet is looked up by its core, and
//! what else is different is compared afterwards, field by field.
//!
//! | in the core | not in it |
//! |---|---|
//! | protocol, identification and place of a fragment | MACs, VLAN tags |
//! | how long the content is | addresses, ports, the identifier of an ICMP echo: NAT |
//! | of TCP: sequence numbers, flags, the time stamps | TTL, type of service, options of IPv4 |
//! | of ICMP: type, code, sequence number; of an error, the core of what it quotes | checksums: they change with the rest, and devices leave them unfinished |
//! | the first bytes of the payload | window, MSS: a router may clamp them |
//!
//! Of what is neither IP nor ARP the MACs are in it, too: nobody routes that.
//!
//! Most packets are not translated. So they are looked up first by core *and* flow, and by the core
//! alone only if that finds nothing.

use std::net::IpAddr;

use super::digest::Digest;
use super::translations::Flow;
pub(super) use super::tunnels::Tunnel;
use super::tunnels::inner;
use crate::Mac;
use crate::decode::{Network, Packet, Tcp, TcpFlags, Transport, Vlans};

/// How many bytes of the payload are in the core. Few enough that they are also there in a capture
/// of short frames, and within a tunnel.
const HEAD: usize = 64;

/// How many bytes of the payload are compared where both sightings have them.
const BODY: usize = 1024;

/// From this payload on, segments may be cut up or put together.
const LARGE: u32 = 512;

/// From this content on, in bytes, a packet may be cut into fragments.
const DIVISIBLE: u32 = 200;

/// What is known of a frame.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// Source and destination.
    pub(super) macs: Option<(Mac, Mac)>,
    pub(super) vlans: Tags,
    /// Of an IP packet.
    pub(super) flow: Option<Flow>,
    pub(super) has_ports: bool,
    pub(super) ttl: u8,
    pub(super) tos: u8,
    /// Which part of an IP packet it is.
    pub(super) piece: Option<Piece>,
    /// How long the content of the IP packet is, in bytes.
    pub(super) length: u32,
    /// The digest of what all fragments of a packet have in common; where it may have some.
    pub(super) datagram: Option<u64>,
    /// Of TCP with data.
    pub(super) stream: Option<Stream>,
    /// The MSS option of TCP.
    pub(super) mss: Option<u16>,
    /// The digest of all that stays the same.
    pub(super) core: u64,
    /// The digest of the core and the flow.
    pub(super) exact: u64,
    /// The digest of more of the payload, where that was captured.
    pub(super) whole: Option<u64>,
    /// The packet in it.
    pub(super) inner: Option<Box<Inner>>,
}

/// A packet within another.
#[derive(Debug, Clone)]
pub(super) struct Inner {
    pub(super) tunnel: Tunnel,
    pub(super) facts: Facts,
}

/// Which part of an IP packet a fragment is, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) offset: u32,
}

/// The data of a TCP segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stream {
    /// The digest of what all parts of a segment have in common.
    pub(super) digest: u64,
    pub(super) sequence: u32,
    pub(super) length: u32,
}

/// The IDs of a frame's VLAN tags, outermost first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Tags {
    ids: [u16; Vlans::KEPT],
    count: u8,
}

impl Tags {
    pub(super) fn ids(&self) -> &[u16] {
        &self.ids[..usize::from(self.count)]
    }

    fn of(vlans: &Vlans) -> Self {
        let mut tags = Self::default();
        for (place, vlan) in tags.ids.iter_mut().zip(vlans.as_slice()) {
            *place = vlan.id;
            tags.count += 1;
        }
        tags
    }
}

impl Facts {
    /// What is known of a frame.
    pub(super) fn of(packet: &Packet<'_>) -> Self {
        let length = packet.payload_length + transport_header(packet);
        let head = &packet.payload[..packet.payload.len().min(HEAD)];
        let mut facts = Self {
            macs: packet.ethernet.map(|ethernet| (ethernet.source, ethernet.destination)),
            vlans: Tags::of(&packet.vlans),
            flow: flow(packet),
            has_ports: packet.ports().is_some(),
            ttl: 0,
            tos: 0,
            piece: None,
            length,
            datagram: None,
            stream: None,
            mss: None,
            core: 0,
            exact: 0,
            whole: whole(packet),
            inner: inner(packet)
                .map(|(tunnel, packet)| Box::new(Inner { tunnel, facts: Self::of(&packet) })),
        };
        let core = facts.network(packet);
        facts.core = facts.transport(packet, core, head).finish();
        facts.exact = with_flow(facts.core, facts.flow);
        facts
    }

    /// Whether it is a fragment without the header of the transport.
    pub(super) fn is_later_piece(&self) -> bool {
        self.piece.is_some_and(|piece| piece.offset != 0)
    }

    fn network(&mut self, packet: &Packet<'_>) -> Digest {
        match packet.network {
            Network::Ipv4(ip) => {
                (self.ttl, self.tos) = (ip.ttl, ip.tos);
                let offset = u32::from(ip.fragment_offset);
                self.piece = ip.is_fragment().then_some(Piece { offset });
                if !ip.dont_fragment && self.length >= DIVISIBLE || ip.is_fragment() {
                    let all = Digest::new(1).number(ip.id.into()).number(ip.protocol.into());
                    self.datagram = Some(all.finish());
                }
                let place = u64::from(offset) << 1 | u64::from(ip.more_fragments);
                let which = u64::from(ip.id) << 32 | u64::from(ip.protocol);
                Digest::new(4).number(which).number(place).number(self.length.into())
            }
            Network::Ipv6(ip) => {
                (self.ttl, self.tos) = (ip.hop_limit, ip.traffic_class);
                self.piece = ip.fragment.map(|fragment| Piece { offset: fragment.offset.into() });
                let digest = Digest::new(6).number(ip.protocol.into()).number(self.length.into());
                ip.fragment.map_or(digest, |fragment| {
                    let place = u64::from(fragment.offset) << 1 | u64::from(fragment.more);
                    digest.number(fragment.id.into()).number(place)
                })
            }
            Network::Arp(arp) => Digest::new(2)
                .number(arp.operation.into())
                .bytes(&arp.sender_mac.0)
                .bytes(&arp.target_mac.0)
                .number(arp.sender_ip.to_bits().into())
                .number(arp.target_ip.to_bits().into()),
            Network::None | Network::Other(_) => {
                let (source, destination) = self.macs.unwrap_or_default();
                let digest = Digest::new(3).bytes(&source.0).bytes(&destination.0);
                let ethertype = packet.ethernet.map_or(0, |ethernet| ethernet.ethertype);
                digest.number(ethertype.into()).number(self.length.into())
            }
        }
    }

    fn transport(&mut self, packet: &Packet<'_>, core: Digest, head: &[u8]) -> Digest {
        let core = match &packet.transport {
            Transport::Tcp(tcp) => {
                let options = TcpOptions::of(tcp);
                self.mss = options.mss;
                self.stream = stream(tcp, &options, packet.payload_length);
                core.number(u64::from(tcp.sequence) << 32 | u64::from(tcp.acknowledgement))
                    .number(options.time)
                    .number(tcp.flags.0.into())
            }
            Transport::Icmpv4(icmp) => {
                let core = core.number(u64::from(icmp.kind) << 8 | u64::from(icmp.code));
                match (icmp.echo(), icmp.quoted()) {
                    (Some(echo), _) => core.number(echo.sequence.into()),
                    (_, Some(quoted)) => return self.error(core, icmp.rest, &quoted),
                    _ => core.bytes(&icmp.rest),
                }
            }
            Transport::Icmpv6(icmp) => {
                let core = core.number(u64::from(icmp.kind) << 8 | u64::from(icmp.code));
                match (icmp.echo(), icmp.quoted()) {
                    (Some(echo), _) => core.number(echo.sequence.into()),
                    (_, Some(quoted)) => return self.error(core, icmp.rest, &quoted),
                    _ => core.bytes(&icmp.rest),
                }
            }
            Transport::Udp(_) | Transport::Fragment | Transport::Other(_) | Transport::None => core,
        };
        core.bytes(head)
    }

    /// Of what an ICMP error quotes, a NAT changes the same as of the packet itself.
    fn error(&mut self, core: Digest, rest: [u8; 4], quoted: &Packet<'_>) -> Digest {
        self.whole = None;
        core.bytes(&rest).number(Self::of(quoted).core)
    }
}

/// The digest of a flow and of what it is a flow of: the core of a packet, a node.
pub(super) fn with_flow(core: u64, flow: Option<Flow>) -> u64 {
    let Some(flow) = flow else { return core };
    let address = |digest: Digest, address: IpAddr| match address {
        IpAddr::V4(address) => digest.number(address.to_bits().into()),
        IpAddr::V6(address) => digest.bytes(&address.octets()),
    };
    let digest = address(address(Digest::new(9).number(core), flow.source), flow.destination);
    let ports = u64::from(flow.ports.0) << 16 | u64::from(flow.ports.1);
    digest.number(ports << 8 | u64::from(flow.protocol)).finish()
}

/// How long the header of the transport is, in bytes.
fn transport_header(packet: &Packet<'_>) -> u32 {
    match &packet.transport {
        Transport::Tcp(tcp) => u32::from(tcp.header_length),
        Transport::Udp(_) | Transport::Icmpv4(_) | Transport::Icmpv6(_) => 8,
        Transport::Fragment | Transport::Other(_) | Transport::None => 0,
    }
}

/// The digest of the payload, unless all of it is in the core, or not enough of it was captured.
fn whole(packet: &Packet<'_>) -> Option<u64> {
    let length = (packet.payload_length as usize).min(BODY);
    let body = packet.payload.get(HEAD..length)?;
    Some(Digest::new(7).bytes(body).finish())
}

/// The flow that a packet belongs to. The identifier of an echo stands where a port would be: that of
/// the one who asks.
fn flow(packet: &Packet<'_>) -> Option<Flow> {
    let echo = match &packet.transport {
        Transport::Icmpv4(icmp) => icmp.echo(),
        Transport::Icmpv6(icmp) => icmp.echo(),
        _ => None,
    };
    let of_echo = echo.map(|echo| if echo.reply { (0, echo.id) } else { (echo.id, 0) });
    Some(Flow {
        source: packet.source()?,
        destination: packet.destination()?,
        protocol: packet.protocol()?,
        ports: packet.ports().or(of_echo).unwrap_or((0, 0)),
    })
}

fn stream(tcp: &Tcp<'_>, options: &TcpOptions, length: u32) -> Option<Stream> {
    if length == 0 || tcp.flags.any(TcpFlags::SYN | TcpFlags::RST) {
        return None;
    }
    let same = u64::from(tcp.acknowledgement) << 16 | u64::from(tcp.window);
    let digest = Digest::new(8).number(same).number(options.time).finish();
    Some(Stream { digest, sequence: tcp.sequence, length })
}

/// Those options of TCP that matter here.
#[derive(Debug, Clone, Copy, Default)]
struct TcpOptions {
    /// The maximum segment size (RFC 9293, 3.7.1).
    mss: Option<u16>,
    /// Both time stamps (RFC 7323) as one number; 0 where there are none.
    time: u64,
}

impl TcpOptions {
    fn of(tcp: &Tcp<'_>) -> Self {
        let mut found = Self::default();
        let mut options = tcp.options;
        loop {
            options = match options {
                [1, rest @ ..] => rest,
                [2, 4, high, low, rest @ ..] => {
                    found.mss = Some(u16::from_be_bytes([*high, *low]));
                    rest
                }
                [8, 10, rest @ ..] => {
                    let Some((stamps, rest)) = rest.split_first_chunk::<8>() else { return found };
                    found.time = u64::from_be_bytes(*stamps);
                    rest
                }
                [kind, length, ..] if *kind > 1 && *length > 1 => {
                    options.get(usize::from(*length)..).unwrap_or_default()
                }
                _ => return found,
            };
        }
    }
}

/// The packet that an ICMP error quotes.
pub(super) fn quote<'a>(packet: &Packet<'a>) -> Option<Packet<'a>> {
    match &packet.transport {
        Transport::Icmpv4(icmp) => icmp.quoted(),
        Transport::Icmpv6(icmp) => icmp.quoted(),
        _ => None,
    }
}

/// Under what else than its core a sighting is to be found, for those that are a part of it or of
/// which it is a part.
impl Facts {
    /// By fragments.
    pub(super) fn by_fragments(&self) -> Option<u64> {
        self.datagram
    }

    /// By segments.
    pub(super) fn by_segments(&self) -> Option<u64> {
        self.stream.filter(|stream| stream.length >= LARGE).map(|stream| stream.digest)
    }
}
