//! What a datagram carries, as far as we read it.

use super::{Dhcp, Dns, Packet, Transport, Vxlan, WireGuard};
/// What a datagram or segment carries, as its ports say and its beginning bears out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Application<'a> {
    /// A question to the DNS, or its answer.
    Dns(Dns<'a>),
    /// A message of BOOTP or DHCP.
    Dhcp(Dhcp<'a>),
    /// An Ethernet frame in VXLAN.
    Vxlan(Vxlan<'a>),
    /// A message of WireGuard.
    WireGuard(WireGuard),
}

/// The ports by which we know what is carried.
pub mod port {
    /// DNS.
    pub const DNS: u16 = 53;
    /// BOOTP and DHCP, the server's.
    pub const BOOTP_SERVER: u16 = 67;
    /// BOOTP and DHCP, the client's.
    pub const BOOTP_CLIENT: u16 = 68;
    /// VXLAN (RFC 7348).
    pub const VXLAN: u16 = 4789;
    /// VXLAN, where Linux isn't told a port (`vxlan` in `ip-link(8)`).
    pub const VXLAN_LINUX: u16 = 8472;
    /// DNS by multicast (RFC 6762).
    pub const MDNS: u16 = 5353;
    /// WireGuard, by custom.
    pub const WIREGUARD: u16 = 51820;
}

impl<'a> Packet<'a> {
    /// What it carries, where we know it by its port and its header is whole.
    pub fn application(&self) -> Option<Application<'a>> {
        match &self.transport {
            Transport::Udp(udp) => {
                let is = |port| udp.source_port == port || udp.destination_port == port;
                if is(port::DNS) || is(port::MDNS) {
                    Dns::read(self.payload).map(Application::Dns)
                } else if is(port::BOOTP_SERVER) || is(port::BOOTP_CLIENT) {
                    Dhcp::read(self.payload).map(Application::Dhcp)
                } else if is(port::VXLAN) || is(port::VXLAN_LINUX) {
                    self.vxlan().map(Application::Vxlan)
                } else if is(port::WIREGUARD) {
                    self.wireguard().map(Application::WireGuard)
                } else {
                    None
                }
            }
            Transport::Tcp(tcp) => {
                let is = |port| tcp.source_port == port || tcp.destination_port == port;
                if is(port::DNS) {
                    Dns::read(self.payload.get(2..)?).map(Application::Dns)
                } else {
                    None
                }
            }
            _ => None,
        }
    }

    /// Its payload as a frame in VXLAN, whatever the ports.
    pub fn vxlan(&self) -> Option<Vxlan<'a>> {
        Vxlan::read(self.payload, self.payload_length)
    }

    /// Its payload as a message of WireGuard, whatever the ports.
    pub fn wireguard(&self) -> Option<WireGuard> {
        WireGuard::read(self.payload, self.payload_length)
    }

    /// The frame in VXLAN, or the packet of IP in IP, that it carries.
    pub fn inner(&self) -> Option<Packet<'a>> {
        use super::protocol::{IPV4, IPV6};
        match self.transport {
            Transport::Udp(_) => match self.application()? {
                Application::Vxlan(vxlan) => Some(vxlan.inner()),
                _ => None,
            },
            Transport::Other(IPV4) => {
                Some(Packet::read(self.payload, self.payload_length, Packet::read_ipv4))
            }
            Transport::Other(IPV6) => {
                Some(Packet::read(self.payload, self.payload_length, Packet::read_ipv6))
            }
            _ => None,
        }
    }
}
