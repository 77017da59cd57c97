//! One instruction of classic BPF, and the words for it (`linux/bpf_common.h`, `linux/filter.h`,
//! `Documentation/networking/filter.rst`).

/// One instruction of classic BPF: `struct sock_filter`, `linux/filter.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Instruction {
    /// What is done.
    pub code: u16,
    /// How many instructions a jump leaves out where its condition holds.
    pub jt: u8,
    /// How many it leaves out where it doesn't.
    pub jf: u8,
    /// A number, an offset in the frame, or a distance.
    pub k: u32,
}

impl Instruction {
    /// One that is no conditional jump.
    pub(super) const fn plain(code: u16, k: u32) -> Self {
        Self { code, jt: 0, jf: 0, k }
    }
}

/// Codes, whole: those that the kernel takes (`chk_code_allowed`, net/core/filter.c).
pub(super) mod code {
    use super::{class, mode, size, source};

    /// The word at `k`.
    pub const LOAD_WORD: u16 = class::LD | size::W | mode::ABS;
    /// The half word at `k`.
    pub const LOAD_HALF: u16 = class::LD | size::H | mode::ABS;
    /// The byte at `k`.
    pub const LOAD_BYTE: u16 = class::LD | size::B | mode::ABS;
    /// The half word at X + `k`.
    pub const LOAD_HALF_X: u16 = class::LD | size::H | mode::IND;
    /// The number `k`.
    pub const LOAD_NUMBER: u16 = class::LD | mode::IMM;
    /// The cell `k` of the scratch memory.
    pub const LOAD_CELL: u16 = class::LD | mode::MEM;
    /// The number `k`, into X.
    pub const LOADX_NUMBER: u16 = class::LDX | mode::IMM;
    /// The length of the frame, into X.
    pub const LOADX_LENGTH: u16 = class::LDX | mode::LEN;
    /// The cell `k`, into X.
    pub const LOADX_CELL: u16 = class::LDX | mode::MEM;
    /// Four times the low half of the byte at `k`, into X: how long an IPv4 header is.
    pub const LOADX_HEADER: u16 = class::LDX | size::B | mode::MSH;
    /// A into the cell `k`.
    pub const STORE: u16 = class::ST;
    /// X into the cell `k`.
    pub const STOREX: u16 = class::STX;
    /// Leaves out `k` instructions.
    pub const JUMP: u16 = class::JMP;
    /// Whether A is `k`.
    pub const IF_EQUAL: u16 = class::JMP | super::jump::JEQ | source::K;
    /// Whether A is more than `k`.
    pub const IF_MORE: u16 = class::JMP | super::jump::JGT | source::K;
    /// Whether A is `k` or more.
    pub const IF_NOT_LESS: u16 = class::JMP | super::jump::JGE | source::K;
    /// Whether A and `k` have a bit in common.
    pub const IF_BITS: u16 = class::JMP | super::jump::JSET | source::K;
    /// A becomes A plus `k`.
    pub const ADD: u16 = class::ALU | super::operation::ADD | source::K;
    /// A becomes A shifted to the right by `k` bits.
    pub const SHIFT_RIGHT: u16 = class::ALU | super::operation::RSH | source::K;
    /// A becomes A and `k`.
    pub const AND: u16 = class::ALU | super::operation::AND | source::K;
    /// Ends with the verdict `k`.
    pub const RETURN: u16 = class::RET | source::K;
    /// Ends with the verdict A.
    pub const RETURN_A: u16 = class::RET | source::A;
    /// X becomes A.
    pub const TO_X: u16 = class::MISC;
    /// A becomes X.
    pub const TO_A: u16 = class::MISC | 0x80;
}

/// The low three bits of a code.
pub(super) mod class {
    pub const LD: u16 = 0;
    pub const LDX: u16 = 1;
    pub const ST: u16 = 2;
    pub const STX: u16 = 3;
    pub const ALU: u16 = 4;
    pub const JMP: u16 = 5;
    pub const RET: u16 = 6;
    pub const MISC: u16 = 7;
}

/// How much is loaded.
pub(super) mod size {
    pub const W: u16 = 0x00;
    pub const H: u16 = 0x08;
    pub const B: u16 = 0x10;
}

/// Where from.
pub(super) mod mode {
    pub const IMM: u16 = 0x00;
    pub const ABS: u16 = 0x20;
    pub const IND: u16 = 0x40;
    pub const MEM: u16 = 0x60;
    pub const LEN: u16 = 0x80;
    pub const MSH: u16 = 0xa0;
}

/// What the other operand is.
pub(super) mod source {
    pub const K: u16 = 0x00;
    pub const X: u16 = 0x08;
    pub const A: u16 = 0x10;
}

/// Arithmetic.
pub(super) mod operation {
    pub const ADD: u16 = 0x00;
    pub const SUB: u16 = 0x10;
    pub const MUL: u16 = 0x20;
    pub const DIV: u16 = 0x30;
    pub const OR: u16 = 0x40;
    pub const AND: u16 = 0x50;
    pub const LSH: u16 = 0x60;
    pub const RSH: u16 = 0x70;
    pub const NEG: u16 = 0x80;
    pub const MOD: u16 = 0x90;
    pub const XOR: u16 = 0xa0;
}

/// Jumps.
pub(super) mod jump {
    pub const JEQ: u16 = 0x10;
    pub const JGT: u16 = 0x20;
    pub const JGE: u16 = 0x30;
    pub const JSET: u16 = 0x40;
}

/// What the kernel knows of a frame besides its bytes: offsets from which it is loaded like bytes
/// (`SKF_AD_…`, `linux/filter.h`).
pub(super) mod beside {
    /// `SKF_AD_OFF`.
    pub const FIRST: u32 = -0x1000_i32 as u32;
    /// The EtherType (`skb->protocol`).
    pub const PROTOCOL: u32 = FIRST;
    /// Which way it goes (`PACKET_HOST`…, `linux/if_packet.h`).
    pub const PACKET_TYPE: u32 = FIRST + 4;
    /// The index of the device.
    pub const INTERFACE: u32 = FIRST + 8;
    pub const NETLINK_ATTRIBUTE: u32 = FIRST + 12;
    pub const NESTED_ATTRIBUTE: u32 = FIRST + 16;
    pub const MARK: u32 = FIRST + 20;
    pub const QUEUE: u32 = FIRST + 24;
    /// The kind of hardware of the device (`ARPHRD_…`, `linux/if_arp.h`).
    pub const HARDWARE: u32 = FIRST + 28;
    pub const HASH: u32 = FIRST + 32;
    pub const CPU: u32 = FIRST + 36;
    /// No load: A becomes A xor X.
    pub const XOR_X: u32 = FIRST + 40;
    /// The tag control information of the 802.1Q tag.
    pub const VLAN_TAG: u32 = FIRST + 44;
    /// Whether there is a tag.
    pub const VLAN_TAG_PRESENT: u32 = FIRST + 48;
    pub const PAYLOAD: u32 = FIRST + 52;
    pub const RANDOM: u32 = FIRST + 56;
    /// The EtherType of the tag.
    pub const VLAN_PROTOCOL: u32 = FIRST + 60;
    /// All of them.
    pub const ALL: [u32; 16] = [
        PROTOCOL,
        PACKET_TYPE,
        INTERFACE,
        NETLINK_ATTRIBUTE,
        NESTED_ATTRIBUTE,
        MARK,
        QUEUE,
        HARDWARE,
        HASH,
        CPU,
        XOR_X,
        VLAN_TAG,
        VLAN_TAG_PRESENT,
        PAYLOAD,
        RANDOM,
        VLAN_PROTOCOL,
    ];
}
