//! Kinds of hardware, and what the frames of their devices begin with.

use twinax_packet::LinkType;

/// `LINKTYPE_USER0`: frames of a kind that pcap has no number for, as a packet socket gives them.
const OTHER: u16 = 147;

/// What a packet socket of type `SOCK_RAW` sees of the devices of a kind of hardware (`ARPHRD_…`,
/// `linux/if_arp.h`).
pub(crate) fn link_type(hardware: u16) -> LinkType {
    LinkType::of_hardware(hardware).unwrap_or(LinkType::Other(OTHER))
}
