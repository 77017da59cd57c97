//! Addresses of devices (`ip-address(8)`).

use std::collections::HashSet;
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

    /// Whether the IPv6 addresses of these devices are usable. Their routes in the table `local`
    /// come by a work queue, also where duplicate address detection is left out
    /// (`addrconf_dad_work`, `net/ipv6/addrconf.c`): until then a packet for one is lost.
    pub(crate) fn are_addresses_usable(&mut self, of: &HashSet<u32>) -> Result<bool, Error> {
        let mut all = AddressMessage::default();
        all.header.family = AddressFamily::Inet6;
        let all = RouteNetlinkMessage::GetAddress(all);
        let found = self.socket.dump("listing addresses", &all)?;
        let mut wanted: HashSet<IpAddr> = HashSet::new();
        for address in &found {
            let RouteNetlinkMessage::NewAddress(address) = address else { continue };
            let is_global = address.header.scope == AddressScope::Universe;
            let is_tentative = address.header.flags.contains(AddressHeaderFlags::Tentative);
            if is_global && !is_tentative && of.contains(&address.header.index) {
                wanted.extend(address.attributes.iter().find_map(|attribute| match attribute {
                    AddressAttribute::Address(address) => Some(*address),
                    _ => None,
                }));
            }
        }
        if wanted.is_empty() {
            return Ok(true);
        }
        for local in self.local_routes()? {
            wanted.remove(&local);
        }
        Ok(wanted.is_empty())
    }

    fn address(&mut self, name: &str, address: IpNet) -> Result<AddressMessage, Error> {
        let mut message = AddressMessage::default();
        message.header.index = self.index(name)?;
        message.header.prefix_len = address.prefix_len();
        message.header.family = family(address.addr());
        // As `ip address add` has it (ifa_scope of 127.0.0.0/8).
        message.header.scope = match address.addr() {
            IpAddr::V4(v4) if v4.is_loopback() => AddressScope::Host,
            _ => AddressScope::Universe,
        };
        message.attributes.push(AddressAttribute::Local(address.addr()));
        message.attributes.push(AddressAttribute::Address(address.addr()));
        Ok(message)
    }
}

/// The address family of an address.
pub(crate) fn family(address: IpAddr) -> AddressFamily {
    if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 }
}
