//! Tests of labs that run, on the real kernel. Each runs in a process of its own that has one
//! thread: a sandbox starts as a fork of that process.

mod both_ways;
mod facts;
mod harness;
#[path = "../../../cli/tests/it/support/machine.rs"]
mod machine;
mod script;

fn main() -> std::process::ExitCode {
    harness::main(&[
        ("script::random_labs_come_out_alike", script::random_labs_come_out_alike),
        ("script::shipped_labs_come_out_alike", script::shipped_labs_come_out_alike),
        ("script::a_difference_is_found", script::a_difference_is_found),
    ])
}
