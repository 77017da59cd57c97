//! What the kernel would refuse, found before it is asked: clashes, and names that refer to
//! nothing.
//!
//! The lab is built in thought: [`World`] knows which interface is in which node, with which
//! addresses, up or down. Everything that is declared is checked against it, and then each step
//! against the world as the steps before have left it.
//!
//! Nothing here may take longer than about linear time in the length of the file.

mod addresses;
mod changes;
mod interfaces;
mod nodes;
mod packets;
mod parts;
mod probes;
mod routes;
mod segments;
mod state;
mod steps;
mod wires;
mod world;

use crate::diagnostic::Collector;
use crate::lower::{Draft, StepMarks, Whole};
use crate::model::LabStep;
use world::World;

/// Reports everything that is wrong with a lab.
pub(crate) fn validate(draft: &Draft<'_>, to: &mut Collector<'_>) {
    let mut world =
        World::new(draft.parts.whole, draft.steps.iter().map(|(step, marks)| (step, marks)));
    parts::add(&draft.parts, &mut world, to);
    for (step, marks) in &draft.steps {
        steps::check(step, marks, &mut world, to);
    }
}

/// Reports what is wrong with a step by itself: nothing is known of its lab.
pub(crate) fn validate_step(step: &LabStep, marks: &StepMarks<'_>, to: &mut Collector<'_>) {
    let mut world = World::new(Whole::NOTHING, std::iter::once((step, marks)));
    steps::check(step, marks, &mut world, to);
}
