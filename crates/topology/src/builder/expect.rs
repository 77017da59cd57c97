//! What is expected of a step.

use super::{NeighbourDraft, RouteDraft, RuleDraft, set};
use crate::model::Told;
use crate::write::document::{Table, Value};

/// Something that is expected of a step. Which belongs to which kind of step is checked when the
/// lab is built.
#[derive(Debug, Clone)]
pub struct Expect(pub(super) Table);

/// What a text is expected to be.
#[derive(Debug, Clone, Default)]
pub struct TextDraft(Table);

/// Things that a node may have.
#[derive(Debug, Clone, Default)]
pub struct FactsDraft(Table);

fn expect(key: &str, value: Value) -> Expect {
    let mut table = Table::default();
    table.set(key, value);
    Expect(table)
}

macro_rules! expectations {
    ($($(#[$doc:meta])* $name:ident($key:literal, $type:ty, $how:ident);)*) => {$(
        $(#[$doc])*
        pub fn $name(value: $type) -> Expect {
            expect($key, $how(value))
        }
    )*};
}

fn bare(value: impl ToString) -> Value {
    Value::bare(value)
}

fn text_of(value: impl ToString) -> Value {
    Value::text(value)
}

fn text_table(value: impl Into<TextDraft>) -> Value {
    let TextDraft(table) = value.into();
    match table.only("has") {
        Some(Value::OneOrMany(texts)) if texts.len() == 1 => texts[0].clone(),
        _ => Value::Table(table),
    }
}

fn facts_table(FactsDraft(table): FactsDraft) -> Value {
    Value::Table(table)
}

expectations! {
    /// Of a ping or UDP echo: so many are answered.
    received("received", u16, bare);
    /// Of a ping or UDP echo: so many are not answered.
    lost("lost", u16, bare);
    /// Of a ping or UDP echo: at least one is answered (`true`), or none (`false`). Of a traceroute:
    /// the destination is reached, or not.
    reachable("reachable", bool, bare);
    /// Of a ping, traceroute, TCP connection or UDP echo: what the sender is told.
    told("told", Told, text_of);
    /// Of a TCP connection: whether it comes about.
    connected("connected", bool, bare);
    /// Of a TCP connection: what the other side says.
    said("said", impl Into<TextDraft>, text_table);
    /// Of a command: its exit code.
    exit("exit", i32, bare);
    /// Of a command: what it writes to standard output.
    stdout("stdout", impl Into<TextDraft>, text_table);
    /// Of a command: what it writes to standard error.
    stderr("stderr", impl Into<TextDraft>, text_table);
    /// Of an interface: whether it is up.
    is_up("up", bool, bare);
    /// Of an interface: whether it has carrier.
    carrier("carrier", bool, bare);
    /// Of an interface: its MTU in bytes.
    mtu("mtu", u32, bare);
    /// Of an interface: its hardware address.
    mac("mac", impl ToString, text_of);
    /// Of an interface: its bridge.
    master("master", impl ToString, text_of);
    /// Of a node or interface: each of these is there.
    has("has", FactsDraft, facts_table);
    /// Of a node or interface: none of these is there.
    lacks("lacks", FactsDraft, facts_table);
}

/// Who answers packets of one TTL: an address, a node or an interface, `"*"` (nobody), or
/// [`one_of`] several.
#[derive(Debug, Clone)]
pub struct HopDraft(Value);

impl<T: ToString> From<T> for HopDraft {
    fn from(who: T) -> Self {
        Self(Value::text(who))
    }
}

/// Of a traceroute: exactly these answer, in this order; the destination is the last one.
pub fn hops<T: Into<HopDraft>>(hops: impl IntoIterator<Item = T>) -> Expect {
    let hops = hops.into_iter().map(|hop| hop.into().0);
    expect("hops", Value::List(hops.collect()))
}

/// A hop where the way is not always the same: each who answers is one of these.
pub fn one_of<T: ToString>(hops: impl IntoIterator<Item = T>) -> HopDraft {
    HopDraft(Value::List(Value::texts(hops)))
}

/// Of an interface: exactly these addresses, link-local ones apart.
pub fn addresses<T: ToString>(addresses: impl IntoIterator<Item = T>) -> Expect {
    expect("ip", Value::OneOrMany(Value::texts(addresses)))
}

/// Of a node: exactly these interfaces, `lo` apart.
pub fn interfaces<T: ToString>(interfaces: impl IntoIterator<Item = T>) -> Expect {
    expect("interface", Value::OneOrMany(Value::texts(interfaces)))
}

/// A text of which nothing is said yet. A text that only has to be contained somewhere can stand
/// for itself: `stdout("hello")`.
pub fn text() -> TextDraft {
    TextDraft::default()
}

impl From<&str> for TextDraft {
    fn from(contained: &str) -> Self {
        text().has(contained)
    }
}

impl From<String> for TextDraft {
    fn from(contained: String) -> Self {
        text().has(contained)
    }
}

impl TextDraft {
    fn keys(&mut self) -> &mut Table {
        &mut self.0
    }
}

set! { TextDraft:
    /// It is exactly this, white space at both ends apart.
    is("is", prose);
    /// It contains this.
    has("has", one_more_text);
    /// It does not contain this.
    lacks("lacks", one_more_text);
}

/// Nothing yet; for [`has`] and [`lacks`].
pub fn facts() -> FactsDraft {
    FactsDraft::default()
}

impl FactsDraft {
    fn keys(&mut self) -> &mut Table {
        &mut self.0
    }
}

set! { FactsDraft:
    /// An interface.
    interface("interface", one_more_text);
    /// An address with its prefix length.
    ip("ip", one_more_text);
    /// A route that agrees in everything that is said.
    route("route", one_more, RouteDraft);
    /// A rule that agrees in everything that is said.
    rule("rule", one_more, RuleDraft);
    /// A neighbour.
    neigh("neigh", one_more, NeighbourDraft);
    /// A sysctl and its value.
    sysctl("sysctl", sysctl);
    /// An nftables table: `"inet twinax"`.
    table("table", one_more_text);
    /// A MAC that a bridge has learned, said by the interface whose it is.
    learned("learned", one_more_text);
}
