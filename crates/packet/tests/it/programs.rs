//! Programs of others that read and write capture files, and a file of ours for them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;
use twinax_packet::pcapng::{Extras, Section, Statistics, Writer};
use twinax_packet::{Direction, Frame, Interface, LinkType, Mac, Time};

/// When the first frame was seen; each of the others a nanosecond later.
pub const BEGIN: u64 = 1_700_000_000_123_456_789;
/// How many frames there are.
pub const FRAMES: u64 = 12;

/// Runs a program; `None`, and why, where it is not there.
pub fn output(test: &str, program: &str, arguments: &[&str]) -> Option<Output> {
    match Command::new(program).args(arguments).output() {
        Ok(output) => Some(output),
        Err(error) => {
            eprintln!("skipped: {test}: {program} can't be run: {error}");
            None
        }
    }
}

/// What a program has to complain of. What it says to whoever is root, and which file it reads, is no
/// complaint.
pub fn complaints(output: &Output) -> String {
    let no_complaints = ["Running as user", "reading from file"];
    String::from_utf8_lossy(&output.stderr)
        .lines()
        .filter(|line| !no_complaints.iter().any(|beginning| line.starts_with(beginning)))
        .collect::<Vec<_>>()
        .join("\n")
}

/// What a program prints that has nothing to complain of.
pub fn printed(test: &str, program: &str, arguments: &[&str]) -> Option<String> {
    let output = output(test, program, arguments)?;
    let complaints = complaints(&output);
    assert!(output.status.success() && complaints.is_empty(), "{program}: {complaints}");
    Some(String::from_utf8(output.stdout).expect("it prints text"))
}

/// The name of a file, as an argument.
pub fn name(path: &Path) -> &str {
    path.to_str().expect("a plain name")
}

/// An ARP request, with its number as the last byte.
pub fn arp(number: u64) -> Vec<u8> {
    let mut bytes = vec![0xff; 6];
    bytes.extend([2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1]);
    bytes.extend([0, 0, 0, 0, 0, 0, 10, 0, 0, number as u8]);
    bytes
}

/// Each frame with its interface and direction.
pub fn frames() -> Vec<(u32, Direction, Vec<u8>)> {
    use Direction::{Broadcast, In, Multicast, Out};
    let directions = [Out, In, Broadcast, Multicast];
    (0..FRAMES).map(|n| ((n % 3) as u32, directions[(n % 4) as usize], arp(n))).collect()
}

/// The interfaces of the file.
pub fn interfaces() -> Vec<Interface> {
    let interface = |node: &str, device: &str, mac| Interface {
        node: node.to_owned(),
        device: device.to_owned(),
        link_type: LinkType::Ethernet,
        mac,
    };
    vec![
        interface("left", "veth3", Some(Mac([2, 0, 0, 0, 0, 1]))),
        interface("right", "veth4", Some(Mac([2, 0, 0, 0, 0, 2]))),
        interface("right", "lo", None),
    ]
}

/// A file of ours, in a folder that goes with the test. The fifth frame has a comment, before the
/// seventh three were lost, each has its number as its id.
pub fn ours() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ours.pcapng");
    let section = Section { application: Some("twinax".into()), ..Section::default() };
    let file = std::fs::File::create(&path).expect("a new file");
    let mut writer = Writer::new(file, &section).expect("it is written");
    for interface in interfaces() {
        writer.interface(&interface, 0, Some("arp")).expect("it is written");
    }
    for (number, (interface, direction, bytes)) in (0..).zip(frames()) {
        let (time, length) = (Time(BEGIN + number), bytes.len() as u32);
        let frame = Frame { time, interface, direction, length, bytes: &bytes };
        let comments = if number == 5 { vec!["the fifth".into()] } else { Vec::new() };
        let drops = (number == 7).then_some(3);
        let extras = Extras { drops, comments, packet_id: Some(number) };
        writer.frame_with(&frame, &extras).expect("it is written");
    }
    for interface in 0..3 {
        let statistics = Statistics {
            time: Time(BEGIN + 100),
            delivered: Some(4),
            system_drops: Some(u64::from(interface) * 3),
            ..Statistics::default()
        };
        writer.statistics(interface, &statistics).expect("it is written");
    }
    writer.finish().expect("it is written");
    (folder, path)
}
