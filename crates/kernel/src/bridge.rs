//! Bridges and their ports (`ip-link(8)`, `bridge(8)`).

use std::time::Duration;

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    BridgePortState, BridgeStpState, InfoBridge, InfoBridgePort, InfoData, InfoKind, InfoPortData,
    InfoPortKind, LinkAttribute, LinkInfo, LinkMessage,
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
        let stp = bridge.stp.then(|| stp(true));
        let data: Vec<_> = stp.into_iter().chain(data(bridge)).collect();
        if !data.is_empty() {
            info.push(LinkInfo::Data(InfoData::Bridge(data)));
        }
        message.attributes.push(LinkAttribute::LinkInfo(info));
        self.queue("making a bridge", CREATE | EXCL, RouteNetlinkMessage::NewLink(message))
    }

    /// Sets how a bridge behaves: what is not said, to what the kernel gives a bridge of which
    /// nothing is said (`br_dev_setup`, `net/bridge/br_device.c`). Of its interface only the name
    /// counts.
    pub fn set_bridge(&mut self, bridge: &Bridge) -> Result<(), Error> {
        let second = |seconds| Some(Span(Duration::from_secs(seconds)));
        let all = Bridge {
            forward_delay: bridge.forward_delay.or(second(15)),
            ageing: bridge.ageing.or(second(300)),
            priority: bridge.priority.or(Some(0x8000)),
            multicast_snooping: bridge.multicast_snooping.or(Some(true)),
            ..bridge.clone()
        };
        let mut message = of(self.index(bridge.interface.place.interface.as_str())?);
        message.attributes.push(LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Bridge),
            LinkInfo::Data(InfoData::Bridge(
                [stp(bridge.stp)].into_iter().chain(data(&all)).collect(),
            )),
        ]));
        self.queue("setting a bridge", 0, RouteNetlinkMessage::NewLink(message))
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

    /// Sets the state of a port (`BR_STATE_…`, `linux/if_bridge.h`); at once.
    pub fn set_port_state(&mut self, name: &str, state: u8) -> Result<(), Error> {
        let state = BridgePortState::from(state);
        let mut message = of(self.index(name)?);
        message.attributes.push(LinkAttribute::LinkInfo(vec![
            LinkInfo::PortKind(InfoPortKind::Bridge),
            LinkInfo::PortData(InfoPortData::BridgePort(vec![InfoBridgePort::State(state)])),
        ]));
        self.queue("setting the state of a bridge port", 0, RouteNetlinkMessage::NewLink(message))?;
        self.flush()
    }
}

fn stp(on: bool) -> InfoBridge {
    InfoBridge::StpState(if on { BridgeStpState::KernelStp } else { BridgeStpState::Disabled })
}

/// What is said of a bridge but its STP state.
fn data(bridge: &Bridge) -> Vec<InfoBridge> {
    let centiseconds = |span: Span| (span.0.as_millis() / 10) as u32;
    let delay = bridge.forward_delay.map(|span| InfoBridge::ForwardDelay(centiseconds(span)));
    let ageing = bridge.ageing.map(|span| InfoBridge::AgeingTime(centiseconds(span)));
    let priority = bridge.priority.map(InfoBridge::Priority);
    let snooping = bridge.multicast_snooping.map(InfoBridge::MulticastSnooping);
    [delay, ageing, priority, snooping].into_iter().flatten().collect()
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
