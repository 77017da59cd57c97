//! How a device behaves as a bridge or as a port of one, in the words of `ip -d link` and
//! `bridge -d link`. What only counts or ticks (timers, learned entries) is left out.

use netlink_packet_route::link::{InfoBridge, InfoBridgePort, VlanProtocol};

type Word = (String, String);

fn word(name: &str, value: impl ToString) -> Option<Word> {
    Some((name.to_owned(), value.to_string()))
}

fn switch(name: &str, on: bool) -> Option<Word> {
    word(name, if on { "on" } else { "off" })
}

/// One attribute of a port.
pub(super) fn port(attribute: &InfoBridgePort) -> Option<Word> {
    match attribute {
        InfoBridgePort::State(state) => word("state", state),
        InfoBridgePort::Priority(priority) => word("priority", priority),
        InfoBridgePort::Cost(cost) => word("cost", cost),
        InfoBridgePort::HairpinMode(on) => switch("hairpin", *on),
        InfoBridgePort::Guard(on) => switch("guard", *on),
        InfoBridgePort::Protect(on) => switch("root_block", *on),
        InfoBridgePort::FastLeave(on) => switch("fastleave", *on),
        InfoBridgePort::Learning(on) => switch("learning", *on),
        InfoBridgePort::UnicastFlood(on) => switch("flood", *on),
        InfoBridgePort::MulticastFlood(on) => switch("mcast_flood", *on),
        InfoBridgePort::BroadcastFlood(on) => switch("bcast_flood", *on),
        InfoBridgePort::MulticastToUnicast(on) => switch("mcast_to_unicast", *on),
        InfoBridgePort::MulticastRouter(router) => word("mcast_router", u8::from(*router)),
        InfoBridgePort::ProxyARP(on) => switch("proxy_arp", *on),
        InfoBridgePort::ProxyARPWifi(on) => switch("proxy_arp_wifi", *on),
        InfoBridgePort::NeighSupress(on) => switch("neigh_suppress", *on),
        InfoBridgePort::NeighVlanSuppress(on) => switch("neigh_vlan_suppress", *on),
        InfoBridgePort::VlanTunnel(on) => switch("vlan_tunnel", *on),
        InfoBridgePort::Isolated(on) => switch("isolated", *on),
        InfoBridgePort::Locked(on) => switch("locked", *on),
        InfoBridgePort::Mab(on) => switch("mab", *on),
        InfoBridgePort::GroupFwdMask(mask) => word("group_fwd_mask", mask),
        _ => None,
    }
}

/// One attribute of a bridge. Spans of time are in hundredths of a second, switches `0` and `1`,
/// as `ip -d link` has them.
pub(super) fn bridge(attribute: &InfoBridge) -> Option<Word> {
    let number = |on: bool| u8::from(on);
    match attribute {
        InfoBridge::ForwardDelay(time) => word("forward_delay", time),
        InfoBridge::HelloTime(time) => word("hello_time", time),
        InfoBridge::MaxAge(time) => word("max_age", time),
        InfoBridge::AgeingTime(time) => word("ageing_time", time),
        InfoBridge::StpState(state) => word("stp_state", u32::from(*state)),
        InfoBridge::Priority(priority) => word("priority", priority),
        InfoBridge::VlanFiltering(on) => word("vlan_filtering", number(*on)),
        InfoBridge::VlanProtocol(protocol) => word("vlan_protocol", vlan_protocol(*protocol)),
        InfoBridge::VlanDefaultPvid(vlan) => word("vlan_default_pvid", vlan),
        InfoBridge::GroupFwdMask(mask) => word("group_fwd_mask", mask),
        InfoBridge::RootPort(port) => word("root_port", port),
        InfoBridge::RootPathCost(cost) => word("root_path_cost", cost),
        InfoBridge::MulticastRouter(router) => word("mcast_router", u8::from(*router)),
        InfoBridge::MulticastSnooping(on) => word("mcast_snooping", number(*on)),
        InfoBridge::MulticastQuerier(on) => word("mcast_querier", number(*on)),
        InfoBridge::MulticastQueryUseIfaddr(on) => word("mcast_query_use_ifaddr", number(*on)),
        InfoBridge::MulticastHashMax(most) => word("mcast_hash_max", most),
        InfoBridge::MulticastIgmpVersion(version) => word("mcast_igmp_version", version),
        InfoBridge::MulticastMldVersion(version) => word("mcast_mld_version", version),
        InfoBridge::NfCallIpTables(on) => word("nf_call_iptables", number(*on)),
        InfoBridge::NfCallIp6Tables(on) => word("nf_call_ip6tables", number(*on)),
        InfoBridge::NfCallArpTables(on) => word("nf_call_arptables", number(*on)),
        InfoBridge::FdbMaxLearned(most) => word("fdb_max_learned", most),
        _ => None,
    }
}

fn vlan_protocol(protocol: VlanProtocol) -> String {
    match u16::from(protocol) {
        0x8100 => "802.1Q".to_owned(),
        0x88a8 => "802.1ad".to_owned(),
        other => format!("{other:#06x}"),
    }
}
