//! Capture files and other programs: theirs are read, ours are read by them.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use twinax_packet::file::FileReader;
use twinax_packet::pcapng::{Extras, Section, Statistics, Writer};
use twinax_packet::{Direction, Frame, Interface, LinkType, Mac, Time};

/// What a program prints; `None`, and why, where it is not there.
fn printed(test: &str, program: &str, arguments: &[&str]) -> Option<String> {
    match Command::new(program).args(arguments).output() {
        Err(error) => {
            eprintln!("skipped: {test}: {program} can't be run: {error}");
            None
        }
        Ok(output) => {
            let complaints = String::from_utf8_lossy(&output.stderr);
            // What it says to whoever is root is no complaint of the file.
            let complaints: Vec<&str> =
                complaints.lines().filter(|line| !line.starts_with("Running as user")).collect();
            assert!(output.status.success() && complaints.is_empty(), "{program}: {complaints:?}");
            Some(String::from_utf8(output.stdout).expect("it prints text"))
        }
    }
}

const BEGIN: u64 = 1_700_000_000_123_456_789;
const FRAMES: u64 = 12;

/// An ARP request, with its number as the last byte.
fn arp(number: u64) -> Vec<u8> {
    let mut bytes = vec![0xff; 6];
    bytes.extend([2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1]);
    bytes.extend([0, 0, 0, 0, 0, 0, 10, 0, 0, number as u8]);
    bytes
}

fn frames() -> Vec<(u32, Direction, Vec<u8>)> {
    use Direction::{Broadcast, In, Multicast, Out};
    let directions = [Out, In, Broadcast, Multicast];
    (0..FRAMES).map(|n| ((n % 3) as u32, directions[(n % 4) as usize], arp(n))).collect()
}

fn interfaces() -> Vec<Interface> {
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

/// A file of ours.
fn write(to: &Path) {
    let section = Section { application: Some("twinax".into()), ..Section::default() };
    let file = std::fs::File::create(to).expect("a new file");
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
}

/// The frames of a file.
fn read(file: &Path) -> Vec<(Time, Vec<u8>)> {
    let file = std::fs::File::open(file).expect("it is there");
    let mut reader = FileReader::new(file).expect("a capture");
    let mut frames = Vec::new();
    while let Some((_, frame, _)) = reader.next().expect("it is in order") {
        assert_eq!(frame.length as usize, frame.bytes.len());
        frames.push((frame.time, frame.bytes.to_vec()));
    }
    assert!(!reader.is_truncated());
    frames
}

fn ours() -> (TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ours.pcapng");
    write(&file);
    (folder, file)
}

#[test]
fn capinfos_names_every_interface() {
    let (_folder, file) = ours();
    let file = file.to_str().expect("a plain name");
    let Some(told) = printed("capinfos_names_every_interface", "capinfos", &[file]) else { return };
    for interface in interfaces() {
        assert!(told.contains(&format!("Name = {interface}\n")), "{told}");
    }
    for line in [
        "Number of packets:   12",
        "Capture application: twinax",
        "nanoseconds (9)",
        "Filter string = arp",
    ] {
        assert!(told.contains(line), "no `{line}` in {told}");
    }
}

#[test]
fn tshark_reads_what_was_written() {
    let (_folder, file) = ours();
    let fields = [
        "frame.time_epoch",
        "frame.interface_name",
        "frame.packet_flags_direction",
        "frame.packet_flags_reception_type",
        "frame.drop_count",
        "frame.packet_id",
        "frame.comment",
        "arp.dst.proto_ipv4",
    ];
    let mut arguments = vec!["-r", file.to_str().expect("a plain name"), "-T", "fields"];
    arguments.extend(fields.iter().flat_map(|field| ["-e", field]));
    let Some(told) = printed("tshark_reads_what_was_written", "tshark", &arguments) else { return };
    let names = ["left:veth3", "right:veth4", "right:lo"];
    let expected: Vec<String> = (0..FRAMES)
        .map(|n| {
            let nanos = BEGIN + n;
            // 1 is in and 2 is out; of what comes in, 1 is unicast, 2 multicast, 3 broadcast.
            let (direction, reception) = [(2, 0), (1, 1), (1, 3), (1, 2)][(n % 4) as usize];
            let drops = if n == 7 { "3" } else { "" };
            let comment = if n == 5 { "the fifth" } else { "" };
            format!(
                "{}.{:09}\t{}\t0x{direction:08x}\t{reception}\t{drops}\t{n}\t{comment}\t10.0.0.{n}",
                nanos / 1_000_000_000,
                nanos % 1_000_000_000,
                names[(n % 3) as usize],
            )
        })
        .collect();
    assert_eq!(told.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn files_of_other_programs_are_read() {
    let (folder, file) = ours();
    let whole: Vec<(Time, Vec<u8>)> = (0..FRAMES).map(|n| (Time(BEGIN + n), arp(n))).collect();
    assert_eq!(read(&file), whole);
    for (format, unit) in [("pcap", 1000), ("nsecpcap", 1), ("pcapng", 1)] {
        let other = folder.path().join(format);
        let names = [&file, &other].map(|path| path.to_str().expect("a plain name"));
        let arguments = ["-F", format, names[0], names[1]];
        let test = "files_of_other_programs_are_read";
        if printed(test, "editcap", &arguments).is_none() {
            return;
        }
        let expected: Vec<_> =
            whole.iter().map(|(time, bytes)| (Time(time.0 / unit * unit), bytes.clone())).collect();
        assert_eq!(read(&other), expected, "{format}");
    }
}

#[test]
fn a_pcap_file_of_the_other_byte_order_and_one_that_is_cut_off() {
    let mut bytes =
        [0xa1b2_c3d4_u32.to_be_bytes(), [0, 2, 0, 4], [0; 4], [0; 4], [0, 0, 0xff, 0xff]].concat();
    bytes.extend(1_u32.to_be_bytes());
    for number in [7_u32, 8] {
        bytes.extend([100, number, 2, 60].map(u32::to_be_bytes).concat());
        bytes.extend([number as u8; 2]);
    }
    let mut reader = FileReader::new(&bytes[..]).expect("a capture");
    let mut seen = Vec::new();
    while let Some((_, frame, _)) = reader.next().expect("it is in order") {
        seen.push((frame.time.0, frame.length, frame.bytes.to_vec()));
    }
    let second = 100_000_000_000;
    assert_eq!(seen, [(second + 7000, 60, vec![7, 7]), (second + 8000, 60, vec![8, 8])]);
    let mut reader = FileReader::new(&bytes[..bytes.len() - 1]).expect("a capture");
    assert!(reader.next().expect("the first is whole").is_some());
    assert!(reader.next().expect("no more").is_none() && reader.is_truncated());
}
