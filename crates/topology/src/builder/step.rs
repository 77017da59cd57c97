//! Steps: what is done.

use super::{
    EndDraft, Expect, FirewallDraft, NeighbourDraft, NodeDraft, PortDraft, ProgramDraft,
    RouteDraft, RuleDraft, TapDraft, set,
};
use crate::model::Family;
use crate::write::document::{Table, Value};

/// A step of any kind.
#[derive(Debug, Clone)]
pub struct StepDraft(pub(super) Table);

/// A change of one node or interface.
#[derive(Debug, Clone)]
pub struct ChangeDraft(Table);

macro_rules! steps {
    ($($(#[$doc:meta])* $step:ident $(under $key:literal)?;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $step {
            pub(super) step: Table,
        }

        impl $step {
            /// What the step shows, in words.
            pub fn about(mut self, text: impl ToString) -> Self {
                self.step.set_first("about", Value::Prose(text.to_string()));
                self
            }

            /// What is expected; several are all expected.
            pub fn expect(mut self, expect: impl Into<Expect>) -> Self {
                self.step.table("expect").merge(expect.into().0);
                self
            }
        }

        $(impl $step {
            pub(super) fn keys(&mut self) -> &mut Table {
                self.step.table($key)
            }
        })?

        impl From<$step> for StepDraft {
            fn from(step: $step) -> Self {
                Self(step.step)
            }
        }
    )*};
}

steps! {
    /// A step that changes the lab.
    ChangeStep;
    /// A step that adds to the lab.
    AddStep under "add";
    /// A step that removes something from it.
    RemoveStep;
    /// A step that sends echo requests.
    PingStep under "ping";
    /// A step that finds out by which routers a packet goes.
    TracerouteStep under "traceroute";
    /// A step that opens a TCP connection.
    TcpStep under "tcp";
    /// A step that sends datagrams that are to come back.
    UdpStep under "udp";
    /// A step that runs a command to its end.
    RunStep under "run";
    /// A step that looks at what the kernel reports.
    LookStep;
    /// A step that finds out who reaches whom.
    ReachStep under "reach";
}

pub(super) fn under(key: &str, table: Table) -> Table {
    let mut step = Table::default();
    step.set(key, Value::Table(table));
    step
}

/// Changes the lab: `change(at("left:veth3").down())`.
pub fn change(change: ChangeDraft) -> ChangeStep {
    let mut step = Table::default();
    step.push("change", Value::Table(change.0));
    ChangeStep { step }
}

impl ChangeStep {
    /// And then this.
    pub fn then(mut self, change: ChangeDraft) -> Self {
        self.step.push("change", Value::Table(change.0));
        self
    }
}

/// Adds to the lab: `add().node(node("guest")).link("guest:eth0", "switch:port3")`.
pub fn add() -> AddStep {
    AddStep { step: under("add", Table::default()) }
}

impl AddStep {
    /// A node.
    pub fn node(mut self, node: NodeDraft) -> Self {
        self.keys().table("node").add(&node.name, Value::Table(node.table));
        self
    }

    /// A veth pair, each end in any node that is there or added.
    pub fn link(mut self, a: impl Into<EndDraft>, b: impl Into<EndDraft>) -> Self {
        self.keys().push("link", Value::Table(super::link(a.into(), b.into())));
        self
    }

    /// A persistent TUN/TAP device.
    pub fn tap(mut self, tap: TapDraft) -> Self {
        self.keys().push("tap", Value::Table(tap.0));
        self
    }

    /// A wire between two TUN/TAP devices that are there or added.
    pub fn wire(mut self, a: impl ToString, b: impl ToString) -> Self {
        self.keys().push("wire", Value::Table(super::wire(a, b)));
        self
    }
}

/// Removes nodes with all that is in them, and devices; of a link, one of its ends:
/// `remove(["guest", "left:veth3"])`.
pub fn remove<T: ToString>(spots: impl IntoIterator<Item = T>) -> RemoveStep {
    let mut step = Table::default();
    step.set("remove", Value::OneOrMany(Value::texts(spots)));
    RemoveStep { step }
}

impl RemoveStep {
    /// And the wire of this TUN/TAP device, which stays.
    pub fn wire(mut self, at: impl ToString) -> Self {
        let mut wire = Table::default();
        wire.set("wire", Value::text(at));
        self.step.push("remove", Value::Table(wire));
        self
    }
}

/// Removes the wire of this TUN/TAP device, and nothing else.
pub fn unplug(at: impl ToString) -> RemoveStep {
    RemoveStep { step: Table::default() }.wire(at)
}

/// What is changed of a node or interface: `at("left")`, `at("left:veth3")`.
pub fn at(spot: impl ToString) -> ChangeDraft {
    let mut table = Table::default();
    table.set("at", Value::text(spot));
    ChangeDraft(table)
}

impl ChangeDraft {
    fn keys(&mut self) -> &mut Table {
        &mut self.0
    }

    /// Removes a neighbour of this address on the link of this interface.
    pub fn del_neigh(mut self, dev: impl ToString, to: impl ToString) -> Self {
        let mut table = Table::default();
        table.set("dev", Value::text(dev));
        table.set("to", Value::text(to));
        self.0.push("del_neigh", Value::Table(table));
        self
    }
}

set! { ChangeDraft:
    /// Moves the interface to another node.
    move_to("move", text);
    /// Brings the interface up.
    up("up", yes);
    /// Brings the interface down.
    down("up", no);
    /// Sets the interface's MTU.
    mtu("mtu", bare, u32);
    /// Sets the interface's hardware address.
    mac("mac", text);
    /// Makes the interface a port of this bridge.
    master("master", text);
    /// Makes the interface a port of no bridge.
    no_master("master", no);
    /// Sets how the port behaves.
    port("port", table, PortDraft);
    /// Adds an address.
    add_ip("add_ip", one_more_text);
    /// Removes an address.
    del_ip("del_ip", one_more_text);
    /// Sets a sysctl: of the interface (`"ipv4.rp_filter"`) or of the node (`"net.ipv4.ip_forward"`).
    sysctl("sysctl", sysctl);
    /// Adds a route.
    add_route("add_route", one_more, RouteDraft);
    /// Removes a route.
    del_route("del_route", one_more, RouteDraft);
    /// Adds a policy rule.
    add_rule("add_rule", one_more, RuleDraft);
    /// Removes a policy rule.
    del_rule("del_rule", one_more, RuleDraft);
    /// Adds a static neighbour.
    add_neigh("add_neigh", one_more, NeighbourDraft);
    /// Replaces the firewall.
    firewall("firewall", table, FirewallDraft);
}

/// Runs a command in a node to its end.
pub fn run(at: impl ToString, program: impl Into<ProgramDraft>) -> RunStep {
    let mut table = Table::default();
    table.set("at", Value::text(at));
    table.set("cmd", program.into().0);
    RunStep { step: under("run", table) }
}

set! { RunStep:
    /// How long it may take.
    timeout("timeout", span);
}

/// Looks at a node or interface. It needs an expectation.
pub fn look(spot: impl ToString) -> LookStep {
    let mut step = Table::default();
    step.set("look", Value::text(spot));
    LookStep { step }
}

/// Finds out who reaches whom: `reach().group(["h1", "h2"]).group(["h3"])`.
pub fn reach() -> ReachStep {
    ReachStep { step: under("reach", Table::default()) }
}

impl ReachStep {
    /// In this group everybody reaches everybody.
    pub fn group<T: ToString>(mut self, nodes: impl IntoIterator<Item = T>) -> Self {
        self.keys().append("groups", Value::List(Value::texts(nodes)));
        self
    }

    /// Besides, the first reaches the second.
    pub fn also(mut self, from: impl ToString, to: impl ToString) -> Self {
        let pair = Value::List(vec![Value::text(from), Value::text(to)]);
        self.keys().append("also", pair);
        self
    }

    /// Between these, nobody else reaches anybody.
    pub fn among<T: ToString>(mut self, nodes: impl IntoIterator<Item = T>) -> Self {
        self.keys().set("among", Value::List(Value::texts(nodes)));
        self
    }
}

set! { ReachStep:
    /// The family.
    family("family", word, Family);
    /// How long to wait for answers.
    timeout("timeout", span);
}
