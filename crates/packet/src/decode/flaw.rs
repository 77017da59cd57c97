//! What is wrong with a frame.

use std::fmt;

/// What is wrong with a frame, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Flaw {
    /// In which header.
    pub layer: Layer,
    /// What.
    pub wrong: Wrong,
}

/// A header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layer {
    /// Ethernet's.
    Ethernet,
    /// A VLAN tag.
    Vlan,
    /// ARP.
    Arp,
    /// IP, of no version that there is.
    Ip,
    /// IPv4's.
    Ipv4,
    /// IPv6's.
    Ipv6,
    /// An extension header of IPv6.
    Extension,
    /// ICMP's.
    Icmpv4,
    /// ICMPv6's.
    Icmpv6,
    /// TCP's.
    Tcp,
    /// UDP's.
    Udp,
}

impl Layer {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ethernet => "Ethernet",
            Self::Vlan => "VLAN tag",
            Self::Arp => "ARP",
            Self::Ip => "IP",
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
            Self::Extension => "IPv6 extension header",
            Self::Icmpv4 => "ICMP",
            Self::Icmpv6 => "ICMPv6",
            Self::Tcp => "TCP",
            Self::Udp => "UDP",
        }
    }
}

/// What is wrong with a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wrong {
    /// Nothing: the capture kept only the beginning of the frame, and that ends within it.
    Cut,
    /// The frame, or the packet in it, ends within it.
    Short,
    /// Its version is not one of IP's, or not that which the frame announced.
    Version(u8),
    /// It says that it is this long itself, in bytes: less than it has to be, or more than there is.
    HeaderLength(u32),
    /// What it says of the length of the packet can't be.
    Length {
        /// What it says, in bytes.
        said: u32,
        /// What there was, in bytes.
        there: u32,
    },
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layer = self.layer.as_str();
        match self.wrong {
            Wrong::Cut => write!(f, "{layer}: not captured to its end"),
            Wrong::Short => write!(f, "{layer}: the frame ends within it"),
            Wrong::Version(version) => write!(f, "{layer}: version {version}"),
            Wrong::HeaderLength(said) => write!(f, "{layer}: a header of {said} bytes"),
            Wrong::Length { said, there } => {
                write!(f, "{layer}: says {said} bytes, there were {there}")
            }
        }
    }
}
