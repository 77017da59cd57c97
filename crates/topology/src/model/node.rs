//! Nodes, and what runs in them.

use serde::{Deserialize, Serialize};

use super::{Bridge, Firewall, IfName, Neighbour, NodeName, Protocol, Route, Rule, Span, Sysctl};

/// What a node is for; it decides what is the default in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NodeKind {
    /// An end system: it forwards nothing.
    #[default]
    Host,
    /// It forwards IPv4 and IPv6: `net.ipv4.ip_forward` and `net.ipv6.conf.all.forwarding` are 1
    /// unless the node's own sysctls say otherwise.
    Router,
    /// It has a bridge device, `br0` unless it declares others, and every interface in it is a
    /// port of it unless it says otherwise.
    Bridge,
}

impl NodeKind {
    /// The word for it in the lab file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Router => "router",
            Self::Bridge => "bridge",
        }
    }
}

/// The bridge device that a node of kind `bridge` has when it declares none.
pub const DEFAULT_BRIDGE: &str = "br0";

/// One network namespace, and what is set and run in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its name.
    pub name: NodeName,
    /// What it is for.
    pub kind: NodeKind,
    /// Whether its loopback device is brought up (a fresh namespace's is down).
    pub lo: bool,
    /// Its bridge devices. A node of kind `bridge` always has at least one.
    pub bridges: Vec<Bridge>,
    /// Its sysctls, in order, set before any interface is there, so that `conf.default` counts.
    /// One that names an interface is set when that interface is there.
    pub sysctls: Vec<Sysctl>,
    /// Its static routes, in order.
    pub routes: Vec<Route>,
    /// Its policy rules, in order.
    pub rules: Vec<Rule>,
    /// Its static neighbours.
    pub neighbours: Vec<Neighbour>,
    /// Its firewall.
    pub firewall: Firewall,
    /// Ports on which twinax itself listens there.
    pub listeners: Vec<Listener>,
    /// Commands that run there while the lab stands, started in order.
    pub commands: Vec<Command>,
}

impl Node {
    /// A host of this name with nothing in it but a loopback device that is up.
    pub fn new(name: NodeName) -> Self {
        Self {
            name,
            kind: NodeKind::Host,
            lo: true,
            bridges: Vec::new(),
            sysctls: Vec::new(),
            routes: Vec::new(),
            rules: Vec::new(),
            neighbours: Vec::new(),
            firewall: Firewall::default(),
            listeners: Vec::new(),
            commands: Vec::new(),
        }
    }

    /// The bridge of this name.
    pub fn bridge(&self, name: &IfName) -> Option<&Bridge> {
        self.bridges.iter().find(|bridge| bridge.interface.place.interface == *name)
    }
}

/// A port on which twinax listens in a node, on every address of both families.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Listener {
    /// A TCP port. To whoever connects it says its text and closes.
    Tcp {
        /// The port, not 0.
        port: u16,
        /// What it says; empty: it closes without a word.
        say: String,
    },
    /// A UDP port. It sends each datagram back to its sender (RFC 862).
    Udp {
        /// The port, not 0.
        port: u16,
    },
}

impl Listener {
    /// What it is known by in its node: `tcp` or `udp`, and the port.
    pub fn key(&self) -> (Protocol, u16) {
        match self {
            Self::Tcp { port, .. } => (Protocol::Tcp, *port),
            Self::Udp { port } => (Protocol::Udp, *port),
        }
    }
}

/// What is to be executed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Program {
    /// A line for `sh -c`.
    Shell(String),
    /// A program and its arguments, as they are. Never empty.
    Argv(Vec<String>),
}

/// A command that runs in a node while the lab stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// What reports call it. Unique in its node.
    pub name: NodeName,
    /// What is executed.
    pub program: Program,
    /// What is waited for before the lab goes on; nothing: it goes on as soon as the command has
    /// been started.
    pub ready: Option<Ready>,
    /// How long `ready` may take.
    pub timeout: Span,
    /// Whether it is started again when it ends.
    pub restart: Restart,
    /// How long it may take to end when it is told to (`SIGTERM`); then it is killed.
    pub stop: Span,
}

/// Whether a command that has ended is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Restart {
    /// It is not.
    #[default]
    Never,
    /// It is when its exit code was not 0, or a signal ended it.
    OnFailure,
    /// It is, however it ended.
    Always,
}

impl Restart {
    /// The word for it in the lab file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::OnFailure => "on-failure",
            Self::Always => "always",
        }
    }
}

/// The default of [`Command::stop`].
pub const STOP_TIMEOUT: Span = Span(std::time::Duration::from_secs(5));

/// The default of [`Command::timeout`].
pub const READY_TIMEOUT: Span = Span(std::time::Duration::from_secs(10));

/// When a command counts as ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ready {
    /// `tcp:PORT`: some socket of the node listens on this TCP port.
    Tcp(u16),
    /// `line:TEXT`: the command's output (stdout or stderr) has a line that contains the text.
    Line(String),
    /// `file:PATH`: this file is there, as the command sees it.
    File(String),
    /// `exit`: the command has ended with exit code 0.
    Exit,
}
