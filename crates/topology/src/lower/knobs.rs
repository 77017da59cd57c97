//! The sysctls of interfaces that are known, so that a slip of the pen is found before the kernel
//! finds it. A name that is *not* like a known one passes: other kernels have others.

use crate::model::SysctlFamily;

/// Under `net/ipv4/conf/IF` (`Documentation/networking/ip-sysctl.rst`).
const IPV4_CONF: &[&str] = &[
    "accept_local",
    "accept_redirects",
    "accept_source_route",
    "arp_accept",
    "arp_announce",
    "arp_evict_nocarrier",
    "arp_filter",
    "arp_ignore",
    "arp_notify",
    "bc_forwarding",
    "bootp_relay",
    "disable_policy",
    "disable_xfrm",
    "drop_gratuitous_arp",
    "drop_unicast_in_l2_multicast",
    "force_igmp_version",
    "forwarding",
    "igmpv2_unsolicited_report_interval",
    "igmpv3_unsolicited_report_interval",
    "ignore_routes_with_linkdown",
    "log_martians",
    "mc_forwarding",
    "medium_id",
    "promote_secondaries",
    "proxy_arp",
    "proxy_arp_pvlan",
    "route_localnet",
    "rp_filter",
    "secure_redirects",
    "send_redirects",
    "shared_media",
    "src_valid_mark",
    "tag",
];

/// Under `net/ipv6/conf/IF`.
const IPV6_CONF: &[&str] = &[
    "accept_dad",
    "accept_ra",
    "accept_ra_defrtr",
    "accept_ra_from_local",
    "accept_ra_min_hop_limit",
    "accept_ra_min_lft",
    "accept_ra_mtu",
    "accept_ra_pinfo",
    "accept_ra_rt_info_max_plen",
    "accept_ra_rt_info_min_plen",
    "accept_ra_rtr_pref",
    "accept_redirects",
    "accept_source_route",
    "accept_untracked_na",
    "addr_gen_mode",
    "autoconf",
    "dad_transmits",
    "disable_ipv6",
    "disable_policy",
    "drop_unicast_in_l2_multicast",
    "drop_unsolicited_na",
    "enhanced_dad",
    "force_forwarding",
    "force_mld_version",
    "force_tllao",
    "forwarding",
    "hop_limit",
    "ignore_routes_with_linkdown",
    "ioam6_enabled",
    "ioam6_id",
    "ioam6_id_wide",
    "keep_addr_on_down",
    "max_addresses",
    "max_desync_factor",
    "mc_forwarding",
    "mldv1_unsolicited_report_interval",
    "mldv2_unsolicited_report_interval",
    "mtu",
    "ndisc_evict_nocarrier",
    "ndisc_notify",
    "ndisc_tclass",
    "optimistic_dad",
    "proxy_ndp",
    "ra_defrtr_metric",
    "ra_honor_pio_life",
    "ra_honor_pio_pflag",
    "regen_max_retry",
    "regen_min_advance",
    "router_probe_interval",
    "router_solicitation_delay",
    "router_solicitation_interval",
    "router_solicitation_max_interval",
    "router_solicitations",
    "rpl_seg_enabled",
    "seg6_enabled",
    "seg6_require_hmac",
    "stable_secret",
    "suppress_frag_ndisc",
    "temp_prefered_lft",
    "temp_valid_lft",
    "use_oif_addrs_only",
    "use_optimistic",
    "use_tempaddr",
];

/// Under `net/ipv4/neigh/IF` and `net/ipv6/neigh/IF`.
const NEIGH: &[&str] = &[
    "anycast_delay",
    "app_solicit",
    "base_reachable_time",
    "base_reachable_time_ms",
    "delay_first_probe_time",
    "gc_interval",
    "gc_stale_time",
    "gc_thresh1",
    "gc_thresh2",
    "gc_thresh3",
    "interval_probe_time_ms",
    "locktime",
    "mcast_resolicit",
    "mcast_solicit",
    "proxy_delay",
    "proxy_qlen",
    "retrans_time",
    "retrans_time_ms",
    "ucast_solicit",
    "unres_qlen",
    "unres_qlen_bytes",
];

fn known(family: SysctlFamily) -> &'static [&'static str] {
    match family {
        SysctlFamily::Ipv4Conf => IPV4_CONF,
        SysctlFamily::Ipv6Conf => IPV6_CONF,
        SysctlFamily::Ipv4Neigh | SysctlFamily::Ipv6Neigh => NEIGH,
    }
}

/// Whether this is a sysctl of interfaces for sure.
pub(super) fn is_known(family: SysctlFamily, knob: &str) -> bool {
    known(family).contains(&knob)
}

/// The known name that was probably meant by an unknown one.
pub(super) fn meant(family: SysctlFamily, knob: &str) -> Option<&'static str> {
    if is_known(family, knob) || knob.len() > 64 {
        return None;
    }
    let far = if knob.len() < 8 { 1 } else { 2 };
    let distance = |name: &&'static str| strsim::osa_distance(knob, name);
    known(family).iter().copied().min_by_key(distance).filter(|name| distance(name) <= far)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_strangers_pass() {
        assert_eq!(meant(SysctlFamily::Ipv4Conf, "rp_fliter"), Some("rp_filter"));
        assert_eq!(meant(SysctlFamily::Ipv4Conf, "rp_filter"), None);
        assert_eq!(meant(SysctlFamily::Ipv6Conf, "acept_dad"), Some("accept_dad"));
        assert_eq!(meant(SysctlFamily::Ipv6Neigh, "something_new"), None);
    }
}
