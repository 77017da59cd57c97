//! Tests of labs that run, on the real kernel. Each runs in a process of its own that has one
//! thread: a sandbox starts as a fork of that process.

mod becomes;
mod both_ways;
mod by_hand;
mod capture;
mod copy;
mod facts;
mod harness;
#[path = "../../../plan/tests/it/labs.rs"]
#[expect(dead_code, reason = "not all of it is needed here")]
mod labs;
#[path = "../../../cli/tests/it/support/machine.rs"]
mod machine;
#[path = "../../../plan/tests/it/mutate.rs"]
mod mutate;
mod random;
mod save;
mod script;
mod seen;
mod services;
mod shipped;
mod untouched;
mod wire;
mod wires;
#[path = "../../../plan/tests/it/world/mod.rs"]
#[expect(dead_code, reason = "not all of it is needed here")]
mod world;

fn main() -> std::process::ExitCode {
    harness::main(&[
        ("becomes::any_lab_becomes_any_other", becomes::any_lab_becomes_any_other),
        (
            "becomes::an_edited_lab_becomes_what_it_says",
            becomes::an_edited_lab_becomes_what_it_says,
        ),
        ("becomes::what_was_done_by_hand_is_undone", becomes::what_was_done_by_hand_is_undone),
        ("becomes::what_was_broken_off_is_completed", becomes::what_was_broken_off_is_completed),
        (
            "capture::each_frame_is_seen_at_each_device_of_its_way",
            capture::each_frame_is_seen_at_each_device_of_its_way,
        ),
        ("capture::a_stream_is_in_the_order_of_time", capture::a_stream_is_in_the_order_of_time),
        ("capture::a_ring_that_fills_is_relieved", capture::a_ring_that_fills_is_relieved),
        (
            "capture::what_is_certain_to_be_in_its_order_waits_for_nothing",
            capture::what_is_certain_to_be_in_its_order_waits_for_nothing,
        ),
        ("capture::devices_and_nodes_are_followed", capture::devices_and_nodes_are_followed),
        (
            "copy::a_copy_of_a_lab_pings_as_the_lab_does",
            copy::a_copy_of_a_lab_pings_as_the_lab_does,
        ),
        ("copy::shipped_labs_are_copied_as_they_are", copy::shipped_labs_are_copied_as_they_are),
        ("copy::what_no_lab_file_can_say_is_copied", copy::what_no_lab_file_can_say_is_copied),
        ("copy::what_is_killed_leaves_nothing", copy::what_is_killed_leaves_nothing),
        ("save::shipped_labs_are_saved_as_they_are", save::shipped_labs_are_saved_as_they_are),
        ("save::shipped_labs_of_a_script_are_saved", save::shipped_labs_of_a_script_are_saved),
        ("save::random_labs_are_saved", save::random_labs_are_saved),
        ("save::random_labs_of_a_script_are_saved", save::random_labs_of_a_script_are_saved),
        (
            "seen::each_expectation_of_a_shipped_lab_can_fail",
            seen::each_expectation_of_a_shipped_lab_can_fail,
        ),
        (
            "seen::each_number_of_a_shipped_lab_can_fail",
            seen::each_number_of_a_shipped_lab_can_fail,
        ),
        ("seen::each_order_of_a_shipped_lab_can_fail", seen::each_order_of_a_shipped_lab_can_fail),
        ("services::they_come_change_and_go", services::they_come_change_and_go),
        (
            "services::what_nobody_wants_any_more_is_wanted_again",
            services::what_nobody_wants_any_more_is_wanted_again,
        ),
        ("untouched::what_stays_is_not_touched", untouched::what_stays_is_not_touched),
        ("wires::they_come_change_and_go", wires::they_come_change_and_go),
        ("wires::one_that_is_killed_comes_again", wires::one_that_is_killed_comes_again),
        (
            "wires::a_device_that_is_moved_keeps_its_wire",
            wires::a_device_that_is_moved_keeps_its_wire,
        ),
        ("wires::a_device_made_anew_is_held_anew", wires::a_device_made_anew_is_held_anew),
        ("wires::what_cannot_be_held_is_not_wanted", wires::what_cannot_be_held_is_not_wanted),
        ("wires::beside_ports_that_are_opened", wires::beside_ports_that_are_opened),
        ("wires::a_flood_arrives_whole_and_in_order", wires::a_flood_arrives_whole_and_in_order),
        ("script::random_labs_come_out_alike", script::random_labs_come_out_alike),
        ("script::shipped_labs_come_out_alike", script::shipped_labs_come_out_alike),
        ("script::a_difference_is_found", script::a_difference_is_found),
    ])
}
