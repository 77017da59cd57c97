//! Devices: veth pairs made at once, and what can be set of every device (`ip-link(8)`).

use std::os::fd::{AsFd, AsRawFd};

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
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
        let mut message = end(a, at_a);
        let peer = LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(end(b, at_b))));
        message.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Veth), peer]));
        self.queue("making a veth pair", CREATE | EXCL, RouteNetlinkMessage::NewLink(message))
    }

    /// Brings a device up or down (`IFF_UP`).
    pub fn set_up(&mut self, name: &str, up: bool) -> Result<(), Error> {
        let mut message = of(self.index(name)?);
        message.header.flags = if up { LinkFlags::Up } else { LinkFlags::empty() };
        message.header.change_mask = LinkFlags::Up;
        let request = if up { "bringing a device up" } else { "taking a device down" };
        self.set(request, message)
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

    /// Waits until the kernel has worked off what it still has to do for a device whose carrier
    /// has just come: until then its queueing discipline is `noop`, which drops everything, for up
    /// to a second (`net/core/link_watch.c`). Since Linux 6.8 the question alone makes the kernel
    /// do it at once.
    ///
    /// The answer is whether it is done: whether carrier and operational state agree.
    pub fn settled(&mut self, name: &str) -> Result<bool, Error> {
        let message = RouteNetlinkMessage::GetLink(of(self.index(name)?));
        let answer = self.socket.get("asking for a device", &message)?;
        let Some(RouteNetlinkMessage::NewLink(link)) = answer else {
            return Err(Error::Answer("asked for a device, got none".to_owned()));
        };
        let carrier = link.header.flags.contains(LinkFlags::LowerUp);
        // IFF_RUNNING is the operational state's, IFF_LOWER_UP the carrier's (netdevice(7)).
        Ok(carrier == link.header.flags.contains(LinkFlags::Running))
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

/// The attributes with which a device is made: name, MAC, MTU.
pub(crate) fn made_with(device: &Device) -> Vec<LinkAttribute> {
    let mut attributes = vec![LinkAttribute::IfName(device.place.interface.to_string())];
    attributes.extend(device.mac.map(|mac| LinkAttribute::Address(mac.octets().to_vec())));
    attributes.extend(device.mtu.map(LinkAttribute::Mtu));
    attributes
}

/// One end of a veth pair.
fn end(device: &Device, at: &Netns) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.attributes = made_with(device);
    message.attributes.push(LinkAttribute::NetNsFd(at.as_fd().as_raw_fd()));
    message
}
