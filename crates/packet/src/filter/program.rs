//! A program of classic BPF that is in order.

use super::check::{self, Invalid};
use super::instruction::{Instruction, code};

/// So many instructions a program may have: `BPF_MAXINSNS`, `linux/bpf_common.h`.
pub const MAXIMUM: usize = 4096;

/// A program of classic BPF that is in order, as the kernel sees it (`bpf_check_classic`,
/// net/core/filter.c): what it jumps to is there and ahead, and its last instruction ends it.
///
/// Its verdict on a frame is how many of the frame's bytes are wanted; 0: the frame is not.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Program(Vec<Instruction>);

impl Program {
    /// The program of these instructions.
    ///
    /// # Errors
    ///
    /// [`Invalid`], where the kernel would refuse it.
    pub fn new(instructions: Vec<Instruction>) -> Result<Self, Invalid> {
        check::check(&instructions)?;
        Ok(Self(instructions))
    }

    /// The program with one verdict on every frame.
    pub fn always(verdict: u32) -> Self {
        Self(vec![Instruction::plain(code::RETURN, verdict)])
    }

    /// Its instructions.
    pub fn instructions(&self) -> &[Instruction] {
        &self.0
    }
}
