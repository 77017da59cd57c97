//! Bridges and their ports (`ip-link(8)`, `bridge(8)`).

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    BridgeStpState, InfoBridge, InfoBridgePort, InfoData, InfoKind, InfoPortData, InfoPortKind,
    LinkAttribute, LinkInfo, LinkMessage,
};
use twinax_plan::Device;
use twinax_topology::{Bridge, PortAttributes, Span};

use crate::error::Error;
use crate::link::{made_with, of};
use crate::netlink::{CREATE, EXCL};
use crate::rtnl::Rtnl;

impl Rtnl {
    /// Makes a bridge, down and without ports, in this namespace.
    pub fn add_bridge(&mut self, bridge: &Bridge) -> Result<(), Error> {
        let mut message = LinkMessage::default();
        message.attributes = made_with(&Device::from(&bridge.interface));
        let mut info = vec![LinkInfo::Kind(InfoKind::Bridge)];
        let data = data(bridge);
        if !data.is_empty() {
            info.push(LinkInfo::Data(InfoData::Bridge(data)));
        }
        message.attributes.push(LinkAttribute::LinkInfo(info));
        self.queue("making a bridge", CREATE | EXCL, RouteNetlinkMessage::NewLink(message))
    }

    /// Sets how a port behaves: what `attributes` does not say stays as it is.
    pub fn set_port(&mut self, name: &str, attributes: &PortAttributes) -> Result<(), Error> {
        let mut message = of(self.index(name)?);
        message.attributes.push(LinkAttribute::LinkInfo(vec![
            LinkInfo::PortKind(InfoPortKind::Bridge),
            LinkInfo::PortData(InfoPortData::BridgePort(port(attributes))),
        ]));
        self.queue("setting a bridge port", 0, RouteNetlinkMessage::NewLink(message))
    }
}

fn data(bridge: &Bridge) -> Vec<InfoBridge> {
    let centiseconds = |span: Span| (span.0.as_millis() / 10) as u32;
    let stp = bridge.stp.then_some(InfoBridge::StpState(BridgeStpState::KernelStp));
    let delay = bridge.forward_delay.map(|span| InfoBridge::ForwardDelay(centiseconds(span)));
    let ageing = bridge.ageing.map(|span| InfoBridge::AgeingTime(centiseconds(span)));
    let priority = bridge.priority.map(InfoBridge::Priority);
    let snooping = bridge.multicast_snooping.map(InfoBridge::MulticastSnooping);
    [stp, delay, ageing, priority, snooping].into_iter().flatten().collect()
}

fn port(attributes: &PortAttributes) -> Vec<InfoBridgePort> {
    let switches = attributes.switches().map(|(name, on)| match name {
        "isolated" => InfoBridgePort::Isolated(on),
        "hairpin" => InfoBridgePort::HairpinMode(on),
        "learning" => InfoBridgePort::Learning(on),
        "flood" => InfoBridgePort::UnicastFlood(on),
        "mcast_flood" => InfoBridgePort::MulticastFlood(on),
        "bcast_flood" => InfoBridgePort::BroadcastFlood(on),
        "guard" => InfoBridgePort::Guard(on),
        "root_block" => InfoBridgePort::Protect(on),
        "neigh_suppress" => InfoBridgePort::NeighSupress(on),
        other => unreachable!("`{other}` is no switch of a port"),
    });
    let cost = attributes.cost.map(|cost| InfoBridgePort::Cost(u32::from(cost)));
    let priority = attributes.priority.map(|p| InfoBridgePort::Priority(u16::from(p)));
    switches.chain(cost).chain(priority).collect()
}
