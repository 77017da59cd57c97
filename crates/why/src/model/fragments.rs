//! Fragments: a packet may be several frames, and has arrived when all of them have (RFC 791; RFC 8200, 4.5).

use std::collections::BTreeSet;
use std::ops::Range;

use twinax_packet::decode::Network;

use super::{Case, is_delivered};
use crate::cause::{Cause, Evidence, Kind, Mark, Suspect};
use crate::remedy::Remedy;
use crate::seen::Sight;

/// What the kernel lets fragments have that wait for the rest (`IPFRAG_HIGH_THRESH`, `net/ipv4/ip_fragment.c`
/// and `net/ipv6/reassembly.c`), in bytes.
const ROOM: i64 = 4 << 20;

/// Which bytes of what IP carries are in a frame, and whether that is a fragment only.
fn part(sight: &Sight) -> Option<(Range<u32>, bool)> {
    let (start, length, is_fragment) = match &sight.packet().network {
        Network::Ipv4(ip) => {
            let length = ip.total_length.saturating_sub(ip.header_length.into());
            (ip.fragment_offset, length, ip.is_fragment())
        }
        Network::Ipv6(ip) => {
            let length = usize::from(ip.payload_length).saturating_sub(ip.extension_bytes.len());
            let (start, is_fragment) = ip.fragment.map_or((0, false), |own| (own.offset, true));
            (start, u16::try_from(length).ok()?, is_fragment)
        }
        _ => return None,
    };
    let start = u32::from(start);
    Some((start..start + u32::from(length), is_fragment))
}

/// The frames of each fragment, wherever it was seen; none where there are no fragments. Before a packet is
/// taken apart and after it has been put together it is on the way of each. What has come into a node and
/// gone out of it later is left out: who puts a packet together and takes it apart again does not say so.
pub fn ways<'a>(all: &[&'a Sight]) -> Vec<Vec<&'a Sight>> {
    let parts: Vec<(&Sight, Range<u32>, bool)> =
        all.iter().filter_map(|sight| part(sight).map(|(range, is)| (*sight, range, is))).collect();
    let fragments = parts.iter().filter(|(_, _, is_fragment)| *is_fragment);
    let ends: BTreeSet<u32> = fragments.map(|(_, range, _)| range.end).collect();
    let with = |last: u32| {
        let there = parts.iter().filter(move |(_, range, _)| range.contains(&last));
        let there: Vec<&Sight> = there.map(|(sight, _, _)| *sight).collect();
        there.iter().filter(|sight| !is_passed_on(&there, sight)).copied().collect()
    };
    ends.into_iter().filter_map(|end| Some(with(end.checked_sub(1)?))).collect()
}

fn is_passed_on(way: &[&Sight], sight: &Sight) -> bool {
    let later = |other: &&Sight| other.at.node == sight.at.node && other.time > sight.time;
    !sight.is_out() && way.iter().filter(|other| later(other)).any(|other| other.is_out())
}

/// Whether the packet has arrived in one piece.
pub fn is_whole(case: Case<'_>, sight: &Sight) -> bool {
    part(sight).is_some_and(|(_, is_fragment)| !is_fragment) && is_delivered(case, sight)
}

/// A node to which all fragments have come can't put them together.
pub fn are_kept_apart(case: Case<'_>, sight: &Sight) -> Vec<Suspect> {
    let Some((_, true)) = part(sight) else { return Vec::new() };
    let node = &sight.at.node;
    let (counter, path) = match &sight.packet().network {
        Network::Ipv4(_) => ("IpReasmFails", "net/ipv4/ipfrag_high_thresh"),
        _ => ("Ip6ReasmFails", "net/ipv6/ip6frag_high_thresh"),
    };
    let (failed, room) = (case.seen.counted(node, counter), case.facts.number(node, path));
    if failed == 0 || room >= ROOM {
        return Vec::new();
    }
    let knob = path.replace('/', ".");
    let says = format!(
        "{node} can't put the fragments of the packet together: {knob} leaves them {room} bytes of memory."
    );
    let cause = Cause::new(Kind::Sysctl, node, says).by(knob.as_str(), room.to_string());
    let counted = Evidence::new(Mark::Observed, format!("{counter} of {node} grew by {failed}"))
        .with(format!("ip netns exec {node} nstat -az {counter}"));
    let usual = ROOM.to_string();
    vec![
        Suspect::new(cause)
            .because(Evidence::sysctl(node, &knob, room))
            .because(counted)
            .certain_if(room == 0)
            .mended_by(Remedy::sysctls(node, [(path, usual.as_str())])),
    ]
}
