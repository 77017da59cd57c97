//! What has become of a packet at one place in the kernel, as it is told.

use std::collections::HashMap;
use std::fmt;

use twinax_packet::decode::ethertype;
use twinax_packet::{LinkType, Packet, Time};

use super::btf::Btf;
use super::program::at;

/// What has happened: the tracepoint that told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// The packet was dropped (`skb:kfree_skb`).
    Dropped,
    /// It was used up: it arrived, was sent, or was looked at and ignored (`skb:consume_skb`).
    Consumed,
    /// It came in at a device (`net:netif_receive_skb`).
    Received,
    /// A device is to send it (`net:net_dev_start_xmit`).
    Sent,
    /// An ICMP error is sent about it (`icmp:icmp_send`, Linux 6.12).
    IcmpError,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Dropped, Self::Consumed, Self::Received, Self::Sent, Self::IcmpError];

    /// The name of the tracepoint.
    pub fn tracepoint(self) -> &'static str {
        match self {
            Self::Dropped => "kfree_skb",
            Self::Consumed => "consume_skb",
            Self::Received => "netif_receive_skb",
            Self::Sent => "net_dev_start_xmit",
            Self::IcmpError => "icmp_send",
        }
    }
}

/// What has become of a packet at one place in the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When, by the clock that captured frames have.
    pub time: Time,
    /// What.
    pub kind: Kind,
    /// The inode number of the namespace.
    pub netns: u64,
    /// The index of the device that the packet is at; 0: at none yet, or at none any more.
    pub ifindex: u32,
    /// Its name.
    pub device: Option<String>,
    /// Why it was dropped: the name of an `enum skb_drop_reason` without what all of them begin with, such
    /// as `NETFILTER_DROP`. Before Linux 5.17 there is none.
    pub reason: Option<String>,
    /// The type and code of an ICMP error.
    pub icmp: Option<(u16, u16)>,
    /// The kernel's function that dropped it or used it up, without what was inlined into it.
    pub function: Option<String>,
    /// Where in it: a return address.
    pub location: u64,
    /// The address of the `struct sk_buff`. It is given to another packet within microseconds.
    pub skb: u64,
    /// The address of its data, which stays the same through cables, bridges and routers, and is given to
    /// another packet later.
    pub head: u64,
    /// How long the packet is, from where it is being looked at.
    pub length: u32,
    /// What it is, as an ethertype.
    pub protocol: u16,
    /// What it begins with, from the header of the network on; up to 128 bytes.
    pub bytes: Vec<u8>,
}

impl Event {
    /// Reads a record. Its function has no name yet.
    pub(super) fn of(record: &[u8], realtime: u64, reasons: &Reasons) -> Option<Self> {
        let record: &[u8; at::END] = record.first_chunk()?;
        let double = |place: usize| {
            u64::from_ne_bytes(*record[place..].first_chunk().expect("it is within the record"))
        };
        let word = |place: usize| {
            u32::from_ne_bytes(*record[place..].first_chunk().expect("it is within the record"))
        };
        let half = |place: usize| [record[place], record[place + 1]];
        let kind = *Kind::ALL.get(usize::from(u16::from_ne_bytes(half(at::KIND))))?;
        let (head, start) = (double(at::HEAD), double(at::START));
        // What is behind the packet's end has been copied, too. (What isn't in one piece is missing.)
        let end = head.wrapping_add(u64::from(word(at::TAIL)));
        let captured = end.saturating_sub(start);
        let captured = usize::try_from(captured).unwrap_or_default().min(record.len() - at::BYTES);
        let name = &record[at::DEVICE..at::BYTES];
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
        let number = word(at::REASON);
        let two = || (half(at::REASON), half(at::REASON + 2));
        Some(Self {
            time: Time(double(at::TIME).wrapping_add(realtime)),
            kind,
            netns: word(at::NETNS).into(),
            ifindex: word(at::INDEX),
            device: (!name.is_empty()).then(|| String::from_utf8_lossy(name).into_owned()),
            reason: if kind == Kind::Dropped { reasons.name(number) } else { None },
            icmp: (kind == Kind::IcmpError).then(|| {
                let (kind, code) = two();
                (u16::from_ne_bytes(kind), u16::from_ne_bytes(code))
            }),
            function: None,
            location: double(at::LOCATION),
            skb: double(at::SKB),
            head,
            length: word(at::LENGTH),
            protocol: u16::from_be_bytes(half(at::PROTOCOL)),
            bytes: record[at::BYTES..at::BYTES + captured].to_vec(),
        })
    }

    /// Hands the packet, taken apart as far as it is there, to `look`. Its link's header isn't there.
    pub fn packet<T>(&self, look: impl FnOnce(&Packet<'_>) -> T) -> T {
        match self.protocol {
            ethertype::IPV4 | ethertype::IPV6 => {
                look(&Packet::decode(LinkType::Raw, &self.bytes, self.length))
            }
            // One is put before it that says what it is.
            protocol => {
                let mut frame = vec![0; 12];
                frame.extend(protocol.to_be_bytes());
                frame.extend(&self.bytes);
                look(&Packet::decode(LinkType::Ethernet, &frame, self.length.saturating_add(14)))
            }
        }
    }
}

/// In a few words, without where: `dropped in __udp4_lib_rcv: NO_SOCKET`.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            Kind::Dropped => "dropped",
            Kind::Consumed => "used up",
            Kind::Received => "came in",
            Kind::Sent => "sent",
            Kind::IcmpError => "an ICMP error is sent about it",
        })?;
        if let Some(function) = &self.function {
            write!(f, " in {function}")?;
        }
        match (&self.reason, self.icmp) {
            (Some(reason), _) => write!(f, ": {reason}"),
            (None, Some((kind, code))) => write!(f, ": type {kind}, code {code}"),
            (None, None) => Ok(()),
        }
    }
}

/// The names of reasons for drops (`include/net/dropreason-core.h`), which are numbered anew in each
/// version of the kernel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reasons {
    names: HashMap<u32, String>,
    /// Those of parts of the kernel that have reasons of their own.
    subsystems: HashMap<u32, String>,
}

impl Reasons {
    /// What all reasons of the core begin with.
    const PREFIX: &str = "SKB_DROP_REASON_";
    /// What the names of those parts begin with.
    const PART: &str = "SKB_DROP_REASON_SUBSYS_";
    /// `SKB_DROP_REASON_SUBSYS_SHIFT`
    const SHIFT: u32 = 16;

    /// What the kernel's types say. A kernel before 5.17 has none.
    pub fn of(btf: &Btf<'_>) -> Self {
        fn own<'a>(
            names: HashMap<u64, &'a str>,
            prefix: &'static str,
        ) -> impl Iterator<Item = (u32, String)> + use<'a> {
            names.into_iter().filter_map(move |(value, name)| {
                let name = name.strip_prefix(prefix).unwrap_or(name);
                Some((u32::try_from(value).ok()?, name.to_owned()))
            })
        }
        let mut reasons = Self::default();
        if let Some(parts) = btf.enumerators("skb_drop_reason_subsys") {
            reasons.subsystems = own(parts, Self::PART).collect();
        }
        // The reasons of other parts have the part's number in their upper half.
        for names in btf.enums_ending("_drop_reason") {
            let others = own(names, "").filter(|(value, _)| value >> Self::SHIFT != 0);
            reasons.names.extend(others);
        }
        if let Some(core) = btf.enumerators("skb_drop_reason") {
            reasons.names.extend(own(core, Self::PREFIX));
        }
        reasons
    }

    /// The name of a reason: where it has none, the number, with the part of the kernel if that is known.
    pub fn name(&self, number: u32) -> Option<String> {
        if self.names.is_empty() {
            return None;
        }
        if let Some(name) = self.names.get(&number) {
            return Some(name.clone());
        }
        let (part, within) = (number >> Self::SHIFT, number & ((1 << Self::SHIFT) - 1));
        Some(match self.subsystems.get(&part) {
            Some(part) => format!("{part}:{within}"),
            None => number.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, Kind, Reasons, at};

    fn reasons() -> Reasons {
        let names = [(12, "NETFILTER_DROP"), (0x2_0001, "OVS_DROP_LAST_ACTION")];
        Reasons {
            names: names.map(|(number, name)| (number, name.to_owned())).into(),
            subsystems: [(1, "MAC80211_UNUSABLE".to_owned())].into(),
        }
    }

    #[test]
    fn a_reason_without_a_name_is_its_number() {
        let reasons = reasons();
        let name = |number| reasons.name(number).expect("there are reasons");
        assert_eq!(name(12), "NETFILTER_DROP");
        assert_eq!(name(0x2_0001), "OVS_DROP_LAST_ACTION");
        assert_eq!(name(0x1_0007), "MAC80211_UNUSABLE:7");
        assert_eq!(name(99), "99");
        assert_eq!(Reasons::default().name(12), None, "this kernel has none");
    }

    fn record(kind: u16, start: u64, tail: u32) -> Vec<u8> {
        let mut record = vec![0; at::END];
        let mut put = |place: usize, bytes: &[u8]| {
            record[place..place + bytes.len()].copy_from_slice(bytes);
        };
        put(at::TIME, &5_u64.to_ne_bytes());
        put(at::HEAD, &0x1000_u64.to_ne_bytes());
        put(at::START, &start.to_ne_bytes());
        put(at::TAIL, &tail.to_ne_bytes());
        put(at::REASON, &12_u32.to_ne_bytes());
        put(at::PROTOCOL, &[8, 6]);
        put(at::KIND, &kind.to_ne_bytes());
        put(at::DEVICE, b"veth1\0garbage");
        put(at::BYTES, &[7; 128]);
        record
    }

    #[test]
    fn a_record_is_read() {
        let event = Event::of(&record(0, 0x1040, 0x40 + 28), 100, &reasons()).expect("it is one");
        assert_eq!((event.time.0, event.kind, event.protocol), (105, Kind::Dropped, 0x0806));
        assert_eq!(event.reason.as_deref(), Some("NETFILTER_DROP"));
        assert_eq!(event.device.as_deref(), Some("veth1"));
        assert_eq!(event.bytes, [7; 28]);
    }

    #[test]
    fn an_event_is_said_in_a_few_words() {
        let event = |kind| Event::of(&record(kind, 0x1000, 10), 0, &reasons()).expect("it is one");
        let function = Some("nf_hook_slow".to_owned());
        let dropped = Event { function, ..event(0) };
        assert_eq!(dropped.to_string(), "dropped in nf_hook_slow: NETFILTER_DROP");
        assert_eq!(event(0).to_string(), "dropped: NETFILTER_DROP");
        assert_eq!(event(3).to_string(), "sent");
        let error = Event { icmp: Some((3, 1)), ..event(4) };
        assert_eq!(error.to_string(), "an ICMP error is sent about it: type 3, code 1");
    }

    /// What was copied from behind the packet's end is no part of it.
    #[test]
    fn bytes_end_where_the_packet_does() {
        let length = |start, tail| {
            Event::of(&record(0, start, tail), 0, &reasons()).expect("it is one").bytes.len()
        };
        assert_eq!(length(0x1040, 0x40), 0);
        assert_eq!(length(0x1040, 0x20), 0, "it begins behind its end");
        assert_eq!(length(0x1000, 4000), 128);
        assert_eq!(length(u64::MAX, 4000), 0);
    }

    #[test]
    fn what_is_no_record_is_none() {
        let whole = record(0, 0x1000, 10);
        assert_eq!(Event::of(&whole[..whole.len() - 1], 0, &reasons()), None);
        assert_eq!(Event::of(&record(99, 0x1000, 10), 0, &reasons()), None);
    }
}
