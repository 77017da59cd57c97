//! The tables of the lab file and their keys, each declared once.

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use serde_json::Value;
use serde_spanned::Spanned;
use toml::de::DeValue;

use super::decode::{Decode, Defs, Table, TableAt, decode_table, described};
use super::{
    Aim, Array, End, Field, HostNet, Int, LabName, List, Mark32, MasterName, MatchNet, Named,
    PolicyWord, ReachWord, RouteTo, RuleKind, Setting, Size, TableNumber, Text, TextWord,
};
use crate::diagnostic::Collector;
use crate::model::{
    Chain, Family, IfName, Mac, NodeKind, NodeName, Place, Program, Protocol, Ready, RouteKind,
    Span, Spot, TapMode, Told, Verdict,
};

/// Declares tables. `= must` marks the keys that have to be there; `with NAME: TABLE` takes in all
/// the keys of another table.
macro_rules! keys {
    ($(
        $(#[doc = $about:literal])*
        $table:ident is $what:literal $(with $common:ident: $base:ident)? {
            $($(#[doc = $doc:literal])* $key:ident: $type:ty $(= $must:ident)?,)*
        }
    )*) => {$(
        $(#[doc = $about])*
        #[derive(Debug)]
        pub(crate) struct $table {
            $(pub $common: $base,)?
            $($(#[doc = $doc])* pub $key: Field<$type>,)*
        }

        impl Default for $table {
            fn default() -> Self {
                Self { $($common: $base::default(),)? $($key: Field::Absent,)* }
            }
        }

        impl $table {
            /// The keys that are there, with their places.
            #[allow(dead_code)]
            pub(crate) fn said(&self) -> Vec<(&'static str, Range<usize>)> {
                #[allow(unused_mut)]
                let mut said = Vec::new();
                $(said.extend(self.$common.said());)?
                $(said.extend(self.$key.key().map(|place| (bare(stringify!($key)), place)));)*
                said
            }
        }

        impl Table for $table {
            const WHAT: &'static str = $what;

            fn keys() -> Vec<&'static str> {
                #[allow(unused_mut)]
                let mut keys: Vec<&'static str> = vec![$(bare(stringify!($key)),)*];
                $(keys.extend($base::keys());)?
                keys
            }

            fn read(table: &TableAt<'_, '_>, to: &mut Collector<'_>) -> Self {
                Self {
                    $($common: $base::read(table, to),)?
                    $($key: take!(table, to, $what, $key $(, $must)?),)*
                }
            }

            fn properties(
                defs: &mut Defs,
                into: &mut serde_json::Map<String, Value>,
                required: &mut Vec<Value>,
            ) {
                let _ = &required;
                $($base::properties(defs, into, required);)?
                $(
                    let schema = described(<$type>::schema(defs), concat!($($doc,)*));
                    into.insert(bare(stringify!($key)).to_owned(), schema);
                    $(required.push(Value::from({ stringify!($must); stringify!($key) }));)?
                )*
            }
        }

        impl Decode for $table {
            fn what() -> String {
                $what.to_owned()
            }

            fn decode(value: &Spanned<DeValue<'_>>, to: &mut Collector<'_>) -> Option<Self> {
                decode_table(value, to)
            }

            fn schema(defs: &mut Defs) -> Value {
                let name = stringify!($table).trim_end_matches("Keys");
                defs.named::<Self>(name, |defs| defs.table::<Self>(concat!($($about,)*)))
            }
        }
    )*};
}

macro_rules! take {
    ($table:ident, $to:ident, $what:literal, $key:ident) => {
        $table.take(bare(stringify!($key)), $to)
    };
    ($table:ident, $to:ident, $what:literal, $key:ident, must) => {
        $table.must($what, bare(stringify!($key)), $to)
    };
}

/// A key's name without the mark that Rust needs where it is a word of the language.
fn bare(key: &'static str) -> &'static str {
    key.strip_prefix("r#").unwrap_or(key)
}

keys! {
    /// A lab: nodes, what joins them, and the steps to be done in it.
    LabKeys is "a lab" {
        /// The lab's name.
        name: LabName = must,
        /// What the lab shows, in the author's words.
        about: Text,
        /// The nodes, each a network namespace, by name.
        node: Named<NodeKeys>,
        /// The veth pairs.
        link: List<LinkKeys>,
        /// The persistent TUN/TAP devices.
        tap: List<TapKeys>,
        /// What is done once the lab stands, in order.
        step: List<StepKeys>,
    }

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
        /// TCP ports on which twinax itself listens there.
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

    /// A TCP port on which twinax listens; it says its text to whoever connects, and closes.
    ListenKeys is "a listener" {
        /// The port.
        tcp: Int<1, 65_535> = must,
        /// What it says.
        say: Text,
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

    /// What every interface has.
    InterfaceKeys is "an interface" {
        /// Its addresses, each with a prefix length.
        ip: List<HostNet>,
        /// Its hardware address; the kernel draws one unless said.
        mac: Mac,
        /// Its MTU in bytes; the kernel's default unless said.
        mtu: Int<68, 65_535>,
        /// Whether it is brought up; true unless said.
        up: bool,
        /// Its own sysctls, by name without the interface's: `"ipv4.rp_filter" = 0`.
        sysctl: Named<Setting>,
    }

    /// A bridge device.
    BridgeKeys is "a bridge" with common: InterfaceKeys {
        /// Whether it takes part in the spanning tree protocol; false unless said.
        stp: bool,
        /// How long a learned MAC is kept without being seen.
        ageing: Span,
        /// How long a port listens and learns before it forwards, with `stp`.
        forward_delay: Span,
        /// Its priority in the spanning tree; lower wins.
        priority: Int<0, 65_535>,
        /// Whether it listens to IGMP and MLD to learn who wants which group.
        multicast_snooping: bool,
    }

    /// An end of a veth pair.
    EndKeys is "an end of a link" with common: InterfaceKeys {
        /// Where it is: `node:interface`.
        at: Place = must,
        /// The bridge of the same node whose port it is; `false`: of none.
        master: MasterName,
        /// How it behaves as a port of its bridge.
        port: PortKeys,
    }

    /// How a port of a bridge behaves; the kernel's default where nothing is said.
    PortKeys is "a port" {
        /// Isolated ports do not talk to each other.
        isolated: bool,
        /// A frame may go back out of the port that it came in by.
        hairpin: bool,
        /// Source MACs are learned.
        learning: bool,
        /// Unicast frames of unknown destination are sent out.
        flood: bool,
        /// Multicast frames of unknown group are sent out.
        mcast_flood: bool,
        /// Broadcast frames are sent out.
        bcast_flood: bool,
        /// Spanning tree messages that come in shut the port.
        guard: bool,
        /// The port may not become the root port.
        root_block: bool,
        /// ARP and ND are answered by the bridge where it knows the answer.
        neigh_suppress: bool,
        /// The spanning tree cost of the port.
        cost: Int<1, 65_535>,
        /// The spanning tree priority of the port.
        priority: Int<0, 63>,
    }

    /// A veth pair: one cable, two ends.
    LinkKeys is "a link" {
        /// One end.
        a: End = must,
        /// The other end.
        b: End = must,
    }

    /// A persistent TUN/TAP device.
    TapKeys is "a tap" with end: EndKeys {
        /// `tap` (Ethernet frames; the default) or `tun` (IP packets).
        mode: TapMode,
    }

    /// A step: one thing that is done, with what is expected of it.
    StepKeys is "a step" {
        /// What the step shows, in the author's words.
        about: Text,
        /// Change the lab, in order.
        change: List<ChangeKeys>,
        /// Send echo requests.
        ping: PingKeys,
        /// Find out by which routers a packet goes.
        traceroute: TracerouteKeys,
        /// Open a TCP connection and read what the other side says.
        tcp: TcpKeys,
        /// Run a command in a node to its end.
        run: RunStepKeys,
        /// Look at what the kernel reports of a node or interface.
        look: Spot,
        /// Find out who reaches whom.
        reach: ReachWord,
        /// What is expected.
        expect: ExpectKeys,
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

    /// Echo requests.
    PingKeys is "a ping" {
        /// The node that sends, or the interface that they leave by.
        from: Spot = must,
        /// The destination: an address, a node or an interface.
        to: Aim = must,
        /// The source address.
        source: IpAddr,
        /// The family, where `to` has addresses of both.
        family: Family,
        /// How many; 1 unless said.
        count: Int<1, 65_535>,
        /// From one to the next; 100 ms unless said.
        interval: Span,
        /// How long to wait for the last answer; 1 s unless said, and 5 s where the sender is
        /// expected to be told something.
        timeout: Span,
        /// The TTL (hop limit).
        ttl: Int<1, 255>,
        /// The payload; 56 bytes unless said.
        size: Size,
        /// Whether nobody may fragment it.
        dont_fragment: bool,
    }

    /// Echo requests with a TTL of 1, 2, 3 …
    TracerouteKeys is "a traceroute" {
        /// The node that sends.
        from: NodeName = must,
        /// The destination: an address, a node or an interface.
        to: Aim = must,
        /// The family, where `to` has addresses of both.
        family: Family,
        /// The largest TTL that is tried; 30 unless said.
        max_hops: Int<1, 255>,
        /// How long to wait for answers; 1 s unless said.
        timeout: Span,
    }

    /// A TCP connection.
    TcpKeys is "a tcp connection" {
        /// The node that connects.
        from: NodeName = must,
        /// The destination: an address, a node or an interface.
        to: Aim = must,
        /// The port.
        port: Int<1, 65_535> = must,
        /// The family, where `to` has addresses of both.
        family: Family,
        /// How long connecting and listening may take; 3 s unless said.
        timeout: Span,
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
        /// Of a ping: so many are answered.
        received: Int<0, 65_535>,
        /// Of a ping: so many are not.
        lost: Int<0, 65_535>,
        /// Of a ping: at least one is answered, or none. Of a traceroute: the destination is
        /// reached, or not.
        reachable: bool,
        /// Of a traceroute: exactly these answer, in this order; the destination is the last one.
        hops: List<IpAddr>,
        /// Of a ping or tcp connection: what the sender is told.
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
