//! Tables of probes.

use std::net::IpAddr;

use crate::file::keys::prelude::*;
use crate::file::{Aim, Int, MethodWord, Size};
use crate::model::{Family, NodeName, Span, Spot};

keys! {
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

    /// Packets with a TTL of 1, 2, 3 …
    TracerouteKeys is "a traceroute" {
        /// The node that sends.
        from: NodeName = must,
        /// The destination: an address, a node or an interface.
        to: Aim = must,
        /// The family, where `to` has addresses of both.
        family: Family,
        /// What is sent: `icmp` (echo requests, the default) or `udp` (datagrams).
        method: MethodWord,
        /// Of udp: the port of the first datagram; each that follows has the next. 33434 unless said.
        port: Int<1, 65_535>,
        /// How many of each TTL; 1 unless said.
        probes: Int<1, 10>,
        /// The largest TTL that is tried; 30 unless said.
        max_hops: Int<1, 255>,
        /// How long to wait for the answer to each; 1 s unless said.
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

    /// Datagrams that the other side is to send back (RFC 862).
    UdpKeys is "a udp echo" {
        /// The node that sends.
        from: NodeName = must,
        /// The destination: an address, a node or an interface.
        to: Aim = must,
        /// The port.
        port: Int<1, 65_535> = must,
        /// The port that they come from; the kernel chooses unless said.
        source_port: Int<1, 65_535>,
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
        /// The payload, at least 8 bytes; 56 bytes unless said.
        size: Size,
    }
}
