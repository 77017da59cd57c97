//! Where the sequence numbers of TCP connections began: tcpdump counts from there, so the first byte of
//! data is number 1.
//!
//! Each device has its own, so that the numbers at it are those that a tcpdump there would show.
//! tcpdump never forgets one; here there is room for a fixed number, and the one that was not heard of
//! for longest makes place for another.

use std::net::{IpAddr, Ipv6Addr};

use crate::InterfaceId;

/// How many are remembered: the memory is taken at once, a megabyte.
const ROOM: usize = 16_384;
/// In how many places one may be.
const PLACES: usize = 8;

/// A connection at a device, the same for both of its directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    interface: InterfaceId,
    addresses: [[u8; 16]; 2],
    ports: [u16; 2],
}

/// What is remembered of one.
#[derive(Debug, Clone, Copy)]
struct Conversation {
    key: Key,
    /// Where the numbers of each end began.
    began: [u32; 2],
    /// When it was last heard of, in packets.
    heard: u64,
}

/// The connections that were seen.
pub(super) struct Conversations {
    slots: Vec<Option<Conversation>>,
    packets: u64,
}

/// The numbers of a segment, as they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Numbers {
    pub sequence: u32,
    pub acknowledgement: u32,
    /// From where the other end's numbers count: those of selective acknowledgements.
    pub acknowledged_from: u32,
}

/// A segment whose acknowledgement counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    pub interface: InterfaceId,
    pub addresses: (IpAddr, IpAddr),
    pub ports: (u16, u16),
    pub sequence: u32,
    pub acknowledgement: u32,
    /// Whether numbers begin with it.
    pub begins: bool,
}

impl Conversations {
    pub fn new() -> Self {
        Self { slots: vec![None; ROOM], packets: 0 }
    }

    /// How the numbers of a segment are shown: as they are in the first of a connection, and from
    /// then on from where they began.
    pub fn numbers(&mut self, segment: &Segment) -> Numbers {
        self.packets += 1;
        let (key, reversed) = key(segment);
        let (own, other) = if reversed { (1, 0) } else { (0, 1) };
        let slot = self.slot(&key);
        match &mut self.slots[slot] {
            Some(found) if found.key == key && !segment.begins => {
                found.heard = self.packets;
                Numbers {
                    sequence: segment.sequence.wrapping_sub(found.began[own]),
                    acknowledgement: segment.acknowledgement.wrapping_sub(found.began[other]),
                    acknowledged_from: found.began[other],
                }
            }
            free => {
                let mut began = [0; 2];
                began[own] = segment.sequence;
                began[other] = segment.acknowledgement.wrapping_sub(1);
                *free = Some(Conversation { key, began, heard: self.packets });
                Numbers {
                    sequence: segment.sequence,
                    acknowledgement: segment.acknowledgement,
                    acknowledged_from: began[other],
                }
            }
        }
    }

    /// Where one is; where it isn't, where it may go.
    fn slot(&self, key: &Key) -> usize {
        let first = (hash(key) as usize % ROOM) & !(PLACES - 1);
        let places = first..first + PLACES;
        let same = |at: &usize| self.slots[*at].as_ref().is_some_and(|slot| slot.key == *key);
        let heard = |at: &usize| self.slots[*at].as_ref().map_or(0, |slot| slot.heard);
        places.clone().find(same).or_else(|| places.min_by_key(heard)).unwrap_or(first)
    }
}

/// The end with the smaller port is the first: the smaller address where both are the same.
fn key(segment: &Segment) -> (Key, bool) {
    let from = (segment.ports.0, bytes(segment.addresses.0));
    let to = (segment.ports.1, bytes(segment.addresses.1));
    let reversed = from > to;
    let (first, second) = if reversed { (to, from) } else { (from, to) };
    let key = Key {
        interface: segment.interface,
        addresses: [first.1, second.1],
        ports: [first.0, second.0],
    };
    (key, reversed)
}

fn bytes(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => Ipv6Addr::octets(&address),
    }
}

fn hash(key: &Key) -> u64 {
    let [first, second] = key.addresses.map(u128::from_be_bytes);
    let folded = |wide: u128| (wide >> 64) as u64 ^ wide as u64;
    let ports = u64::from(key.ports[0]) << 16 | u64::from(key.ports[1]);
    [folded(first), folded(second), ports << 32 | u64::from(key.interface)]
        .into_iter()
        .fold(0, |mixed: u64, word| {
            (mixed ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(
        interface: InterfaceId,
        ports: (u16, u16),
        sequence: u32,
        acknowledgement: u32,
    ) -> Segment {
        let (a, b): (IpAddr, IpAddr) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let addresses = if ports.0 < ports.1 { (a, b) } else { (b, a) };
        Segment { interface, addresses, ports, sequence, acknowledgement, begins: false }
    }

    #[test]
    fn both_directions_count_from_where_they_began() {
        let mut seen = Conversations::new();
        let answer = Segment { begins: true, ..segment(0, (80, 4000), 7000, 1001) };
        assert_eq!(seen.numbers(&answer).sequence, 7000);
        let data = seen.numbers(&segment(0, (4000, 80), 1001, 7001));
        assert_eq!((data.sequence, data.acknowledgement), (1, 1));
        let back = seen.numbers(&segment(0, (80, 4000), 7001, 1101));
        assert_eq!((back.sequence, back.acknowledgement), (1, 101));
    }

    #[test]
    fn another_device_counts_for_itself() {
        let mut seen = Conversations::new();
        seen.numbers(&segment(0, (4000, 80), 1000, 2000));
        assert_eq!(seen.numbers(&segment(1, (4000, 80), 1500, 2000)).sequence, 1500);
        assert_eq!(seen.numbers(&segment(0, (4000, 80), 1500, 2000)).sequence, 500);
    }

    /// However many come by, one that is heard of all the time is remembered.
    #[test]
    fn the_one_not_heard_of_for_longest_is_forgotten() {
        let mut seen = Conversations::new();
        seen.numbers(&segment(0, (4000, 80), 1000, 1));
        for other in 0..20 * ROOM as u32 {
            let interface = 1 + other / 60_000;
            seen.numbers(&segment(interface, ((other % 60_000) as u16, 61_000), 5, 5));
            if other % 64 == 0 {
                assert_eq!(seen.numbers(&segment(0, (4000, 80), 1001, 1)).sequence, 1, "{other}");
            }
        }
        assert_eq!(seen.slots.len(), ROOM);
    }
}
