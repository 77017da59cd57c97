//! Any bytes as an expression of a filter, and a frame.

#![no_main]

#[path = "../checks/filter.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::filter(bytes));
