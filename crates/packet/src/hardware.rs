//! Kinds of hardware of a device (`ARPHRD_…`, `linux/if_arp.h`), as far as they say what its frames
//! begin with.

use crate::LinkType;

/// An Ethernet: veth, TAP, bridge, VLAN, VXLAN, macvlan, dummy.
pub const ETHERNET: u16 = 1;
/// `lo`, whose frames have an Ethernet header.
pub const LOOPBACK: u16 = 772;

/// Devices whose frames begin with an IPv4 or IPv6 header: the kernel has nothing in front of it, or
/// does not show it (`dev_has_header`, net/packet/af_packet.c). Those that libpcap takes for such
/// (`map_arphrd_to_dlt`, pcap-linux.c), and the tunnels that are like them.
pub const RAW: [u16; 8] = [NONE, RAW_IP, PPP, TUNNEL, TUNNEL6, SIT, IP_GRE, IP6_GRE];

/// TUN, WireGuard, xfrm.
const NONE: u16 = 0xfffe;
const RAW_IP: u16 = 519;
const PPP: u16 = 512;
/// ipip, vti.
const TUNNEL: u16 = 768;
/// ip6tnl, vti6.
const TUNNEL6: u16 = 769;
const SIT: u16 = 776;
const IP_GRE: u16 = 778;
const IP6_GRE: u16 = 823;

impl LinkType {
    /// What the frames of a device of this kind of hardware begin with, as a packet socket of type
    /// `SOCK_RAW` gives them. `None`: neither with an Ethernet nor with an IP header.
    pub fn of_hardware(hardware: u16) -> Option<Self> {
        match hardware {
            ETHERNET | LOOPBACK => Some(Self::Ethernet),
            hardware if RAW.contains(&hardware) => Some(Self::Raw),
            _ => None,
        }
    }
}
