//! Files of other programs, read by us.

use std::path::Path;

use twinax_packet::file::FileReader;
use twinax_packet::pcapng::{Entry, Extras, Reader};
use twinax_packet::{Direction, Interface, LinkType};

use crate::programs::{BEGIN, FRAMES, frames, interfaces, name, ours, printed};

/// A frame of a file.
#[derive(Debug, Clone, PartialEq)]
struct Read {
    time: u64,
    interface: u32,
    direction: Direction,
    length: u32,
    bytes: Vec<u8>,
    extras: Extras<'static>,
}

/// The frames of a file, and its interfaces.
fn read(file: &Path) -> (Vec<Interface>, Vec<Read>) {
    let file = std::fs::File::open(file).expect("it is there");
    let mut reader = FileReader::new(file).expect("a capture");
    let mut frames = Vec::new();
    while let Some((_, frame, said)) = reader.next().expect("it is in order") {
        let Extras { drops, packet_id, comments } = said.extras();
        let comments = comments.into_iter().map(|own| own.into_owned().into()).collect();
        frames.push(Read {
            time: frame.time.0,
            interface: frame.interface,
            direction: frame.direction,
            length: frame.length,
            bytes: frame.bytes.to_vec(),
            extras: Extras { drops, packet_id, comments },
        });
    }
    assert!(!reader.is_truncated());
    (reader.interfaces().to_vec(), frames)
}

/// What is in the file that the programs are given.
fn given() -> Vec<Read> {
    let numbered = (0..).zip(frames());
    numbered
        .map(|(number, (interface, direction, bytes))| Read {
            time: BEGIN + number,
            interface,
            direction,
            length: bytes.len() as u32,
            bytes,
            extras: Extras {
                drops: (number == 7).then_some(3),
                packet_id: Some(number),
                comments: if number == 5 { vec!["the fifth".into()] } else { Vec::new() },
            },
        })
        .collect()
}

/// What is left of that in a pcap file, whose times have this unit, in nanoseconds.
fn in_pcap(unit: u64) -> Vec<Read> {
    let less = |read: Read| Read {
        time: read.time / unit * unit,
        interface: 0,
        direction: Direction::Unknown,
        extras: Extras::default(),
        ..read
    };
    given().into_iter().map(less).collect()
}

/// What Wireshark's programs write of the interfaces: up to version 4.0 without the MAC addresses.
fn without_macs(interfaces: Vec<Interface>) -> Vec<Interface> {
    interfaces.into_iter().map(|own| Interface { mac: None, ..own }).collect()
}

/// The one interface of a pcap file.
fn nameless() -> Vec<Interface> {
    let link_type = LinkType::Ethernet;
    vec![Interface { node: String::new(), device: String::new(), link_type, mac: None }]
}

#[test]
fn what_is_given_is_read() {
    let (_folder, file) = ours();
    assert_eq!(read(&file), (interfaces(), given()));
}

#[test]
fn pcap_of_editcap() {
    let (folder, file) = ours();
    for (format, unit) in [("pcap", 1000), ("nsecpcap", 1)] {
        let other = folder.path().join(format);
        let arguments = ["-F", format, name(&file), name(&other)];
        if printed("pcap_of_editcap", "editcap", &arguments).is_none() {
            return;
        }
        assert_eq!(read(&other), (nameless(), in_pcap(unit)), "{format}");
    }
}

#[test]
fn pcap_of_tcpdump() {
    let (folder, file) = ours();
    for (precision, unit) in [("--micro", 1000), ("--nano", 1)] {
        let other = folder.path().join(precision);
        let arguments = [precision, "-r", name(&file), "-w", name(&other)];
        if printed("pcap_of_tcpdump", "tcpdump", &arguments).is_none() {
            return;
        }
        assert_eq!(read(&other), (nameless(), in_pcap(unit)), "{precision}");
    }
}

#[test]
fn pcapng_of_tshark() {
    let (folder, file) = ours();
    let other = folder.path().join("tshark.pcapng");
    let arguments = ["-r", name(&file), "-w", name(&other)];
    if printed("pcapng_of_tshark", "tshark", &arguments).is_none() {
        return;
    }
    let (described, frames) = read(&other);
    assert_eq!(without_macs(described), without_macs(interfaces()));
    assert_eq!(frames, given());
}

/// With a comment more, and less of each frame.
#[test]
fn pcapng_of_editcap() {
    let (folder, file) = ours();
    let other = folder.path().join("editcap.pcapng");
    let arguments = ["-F", "pcapng", "-a", "1:odd", "-s", "20", name(&file), name(&other)];
    if printed("pcapng_of_editcap", "editcap", &arguments).is_none() {
        return;
    }
    let mut expected = given();
    expected[0].extras.comments.push("odd".into());
    for frame in &mut expected {
        frame.bytes.truncate(20);
    }
    let (described, frames) = read(&other);
    assert_eq!(without_macs(described), without_macs(interfaces()));
    assert_eq!(frames, expected);
}

/// Two files, one after the other in the order of time, with the interfaces of both.
#[test]
fn pcapng_of_mergecap() {
    let (folder, file) = ours();
    let other = folder.path().join("merged.pcapng");
    let arguments = ["-F", "pcapng", "-I", "none", "-w", name(&other), name(&file), name(&file)];
    if printed("pcapng_of_mergecap", "mergecap", &arguments).is_none() {
        return;
    }
    let (described, mut frames) = read(&other);
    let expected = without_macs([interfaces(), interfaces()].concat());
    assert_eq!(without_macs(described), expected);
    assert_eq!(frames.len() as u64, 2 * FRAMES);
    for (own, both) in given().into_iter().zip(frames.chunks_mut(2)) {
        // They are of the same time.
        both.sort_by_key(|read| read.interface);
        let [first, second] = both else { panic!("an odd number of frames") };
        assert_eq!(*first, own);
        let interface = own.interface + 3;
        assert_eq!(*second, Read { interface, ..own });
    }
}

/// Two files, simply joined: two sections.
#[test]
fn two_sections() {
    let (folder, file) = ours();
    let bytes = std::fs::read(&file).expect("it is there");
    let other = folder.path().join("joined.pcapng");
    std::fs::write(&other, [&bytes[..], &bytes].concat()).expect("a new file");
    let mut expected = given();
    expected.extend(given().into_iter().map(|own| Read { interface: own.interface + 3, ..own }));
    assert_eq!(read(&other), ([interfaces(), interfaces()].concat(), expected));
}

#[test]
fn the_filter_of_tshark() {
    let (folder, file) = ours();
    let other = folder.path().join("tshark.pcapng");
    let arguments = ["-r", name(&file), "-w", name(&other)];
    if printed("the_filter_of_tshark", "tshark", &arguments).is_none() {
        return;
    }
    let mut reader = Reader::new(std::fs::File::open(&other).expect("it is there")).unwrap();
    let mut filters = Vec::new();
    while let Some(entry) = reader.next().expect("it is in order") {
        if let Entry::Interface(_, own) = entry {
            filters.push(own.filter.map(|own| own.into_owned()));
        }
    }
    assert_eq!(filters, vec![Some("arp".to_owned()); 3]);
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
