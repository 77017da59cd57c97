//! Devices: veth pairs made at once, and what can be set of every device (`ip-link(8)`).

use std::os::fd::{AsFd, AsRawFd, RawFd};

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkHeader, LinkInfo, LinkMessage,
    State,
};
use twinax_plan::Device;
use twinax_topology::{IfName, Mac};

use crate::error::Error;
use crate::netlink::{CREATE, EXCL};
use crate::netns::Netns;
use crate::rtnl::Rtnl;

impl Rtnl {
    /// Makes a veth pair, both ends at once in their final namespaces: moving an end afterwards
    /// costs a hundred times as much (33 ms against 0.4 ms, Linux 6.18). Both ends are down.
    pub fn add_veth(
        &mut self,
        (a, at_a): (&Device, &Netns),
        (b, at_b): (&Device, &Netns),
    ) -> Result<(), Error> {
        let message = pair(end(a, at_a.as_fd().as_raw_fd()), end(b, at_b.as_fd().as_raw_fd()));
        self.queue("making a veth pair", CREATE | EXCL, message)
    }

    /// Brings a device up or down (`IFF_UP`).
    pub fn set_up(&mut self, name: &str, up: bool) -> Result<(), Error> {
        let mut message = of(self.index(name)?);
        message.header.flags = if up { LinkFlags::Up } else { LinkFlags::empty() };
        message.header.change_mask = LinkFlags::Up;
        let request = if up { "bringing a device up" } else { "taking a device down" };
        self.set(request, message)
    }

    /// Lets a device ask for neighbours and answer, or not (`IFF_NOARP`, `netdevice(7)`); at once.
    pub fn set_arp(&mut self, name: &str, on: bool) -> Result<(), Error> {
        let mut message = of(self.index(name)?);
        message.header.flags = if on { LinkFlags::empty() } else { LinkFlags::Noarp };
        message.header.change_mask = LinkFlags::Noarp;
        self.set("turning ARP on or off", message)?;
        self.flush()
    }

    /// Sets a device's MTU, in bytes.
    pub fn set_mtu(&mut self, name: &str, mtu: u32) -> Result<(), Error> {
        self.set_attribute("setting the MTU", name, LinkAttribute::Mtu(mtu))
    }

    /// Sets a device's hardware address.
    pub fn set_mac(&mut self, name: &str, mac: Mac) -> Result<(), Error> {
        let address = LinkAttribute::Address(mac.octets().to_vec());
        self.set_attribute("setting the MAC address", name, address)
    }

    /// Makes a device a port of a bridge; `None`: of none.
    pub fn set_master(&mut self, name: &str, master: Option<&IfName>) -> Result<(), Error> {
        let index = master.map_or(Ok(0), |master| self.index(master.as_str()))?;
        self.set_attribute("setting the master", name, LinkAttribute::Controller(index))
    }

    /// Moves a device into another namespace. The kernel takes it down, and its addresses away.
    pub fn move_link(&mut self, name: &str, to: &Netns) -> Result<(), Error> {
        let fd = LinkAttribute::NetNsFd(to.as_fd().as_raw_fd());
        self.set_attribute("moving a device", name, fd)?;
        self.forget(name);
        Ok(())
    }

    /// Removes a device; of a veth pair, both ends.
    pub fn del_link(&mut self, name: &str) -> Result<(), Error> {
        let message = of(self.index(name)?);
        self.queue("removing a device", 0, RouteNetlinkMessage::DelLink(message))?;
        // The other end can be here as well, and a name can come again with another index.
        self.forget_all();
        Ok(())
    }

    /// Whether packets pass: whether the kernel has worked off what it still has to do after the
    /// requests that brought devices up and gave them addresses.
    ///
    /// A device whose carrier has just come has the queueing discipline `noop`, which drops
    /// everything, for up to a second (`net/core/link_watch.c`). Since Linux 6.8 the question alone
    /// makes the kernel do it at once.
    pub fn settled(&mut self) -> Result<bool, Error> {
        let with_carrier = loop {
            let links = self.links()?;
            let (settled, others): (Vec<_>, Vec<_>) = links.into_iter().partition(is_settled);
            if others.is_empty() {
                break settled
                    .iter()
                    .filter(|link| has_carrier(link))
                    .map(|l| l.header.index)
                    .collect();
            }
            // One that has settled can be what another waits for: a port of a bridge.
            let mut has_moved = false;
            for other in &others {
                let one = RouteNetlinkMessage::GetLink(of(other.header.index));
                let answer = self.socket.get("asking for a device", &one)?;
                has_moved |=
                    matches!(answer, Some(RouteNetlinkMessage::NewLink(l)) if is_settled(&l));
            }
            if !has_moved {
                return Ok(false);
            }
        };
        self.are_addresses_usable(&with_carrier)
    }

    fn links(&mut self) -> Result<Vec<LinkMessage>, Error> {
        let all = RouteNetlinkMessage::GetLink(LinkMessage::default());
        let found = self.socket.dump("listing devices", &all)?;
        let links = found.into_iter().filter_map(|message| match message {
            RouteNetlinkMessage::NewLink(link) => Some(link),
            _ => None,
        });
        Ok(links.collect())
    }

    fn set_attribute(
        &mut self,
        request: &'static str,
        name: &str,
        attribute: LinkAttribute,
    ) -> Result<(), Error> {
        let mut message = of(self.index(name)?);
        message.attributes.push(attribute);
        self.set(request, message)
    }

    pub(crate) fn set(&mut self, request: &'static str, message: LinkMessage) -> Result<(), Error> {
        self.queue(request, 0, RouteNetlinkMessage::SetLink(message))
    }
}

/// A message about the device of this index.
pub(crate) fn of(index: u32) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message
}

fn has_carrier(link: &LinkMessage) -> bool {
    link.header.flags.contains(LinkFlags::Up | LinkFlags::LowerUp)
}

/// Whether carrier and operational state agree, as far as a device is up.
fn is_settled(link: &LinkMessage) -> bool {
    let LinkHeader { flags, .. } = link.header;
    // IFF_RUNNING is the operational state's, IFF_LOWER_UP the carrier's (netdevice(7)).
    let agree = flags.contains(LinkFlags::Running) == flags.contains(LinkFlags::LowerUp);
    // A state that nobody has looked at yet is `UNKNOWN`, and counts as running. Of a veth, whose
    // carrier is off when it is made, it does not stay so; of `lo` and a TAP it may.
    let is_new = link.attributes.contains(&LinkAttribute::OperState(State::Unknown));
    let is_veth = link.attributes.iter().any(|attribute| {
        matches!(attribute, LinkAttribute::LinkInfo(info)
            if info.contains(&LinkInfo::Kind(InfoKind::Veth)))
    });
    !flags.contains(LinkFlags::Up) || agree && !(is_new && is_veth)
}

/// The attributes with which a device is made: name, MAC, MTU.
pub(crate) fn made_with(device: &Device) -> Vec<LinkAttribute> {
    let mut attributes = vec![LinkAttribute::IfName(device.place.interface.to_string())];
    attributes.extend(device.mac.map(|mac| LinkAttribute::Address(mac.octets().to_vec())));
    attributes.extend(device.mtu.map(LinkAttribute::Mtu));
    attributes
}

/// The request for a veth pair.
fn pair(mut a: LinkMessage, b: LinkMessage) -> RouteNetlinkMessage {
    let peer = LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(b)));
    a.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Veth), peer]));
    RouteNetlinkMessage::NewLink(a)
}

/// One end of a veth pair, in the namespace that this descriptor stands for.
fn end(device: &Device, at: RawFd) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.attributes = made_with(device);
    message.attributes.push(LinkAttribute::NetNsFd(at));
    message
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use twinax_topology::Place;

    use super::*;
    use crate::netlink;

    fn device(interface: &str, mac: Option<&str>, mtu: Option<u32>) -> Device {
        let place = Place { node: "n".parse().unwrap(), interface: interface.parse().unwrap() };
        Device { place, mac: mac.map(|mac| mac.parse().unwrap()), mtu }
    }

    /// Written by hand, after `linux/netlink.h`, `linux/if_link.h` and `linux/veth.h`.
    #[test]
    fn a_veth_pair_on_the_wire() {
        let left = device("left", Some("02:00:00:00:00:01"), Some(1400));
        let right = device("right", None, None);
        #[rustfmt::skip]
        let expected: &[u8] = &[
            // nlmsghdr: 132 bytes, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_EXCL | NLM_F_CREATE
            132, 0, 0, 0,  16, 0,  0x01, 0x06,  0, 0, 0, 0,  0, 0, 0, 0,
            // ifinfomsg: AF_UNSPEC, no type, no index, no flags
            0, 0,  0, 0,  0, 0, 0, 0,  0, 0, 0, 0,  0, 0, 0, 0,
            // IFLA_IFNAME "left", IFLA_ADDRESS, IFLA_MTU 1400, IFLA_NET_NS_FD 3
            9, 0,  3, 0,  b'l', b'e', b'f', b't', 0,  0, 0, 0,
            10, 0,  1, 0,  2, 0, 0, 0, 0, 1,  0, 0,
            8, 0,  4, 0,  0x78, 0x05, 0, 0,
            8, 0,  28, 0,  3, 0, 0, 0,
            // IFLA_LINKINFO
            60, 0,  18, 0,
                // IFLA_INFO_KIND "veth"
                9, 0,  1, 0,  b'v', b'e', b't', b'h', 0,  0, 0, 0,
                // IFLA_INFO_DATA
                44, 0,  2, 0,
                    // VETH_INFO_PEER: ifinfomsg, IFLA_IFNAME "right", IFLA_NET_NS_FD 4
                    40, 0,  1, 0,
                        0, 0,  0, 0,  0, 0, 0, 0,  0, 0, 0, 0,  0, 0, 0, 0,
                        10, 0,  3, 0,  b'r', b'i', b'g', b'h', b't', 0,  0, 0,
                        8, 0,  28, 0,  4, 0, 0, 0,
        ];
        let message = pair(end(&left, 3), end(&right, 4));
        assert_eq!(netlink::bytes(CREATE | EXCL, message), expected);
    }
}
