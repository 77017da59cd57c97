//! Runs a program on a frame that the kernel does not have any more.

use super::check::CELLS;
use super::instruction::{Instruction, beside, class, code, jump, mode, operation, size, source};
use super::program::Program;
use crate::Direction;

/// What the kernel knows of a frame besides its bytes (`SKF_AD_…`, `linux/filter.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ancillary {
    /// How long it was, in bytes; the bytes may be fewer.
    pub length: u32,
    /// Its EtherType (`skb->protocol`).
    pub protocol: u16,
    /// Which way it went.
    pub direction: Direction,
    /// The index of its device.
    pub interface: u32,
    /// The kind of hardware of its device (`ARPHRD_…`, `linux/if_arp.h`).
    pub hardware: u16,
    /// The 802.1Q tag that is not in the bytes.
    pub tag: Option<Tag>,
}

/// An 802.1Q or 802.1ad tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag {
    /// Its EtherType: 0x8100 or 0x88a8.
    pub protocol: u16,
    /// Priority (3 bits), drop eligible (1), VLAN (12).
    pub control: u16,
}

impl Program {
    /// The verdict on a frame: how many of its bytes are wanted, which may be more than it has.
    ///
    /// It is the kernel's verdict (`___bpf_prog_run`, `bpf_convert_filter`), with one exception: a
    /// program that asks for what only the kernel could know at that moment (the mark, the queue, the
    /// hash, the processor, chance, a netlink attribute, offsets from the network header) gets no
    /// answer, and so does not want the frame.
    pub fn run(&self, frame: &[u8], ancillary: &Ancillary) -> u32 {
        let machine = Machine { frame, ancillary, a: 0, x: 0, cells: [0; CELLS] };
        machine.run(self.instructions()).unwrap_or(0)
    }
}

struct Machine<'f> {
    frame: &'f [u8],
    ancillary: &'f Ancillary,
    a: u32,
    x: u32,
    cells: [u32; CELLS],
}

impl Machine<'_> {
    /// `None`: something is loaded that is not there.
    fn run(mut self, program: &[Instruction]) -> Option<u32> {
        let mut at = 0;
        // Jumps go forward only: it comes to an end.
        loop {
            let instruction = program.get(at)?;
            let Instruction { code, k, .. } = *instruction;
            at += 1;
            match code & 7 {
                class::LD => self.a = self.load(code, k)?,
                class::LDX => self.x = self.load_x(code, k)?,
                class::ST => *self.cells.get_mut(k as usize)? = self.a,
                class::STX => *self.cells.get_mut(k as usize)? = self.x,
                class::ALU => self.a = self.calculate(code, k)?,
                class::JMP => at = at.checked_add(self.distance(instruction))?,
                class::RET => return Some(if code == code::RETURN_A { self.a } else { k }),
                _ if code == code::TO_X => self.x = self.a,
                _ => self.a = self.x,
            }
        }
    }

    fn load(&self, code: u16, k: u32) -> Option<u32> {
        match code & 0xe0 {
            mode::ABS if k >= beside::FIRST => self.beside(k),
            mode::ABS => self.bytes(code, k),
            mode::IND => self.bytes(code, self.x.wrapping_add(k)),
            mode::IMM => Some(k),
            mode::LEN => Some(self.ancillary.length),
            _ => self.cells.get(k as usize).copied(),
        }
    }

    fn load_x(&self, code: u16, k: u32) -> Option<u32> {
        match code & 0xe0 {
            mode::MSH => Some(4 * (self.bytes(code, k)? & 0xf)),
            mode::IMM => Some(k),
            mode::LEN => Some(self.ancillary.length),
            _ => self.cells.get(k as usize).copied(),
        }
    }

    fn bytes(&self, code: u16, at: u32) -> Option<u32> {
        let bytes = self.frame.get(at as usize..)?;
        Some(match code & 0x18 {
            size::W => u32::from_be_bytes(*bytes.first_chunk()?),
            size::H => u16::from_be_bytes(*bytes.first_chunk()?).into(),
            _ => (*bytes.first()?).into(),
        })
    }

    fn beside(&self, k: u32) -> Option<u32> {
        let Ancillary { protocol, direction, interface, hardware, tag, .. } = *self.ancillary;
        Some(match k {
            beside::PROTOCOL => protocol.into(),
            beside::PACKET_TYPE => packet_type(direction),
            beside::INTERFACE => interface,
            beside::HARDWARE => hardware.into(),
            beside::XOR_X => self.a ^ self.x,
            beside::VLAN_TAG => tag.map_or(0, |tag| tag.control.into()),
            beside::VLAN_TAG_PRESENT => tag.is_some().into(),
            beside::VLAN_PROTOCOL => tag.map_or(0, |tag| tag.protocol.into()),
            _ => return None,
        })
    }

    fn calculate(&self, code: u16, k: u32) -> Option<u32> {
        let (a, other) = (self.a, self.other(code, k));
        Some(match code & 0xf0 {
            operation::ADD => a.wrapping_add(other),
            operation::SUB => a.wrapping_sub(other),
            operation::MUL => a.wrapping_mul(other),
            operation::DIV => a.checked_div(other)?,
            operation::MOD => a.checked_rem(other)?,
            operation::OR => a | other,
            operation::AND => a & other,
            operation::XOR => a ^ other,
            // As the kernel's processors do: only the low five bits of the distance count.
            operation::LSH => a.wrapping_shl(other),
            operation::RSH => a.wrapping_shr(other),
            _ => a.wrapping_neg(),
        })
    }

    fn distance(&self, instruction: &Instruction) -> usize {
        let Instruction { code, jt, jf, k } = *instruction;
        let other = self.other(code, k);
        let holds = match code & 0xf0 {
            jump::JEQ => self.a == other,
            jump::JGT => self.a > other,
            jump::JGE => self.a >= other,
            jump::JSET => self.a & other != 0,
            _ => return k as usize,
        };
        usize::from(if holds { jt } else { jf })
    }

    fn other(&self, code: u16, k: u32) -> u32 {
        if code & source::X != 0 { self.x } else { k }
    }
}

/// `PACKET_HOST`…, `linux/if_packet.h`.
fn packet_type(direction: Direction) -> u32 {
    match direction {
        Direction::In | Direction::Unknown => 0,
        Direction::Broadcast => 1,
        Direction::Multicast => 2,
        Direction::OtherHost => 3,
        Direction::Out => 4,
    }
}
