//! A frame as it was seen at a device, and the device.

use std::fmt;

/// When a frame was seen: nanoseconds since 1970-01-01 00:00:00 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub u64);

impl Time {
    /// How long after another; zero where it was before it.
    pub fn since(self, other: Self) -> std::time::Duration {
        std::time::Duration::from_nanos(self.0.saturating_sub(other.0))
    }
}

/// A MAC address (EUI-48).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Mac(pub [u8; 6]);

impl Mac {
    /// `ff:ff:ff:ff:ff:ff`.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// Whether it is that of a group (IEEE 802, the I/G bit); the broadcast address is one.
    pub fn is_group(self) -> bool {
        self.0[0] & 1 != 0
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What the frames of a device begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LinkType {
    /// An Ethernet header (`LINKTYPE_ETHERNET`, 1): veth, TAP, bridge, `lo`.
    Ethernet,
    /// An IPv4 or IPv6 header (`LINKTYPE_RAW`, 101): TUN, WireGuard.
    Raw,
    /// Something else, by its number in the list of pcap's link types
    /// (<https://www.tcpdump.org/linktypes.html>).
    Other(u16),
}

impl LinkType {
    /// Its number in the list of pcap's link types, which pcapng uses too.
    pub fn number(self) -> u16 {
        match self {
            Self::Ethernet => 1,
            Self::Raw => 101,
            Self::Other(number) => number,
        }
    }

    /// The one of this number.
    pub fn of_number(number: u16) -> Self {
        match number {
            1 => Self::Ethernet,
            101 => Self::Raw,
            number => Self::Other(number),
        }
    }
}

/// Which way a frame went through the device at which it was seen (`sll_pkttype`, `packet(7)`); shown
/// as tcpdump shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// It came in, addressed to this device (`PACKET_HOST`): `In`.
    In,
    /// It came in, addressed to everybody (`PACKET_BROADCAST`): `B`.
    Broadcast,
    /// It came in, addressed to a group (`PACKET_MULTICAST`): `M`.
    Multicast,
    /// It came in, addressed to somebody else (`PACKET_OTHERHOST`): `P`.
    OtherHost,
    /// It went out (`PACKET_OUTGOING`): `Out`.
    Out,
    /// A file that was read does not say: `?`.
    Unknown,
}

impl Direction {
    /// Whether it went out.
    pub fn is_out(self) -> bool {
        self == Self::Out
    }

    /// As tcpdump writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::In => "In",
            Self::Broadcast => "B",
            Self::Multicast => "M",
            Self::OtherHost => "P",
            Self::Out => "Out",
            Self::Unknown => "?",
        }
    }
}

/// A device at which frames are seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its node; empty where a file that was read names only a device.
    pub node: String,
    /// Its name there.
    pub device: String,
    /// What its frames begin with.
    pub link_type: LinkType,
    /// Its hardware address, where it has one.
    pub mac: Option<Mac>,
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.node.is_empty() {
            return f.write_str(&self.device);
        }
        write!(f, "{}:{}", self.node, self.device)
    }
}

/// Which [`Interface`] of a capture: its place in the list, which only grows. A device that is renamed,
/// or goes into another node, is a new one from then on.
pub type InterfaceId = u32;

/// A frame as it was seen at a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// When.
    pub time: Time,
    /// Where.
    pub interface: InterfaceId,
    /// Which way it went.
    pub direction: Direction,
    /// How long it was on the wire, in bytes.
    pub length: u32,
    /// Its bytes, from the header of the device's [`LinkType`] on; fewer than [`length`](Self::length)
    /// where it was cut off.
    pub bytes: &'a [u8],
}
