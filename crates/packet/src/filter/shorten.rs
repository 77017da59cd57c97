//! Makes a program shorter that looks at the same places again and again, as those do that are compiled
//! word by word: `host A or host B` asks eight times whether a frame is one of IPv4.
//!
//! What a frame has at a place does not change. So where a program has already compared it, on whichever
//! way it came, it need not compare it again, and goes on to where that would lead. Nothing else is
//! changed: whatever is loaded for the first time on a way is still loaded there, since a load that goes
//! beyond the frame's end ends the program.

use super::assemble::{Assembler, Label};
use super::instruction::{Instruction, class, code, jump, mode, source};
use super::program::Program;

/// So many comparisons are remembered.
const MOST: usize = 64;

/// The same program, shorter where it can be.
pub(super) fn shorten(program: &Program) -> Program {
    let instructions = program.instructions();
    let mut walk = Walk::new(instructions);
    for at in 0..instructions.len() {
        walk.step(at);
    }
    walk.write().unwrap_or_else(|| program.clone())
}

/// What A is, where that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    Number(u32),
    /// What is loaded from a place of the frame, and which of its bits.
    Place {
        code: u16,
        at: u32,
        mask: u32,
    },
}

/// A comparison that was made: its value, the jump's code and number, and how it came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fact {
    value: Value,
    code: u16,
    k: u32,
    holds: bool,
}

/// What is known on all ways to an instruction.
#[derive(Debug, Clone, Default)]
struct State {
    a: Option<Value>,
    facts: Vec<Fact>,
}

/// What becomes of an instruction.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Stays,
    Goes,
    Jumps(usize),
    Branches(usize, usize),
}

struct Walk<'p> {
    instructions: &'p [Instruction],
    /// `None`: no way leads there.
    states: Vec<Option<State>>,
    fates: Vec<Fate>,
}

impl<'p> Walk<'p> {
    fn new(instructions: &'p [Instruction]) -> Self {
        let mut states = vec![None; instructions.len()];
        states[0] = Some(State::default());
        Self { instructions, states, fates: vec![Fate::Stays; instructions.len()] }
    }

    /// Goes on from an instruction; all ways to it are known, as they all come from in front of it.
    fn step(&mut self, at: usize) {
        let Some(mut state) = self.states[at].take() else { return };
        let instruction = self.instructions[at];
        if instruction.code & 7 == class::RET {
            self.states[at] = Some(state);
            return;
        }
        if instruction.code & 7 == class::JMP {
            self.fates[at] = self.jump(at, &instruction, &state);
        } else {
            let next = after(state.a, &instruction);
            let is_idle = is_load(&instruction) && next == state.a && next.is_some();
            self.fates[at] = if is_idle { Fate::Goes } else { Fate::Stays };
            self.arrive(at + 1, State { a: next, facts: state.facts.clone() });
        }
        // That a way leads here is still to be known.
        state.facts.clear();
        self.states[at] = Some(state);
    }

    fn jump(&mut self, at: usize, instruction: &Instruction, state: &State) -> Fate {
        let Instruction { code, k, .. } = *instruction;
        if code == code::JUMP {
            return Fate::Jumps(self.go(at + 1 + k as usize, state.clone()));
        }
        if let Some(holds) = state.outcome(state.a, instruction) {
            return Fate::Jumps(self.go(goal(at, instruction, holds), state.clone()));
        }
        let [yes, no] = [true, false].map(|holds| {
            let mut state = state.clone();
            state.learn(instruction, holds);
            self.go(goal(at, instruction, holds), state)
        });
        if yes == no { Fate::Jumps(yes) } else { Fate::Branches(yes, no) }
    }

    /// Goes from a jump to an instruction, or to one further on if what lies between is known; to which.
    fn go(&mut self, to: usize, state: State) -> usize {
        let (mut at, mut a, mut best) = (to, state.a, to);
        loop {
            let instruction = &self.instructions[at];
            at = match instruction.code {
                code::JUMP => at + 1 + instruction.k as usize,
                code if code & 7 == class::JMP => match state.outcome(a, instruction) {
                    Some(holds) => goal(at, instruction, holds),
                    None => break,
                },
                _ if state.has_effect(a, instruction) => break,
                _ => {
                    a = after(a, instruction);
                    at + 1
                }
            };
            // What is in A there is what was in it here, not what would have been loaded on the way.
            if a == state.a || sets_a(&self.instructions[at]) {
                best = at;
            }
        }
        self.arrive(best, state);
        best
    }

    fn arrive(&mut self, at: usize, state: State) {
        match &mut self.states[at] {
            Some(known) => known.keep(&state),
            new => *new = Some(state),
        }
    }

    fn write(&self) -> Option<Program> {
        let mut asm = Assembler::default();
        let labels: Vec<Label> = self.instructions.iter().map(|_| asm.label()).collect();
        for (at, instruction) in self.instructions.iter().enumerate() {
            asm.place(labels[at]);
            if self.states[at].is_none() {
                continue;
            }
            match self.fates[at] {
                Fate::Stays => asm.plain(instruction.code, instruction.k),
                Fate::Goes => {}
                Fate::Jumps(to) => {
                    if self.states[at + 1..to].iter().any(Option::is_some) {
                        asm.jump(labels[to]);
                    }
                }
                Fate::Branches(yes, no) => {
                    asm.branch(instruction.code, instruction.k, labels[yes], labels[no]);
                }
            }
        }
        asm.finish().ok()
    }
}

impl State {
    /// How a comparison comes out, where that is known.
    fn outcome(&self, a: Option<Value>, instruction: &Instruction) -> Option<bool> {
        let Instruction { code, k, .. } = *instruction;
        let value = a.filter(|_| code & source::X == 0)?;
        if let Value::Number(number) = value {
            return Some(compare(code, number, k));
        }
        self.facts.iter().filter(|fact| fact.value == value).find_map(|fact| {
            if fact.code == code::IF_EQUAL && fact.holds {
                Some(compare(code, fact.k, k))
            } else {
                (fact.code == code && fact.k == k).then_some(fact.holds)
            }
        })
    }

    fn learn(&mut self, instruction: &Instruction, holds: bool) {
        let Instruction { code, k, .. } = *instruction;
        if let Some(value @ Value::Place { .. }) = self.a
            && code & source::X == 0
            && self.facts.len() < MOST
        {
            self.facts.push(Fact { value, code, k, holds });
        }
    }

    /// Whether an instruction does more than to put into A what is known: it can't be left out.
    fn has_effect(&self, a: Option<Value>, instruction: &Instruction) -> bool {
        match instruction.code {
            code::LOAD_NUMBER => false,
            code::AND => a.is_none(),
            code if is_load(instruction) => {
                // It has been loaded before, so that it can't be behind the frame's end.
                let is_same = |value: Value| matches!(value, Value::Place { code: own, at, .. } if (own, at) == (code, instruction.k));
                !self.facts.iter().map(|fact| fact.value).chain(self.a).any(is_same)
            }
            _ => true,
        }
    }

    /// Keeps what holds on another way, too.
    fn keep(&mut self, other: &Self) {
        self.a = self.a.filter(|a| other.a == Some(*a));
        self.facts.retain(|fact| other.facts.contains(fact));
    }
}

/// Whether an instruction loads from a place of the frame that it names.
fn is_load(instruction: &Instruction) -> bool {
    let Instruction { code, k, .. } = *instruction;
    code & 7 == class::LD && code & 0xe0 == mode::ABS && k <= i32::MAX as u32
}

/// Whether A is another afterwards, whatever it was.
fn sets_a(instruction: &Instruction) -> bool {
    let is_xor = instruction.code & 0xe0 == mode::ABS && !is_load(instruction);
    match instruction.code & 7 {
        class::LD => !is_xor,
        class::RET => instruction.code == code::RETURN,
        _ => instruction.code == code::TO_A,
    }
}

/// What A is after an instruction that is no jump.
fn after(a: Option<Value>, instruction: &Instruction) -> Option<Value> {
    let Instruction { code, k, .. } = *instruction;
    match code {
        code::LOAD_NUMBER => Some(Value::Number(k)),
        code::AND => a.map(|value| match value {
            Value::Number(number) => Value::Number(number & k),
            Value::Place { code, at, mask } => Value::Place { code, at, mask: mask & k },
        }),
        _ if is_load(instruction) => Some(Value::Place { code, at: k, mask: u32::MAX }),
        code::TO_X => a,
        code => match code & 7 {
            class::LDX | class::ST | class::STX => a,
            _ => None,
        },
    }
}

fn goal(at: usize, instruction: &Instruction, holds: bool) -> usize {
    at + 1 + usize::from(if holds { instruction.jt } else { instruction.jf })
}

/// How the comparison of a conditional jump comes out.
fn compare(code: u16, a: u32, k: u32) -> bool {
    match code & 0xf0 {
        jump::JEQ => a == k,
        jump::JGT => a > k,
        jump::JGE => a >= k,
        _ => a & k != 0,
    }
}
