//! A filter for all the devices that a packet socket sees.
//!
//! ```text
//!   device wanted? ──no──▶ drop
//!        │                              ┌ out of lo? ──yes──▶ drop
//!   kind of hardware ──── loopback ─────┘      │no
//!        ├─────────────── Ethernet ───────────▶ program for Ethernet
//!        ├─────────────── tunnels ────────────▶ program for IP
//!        └─────────────── anything else ──────▶ program for the rest
//! ```

use super::assemble::{Assembler, Label};
use super::instruction::{beside, code};
use super::program::Program;
use super::run::Ancillary;
use crate::{Frame, LinkType, hardware};

pub use super::assemble::TooLong;

/// `PACKET_OUTGOING`, `linux/if_packet.h`.
const OUTGOING: u32 = 4;

/// Which frames are wanted, whatever they begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    ethernet: Program,
    raw: Program,
    others: Program,
}

impl Filter {
    /// All frames, whole.
    pub fn everything() -> Self {
        let all = Program::always(u32::MAX);
        Self { ethernet: all.clone(), raw: all.clone(), others: all }
    }

    /// Those that one program wants of frames with an Ethernet header, and another of frames that begin
    /// with an IP header. Other frames are not wanted: no program knows what they are.
    pub fn new(ethernet: Program, raw: Program) -> Self {
        Self { ethernet, raw, others: Program::always(0) }
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
        for (label, program) in
            [(ethernet, &self.ethernet), (raw, &self.raw), (others, &self.others)]
        {
            asm.place(label);
            // A program begins with nothing in A.
            asm.plain(code::LOAD_NUMBER, 0);
            asm.program(program);
        }
        asm.place(drop);
        asm.plain(code::RETURN, 0);
        assembler.finish()
    }
}

impl Filter {
    /// Whether a frame of a device with this link type is wanted, of which no more is known than what
    /// is in a file: not the index of its device, say.
    pub fn wants(&self, link_type: LinkType, frame: &Frame<'_>) -> bool {
        let (program, hardware) = match link_type {
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

/// Goes to a label where A is a kind of hardware, and otherwise on.
fn choose(asm: &mut Assembler<'_>, kind: u16, label: Label) {
    let next = asm.label();
    asm.branch(code::IF_EQUAL, u32::from(kind), label, next);
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
