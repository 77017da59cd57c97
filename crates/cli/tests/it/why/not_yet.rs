//! What `why` is not held to yet: the fault is brought about, shown to stop the packet, and mended by
//! hand, and that is all. A line that goes is a proof that comes.

/// File, fault and family.
pub const NOT_YET: &[&str] = &[
    "bridges::tap_at_the_far_end_is_down::v4",
    "documented::too_big_to_be_passed_on::v6",
    "routes::blackhole_by_a_mark::v4",
    "routes::blackhole_by_a_mark::v6",
    "routes::thrown_out_of_the_table::v4",
    "routes::thrown_out_of_the_table::v6",
    "sizes::a_queue_without_room::v4",
    "sizes::a_queue_without_room::v6",
    "sizes::fragments_are_dropped::v4",
    "sizes::fragments_are_dropped_by_their_header::v6",
    "sizes::fragments_are_not_put_together::v4",
    "sizes::too_big_for_a_port_on_the_way_back::v4",
    "sizes::too_big_for_a_port_on_the_way_back::v6",
    "sizes::too_big_for_the_other_end::v4",
    "sizes::too_big_for_the_other_end::v6",
    "sizes::too_big_in_the_middle::v6",
    "sockets::bound_to_another_device::v4",
];
