//! Packets that are expected to be seen, or not.

use super::document::{Table, Value};
use crate::model::{Count, PacketExpect, Packets, Seen, Way};

/// Puts what is expected of packets into what is expected of a step.
pub(super) fn packets(expect: &PacketExpect, table: &mut Table) {
    let tables = |tables: Vec<Table>| tables.into_iter().map(Value::Table).collect();
    table.set_many("seen", tables(expect.seen.iter().map(seen).collect()));
    table.set_many("unseen", tables(expect.unseen.iter().map(entry).collect()));
    if expect.in_order {
        table.set("in_order", Value::bare(true));
    }
    if expect.within != PacketExpect::WITHIN {
        table.set("within", Value::text(expect.within));
    }
}

fn seen(seen: &Seen) -> Table {
    let mut table = entry(&seen.packets);
    if seen.count != Count::SOME {
        let exact = seen.count.most == Some(seen.count.least);
        table.set("count", if exact { Value::bare(seen.count) } else { Value::text(seen.count) });
    }
    if seen.answers {
        table.set("answers", Value::bare(true));
    }
    table
}

fn entry(packets: &Packets) -> Table {
    let mut table = Table::default();
    table.set("at", Value::OneOrMany(Value::texts(&packets.at)));
    table.set("packet", Value::text(packets.kind));
    table.set_some("from", packets.from.as_ref().map(Value::text));
    table.set_some("to", packets.to.as_ref().map(Value::text));
    table.set_some("from_mac", packets.from_mac.as_ref().map(Value::text));
    table.set_some("to_mac", packets.to_mac.as_ref().map(Value::text));
    table.set_some("port", packets.port.map(Value::bare));
    table.set_some("from_port", packets.from_port.map(Value::bare));
    table.set_some("to_port", packets.to_port.map(Value::bare));
    table.set_some("ttl", packets.ttl.map(Value::bare));
    table.set_some("vlan", packets.vlan.map(Value::bare));
    table.set_some("direction", packets.direction.map(Way::as_str).map(Value::text));
    table
}
