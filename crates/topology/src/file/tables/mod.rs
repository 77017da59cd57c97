//! The tables of the lab file and their keys, each declared once.

mod network;
mod node;
mod packets;
mod probe;
mod step;

pub(crate) use network::{
    BridgeKeys, EndKeys, InterfaceKeys, LinkKeys, PortKeys, TapKeys, WireKeys,
};
pub(crate) use node::{
    DnatKeys, FilterKeys, FirewallKeys, ListenKeys, NeighKeyKeys, NeighKeys, NodeKeys, RouteKeys,
    RuleKeys, RunKeys,
};
pub(crate) use packets::{PacketKeys, SeenKeys, UnseenKeys};
pub(crate) use probe::{PingKeys, TcpKeys, TracerouteKeys, UdpKeys};
pub(crate) use step::{
    ChangeKeys, ExpectKeys, FactsKeys, ReachKeys, RemovedWireKeys, RunStepKeys, StepKeys, TextKeys,
};

use super::{LabName, List, Named, Text};
use crate::file::keys::prelude::*;

keys! {
    /// A lab: nodes, what joins them, and the steps to be done in it.
    LabKeys is "a lab" with parts: PartsKeys {
        /// The lab's name.
        name: LabName = must,
        /// What the lab shows, in the author's words.
        about: Text,
        /// What is done once the lab stands, in order.
        step: List<StepKeys>,
    }

    /// What a lab is made of, and what a step may add to it.
    PartsKeys is "an addition" {
        /// The nodes, each a network namespace, by name.
        node: Named<NodeKeys>,
        /// The veth pairs.
        link: List<LinkKeys>,
        /// The persistent TUN/TAP devices.
        tap: List<TapKeys>,
        /// The wires between TUN/TAP devices.
        wire: List<WireKeys>,
    }
}
