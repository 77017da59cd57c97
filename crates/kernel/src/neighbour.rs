//! Static neighbours (`ip-neighbour(8)`).

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::neighbour::{NeighbourAttribute, NeighbourMessage, NeighbourState};
use netlink_packet_route::route::RouteType;
use twinax_topology::{Neighbour, NeighbourKey};

use crate::address::family;
use crate::error::Error;
use crate::netlink::{CREATE, REPLACE};
use crate::rtnl::Rtnl;

impl Rtnl {
    /// Sets a permanent neighbour, in place of one that has been learned.
    pub fn add_neighbour(&mut self, neighbour: &Neighbour) -> Result<(), Error> {
        let Neighbour { dev, to, mac } = neighbour;
        let mut message = self.neighbour(&NeighbourKey { dev: dev.clone(), to: *to })?;
        message.header.state = NeighbourState::Permanent;
        let address = NeighbourAttribute::LinkLayerAddress(mac.octets().to_vec());
        message.attributes.push(address);
        let message = RouteNetlinkMessage::NewNeighbour(message);
        self.queue("adding a neighbour", CREATE | REPLACE, message)
    }

    /// Removes a neighbour.
    pub fn del_neighbour(&mut self, neighbour: &NeighbourKey) -> Result<(), Error> {
        let message = RouteNetlinkMessage::DelNeighbour(self.neighbour(neighbour)?);
        self.queue("removing a neighbour", 0, message)
    }

    fn neighbour(&mut self, neighbour: &NeighbourKey) -> Result<NeighbourMessage, Error> {
        let mut message = NeighbourMessage::default();
        message.header.family = family(neighbour.to);
        message.header.ifindex = self.index(neighbour.dev.as_str())?;
        message.header.kind = RouteType::Unspec;
        message.attributes.push(NeighbourAttribute::Destination(neighbour.to.into()));
        Ok(message)
    }
}
