//! Tables of packets that are expected to be seen, or not.

use crate::file::keys::prelude::*;
use crate::file::{Int, List};
use crate::model::{Count, PacketKind, Spot, Way, Whose, WhoseMac};

keys! {
    /// Packets at places of the lab: those that agree in all that is said.
    PacketKeys is "a packet" {
        /// Where: devices, and nodes, of which all devices are meant together.
        at: List<Spot> = must,
        /// What it is.
        packet: PacketKind = must,
        /// The source address; of ARP, the sender's.
        from: Whose,
        /// The destination address; of ARP, the one that is asked for or answered to.
        to: Whose,
        /// The source address of the Ethernet header.
        from_mac: WhoseMac,
        /// The destination address of the Ethernet header.
        to_mac: WhoseMac,
        /// The source port or the destination port, of TCP or UDP.
        port: Int<1, 65_535>,
        /// The source port.
        from_port: Int<1, 65_535>,
        /// The destination port.
        to_port: Int<1, 65_535>,
        /// The TTL (hop limit).
        ttl: Int<0, 255>,
        /// The ID of the outermost VLAN tag.
        vlan: Int<0, 4_094>,
        /// Which way it goes through the device; either unless said.
        direction: Way,
    }

    /// Packets that are to be seen.
    SeenKeys is "a packet to be seen" with packet: PacketKeys {
        /// How many, at each of the places; at least one unless said.
        count: Count,
        /// Whether each answers a packet that was seen at the same place before.
        answers: bool,
    }

    /// Packets that are not to be seen.
    UnseenKeys is "a packet not to be seen" with packet: PacketKeys {}
}
