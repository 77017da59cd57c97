//! Neighbours, and the forwarding databases of bridges: the kernel has one message for both.

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::neighbour::{NeighbourMessage, NeighbourState};
use twinax_plan::{ObservedFdb, ObservedNeighbour};

use super::Reader;
use super::link::{Names, mac};
use crate::attributes::{Value, header, number};
use crate::error::Error;
use crate::fdb::{self, Listed};

/// `NDA_…`, `NTF_…` and `NUD_…`, `linux/neighbour.h`.
pub(crate) mod nda {
    pub const DST: u16 = 1;
    pub const LLADDR: u16 = 2;
    pub const CACHEINFO: u16 = 3;
    pub const PROBES: u16 = 4;
    pub const VLAN: u16 = 5;
    pub const MASTER: u16 = 9;
    pub const SELF: u8 = 0x02;
    pub const OF_MASTER: u8 = 0x04;
    pub const PROXY: u8 = 0x08;
    pub const EXT_LEARNED: u8 = 0x10;
    pub const REACHABLE: u16 = 0x02;
    pub const STALE: u16 = 0x04;
    pub const NOARP: u16 = 0x40;
    pub const PERMANENT: u16 = 0x80;
}

/// All neighbours.
pub(super) fn neighbours(
    reader: &mut Reader,
    names: &Names<'_>,
) -> Result<Vec<ObservedNeighbour>, Error> {
    let ask = RouteNetlinkMessage::GetNeighbour(NeighbourMessage::default());
    reader.list("listing neighbours", libc::RTM_NEWNEIGH, &ask, |message| neighbour(message, names))
}

/// `struct ndmsg`: family, padding, index, state, flags, type.
const HEADER: usize = 12;

fn state(header: &[u8; HEADER]) -> NeighbourState {
    u16::from_ne_bytes([header[8], header[9]]).into()
}

fn neighbour(message: &[u8], names: &Names<'_>) -> Option<ObservedNeighbour> {
    let (header, attributes) = header::<HEADER>(message)?;
    let (mut to, mut hardware) = (None, None);
    for (attribute, value) in attributes {
        match attribute {
            nda::DST => to = Value::ip(value),
            nda::LLADDR => hardware = mac(value),
            _ => {}
        }
    }
    Some(ObservedNeighbour {
        dev: names.of(number(header, 4)),
        to: to?,
        mac: hardware,
        state: state(header).to_string().to_uppercase(),
    })
}

/// All entries of the forwarding databases of bridges.
pub(super) fn fdb(reader: &mut Reader, names: &Names<'_>) -> Result<Vec<ObservedFdb>, Error> {
    reader.list(fdb::LISTING, libc::RTM_NEWNEIGH, &fdb::question(), |message| entry(message, names))
}

/// An entry; `None` for what the kernel lists beside them, the group addresses that a device
/// listens to.
fn entry(message: &[u8], names: &Names<'_>) -> Option<ObservedFdb> {
    let Listed { index, bridge, entry } = fdb::listed(message)?;
    let bridge = bridge.map(|index| names.of(index));
    let mac = mac(Value(&entry.mac))?;
    Some(ObservedFdb { dev: names.of(index), mac, bridge, learned: entry.is_learned() })
}
