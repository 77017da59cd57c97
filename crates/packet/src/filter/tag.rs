//! VLANs, which the kernel does not show as they are on the wire: it takes the outermost tag out of a
//! frame that comes in and keeps it beside the bytes; in one that goes out it may be in the bytes or
//! beside them (`skb_vlan_untag`, net/core/skbuff.c; `validate_xmit_vlan`, net/core/dev.c).
//!
//! A program looks at fixed places. So that it says the same of a frame wherever the tag is, it is
//! rewritten for the other case:
//!
//! ```text
//!   bytes of the frame    0 ........... 12 ......... 16 ...........
//!   tag in the bytes      MAC addresses │ tag        │ EtherType …
//!   tag beside them       MAC addresses │ EtherType …
//! ```

use super::assemble::{Assembler, Label};
use super::check::CELLS;
use super::instruction::{Instruction, beside, class, code, mode, size};
use super::program::Program;

/// Where a tag stands.
pub(super) const START: u32 = 12;
/// Where what follows it stands.
const END: u32 = 16;
/// Its length.
const LENGTH: u32 = END - START;
/// Places from here on are none in a frame: the kernel counts them from elsewhere (`SKF_NET_OFF`,
/// `SKF_LL_OFF`).
const FARTHEST: u32 = i32::MAX as u32;

/// What a program is rewritten for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sight {
    /// Of a frame with a tag in its bytes, it sees what is there without the tag.
    Without,
    /// Of a frame with a tag beside its bytes, it sees what is there with the tag.
    With,
}

/// The program that says of a frame in this case what the given one says of it in the other. `None`: it
/// looks at places around the tag in a way for which there is none.
///
/// Where a program computes a place, and what is to be seen there is in two pieces, there is nothing, as
/// behind the end of the frame.
pub(super) fn rewrite(program: &Program, sight: Sight) -> Option<Program> {
    let instructions = program.instructions();
    let mut asm = Assembler::default();
    let labels: Vec<Label> = instructions.iter().map(|_| asm.label()).collect();
    let mut rewriter = Rewriter { asm, sight, nothing: None, known: Known::default() };
    let goals = goals(instructions);
    for (at, instruction) in instructions.iter().enumerate() {
        rewriter.asm.place(labels[at]);
        if goals[at] {
            rewriter.known = Known::default();
        }
        let next = |by: u32| labels[at + 1 + by as usize];
        match instruction.code {
            code::JUMP => rewriter.asm.jump(next(instruction.k)),
            code if code & 7 == class::JMP => {
                let (then, otherwise) = (next(instruction.jt.into()), next(instruction.jf.into()));
                rewriter.asm.branch(code, instruction.k, then, otherwise);
            }
            _ => rewriter.step(instruction)?,
        }
    }
    if let Some(nothing) = rewriter.nothing {
        rewriter.asm.place(nothing);
        rewriter.asm.plain(code::RETURN, 0);
    }
    rewriter.asm.finish().ok()
}

/// Which instructions are jumped to.
fn goals(instructions: &[Instruction]) -> Vec<bool> {
    let mut goals = vec![false; instructions.len()];
    for (at, instruction) in instructions.iter().enumerate() {
        let Instruction { code, jt, jf, k } = *instruction;
        match code & 7 {
            class::JMP if code == code::JUMP => goals[at + 1 + k as usize] = true,
            class::JMP => {
                goals[at + 1 + usize::from(jt)] = true;
                goals[at + 1 + usize::from(jf)] = true;
            }
            _ => {}
        }
    }
    goals
}

/// What is known of the registers and cells since the last instruction that is jumped to.
#[derive(Debug, Default)]
struct Known {
    a: Option<u32>,
    x: Option<u32>,
    cells: [Option<u32>; CELLS],
    /// Whether X is the length of an IPv4 header: 60 at most.
    is_x_small: bool,
}

impl Known {
    fn after(&mut self, instruction: &Instruction) {
        let Instruction { code, k, .. } = *instruction;
        match code {
            code::LOAD_NUMBER => self.a = Some(k),
            code::LOAD_CELL => self.a = self.cells[k as usize],
            code::TO_A => self.a = self.x,
            code::STORE => self.cells[k as usize] = self.a,
            code::STOREX => self.cells[k as usize] = self.x,
            code::TO_X => self.set_x(self.a),
            code::LOADX_NUMBER => self.set_x(Some(k)),
            code::LOADX_CELL => self.set_x(self.cells[k as usize]),
            code::LOADX_HEADER => {
                self.set_x(None);
                self.is_x_small = true;
            }
            code if code & 7 == class::LDX => self.set_x(None),
            _ => self.a = None,
        }
    }

    fn set_x(&mut self, x: Option<u32>) {
        (self.x, self.is_x_small) = (x, false);
    }
}

struct Rewriter {
    asm: Assembler<'static>,
    sight: Sight,
    /// Where the program ends that looks at what is not there, if it may.
    nothing: Option<Label>,
    known: Known,
}

impl Rewriter {
    /// An instruction that is no jump.
    fn step(&mut self, instruction: &Instruction) -> Option<()> {
        let Instruction { code, k, .. } = *instruction;
        match (code & 7, code & 0xe0) {
            (class::LD, mode::ABS) if k < beside::FIRST => self.load(code & 0x18, k)?,
            (class::LD, mode::IND) => match self.known.x {
                Some(x) => match x.wrapping_add(k) {
                    at if at > FARTHEST => {
                        let nothing = self.nothing();
                        self.asm.jump(nothing);
                    }
                    at => self.load(code & 0x18, at)?,
                },
                None => self.load_computed(code, k),
            },
            (class::LD, mode::LEN) => {
                self.asm.plain(code, k);
                self.asm.plain(code::ADD, self.grown());
            }
            // It would have to be computed in A, in which something else is.
            (class::LDX, mode::LEN) => return None,
            (class::LDX, mode::MSH) => {
                let place = self.place(k, 1)?;
                self.asm.plain(code, place);
            }
            _ => self.asm.plain(code, k),
        }
        self.known.after(instruction);
        Some(())
    }

    fn nothing(&mut self) -> Label {
        *self.nothing.get_or_insert_with(|| self.asm.label())
    }

    /// By how much the frame that is to be seen is longer than the one that is there.
    fn grown(&self) -> u32 {
        match self.sight {
            Sight::Without => LENGTH.wrapping_neg(),
            Sight::With => LENGTH,
        }
    }

    /// From which place on things are elsewhere.
    fn first_moved(&self) -> u32 {
        match self.sight {
            Sight::Without => START,
            Sight::With => END,
        }
    }

    /// Where so many bytes are that are to be seen at a place. `None`: they are not together anywhere.
    fn place(&self, at: u32, count: u32) -> Option<u32> {
        if at.saturating_add(count) <= START {
            Some(at)
        } else if (self.first_moved()..=FARTHEST).contains(&at) {
            Some(at.wrapping_sub(self.grown()).min(FARTHEST))
        } else {
            None
        }
    }

    /// Loads what is to be seen at a place that is known.
    fn load(&mut self, size: u16, at: u32) -> Option<()> {
        let count = count(size);
        if let Some(place) = self.place(at, count) {
            self.asm.plain(class::LD | size | mode::ABS, place);
            return Some(());
        }
        let (part, at) = match (self.sight, at) {
            (Sight::With, 12..=13) => (beside::VLAN_PROTOCOL, at - 12),
            (Sight::With, 14..=15) => (beside::VLAN_TAG, at - 14),
            _ => return None,
        };
        let cut = match (count, at) {
            (2, 0) => None,
            (1, 0) => Some((code::SHIFT_RIGHT, 8)),
            (1, _) => Some((code::AND, 0xff)),
            _ => return None,
        };
        self.asm.plain(code::LOAD_WORD, part);
        if let Some((code, k)) = cut {
            self.asm.plain(code, k);
        }
        Some(())
    }

    /// Loads what is to be seen at X + `k`.
    fn load_computed(&mut self, code: u16, k: u32) {
        let moved = k.wrapping_sub(self.grown());
        if self.known.is_x_small && (self.first_moved()..1 << 16).contains(&k) {
            return self.asm.plain(code, moved);
        }
        let [behind, before, moves, far, done] = [(); 5].map(|()| self.asm.label());
        let nothing = self.nothing();
        self.asm.plain(code::TO_A, 0);
        self.asm.plain(code::ADD, k);
        self.asm.branch(code::IF_MORE, START - count(code & 0x18), behind, before);
        self.asm.place(before);
        self.asm.plain(code, k);
        self.asm.jump(done);
        self.asm.place(behind);
        for at in START..self.first_moved() {
            let [here, next] = [(); 2].map(|()| self.asm.label());
            self.asm.branch(code::IF_EQUAL, at, here, next);
            self.asm.place(here);
            match self.load(code & 0x18, at) {
                Some(()) => self.asm.jump(done),
                None => self.asm.jump(nothing),
            }
            self.asm.place(next);
        }
        self.asm.branch(code::IF_NOT_LESS, self.first_moved(), moves, nothing);
        self.asm.place(moves);
        self.asm.branch(code::IF_MORE, FARTHEST, nothing, far);
        self.asm.place(far);
        self.asm.plain(code, moved);
        self.asm.place(done);
    }
}

fn count(size: u16) -> u32 {
    match size {
        size::W => 4,
        size::H => 2,
        _ => 1,
    }
}
