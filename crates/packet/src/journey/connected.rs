//! Which nodes hang together at all: a packet never goes from one to another that doesn't.
//!
//! Only asked where frames were lost, and a sighting can't be expected to follow the one just before.

use std::collections::HashMap;

use super::wiring::Spot;

/// Nodes, in groups that hang together by cables and by devices on top of others. What was once
/// joined stays together: a packet may have gone that way.
#[derive(Debug, Default)]
pub(super) struct Connected {
    /// For each node one of its group with a lower number; itself, if there is none.
    groups: HashMap<u32, u32>,
    /// For each interface the nodes that it was found to join.
    known: HashMap<u32, [u32; 2]>,
}

impl Connected {
    /// A device joins its node with the one at the other end of its cable, and with that of the device
    /// beneath it.
    pub(super) fn note(&mut self, spot: &Spot, peer: Option<u32>, lower: u32) {
        let joined = [peer.unwrap_or(spot.node), lower];
        if self.known.insert(spot.id, joined) != Some(joined) {
            joined.into_iter().for_each(|other| self.join(spot.node, other));
        }
    }

    /// Whether these nodes hang together.
    pub(super) fn are(&self, one: u32, other: u32) -> bool {
        self.group(one) == self.group(other)
    }

    fn join(&mut self, one: u32, other: u32) {
        let (one, other) = (self.group(one), self.group(other));
        self.groups.insert(one.max(other), one.min(other));
    }

    fn group(&self, node: u32) -> u32 {
        let mut own = node;
        while let Some(lower) = self.groups.get(&own).filter(|lower| **lower != own) {
            own = *lower;
        }
        own
    }
}

#[cfg(test)]
mod tests {
    use super::super::wiring::Device;
    use super::*;

    #[test]
    fn what_is_joined_over_others_hangs_together() {
        let mut connected = Connected::default();
        let spot = |id, node| Spot { id, node, out: true, device: Device::default() };
        connected.note(&spot(0, 5), Some(3), 5);
        connected.note(&spot(1, 4), Some(2), 4);
        assert!(connected.are(3, 5) && connected.are(2, 4) && !connected.are(3, 4));
        connected.note(&spot(2, 5), None, 2);
        assert!(connected.are(3, 4));
        assert!(!connected.are(3, 6));
    }
}
