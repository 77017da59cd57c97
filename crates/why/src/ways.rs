//! The way of a packet, hop by hop, as it is shown.

use twinax_packet::Direction;

use crate::diagnosis::{Hop, Ways};
use crate::seen::{Seen, Sight, What};

/// The way there and the way back, as far as they were seen.
pub fn ways(seen: &Seen) -> Ways {
    Ways { there: way(seen, What::Request), back: way(seen, What::Reply) }
}

/// The hops of the first packet of a kind: of several (a connection asks more than once) the one that was
/// seen at most devices. Who only overhears it is left out, unless nobody else has seen it.
fn way(seen: &Seen, what: What) -> Vec<Hop> {
    let all: Vec<&Sight> = seen.of(|own| *own == what).collect();
    let Some(first) = all.first() else { return Vec::new() };
    let counts = |journey: u64| all.iter().filter(|sight| sight.journey == journey).count();
    let longest =
        all.iter().map(|sight| sight.journey).max_by_key(|own| (counts(*own), u64::MAX - own));
    let longest = longest.unwrap_or(first.journey);
    let own: Vec<&Sight> = all.into_iter().filter(|sight| sight.journey == longest).collect();
    let overheard =
        |sight: &Sight| sight.direction == Direction::OtherHost && !goes_on(seen, sight);
    let kept: Vec<&Sight> = own.iter().copied().filter(|sight| !overheard(sight)).collect();
    let kept = if kept.len() > 1 { kept } else { own };
    let Some(start) = kept.first().map(|sight| sight.time) else { return Vec::new() };
    kept.into_iter().map(|sight| hop(seen, sight, start)).collect()
}

fn goes_on(seen: &Seen, sight: &Sight) -> bool {
    !seen.is_end(sight)
}

fn hop(seen: &Seen, sight: &Sight, start: twinax_packet::Time) -> Hop {
    let journey = seen.journeys.iter().find(|own| own.number == sight.journey);
    let changes =
        journey.and_then(|journey| journey.hops.get(sight.hop)).map_or(&[][..], |hop| &hop.changes);
    Hop {
        at: sight.at.to_string(),
        direction: sight.direction.as_str().to_owned(),
        after: sight.time.since(start).as_nanos() as u64,
        changes: changes.iter().map(ToString::to_string).collect(),
    }
}
