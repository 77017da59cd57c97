//! Firewalls.

use super::set;
use crate::model::{Chain, Protocol, Verdict};
use crate::write::document::{Table, Value};

/// A firewall.
#[derive(Debug, Clone, Default)]
pub struct FirewallDraft(pub(super) Table);

/// A filter of a firewall.
#[derive(Debug, Clone)]
pub struct FilterDraft(pub(super) Table);

/// A port forwarding of a firewall.
#[derive(Debug, Clone)]
pub struct DnatDraft(pub(super) Table);

/// A firewall of which nothing is said.
pub fn firewall() -> FirewallDraft {
    FirewallDraft::default()
}

/// A filter for all that passes a chain.
pub fn filter(chain: Chain, verdict: Verdict) -> FilterDraft {
    let mut table = Table::default();
    table.set("chain", Value::text(chain.as_str()));
    table.set("verdict", Value::text(verdict.as_str()));
    FilterDraft(table)
}

/// What comes in for a port goes to another place: `dnat(Protocol::Tcp, 80, "10.0.0.2:8080")`.
pub fn dnat(protocol: Protocol, dport: u16, to: impl ToString) -> DnatDraft {
    let mut table = Table::default();
    table.set("protocol", Value::text(protocol.as_str()));
    table.set("dport", Value::bare(dport));
    table.set("to", Value::text(to));
    DnatDraft(table)
}

impl FirewallDraft {
    fn keys(&mut self) -> &mut Table {
        &mut self.0
    }

    /// What happens to packets of a chain that no filter decides.
    pub fn policy(mut self, chain: Chain, verdict: Verdict) -> Self {
        self.0.table("policy").set(chain.as_str(), Value::text(verdict.as_str()));
        self
    }
}

set! { FirewallDraft:
    /// What leaves by this interface gets its address as source.
    masquerade("masquerade", one_more_text);
    /// Adds a filter.
    filter("filter", one_more, FilterDraft);
    /// Adds a port forwarding.
    dnat("dnat", one_more, DnatDraft);
    /// A free ruleset, as a file for `nft -f`.
    nft("nft", prose);
}

impl FilterDraft {
    fn keys(&mut self) -> &mut Table {
        &mut self.0
    }
}

set! { FilterDraft:
    /// Only packets of connections that are known.
    established("established", yes);
    /// The interface that the packet came in by.
    iif("iif", text);
    /// The interface that it leaves by.
    oif("oif", text);
    /// Its source.
    from("from", text);
    /// Its destination.
    to("to", text);
    /// Its protocol.
    protocol("protocol", word, Protocol);
    /// Its source port.
    sport("sport", bare, u16);
    /// Its destination port.
    dport("dport", bare, u16);
    /// A word for the reader.
    comment("comment", text);
}

impl DnatDraft {
    fn keys(&mut self) -> &mut Table {
        &mut self.0
    }
}

set! { DnatDraft:
    /// The interface it must come in by.
    iif("iif", text);
}
