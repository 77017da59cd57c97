//! Any bytes as a lab file.

#![no_main]

#[path = "../checks/lab_file.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check::lab_file(bytes));
