//! Tables of a node: what is set and run in it.

use std::net::{IpAddr, SocketAddr};

use crate::file::keys::prelude::*;
use crate::file::tables::BridgeKeys;
use crate::file::{
    Int, List, Mark32, MatchNet, Named, PolicyWord, RouteTo, RuleKind, Setting, TableNumber, Text,
};
use crate::model::{
    Chain, Family, IfName, Mac, NodeKind, NodeName, Program, Protocol, Ready, Restart, RouteKind,
    Span, Verdict,
};

keys! {
    /// A node: a network namespace, and what is set and run in it.
    NodeKeys is "a node" {
        /// What it is for: `host` (the default), `router` (it forwards) or `bridge` (it has a
        /// bridge, and what is in it is a port of it).
        kind: NodeKind,
        /// Whether its loopback device is up; true unless said.
        lo: bool,
        /// Its sysctls, by name: `"net.ipv4.ip_forward" = 1`.
        sysctl: Named<Setting>,
        /// Its static routes.
        route: List<RouteKeys>,
        /// Its policy rules.
        rule: List<RuleKeys>,
        /// Its static neighbours.
        neigh: List<NeighKeys>,
        /// Ports on which twinax itself listens there.
        listen: List<ListenKeys>,
        /// Commands that run there while the lab stands.
        run: List<RunKeys>,
        /// Its firewall.
        firewall: FirewallKeys,
        /// Its bridge devices, by name.
        bridge: Named<BridgeKeys>,
    }

    /// A static route.
    RouteKeys is "a route" {
        /// The destinations: a prefix, an address (itself only) or `default`.
        to: RouteTo = must,
        /// The gateway.
        via: IpAddr,
        /// The interface that it leaves by.
        dev: IfName,
        /// The source address preferred for packets that the node itself sends.
        src: IpAddr,
        /// Its metric; of two routes of one prefix the lower wins.
        metric: Int<0, 4_294_967_295>,
        /// The table it is in; `main` unless said.
        table: TableNumber,
        /// Whether the gateway is taken to be on the link of `dev` though no subnet there has it.
        onlink: bool,
        /// What it does; `unicast` unless said.
        kind: RouteKind,
    }

    /// A policy rule. What is not said matches everything. It has a `table` or a `kind`.
    RuleKeys is "a rule" {
        /// The source.
        from: MatchNet,
        /// The destination.
        to: MatchNet,
        /// The interface that the packet came in by; `lo` for the node's own packets.
        iif: IfName,
        /// The interface that the sending socket is bound to.
        oif: IfName,
        /// The packet's mark.
        fwmark: Mark32,
        /// Whether it is for the packets that do not match.
        not: bool,
        /// The family; that of `from` or `to`, else `ipv4`.
        family: Family,
        /// Its preference: rules are tried in ascending order.
        priority: Int<0, 4_294_967_295>,
        /// The table that is looked in.
        table: TableNumber,
        /// What it does instead of looking in a table.
        kind: RuleKind,
    }

    /// A static neighbour.
    NeighKeys is "a neighbour" {
        /// The interface on whose link it is.
        dev: IfName = must,
        /// Its address.
        to: IpAddr = must,
        /// Its hardware address.
        mac: Mac = must,
    }

    /// Which neighbour is meant.
    NeighKeyKeys is "a neighbour to be removed" {
        /// The interface on whose link it is.
        dev: IfName = must,
        /// Its address.
        to: IpAddr = must,
    }

    /// A port on which twinax listens: TCP, or UDP.
    ListenKeys is "a listener" {
        /// A TCP port: it says its text to whoever connects, and closes.
        tcp: Int<1, 65_535>,
        /// What it says.
        say: Text,
        /// A UDP port: it sends each datagram back.
        udp: Int<1, 65_535>,
    }

    /// A command that runs in a node while the lab stands.
    RunKeys is "a command of a node" {
        /// What reports call it.
        name: NodeName = must,
        /// What is executed.
        cmd: Program = must,
        /// What is waited for before the lab goes on.
        ready: Ready,
        /// How long that may take; 10 s unless said.
        timeout: Span,
        /// Whether it is started again when it ends: `never` (the default), `on-failure` or
        /// `always`.
        restart: Restart,
        /// How long it may take to end when it is told to (SIGTERM), before it is killed; 5 s
        /// unless said, and 0 s kills it at once.
        stop: Span,
    }

    /// A node's firewall: short words for the ordinary cases, or a free nftables ruleset.
    FirewallKeys is "a firewall" {
        /// Interfaces; what leaves by one of them gets its address as source.
        masquerade: List<IfName>,
        /// What happens to packets that no filter decides.
        policy: PolicyKeys,
        /// Filters, in order; of one chain the first that matches decides.
        filter: List<FilterKeys>,
        /// What comes in for a port goes to another place.
        dnat: List<DnatKeys>,
        /// A ruleset in the language of nft(8), loaded after the rest.
        nft: Text,
    }

    /// What happens to packets that no filter decides; they are accepted unless said.
    PolicyKeys is "a policy" {
        /// To packets for the node itself.
        input: PolicyWord,
        /// To packets that the node passes on.
        forward: PolicyWord,
        /// To packets that the node itself sends.
        output: PolicyWord,
    }

    /// A filter. What is not said matches everything.
    FilterKeys is "a filter" {
        /// Where it looks.
        chain: Chain = must,
        /// What it does with a packet that matches.
        verdict: Verdict = must,
        /// Only packets of connections that are known (and what belongs to them).
        established: bool,
        /// The interface that the packet came in by.
        iif: IfName,
        /// The interface that it leaves by.
        oif: IfName,
        /// Its source.
        from: MatchNet,
        /// Its destination.
        to: MatchNet,
        /// Its protocol.
        protocol: Protocol,
        /// Its source port.
        sport: Int<1, 65_535>,
        /// Its destination port.
        dport: Int<1, 65_535>,
        /// A word for the reader.
        comment: Text,
    }

    /// What comes in for a port of the node goes to another place.
    DnatKeys is "a dnat" {
        /// The interface it must come in by.
        iif: IfName,
        /// `tcp` or `udp`.
        protocol: Protocol = must,
        /// The port it was sent to.
        dport: Int<1, 65_535> = must,
        /// Where it goes instead.
        to: SocketAddr = must,
    }
}
