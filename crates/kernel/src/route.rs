//! Static routes (`ip-route(8)`).

use std::net::IpAddr;

use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use rustix::io::Errno;
use twinax_topology::{Route, RouteKind, TABLE_MAIN};

use crate::address::family;
use crate::ask::{Asked, RouteQuery};
use crate::error::Error;
use crate::netlink::{CREATE, EXCL};
use crate::rtnl::Rtnl;

/// `RT_TABLE_COMPAT`: the header's octet for a table whose number does not fit into it.
const TABLE_COMPAT: u8 = 252;

impl Rtnl {
    /// Adds a route.
    pub fn add_route(&mut self, route: &Route) -> Result<(), Error> {
        let message = self.route(route)?;
        self.queue("adding a route", CREATE | EXCL, RouteNetlinkMessage::NewRoute(message))
    }

    /// Removes the first route that agrees in everything that is said.
    pub fn del_route(&mut self, route: &Route) -> Result<(), Error> {
        let mut message = self.route(route)?;
        // RT_SCOPE_NOWHERE: whatever its scope (as `ip route del` asks).
        message.header.scope = RouteScope::NoWhere;
        message.header.protocol = RouteProtocol::Unspec;
        self.queue("removing a route", 0, RouteNetlinkMessage::DelRoute(message))
    }

    /// Forgets what was learned of the way to an address (RFC 8201): of IPv6, whose routes of the cache
    /// can be removed as others can (`ip6_route_del`, `net/ipv6/route.c`). Nothing learned is as good.
    ///
    /// # Errors
    ///
    /// What the kernel refuses besides.
    pub fn forget_path(&mut self, to: IpAddr) -> Result<(), Error> {
        let Asked::Route(way) = self.ask_route(&RouteQuery::to(to))? else { return Ok(()) };
        let mut message = RouteMessage::default();
        message.header.address_family = family(to);
        message.header.destination_prefix_length = if to.is_ipv4() { 32 } else { 128 };
        message.header.flags = RouteFlags::Cloned;
        message.attributes.push(RouteAttribute::Destination(to.into()));
        message.attributes.push(RouteAttribute::Table(way.table));
        let request = "forgetting what was learned of a way";
        self.queue(request, 0, RouteNetlinkMessage::DelRoute(message))?;
        match self.flush() {
            Err(error) if error.errno() == Some(Errno::SRCH) => Ok(()),
            done => done,
        }
    }

    /// The IPv6 addresses that are this node's own, by the routes that say so.
    pub(crate) fn local_routes(&mut self) -> Result<Vec<IpAddr>, Error> {
        let mut all = RouteMessage::default();
        all.header.address_family = AddressFamily::Inet6;
        let found = self.socket.dump("listing routes", &RouteNetlinkMessage::GetRoute(all))?;
        let destination = |route: &RouteMessage| {
            route.attributes.iter().find_map(|attribute| match attribute {
                RouteAttribute::Destination(RouteAddress::Inet6(to)) => Some(IpAddr::V6(*to)),
                _ => None,
            })
        };
        let locals = found.iter().filter_map(|route| match route {
            RouteNetlinkMessage::NewRoute(route) if route.header.kind == RouteType::Local => {
                destination(route)
            }
            _ => None,
        });
        Ok(locals.collect())
    }

    fn route(&mut self, route: &Route) -> Result<RouteMessage, Error> {
        let mut message = RouteMessage::default();
        message.header.address_family = family(route.to.addr());
        message.header.destination_prefix_length = route.to.prefix_len();
        message.header.protocol = RouteProtocol::Boot;
        message.header.kind = match route.kind {
            RouteKind::Unicast => RouteType::Unicast,
            RouteKind::Blackhole => RouteType::BlackHole,
            RouteKind::Prohibit => RouteType::Prohibit,
            RouteKind::Unreachable => RouteType::Unreachable,
            RouteKind::Throw => RouteType::Throw,
        };
        // As `ip route` has it: what is reached without a gateway is on the link.
        let on_link = route.kind == RouteKind::Unicast && route.via.is_none();
        message.header.scope = if on_link && route.to.addr().is_ipv4() {
            RouteScope::Link
        } else {
            RouteScope::Universe
        };
        if route.onlink {
            message.header.flags |= RouteFlags::Onlink;
        }
        let table = route.table.unwrap_or(TABLE_MAIN);
        message.header.table = u8::try_from(table).unwrap_or(TABLE_COMPAT);

        let attributes = &mut message.attributes;
        attributes.push(RouteAttribute::Table(table));
        if route.to.prefix_len() > 0 {
            attributes.push(RouteAttribute::Destination(route.to.addr().into()));
        }
        attributes.extend(route.via.map(|via| RouteAttribute::Gateway(via.into())));
        attributes.extend(route.src.map(|src| RouteAttribute::PrefSource(src.into())));
        attributes.extend(route.metric.map(RouteAttribute::Priority));
        if let Some(dev) = &route.dev {
            message.attributes.push(RouteAttribute::Oif(self.index(dev.as_str())?));
        }
        Ok(message)
    }
}
