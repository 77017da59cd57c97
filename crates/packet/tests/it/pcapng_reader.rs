//! What the reader reads: what the writer wrote, all or part of it, and odd files put together by hand.

use std::borrow::Cow;

use proptest::prelude::*;
use twinax_packet::file::FileReader;
use twinax_packet::pcapng::{Entry, Extras, ReadError, Reader, Section, Statistics, Writer};
use twinax_packet::{Direction, Frame, Interface, LinkType, Mac, Time};

/// A capture, as it goes into a file and comes out of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Capture {
    section: Section<'static>,
    interfaces: Vec<Device>,
    frames: Vec<Seen>,
    statistics: Vec<(u32, Statistics)>,
}

#[derive(Debug, Clone, PartialEq)]
struct Device {
    interface: Interface,
    snaplen: u32,
    filter: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
struct Seen {
    time: Time,
    interface: u32,
    direction: Direction,
    length: u32,
    bytes: Vec<u8>,
    extras: Extras<'static>,
}

impl Seen {
    fn of(frame: &Frame<'_>, extras: &Extras<'_>) -> Self {
        let Frame { time, interface, direction, length, bytes } = *frame;
        let comments = extras.comments.iter().map(|own| own.to_string().into()).collect();
        let extras = Extras { drops: extras.drops, packet_id: extras.packet_id, comments };
        Self { time, interface, direction, length, bytes: bytes.to_vec(), extras }
    }

    fn frame(&self) -> Frame<'_> {
        let Self { time, interface, direction, length, bytes, .. } = self;
        Frame { time: *time, interface: *interface, direction: *direction, length: *length, bytes }
    }
}

fn write(capture: &Capture) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &capture.section).expect("memory takes it");
    for Device { interface, snaplen, filter } in &capture.interfaces {
        writer.interface(interface, *snaplen, filter.as_deref()).expect("memory takes it");
    }
    for seen in &capture.frames {
        writer.frame_with(&seen.frame(), &seen.extras).expect("the interface is described");
    }
    for (interface, statistics) in &capture.statistics {
        writer.statistics(*interface, statistics).expect("the interface is described");
    }
    writer.finish().expect("memory takes it")
}

/// What is in a file, whether it ends in the middle of a block, and what is wrong with it.
fn read(bytes: &[u8]) -> (Capture, bool, Option<ReadError>) {
    let mut capture = Capture::default();
    let mut reader = match Reader::new(bytes) {
        Ok(reader) => reader,
        Err(error) => return (capture, false, Some(error)),
    };
    let error = loop {
        match reader.next() {
            Ok(None) => break None,
            Err(error) => break Some(error),
            Ok(Some(Entry::Section(own))) => capture.section = owned(&own),
            Ok(Some(Entry::Interface(_, own))) => {
                let (interface, filter) = (own.interface.clone(), own.filter.map(Cow::into_owned));
                capture.interfaces.push(Device { interface, snaplen: own.snaplen, filter });
            }
            Ok(Some(Entry::Frame(frame, said))) => {
                capture.frames.push(Seen::of(&frame, &said.extras()));
            }
            Ok(Some(Entry::Statistics(number, own))) => capture.statistics.push((number, own)),
        }
    };
    (capture, reader.is_truncated(), error)
}

fn owned(own: &Section<'_>) -> Section<'static> {
    let text = |own: &Option<Cow<'_, str>>| own.as_ref().map(|own| Cow::Owned(own.to_string()));
    let [hardware, system, application, comment] =
        [&own.hardware, &own.system, &own.application, &own.comment].map(text);
    Section { hardware, system, application, comment }
}

fn word() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9._-]{0,14}"
}

fn time() -> impl Strategy<Value = Time> {
    any::<u64>().prop_map(Time)
}

prop_compose! {
    fn interface()(node in word(), device in word(), raw in any::<bool>(),
        mac in any::<Option<[u8; 6]>>(), snaplen in any::<u32>(),
        filter in prop::option::of("\\PC{0,40}")) -> Device {
        let link_type = if raw { LinkType::Raw } else { LinkType::Ethernet };
        let interface = Interface { node, device, link_type, mac: mac.map(Mac) };
        Device { interface, snaplen, filter }
    }
}

fn direction() -> impl Strategy<Value = Direction> {
    use Direction::*;
    prop::sample::select(vec![In, Broadcast, Multicast, OtherHost, Out, Unknown])
}

prop_compose! {
    fn seen(interfaces: u32)(time in time(), interface in 0..interfaces, direction in direction(),
        bytes in prop::collection::vec(any::<u8>(), 0..200), more in 0..5000_u32,
        drops in any::<Option<u64>>(), packet_id in any::<Option<u64>>(),
        comments in prop::collection::vec("\\PC{1,20}", 0..3)) -> Seen {
        let comments = comments.into_iter().map(Into::into).collect();
        let (length, extras) = (bytes.len() as u32 + more, Extras { drops, packet_id, comments });
        Seen { time, interface, direction, length, bytes, extras }
    }
}

prop_compose! {
    fn statistics(interfaces: u32)(interface in 0..interfaces, time in time(),
        started in prop::option::of(time()), ended in prop::option::of(time()),
        counts in any::<[Option<u64>; 5]>()) -> (u32, Statistics) {
        let [received, interface_drops, accepted, system_drops, delivered] = counts;
        let own = Statistics { time, started, ended, received, interface_drops, accepted,
            system_drops, delivered };
        (interface, own)
    }
}

prop_compose! {
    fn section()(texts in any::<[Option<u8>; 4]>(), text in "\\PC{0,20}") -> Section<'static> {
        let [hardware, system, application, comment] =
            texts.map(|own| own.map(|own| format!("{text}{own}").into()));
        Section { hardware, system, application, comment }
    }
}

prop_compose! {
    fn capture()(interfaces in prop::collection::vec(interface(), 1..6))
        (section in section(), frames in prop::collection::vec(seen(interfaces.len() as u32), 0..20),
         statistics in prop::collection::vec(statistics(interfaces.len() as u32), 0..4),
         interfaces in Just(interfaces)) -> Capture {
        Capture { section, interfaces, frames, statistics }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_written_is_read(capture in capture()) {
        let (found, truncated, error) = read(&write(&capture));
        prop_assert!(error.is_none() && !truncated, "{error:?}");
        prop_assert_eq!(found, capture);
    }

    /// As one is whose writer was killed.
    #[test]
    fn a_file_that_is_cut_off_is_read_up_to_there(capture in capture(), at in any::<prop::sample::Index>()) {
        let whole = write(&capture);
        let cut = at.index(whole.len());
        let (found, truncated, error) = read(&whole[..cut]);
        if cut < 4 {
            prop_assert!(matches!(error, Some(ReadError::NoCapture)));
            return Ok(());
        }
        prop_assert!(error.is_none(), "{error:?}");
        prop_assert_eq!(&found.interfaces[..], &capture.interfaces[..found.interfaces.len()]);
        prop_assert_eq!(&found.frames[..], &capture.frames[..found.frames.len()]);
        let section = Capture { section: capture.section, ..Capture::default() };
        if cut < write(&section).len() {
            prop_assert!(truncated && found == Capture::default());
            return Ok(());
        }
        let again = write(&found);
        let (end, rest) = (again.len(), &whole[again.len()..]);
        prop_assert!(truncated == (end != cut));
        prop_assert_eq!(&whole[..end], &again[..]);
        // What of it is not read is less than a block.
        let next = u32::from_le_bytes(rest[4..8].try_into().unwrap());
        prop_assert!(cut - end < next as usize);
    }

    #[test]
    fn any_bytes_come_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..400), capture in capture(),
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        read(&bytes);
        let mut spoiled = write(&capture);
        for (place, byte) in places {
            let place = place.index(spoiled.len());
            spoiled[place] = byte;
        }
        let (_, _, _) = read(&spoiled);
        if let Ok(mut reader) = FileReader::new(&spoiled[..]) {
            while let Ok(Some((interfaces, frame, _))) = reader.next() {
                prop_assert!((frame.interface as usize) < interfaces.len());
            }
        }
    }
}

/// Blocks, each as its type and body, in big-endian order.
fn big_endian(blocks: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (kind, body) in blocks {
        let length = (12 + body.len().next_multiple_of(4)) as u32;
        bytes.extend(kind.to_be_bytes());
        bytes.extend(length.to_be_bytes());
        bytes.extend(body);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes.extend(length.to_be_bytes());
    }
    bytes
}

fn section_block() -> (u32, Vec<u8>) {
    let body = [&[0x1a, 0x2b, 0x3c, 0x4d, 0, 1, 0, 0][..], &[0xff; 8]].concat();
    (0x0a0d_0d0a, body)
}

/// Ethernet, with options.
fn described(options: &[u8]) -> (u32, Vec<u8>) {
    (1, [&[0, 1, 0, 0, 0, 0, 0, 0][..], options].concat())
}

fn packet(ticks: u64, bytes: &[u8]) -> (u32, Vec<u8>) {
    let length = (bytes.len() as u32).to_be_bytes();
    (6, [&[0; 4][..], &ticks.to_be_bytes(), &length, &length, bytes].concat())
}

#[test]
fn the_other_byte_order_and_blocks_of_all_kinds() {
    let bytes = big_endian(&[
        section_block(),
        // if_name "eth0", if_tsresol 2^-10, if_tsoffset 100 s, end.
        described(&[
            0, 2, 0, 4, b'e', b't', b'h', b'0', 0, 9, 0, 1, 0x8a, 0, 0, 0, 0, 14, 0, 8, 0, 0, 0, 0,
            0, 0, 0, 100, 0, 0, 0, 0,
        ]),
        // A name resolution block, and one of a kind that nobody knows.
        (4, vec![0, 0, 0, 0]),
        (0x8000_1234, vec![1, 2, 3]),
        packet(1024 + 512, &[1, 2, 3]),
        // A simple packet block, and an obsolete packet block with a drop count.
        (3, vec![0, 0, 0, 2, 7, 8]),
        (2, [&[0, 0, 0, 9][..], &2048_u64.to_be_bytes(), &[0, 0, 0, 1, 0, 0, 0, 5, 6]].concat()),
        section_block(),
        described(&[]),
        packet(1_500_000, &[4]),
    ]);
    let (found, truncated, error) = read(&bytes);
    assert!(error.is_none() && !truncated, "{error:?}");
    let names: Vec<String> = found.interfaces.iter().map(|own| own.interface.to_string()).collect();
    assert_eq!(names, ["eth0", ""]);
    let frames: Vec<_> = found
        .frames
        .iter()
        .map(|seen| (seen.interface, seen.time.0, seen.length, &seen.bytes[..]))
        .collect();
    assert_eq!(
        frames,
        [
            (0, 101_500_000_000, 3, &[1, 2, 3][..]),
            (0, 0, 2, &[7, 8]),
            (0, 102_000_000_000, 5, &[6]),
            // The second section's own interface, in microseconds as nothing else is said.
            (1, 1_500_000_000, 1, &[4]),
        ]
    );
}

#[test]
fn what_is_broken_is_told_with_its_place() {
    let whole = big_endian(&[section_block(), described(&[]), packet(1, &[1])]);
    let told = |bytes: &[u8]| read(bytes).2.expect("it is broken").to_string();
    let mut spoiled = whole.clone();
    spoiled[28 + 7] = 21;
    assert_eq!(told(&spoiled), "the capture is broken at byte 28: a block of an impossible length");
    let mut spoiled = whole.clone();
    spoiled[28 + 19] = 24;
    let other = "the capture is broken at byte 28: a block whose length is another at its end";
    assert_eq!(told(&spoiled), other);
    let mut spoiled = whole.clone();
    spoiled[48 + 11] = 1;
    let nobody = "the capture is broken at byte 48: a block of an interface that was not described";
    assert_eq!(told(&spoiled), nobody);
    let mut spoiled = whole.clone();
    spoiled[48 + 23] = 9;
    let longer = "the capture is broken at byte 48: a frame that is longer than its block";
    assert_eq!(told(&spoiled), longer);
    let mut spoiled = whole.clone();
    spoiled[8] = 0;
    assert_eq!(told(&spoiled), "the capture is broken at byte 0: a section without its byte order");
    let mut spoiled = whole;
    spoiled[13] = 2;
    let version = "the capture is broken at byte 0: a section of a version that is not known";
    assert_eq!(told(&spoiled), version);
    assert_eq!(told(b"#!/bin/sh"), "this is neither a pcapng nor a pcap file");
    let longer = big_endian(&[section_block(), described(&[0, 2, 0, 5, b'e', b't', b'h', b'0'])]);
    let option = "the capture is broken at byte 28: an option that is longer than its block";
    assert_eq!(told(&longer), option);
    let short = big_endian(&[section_block(), described(&[0, 6, 0, 4, 2, 0, 0, 1, 0, 0, 0, 0])]);
    let option = "the capture is broken at byte 28: an option of an impossible length";
    assert_eq!(told(&short), option);
    let huge = big_endian(&[section_block()])
        .into_iter()
        .chain([0, 0, 0, 6, 0x7f, 0xff, 0xff, 0xfc, 0, 0, 0, 0]);
    let huge: Vec<u8> = huge.collect();
    assert_eq!(told(&huge), "the capture is broken at byte 28: a block of an impossible length");
}
