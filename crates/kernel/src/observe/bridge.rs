//! How a device behaves as a bridge or as a port of one, in the words of `ip -d link` and
//! `bridge -d link`. What only counts or ticks (timers, learned entries) is left out.

use std::collections::BTreeMap;

use crate::attributes::Value;

/// How an attribute is written.
#[derive(Clone, Copy)]
enum Form {
    /// A number of this many bytes.
    Number(usize),
    /// An octet that is `on` or `off`.
    Switch,
    /// The state of a port.
    State,
    /// The Ethernet type of a VLAN tag, big-endian.
    Protocol,
}

use Form::{Number, Protocol, State, Switch};

/// `IFLA_BRPORT_…`, `linux/if_link.h`.
const PORT: &[(u16, &str, Form)] = &[
    (1, "state", State),
    (2, "priority", Number(2)),
    (3, "cost", Number(4)),
    (4, "hairpin", Switch),
    (5, "guard", Switch),
    (6, "root_block", Switch),
    (7, "fastleave", Switch),
    (8, "learning", Switch),
    (9, "flood", Switch),
    (10, "proxy_arp", Switch),
    (12, "proxy_arp_wifi", Switch),
    (25, "mcast_router", Number(1)),
    (27, "mcast_flood", Switch),
    (28, "mcast_to_unicast", Switch),
    (29, "vlan_tunnel", Switch),
    (30, "bcast_flood", Switch),
    (31, "group_fwd_mask", Number(2)),
    (32, "neigh_suppress", Switch),
    (33, "isolated", Switch),
    (39, "locked", Switch),
    (40, "mab", Switch),
    (43, "neigh_vlan_suppress", Switch),
];

/// `IFLA_BR_…`, `linux/if_link.h`. Spans of time are in hundredths of a second, switches `0` and
/// `1`, as `ip -d link` has them.
const BRIDGE: &[(u16, &str, Form)] = &[
    (1, "forward_delay", Number(4)),
    (2, "hello_time", Number(4)),
    (3, "max_age", Number(4)),
    (4, "ageing_time", Number(4)),
    (5, "stp_state", Number(4)),
    (6, "priority", Number(2)),
    (7, "vlan_filtering", Number(1)),
    (8, "vlan_protocol", Protocol),
    (9, "group_fwd_mask", Number(2)),
    (12, "root_port", Number(2)),
    (13, "root_path_cost", Number(4)),
    (22, "mcast_router", Number(1)),
    (23, "mcast_snooping", Number(1)),
    (24, "mcast_query_use_ifaddr", Number(1)),
    (25, "mcast_querier", Number(1)),
    (27, "mcast_hash_max", Number(4)),
    (36, "nf_call_iptables", Number(1)),
    (37, "nf_call_ip6tables", Number(1)),
    (38, "nf_call_arptables", Number(1)),
    (39, "vlan_default_pvid", Number(2)),
    (43, "mcast_igmp_version", Number(1)),
    (44, "mcast_mld_version", Number(1)),
    (49, "fdb_max_learned", Number(4)),
];

/// How a device behaves as a port.
pub(super) fn port(attributes: Value<'_>) -> BTreeMap<String, String> {
    words(PORT, attributes)
}

/// How a device behaves as a bridge.
pub(super) fn bridge(attributes: Value<'_>) -> BTreeMap<String, String> {
    words(BRIDGE, attributes)
}

fn words(table: &[(u16, &str, Form)], attributes: Value<'_>) -> BTreeMap<String, String> {
    let word = |(kind, value)| {
        let place = table.binary_search_by_key(&kind, |(kind, ..)| *kind).ok()?;
        let (_, name, form) = table[place];
        Some((name.to_owned(), written(form, value)?))
    };
    attributes.nested().filter_map(word).collect()
}

fn written(form: Form, value: Value<'_>) -> Option<String> {
    Some(match form {
        Number(1) => value.u8()?.to_string(),
        Number(2) => value.u16()?.to_string(),
        Number(_) => value.u32()?.to_string(),
        Switch => if value.u8()? == 0 { "off" } else { "on" }.to_owned(),
        State => match value.u8()? {
            0 => "disabled".to_owned(),
            1 => "listening".to_owned(),
            2 => "learning".to_owned(),
            3 => "forwarding".to_owned(),
            4 => "blocking".to_owned(),
            other => other.to_string(),
        },
        Protocol => match u16::from_be_bytes(*value.0.first_chunk()?) {
            0x8100 => "802.1Q".to_owned(),
            0x88a8 => "802.1ad".to_owned(),
            other => format!("{other:#06x}"),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_can_be_searched() {
        for table in [PORT, BRIDGE] {
            assert!(table.is_sorted_by(|(a, ..), (b, ..)| a < b));
        }
    }
}
