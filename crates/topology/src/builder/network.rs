//! Routes, rules and neighbours.

use super::set;
use crate::model::Family;
use crate::write::document::{Table, Value};

/// A route.
#[derive(Debug, Clone)]
pub struct RouteDraft(pub(super) Table);

/// A policy rule.
#[derive(Debug, Clone, Default)]
pub struct RuleDraft(pub(super) Table);

/// A static neighbour.
#[derive(Debug, Clone)]
pub struct NeighbourDraft(pub(super) Table);

fn to_with(to: impl ToString, kind: Option<&str>) -> RouteDraft {
    let mut table = Table::default();
    table.set_some("kind", kind.map(Value::text));
    table.set("to", Value::text(to));
    RouteDraft(table)
}

/// A route to a prefix, an address or `"default"`: `route("default").via("10.0.0.1")`.
pub fn route(to: impl ToString) -> RouteDraft {
    to_with(to, None)
}

/// A route that discards silently what it matches.
pub fn blackhole(to: impl ToString) -> RouteDraft {
    to_with(to, Some("blackhole"))
}

/// A route that discards what it matches, and tells the sender that it is prohibited.
pub fn prohibit(to: impl ToString) -> RouteDraft {
    to_with(to, Some("prohibit"))
}

/// A route that discards what it matches, and tells the sender that the host is unreachable.
pub fn unreachable(to: impl ToString) -> RouteDraft {
    to_with(to, Some("unreachable"))
}

/// A policy rule; it needs a [`table`](RuleDraft::table) or a [`kind`](RuleDraft::kind).
pub fn rule() -> RuleDraft {
    RuleDraft::default()
}

/// A static neighbour: on the link of this interface, this address has this MAC.
pub fn neighbour(dev: impl ToString, to: impl ToString, mac: impl ToString) -> NeighbourDraft {
    let mut table = Table::default();
    table.set("dev", Value::text(dev));
    table.set("to", Value::text(to));
    table.set("mac", Value::text(mac));
    NeighbourDraft(table)
}

/// A routing table by number or by name.
fn routing_table(table: impl ToString) -> Value {
    let text = table.to_string();
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if is_number { Value::Bare(text) } else { Value::Text(text) }
}

impl RouteDraft {
    fn keys(&mut self) -> &mut Table {
        &mut self.0
    }

    /// The table it is in: a number, or `"main"`, `"default"`, `"local"`.
    pub fn table(mut self, table: impl ToString) -> Self {
        self.0.set("table", routing_table(table));
        self
    }
}

set! { RouteDraft:
    /// Its gateway.
    via("via", text);
    /// The interface that it leaves by.
    dev("dev", text);
    /// The source address preferred for what the node itself sends.
    src("src", text);
    /// Its metric.
    metric("metric", bare, u32);
    /// The gateway is taken to be on the link though no subnet there has it.
    onlink("onlink", yes);
}

impl RuleDraft {
    fn keys(&mut self) -> &mut Table {
        &mut self.0
    }

    /// What it matches is looked up in this table: a number, or a name.
    pub fn table(mut self, table: impl ToString) -> Self {
        self.0.set("table", routing_table(table));
        self
    }
}

set! { RuleDraft:
    /// The source.
    from("from", text);
    /// The destination.
    to("to", text);
    /// The interface that the packet came in by.
    iif("iif", text);
    /// The interface that the sending socket is bound to.
    oif("oif", text);
    /// The packet's mark, with a mask where not all bits count: `"0x1/0xff"`.
    fwmark("fwmark", text);
    /// It is for the packets that do not match.
    inverted("not", yes);
    /// The family, where no address says it.
    family("family", word, Family);
    /// Its preference.
    priority("priority", bare, u32);
    /// What it does instead of looking in a table: `"blackhole"`, `"prohibit"`, `"unreachable"`.
    kind("kind", text);
}
