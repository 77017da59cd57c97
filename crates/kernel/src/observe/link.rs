//! Devices and their addresses.

use ipnet::IpNet;
use netlink_packet_core::Nla;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::{
    AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage,
};
use netlink_packet_route::link::{
    InfoData, InfoPortData, InfoTun, LinkAttribute, LinkExtentMask, LinkFlags, LinkInfo,
    LinkMessage,
};
use twinax_plan::{ObservedAddress, ObservedLink};
use twinax_topology::Mac;

use super::{Names, bridge, dump, scope};
use crate::error::Error;
use crate::rtnl::Rtnl;

/// `IFLA_TUN_TYPE`, `linux/if_link.h`.
const TUN_TYPE: u16 = 3;

/// `IFAPROT_KERNEL_LO`, `IFAPROT_KERNEL_RA` and `IFAPROT_KERNEL_LL`, `linux/if_addr.h`.
const IFAPROT_KERNEL: [u8; 3] = [1, 2, 3];

/// All devices, in ascending order of their index. The master is still an index, as text: see
/// [`join_masters`].
pub(super) fn all(rtnl: &mut Rtnl) -> Result<Vec<ObservedLink>, Error> {
    let mut ask = LinkMessage::default();
    // Counters are most of what the kernel would have to say of a device.
    ask.attributes.push(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]));
    let mut links =
        dump(
            rtnl,
            "listing devices",
            &RouteNetlinkMessage::GetLink(ask),
            |message| match message {
                RouteNetlinkMessage::NewLink(message) => Some(observed(message)),
                _ => None,
            },
        )?;
    links.sort_by_key(|link| link.index);
    Ok(links)
}

fn observed(message: LinkMessage) -> ObservedLink {
    let mut link = ObservedLink {
        index: message.header.index,
        up: message.header.flags.contains(LinkFlags::Up),
        carrier: message.header.flags.contains(LinkFlags::LowerUp),
        ..ObservedLink::default()
    };
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name = name,
            LinkAttribute::Mtu(mtu) => link.mtu = mtu,
            LinkAttribute::Qdisc(qdisc) => link.qdisc = qdisc,
            LinkAttribute::OperState(state) => link.state = state.to_string(),
            LinkAttribute::Address(bytes) => link.mac = mac(&bytes),
            LinkAttribute::Link(index) => link.peer_index = Some(index),
            LinkAttribute::LinkNetNsId(id) => link.peer_netnsid = Some(id),
            LinkAttribute::Controller(index) => link.master = Some(index.to_string()),
            LinkAttribute::LinkInfo(info) => kind(info, &mut link),
            _ => {}
        }
    }
    link
}

fn kind(info: Vec<LinkInfo>, link: &mut ObservedLink) {
    for info in info {
        match info {
            LinkInfo::Kind(kind) => link.kind = kind.to_string(),
            LinkInfo::Data(InfoData::Bridge(attributes)) => {
                link.bridge = attributes.iter().filter_map(bridge::bridge).collect();
            }
            LinkInfo::Data(InfoData::Tun(attributes)) => {
                link.tap = attributes.iter().find_map(tap_mode);
            }
            LinkInfo::PortData(InfoPortData::BridgePort(attributes)) => {
                link.port = attributes.iter().filter_map(bridge::port).collect();
            }
            _ => {}
        }
    }
}

fn tap_mode(attribute: &InfoTun) -> Option<String> {
    let InfoTun::Other(attribute) = attribute else { return None };
    if attribute.kind() != TUN_TYPE || attribute.value_len() != 1 {
        return None;
    }
    let mut value = [0];
    attribute.emit_value(&mut value);
    match i32::from(value[0]) {
        libc::IFF_TUN => Some("tun".to_owned()),
        libc::IFF_TAP => Some("tap".to_owned()),
        _ => None,
    }
}

/// The hardware address, where it is one of Ethernet and one that an interface can have.
pub(super) fn mac(bytes: &[u8]) -> Option<Mac> {
    Mac::new(<[u8; 6]>::try_from(bytes).ok()?).ok()
}

/// Puts names in the place of the masters' indexes.
pub(super) fn join_masters(links: &mut [ObservedLink], names: &Names) {
    for master in links.iter_mut().filter_map(|link| link.master.as_mut()) {
        if let Ok(index) = master.parse() {
            *master = names.of(index);
        }
    }
}

/// Gives each device its addresses.
pub(super) fn join_addresses(rtnl: &mut Rtnl, links: &mut [ObservedLink]) -> Result<(), Error> {
    let ask = RouteNetlinkMessage::GetAddress(AddressMessage::default());
    let addresses = dump(rtnl, "listing addresses", &ask, |message| match message {
        RouteNetlinkMessage::NewAddress(message) => Some((message.header.index, address(message)?)),
        _ => None,
    })?;
    for (index, address) in addresses {
        // In ascending order of their index: see `all`.
        if let Ok(place) = links.binary_search_by_key(&index, |link| link.index) {
            links[place].addresses.push(address);
        }
    }
    Ok(())
}

fn address(message: AddressMessage) -> Option<ObservedAddress> {
    let (mut local, mut peer, mut broadcast) = (None, None, None);
    let mut by_kernel = false;
    let mut tentative = message.header.flags.contains(AddressHeaderFlags::Tentative);
    for attribute in message.attributes {
        match attribute {
            AddressAttribute::Local(address) => local = Some(address),
            AddressAttribute::Address(address) => peer = Some(address),
            AddressAttribute::Broadcast(address) => broadcast = Some(address.into()),
            AddressAttribute::Protocol(protocol) => {
                by_kernel = IFAPROT_KERNEL.contains(&u8::from(protocol));
            }
            AddressAttribute::Flags(flags) => tentative = flags.contains(AddressFlags::Tentative),
            _ => {}
        }
    }
    // IFA_ADDRESS is the other side's on a point-to-point device; then IFA_LOCAL is ours
    // (`linux/if_addr.h`).
    let address = IpNet::new(local.or(peer)?, message.header.prefix_len).ok()?;
    let scope = scope(message.header.scope.into());
    Some(ObservedAddress { address, scope, tentative, broadcast, by_kernel })
}
