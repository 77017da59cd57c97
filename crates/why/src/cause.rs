//! What can stop a packet, in words and as data.

use std::fmt;

use serde::{Deserialize, Serialize};
use twinax_topology::NodeName;

use crate::remedy::Remedy;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// The kinds of causes, in the words of the field. In JSON with dashes: `reverse-path`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Kind {
            $($(#[$doc])* $name,)*
        }
    };
}

kinds! {
    /// No route matches.
    NoRoute,
    /// A route of kind `blackhole` matches.
    BlackholeRoute,
    /// A route of kind `unreachable` matches.
    UnreachableRoute,
    /// A route of kind `prohibit` matches.
    ProhibitRoute,
    /// A route of kind `throw` matches, and nothing after it.
    ThrowRoute,
    /// A route of kind `local` for an address that is none of the node's.
    LocalRoute,
    /// A route without a gateway for an address that is not on that link.
    OnLinkRoute,
    /// The gateway of the route is nobody's on that link.
    WrongGateway,
    /// Routers send the packet to each other until its TTL has run out.
    RouteLoop,
    /// The source address is none of the sender's.
    SourceAddress,
    /// An IPv6 address that duplicate address detection has not let go yet, or has refused.
    TentativeAddress,
    /// Two nodes on a link have the same address.
    DuplicateAddress,
    /// A rule or policy of nftables.
    Firewall,
    /// An IPsec policy.
    IpsecPolicy,
    /// The packet is larger than an MTU.
    TooBig,
    /// The TTL has run out.
    Ttl,
    /// A device is down.
    LinkDown,
    /// A device has no carrier.
    NoCarrier,
    /// A TUN/TAP device that no program holds open.
    NoProgram,
    /// `lo` is down.
    LoopbackDown,
    /// The source address is one of the receiver's own (`accept_local`).
    LocalSource,
    /// The way back to the source would leave by another device (`rp_filter`).
    ReversePath,
    /// An address that may not be where it is (RFC 1812, 5.3.7).
    Martian,
    /// The node is no router.
    ForwardingOff,
    /// The frame is addressed to another MAC.
    OtherMac,
    /// A neighbour entry with a MAC that is not the neighbour's.
    WrongNeighbour,
    /// `arp_ignore`.
    ArpIgnore,
    /// `arp_filter`.
    ArpFilter,
    /// A device without ARP (`IFF_NOARP`).
    NoArp,
    /// Echo requests are ignored.
    EchoIgnored,
    /// Nobody listens on the port.
    NoListener,
    /// Who listens does not take what comes, and there is no more room for it.
    FullSocket,
    /// Two devices on a link have the same MAC.
    DuplicateMac,
    /// Both ports of a bridge are isolated.
    IsolatedPort,
    /// A port of a bridge that does not forward.
    PortState,
    /// A port of a bridge that does not flood, learn or is locked.
    PortFlags,
    /// An entry of the forwarding database that leads elsewhere.
    StaticFdb,
    /// The answer has no route.
    NoWayBack,
    /// IPv6 is turned off.
    Ipv6Off,
    /// Another sysctl.
    Sysctl,
    /// No cable leads to where the packet should go.
    NotConnected,
    /// A queueing discipline drops.
    Queue,
    /// Nobody has the address.
    AddressMissing,
    /// A translation of addresses that leads nowhere, or not back.
    Nat,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = serde_json::to_value(self).unwrap_or_default();
        f.write_str(word.as_str().unwrap_or("unknown"))
    }
}

/// What stopped a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// What kind of cause it is.
    pub kind: Kind,
    /// The node where it happens.
    pub node: NodeName,
    /// The device there, where it is one device's.
    pub device: Option<String>,
    /// What decides it: a sysctl (`net.ipv4.ip_forward`), a chain (`inet f fwd`), a route, an attribute.
    pub knob: Option<String>,
    /// What that is set to.
    pub value: Option<String>,
    /// The cause in one plain sentence.
    pub sentence: String,
}

impl Cause {
    /// One of a node.
    pub fn new(kind: Kind, node: &NodeName, sentence: impl Into<String>) -> Self {
        let (device, knob, value) = (None, None, None);
        Self { kind, node: node.clone(), device, knob, value, sentence: sentence.into() }
    }

    /// The same, of this device.
    pub fn at(self, device: &str) -> Self {
        Self { device: Some(device.to_owned()), ..self }
    }

    /// The same, decided by this.
    pub fn by(self, knob: impl Into<String>, value: impl Into<String>) -> Self {
        Self { knob: Some(knob.into()), value: Some(value.into()), ..self }
    }
}

/// How something is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// It was seen on a device, or is what the kernel reports of itself.
    Observed,
    /// The kernel answered a question.
    Asked,
    /// It was tried on a copy.
    Tried,
    /// It follows from the rest.
    Inferred,
}

impl Mark {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Observed => "observed",
            Self::Asked => "asked",
            Self::Tried => "tried",
            Self::Inferred => "inferred",
        }
    }
}

/// Something that speaks for a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// How it is known.
    pub mark: Mark,
    /// What it is.
    pub text: String,
    /// The command by which a doubter can see it.
    pub command: Option<String>,
}

impl Evidence {
    /// Without a command.
    pub fn new(mark: Mark, text: impl Into<String>) -> Self {
        Self { mark, text: text.into(), command: None }
    }

    /// The value of a sysctl of a node.
    pub fn sysctl(node: &NodeName, knob: &str, value: impl fmt::Display) -> Self {
        Self::new(Mark::Observed, format!("{knob} = {value}"))
            .with(format!("ip netns exec {node} sysctl {knob}"))
    }

    /// With the command.
    pub fn with(self, command: impl Into<String>) -> Self {
        Self { command: Some(command.into()), ..self }
    }
}

/// A cause that the evidence allows, and what would mend it if it is the one.
#[derive(Debug, Clone)]
pub struct Suspect {
    /// The cause.
    pub cause: Cause,
    /// What speaks for it.
    pub evidence: Vec<Evidence>,
    /// What would mend it, the best first.
    pub remedies: Vec<Remedy>,
    /// What looks as if it would, and does not.
    pub near_misses: Vec<Remedy>,
    /// Whether the evidence alone is enough: the kernel itself has said it.
    pub certain: bool,
}

impl Suspect {
    /// One without anything that speaks for it yet.
    pub fn new(cause: Cause) -> Self {
        Self {
            cause,
            evidence: Vec::new(),
            remedies: Vec::new(),
            near_misses: Vec::new(),
            certain: false,
        }
    }

    /// With something that speaks for it.
    pub fn because(mut self, evidence: Evidence) -> Self {
        self.evidence.push(evidence);
        self
    }

    /// With something that would mend it, where there is a word for that.
    pub fn mended_by(mut self, remedy: impl Into<Option<Remedy>>) -> Self {
        self.remedies.extend(remedy.into());
        self
    }

    /// With something that looks as if it would mend it.
    pub fn not_by(mut self, remedy: impl Into<Option<Remedy>>) -> Self {
        self.near_misses.extend(remedy.into());
        self
    }

    /// Certain, if that is so.
    pub fn certain_if(mut self, certain: bool) -> Self {
        self.certain |= certain;
        self
    }
}
