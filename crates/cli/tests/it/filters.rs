//! Filters of captures, with libpcap and without.

use crate::support::program::{Output, Program};
use crate::support::{Test, Who};

/// A file with one frame: UDP from 10.0.0.1:1000 to 10.0.0.2:53, in VLAN 5.
fn capture(test: &Test) -> std::path::PathBuf {
    // Little-endian, microseconds, version 2.4, Ethernet.
    let file = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65535, 1].map(u32::to_le_bytes);
    let frame = [
        &[0xff; 6][..],
        &[2, 0, 0, 0, 0, 1, 0x81, 0, 0, 5, 8, 0],
        &[0x45, 0, 0, 33, 0, 0, 0, 0, 64, 17, 0x66, 0xca, 10, 0, 0, 1, 10, 0, 0, 2],
        &[3, 232, 0, 53, 0, 13, 0, 0],
        b"hello",
    ]
    .concat();
    let length = frame.len() as u32;
    let header = [0, 0, length, length].map(u32::to_le_bytes);
    test.file("one.pcap", [file.as_flattened(), header.as_flattened(), &frame].concat())
}

fn replay<'t>(test: &'t Test, filter: &str) -> Program<'t> {
    let file = capture(test);
    test.twinax(Who::here()).args(["capture", "--filter", filter, "-r"]).arg(file)
}

/// As on a machine without libpcap: what is found first under its names is none.
fn without_libpcap(test: &Test, filter: &str) -> Output {
    let files = ["libpcap.so.1", "libpcap.so.0.8", "libpcap.so"].map(|name| test.file(name, ""));
    let folder = files[0].parent().and_then(|folder| folder.to_str()).expect("a folder of ours");
    let output = replay(test, filter).env("LD_LIBRARY_PATH", folder).done();
    let doctor = test.twinax(Who::here()).arg("doctor").env("LD_LIBRARY_PATH", folder).done();
    doctor.says("hint: libpcap: ");
    output
}

#[test]
fn a_few_words_without_libpcap() {
    let test = Test::new("a_few_words_without_libpcap");
    let wanted = without_libpcap(&test, "udp port (80 or 53) and not host 10.0.0.3").exits(0);
    assert!(wanted.stdout.contains("10.0.0.1.1000 > 10.0.0.2.53"), "{}", wanted.stdout);
    let unwanted = without_libpcap(&test, "tcp or src 10.0.0.2").exits(0);
    assert_eq!(unwanted.stdout, "");
}

#[test]
fn what_can_not_be_had_is_no_capture_of_everything() {
    let test = Test::new("what_can_not_be_had_is_no_capture_of_everything");
    let word = without_libpcap(&test, "tcp or ether host 02:00:00:00:00:01").exits(3);
    let word = word.complains("column 8: `ether` is none of the words that twinax knows by itself");
    assert_eq!(word.complains("hint: libpcap knows all of tcpdump's words").stdout, "");
    let end = without_libpcap(&test, "udp and (port 53").exits(2);
    assert_eq!(end.complains("column 9: this bracket is not closed").stdout, "");
}

#[test]
fn all_words_with_libpcap() {
    let test = Test::new("all_words_with_libpcap");
    if twinax_kernel::libpcap::version().is_none() {
        return test.skip("there is no libpcap");
    }
    for (filter, lines) in [
        ("udp", 1),
        ("vlan 5 and udp dst port domain", 1),
        ("vlan 6", 0),
        ("udp[8:4] = 0x68656c6c", 1),
        ("ether src 02:00:00:00:00:01 and greater 40", 1),
        ("not ip", 0),
    ] {
        let output = replay(&test, filter).done().exits(0);
        assert_eq!(output.stdout.lines().count(), lines, "{filter}: {}", output.stdout);
    }
    let wrong = replay(&test, "udp port").done().exits(2).complains("syntax error");
    assert_eq!(wrong.stdout, "");
}
