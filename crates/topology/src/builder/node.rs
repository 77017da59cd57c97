//! Nodes, and what runs in them.

use super::{BridgeDraft, FirewallDraft, NeighbourDraft, RouteDraft, RuleDraft, set};
use crate::model::Restart;
use crate::write::document::{Table, Value};

/// A node.
#[derive(Debug, Clone)]
pub struct NodeDraft {
    pub(super) name: String,
    pub(super) table: Table,
}

/// A command that runs in a node while the lab stands.
#[derive(Debug, Clone)]
pub struct CommandDraft(pub(super) Table);

/// What is executed: a line for `sh -c`, or an array of a program and its arguments.
#[derive(Debug, Clone)]
pub struct ProgramDraft(pub(super) Value);

impl From<&str> for ProgramDraft {
    fn from(line: &str) -> Self {
        Self(Value::Prose(line.to_owned()))
    }
}

impl From<String> for ProgramDraft {
    fn from(line: String) -> Self {
        Self(Value::Prose(line))
    }
}

impl<T: ToString, const N: usize> From<[T; N]> for ProgramDraft {
    fn from(argv: [T; N]) -> Self {
        Self(Value::List(Value::texts(argv)))
    }
}

impl<T: ToString> From<Vec<T>> for ProgramDraft {
    fn from(argv: Vec<T>) -> Self {
        Self(Value::List(Value::texts(argv)))
    }
}

fn of_kind(name: impl ToString, kind: Option<&str>) -> NodeDraft {
    let mut table = Table::default();
    table.set_some("kind", kind.map(Value::text));
    NodeDraft { name: name.to_string(), table }
}

/// A host.
pub fn node(name: impl ToString) -> NodeDraft {
    of_kind(name, None)
}

/// A node that forwards IPv4 and IPv6.
pub fn router(name: impl ToString) -> NodeDraft {
    of_kind(name, Some("router"))
}

/// A node with a bridge device, `br0` unless it declares others, whose interfaces are its ports.
pub fn bridge(name: impl ToString) -> NodeDraft {
    of_kind(name, Some("bridge"))
}

/// A command of this name for [`NodeDraft::run`].
pub fn command(name: impl ToString, program: impl Into<ProgramDraft>) -> CommandDraft {
    let mut table = Table::default();
    table.set("name", Value::text(name));
    table.set("cmd", program.into().0);
    CommandDraft(table)
}

impl NodeDraft {
    fn keys(&mut self) -> &mut Table {
        &mut self.table
    }

    /// Adds a bridge device.
    pub fn bridge(mut self, bridge: BridgeDraft) -> Self {
        self.table.group("bridge").add(&bridge.name, Value::Section(bridge.table));
        self
    }

    /// twinax listens on this TCP port; to whoever connects it says the text (which may be empty)
    /// and closes.
    pub fn listen(mut self, tcp: u16, say: impl ToString) -> Self {
        let mut table = Table::default();
        table.set("tcp", Value::bare(tcp));
        table.set("say", Value::Prose(say.to_string()));
        self.table.push("listen", Value::Table(table));
        self
    }

    /// twinax listens on this UDP port, and sends each datagram back.
    pub fn echo(mut self, udp: u16) -> Self {
        let mut table = Table::default();
        table.set("udp", Value::bare(udp));
        self.table.push("listen", Value::Table(table));
        self
    }
}

set! { NodeDraft:
    /// The loopback device stays down.
    lo_down("lo", no);
    /// A sysctl: `sysctl("net.ipv4.ip_forward", 1)`.
    sysctl("sysctl", sysctl);
    /// Adds a route: [`route`](super::route), [`blackhole`](super::blackhole)…
    route("route", one_more, RouteDraft);
    /// Adds a policy [`rule`](super::rule).
    rule("rule", one_more, RuleDraft);
    /// Adds a static [`neighbour`](super::neighbour).
    neigh("neigh", one_more, NeighbourDraft);
    /// Its [`firewall`](super::firewall).
    firewall("firewall", table, FirewallDraft);
    /// Adds a [`command`] that runs there while the lab stands.
    run("run", one_more, CommandDraft);
}

impl CommandDraft {
    fn keys(&mut self) -> &mut Table {
        &mut self.0
    }
}

set! { CommandDraft:
    /// What is waited for: `"tcp:PORT"`, `"line:TEXT"`, `"file:PATH"` or `"exit"`.
    ready("ready", text);
    /// How long that may take.
    timeout("timeout", span);
    /// Whether it is started again when it ends.
    restart("restart", word, Restart);
    /// How long it may take to end when it is told to, before it is killed.
    stop("stop", span);
}
