//! Neighbours, and the forwarding databases of bridges: the kernel has one message for both.

use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use twinax_plan::{ObservedFdb, ObservedNeighbour};

use super::link::mac;
use super::{Names, dump};
use crate::error::Error;
use crate::rtnl::Rtnl;

/// All neighbours.
pub(super) fn neighbours(rtnl: &mut Rtnl, names: &Names) -> Result<Vec<ObservedNeighbour>, Error> {
    let ask = RouteNetlinkMessage::GetNeighbour(NeighbourMessage::default());
    dump(rtnl, "listing neighbours", &ask, |message| match message {
        RouteNetlinkMessage::NewNeighbour(message) => neighbour(message, names),
        _ => None,
    })
}

fn neighbour(message: NeighbourMessage, names: &Names) -> Option<ObservedNeighbour> {
    let (mut to, mut hardware) = (None, None);
    for attribute in message.attributes {
        match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(v4)) => to = Some(v4.into()),
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(v6)) => to = Some(v6.into()),
            NeighbourAttribute::LinkLayerAddress(bytes) => hardware = mac(&bytes),
            _ => {}
        }
    }
    Some(ObservedNeighbour {
        dev: names.of(message.header.ifindex),
        to: to?,
        mac: hardware,
        state: message.header.state.to_string().to_uppercase(),
    })
}

/// All entries of the forwarding databases of bridges.
pub(super) fn fdb(rtnl: &mut Rtnl, names: &Names) -> Result<Vec<ObservedFdb>, Error> {
    let mut ask = NeighbourMessage::default();
    ask.header.family = AddressFamily::Bridge;
    let ask = RouteNetlinkMessage::GetNeighbour(ask);
    dump(rtnl, "listing forwarding databases", &ask, |message| match message {
        RouteNetlinkMessage::NewNeighbour(message) => entry(message, names),
        _ => None,
    })
}

/// An entry; `None` for what the kernel lists beside them, the group addresses that a device
/// listens to.
fn entry(message: NeighbourMessage, names: &Names) -> Option<ObservedFdb> {
    let header = message.header;
    let (mut bridge, mut hardware) = (None, None);
    for attribute in message.attributes {
        match attribute {
            NeighbourAttribute::Controller(index) => bridge = Some(names.of(index)),
            NeighbourAttribute::LinkLayerAddress(bytes) => hardware = mac(&bytes),
            _ => {}
        }
    }
    // NUD_PERMANENT is a local address, NUD_NOARP a static entry (`br_fdb.c`, `fdb_to_nud`).
    let timed = matches!(header.state, NeighbourState::Reachable | NeighbourState::Stale);
    let learned = timed && !header.flags.contains(NeighbourFlags::ExtLearned);
    Some(ObservedFdb { dev: names.of(header.ifindex), mac: hardware?, bridge, learned })
}
