//! Steps that send something.

use super::expect;
use crate::diagnostic::{Collector, Diagnostic};
use crate::file::{At, ExpectKeys, MethodWord, PingKeys, TcpKeys, TracerouteKeys, UdpKeys};
use crate::model::{
    Action, EchoExpect, Ping, Tcp, TcpExpect, TraceMethod, Traceroute, TracerouteExpect, Udp,
};

pub(super) fn ping(keys: &At<PingKeys>, expect: Option<&ExpectKeys>) -> Option<Action> {
    let expect = expect.map_or_else(EchoExpect::default, expect::echo);
    let from = keys.from.value()?;
    let new = Ping::new(from.node, keys.to.value()?.0);
    let ping = Ping {
        interface: from.interface,
        source: keys.source.value(),
        family: keys.family.value(),
        count: keys.count.value().map_or(Ping::COUNT, |count| count.0 as u16),
        interval: keys.interval.value().unwrap_or(Ping::INTERVAL),
        timeout: keys.timeout.value().unwrap_or_else(|| expect.usual_timeout()),
        ttl: keys.ttl.value().map(|ttl| ttl.0 as u8),
        size: keys.size.value().map_or(Ping::SIZE, |size| size.0),
        dont_fragment: keys.dont_fragment.value().unwrap_or(false),
        ..new
    };
    Some(Action::Ping(ping, expect))
}

pub(super) fn traceroute(
    keys: &At<TracerouteKeys>,
    expect: Option<&ExpectKeys>,
    to: &mut Collector<'_>,
) -> Option<Action> {
    let method = match keys.method.value().unwrap_or(MethodWord::Icmp) {
        MethodWord::Icmp => {
            if let Some(key) = keys.port.key().filter(|_| !keys.method.is_bad()) {
                let title = "`port` belongs to a traceroute by UDP";
                to.push(Diagnostic::new(key, title).help("write `method = \"udp\"`"));
            }
            TraceMethod::Icmp
        }
        MethodWord::Udp => TraceMethod::Udp {
            port: keys.port.value().map_or(Traceroute::PORT, |port| port.0 as u16),
        },
    };
    let new = Traceroute::new(keys.from.value()?, keys.to.value()?.0);
    let traceroute = Traceroute {
        family: keys.family.value(),
        method,
        probes: keys.probes.value().map_or(Traceroute::PROBES, |probes| probes.0 as u8),
        max_hops: keys.max_hops.value().map_or(Traceroute::MAX_HOPS, |most| most.0 as u8),
        timeout: keys.timeout.value().unwrap_or(Traceroute::TIMEOUT),
        ..new
    };
    let expect = expect.map_or_else(TracerouteExpect::default, expect::traceroute);
    Some(Action::Traceroute(traceroute, expect))
}

pub(super) fn tcp(keys: &At<TcpKeys>, expect: Option<&ExpectKeys>) -> Option<Action> {
    let tcp = Tcp {
        from: keys.from.value()?,
        to: keys.to.value()?.0,
        family: keys.family.value(),
        port: keys.port.value()?.0 as u16,
        timeout: keys.timeout.value().unwrap_or(Tcp::TIMEOUT),
    };
    Some(Action::Tcp(tcp, expect.map_or_else(TcpExpect::default, expect::tcp)))
}

pub(super) fn udp(keys: &At<UdpKeys>, expect: Option<&ExpectKeys>) -> Option<Action> {
    let expect = expect.map_or_else(EchoExpect::default, expect::echo);
    let new = Udp::new(keys.from.value()?, keys.to.value()?.0, keys.port.value()?.0 as u16);
    let udp = Udp {
        family: keys.family.value(),
        source_port: keys.source_port.value().map(|port| port.0 as u16),
        count: keys.count.value().map_or(new.count, |count| count.0 as u16),
        interval: keys.interval.value().unwrap_or(new.interval),
        timeout: keys.timeout.value().unwrap_or_else(|| expect.usual_timeout()),
        ttl: keys.ttl.value().map(|ttl| ttl.0 as u8),
        size: keys.size.value().map_or(new.size, |size| size.0),
        ..new
    };
    Some(Action::Udp(udp, expect))
}
