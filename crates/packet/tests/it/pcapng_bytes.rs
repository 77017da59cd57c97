//! What the writer writes, block by block, against bytes put together by hand from the draft.

use std::borrow::Cow;

use twinax_packet::pcapng::{Extras, MAXIMUM_FRAME, Section, Statistics, WriteError, Writer};
use twinax_packet::{Direction, Frame, Interface, LinkType, Mac, Time};

/// Bytes out of lines of hexadecimal digits, each with what it is behind a `#`.
fn hex(lines: &str) -> Vec<u8> {
    let digits: Vec<u32> = lines
        .lines()
        .filter_map(|line| line.split('#').next())
        .flat_map(str::chars)
        .filter_map(|digit| digit.to_digit(16))
        .collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

/// Of a writer, what it wrote after the section header.
fn after_section(write: impl FnOnce(&mut Writer<Vec<u8>>)) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &Section::default()).unwrap();
    write(&mut writer);
    writer.finish().unwrap().split_off(28)
}

/// The same, after the description of an interface of this link type.
fn after_interface(write: impl FnOnce(&mut Writer<Vec<u8>>)) -> Vec<u8> {
    let mut length = 0;
    let bytes = after_section(|writer| {
        let (node, device) = ("n".into(), "d".into());
        let interface = Interface { node, device, link_type: LinkType::Ethernet, mac: None };
        let mut alone = Writer::new(Vec::new(), &Section::default()).unwrap();
        alone.interface(&interface, 0, None).unwrap();
        length = alone.finish().unwrap().len() - 28;
        writer.interface(&interface, 0, None).unwrap();
        write(writer);
    });
    bytes[length..].to_vec()
}

fn frame(bytes: &[u8]) -> Frame<'_> {
    Frame {
        time: Time(0x1122_3344_5566_7788),
        interface: 0,
        direction: Direction::In,
        length: bytes.len() as u32,
        bytes,
    }
}

#[test]
fn section() {
    let section = Section {
        hardware: Some(Cow::Borrowed("x86_64")),
        system: Some(Cow::Borrowed("Linux")),
        application: Some(Cow::Borrowed("twinax 1")),
        comment: Some(Cow::Borrowed("why")),
    };
    let written = Writer::new(Vec::new(), &section).unwrap().finish().unwrap();
    let by_hand = hex("0a0d0d0a                        # section header block
         4c000000                        # 76 bytes
         4d3c2b1a                        # little-endian
         0100 0000                       # version 1.0
         ffffffff ffffffff               # its length: not known
         0200 0600 7838365f 3634 0000    # shb_hardware: x86_64
         0300 0500 4c696e75 78 000000    # shb_os: Linux
         0400 0800 7477696e 61782031     # shb_userappl: twinax 1
         0100 0300 77687900              # opt_comment: why
         0000 0000                       # opt_endofopt
         4c000000                        # 76 bytes");
    assert_eq!(written, by_hand);
}

#[test]
fn section_of_which_nothing_is_known() {
    let written = Writer::new(Vec::new(), &Section::default()).unwrap().finish().unwrap();
    let by_hand = hex("0a0d0d0a 1c000000 4d3c2b1a 0100 0000 ffffffff ffffffff 1c000000");
    assert_eq!(written, by_hand);
}

#[test]
fn interface() {
    let written = after_section(|writer| {
        let interface = Interface {
            node: "left".into(),
            device: "veth3".into(),
            link_type: LinkType::Ethernet,
            mac: Some(Mac([2, 0, 0, 0, 0, 0x0a])),
        };
        assert_eq!(writer.interface(&interface, 96, Some("arp")).unwrap(), 0);
        assert_eq!(writer.interfaces(), 1);
    });
    let by_hand = hex("01000000                        # interface description block
         5c000000                        # 92 bytes
         0100 0000                       # LINKTYPE_ETHERNET, reserved
         60000000                        # 96 bytes of each frame
         0200 0a00 6c656674 3a766574 6833 0000            # if_name: left:veth3
         0300 1200 76657468 33206f66 206e6f64 65206c65 6674 0000
                                         # if_description: veth3 of node left
         0600 0600 02000000 000a 0000    # if_MACaddr
         0900 0100 09 000000             # if_tsresol: 10⁻⁹ s
         0b00 0400 00 617270             # if_filter, in words: arp
         0000 0000                       # opt_endofopt
         5c000000                        # 92 bytes");
    assert_eq!(written, by_hand);
}

#[test]
fn interface_without_address_or_node() {
    let written = after_section(|writer| {
        let device = "wg0".into();
        let interface =
            Interface { node: String::new(), device, link_type: LinkType::Raw, mac: None };
        assert_eq!(writer.interface(&interface, 0, None).unwrap(), 0);
        let other =
            Interface { device: String::new(), link_type: LinkType::Other(276), ..interface };
        assert_eq!(writer.interface(&other, 0, None).unwrap(), 1);
    });
    let by_hand = hex("01000000 28000000 6500 0000 00000000     # LINKTYPE_RAW
         0200 0300 776730 00                      # if_name: wg0
         0900 0100 09 000000 0000 0000 28000000
         01000000 20000000 1401 0000 00000000     # LINKTYPE_LINUX_SLL2
         0900 0100 09 000000 0000 0000 20000000");
    assert_eq!(written, by_hand);
}

#[test]
fn packet() {
    let written = after_interface(|writer| {
        writer.frame(&Frame { length: 1514, ..frame(&[1, 2, 3, 4, 5]) }).unwrap();
    });
    let by_hand = hex("06000000                        # enhanced packet block
         34000000                        # 52 bytes
         00000000                        # interface 0
         44332211 88776655               # the time, its upper half first
         05000000                        # captured
         ea050000                        # on the wire
         01020304 05 000000              # the frame
         0200 0400 05000000              # epb_flags: inbound, unicast
         0000 0000                       # opt_endofopt
         34000000                        # 52 bytes");
    assert_eq!(written, by_hand);
}

#[test]
fn packet_of_which_much_is_known() {
    let extras = Extras {
        drops: Some(258),
        packet_id: Some(0x0102_0304_0506_0708),
        comments: vec![Cow::Borrowed("what"), Cow::Borrowed("ever")],
    };
    let written = after_interface(|writer| {
        let frame = Frame { direction: Direction::Out, ..frame(&[1, 2, 3, 4]) };
        writer.frame_with(&frame, &extras).unwrap();
    });
    let by_hand = hex("06000000 58000000 00000000 44332211 88776655 04000000 04000000 01020304
         0100 0400 77686174              # opt_comment: what
         0100 0400 65766572              # opt_comment: ever
         0200 0400 02000000              # epb_flags: outbound
         0400 0800 02010000 00000000     # epb_dropcount
         0500 0800 08070605 04030201     # epb_packetid
         0000 0000 58000000");
    assert_eq!(written, by_hand);
}

#[test]
fn packet_of_which_nothing_is_known() {
    let unknown = Frame { direction: Direction::Unknown, ..frame(&[]) };
    let by_hand = hex("06000000 20000000 00000000 44332211 88776655 00000000 00000000 20000000");
    assert_eq!(after_interface(|writer| writer.frame(&unknown).unwrap()), by_hand);
    let written =
        after_interface(|writer| writer.frame_with(&unknown, &Extras::default()).unwrap());
    assert_eq!(written, by_hand);
}

#[test]
fn flags_of_each_direction() {
    // Bits 0–1: 01 inbound, 10 outbound. Bits 2–4: 1 unicast, 2 multicast, 3 broadcast, 4 promiscuous.
    for (direction, flags) in [
        (Direction::In, 1 << 2 | 1),
        (Direction::Multicast, 2 << 2 | 1),
        (Direction::Broadcast, 3 << 2 | 1),
        (Direction::OtherHost, 4 << 2 | 1),
        (Direction::Out, 2),
    ] {
        let frame = Frame { direction, ..frame(&[]) };
        let written = after_interface(|writer| writer.frame(&frame).unwrap());
        assert_eq!(written[28..36], [2, 0, 4, 0, flags, 0, 0, 0], "{direction:?}");
    }
}

#[test]
fn statistics() {
    let written = after_interface(|writer| {
        let statistics = Statistics {
            time: Time(0x1122_3344_5566_7788),
            started: Some(Time(0x1000_0000_0000_0001)),
            ended: Some(Time(0x1000_0000_0000_0002)),
            received: Some(7),
            interface_drops: Some(1),
            accepted: Some(6),
            system_drops: Some(2),
            delivered: Some(4),
        };
        writer.statistics(0, &statistics).unwrap();
    });
    let by_hand = hex("05000000                        # interface statistics block
         70000000                        # 112 bytes
         00000000                        # interface 0
         44332211 88776655               # the time
         0200 0800 00000010 01000000     # isb_starttime, its upper half first
         0300 0800 00000010 02000000     # isb_endtime
         0400 0800 07000000 00000000     # isb_ifrecv
         0500 0800 01000000 00000000     # isb_ifdrop
         0600 0800 06000000 00000000     # isb_filteraccept
         0700 0800 02000000 00000000     # isb_osdrop
         0800 0800 04000000 00000000     # isb_usrdeliv
         0000 0000                       # opt_endofopt
         70000000                        # 112 bytes");
    assert_eq!(written, by_hand);
}

#[test]
fn an_interface_comes_before_its_frames() {
    let mut writer = Writer::new(Vec::new(), &Section::default()).unwrap();
    let refused = writer.frame(&frame(&[])).unwrap_err();
    assert!(matches!(refused, WriteError::NoInterface(0)), "{refused:?}");
    let refused = writer.statistics(0, &Statistics::default()).unwrap_err();
    assert_eq!(refused.to_string(), "interface 0 has not been described in the capture file");
    assert_eq!(writer.finish().unwrap().len(), 28);
}

#[test]
fn a_frame_too_long_for_wireshark_is_cut() {
    let long = vec![7; MAXIMUM_FRAME + 1];
    let written = after_interface(|writer| writer.frame(&frame(&long)).unwrap());
    assert_eq!(written.len(), 44 + MAXIMUM_FRAME);
    assert_eq!(written[20..28], hex("00000400 01000400"));
}
