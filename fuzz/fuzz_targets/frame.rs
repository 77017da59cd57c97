//! Any bytes as a frame.

#![no_main]

#[path = "../checks/frame.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::frame(bytes));
