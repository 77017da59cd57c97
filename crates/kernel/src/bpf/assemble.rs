//! Programs of eBPF as data, and the bytes that the kernel takes (RFC 9669; `struct bpf_insn`,
//! `linux/bpf.h`).
//!
//! There is only what the programs here use: 64-bit arithmetic, loads and stores, jumps to labels, calls
//! of helpers.

use std::collections::HashMap;

/// A register, as far as it is used. R0 is what a helper gives back, R1 to R5 are what it is called with
/// and lost by then, R6 to R9 stay, R10 is the end of the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Register {
    R0,
    R1,
    R2,
    R3,
    R6 = 6,
    R7,
    R8,
    R9,
    R10,
}

/// How much is loaded or stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// 2 bytes.
    Half,
    /// 4 bytes.
    Word,
    /// 8 bytes.
    Double,
}

/// A function of the kernel (`___BPF_FUNC_MAPPER`, `linux/bpf.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Helper {
    /// (map, key): where the value is, or 0.
    MapLookup = 1,
    /// (): nanoseconds of `CLOCK_MONOTONIC`.
    Nanoseconds = 5,
    /// (to, size, from): 0, or an errno where it can't be read, and then all is 0.
    ReadKernel = 113,
    /// (ring, size, flags): where the record is, or 0.
    RingReserve = 131,
    /// (record, flags).
    RingSubmit = 132,
}

/// When a conditional jump is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The register is the number.
    Equal,
    /// It is not.
    NotEqual,
}

/// One instruction, or the mark of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instruction {
    /// The second into the first.
    Copy(Register, Register),
    /// A number into a register; the sign is extended.
    Set(Register, i32),
    /// A number is added.
    Add(Register, i32),
    /// The second is added to the first.
    AddRegister(Register, Register),
    /// The bits of the number are kept; its sign is extended.
    And(Register, i32),
    /// Into the first, what is so many bytes behind where the second points to.
    Load(Size, Register, Register, i16),
    /// So many bytes behind where the first points to, what is in the second.
    Store(Size, Register, i16, Register),
    /// So many bytes behind where the register points to, a number.
    StoreNumber(Size, Register, i16, i32),
    /// The second is added to the 8 bytes so many bytes behind where the first points to, at once.
    AtomicAdd(Register, i16, Register),
    /// The map behind this descriptor, into a register.
    Map(Register, i32),
    /// A helper is called.
    Call(Helper),
    /// Goes on at a label if the register compares so with the number.
    Jump(When, Register, i32, &'static str),
    /// Goes on at a label.
    Go(&'static str),
    /// The place of a label: no instruction.
    Label(&'static str),
    /// The end.
    Exit,
}

/// Why there are no bytes for a program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// It jumps to a label that is nowhere.
    #[error("there is no label `{0}`")]
    NoLabel(&'static str),
    /// A label is at two places.
    #[error("the label `{0}` is at two places")]
    TwoLabels(&'static str),
    /// A jump goes further than it can.
    #[error("`{0}` is too far away")]
    Far(&'static str),
}

/// `BPF_LDX` and so on: what the lower three bits of a code say.
mod class {
    pub const LD: u8 = 0;
    pub const LDX: u8 = 1;
    pub const ST: u8 = 2;
    pub const STX: u8 = 3;
    pub const JMP: u8 = 5;
    pub const ALU64: u8 = 7;
}

/// Where what is loaded or stored is: `BPF_IMM`, `BPF_MEM`, `BPF_ATOMIC`.
mod mode {
    pub const IMM: u8 = 0x00;
    pub const MEM: u8 = 0x60;
    pub const ATOMIC: u8 = 0xc0;
}

/// `BPF_X`: the second operand is a register.
const X: u8 = 0x08;

mod operation {
    pub const ADD: u8 = 0x00;
    pub const AND: u8 = 0x50;
    pub const MOV: u8 = 0xb0;
    pub const JA: u8 = 0x00;
    pub const JEQ: u8 = 0x10;
    pub const JNE: u8 = 0x50;
    pub const CALL: u8 = 0x80;
    pub const EXIT: u8 = 0x90;
}

/// `BPF_PSEUDO_MAP_FD`: the number is a map's descriptor.
const MAP_FD: u8 = 1;

/// One `struct bpf_insn`.
#[derive(Debug, Clone, Copy, Default)]
struct Raw {
    code: u8,
    to: u8,
    from: u8,
    offset: i16,
    number: i32,
}

impl Raw {
    fn bytes(self) -> [u8; 8] {
        // Two bit fields of four bits, which the compiler lays out as the machine's byte order is.
        let (to, from) = (self.to, self.from);
        let registers =
            if cfg!(target_endian = "little") { from << 4 | to } else { to << 4 | from };
        let [a, b] = self.offset.to_ne_bytes();
        let [c, d, e, f] = self.number.to_ne_bytes();
        [self.code, registers, a, b, c, d, e, f]
    }
}

impl Size {
    fn bits(self) -> u8 {
        match self {
            Self::Word => 0x00,
            Self::Half => 0x08,
            Self::Double => 0x18,
        }
    }
}

impl Instruction {
    /// How many `struct bpf_insn`s it takes.
    fn length(self) -> usize {
        match self {
            Self::Label(_) => 0,
            Self::Map(..) => 2,
            _ => 1,
        }
    }

    /// It, but for the distance of a jump.
    fn raw(self) -> Raw {
        let none = Raw::default();
        let alu = |operation, to: Register, number| Raw {
            code: class::ALU64 | operation,
            to: to as u8,
            number,
            ..none
        };
        match self {
            Self::Copy(to, from) => {
                let code = class::ALU64 | operation::MOV | X;
                Raw { code, to: to as u8, from: from as u8, ..none }
            }
            Self::Set(to, number) => alu(operation::MOV, to, number),
            Self::Add(to, number) => alu(operation::ADD, to, number),
            Self::And(to, number) => alu(operation::AND, to, number),
            Self::AddRegister(to, from) => {
                let code = class::ALU64 | operation::ADD | X;
                Raw { code, to: to as u8, from: from as u8, ..none }
            }
            Self::Load(size, to, from, offset) => {
                let code = class::LDX | mode::MEM | size.bits();
                Raw { code, to: to as u8, from: from as u8, offset, ..none }
            }
            Self::Store(size, to, offset, from) => {
                let code = class::STX | mode::MEM | size.bits();
                Raw { code, to: to as u8, from: from as u8, offset, ..none }
            }
            Self::StoreNumber(size, to, offset, number) => {
                let code = class::ST | mode::MEM | size.bits();
                Raw { code, to: to as u8, offset, number, ..none }
            }
            Self::AtomicAdd(to, offset, from) => {
                let code = class::STX | mode::ATOMIC | Size::Double.bits();
                let number = i32::from(operation::ADD);
                Raw { code, to: to as u8, from: from as u8, offset, number }
            }
            Self::Map(to, number) => {
                let code = class::LD | mode::IMM | Size::Double.bits();
                Raw { code, to: to as u8, from: MAP_FD, number, ..none }
            }
            Self::Call(helper) => {
                Raw { code: class::JMP | operation::CALL, number: helper as i32, ..none }
            }
            Self::Jump(when, left, number, _) => {
                let operation = match when {
                    When::Equal => operation::JEQ,
                    When::NotEqual => operation::JNE,
                };
                Raw { code: class::JMP | operation, to: left as u8, number, ..none }
            }
            Self::Go(_) => Raw { code: class::JMP | operation::JA, ..none },
            Self::Exit | Self::Label(_) => Raw { code: class::JMP | operation::EXIT, ..none },
        }
    }

    fn target(self) -> Option<&'static str> {
        match self {
            Self::Jump(.., label) | Self::Go(label) => Some(label),
            _ => None,
        }
    }
}

/// The `struct bpf_insn`s of a program.
pub fn assemble(program: &[Instruction]) -> Result<Vec<[u8; 8]>, Mistake> {
    let mut labels = HashMap::new();
    let mut place = 0_usize;
    for instruction in program {
        if let Instruction::Label(label) = instruction
            && labels.insert(*label, place).is_some()
        {
            return Err(Mistake::TwoLabels(label));
        }
        place += instruction.length();
    }
    let mut code = Vec::with_capacity(place);
    for instruction in program {
        let mut raw = instruction.raw();
        if let Some(label) = instruction.target() {
            let target = *labels.get(label).ok_or(Mistake::NoLabel(label))?;
            // Counted from the instruction that follows.
            let distance = target as i64 - code.len() as i64 - 1;
            raw.offset = i16::try_from(distance).map_err(|_| Mistake::Far(label))?;
        }
        match instruction.length() {
            0 => {}
            1 => code.push(raw.bytes()),
            // The upper half of the number, which a descriptor has not.
            _ => code.extend([raw.bytes(), [0; 8]]),
        }
    }
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::Instruction::*;
    use super::Register::*;
    use super::*;

    /// The bytes are those of the tables in RFC 9669, sections 4 and 5, on a little-endian machine.
    #[test]
    #[cfg(target_endian = "little")]
    fn each_instruction_has_its_bytes() {
        let golden: [(Instruction, [u8; 8]); 12] = [
            (Copy(R6, R1), [0xbf, 0x16, 0, 0, 0, 0, 0, 0]),
            (Set(R3, -2), [0xb7, 0x03, 0, 0, 0xfe, 0xff, 0xff, 0xff]),
            (Add(R2, -8), [0x07, 0x02, 0, 0, 0xf8, 0xff, 0xff, 0xff]),
            (AddRegister(R3, R7), [0x0f, 0x73, 0, 0, 0, 0, 0, 0]),
            (And(R3, -2), [0x57, 0x03, 0, 0, 0xfe, 0xff, 0xff, 0xff]),
            (Load(Size::Double, R1, R10, -8), [0x79, 0xa1, 0xf8, 0xff, 0, 0, 0, 0]),
            (Load(Size::Half, R1, R10, 2), [0x69, 0xa1, 2, 0, 0, 0, 0, 0]),
            (Store(Size::Word, R8, 44, R1), [0x63, 0x18, 44, 0, 0, 0, 0, 0]),
            (StoreNumber(Size::Half, R8, 62, 3), [0x6a, 0x08, 62, 0, 3, 0, 0, 0]),
            (AtomicAdd(R0, 0, R1), [0xdb, 0x10, 0, 0, 0, 0, 0, 0]),
            (Call(Helper::ReadKernel), [0x85, 0, 0, 0, 113, 0, 0, 0]),
            (Exit, [0x95, 0, 0, 0, 0, 0, 0, 0]),
        ];
        for (instruction, bytes) in golden {
            assert_eq!(assemble(&[instruction]), Ok(vec![bytes]), "{instruction:?}");
        }
        let map = [0x18, 0x11, 0, 0, 5, 0, 0, 0];
        assert_eq!(assemble(&[Map(R1, 5)]), Ok(vec![map, [0; 8]]));
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn a_jump_is_counted_from_the_next_instruction() {
        let program = [
            Label("start"),
            Jump(When::NotEqual, R0, 0, "end"),
            Map(R1, 5),
            Go("start"),
            Label("end"),
            Exit,
        ];
        let code = assemble(&program).expect("all labels are there");
        assert_eq!(code[0], [0x55, 0, 3, 0, 0, 0, 0, 0]);
        assert_eq!(code[3], [0x05, 0, 0xfc, 0xff, 0, 0, 0, 0]);
        assert_eq!(code.len(), 5);
    }

    #[test]
    fn labels_are_at_one_place() {
        assert_eq!(assemble(&[Go("none")]), Err(Mistake::NoLabel("none")));
        let twice = [Label("a"), Exit, Label("a")];
        assert_eq!(assemble(&twice), Err(Mistake::TwoLabels("a")));
        let mut far = vec![Go("far")];
        far.extend(vec![Exit; 40_000]);
        far.push(Label("far"));
        assert_eq!(assemble(&far), Err(Mistake::Far("far")));
    }
}
