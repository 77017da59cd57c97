//! Ethernet and its VLAN tags.

use etherparse::{Ethernet2HeaderSlice, SingleVlanHeaderSlice};

use super::{Layer, Network, Packet};
use crate::Mac;

/// EtherTypes (`ETH_P_…` of `<linux/if_ether.h>`).
pub mod ethertype {
    /// Up to this it is no type but the length of an IEEE 802.3 frame.
    pub const LONGEST_802_3: u16 = 1500;
    /// IPv4.
    pub const IPV4: u16 = 0x0800;
    /// ARP.
    pub const ARP: u16 = 0x0806;
    /// RARP.
    pub const RARP: u16 = 0x8035;
    /// A VLAN tag of IEEE 802.1Q.
    pub const VLAN: u16 = 0x8100;
    /// IPv6.
    pub const IPV6: u16 = 0x86dd;
    /// An outer VLAN tag of IEEE 802.1ad ("QinQ").
    pub const QINQ: u16 = 0x88a8;
    /// An outer VLAN tag, before IEEE 802.1ad.
    pub const QINQ_9100: u16 = 0x9100;
    /// Another.
    pub const QINQ_9200: u16 = 0x9200;
}

/// An Ethernet header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ethernet {
    /// From whom.
    pub source: Mac,
    /// To whom.
    pub destination: Mac,
    /// What it carries: the [`ethertype`] behind all VLAN tags.
    pub ethertype: u16,
}

/// A VLAN tag (IEEE 802.1Q).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Vlan {
    /// The [`ethertype`] that announced it: `VLAN`, `QINQ` or one of the old ones.
    pub tpid: u16,
    /// The VLAN.
    pub id: u16,
    /// Its priority (PCP), 0 to 7.
    pub priority: u8,
    /// Whether it may be dropped first (DEI).
    pub dei: bool,
}

/// The VLAN tags of a frame, the outermost first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Vlans {
    kept: [Vlan; Self::KEPT],
    count: u8,
}

impl Vlans {
    /// How many are kept. More are passed over, and only counted: nothing stacks that many.
    pub const KEPT: usize = 4;

    /// Those that are kept.
    pub fn as_slice(&self) -> &[Vlan] {
        &self.kept[..usize::from(self.count).min(Self::KEPT)]
    }

    /// How many there are, those that are not kept with them.
    pub fn count(&self) -> usize {
        usize::from(self.count)
    }

    fn push(&mut self, vlan: Vlan) {
        if let Some(place) = self.kept.get_mut(usize::from(self.count)) {
            *place = vlan;
        }
        self.count = self.count.saturating_add(1);
    }
}

impl<'a> Packet<'a> {
    pub(super) fn read_ethernet(&mut self) {
        let Ok(header) = Ethernet2HeaderSlice::from_slice(self.payload) else {
            return self.end_within(Layer::Ethernet, 14);
        };
        let mut ethertype = header.ether_type().0;
        let (source, destination) = (Mac(header.source()), Mac(header.destination()));
        self.ethernet = Some(Ethernet { source, destination, ethertype });
        self.skip(14);
        while is_vlan(ethertype) {
            let Ok(tag) = SingleVlanHeaderSlice::from_slice(self.payload) else {
                return self.end_within(Layer::Vlan, 4);
            };
            self.vlans.push(Vlan {
                tpid: ethertype,
                id: tag.vlan_identifier().value(),
                priority: tag.priority_code_point().value(),
                dei: tag.drop_eligible_indicator(),
            });
            ethertype = tag.ether_type().0;
            self.ethernet = Some(Ethernet { source, destination, ethertype });
            self.skip(4);
        }
        self.read_network(ethertype);
    }

    fn read_network(&mut self, ethertype: u16) {
        match ethertype {
            ethertype::IPV4 => self.read_ipv4(),
            ethertype::IPV6 => self.read_ipv6(),
            ethertype::ARP | ethertype::RARP => self.read_arp(ethertype),
            other => {
                self.network = Network::Other(other);
                if other <= ethertype::LONGEST_802_3 && u32::from(other) < self.payload_length {
                    self.limit(other.into());
                }
            }
        }
    }
}

fn is_vlan(ethertype: u16) -> bool {
    use ethertype::{QINQ, QINQ_9100, QINQ_9200, VLAN};
    matches!(ethertype, VLAN | QINQ | QINQ_9100 | QINQ_9200)
}
