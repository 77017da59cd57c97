//! A filter for all the devices that a packet socket sees.
//!
//! ```text
//!   device wanted? ──no──▶ drop
//!        │                              ┌ out of lo? ──yes──▶ drop
//!   kind of hardware ──── loopback ─────┘      │no
//!        ├─────────────── Ethernet ───────────▶ program for Ethernet, by where the VLAN's tag is
//!        ├─────────────── tunnels ────────────▶ program for IP
//!        └─────────────── anything else ──────▶ program for the rest
//! ```

use super::assemble::{Assembler, Label};
use super::instruction::{beside, code};
use super::program::Program;
use super::run::Ancillary;
use super::shorten::shorten;
use super::tag::{self, Sight, rewrite};
use crate::{Frame, LinkType, hardware};

pub use super::assemble::TooLong;

/// `PACKET_OUTGOING`, `linux/if_packet.h`.
const OUTGOING: u32 = 4;

/// EtherTypes of the tags that the kernel takes out of a frame (`eth_type_vlan`, `linux/if_vlan.h`).
const TAGS: [u16; 2] = [0x8100, 0x88a8];

/// Which frames are wanted, whatever they begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// For frames with an Ethernet header.
    ethernet: Program,
    /// For those of them that have a VLAN's tag behind it.
    tag_inside: Program,
    /// For those whose tag the kernel has put beside the bytes.
    tag_beside: Program,
    /// For frames that begin with an IP header.
    raw: Program,
    /// For all others.
    others: Program,
}

/// A program looks at a VLAN's tag in a way that can't be had of a frame from which the kernel has taken it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TagLost;

impl std::error::Error for TagLost {}

impl std::fmt::Display for TagLost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "the kernel takes tags out of frames, and the filter looks at a tag in a way that can't be \
             had then"
        )
    }
}

impl Filter {
    /// All frames, whole.
    pub fn everything() -> Self {
        let all = Program::always(u32::MAX);
        Self {
            ethernet: all.clone(),
            tag_inside: all.clone(),
            tag_beside: all.clone(),
            raw: all.clone(),
            others: all,
        }
    }

    /// Those that one program wants of frames with an Ethernet header, and another of frames that begin
    /// with an IP header. Other frames are not wanted: no program knows what they are.
    ///
    /// A frame of a VLAN is wanted where it would be without its (outermost) tag.
    pub fn new(ethernet: Program, raw: Program) -> Self {
        // A program that can't be rewritten is one that is interested in that place: it is shown it.
        let tag_inside = rewrite(&ethernet, Sight::Without);
        let [ethernet, raw] = [ethernet, raw].map(|program| shorten(&program));
        let tag_inside = tag_inside.map_or_else(|| ethernet.clone(), |program| shorten(&program));
        let tag_beside = ethernet.clone();
        Self { ethernet, tag_inside, tag_beside, raw, others: Program::always(0) }
    }

    /// As [`new`](Self::new), for programs that look at the tags of VLANs: they see a frame as it is on the
    /// wire.
    ///
    /// # Errors
    ///
    /// [`TagLost`].
    pub fn of_tags(ethernet: Program, raw: Program) -> Result<Self, TagLost> {
        let tag_beside = shorten(&rewrite(&ethernet, Sight::With).ok_or(TagLost)?);
        let [ethernet, raw] = [ethernet, raw].map(|program| shorten(&program));
        let tag_inside = ethernet.clone();
        Ok(Self { ethernet, tag_inside, tag_beside, raw, others: Program::always(0) })
    }

    /// The program for a packet socket (of type `SOCK_RAW`) that is bound to no device: of the frames of
    /// these devices (by their indexes in the namespace), or of all.
    ///
    /// What goes out by `lo` comes in by it at once, and is wanted only once: as it comes in.
    ///
    /// # Errors
    ///
    /// [`TooLong`]: the programs and the list of devices together are.
    pub fn program(&self, devices: Option<&[u32]>) -> Result<Program, TooLong> {
        let mut assembler = Assembler::default();
        let asm = &mut assembler;
        let drop = asm.label();
        if let Some(devices) = devices {
            let wanted = asm.label();
            asm.plain(code::LOAD_WORD, beside::INTERFACE);
            one_of(asm, &ranges(devices), wanted, drop);
            asm.place(wanted);
        }
        let [loopback, ethernet, raw, others] = [(); 4].map(|()| asm.label());
        asm.plain(code::LOAD_WORD, beside::HARDWARE);
        choose(asm, hardware::ETHERNET, ethernet);
        choose(asm, hardware::LOOPBACK, loopback);
        for kind in hardware::RAW {
            choose(asm, kind, raw);
        }
        asm.jump(others);
        asm.place(loopback);
        asm.plain(code::LOAD_WORD, beside::PACKET_TYPE);
        asm.branch(code::IF_EQUAL, OUTGOING, drop, ethernet);
        asm.place(ethernet);
        self.ethernet(asm);
        asm.place(raw);
        run(asm, &self.raw);
        asm.place(others);
        run(asm, &self.others);
        asm.place(drop);
        asm.plain(code::RETURN, 0);
        assembler.finish()
    }

    /// Runs the program for frames with an Ethernet header: that for the place where the tag is.
    fn ethernet<'p>(&'p self, asm: &mut Assembler<'p>) {
        let [plain, beside, inside] = [(); 3].map(|()| asm.label());
        let [is_beside, is_inside] =
            [&self.tag_beside, &self.tag_inside].map(|program| *program != self.ethernet);
        if is_beside || is_inside {
            let next = asm.label();
            asm.plain(code::LOAD_WORD, beside::VLAN_TAG_PRESENT);
            asm.branch(code::IF_EQUAL, 0, next, if is_beside { beside } else { plain });
            asm.place(next);
        }
        if is_inside {
            asm.plain(code::LOAD_HALF, tag::START);
            for protocol in TAGS {
                choose(asm, protocol, inside);
            }
        }
        asm.place(plain);
        run(asm, &self.ethernet);
        for (label, program, is_other) in
            [(beside, &self.tag_beside, is_beside), (inside, &self.tag_inside, is_inside)]
        {
            if is_other {
                asm.place(label);
                run(asm, program);
            }
        }
    }

    /// Whether a frame of a device with this link type is wanted, of which no more is known than what
    /// is in a file: all of its tags are in its bytes, and the index of its device is 0.
    pub fn wants(&self, link_type: LinkType, frame: &Frame<'_>) -> bool {
        let (program, hardware) = match link_type {
            LinkType::Ethernet if has_tag(frame.bytes) => (&self.tag_inside, hardware::ETHERNET),
            LinkType::Ethernet => (&self.ethernet, hardware::ETHERNET),
            LinkType::Raw => (&self.raw, hardware::RAW[0]),
            LinkType::Other(_) => (&self.others, u16::MAX),
        };
        let Frame { length, direction, .. } = *frame;
        let ancillary =
            Ancillary { length, protocol: 0, direction, interface: 0, hardware, tag: None };
        program.run(frame.bytes, &ancillary) != 0
    }
}

/// Whether there is a tag behind the MAC addresses.
fn has_tag(frame: &[u8]) -> bool {
    let protocol = frame.get(tag::START as usize..).and_then(|rest| rest.first_chunk());
    protocol.is_some_and(|protocol| TAGS.contains(&u16::from_be_bytes(*protocol)))
}

/// Runs a program, which ends with its verdict.
fn run<'p>(asm: &mut Assembler<'p>, program: &'p Program) {
    // A program begins with nothing in A.
    asm.plain(code::LOAD_NUMBER, 0);
    asm.program(program);
}

/// Goes to a label where A is this number, and otherwise on.
fn choose(asm: &mut Assembler<'_>, number: u16, label: Label) {
    let next = asm.label();
    asm.branch(code::IF_EQUAL, u32::from(number), label, next);
    asm.place(next);
}

/// The same numbers as ranges, in order, with gaps between them.
fn ranges(numbers: &[u32]) -> Vec<(u32, u32)> {
    let mut numbers = numbers.to_vec();
    numbers.sort_unstable();
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if number <= last.saturating_add(1) => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    ranges
}

/// Goes to one label or the other, by whether A is in one of these ranges: halving them, so that a
/// thousand cost ten comparisons.
fn one_of(asm: &mut Assembler<'_>, ranges: &[(u32, u32)], hit: Label, miss: Label) {
    match ranges {
        [] => asm.jump(miss),
        &[(first, last)] if first == last => asm.branch(code::IF_EQUAL, first, hit, miss),
        &[(first, last)] => {
            let next = asm.label();
            asm.branch(code::IF_NOT_LESS, first, next, miss);
            asm.place(next);
            asm.branch(code::IF_MORE, last, miss, hit);
        }
        _ => {
            let (low, high) = ranges.split_at(ranges.len() / 2);
            let [below, above] = [(); 2].map(|()| asm.label());
            asm.branch(code::IF_NOT_LESS, high[0].0, above, below);
            asm.place(below);
            one_of(asm, low, hit, miss);
            asm.place(above);
            one_of(asm, high, hit, miss);
        }
    }
}
