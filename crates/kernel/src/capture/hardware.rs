//! Kinds of hardware, and what the frames of their devices begin with.

use twinax_packet::LinkType;

/// `LINKTYPE_LINUX_SLL`: frames of a kind that has no number of its own among pcap's link types.
const OTHER: u16 = 113;

/// `linux/if_arp.h`, where `libc` lacks them.
mod arphrd {
    pub const RAWIP: u16 = 519;
    pub const IP6GRE: u16 = 823;
}

/// What a packet socket of type `SOCK_RAW` sees of the devices of a kind of hardware (`ARPHRD_…`,
/// `linux/if_arp.h`).
///
/// TUN and WireGuard have no header. Of a tunnel over IP (`ipip`, `sit`, `gre`) it is the packet that goes
/// through it.
pub(crate) fn link_type(hardware: u16) -> LinkType {
    match hardware {
        libc::ARPHRD_ETHER | libc::ARPHRD_LOOPBACK => LinkType::Ethernet,
        libc::ARPHRD_NONE
        | libc::ARPHRD_TUNNEL
        | libc::ARPHRD_TUNNEL6
        | libc::ARPHRD_SIT
        | libc::ARPHRD_IPGRE
        | libc::ARPHRD_PPP
        | arphrd::RAWIP
        | arphrd::IP6GRE => LinkType::Raw,
        _ => LinkType::Other(OTHER),
    }
}
