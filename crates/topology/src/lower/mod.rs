//! From keys to the typed lab: defaults filled in, short forms spelled out, and the place of every
//! word kept beside it, so that [`validate`](crate::validate) can point at it.

mod expect;
mod firewall;
mod interfaces;
mod knobs;
mod packets;
mod probes;
mod routing;
mod steps;

use std::ops::Range;

pub(crate) use interfaces::{Declared, Device};
pub(crate) use packets::PacketMark;
pub(crate) use steps::{ChangeMark, StepMarks, lists};

use crate::bridges::Bridges;
use crate::diagnostic::{Collector, Diagnostic, quoted};
use crate::file::{
    self, At, LabKeys, ListenKeys, NodeKeys, PartsKeys, RouteKeys, RuleKeys, Setting, StepKeys,
    Text, WireKeys, each, named,
};
use crate::model::{
    Command, InterfaceSysctl, LabStep, Link, Listener, Node, NodeKind, NodeName, READY_TIMEOUT,
    STOP_TIMEOUT, Sysctl, SysctlError, SysctlFamily, SysctlKey, Tap, Topology, Wire,
};

/// A lab as far as it could be made out, with the places of its words.
pub(crate) struct Draft<'k> {
    pub name: Option<NodeName>,
    pub about: String,
    pub parts: Parts<'k>,
    pub steps: Vec<(LabStep, StepMarks<'k>)>,
}

/// What a lab is made of, or what a step adds to it.
pub(crate) struct Parts<'k> {
    pub nodes: Vec<(Node, NodeMarks<'k>)>,
    /// Every interface: bridges, ends, TAPs; also those ends whose other end is wrong.
    pub declared: Vec<Declared<'k>>,
    pub links: Vec<Link>,
    pub taps: Vec<Tap>,
    pub wires: Vec<(Wire, &'k At<WireKeys>)>,
    pub whole: Whole,
}

/// Of what all could be made out: only then is "there is no …" worth saying.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Whole {
    pub nodes: bool,
    pub interfaces: bool,
    pub addresses: bool,
    pub wires: bool,
}

impl Whole {
    /// Nothing could be made out for sure.
    pub(crate) const NOTHING: Self =
        Self { nodes: false, interfaces: false, addresses: false, wires: false };

    /// What could be made out of both.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            nodes: self.nodes && other.nodes,
            interfaces: self.interfaces && other.interfaces,
            addresses: self.addresses && other.addresses,
            wires: self.wires && other.wires,
        }
    }
}

/// Where a node's words are.
pub(crate) struct NodeMarks<'k> {
    pub name: Range<usize>,
    pub keys: &'k NodeKeys,
    pub routes: Vec<&'k At<RouteKeys>>,
    pub rules: Vec<&'k At<RuleKeys>>,
    /// The key of each sysctl.
    pub sysctls: Vec<Range<usize>>,
}

impl Draft<'_> {
    /// The lab, if nothing was wrong with it.
    pub(crate) fn into_topology(self) -> Option<Topology> {
        Some(Topology {
            name: self.name?,
            about: self.about,
            nodes: self.parts.nodes.into_iter().map(|(node, _)| node).collect(),
            links: self.parts.links,
            taps: self.parts.taps,
            wires: self.parts.wires.into_iter().map(|(wire, _)| wire).collect(),
            steps: self.steps.into_iter().map(|(step, _)| step).collect(),
        })
    }
}

/// What must be known of the parts before to make out those that come after.
#[derive(Default)]
struct Before {
    bridges: Bridges,
    /// How many links there were.
    links: usize,
}

/// Makes the lab of the keys.
pub(crate) fn lower<'k>(keys: &'k LabKeys, to: &mut Collector<'_>) -> Draft<'k> {
    let mut before = Before::default();
    let mut draft = Draft {
        name: keys.name.value().map(|name| name.0),
        about: text(&keys.about),
        parts: lower_parts(&keys.parts, &mut before, to),
        steps: Vec::new(),
    };
    for step in each(&keys.step) {
        match steps::lower(step, &mut before, to) {
            Some(lowered) => draft.steps.push(lowered),
            // What it would have added or removed is not known.
            None if step.value.add.key().is_some() || step.value.remove.key().is_some() => {
                draft.parts.whole = Whole::NOTHING;
            }
            None => {}
        }
    }
    draft
}

/// Makes one step of its keys, for a lab with these nodes.
pub(crate) fn lower_step<'k>(
    keys: &'k At<StepKeys>,
    nodes: &[Node],
    to: &mut Collector<'_>,
) -> Option<(LabStep, StepMarks<'k>)> {
    let mut before = Before::default();
    nodes.iter().for_each(|node| before.bridges.add(node));
    steps::lower(keys, &mut before, to)
}

fn lower_parts<'k>(keys: &'k PartsKeys, before: &mut Before, to: &mut Collector<'_>) -> Parts<'k> {
    let mut parts = Parts {
        nodes: Vec::new(),
        declared: Vec::new(),
        links: Vec::new(),
        taps: Vec::new(),
        wires: Vec::new(),
        whole: Whole {
            nodes: !keys.node.is_bad() && keys.node.get().is_none_or(|nodes| nodes.value.whole),
            interfaces: file::whole(&keys.link) && file::whole(&keys.tap),
            addresses: true,
            wires: file::whole(&keys.wire),
        },
    };
    for (name, node) in named(&keys.node) {
        match file::read_key::<NodeName>(name, to) {
            Some(name_read) => lower_node(&mut parts, name_read, name, node, to),
            None => parts.whole.nodes = false,
        }
    }
    interfaces::lower(&mut parts, keys, before, to);
    for keys in each(&keys.wire) {
        match (keys.a.value(), keys.b.value()) {
            (Some(a), Some(b)) => parts.wires.push((Wire { a, b }, keys)),
            _ => parts.whole.wires = false,
        }
    }
    parts
}

fn lower_node<'k>(
    parts: &mut Parts<'k>,
    name: NodeName,
    key: &'k At<Text>,
    keys: &'k At<NodeKeys>,
    to: &mut Collector<'_>,
) {
    let mut node = Node::new(name);
    let keys = &keys.value;
    node.kind = keys.kind.value().unwrap_or(NodeKind::Host);
    node.lo = keys.lo.value().unwrap_or(true);
    let mut marks = NodeMarks {
        name: key.span.clone(),
        keys,
        routes: Vec::new(),
        rules: Vec::new(),
        sysctls: Vec::new(),
    };
    for (key, value) in named(&keys.sysctl) {
        if let Some(sysctl) = node_sysctl(key, value, to) {
            node.sysctls.push(sysctl);
            marks.sysctls.push(key.span.clone());
        }
    }
    for route in each(&keys.route) {
        if let Some(lowered) = routing::route(route, to) {
            node.routes.push(lowered);
            marks.routes.push(route);
        }
    }
    for rule in each(&keys.rule) {
        if let Some(lowered) = routing::rule(rule, to) {
            node.rules.push(lowered);
            marks.rules.push(rule);
        }
    }
    node.neighbours = each(&keys.neigh).iter().filter_map(routing::neighbour).collect();
    node.listeners = each(&keys.listen).iter().filter_map(|keys| listener(keys, to)).collect();
    node.commands = each(&keys.run)
        .iter()
        .filter_map(|keys| {
            Some(Command {
                name: keys.name.value()?,
                program: keys.cmd.value()?,
                ready: keys.ready.value(),
                timeout: keys.timeout.value().unwrap_or(READY_TIMEOUT),
                restart: keys.restart.value().unwrap_or_default(),
                stop: keys.stop.value().unwrap_or(STOP_TIMEOUT),
            })
        })
        .collect();
    if let Some(keys) = keys.firewall.get() {
        node.firewall = firewall::firewall(keys, to);
    }
    parts.nodes.push((node, marks));
}

fn listener(keys: &At<ListenKeys>, to: &mut Collector<'_>) -> Option<Listener> {
    match (keys.tcp.key(), keys.udp.key()) {
        (None, None) => {
            let diagnostic = Diagnostic::new(keys.span.clone(), "a listener needs a port");
            to.push(diagnostic.help("write `tcp = 80` or `udp = 7`"));
            None
        }
        (Some(tcp), Some(udp)) => {
            let (first, second) = if tcp.start < udp.start { (tcp, udp) } else { (udp, tcp) };
            to.push(
                Diagnostic::new(second, "a listener has one port")
                    .label("a second one")
                    .also(first, "the first")
                    .help("write a listener for each"),
            );
            None
        }
        (Some(_), None) => {
            Some(Listener::Tcp { port: keys.tcp.value()?.0 as u16, say: text(&keys.say) })
        }
        (None, Some(_)) => {
            if let Some(say) = keys.say.key() {
                let title = "`say` belongs to a TCP port";
                to.push(
                    Diagnostic::new(say, title).help("a UDP port sends back what comes, as it is"),
                );
            }
            Some(Listener::Udp { port: keys.udp.value()?.0 as u16 })
        }
    }
}

/// The text of a key; empty where it is not there.
fn text(field: &file::Field<Text>) -> String {
    field.value().map(|text| text.0).unwrap_or_default()
}

/// A sysctl of a node.
fn node_sysctl(key: &At<Text>, value: &At<Setting>, to: &mut Collector<'_>) -> Option<Sysctl> {
    let name = &key.value.0;
    match name.parse::<SysctlKey>() {
        Ok(parsed) => {
            if let Some((interface, family, knob)) = of_interface(&parsed)
                && let Some(meant) = knobs::meant(family, knob)
            {
                let title = format!("there is no sysctl {}", quoted(name));
                let help = format!("did you mean `{meant}` of `{interface}`?");
                to.push(Diagnostic::new(key.span.clone(), title).help(help));
                return None;
            }
            Some(Sysctl { key: parsed, value: value.value.0.clone() })
        }
        Err(error) => {
            let title = match &error {
                SysctlError::NotNet(_) if !name.starts_with("ipv") => {
                    format!("{} is the whole machine's, not one node's", quoted(name))
                }
                _ => format!("{} is no name of a sysctl", quoted(name)),
            };
            let with_net = format!("net.{name}");
            let help = if let Ok(InterfaceSysctl { family, knob, .. }) =
                InterfaceSysctl::new(name, "")
                && knobs::is_known(family, &knob)
            {
                let all = SysctlKey::of_all(family, &knob);
                format!("write {}, or say it of one interface", quoted(all.to_string()))
            } else if name.starts_with("ipv") && with_net.parse::<SysctlKey>().is_ok() {
                format!("write {}", quoted(&with_net))
            } else {
                "a node has the sysctls under `net.`, such as `net.ipv4.ip_forward`".to_owned()
            };
            to.push(Diagnostic::new(key.span.clone(), title).help(help));
            None
        }
    }
}

/// The interface (or `all`, `default`), the directory and the file of a sysctl of interfaces.
fn of_interface(key: &SysctlKey) -> Option<(&str, SysctlFamily, &str)> {
    SysctlFamily::ALL.into_iter().find_map(|(family, _, directory)| {
        let (interface, knob) = key.path().strip_prefix(directory)?.split_once('/')?;
        Some((interface, family, knob))
    })
}
