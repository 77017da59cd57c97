//! Steps that send something.

use super::step::under;
use super::{PingStep, TcpStep, TracerouteStep, UdpStep, set};
use crate::model::Family;
use crate::write::document::{Table, Value};

/// Sends an echo request from a node (or out of an interface: `"left:veth3"`) to an address, a
/// node or an interface.
pub fn ping(from: impl ToString, to: impl ToString) -> PingStep {
    let mut table = Table::default();
    table.set("from", Value::text(from));
    table.set("to", Value::text(to));
    PingStep { step: under("ping", table) }
}

set! { PingStep:
    /// How many.
    count("count", bare, u16);
    /// The source address.
    source("source", text);
    /// The family, where the destination has addresses of both.
    family("family", word, Family);
    /// From one to the next.
    interval("interval", span);
    /// How long to wait for the answer to the last one.
    timeout("timeout", span);
    /// The TTL or hop limit.
    ttl("ttl", bare, u8);
    /// Nobody may fragment it.
    dont_fragment("dont_fragment", yes);
}

impl PingStep {
    /// The payload in bytes.
    pub fn size(mut self, bytes: u16) -> Self {
        self.keys().set("size", Value::text(format!("{bytes}B")));
        self
    }
}

/// Finds out by which routers a packet goes from a node to an address, a node or an interface.
pub fn traceroute(from: impl ToString, to: impl ToString) -> TracerouteStep {
    let mut table = Table::default();
    table.set("from", Value::text(from));
    table.set("to", Value::text(to));
    TracerouteStep { step: under("traceroute", table) }
}

set! { TracerouteStep:
    /// The family, where the destination has addresses of both.
    family("family", word, Family);
    /// Of datagrams: the port of the first.
    port("port", bare, u16);
    /// How many of each TTL.
    probes("probes", bare, u8);
    /// The largest TTL that is tried.
    max_hops("max_hops", bare, u8);
    /// How long to wait for answers.
    timeout("timeout", span);
}

impl TracerouteStep {
    /// Datagrams are sent, each to a port of its own, in the place of echo requests.
    pub fn by_udp(mut self) -> Self {
        self.keys().set("method", Value::text("udp"));
        self
    }
}

/// Opens a TCP connection from a node to a port of an address, a node or an interface.
pub fn tcp(from: impl ToString, to: impl ToString, port: u16) -> TcpStep {
    let mut table = Table::default();
    table.set("from", Value::text(from));
    table.set("to", Value::text(to));
    table.set("port", Value::bare(port));
    TcpStep { step: under("tcp", table) }
}

set! { TcpStep:
    /// The family, where the destination has addresses of both.
    family("family", word, Family);
    /// How long it may take.
    timeout("timeout", span);
}

/// Sends a datagram from a node to a port of an address, a node or an interface, which is to send it
/// back.
pub fn udp(from: impl ToString, to: impl ToString, port: u16) -> UdpStep {
    let mut table = Table::default();
    table.set("from", Value::text(from));
    table.set("to", Value::text(to));
    table.set("port", Value::bare(port));
    UdpStep { step: under("udp", table) }
}

set! { UdpStep:
    /// The port that they come from.
    source_port("source_port", bare, u16);
    /// The family, where the destination has addresses of both.
    family("family", word, Family);
    /// How many.
    count("count", bare, u16);
    /// From one to the next.
    interval("interval", span);
    /// How long to wait for the answer to the last one.
    timeout("timeout", span);
    /// The TTL or hop limit.
    ttl("ttl", bare, u8);
}

impl UdpStep {
    /// The payload in bytes.
    pub fn size(mut self, bytes: u16) -> Self {
        self.keys().set("size", Value::text(format!("{bytes}B")));
        self
    }
}
