//! A step that pings.

use twinax_topology::{EchoExpect, Ping};

use super::{Outcome, StepError, address, called, echo, netns};
use crate::explain::Unanswered;
use crate::lab::Lab;
use crate::probe::{Echo, ping};

pub(super) fn carry_out(
    lab: &Lab,
    asked: &Ping,
    expect: &EchoExpect,
) -> Result<Outcome, StepError> {
    let to = address(lab, &asked.to, asked.family)?;
    let netns = netns(lab, &asked.from)?;
    let echo = Echo {
        netns: &netns,
        to,
        interface: asked.interface.as_ref().map(AsRef::as_ref),
        source: asked.source,
        count: asked.count,
        interval: asked.interval.0,
        timeout: asked.timeout.0,
        ttl: asked.ttl,
        size: asked.size,
        dont_fragment: asked.dont_fragment,
        probe_mtu: false,
    };
    let done = in_words(asked, &called(&asked.to, to));
    let report = ping(&[echo])
        .map_err(|source| StepError::Kernel { what: done.clone(), source })?
        .pop()
        .unwrap_or_default();
    let sent = Unanswered { from: asked.from.clone(), to };
    Ok(echo::outcome(done, expect, &report, sent))
}

fn in_words(asked: &Ping, to: &str) -> String {
    let mut words = format!("ping {} → {to}", asked.from);
    let mut said = Vec::new();
    said.extend(asked.interface.as_ref().map(|name| format!("out of {name}")));
    said.extend(asked.source.map(|source| format!("from {source}")));
    said.extend(asked.ttl.map(|ttl| format!("TTL {ttl}")));
    said.extend((asked.size != Ping::SIZE).then(|| format!("{} bytes", asked.size)));
    said.extend(asked.dont_fragment.then(|| "not to be fragmented".to_owned()));
    if !said.is_empty() {
        words += &format!(", {}", said.join(", "));
    }
    words
}
