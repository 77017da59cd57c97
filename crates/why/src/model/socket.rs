//! The socket: a packet has been delivered, and somebody should answer it.
//!
//! The kernel itself answers echo requests (`icmp_echo`, `net/ipv4/icmp.c`), unless a sysctl forbids it.
//! Of TCP and UDP somebody has to listen; else a reset or an ICMP error goes back.

use std::net::SocketAddr;

use twinax_kernel::ask;
use twinax_topology::{NodeName, Told};

use super::{Case, Found, Header};
use crate::cause::{Cause, Evidence, Kind, Mark, Suspect};
use crate::question::Protocol;
use crate::remedy::Remedy;

/// What keeps a packet from being answered that was delivered to a node.
pub fn socket(case: Case<'_>, node: &NodeName, header: Header) -> Found {
    match case.question.protocol {
        Protocol::Icmp => Ok(echo(case, node, header)),
        Protocol::Tcp | Protocol::Udp => listener(case, node, header),
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

/// Nobody listens on the port.
fn listener(case: Case<'_>, node: &NodeName, header: Header) -> Found {
    let Some((_, port)) = header.ports else { return Ok(Vec::new()) };
    let sockets = case.facts.sockets(node)?;
    let protocol = if header.protocol == 6 { ask::Protocol::Tcp } else { ask::Protocol::Udp };
    let to = SocketAddr::new(header.destination, port);
    if ask::listens(&sockets, protocol, to, None) {
        return Ok(Vec::new());
    }
    let of_port = sockets.iter().find(|own| own.protocol == protocol && own.port == port);
    let name = case.question.protocol.as_str();
    let elsewhere = of_port.map(|own| own.address);
    let says = match elsewhere {
        Some(address) => format!(
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
