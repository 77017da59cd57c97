//! What a lab is made of comes and goes: the file's own parts, those that steps add, those that
//! they remove.

use std::ops::Range;

use super::state::Kind;
use super::steps::check_spot;
use super::world::World;
use super::{addresses, interfaces, nodes, segments, wires};
use crate::diagnostic::{Collector, Diagnostic};
use crate::lower::Parts;
use crate::model::{Place, Removed, Spot};

/// Brings parts into the world, checked against what is there already.
pub(super) fn add(parts: &Parts<'_>, world: &mut World, to: &mut Collector<'_>) {
    nodes::names(parts, to);
    world.enter(parts, to);
    interfaces::declare(parts, world, to);
    interfaces::ports(parts, world, to);
    wires::declare(parts, world, to);
    addresses::declare(parts, world, to);
    segments::check(parts, world, to);
    nodes::check(parts, world, to);
}

/// Takes a node, a device or a wire out of it.
pub(super) fn remove(
    removed: &Removed,
    span: &Range<usize>,
    step: &Range<usize>,
    world: &mut World,
    to: &mut Collector<'_>,
) {
    match removed {
        Removed::Spot(spot) => remove_spot(spot, span, step, world, to),
        Removed::Wire(place) => wires::remove(place, span, world, to),
    }
}

fn remove_spot(
    spot: &Spot,
    span: &Range<usize>,
    step: &Range<usize>,
    world: &mut World,
    to: &mut Collector<'_>,
) {
    if !check_spot(spot, span, world, to) {
        return;
    }
    let Some(interface) = &spot.interface else {
        world.remove_node(&spot.node, step);
        return;
    };
    if world.nodes[&spot.node].interfaces[interface].kind == Kind::Loopback {
        let title = format!("`{interface}` can't be removed: it is the loopback device");
        let help = format!("it goes with its node: \"{}\"", spot.node);
        to.push(Diagnostic::new(span.clone(), title).help(help));
        return;
    }
    world.remove_device(&Place { node: spot.node.clone(), interface: interface.clone() }, step);
}
