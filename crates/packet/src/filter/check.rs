//! Whether a program is in order: the same answer as the kernel's (`bpf_check_classic` and
//! `check_load_and_stores`, net/core/filter.c).

use super::instruction::{Instruction, beside, class, code, jump, mode, operation, size, source};
use super::program::MAXIMUM;

/// Cells of the scratch memory: `BPF_MEMWORDS`, `linux/filter.h`.
pub(super) const CELLS: usize = 16;

/// Why a program is not in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invalid {
    /// It has no instruction, or more than [`MAXIMUM`].
    Length(usize),
    /// There is no instruction with this code.
    Code {
        /// The instruction's place.
        at: usize,
        /// Its code.
        code: u16,
    },
    /// It jumps to where no instruction is.
    Jump {
        /// The instruction's place.
        at: usize,
    },
    /// Its number is not one that this instruction can have: a division by zero, a shift by more than
    /// 31, a cell that there isn't, something beside the frame that nobody knows.
    Number {
        /// The instruction's place.
        at: usize,
        /// The number.
        k: u32,
    },
    /// A cell is loaded that may not have been stored.
    Cell {
        /// The instruction's place.
        at: usize,
    },
    /// The last instruction does not end it.
    NoEnd,
}

impl std::error::Error for Invalid {}

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Length(length) => {
                write!(f, "a program has 1 to {MAXIMUM} instructions, this one {length}")
            }
            Self::Code { at, code } => write!(f, "instruction {at}: there is no code {code:#06x}"),
            Self::Jump { at } => write!(f, "instruction {at} jumps out of the program"),
            Self::Number { at, k } => write!(f, "instruction {at} can't have the number {k}"),
            Self::Cell { at } => {
                write!(f, "instruction {at} loads a cell that may not have been stored")
            }
            Self::NoEnd => write!(f, "the last instruction does not end the program"),
        }
    }
}

/// Checks a program.
pub(super) fn check(program: &[Instruction]) -> Result<(), Invalid> {
    if program.is_empty() || program.len() > MAXIMUM {
        return Err(Invalid::Length(program.len()));
    }
    for (at, instruction) in program.iter().enumerate() {
        check_one(at, instruction, program.len() - at - 1)?;
    }
    match program.last() {
        Some(Instruction { code: code::RETURN | code::RETURN_A, .. }) => check_cells(program),
        _ => Err(Invalid::NoEnd),
    }
}

/// Checks an instruction behind which there are so many others.
fn check_one(at: usize, instruction: &Instruction, behind: usize) -> Result<(), Invalid> {
    let Instruction { code, jt, jf, k } = *instruction;
    if !is_known(code) {
        return Err(Invalid::Code { at, code });
    }
    let number = |good: bool| if good { Ok(()) } else { Err(Invalid::Number { at, k }) };
    match (code & 7, code & 0xf0) {
        (class::JMP, 0) if k as usize >= behind => Err(Invalid::Jump { at }),
        (class::JMP, 0) => Ok(()),
        (class::JMP, _) if usize::from(jt.max(jf)) >= behind => Err(Invalid::Jump { at }),
        (class::ALU, operation::DIV | operation::MOD) => number(code & source::X != 0 || k != 0),
        (class::ALU, operation::LSH | operation::RSH) => number(code & source::X != 0 || k < 32),
        (class::ST | class::STX, _) => number((k as usize) < CELLS),
        (class::LD | class::LDX, _) if code & 0xe0 == mode::MEM => number((k as usize) < CELLS),
        (class::LD, _) if code & 0xe0 == mode::ABS => {
            number(k < beside::FIRST || beside::ALL.contains(&k))
        }
        _ => Ok(()),
    }
}

/// Whether there is an instruction with this code.
fn is_known(code: u16) -> bool {
    match code & 7 {
        class::LD if code > 0xff => false,
        class::LD => match code & 0xe0 {
            mode::ABS | mode::IND => [size::W, size::H, size::B].contains(&(code & 0x18)),
            mode::IMM | mode::MEM | mode::LEN => code & 0x18 == size::W,
            _ => false,
        },
        class::LDX => matches!(
            code,
            code::LOADX_NUMBER | code::LOADX_CELL | code::LOADX_LENGTH | code::LOADX_HEADER
        ),
        class::ST => code == code::STORE,
        class::STX => code == code::STOREX,
        class::ALU => match code & !0x0f {
            operation::NEG => code & source::X == 0,
            operation => operation <= operation::XOR,
        },
        class::JMP => match code & !0x0f {
            0 => code == code::JUMP,
            jump => jump <= jump::JSET,
        },
        class::RET => matches!(code, code::RETURN | code::RETURN_A),
        _ => matches!(code, code::TO_X | code::TO_A),
    }
}

/// Checks that each cell is stored before it is loaded, whichever way one comes to it.
fn check_cells(program: &[Instruction]) -> Result<(), Invalid> {
    // Of each instruction: the cells that are stored on all ways that jump to it.
    let mut on_arrival = vec![u16::MAX; program.len()];
    let mut stored = 0;
    for (at, &Instruction { code, jt, jf, k }) in program.iter().enumerate() {
        stored &= on_arrival[at];
        match code {
            code::STORE | code::STOREX => stored |= 1 << k,
            code::LOAD_CELL | code::LOADX_CELL if stored & (1 << k) == 0 => {
                return Err(Invalid::Cell { at });
            }
            code::JUMP => {
                on_arrival[at + 1 + k as usize] &= stored;
                stored = u16::MAX;
            }
            _ if code & 7 == class::JMP => {
                on_arrival[at + 1 + usize::from(jt)] &= stored;
                on_arrival[at + 1 + usize::from(jf)] &= stored;
                stored = u16::MAX;
            }
            _ => {}
        }
    }
    Ok(())
}
