//! Wires: what they join, and that nothing is joined twice.

use std::ops::Range;

use super::state::Kind;
use super::world::{Wired, World};
use crate::diagnostic::{Collector, Diagnostic};
use crate::lower::Parts;
use crate::model::Place;

/// Puts what is declared into the world, and reports what can't be there.
pub(super) fn declare(parts: &Parts<'_>, world: &mut World, to: &mut Collector<'_>) {
    for (wire, keys) in &parts.wires {
        let (Some(at_a), Some(at_b)) = (keys.a.get(), keys.b.get()) else { continue };
        if wire.a == wire.b {
            let title = format!("both ends of the wire are `{}`", wire.a);
            let diagnostic = Diagnostic::new(at_b.span.clone(), title).label("the same device");
            to.push(diagnostic.help("a wire is between two devices"));
            continue;
        }
        let a = end(&wire.a, &at_a.span, world, to);
        let b = end(&wire.b, &at_b.span, world, to);
        let (Some(a), Some(b)) = (a, b) else { continue };
        if a != b {
            let says = |place: &Place, kind| match kind {
                Kind::Tap => format!("`{place}` carries frames"),
                _ => format!("`{place}` carries packets"),
            };
            to.push(
                Diagnostic::new(at_b.span.clone(), "a wire joins two TAPs or two TUNs")
                    .label(says(&wire.b, b))
                    .also(at_a.span.clone(), says(&wire.a, a))
                    .help("give both taps the same `mode`"),
            );
            continue;
        }
        world.plug((&wire.a, &at_a.span), (&wire.b, &at_b.span));
    }
}

/// What kind of device the end of a wire is; `None`: one that can't be an end, and that has been
/// said, or one of which nothing is known.
fn end(place: &Place, span: &Range<usize>, world: &World, to: &mut Collector<'_>) -> Option<Kind> {
    if !world.has_interface(place, span, to) {
        return None;
    }
    let state = &world.nodes[&place.node].interfaces[&place.interface];
    let what = match state.kind {
        Kind::Tap | Kind::Tun => None,
        Kind::Veth => Some("an end of a link, which is a cable by itself"),
        Kind::Bridge => Some("a bridge"),
        Kind::Loopback => Some("the loopback device"),
    };
    if let Some(what) = what {
        let title = format!("`{}` is no TUN/TAP device", place.interface);
        to.push(
            Diagnostic::new(span.clone(), title)
                .label(format!("it is {what}"))
                .also(state.at.clone(), "declared here")
                .help("a wire joins TUN/TAP devices: [[tap]]"),
        );
        return None;
    }
    if let Some(Wired { at, .. }) = world.wire_of(place) {
        let title = format!("`{place}` is in two wires");
        to.push(
            Diagnostic::new(span.clone(), title)
                .label("the second one")
                .also(at.clone(), "the first one")
                .help("one program alone can hold a TUN/TAP device"),
        );
        return None;
    }
    Some(state.kind)
}

/// Takes a wire out of the world; its devices stay.
pub(super) fn remove(
    place: &Place,
    span: &Range<usize>,
    world: &mut World,
    to: &mut Collector<'_>,
) {
    if world.has_interface(place, span, to) && !world.unplug(place) && world.whole.wires {
        let title = format!("no wire ends at `{place}` at this point");
        to.push(Diagnostic::new(span.clone(), title).label("no such wire"));
    }
}
