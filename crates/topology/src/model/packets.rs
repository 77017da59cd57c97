//! Which packets are expected to be seen while a step is done, and which are not.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;

use super::{Family, Place, Span, Spot};

/// What is expected of the packets that pass the devices of a lab while a step is done. Where
/// nothing is said, nothing is expected of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PacketExpect {
    /// Each of these is seen.
    pub seen: Vec<Seen>,
    /// None of these is seen.
    pub unseen: Vec<Packets>,
    /// Whether the first of each of `seen` comes after the first of each one before it.
    pub in_order: bool,
    /// How long is waited, once the step is done, for those of `seen` that are still missing.
    pub within: Span,
}

impl PacketExpect {
    /// The default of [`within`](Self::within).
    pub const WITHIN: Span = Span(Duration::from_secs(1));
    /// So many entries `seen` can have, and so many `unseen`.
    pub const MOST: usize = 128;

    /// Whether nothing is expected.
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty() && self.unseen.is_empty()
    }
}

impl Default for PacketExpect {
    fn default() -> Self {
        Self { seen: Vec::new(), unseen: Vec::new(), in_order: false, within: Self::WITHIN }
    }
}

/// Packets that are to be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Which, and where.
    pub packets: Packets,
    /// How many of them at each of the places.
    pub count: Count,
    /// Whether each of them answers a packet that was seen at the same place before.
    pub answers: bool,
}

/// Packets at places of a lab. One belongs to them that agrees in all that is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packets {
    /// Where: devices, and nodes, of which all devices are meant together. At least one.
    pub at: Vec<Spot>,
    /// What they are.
    pub kind: PacketKind,
    /// Whose the source address is; of ARP, that of the sender.
    pub from: Option<Whose>,
    /// Whose the destination address is; of ARP, the one that is asked for or answered to.
    pub to: Option<Whose>,
    /// Whose the source address of the Ethernet header is.
    pub from_mac: Option<WhoseMac>,
    /// Whose the destination address of the Ethernet header is.
    pub to_mac: Option<WhoseMac>,
    /// The source port or the destination port, of TCP or UDP.
    pub port: Option<u16>,
    /// The source port.
    pub from_port: Option<u16>,
    /// The destination port.
    pub to_port: Option<u16>,
    /// The TTL (hop limit).
    pub ttl: Option<u8>,
    /// The ID of the outermost VLAN tag (IEEE 802.1Q).
    pub vlan: Option<u16>,
    /// Which way they go through the device.
    pub direction: Option<Way>,
}

impl Packets {
    /// All of a kind at these places.
    pub fn of_kind(kind: PacketKind, at: Vec<Spot>) -> Self {
        Self {
            at,
            kind,
            from: None,
            to: None,
            from_mac: None,
            to_mac: None,
            port: None,
            from_port: None,
            to_port: None,
            ttl: None,
            vlan: None,
            direction: None,
        }
    }

    /// Whether all packets that belong to the other ones belong to these too, the places apart.
    pub fn cover(&self, other: &Self) -> bool {
        fn within<T: PartialEq>(wide: &Option<T>, narrow: &Option<T>) -> bool {
            wide.is_none() || wide == narrow
        }
        self.kind.covers(other.kind)
            && within(&self.from, &other.from)
            && within(&self.to, &other.to)
            && within(&self.from_mac, &other.from_mac)
            && within(&self.to_mac, &other.to_mac)
            && within(&self.port, &other.port)
            && within(&self.from_port, &other.from_port)
            && within(&self.to_port, &other.to_port)
            && within(&self.ttl, &other.ttl)
            && within(&self.vlan, &other.vlan)
            && within(&self.direction, &other.direction)
    }
}

/// Whose an address of a packet is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// It is in this prefix; an address alone is one of full length.
    Net(IpNet),
    /// It is the first address (of the kind's family) that the lab file gives to this node or
    /// interface.
    Spot(Spot),
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Net(net) if net.prefix_len() == net.max_prefix_len() => {
                write!(f, "{}", net.addr())
            }
            Self::Net(net) => write!(f, "{net}"),
            Self::Spot(spot) => write!(f, "{spot}"),
        }
    }
}

/// Whose a MAC address of a frame is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhoseMac {
    /// These six bytes (EUI-48), which may be the address of a group: `ff:ff:ff:ff:ff:ff` is
    /// everybody's.
    Mac([u8; 6]),
    /// The one that this interface has.
    Place(Place),
}

impl fmt::Display for WhoseMac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mac([a, b, c, d, e, g]) => {
                write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
            }
            Self::Place(place) => write!(f, "{place}"),
        }
    }
}

/// Which way a packet goes through a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// It comes in, to whomever it is addressed.
    In,
    /// It goes out.
    Out,
}

impl Way {
    /// As the lab file has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// How many: a range of which both ends count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// At least so many.
    pub least: u32,
    /// At most so many.
    pub most: Option<u32>,
}

impl Count {
    /// At least one.
    pub const SOME: Self = Self { least: 1, most: None };

    /// Exactly so many.
    pub fn exactly(count: u32) -> Self {
        Self { least: count, most: Some(count) }
    }

    /// Whether a number is one of these.
    pub fn has(self, count: u64) -> bool {
        count >= self.least.into() && self.most.is_none_or(|most| count <= most.into())
    }
}

impl From<u32> for Count {
    fn from(count: u32) -> Self {
        Self::exactly(count)
    }
}

impl From<std::ops::RangeInclusive<u32>> for Count {
    fn from(range: std::ops::RangeInclusive<u32>) -> Self {
        Self { least: *range.start(), most: Some(*range.end()) }
    }
}

impl From<std::ops::RangeFrom<u32>> for Count {
    fn from(range: std::ops::RangeFrom<u32>) -> Self {
        Self { least: range.start, most: None }
    }
}

impl fmt::Display for Count {
    /// As the lab file has it: `2`, `1..3`, `2..`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.most {
            Some(most) if most == self.least => write!(f, "{most}"),
            Some(most) => write!(f, "{}..{most}", self.least),
            None => write!(f, "{}..", self.least),
        }
    }
}

/// That a text is no [`Count`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a count is a number, or a range such as `1..3` or `2..`")]
pub struct CountError;

impl FromStr for Count {
    type Err = CountError;

    fn from_str(text: &str) -> Result<Self, CountError> {
        let number = |text: &str| match text.bytes().all(|b| b.is_ascii_digit()) {
            true => text.parse::<u32>().map_err(|_| CountError),
            false => Err(CountError),
        };
        match text.split_once("..") {
            None => number(text).map(Self::exactly),
            Some((least, "")) => Ok(Self { least: number(least)?, most: None }),
            Some(("", most)) => Ok(Self { least: 0, most: Some(number(most)?) }),
            Some((least, most)) => {
                let (least, most) = (number(least)?, number(most)?);
                if least > most { Err(CountError) } else { Ok(Self { least, most: Some(most) }) }
            }
        }
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $phrase:literal in [$($wider:ident),*],)*) => {
        /// What a packet is, in the words of a lab file. Most are the names that RFCs and `tcpdump(8)`
        /// have for it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum PacketKind {
            $($(#[$doc])* $name,)*
        }

        impl PacketKind {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The words for it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $phrase,)*
                }
            }

            /// The kinds to which all packets of this kind belong too, but for [`Any`](Self::Any).
            fn wider(self) -> &'static [Self] {
                match self {
                    $(Self::$name => &[$(Self::$wider),*],)*
                }
            }
        }
    };
}

kinds! {
    /// Whatever it is.
    Any = "any" in [],
    /// ARP (RFC 826) of either kind.
    Arp = "arp" in [],
    /// Who has that address?
    ArpRequest = "arp request" in [Arp],
    /// It is at that MAC address.
    ArpReply = "arp reply" in [Arp],
    /// IPv4 (RFC 791).
    Ip = "ip" in [],
    /// IPv6 (RFC 8200).
    Ip6 = "ip6" in [],
    /// ICMP (RFC 792).
    Icmp = "icmp" in [Ip],
    /// ICMP 8.
    IcmpEchoRequest = "icmp echo request" in [Ip, Icmp],
    /// ICMP 0.
    IcmpEchoReply = "icmp echo reply" in [Ip, Icmp],
    /// ICMP 3, whatever the code.
    IcmpUnreachable = "icmp unreachable" in [Ip, Icmp],
    /// ICMP 3/4: it is too large, and may not be fragmented (RFC 1191).
    IcmpFragmentationNeeded = "icmp fragmentation needed" in [Ip, Icmp, IcmpUnreachable],
    /// ICMP 11.
    IcmpTimeExceeded = "icmp time exceeded" in [Ip, Icmp],
    /// ICMP 5.
    IcmpRedirect = "icmp redirect" in [Ip, Icmp],
    /// ICMPv6 (RFC 4443).
    Icmp6 = "icmp6" in [Ip6],
    /// ICMPv6 128.
    Icmp6EchoRequest = "icmp6 echo request" in [Ip6, Icmp6],
    /// ICMPv6 129.
    Icmp6EchoReply = "icmp6 echo reply" in [Ip6, Icmp6],
    /// ICMPv6 1, whatever the code.
    Icmp6Unreachable = "icmp6 unreachable" in [Ip6, Icmp6],
    /// ICMPv6 2.
    Icmp6PacketTooBig = "icmp6 packet too big" in [Ip6, Icmp6],
    /// ICMPv6 3.
    Icmp6TimeExceeded = "icmp6 time exceeded" in [Ip6, Icmp6],
    /// ICMPv6 133 (RFC 4861).
    Icmp6RouterSolicitation = "icmp6 router solicitation" in [Ip6, Icmp6],
    /// ICMPv6 134 (RFC 4861).
    Icmp6RouterAdvertisement = "icmp6 router advertisement" in [Ip6, Icmp6],
    /// ICMPv6 135 (RFC 4861): who has that address?
    Icmp6NeighborSolicitation = "icmp6 neighbor solicitation" in [Ip6, Icmp6],
    /// ICMPv6 136 (RFC 4861): it is at that MAC address.
    Icmp6NeighborAdvertisement = "icmp6 neighbor advertisement" in [Ip6, Icmp6],
    /// ICMPv6 137 (RFC 4861).
    Icmp6Redirect = "icmp6 redirect" in [Ip6, Icmp6],
    /// TCP (RFC 9293), over IPv4 or IPv6.
    Tcp = "tcp" in [],
    /// TCP with SYN and without ACK: somebody wants to connect.
    TcpSyn = "tcp syn" in [Tcp],
    /// TCP with SYN and ACK: he may.
    TcpSynAck = "tcp syn ack" in [Tcp],
    /// TCP with FIN.
    TcpFin = "tcp fin" in [Tcp],
    /// TCP with RST.
    TcpReset = "tcp reset" in [Tcp],
    /// UDP (RFC 768), over IPv4 or IPv6.
    Udp = "udp" in [],
    /// DNS (RFC 1035) over UDP, multicast DNS (RFC 6762) with it: ports 53 and 5353.
    Dns = "dns" in [Udp],
    /// DHCP (RFC 2131): UDP, ports 67 and 68, over IPv4.
    Dhcp = "dhcp" in [Ip, Udp],
    /// VXLAN (RFC 7348): UDP to port 4789.
    Vxlan = "vxlan" in [Udp],
    /// WireGuard: UDP that begins as one of its four messages does.
    Wireguard = "wireguard" in [Udp],
}

impl PacketKind {
    /// The family of its addresses, where it has but one. ARP is about IPv4 addresses.
    pub fn family(self) -> Option<Family> {
        let is = |wide| self == wide || self.wider().contains(&wide);
        if is(Self::Ip) || is(Self::Arp) {
            Some(Family::Ipv4)
        } else if is(Self::Ip6) {
            Some(Family::Ipv6)
        } else {
            None
        }
    }

    /// Whether all packets of the other kind are of this kind too.
    pub fn covers(self, other: Self) -> bool {
        self == Self::Any || self == other || other.wider().contains(&self)
    }

    /// Whether it is, or can be, a packet with ports.
    pub fn has_ports(self) -> bool {
        [Self::Tcp, Self::Udp].into_iter().any(|kind| kind.covers(self) || self.covers(kind))
            || matches!(self, Self::Ip | Self::Ip6)
    }

    /// Whether it can be the answer to another packet.
    pub fn can_answer(self) -> bool {
        use PacketKind as K;
        match self {
            K::ArpReply
            | K::IcmpEchoReply
            | K::IcmpUnreachable
            | K::IcmpFragmentationNeeded
            | K::IcmpTimeExceeded
            | K::IcmpRedirect
            | K::Icmp6EchoReply
            | K::Icmp6Unreachable
            | K::Icmp6PacketTooBig
            | K::Icmp6TimeExceeded
            | K::Icmp6NeighborAdvertisement
            | K::Tcp
            | K::TcpSynAck
            | K::TcpFin
            | K::TcpReset
            | K::Udp
            | K::Dns
            | K::Wireguard => true,
            K::Any
            | K::Arp
            | K::ArpRequest
            | K::Ip
            | K::Ip6
            | K::Icmp
            | K::IcmpEchoRequest
            | K::Icmp6
            | K::Icmp6EchoRequest
            | K::Icmp6RouterSolicitation
            | K::Icmp6RouterAdvertisement
            | K::Icmp6NeighborSolicitation
            | K::Icmp6Redirect
            | K::TcpSyn
            | K::Dhcp
            | K::Vxlan => false,
        }
    }
}

impl fmt::Display for PacketKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// That a text is the name of no [`PacketKind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such kind of packet")]
pub struct NoSuchKind;

impl FromStr for PacketKind {
    type Err = NoSuchKind;

    fn from_str(text: &str) -> Result<Self, NoSuchKind> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text).ok_or(NoSuchKind)
    }
}
