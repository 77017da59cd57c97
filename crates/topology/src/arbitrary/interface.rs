//! Interfaces and bridges: their addresses, MTUs, sysctls and port attributes.

use proptest::collection::vec;
use proptest::option::{of, weighted};
use proptest::prelude::*;

use super::pick;
use crate::model::{
    Bridge, Interface, InterfaceSysctl, PortAttributes, Span, Sysctl, SysctlFamily,
};

#[derive(Debug, Clone)]
pub(super) struct InterfaceRecipe {
    pub(super) mac: bool,
    pub(super) mtu: Option<u16>,
    pub(super) addresses: Vec<AddressRecipe>,
    pub(super) up: bool,
    pub(super) port: PortAttributes,
    pub(super) sysctls: Vec<(u8, u8)>,
}

#[derive(Debug, Clone)]
pub(super) struct AddressRecipe {
    pub(super) v6: bool,
    /// Which subnet of the segment.
    pub(super) subnet: u8,
    /// Whether the prefix is the address alone.
    pub(super) alone: bool,
}

pub(super) fn recipe() -> impl Strategy<Value = InterfaceRecipe> {
    let address = (any::<bool>(), 0u8..3, prop::bool::weighted(0.1))
        .prop_map(|(v6, subnet, alone)| AddressRecipe { v6, subnet, alone });
    let mtu = prop::sample::select(vec![1280, 1400, 1500, 9000, 65535, 576, 68]);
    (
        prop::bool::weighted(0.3),
        weighted(0.3, mtu),
        vec(address, 0..=4),
        prop::bool::weighted(0.85),
        port(),
        vec((any::<u8>(), any::<u8>()), 0..=2),
    )
        .prop_map(|(mac, mtu, addresses, up, port, sysctls)| InterfaceRecipe {
            mac,
            mtu,
            addresses,
            up,
            port,
            sysctls,
        })
}

fn port() -> impl Strategy<Value = PortAttributes> {
    let switch = || weighted(0.1, any::<bool>());
    (
        (switch(), switch(), switch(), switch(), switch()),
        (switch(), switch(), switch(), switch()),
        weighted(0.1, 1u16..),
        weighted(0.1, 0u8..=63),
    )
        .prop_map(
            |(
                (isolated, hairpin, learning, flood, mcast_flood),
                (bcast_flood, guard, root_block, neigh_suppress),
                cost,
                priority,
            )| PortAttributes {
                isolated,
                hairpin,
                learning,
                flood,
                mcast_flood,
                bcast_flood,
                guard,
                root_block,
                neigh_suppress,
                cost,
                priority,
            },
        )
}

#[derive(Debug, Clone)]
pub(super) struct BridgeRecipe {
    pub(super) name: u8,
    pub(super) interface: InterfaceRecipe,
    stp: bool,
    ageing: Option<u16>,
    forward_delay: Option<u8>,
    priority: Option<u16>,
    multicast_snooping: Option<bool>,
}

pub(super) fn bridge_recipe() -> impl Strategy<Value = BridgeRecipe> {
    (
        any::<u8>(),
        recipe(),
        prop::bool::weighted(0.2),
        of(10u16..=600),
        of(2u8..=30),
        of(any::<u16>()),
        of(any::<bool>()),
    )
        .prop_map(
            |(name, interface, stp, ageing, forward_delay, priority, multicast_snooping)| {
                BridgeRecipe {
                    name,
                    interface,
                    stp,
                    ageing,
                    forward_delay,
                    priority,
                    multicast_snooping,
                }
            },
        )
}

impl BridgeRecipe {
    pub(super) fn fill(&self, bridge: &mut Bridge) {
        let seconds = |n: u64| Span(std::time::Duration::from_secs(n));
        bridge.stp = self.stp;
        bridge.ageing = self.ageing.map(|n| seconds(n.into()));
        bridge.forward_delay = self.forward_delay.map(|n| seconds(n.into()));
        bridge.priority = self.priority;
        bridge.multicast_snooping = self.multicast_snooping;
    }
}

/// The least MTU with which an interface has IPv6 at all (RFC 8200, 5).
const IPV6_MIN_MTU: u32 = 1280;

impl InterfaceRecipe {
    /// Everything but what depends on other interfaces: addresses, MAC and master.
    pub(super) fn fill(&self, interface: &mut Interface, may_lack_ipv6: bool) {
        let mtu = self.mtu.map(u32::from);
        interface.mtu = mtu.filter(|&mtu| may_lack_ipv6 || mtu >= IPV6_MIN_MTU);
        interface.up = self.up;
        for &(which, value) in &self.sysctls {
            let Some(&(family, knob, least, most)) = pick(&INTERFACE_SYSCTLS, which) else {
                continue;
            };
            let is_ipv6 = matches!(family, SysctlFamily::Ipv6Conf | SysctlFamily::Ipv6Neigh);
            let there = interface.sysctls.iter().any(|s| s.family == family && s.knob == knob);
            if there || (is_ipv6 && !has_ipv6(interface)) {
                continue;
            }
            let value = in_range(value, least, most).to_string();
            interface.sysctls.push(InterfaceSysctl { family, knob: knob.to_owned(), value });
        }
    }
}

pub(super) fn has_ipv6(interface: &Interface) -> bool {
    interface.mtu.is_none_or(|mtu| mtu >= IPV6_MIN_MTU)
}

fn in_range(value: u8, least: u8, most: u8) -> u8 {
    least + (u16::from(value) % (u16::from(most - least) + 1)) as u8
}

/// Sysctls of an interface with the range of their values.
const INTERFACE_SYSCTLS: [(SysctlFamily, &str, u8, u8); 14] = [
    (SysctlFamily::Ipv4Conf, "rp_filter", 0, 2),
    (SysctlFamily::Ipv4Conf, "accept_local", 0, 1),
    (SysctlFamily::Ipv4Conf, "arp_ignore", 0, 2),
    (SysctlFamily::Ipv4Conf, "arp_announce", 0, 2),
    (SysctlFamily::Ipv4Conf, "proxy_arp", 0, 1),
    (SysctlFamily::Ipv4Conf, "forwarding", 0, 1),
    (SysctlFamily::Ipv4Conf, "send_redirects", 0, 1),
    (SysctlFamily::Ipv4Conf, "route_localnet", 0, 1),
    (SysctlFamily::Ipv6Conf, "accept_ra", 0, 2),
    (SysctlFamily::Ipv6Conf, "hop_limit", 1, 255),
    (SysctlFamily::Ipv6Conf, "dad_transmits", 0, 3),
    (SysctlFamily::Ipv6Conf, "proxy_ndp", 0, 1),
    (SysctlFamily::Ipv4Neigh, "ucast_solicit", 1, 5),
    (SysctlFamily::Ipv6Neigh, "app_solicit", 0, 3),
];

/// Sysctls of a node, the same way.
const NODE_SYSCTLS: [(&str, u8, u8); 12] = [
    ("net.ipv4.ip_forward", 0, 1),
    ("net.ipv4.conf.all.rp_filter", 0, 2),
    ("net.ipv4.conf.default.rp_filter", 0, 2),
    ("net.ipv4.conf.all.accept_redirects", 0, 1),
    ("net.ipv4.icmp_echo_ignore_all", 0, 1),
    ("net.ipv4.ip_default_ttl", 1, 255),
    ("net.ipv4.ip_no_pmtu_disc", 0, 2),
    ("net.ipv4.ip_nonlocal_bind", 0, 1),
    ("net.ipv4.tcp_ecn", 0, 2),
    ("net.ipv6.conf.all.forwarding", 0, 1),
    ("net.ipv6.conf.default.hop_limit", 1, 255),
    ("net.ipv6.conf.default.accept_ra", 0, 2),
];

pub(super) fn node_sysctl(which: u8, value: u8) -> Sysctl {
    let (key, value) = match pick(&NODE_SYSCTLS, which) {
        // A value of more than one word.
        _ if which == u8::MAX => {
            ("net.ipv4.ip_local_port_range", format!("{} 60999", 1024 + u16::from(value)))
        }
        Some(&(key, least, most)) => (key, in_range(value, least, most).to_string()),
        None => ("net.ipv4.ip_forward", "1".to_owned()),
    };
    Sysctl { key: key.parse().expect("the list has names of sysctls"), value }
}
