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
mod routes;
mod segments;
mod steps;
mod world;

use crate::diagnostic::Collector;
use crate::lower::Draft;
use world::World;

/// Reports everything that is wrong with a lab.
pub(crate) fn validate(draft: &Draft<'_>, to: &mut Collector<'_>) {
    nodes::names(draft, to);
    let mut world = World::new(draft);
    interfaces::declare(draft, &mut world, to);
    interfaces::ports(draft, &world, to);
    addresses::declare(draft, &mut world, to);
    segments::check(draft, to);
    nodes::check(draft, &mut world, to);
    steps::check(draft, &mut world, to);
}
