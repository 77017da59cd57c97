//! Tables of steps and of what is expected of them.

use crate::file::keys::prelude::*;
use crate::file::tables::{
    FirewallKeys, NeighKeyKeys, NeighKeys, PartsKeys, PingKeys, PortKeys, RouteKeys, RuleKeys,
    SeenKeys, TcpKeys, TracerouteKeys, UdpKeys, UnseenKeys,
};
use crate::file::{
    Array, HopWord, HostNet, Int, List, MasterName, Named, ReachWord, RemovedWord, Setting, Text,
    TextWord,
};
use crate::model::{Family, IfName, Mac, NodeName, Place, Program, Span, Spot, Told};

keys! {
    /// A step: one thing that is done, with what is expected of it.
    StepKeys is "a step" {
        /// What the step shows, in the author's words.
        about: Text,
        /// Change the lab, in order.
        change: List<ChangeKeys>,
        /// Add nodes, links, TUN/TAP devices and wires, said as at the top level of the file.
        add: PartsKeys,
        /// Remove nodes with all that is in them, and devices; of a link, one of its ends; and
        /// wires, each by one of its devices.
        remove: List<RemovedWord>,
        /// Send echo requests.
        ping: PingKeys,
        /// Find out by which routers a packet goes.
        traceroute: TracerouteKeys,
        /// Open a TCP connection and read what the other side says.
        tcp: TcpKeys,
        /// Send datagrams that the other side is to send back.
        udp: UdpKeys,
        /// Run a command in a node to its end.
        run: RunStepKeys,
        /// Look at what the kernel reports of a node or interface.
        look: Spot,
        /// Find out who reaches whom.
        reach: ReachWord,
        /// What is expected.
        expect: ExpectKeys,
    }

    /// The wire that is removed.
    RemovedWireKeys is "a wire to be removed" {
        /// One of its devices, which both stay.
        wire: Place = must,
    }

    /// A change of one interface, or of one node.
    ChangeKeys is "a change" {
        /// What is changed: `node:interface` or `node`.
        at: Spot = must,
        /// The node that the interface is moved to; stands alone.
        r#move: NodeName,
        /// Bring the interface up or down.
        up: bool,
        /// The interface's MTU in bytes.
        mtu: Int<68, 65_535>,
        /// The interface's hardware address.
        mac: Mac,
        /// The bridge whose port it becomes; `false`: of none.
        master: MasterName,
        /// How it behaves as a port.
        port: PortKeys,
        /// Addresses that are added to the interface.
        add_ip: List<HostNet>,
        /// Addresses that are removed from it.
        del_ip: List<HostNet>,
        /// Sysctls of the interface (`"ipv4.rp_filter"`) or node (`"net.ipv4.ip_forward"`).
        sysctl: Named<Setting>,
        /// Routes that are added to the node.
        add_route: List<RouteKeys>,
        /// Routes that are removed.
        del_route: List<RouteKeys>,
        /// Rules that are added.
        add_rule: List<RuleKeys>,
        /// Rules that are removed.
        del_rule: List<RuleKeys>,
        /// Neighbours that are added.
        add_neigh: List<NeighKeys>,
        /// Neighbours that are removed.
        del_neigh: List<NeighKeyKeys>,
        /// The firewall that takes the place of the node's.
        firewall: FirewallKeys,
    }

    /// A command that is run in a node to its end.
    RunStepKeys is "a command of a step" {
        /// The node.
        at: NodeName = must,
        /// What is executed.
        cmd: Program = must,
        /// How long it may take; 30 s unless said.
        timeout: Span,
    }

    /// Who reaches whom.
    ReachKeys is "a reach" {
        /// In each group everybody reaches everybody.
        groups: Array<Array<NodeName>>,
        /// Besides, the first of each pair reaches the second.
        also: Array<Array<NodeName>>,
        /// Between these nobody else reaches anybody; all nodes with an address unless said.
        among: List<NodeName>,
        /// The family.
        family: Family,
        /// How long to wait for answers; 1 s unless said.
        timeout: Span,
    }

    /// What is expected of a step. Which keys it may have depends on what the step does.
    ExpectKeys is "an expectation" {
        /// Of a ping or udp echo: so many are answered.
        received: Int<0, 65_535>,
        /// Of a ping or udp echo: so many are not.
        lost: Int<0, 65_535>,
        /// Of a ping or udp echo: at least one is answered, or none. Of a traceroute: the
        /// destination is reached, or not.
        reachable: bool,
        /// Of a traceroute: exactly these answer, in this order; the destination is the last one.
        hops: List<HopWord>,
        /// Of a ping, traceroute, tcp connection or udp echo: what the sender is told.
        told: Told,
        /// Of a tcp connection: whether it comes about.
        connected: bool,
        /// Of a tcp connection: what the other side says.
        said: TextWord,
        /// Of a command: its exit code.
        exit: Int<0, 255>,
        /// Of a command: what it writes to standard output.
        stdout: TextWord,
        /// Of a command: what it writes to standard error.
        stderr: TextWord,
        /// Of an interface: whether it is up.
        up: bool,
        /// Of an interface: whether it has carrier.
        carrier: bool,
        /// Of an interface: its MTU in bytes.
        mtu: Int<0, 4_294_967_295>,
        /// Of an interface: its hardware address.
        mac: Mac,
        /// Of an interface: its bridge.
        master: IfName,
        /// Of an interface: exactly these addresses, link-local ones apart.
        ip: List<HostNet>,
        /// Of a node: exactly these interfaces, `lo` apart.
        interface: List<IfName>,
        /// Of a look: each of these is there.
        has: FactsKeys,
        /// Of a look: none of these is there.
        lacks: FactsKeys,
        /// Of every step: each of these packets is seen while it is done.
        seen: List<SeenKeys>,
        /// Of every step: none of these packets is seen while it is done.
        unseen: List<UnseenKeys>,
        /// Of every step: the first of each of `seen` comes after the first of each one before it.
        in_order: bool,
        /// Of every step: how long is waited, once it is done, for those of `seen` that are still
        /// missing; 1 s unless said.
        within: Span,
    }

    /// What is expected of a text; all that is said must hold.
    TextKeys is "an expectation of a text" {
        /// It is exactly this, white space at both ends apart.
        is: Text,
        /// It contains each of these.
        has: List<Text>,
        /// It contains none of these.
        lacks: List<Text>,
    }

    /// Things that a node may have.
    FactsKeys is "an expectation of a look" {
        /// Interfaces.
        interface: List<IfName>,
        /// Addresses.
        ip: List<HostNet>,
        /// Routes that agree in everything that is said of them.
        route: List<RouteKeys>,
        /// Policy rules that agree in everything that is said of them.
        rule: List<RuleKeys>,
        /// Neighbours.
        neigh: List<NeighKeys>,
        /// Sysctls and their values.
        sysctl: Named<Setting>,
        /// nftables tables: `inet demo`.
        table: List<Text>,
        /// Interfaces whose MAC addresses a bridge has learned.
        learned: List<Place>,
    }
}
