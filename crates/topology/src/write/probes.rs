//! Steps that send something.

use super::document::{Table, Value};
use super::step::text;
use crate::model::*;

fn from(node: &NodeName, interface: Option<&IfName>) -> Value {
    Value::text(Spot { node: node.clone(), interface: interface.cloned() })
}

fn target(target: &Target) -> Value {
    match target {
        Target::Address(address) => Value::text(address),
        Target::Spot(spot) => Value::text(spot),
    }
}

pub(super) fn ping(ping: &Ping, expect: &EchoExpect) -> Table {
    let mut table = Table::default();
    table.set("from", from(&ping.from, ping.interface.as_ref()));
    table.set("to", target(&ping.to));
    table.set_some("source", ping.source.map(Value::text));
    table.set_some("family", ping.family.map(Family::as_str).map(Value::text));
    if ping.count != Ping::COUNT {
        table.set("count", Value::bare(ping.count));
    }
    if ping.interval != Ping::INTERVAL {
        table.set("interval", Value::text(ping.interval));
    }
    if ping.timeout != expect.usual_timeout() {
        table.set("timeout", Value::text(ping.timeout));
    }
    table.set_some("ttl", ping.ttl.map(Value::bare));
    if ping.size != Ping::SIZE {
        table.set("size", Value::text(format!("{}B", ping.size)));
    }
    if ping.dont_fragment {
        table.set("dont_fragment", Value::bare(true));
    }
    table
}

pub(super) fn echo_expect(expect: &EchoExpect) -> Table {
    let mut table = Table::default();
    table.set_some("received", expect.received.map(Value::bare));
    table.set_some("lost", expect.lost.map(Value::bare));
    table.set_some("reachable", expect.reachable.map(Value::bare));
    table.set_some("told", expect.told.map(Value::text));
    table
}

pub(super) fn traceroute(traceroute: &Traceroute) -> Table {
    let mut table = Table::default();
    table.set("from", from(&traceroute.from, None));
    table.set("to", target(&traceroute.to));
    table.set_some("family", traceroute.family.map(Family::as_str).map(Value::text));
    if traceroute.method != TraceMethod::default() {
        table.set("method", Value::text(traceroute.method.as_str()));
    }
    if let TraceMethod::Udp { port } = traceroute.method
        && port != Traceroute::PORT
    {
        table.set("port", Value::bare(port));
    }
    if traceroute.probes != Traceroute::PROBES {
        table.set("probes", Value::bare(traceroute.probes));
    }
    if traceroute.max_hops != Traceroute::MAX_HOPS {
        table.set("max_hops", Value::bare(traceroute.max_hops));
    }
    if traceroute.timeout != Traceroute::TIMEOUT {
        table.set("timeout", Value::text(traceroute.timeout));
    }
    table
}

pub(super) fn traceroute_expect(expect: &TracerouteExpect) -> Table {
    let mut table = Table::default();
    table.set_some("hops", expect.hops.as_deref().map(hops));
    table.set_some("reachable", expect.reachable.map(Value::bare));
    table.set_some("told", expect.told.map(Value::text));
    table
}

/// A hop alone stands for the list of it, but not where it is a list itself.
fn hops(hops: &[HopExpect]) -> Value {
    let hop = |hop: &HopExpect| match hop {
        HopExpect::Silent => Value::text("*"),
        HopExpect::OneOf(all) => match &all[..] {
            [only] => target(only),
            all => Value::List(all.iter().map(target).collect()),
        },
    };
    let values: Vec<Value> = hops.iter().map(hop).collect();
    if values.iter().any(|value| matches!(value, Value::List(_))) {
        Value::List(values)
    } else {
        Value::OneOrMany(values)
    }
}

pub(super) fn tcp(tcp: &Tcp) -> Table {
    let mut table = Table::default();
    table.set("from", from(&tcp.from, None));
    table.set("to", target(&tcp.to));
    table.set("port", Value::bare(tcp.port));
    table.set_some("family", tcp.family.map(Family::as_str).map(Value::text));
    if tcp.timeout != Tcp::TIMEOUT {
        table.set("timeout", Value::text(tcp.timeout));
    }
    table
}

pub(super) fn tcp_expect(expect: &TcpExpect) -> Table {
    let mut table = Table::default();
    table.set_some("connected", expect.connected.map(Value::bare));
    table.set_some("said", expect.said.as_ref().map(text));
    table.set_some("told", expect.told.map(Value::text));
    table
}

pub(super) fn udp(udp: &Udp, expect: &EchoExpect) -> Table {
    let usual = Udp::new(udp.from.clone(), udp.to.clone(), udp.port);
    let mut table = Table::default();
    table.set("from", from(&udp.from, None));
    table.set("to", target(&udp.to));
    table.set("port", Value::bare(udp.port));
    table.set_some("source_port", udp.source_port.map(Value::bare));
    table.set_some("family", udp.family.map(Family::as_str).map(Value::text));
    if udp.count != usual.count {
        table.set("count", Value::bare(udp.count));
    }
    if udp.interval != usual.interval {
        table.set("interval", Value::text(udp.interval));
    }
    if udp.timeout != expect.usual_timeout() {
        table.set("timeout", Value::text(udp.timeout));
    }
    table.set_some("ttl", udp.ttl.map(Value::bare));
    if udp.size != usual.size {
        table.set("size", Value::text(format!("{}B", udp.size)));
    }
    table
}
