//! What IP carries.

use super::{Icmpv4, Icmpv6, Network, Packet, Tcp, Udp};

/// Protocols that IP carries (`IPPROTO_…` of `<linux/in.h>` and `<linux/in6.h>`).
pub mod protocol {
    /// Hop-by-hop options of IPv6.
    pub const HOP_BY_HOP: u8 = 0;
    /// ICMP.
    pub const ICMP: u8 = 1;
    /// IGMP.
    pub const IGMP: u8 = 2;
    /// IPv4 in IP.
    pub const IPV4: u8 = 4;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// IPv6 in IP.
    pub const IPV6: u8 = 41;
    /// A routing header of IPv6.
    pub const ROUTING: u8 = 43;
    /// A fragment header of IPv6.
    pub const FRAGMENT: u8 = 44;
    /// ESP.
    pub const ESP: u8 = 50;
    /// ICMPv6.
    pub const ICMPV6: u8 = 58;
    /// Nothing follows.
    pub const NONE: u8 = 59;
    /// Destination options of IPv6.
    pub const DESTINATION_OPTIONS: u8 = 60;
}

/// What IP carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport<'a> {
    /// There is no IP, or it is broken.
    None,
    /// ICMP.
    Icmpv4(Icmpv4<'a>),
    /// ICMPv6.
    Icmpv6(Icmpv6<'a>),
    /// TCP.
    Tcp(Tcp<'a>),
    /// UDP.
    Udp(Udp),
    /// A fragment that is not the first: a part of somebody's payload.
    Fragment,
    /// Another [`protocol`]; or one of the above, whose header is not whole or broken, as
    /// [`Packet::flaw`] then says. All of it is the payload.
    Other(u8),
}

impl<'a> Packet<'a> {
    pub(super) fn read_transport(&mut self, protocol: u8) {
        self.transport = Transport::Other(protocol);
        match (protocol, &self.network) {
            (protocol::ICMP, Network::Ipv4(_)) => self.read_icmp(),
            (protocol::ICMPV6, Network::Ipv6(_)) => self.read_icmp6(),
            (protocol::TCP, _) => self.read_tcp(),
            (protocol::UDP, _) => self.read_udp(),
            _ => {}
        }
    }
}
