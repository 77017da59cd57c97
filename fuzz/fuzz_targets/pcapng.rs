//! Any bytes as a capture file.

#![no_main]

#[path = "../checks/pcapng.rs"]
mod check;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    check::pcapng(bytes);
    check::pcapng(&check::mended(bytes));
});
