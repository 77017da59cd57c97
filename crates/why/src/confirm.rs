//! What the kernel's tracepoints add to a diagnosis, where they could be listened to.
//!
//! They say in which function a packet ended, and call that by a name. The name is no explanation: it is
//! often missing, and sometimes misleads. So it is evidence like any other, and never the verdict.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use twinax_kernel::bpf::{Event, Kind, NeighbourEvent, harmless, trail};
use twinax_packet::{LinkType, Packet, Time};
use twinax_topology::NodeName;

use crate::cause::{Evidence, Mark};
use crate::diagnosis::Diagnosis;
use crate::seen::{Seen, What};

/// A frame of the probe, by which the kernel's events about it are known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// What its bytes begin with, by its number in the list of pcap's link types.
    link: u16,
    /// Its bytes.
    bytes: Vec<u8>,
    /// When it was seen, in nanoseconds since 1970.
    time: u64,
}

/// So many bytes are enough to know a packet by.
const ENOUGH: usize = 128;
/// So many drops are told at most.
const MOST: usize = 4;

/// One frame of each packet that was seen.
pub fn samples(seen: &Seen) -> Vec<Sample> {
    let mut known = Vec::new();
    let mut samples = Vec::new();
    for sight in seen.of(|what| !matches!(what, What::Error { .. })) {
        if known.contains(&sight.journey) {
            continue;
        }
        known.push(sight.journey);
        samples.push(Sample {
            link: sight.link.number(),
            bytes: sight.bytes[..sight.bytes.len().min(ENOUGH)].to_vec(),
            time: sight.time.0,
        });
    }
    samples
}

/// Adds what the tracepoints told. `nodes` are the lab's nodes by the inode numbers of their namespaces.
pub fn confirm(
    diagnosis: &mut Diagnosis,
    samples: &[Sample],
    events: &[Event],
    neighbours: &[NeighbourEvent],
    nodes: &HashMap<u64, NodeName>,
) {
    let start = samples.iter().map(|sample| sample.time).min();
    let after = |time: Time| match start {
        Some(start) => {
            format!(", {} µs after it was seen first", time.since(Time(start)).as_micros())
        }
        None => String::new(),
    };
    let mut drops: Vec<&Event> = Vec::new();
    for sample in samples {
        let link = LinkType::of_number(sample.link);
        let packet = Packet::decode(link, &sample.bytes, sample.bytes.len() as u32);
        drops.extend(trail(events, &packet));
    }
    drops.retain(|event| event.kind == Kind::Dropped && harmless(event).is_none());
    drops.sort_by_key(|event| event.time);
    let mut said: Vec<String> = Vec::new();
    for event in drops {
        let Some(node) = nodes.get(&event.netns) else { continue };
        let at = event.device.as_ref().map(|device| format!("{node}:{device}"));
        let at = at.unwrap_or_else(|| node.to_string());
        let reason = event.reason.as_deref().unwrap_or("no reason");
        let function = event.function.as_deref().unwrap_or("a function without a name");
        let what = format!("the kernel drops it in {function}, at {at}: {reason}");
        if said.contains(&what) || said.len() >= MOST {
            continue;
        }
        let command = "perf trace --no-syscalls -e skb:kfree_skb";
        let told = format!("{what}{}", after(event.time));
        diagnosis.evidence.push(Evidence::new(Mark::Observed, told).with(command));
        said.push(what);
    }
    given_up(diagnosis, neighbours, nodes, after);
}

/// Adds whom the kernel has given up asking for: what waits for a neighbour is seen nowhere.
fn given_up(
    diagnosis: &mut Diagnosis,
    neighbours: &[NeighbourEvent],
    nodes: &HashMap<u64, NodeName>,
    after: impl Fn(Time) -> String,
) {
    let mut said: Vec<String> = Vec::new();
    for event in neighbours.iter().filter(|event| event.state == "FAILED") {
        let Some(node) = nodes.get(&event.netns) else { continue };
        let NeighbourEvent { device, address, point, state, .. } = event;
        let point = point.tracepoint();
        let what = format!(
            "the kernel gives {address} up as a neighbour on {node}:{device}: {state} ({point})"
        );
        if said.contains(&what) || said.len() >= MOST {
            continue;
        }
        let told = format!("{what}{}", after(event.time));
        let command = format!("perf trace --no-syscalls -e neigh:{point}");
        diagnosis.evidence.push(Evidence::new(Mark::Observed, told).with(command));
        said.push(what);
    }
}
