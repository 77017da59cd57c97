//! Devices and their addresses.

use ipnet::IpNet;
use netlink_packet_core::DefaultNla;
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{LinkAttribute, LinkExtentMask, LinkMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use twinax_plan::{ObservedAddress, ObservedLink};
use twinax_topology::Mac;

use super::{Reader, bridge, scope};
use crate::attributes::{INET, INET6, Value, header, number};
use crate::error::Error;

/// The attributes of a device that count here: `IFLA_…`, `linux/if_link.h`.
pub(crate) mod ifla {
    pub const ADDRESS: u16 = 1;
    pub const IFNAME: u16 = 3;
    pub const MTU: u16 = 4;
    pub const LINK: u16 = 5;
    pub const QDISC: u16 = 6;
    pub const MASTER: u16 = 10;
    pub const PROTINFO: u16 = 12;
    pub const OPERSTATE: u16 = 16;
    pub const LINKINFO: u16 = 18;
    pub const LINK_NETNSID: u16 = 37;
    pub const TARGET_NETNSID: u16 = 46;
    pub const INFO_KIND: u16 = 1;
    pub const INFO_DATA: u16 = 2;
    pub const INFO_SLAVE_KIND: u16 = 4;
    pub const INFO_SLAVE_DATA: u16 = 5;
    pub const TUN_TYPE: u16 = 3;
}

/// The attributes of an address: `IFA_…`, `linux/if_addr.h`.
mod ifa {
    pub const ADDRESS: u16 = 1;
    pub const LOCAL: u16 = 2;
    pub const BROADCAST: u16 = 4;
    pub const FLAGS: u16 = 8;
    pub const PROTO: u16 = 11;
    /// `IFA_F_TENTATIVE`.
    pub const TENTATIVE: u32 = 0x40;
    /// `IFAPROT_KERNEL_LO`, `IFAPROT_KERNEL_RA` and `IFAPROT_KERNEL_LL`.
    pub const PROTO_KERNEL: [u8; 3] = [1, 2, 3];
}

/// All devices, in ascending order of their index. `target`: of the namespace that this one calls
/// by this number. The number of the namespace of another end is this one's, too.
pub(super) fn all(reader: &mut Reader, target: Option<i32>) -> Result<Vec<ObservedLink>, Error> {
    let mut found = list(reader, target, observed)?;
    found.sort_by_key(|(link, _)| link.index);
    let masters: Vec<Option<String>> = found
        .iter()
        .map(|(_, master)| master.map(|index| name_of(&found, index, |(link, _)| link)))
        .collect();
    let named = found.into_iter().zip(masters);
    Ok(named.map(|((link, _), master)| ObservedLink { master, ..link }).collect())
}

/// What `pick` makes of each device, in the order in which the kernel lists them. `target` as in
/// [`all`].
pub(super) fn list<T>(
    reader: &mut Reader,
    target: Option<i32>,
    pick: impl FnMut(&[u8]) -> Option<T>,
) -> Result<Vec<T>, Error> {
    let mut ask = LinkMessage::default();
    // Counters are most of what the kernel would have to say of a device.
    ask.attributes.push(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]));
    ask.attributes.extend(target.map(|number| {
        let number = number.to_ne_bytes().to_vec();
        LinkAttribute::Other(DefaultNla::new(ifla::TARGET_NETNSID, number))
    }));
    let ask = RouteNetlinkMessage::GetLink(ask);
    reader.list("listing devices", libc::RTM_NEWLINK, &ask, pick)
}

/// The name of a device, among devices in ascending order of their index. One that has come since
/// they were listed is called by its index, as `ip` does.
fn name_of<T>(devices: &[T], index: u32, link: impl Fn(&T) -> &ObservedLink) -> String {
    match devices.binary_search_by_key(&index, |device| link(device).index) {
        Ok(place) => link(&devices[place]).name.clone(),
        Err(_) => format!("if{index}"),
    }
}

/// The names of devices by index.
pub(super) struct Names<'a>(pub &'a [ObservedLink]);

impl Names<'_> {
    pub fn of(&self, index: u32) -> String {
        name_of(self.0, index, |link| link)
    }
}

/// A device, and the index of its master.
pub(crate) fn observed(message: &[u8]) -> Option<(ObservedLink, Option<u32>)> {
    // struct ifinfomsg: family, pad, type, index, flags, change.
    let (header, attributes) = header::<16>(message)?;
    let flags = number(header, 8).cast_signed();
    let mut link = ObservedLink {
        index: number(header, 4),
        up: flags & libc::IFF_UP != 0,
        carrier: flags & libc::IFF_LOWER_UP != 0,
        noarp: flags & libc::IFF_NOARP != 0,
        ..ObservedLink::default()
    };
    let mut master = None;
    for (attribute, value) in attributes {
        match attribute {
            ifla::IFNAME => link.name = value.text(),
            ifla::MTU => link.mtu = value.u32()?,
            ifla::QDISC => link.qdisc = value.text(),
            ifla::OPERSTATE => link.state = state(value.u8()?),
            ifla::ADDRESS => link.mac = mac(value),
            ifla::LINK => link.peer_index = value.u32(),
            ifla::LINK_NETNSID => link.peer_netnsid = value.u32().map(u32::cast_signed),
            ifla::MASTER => master = value.u32(),
            ifla::LINKINFO => info(value, &mut link),
            _ => {}
        }
    }
    Some((link, master))
}

/// What is only known of a device of its kind. The kind comes before what is said of it
/// (`rtnl_link_info_fill`).
fn info(attributes: Value<'_>, link: &mut ObservedLink) {
    let mut is_bridge_port = false;
    for (attribute, value) in attributes.nested() {
        match attribute {
            ifla::INFO_KIND => link.kind = value.text(),
            ifla::INFO_DATA if link.kind == "bridge" => link.bridge = bridge::bridge(value),
            ifla::INFO_DATA if link.kind == "tun" => link.tap = tap_mode(value),
            ifla::INFO_SLAVE_KIND => is_bridge_port = value.text() == "bridge",
            ifla::INFO_SLAVE_DATA if is_bridge_port => link.port = bridge::port(value),
            _ => {}
        }
    }
}

fn tap_mode(attributes: Value<'_>) -> Option<String> {
    match i32::from(attributes.get(ifla::TUN_TYPE)?.u8()?) {
        libc::IFF_TUN => Some("tun".to_owned()),
        libc::IFF_TAP => Some("tap".to_owned()),
        _ => None,
    }
}

/// The word that `ip link` has for an operational state (`linux/if.h`, `IF_OPER_…`).
fn state(number: u8) -> String {
    let word = match number {
        0 => "UNKNOWN",
        1 => "NOTPRESENT",
        2 => "DOWN",
        3 => "LOWERLAYERDOWN",
        4 => "TESTING",
        5 => "DORMANT",
        6 => "UP",
        other => return other.to_string(),
    };
    word.to_owned()
}

/// The hardware address, where it is one of Ethernet and one that an interface can have.
pub(super) fn mac(value: Value<'_>) -> Option<Mac> {
    Mac::new(<[u8; 6]>::try_from(value.0).ok()?).ok()
}

/// Gives each device, in ascending order of their index, its addresses. `target` as in [`all`].
///
/// One family after the other: a dump of all families at once keeps the lock of all that netlink
/// changes (`rtnl_dump_all`).
pub(super) fn join_addresses(
    reader: &mut Reader,
    target: Option<i32>,
    links: &mut [ObservedLink],
) -> Result<(), Error> {
    for (family, number) in [(AddressFamily::Inet, INET), (AddressFamily::Inet6, INET6)] {
        let mut ask = AddressMessage::default();
        ask.header.family = family;
        ask.attributes.extend(target.map(AddressAttribute::TargetNetNsId));
        let ask = RouteNetlinkMessage::GetAddress(ask);
        let found = reader.list("listing addresses", libc::RTM_NEWADDR, &ask, |message| {
            // A kernel without the family lists all that it has.
            (*message.first()? == number).then(|| address(message)).flatten()
        })?;
        for (index, address) in found {
            if let Ok(place) = links.binary_search_by_key(&index, |link| link.index) {
                links[place].addresses.push(address);
            }
        }
    }
    Ok(())
}

fn address(message: &[u8]) -> Option<(u32, ObservedAddress)> {
    // struct ifaddrmsg: family, prefix length, flags, scope, index.
    let (header, attributes) = header::<8>(message)?;
    let [_, prefix_length, flags, own_scope, ..] = *header;
    let (mut local, mut peer, mut broadcast) = (None, None, None);
    let mut flags = u32::from(flags);
    let mut by_kernel = false;
    for (attribute, value) in attributes {
        match attribute {
            ifa::LOCAL => local = value.ip(),
            ifa::ADDRESS => peer = value.ip(),
            ifa::BROADCAST => broadcast = value.ip(),
            ifa::FLAGS => flags = value.u32()?,
            ifa::PROTO => by_kernel = ifa::PROTO_KERNEL.contains(&value.u8()?),
            _ => {}
        }
    }
    // IFA_ADDRESS is the other side's on a point-to-point device; then IFA_LOCAL is ours
    // (`linux/if_addr.h`).
    let address = IpNet::new(local.or(peer)?, prefix_length).ok()?;
    let tentative = flags & ifa::TENTATIVE != 0;
    let scope = scope(own_scope);
    Some((number(header, 4), ObservedAddress { address, scope, tentative, broadcast, by_kernel }))
}
