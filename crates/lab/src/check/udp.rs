//! A step that sends datagrams which are to come back.

use std::net::SocketAddr;

use twinax_topology::{EchoExpect, Udp};

use super::{Outcome, StepError, address, called, echo, netns};
use crate::explain::Unanswered;
use crate::lab::Lab;
use crate::probe::{UdpEcho, udp_echo};

pub(super) fn carry_out(lab: &Lab, asked: &Udp, expect: &EchoExpect) -> Result<Outcome, StepError> {
    let to = address(lab, &asked.to, asked.family)?;
    let netns = netns(lab, &asked.from)?;
    let series = UdpEcho {
        netns: &netns,
        to: SocketAddr::new(to, asked.port),
        source_port: asked.source_port,
        count: asked.count,
        interval: asked.interval.0,
        timeout: asked.timeout.0,
        ttl: asked.ttl,
        size: asked.size,
    };
    let done = in_words(asked, &called(&asked.to, to));
    let report = udp_echo(&[series])
        .map_err(|source| StepError::Kernel { what: done.clone(), source })?
        .pop()
        .unwrap_or_default();
    let sent = Unanswered { from: asked.from.clone(), to };
    Ok(echo::outcome(done, expect, &report, sent))
}

fn in_words(asked: &Udp, to: &str) -> String {
    let mut words = format!("udp {} → {to} port {}", asked.from, asked.port);
    let mut said = Vec::new();
    said.extend(asked.source_port.map(|port| format!("from port {port}")));
    said.extend(asked.ttl.map(|ttl| format!("TTL {ttl}")));
    said.extend(
        (asked.size != twinax_topology::Ping::SIZE).then(|| format!("{} bytes", asked.size)),
    );
    if !said.is_empty() {
        words += &format!(", {}", said.join(", "));
    }
    words
}
