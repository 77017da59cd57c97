//! What a sender is told when a packet does not arrive.

use std::fmt;
use std::str::FromStr;

macro_rules! told {
    ($($(#[$doc:meta])* $name:ident = $phrase:literal,)*) => {
        /// What the sender of a packet is told: an ICMP error that came back, or the errno of the
        /// `sendto` call. The phrases are those of `ping(8)` and `strerror(3)`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Told {
            $($(#[$doc])* $name,)*
        }

        impl Told {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The phrase for it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $phrase,)*
                }
            }
        }
    };
}

told! {
    /// ICMP 3/0; ICMPv6 1/0 is "No route".
    NetUnreachable = "Destination Net Unreachable",
    /// ICMP 3/1: nobody answered ARP, or a router has a route of kind `unreachable`.
    HostUnreachable = "Destination Host Unreachable",
    /// ICMP 3/2.
    ProtocolUnreachable = "Destination Protocol Unreachable",
    /// ICMP 3/3, ICMPv6 1/4.
    PortUnreachable = "Destination Port Unreachable",
    /// ICMP 3/4 (IPv4), ICMPv6 2.
    TooBig = "Packet too big",
    /// ICMP 3/5.
    SourceRouteFailed = "Source Route Failed",
    /// ICMP 3/9, 3/10 and 3/13, ICMPv6 1/1.
    Filtered = "Packet filtered",
    /// ICMPv6 1/0.
    NoRoute = "No route",
    /// ICMPv6 1/2.
    BeyondScope = "Beyond scope of source address",
    /// ICMPv6 1/3: nobody answered neighbour solicitation.
    AddressUnreachable = "Address unreachable",
    /// ICMPv6 1/5.
    SourceFailedPolicy = "Source address failed ingress/egress policy",
    /// ICMPv6 1/6.
    RejectRoute = "Reject route to destination",
    /// ICMP 11/0, ICMPv6 3/0.
    TtlExceeded = "Time to live exceeded",
    /// ICMP 11/1, ICMPv6 3/1.
    ReassemblyTimeout = "Fragment reassembly time exceeded",
    /// ICMP 5.
    Redirect = "Redirect",
    /// ICMP 12, ICMPv6 4.
    ParameterProblem = "Parameter problem",
    /// `ENETUNREACH` from `sendto`: the sender's own node has no route.
    NetworkIsUnreachable = "Network is unreachable",
    /// `EHOSTUNREACH` from `sendto`: the sender's own node has a route of kind `unreachable`.
    NoRouteToHost = "No route to host",
    /// `EACCES` from `sendto`: the sender's own node has a route of kind `prohibit`, or the
    /// address is a broadcast address.
    PermissionDenied = "Permission denied",
    /// `EPERM` from `sendto`: a filter of the sender's own node.
    NotPermitted = "Operation not permitted",
    /// `EINVAL` from `sendto`: the sender's own node has a route of kind `blackhole`.
    InvalidArgument = "Invalid argument",
    /// `EMSGSIZE` from `sendto`: larger than the path's MTU, and may not be fragmented.
    MessageTooLong = "Message too long",
    /// `ENETDOWN` from `sendto`: the interface is down.
    NetworkIsDown = "Network is down",
    /// `EADDRNOTAVAIL` from `sendto`: the source address is not this node's.
    CannotAssignAddress = "Cannot assign requested address",
    /// `ENODEV` from `sendto`: the interface is not there.
    NoSuchDevice = "No such device",
    /// `ENOBUFS` from `sendto`: the interface's queue is full.
    NoBufferSpace = "No buffer space available",
    /// `EADDRINUSE` from `bind`: another socket of the node has the source port.
    AddressInUse = "Address already in use",
    /// `ECONNREFUSED`: nobody listens on that port; of UDP, by an ICMP error ("port unreachable").
    ConnectionRefused = "Connection refused",
    /// `ECONNRESET`: the connection was torn down.
    ConnectionReset = "Connection reset by peer",
    /// `ETIMEDOUT`, or no answer within the time given.
    TimedOut = "Connection timed out",
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Told {
    type Err = ();

    /// Takes the phrase, whatever its case.
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|told| told.as_str().eq_ignore_ascii_case(text)).ok_or(())
    }
}

impl serde::Serialize for Told {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Told {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
        text.parse().map_err(|()| serde::de::Error::custom("no such phrase"))
    }
}
