//! The same lab in Rust: everything that the file can say, without the file.
//!
//! ```
//! use twinax_topology::builder::*;
//!
//! let lab = Lab::new("two")
//!     .node(node("left"))
//!     .node(router("right").sysctl("net.ipv4.ip_default_ttl", 32))
//!     .link(
//!         end("left:veth3").ip("192.168.10.1/24"),
//!         end("right:veth4").ip("192.168.10.2/24").mtu(1400),
//!     )
//!     .step(
//!         ping("left", "192.168.10.2")
//!             .count(2)
//!             .about("the two ends reach each other")
//!             .expect(received(2)),
//!     )
//!     .build()?;
//! assert_eq!(lab.links.len(), 1);
//! # Ok::<(), BuildError>(())
//! ```
//!
//! A builder puts together the words of a lab file, and [`Lab::build`] reads them as it reads a
//! file. So the result is the very lab that the file makes, with the same defaults; and what is
//! wrong is said all at once, in the same sentences, underlined in the lab as it would stand in a
//! file. Nothing is refused before `build`. What is set twice counts as it was set last; what can
//! be there several times (addresses, routes, rules…) is added.

mod expect;
mod firewall;
mod interface;
mod network;
mod node;
mod packets;
mod probe;
mod step;

pub use expect::*;
pub use firewall::*;
pub use interface::*;
pub use network::*;
pub use node::*;
pub use packets::*;
pub use probe::*;
pub use step::*;

use crate::diagnostic::Diagnostics;
use crate::model::{Span, Topology};
use crate::write::document::{Table, Value};

/// A lab that is being put together.
#[derive(Debug, Clone)]
pub struct Lab {
    head: Table,
    nodes: Table,
    links: Vec<Table>,
    taps: Vec<Table>,
    wires: Vec<Table>,
    steps: Vec<Table>,
}

/// What is wrong with a lab that was put together: everything, with the lab as it would stand in
/// a file.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct BuildError(Diagnostics);

impl BuildError {
    /// What is wrong, one by one.
    pub fn diagnostics(&self) -> &Diagnostics {
        &self.0
    }
}

impl Lab {
    /// A lab of this name with nothing in it.
    pub fn new(name: impl ToString) -> Self {
        let mut head = Table::default();
        head.set("name", Value::text(name));
        Self {
            head,
            nodes: Table::default(),
            links: Vec::new(),
            taps: Vec::new(),
            wires: Vec::new(),
            steps: Vec::new(),
        }
    }

    /// What the lab shows, in words.
    pub fn about(mut self, text: impl ToString) -> Self {
        self.head.set("about", Value::Prose(text.to_string()));
        self
    }

    /// Adds a node: [`node`], [`router`] or [`bridge`].
    pub fn node(mut self, node: NodeDraft) -> Self {
        self.nodes.add(&node.name, Value::Section(node.table));
        self
    }

    /// Adds a veth pair. An end is an [`end`], or only its place: `"left:veth3"`.
    pub fn link(mut self, a: impl Into<EndDraft>, b: impl Into<EndDraft>) -> Self {
        self.links.push(link(a.into(), b.into()));
        self
    }

    /// Adds a persistent TUN/TAP device: a [`tap`] or a [`tun`].
    pub fn tap(mut self, tap: TapDraft) -> Self {
        self.taps.push(tap.0);
        self
    }

    /// Adds a wire between two TUN/TAP devices: `wire("left:tap0", "right:tap0")`.
    pub fn wire(mut self, a: impl ToString, b: impl ToString) -> Self {
        self.wires.push(wire(a, b));
        self
    }

    /// Adds a step, done after those before it: [`change`], [`add`], [`remove`], [`ping`],
    /// [`traceroute`], [`tcp`], [`udp`], [`run`], [`look`] or [`reach`].
    pub fn step(mut self, step: impl Into<StepDraft>) -> Self {
        self.steps.push(step.into().0);
        self
    }

    /// The lab as a lab file, right or wrong.
    pub fn to_toml(&self) -> String {
        let mut lab = self.head.clone();
        if !self.nodes.is_empty() {
            lab.set("node", Value::Group(self.nodes.clone()));
        }
        let sections = [
            ("link", &self.links),
            ("tap", &self.taps),
            ("wire", &self.wires),
            ("step", &self.steps),
        ];
        for (key, tables) in sections {
            if !tables.is_empty() {
                lab.set(key, Value::Sections(tables.clone()));
            }
        }
        lab.to_document()
    }

    /// The lab, if all of it is right.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, as for a file.
    pub fn build(&self) -> Result<Topology, BuildError> {
        crate::parse(&self.to_toml(), "the lab as a file").map_err(BuildError)
    }
}

fn link(EndDraft(a): EndDraft, EndDraft(b): EndDraft) -> Table {
    let mut table = Table::default();
    for (key, end) in [("a", a), ("b", b)] {
        let short = end.only("at").cloned();
        table.set(key, short.unwrap_or(Value::Table(end)));
    }
    table
}

fn wire(a: impl ToString, b: impl ToString) -> Table {
    let mut table = Table::default();
    table.set("a", Value::text(a));
    table.set("b", Value::text(b));
    table
}

/// A span of time: a [`Duration`](std::time::Duration), or a text with a unit (`"100ms"`).
pub trait IntoSpan {
    /// As the lab file writes it.
    fn into_text(self) -> String;
}

impl IntoSpan for &str {
    fn into_text(self) -> String {
        self.to_owned()
    }
}

impl IntoSpan for Span {
    fn into_text(self) -> String {
        self.to_string()
    }
}

impl IntoSpan for std::time::Duration {
    fn into_text(self) -> String {
        Span(self).to_string()
    }
}

/// A value of a sysctl; `true` and `false` stay what they are, and so become 1 and 0.
fn setting(value: impl ToString) -> Value {
    let text = value.to_string();
    match text.as_str() {
        "true" | "false" => Value::Bare(text),
        _ => crate::write::sysctl_value(&text),
    }
}

/// Declares the methods that set one key of a draft to a value of one kind.
macro_rules! set {
    ($draft:ty: $($(#[$doc:meta])* $method:ident($key:literal, $kind:ident $(, $type:ty)?);)*) => {
        impl $draft {
            $($crate::builder::set_one! { $(#[$doc])* $method($key, $kind $(, $type)?) })*
        }
    };
}

macro_rules! set_one {
    ($(#[$doc:meta])* $method:ident($key:literal, text)) => {
        $(#[$doc])*
        pub fn $method(mut self, value: impl ToString) -> Self {
            self.keys().set($key, $crate::write::document::Value::text(value));
            self
        }
    };
    ($(#[$doc:meta])* $method:ident($key:literal, word, $type:ty)) => {
        $(#[$doc])*
        pub fn $method(mut self, value: $type) -> Self {
            self.keys().set($key, $crate::write::document::Value::text(value.as_str()));
            self
        }
    };
    ($(#[$doc:meta])* $method:ident($key:literal, prose)) => {
        $(#[$doc])*
        pub fn $method(mut self, text: impl ToString) -> Self {
            self.keys().set($key, $crate::write::document::Value::Prose(text.to_string()));
            self
        }
    };
    ($(#[$doc:meta])* $method:ident($key:literal, bare, $type:ty)) => {
        $(#[$doc])*
        pub fn $method(mut self, value: $type) -> Self {
            self.keys().set($key, $crate::write::document::Value::bare(value));
            self
        }
    };
    ($(#[$doc:meta])* $method:ident($key:literal, span)) => {
        $(#[$doc])*
        pub fn $method(mut self, span: impl $crate::builder::IntoSpan) -> Self {
            self.keys().set($key, $crate::write::document::Value::Text(span.into_text()));
            self
        }
    };
    ($(#[$doc:meta])* $method:ident($key:literal, yes)) => {
        $(#[$doc])*
        pub fn $method(mut self) -> Self {
            self.keys().set($key, $crate::write::document::Value::bare(true));
            self
        }
    };
    ($(#[$doc:meta])* $method:ident($key:literal, no)) => {
        $(#[$doc])*
        pub fn $method(mut self) -> Self {
            self.keys().set($key, $crate::write::document::Value::bare(false));
            self
        }
    };
    ($(#[$doc:meta])* $method:ident($key:literal, one_more_text)) => {
        $(#[$doc])*
        pub fn $method(mut self, value: impl ToString) -> Self {
            self.keys().push($key, $crate::write::document::Value::text(value));
            self
        }
    };
    ($(#[$doc:meta])* $method:ident($key:literal, one_more, $type:ty)) => {
        $(#[$doc])*
        pub fn $method(mut self, value: $type) -> Self {
            self.keys().push($key, $crate::write::document::Value::Table(value.0));
            self
        }
    };
    ($(#[$doc:meta])* $method:ident($key:literal, table, $type:ty)) => {
        $(#[$doc])*
        pub fn $method(mut self, value: $type) -> Self {
            self.keys().set($key, $crate::write::document::Value::Table(value.0));
            self
        }
    };
    ($(#[$doc:meta])* $method:ident($key:literal, sysctl)) => {
        $(#[$doc])*
        pub fn $method(mut self, key: &str, value: impl ToString) -> Self {
            self.keys().table($key).set(key, $crate::builder::setting(value));
            self
        }
    };
}
use {set, set_one};
