//! Our files, read by other programs.

use twinax_packet::pcapng::{Section, Statistics, Writer};
use twinax_packet::{Direction, Frame, Interface, LinkType, Mac, Time};

use crate::programs::{
    BEGIN, FRAMES, arp, complaints, frames, interfaces, name, ours, output, printed,
};

#[test]
fn capinfos_names_every_interface() {
    let (_folder, file) = ours();
    let test = "capinfos_names_every_interface";
    let Some(told) = printed(test, "capinfos", &[name(&file)]) else { return };
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
    let mut arguments = vec!["-r", name(&file), "-T", "fields"];
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

/// A lab of 300 nodes, each with `lo`, a veth and a TUN device, that has three frames at each, the first
/// of a device right behind its description.
#[test]
fn hundreds_of_interfaces_of_two_kinds() {
    let test = "hundreds_of_interfaces_of_two_kinds";
    let mut writer = Writer::new(Vec::new(), &Section::default()).expect("memory takes it");
    let mut names = Vec::new();
    let mut frame = |writer: &mut Writer<Vec<u8>>, id: u32, raw: bool| {
        let number = names.len() as u64;
        // An IPv4 header of its own, and an ARP request.
        let ipv4 = [&[0x45, 0, 0, 20][..], &[0; 4], &[64, 253, 0, 0], &[10, 0, 0, 1, 10, 0, 0, 2]];
        let bytes = if raw { ipv4.concat() } else { arp(number) };
        let (time, length) = (Time(BEGIN + number), bytes.len() as u32);
        let direction = Direction::Out;
        let frame = Frame { time, interface: id, direction, length, bytes: &bytes };
        writer.frame(&frame).expect("it is described");
        names.push(format!("n{}:{}", id / 3, ["lo", "veth0", "tun0"][(id % 3) as usize]));
    };
    for id in 0..900_u32 {
        let (link_type, device) =
            [(LinkType::Ethernet, "lo"), (LinkType::Ethernet, "veth0"), (LinkType::Raw, "tun0")]
                [(id % 3) as usize];
        let mac = (device == "veth0").then_some(Mac([2, 0, 0, 0, (id >> 8) as u8, id as u8]));
        let (node, device) = (format!("n{}", id / 3), device.to_owned());
        let interface = Interface { node, device, link_type, mac };
        assert_eq!(writer.interface(&interface, 0, None).expect("memory takes it"), id);
        frame(&mut writer, id, link_type == LinkType::Raw);
    }
    for id in (0..900).chain(0..900) {
        frame(&mut writer, id, id % 3 == 2);
    }
    for id in 0..900 {
        let time = Time(BEGIN + 5000);
        let statistics = Statistics { time, delivered: Some(3), ..Statistics::default() };
        writer.statistics(id, &statistics).expect("it is described");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("many.pcapng");
    std::fs::write(&file, writer.finish().expect("memory takes it")).expect("a new file");

    let Some(told) = printed(test, "capinfos", &[name(&file)]) else { return };
    let told: Vec<&str> = told.lines().map(str::trim).collect();
    assert!(told.contains(&"Number of interfaces in file: 900"), "{told:?}");
    let described: Vec<&str> =
        told.iter().filter_map(|line| line.strip_prefix("Name = ")).collect();
    assert_eq!(described, names[..900]);
    assert_eq!(told.iter().filter(|line| **line == "Number of packets = 3").count(), 900);
    assert_eq!(told.iter().filter(|line| **line == "Number of stat entries = 1").count(), 900);

    let arguments = ["-r", name(&file), "-T", "fields", "-e", "frame.interface_name"];
    let Some(told) = printed(test, "tshark", &arguments) else { return };
    assert_eq!(told.lines().collect::<Vec<_>>(), names);
}

/// Every device that begins its frames alike, and keeps as much of them: that is what libpcap can read.
#[test]
fn tcpdump_reads_what_was_written() {
    let (_folder, file) = ours();
    let arguments = ["-nn", "-tt", "--nano", "-r", name(&file)];
    let test = "tcpdump_reads_what_was_written";
    let Some(told) = printed(test, "tcpdump", &arguments) else { return };
    let expected: Vec<String> = (0..FRAMES)
        .map(|n| {
            let (seconds, nanos) = (BEGIN / 1_000_000_000, BEGIN % 1_000_000_000 + n);
            let request = format!("ARP, Request who-has 10.0.0.{n} tell 10.0.0.1, length 28");
            format!("{seconds}.{nanos:09} {request}")
        })
        .collect();
    assert_eq!(told.lines().collect::<Vec<_>>(), expected);
}

/// As one is whose writer was killed: all packets that are whole are there.
#[test]
fn wireshark_reads_a_file_cut_off_anywhere_up_to_there() {
    let test = "wireshark_reads_a_file_cut_off_anywhere_up_to_there";
    let mut ends = Vec::new();
    let mut writer = Writer::new(Vec::new(), &Section::default()).expect("memory takes it");
    let mut end_of = |writer: &mut Writer<Vec<u8>>, packets: usize| {
        writer.flush().expect("memory takes it");
        ends.push((writer.get_ref().len(), packets));
    };
    let interface = &interfaces()[2];
    writer.interface(interface, 0, None).expect("memory takes it");
    end_of(&mut writer, 0);
    let (_, direction, bytes) = &frames()[0];
    let length = bytes.len() as u32;
    let frame = Frame { time: Time(BEGIN), interface: 0, direction: *direction, length, bytes };
    writer.frame(&frame).expect("it is described");
    end_of(&mut writer, 1);
    writer.interface(interface, 0, None).expect("memory takes it");
    end_of(&mut writer, 1);
    writer.frame(&Frame { interface: 1, ..frame }).expect("it is described");
    end_of(&mut writer, 2);
    writer.statistics(1, &Statistics::default()).expect("it is described");
    end_of(&mut writer, 2);
    let whole = writer.finish().expect("memory takes it");

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("cut.pcapng");
    for cut in ends[0].0..=whole.len() {
        std::fs::write(&file, &whole[..cut]).expect("a new file");
        let (end, packets) = *ends.iter().rfind(|(end, _)| *end <= cut).expect("there is one");
        let told_of = |complaints: String| match cut == end {
            true => complaints.is_empty(),
            false => {
                complaints.contains("appears to have been cut short in the middle of a packet")
            }
        };
        // capinfos reads it as tshark does, and faster.
        let Some(told) = output(test, "capinfos", &["-c", "-M", name(&file)]) else { return };
        let text = String::from_utf8_lossy(&told.stdout);
        let counted = text.lines().find_map(|line| line.strip_prefix("Number of packets:"));
        // It counts nothing where not even the first packet has begun.
        let counted = counted.map_or(0, |own| own.trim().parse().expect("a number"));
        assert_eq!(counted, packets, "{cut}: {told:?}");
        assert!(told_of(complaints(&told)), "{cut}: {told:?}");
        assert_eq!(told.status.success(), cut == end, "{cut}: {told:?}");
        if cut.abs_diff(end) < 2 {
            let Some(told) = output(test, "tshark", &["-r", name(&file)]) else { return };
            let lines = String::from_utf8_lossy(&told.stdout).lines().count();
            assert_eq!(lines, packets, "{cut}: {told:?}");
            assert!(told_of(complaints(&told)), "{cut}: {told:?}");
        }
    }
}
