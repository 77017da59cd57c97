//! Addresses of devices (`ip-address(8)`).

use std::net::IpAddr;

use ipnet::IpNet;
use netlink_packet_route::address::{
    AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage, AddressScope,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use crate::error::Error;
use crate::netlink::{CREATE, EXCL};
use crate::rtnl::Rtnl;

impl Rtnl {
    /// Adds an address. An IPv6 address is usable at once: duplicate address detection (RFC 4862,
    /// 5.4), which would keep it tentative for a second or two, is left out (`nodad`).
    pub fn add_address(&mut self, name: &str, address: IpNet) -> Result<(), Error> {
        let mut message = self.address(name, address)?;
        if address.addr().is_ipv6() {
            message.header.flags = AddressHeaderFlags::Nodad;
            message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
        }
        self.queue("adding an address", CREATE | EXCL, RouteNetlinkMessage::NewAddress(message))
    }

    /// Removes an address.
    pub fn del_address(&mut self, name: &str, address: IpNet) -> Result<(), Error> {
        let message = self.address(name, address)?;
        self.queue("removing an address", 0, RouteNetlinkMessage::DelAddress(message))
    }

    fn address(&mut self, name: &str, address: IpNet) -> Result<AddressMessage, Error> {
        let mut message = AddressMessage::default();
        message.header.index = self.index(name)?;
        message.header.prefix_len = address.prefix_len();
        message.header.family = family(address.addr());
        message.header.scope = AddressScope::Universe;
        message.attributes.push(AddressAttribute::Local(address.addr()));
        message.attributes.push(AddressAttribute::Address(address.addr()));
        Ok(message)
    }
}

/// The address family of an address.
pub(crate) fn family(address: IpAddr) -> AddressFamily {
    if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 }
}
