//! Instructions with labels in the place of distances.
//!
//! All jumps go forward, and a conditional jump reaches 255 instructions. One whose goal is further
//! away gets an unconditional jump of its own behind it, which reaches everything.

use super::instruction::{Instruction, code};
use super::program::{MAXIMUM, Program};

/// A place in a program that is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Label(usize);

#[derive(Debug, Clone, Copy)]
enum Part<'p> {
    Plain(Instruction),
    Jump(Label),
    Branch { code: u16, k: u32, then: Label, otherwise: Label },
    Program(&'p Program),
}

/// More than [`MAXIMUM`] instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong;

impl std::error::Error for TooLong {}

impl std::fmt::Display for TooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "the kernel takes filters of {MAXIMUM} instructions at most, and this one has more"
        )
    }
}

/// A program on its way.
#[derive(Debug, Default)]
pub(super) struct Assembler<'p> {
    parts: Vec<Part<'p>>,
    /// Before which part each label stands, once that is known.
    labels: Vec<Option<usize>>,
}

impl<'p> Assembler<'p> {
    /// A new label, not placed yet.
    pub(super) fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    /// Places a label before what comes next.
    pub(super) fn place(&mut self, label: Label) {
        self.labels[label.0] = Some(self.parts.len());
    }

    /// An instruction that is no jump.
    pub(super) fn plain(&mut self, code: u16, k: u32) {
        self.parts.push(Part::Plain(Instruction::plain(code, k)));
    }

    /// Goes to a label.
    pub(super) fn jump(&mut self, to: Label) {
        self.parts.push(Part::Jump(to));
    }

    /// Goes to one label or the other.
    pub(super) fn branch(&mut self, code: u16, k: u32, then: Label, otherwise: Label) {
        self.parts.push(Part::Branch { code, k, then, otherwise });
    }

    /// A whole program, with its own end.
    pub(super) fn program(&mut self, program: &'p Program) {
        self.parts.push(Part::Program(program));
    }

    /// The program. Every label that is jumped to must have been placed, behind all jumps to it, and
    /// the last part must end the program: whoever assembles sees to that.
    ///
    /// # Errors
    ///
    /// [`TooLong`].
    pub(super) fn finish(&self) -> Result<Program, TooLong> {
        let mut is_far = vec![[false; 2]; self.parts.len()];
        // Each round lengthens a branch that was too short, so there is a last one.
        let starts = loop {
            let starts = self.starts(&is_far);
            if !self.lengthen(&starts, &mut is_far) {
                break starts;
            }
        };
        let length = starts.last().copied().unwrap_or_default();
        if length > MAXIMUM {
            return Err(TooLong);
        }
        let mut instructions = Vec::with_capacity(length);
        for (part, is_far) in self.parts.iter().zip(is_far) {
            self.write(*part, is_far, &starts, &mut instructions);
        }
        Ok(Program::new(instructions).expect("what is assembled is in order"))
    }

    /// Where each part begins, and where the last one ends.
    fn starts(&self, is_far: &[[bool; 2]]) -> Vec<usize> {
        let mut at = 0;
        let mut starts = vec![0];
        for (part, is_far) in self.parts.iter().zip(is_far) {
            at += match part {
                Part::Plain(_) | Part::Jump(_) => 1,
                Part::Branch { .. } => 1 + usize::from(is_far[0]) + usize::from(is_far[1]),
                Part::Program(program) => program.instructions().len(),
            };
            starts.push(at);
        }
        starts
    }

    /// Marks the goals that are too far away for their branches; whether there is a new one.
    fn lengthen(&self, starts: &[usize], is_far: &mut [[bool; 2]]) -> bool {
        let mut is_longer = false;
        for (index, part) in self.parts.iter().enumerate() {
            let Part::Branch { then, otherwise, .. } = part else { continue };
            for (side, goal) in [then, otherwise].into_iter().enumerate() {
                let distance = self.place_of(*goal, starts) - starts[index] - 1;
                if distance > usize::from(u8::MAX) && !is_far[index][side] {
                    is_far[index][side] = true;
                    is_longer = true;
                }
            }
        }
        is_longer
    }

    fn place_of(&self, label: Label, starts: &[usize]) -> usize {
        starts[self.labels[label.0].expect("every label is placed")]
    }

    fn write(
        &self,
        part: Part<'_>,
        is_far: [bool; 2],
        starts: &[usize],
        instructions: &mut Vec<Instruction>,
    ) {
        let at = instructions.len();
        let jump = |label, from: usize| {
            let distance = self.place_of(label, starts) - from - 1;
            Instruction::plain(code::JUMP, distance as u32)
        };
        match part {
            Part::Plain(instruction) => instructions.push(instruction),
            Part::Jump(to) => instructions.push(jump(to, at)),
            Part::Program(program) => instructions.extend(program.instructions()),
            Part::Branch { code, k, then, otherwise } => {
                let near = |label| (self.place_of(label, starts) - at - 1) as u8;
                let jt = if is_far[0] { 0 } else { near(then) };
                let jf = if is_far[1] { u8::from(is_far[0]) } else { near(otherwise) };
                instructions.push(Instruction { code, jt, jf, k });
                if is_far[0] {
                    instructions.push(jump(then, at + 1));
                }
                if is_far[1] {
                    instructions.push(jump(otherwise, instructions.len()));
                }
            }
        }
    }
}
