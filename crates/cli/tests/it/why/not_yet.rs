//! What `why` is not held to yet: the fault is brought about, shown to stop the packet, and mended by
//! hand, and that is all. A line that goes is a proof that comes.

/// File, fault and family.
pub const NOT_YET: &[&str] = &[
    "forwarding::a_loopback_address_as_source::v4",
    "forwarding::translated_to_loopback::v4",
    "nat::the_answer_goes_around_the_gate::v4",
    "nat::the_answer_goes_around_the_gate::v6",
    "nat::translated_to_a_source_that_nobody_knows::v4",
    "nat::translated_to_a_source_that_nobody_knows::v6",
    "nat::translated_to_an_address_that_nobody_has::v4",
    "nat::translated_to_an_address_that_nobody_has::v6",
    "tunnels::the_ends_have_different_networks::v4",
    "tunnels::the_ends_have_different_networks::v6",
    "tunnels::the_other_end_is_down::v4",
    "tunnels::the_tunnel_leads_elsewhere::v4",
    "tunnels::the_tunnel_leads_elsewhere::v6",
    "tunnels::the_underlay_does_not_forward::v4",
    "tunnels::the_underlay_does_not_forward::v6",
    "tunnels::the_underlay_drops_vxlan::v4",
    "tunnels::the_underlay_drops_vxlan::v6",
    "tunnels::the_underlay_has_no_route::v4",
    "tunnels::the_underlay_has_no_route::v6",
];
