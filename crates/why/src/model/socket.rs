//! The socket: a packet has been delivered, and somebody should answer it.
//!
//! The kernel itself answers echo requests (`icmp_echo`, `net/ipv4/icmp.c`), unless a sysctl forbids it.
//! Of TCP and UDP somebody has to listen; else a reset or an ICMP error goes back. He has to take what comes as well:
//! where nobody does, it is dropped, and counted.

use std::net::SocketAddr;

use twinax_kernel::ask::{self, Listening};
use twinax_topology::{NodeName, Told};

use super::{Case, Found, Header};
use crate::cause::{Cause, Evidence, Kind, Mark, Suspect};
use crate::question::Protocol;
use crate::remedy::Remedy;
use crate::seen::At;

/// What keeps a packet from being answered that was delivered to a node.
pub fn socket(case: Case<'_>, input: &At, header: Header) -> Found {
    match case.question.protocol {
        Protocol::Icmp => Ok(echo(case, &input.node, header)),
        Protocol::Tcp | Protocol::Udp => listener(case, input, header),
    }
}

/// Echo requests are ignored.
fn echo(case: Case<'_>, node: &NodeName, header: Header) -> Vec<Suspect> {
    let path = match header.v4() {
        true => "net/ipv4/icmp_echo_ignore_all",
        false => "net/ipv6/icmp/echo_ignore_all",
    };
    if case.facts.number(node, path) == 0 {
        return Vec::new();
    }
    let knob = path.replace('/', ".");
    let says = format!("{node} ignores echo requests: {knob} is 1.");
    let cause = Cause::new(Kind::EchoIgnored, node, says).by(knob.as_str(), "1");
    let seen = Evidence::sysctl(node, &knob, 1);
    vec![Suspect::new(cause).because(seen).mended_by(Remedy::sysctls(node, [(path, "0")]))]
}

/// Whether a socket takes what has come in at a device. One that is bound to another does not
/// (`SO_BINDTODEVICE`, socket(7)); what comes in at a port of something may count as come in at that.
pub fn listens(case: Case<'_>, input: &At, header: Header) -> Result<bool, twinax_kernel::Error> {
    let to = SocketAddr::new(header.destination, header.ports.map_or(0, |(_, to)| to));
    let link = case.facts.link(input).filter(|link| link.master.is_none());
    let dev = link.map(|link| link.name.as_str());
    Ok(ask::listens(&case.facts.sockets(&input.node)?, protocol(header), to, dev))
}

fn protocol(header: Header) -> ask::Protocol {
    if header.protocol == 6 { ask::Protocol::Tcp } else { ask::Protocol::Udp }
}

/// Nobody listens on the port.
fn listener(case: Case<'_>, input: &At, header: Header) -> Found {
    let Some((_, port)) = header.ports else { return Ok(Vec::new()) };
    let node = &input.node;
    if listens(case, input, header)? {
        return Ok(Vec::from_iter(has_no_room(case, node, header, port)));
    }
    let sockets = case.facts.sockets(node)?;
    let to = SocketAddr::new(header.destination, port);
    let protocol = protocol(header);
    let elsewhere = sockets.iter().find(|own| own.takes(protocol, to, None));
    let elsewhere = elsewhere
        .or_else(|| sockets.iter().find(|own| own.protocol == protocol && own.port == port));
    let name = case.question.protocol.as_str();
    let says = match elsewhere {
        Some(Listening { dev: Some(dev), .. }) if *dev != input.device => format!(
            "On {node} somebody listens on {name} port {port}, but only to what comes in at {dev}, not at {}.",
            input.device
        ),
        Some(Listening { peer: Some(peer), .. }) => {
            format!("On {node} somebody listens on {name} port {port}, but only to {peer}.")
        }
        Some(Listening { address, .. }) => format!(
            "On {node} somebody listens on {name} port {port}, but at the address {address}, not {}.",
            header.destination
        ),
        None => format!("Nobody listens on {name} port {port} of {node}."),
    };
    let cause =
        Cause::new(Kind::NoListener, node, says).by(format!("{name} port"), port.to_string());
    let options = if header.protocol == 6 { "-ltn" } else { "-lun" };
    let seen = Evidence::new(Mark::Observed, format!("no socket of {node} takes port {port}"))
        .with(format!("ip netns exec {node} ss {options}"));
    let refused = case.seen.was_told(Told::ConnectionRefused);
    Ok(vec![Suspect::new(cause).because(seen).certain_if(refused)])
}

/// Who listens takes nothing out of his socket: connections that wait to be accepted (`tcp_conn_request`, listen(2)),
/// or datagrams (`__udp_enqueue_schedule_skb`, `SO_RCVBUF`).
fn has_no_room(case: Case<'_>, node: &NodeName, header: Header, port: u16) -> Option<Suspect> {
    let is_tcp = header.protocol == 6;
    let counter = match (is_tcp, header.v4()) {
        (true, _) => "TcpExtListenOverflows",
        (false, true) => "UdpRcvbufErrors",
        (false, false) => "Udp6RcvbufErrors",
    };
    let dropped = case.seen.counted(node, counter);
    if dropped == 0 {
        return None;
    }
    let name = case.question.protocol.as_str();
    let (what, options) = match is_tcp {
        true => ("accepts no connection: as many wait for that as may", "-ltn"),
        false => ("reads nothing: as much waits for that as may", "-lun"),
    };
    let says = format!("Who listens on {name} port {port} of {node} {what}.");
    let cause =
        Cause::new(Kind::FullSocket, node, says).by(format!("{name} port"), port.to_string());
    let seen = format!("{counter} of {node} grew by {dropped}");
    let seen =
        Evidence::new(Mark::Observed, seen).with(format!("ip netns exec {node} ss {options}"));
    Some(Suspect::new(cause).because(seen).certain_if(true))
}
