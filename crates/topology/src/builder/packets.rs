//! Packets that are expected to be seen while a step is done, or not.

use super::{Expect, IntoSpan, set};
use crate::model::{Count, PacketKind, Way};
use crate::write::document::{Table, Value};

/// Packets that are to be seen.
#[derive(Debug, Clone)]
pub struct SeenDraft(Table);

/// Packets that are not to be seen.
#[derive(Debug, Clone)]
pub struct UnseenDraft(Table);

/// Of every step: such a packet is seen at this node or device while it is done.
///
/// ```
/// use twinax_topology::PacketKind::{ArpReply, ArpRequest};
/// use twinax_topology::builder::*;
///
/// let lab = Lab::new("two")
///     .node(node("left"))
///     .node(node("right"))
///     .link(end("left:e0").ip("10.0.0.1/24"), end("right:e0").ip("10.0.0.2/24"))
///     .step(
///         ping("left", "right")
///             .expect(seen("right:e0", ArpRequest).from("left").count(1))
///             .expect(seen("right:e0", ArpReply).answers())
///             .expect(unseen("right:lo", ArpRequest))
///             .expect(in_order()),
///     )
///     .build()?;
/// assert_eq!(lab.steps[0].packets.seen.len(), 2);
/// # Ok::<(), BuildError>(())
/// ```
pub fn seen(at: impl ToString, kind: PacketKind) -> SeenDraft {
    SeenDraft(entry(at, kind))
}

/// Of every step: no such packet is seen at this node or device while it is done.
pub fn unseen(at: impl ToString, kind: PacketKind) -> UnseenDraft {
    UnseenDraft(entry(at, kind))
}

/// Of every step: the first of each of the packets that are to be [`seen`] comes after the first of
/// each one before it.
pub fn in_order() -> Expect {
    let mut table = Table::default();
    table.set("in_order", Value::bare(true));
    Expect(table)
}

/// Of every step: how long is waited, once it is done, for packets that are to be [`seen`] and are
/// still missing.
pub fn within(span: impl IntoSpan) -> Expect {
    let mut table = Table::default();
    table.set("within", Value::text(span.into_text()));
    Expect(table)
}

fn entry(at: impl ToString, kind: PacketKind) -> Table {
    let mut table = Table::default();
    table.push("at", Value::text(at));
    table.set("packet", Value::text(kind));
    table
}

macro_rules! packets {
    ($($draft:ident under $key:literal),*) => {$(
        impl $draft {
            fn keys(&mut self) -> &mut Table {
                &mut self.0
            }
        }

        set! { $draft:
            /// And at this node or device.
            at("at", one_more_text);
            /// The source address: an address, a prefix, a node or an interface.
            from("from", text);
            /// The destination address.
            to("to", text);
            /// The source address of the Ethernet header: a MAC, or an interface.
            from_mac("from_mac", text);
            /// The destination address of the Ethernet header.
            to_mac("to_mac", text);
            /// The source port or the destination port.
            port("port", bare, u16);
            /// The source port.
            from_port("from_port", bare, u16);
            /// The destination port.
            to_port("to_port", bare, u16);
            /// The TTL or hop limit.
            ttl("ttl", bare, u8);
            /// The ID of the outermost VLAN tag.
            vlan("vlan", bare, u16);
            /// Which way it goes through the device.
            direction("direction", word, Way);
        }

        impl From<$draft> for Expect {
            fn from(draft: $draft) -> Self {
                let mut table = Table::default();
                table.push($key, Value::Table(draft.0));
                Self(table)
            }
        }
    )*};
}
packets!(SeenDraft under "seen", UnseenDraft under "unseen");

set! { SeenDraft:
    /// Each answers a packet that was seen there before.
    answers("answers", yes);
}

impl SeenDraft {
    /// How many, at each of the places: `2`, `1..=3`, `2..`.
    pub fn count(mut self, count: impl Into<Count>) -> Self {
        let count = count.into();
        let exact = count.most == Some(count.least);
        self.0.set("count", if exact { Value::bare(count) } else { Value::text(count) });
        self
    }
}
