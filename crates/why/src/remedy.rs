//! What mends something: changes of a lab, as the commands that do them, and done.

mod undo;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use twinax_kernel::replay::{Policy, RawRoute};
use twinax_kernel::{Error, FdbEntry, Rtnl, nft};
use twinax_lab::{Lab, LabError, ask};
use twinax_packet::Mac;
use twinax_plan::{Step, command, route_words, rule_words};
use twinax_topology::{
    Change, Family, IfName, InterfaceSysctl, NodeName, Place, PortAttributes, Route, Rule, Sysctl,
};

use crate::seen::At;

/// One thing that is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// What a lab's own steps can do.
    Change(Box<Change>),
    /// A neighbour entry is forgotten, so that the neighbour is asked for anew.
    Forget {
        /// At which device.
        at: At,
        /// Whose.
        to: IpAddr,
    },
    /// What a node has learned of the way to an address is forgotten: the path's MTU (IPv6).
    ForgetPath {
        /// Which node.
        node: NodeName,
        /// The way to where.
        to: IpAddr,
    },
    /// A device asks for neighbours and answers, or does not.
    Arp {
        /// Which.
        at: At,
        /// Whether it does.
        on: bool,
    },
    /// Something is entered into a forwarding database, or taken out.
    Entry {
        /// For which device.
        at: At,
        /// What.
        entry: FdbEntry,
        /// Whether it is entered.
        there: bool,
    },
    /// A route of which a lab file has no words is taken away, or put back.
    Route {
        /// In which node.
        node: NodeName,
        /// In the words of `ip route`.
        words: String,
        /// In the kernel's own.
        route: Box<RawRoute>,
        /// Whether it is to be there.
        there: bool,
    },
    /// An IPsec policy is taken away, or put back.
    IpsecPolicy {
        /// In which node.
        node: NodeName,
        /// Which.
        policy: Box<Policy>,
        /// Whether it is to be there.
        there: bool,
    },
    /// A port of a bridge forwards, whatever it did.
    Forward(At),
    /// A rule of nftables is removed.
    DeleteRule {
        /// In which node.
        node: NodeName,
        /// The family of its table.
        family: nft::Family,
        /// Its table.
        table: String,
        /// Its chain.
        chain: String,
        /// What it is called by.
        handle: u64,
        /// Its place in the chain, counted from 0: in a copy it is called by another handle.
        index: usize,
    },
    /// A rule of nftables that was removed is put back.
    RestoreRule {
        /// In which node.
        node: NodeName,
        /// The rule.
        rule: Box<nft::rules::Rule>,
    },
    /// The policy of a chain is set.
    Policy {
        /// In which node.
        node: NodeName,
        /// The family of its table.
        family: nft::Family,
        /// Its table.
        table: String,
        /// The chain.
        chain: String,
        /// Whether what no rule decides about goes on.
        accept: bool,
    },
}

/// `BR_STATE_FORWARDING`, `linux/if_bridge.h`.
const FORWARDING: u8 = 3;

/// What mends something, as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remedy {
    /// What is changed, in order.
    pub ops: Vec<Op>,
}

/// A remedy in the words of those who type it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// As `twinax set` has it; empty where it has no word for it.
    pub set: Vec<String>,
    /// As iproute2, `sysctl` and `nft` have it.
    pub commands: Vec<String>,
}

impl From<Change> for Remedy {
    fn from(change: Change) -> Self {
        Self { ops: vec![Op::Change(Box::new(change))] }
    }
}

impl Remedy {
    /// Several changes.
    pub fn of(changes: impl IntoIterator<Item = Change>) -> Self {
        Self { ops: changes.into_iter().map(|change| Op::Change(Box::new(change))).collect() }
    }

    /// And this besides.
    pub fn and(mut self, op: Op) -> Self {
        self.ops.push(op);
        self
    }

    /// Sysctls of a node, by their paths.
    pub fn sysctls<'a>(node: &NodeName, all: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let changes = all.into_iter().filter_map(|(path, value)| {
            let key = path.parse().ok()?;
            Some(Change::Sysctl(node.clone(), Sysctl { key, value: value.to_owned() }))
        });
        Self::of(changes)
    }

    /// One knob of an interface, as the lab file writes it: `ipv4.accept_local`.
    pub fn knob(at: &At, knob: &str, value: &str) -> Option<Self> {
        let own = InterfaceSysctl::new(knob, value).ok()?;
        Some(Change::InterfaceSysctl(place(at)?, own).into())
    }

    /// A device is brought up.
    pub fn up(at: &At) -> Option<Self> {
        Some(Change::Up(place(at)?, true).into())
    }

    /// A port behaves otherwise.
    pub fn port(at: &At, port: PortAttributes) -> Option<Self> {
        Some(Change::Port(place(at)?, port).into())
    }

    /// In the words of those who type it.
    pub fn words(&self) -> Words {
        let set = self.ops.iter().filter_map(in_words_of_set).collect::<Vec<_>>();
        let set = if set.len() == self.ops.len() { set } else { Vec::new() };
        let commands = self.ops.iter().map(Op::command).collect();
        Words { set, commands }
    }

    /// Does it in a lab.
    pub fn apply(&self, lab: &mut Lab) -> Result<(), LabError> {
        for op in &self.ops {
            match op {
                Op::Change(change) => lab.change(std::slice::from_ref(change))?,
                Op::Forget { at, to } => {
                    if let (Some(place), to) = (place(at), *to) {
                        let key = twinax_topology::NeighbourKey { dev: place.interface, to };
                        // Gone already is as good.
                        let _ = lab.change(&[Change::DelNeighbour(place.node, key)]);
                    }
                }
                Op::ForgetPath { node, to } => {
                    ask::in_node(node, || Rtnl::open()?.forget_path(*to))
                        .map_err(LabError::Observe)?;
                }
                Op::DeleteRule { node, family, table, chain, index, .. } => {
                    ask::in_node(node, || delete(*family, table, chain, *index))
                        .map_err(LabError::Observe)?;
                }
                Op::Arp { at, on } => {
                    ask::in_node(&at.node, || Rtnl::open()?.set_arp(&at.device, *on))
                        .map_err(LabError::Observe)?;
                }
                Op::Entry { at, entry, there } => {
                    ask::in_node(&at.node, || enter(&at.device, entry, *there))
                        .map_err(LabError::Observe)?;
                }
                Op::Route { node, route, there, .. } => {
                    let carry_out = || if *there { route.add() } else { route.remove() };
                    ask::in_node(node, carry_out).map_err(LabError::Observe)?;
                }
                Op::IpsecPolicy { node, policy, there } => {
                    let carry_out = || if *there { policy.add() } else { policy.remove() };
                    ask::in_node(node, carry_out).map_err(LabError::Observe)?;
                }
                Op::Forward(at) => {
                    ask::in_node(&at.node, || Rtnl::open()?.set_port_state(&at.device, FORWARDING))
                        .map_err(LabError::Observe)?;
                }
                Op::RestoreRule { node, rule } => {
                    ask::in_node(node, || nft::rules::restore_rule(rule))
                        .map_err(LabError::Observe)?;
                }
                Op::Policy { node, family, table, chain, accept } => {
                    let policy = if *accept { nft::Policy::Accept } else { nft::Policy::Drop };
                    ask::in_node(node, || nft::rules::set_policy(*family, table, chain, policy))
                        .map_err(LabError::Observe)?;
                }
            }
        }
        Ok(())
    }
}

/// Enters something for a device of the namespace of the calling thread, or takes it out.
fn enter(device: &str, entry: &FdbEntry, there: bool) -> Result<(), Error> {
    let mut rtnl = Rtnl::open()?;
    match there {
        true => rtnl.add_fdb(device, entry)?,
        false => rtnl.del_fdb(device, entry)?,
    }
    rtnl.flush()
}

/// Removes the rule at a place of a chain, in the namespace of the calling thread.
fn delete(family: nft::Family, table: &str, chain: &str, index: usize) -> Result<(), Error> {
    let rules = nft::rules::rules()?;
    let of_chain =
        rules.iter().filter(|own| own.family == family && own.table == table && own.chain == chain);
    match of_chain.skip(index).map(|own| own.handle).next() {
        Some(handle) => nft::rules::delete_rule(family, table, chain, handle),
        None => Err(Error::Answer(format!("{family} {table} {chain} has no such rule any more"))),
    }
}

/// A device in the words of a lab file.
pub fn place(at: &At) -> Option<Place> {
    Some(Place { node: at.node.clone(), interface: at.device.parse::<IfName>().ok()? })
}

impl Op {
    fn command(&self) -> String {
        match self {
            Self::Change(change) => command(&Step::Change((**change).clone())),
            Self::Forget { at, to } => {
                format!("ip -n {} neigh del {to} dev {}", at.node, at.device)
            }
            Self::ForgetPath { node, to } => {
                let family = if to.is_ipv4() { "" } else { "-6 " };
                format!("ip -n {node} {family}route flush cache {to}")
            }
            Self::Arp { at, on } => {
                let on = if *on { "on" } else { "off" };
                format!("ip -n {} link set dev {} arp {on}", at.node, at.device)
            }
            Self::Entry { at, entry, there } => {
                let verb = if *there { "append" } else { "del" };
                format!("bridge -n {} fdb {verb} {}", at.node, entry_in_words(&at.device, entry))
            }
            Self::Route { node, words, there, .. } => {
                let verb = if *there { "add" } else { "del" };
                format!("ip -n {node} route {verb} {words}")
            }
            Self::IpsecPolicy { node, policy, there } => {
                let verb = if *there { "add" } else { "delete" };
                format!("ip -n {node} xfrm policy {verb} {policy}")
            }
            Self::Forward(at) => {
                format!("bridge -n {} link set dev {} state {FORWARDING}", at.node, at.device)
            }
            Self::DeleteRule { node, family, table, chain, handle, .. } => {
                format!(
                    "ip netns exec {node} nft delete rule {family} {table} {chain} handle {handle}"
                )
            }
            Self::RestoreRule { node, rule } => {
                format!("ip netns exec {node} nft insert rule {} {rule}", rule.place())
            }
            Self::Policy { node, family, table, chain, accept } => {
                let policy = if *accept { "accept" } else { "drop" };
                format!(
                    "ip netns exec {node} nft 'chain {family} {table} {chain} {{ policy {policy}; }}'"
                )
            }
        }
    }
}

/// An entry in the words of `bridge fdb`.
fn entry_in_words(device: &str, entry: &FdbEntry) -> String {
    let mac = Mac(entry.mac);
    let vlan = entry.vlan.map(|vlan| format!(" vlan {vlan}")).unwrap_or_default();
    match entry.to {
        Some(to) => format!("{mac} dev {device} dst {to}"),
        None => {
            let kind = if entry.is_local() { "local" } else { "static" };
            format!("{mac} dev {device} master {kind}{vlan}")
        }
    }
}

/// The `twinax set` that does the same.
fn in_words_of_set(op: &Op) -> Option<String> {
    let Op::Change(change) = op else { return None };
    let spot = match change.place() {
        Some(place) => place.to_string(),
        None => change.node().to_string(),
    };
    let said = match &**change {
        Change::Move { to, .. } => format!("move={to}"),
        Change::Up(_, true) => "up".to_owned(),
        Change::Up(_, false) => "down".to_owned(),
        Change::Mtu(_, mtu) => format!("mtu={mtu}"),
        Change::Mac(_, mac) => format!("mac={mac}"),
        Change::Master(_, Some(bridge)) => format!("master={bridge}"),
        Change::Master(_, None) => "master=false".to_owned(),
        Change::AddAddress(_, net) => format!("add_ip={net}"),
        Change::DelAddress(_, net) => format!("del_ip={net}"),
        Change::InterfaceSysctl(_, own) => format!("{}={}", own.key(), own.value),
        Change::Sysctl(_, own) => format!("{}={}", own.key, own.value),
        Change::AddRoute(_, route) => format!("'add_route={}'", route_in_words(route)),
        Change::DelRoute(_, route) => format!("'del_route={}'", route_in_words(route)),
        Change::AddNeighbour(_, own) => {
            format!("'add_neigh={} lladdr {} dev {}'", own.to, own.mac, own.dev)
        }
        Change::DelNeighbour(_, key) => format!("'del_neigh={} dev {}'", key.to, key.dev),
        Change::DelRule(_, rule) => format!("'del_rule={}'", rule_in_words(rule)),
        Change::AddRule(_, rule) => format!("'add_rule={}'", rule_in_words(rule)),
        Change::Port(_, port) => port_in_words(port)?,
        Change::Firewall(..) => return None,
    };
    Some(format!("twinax set {spot} {said}"))
}

/// A route in the words of `ip`; of IPv6 the word `default` alone would be taken for IPv4.
fn route_in_words(route: &Route) -> String {
    let words = route_words(route);
    match Family::of_net(&route.to) {
        Family::Ipv6 if route.via.is_none() => words.replacen("default", "::/0", 1),
        _ => words,
    }
}

fn rule_in_words(rule: &Rule) -> String {
    format!("family {} {}", rule.family.as_str(), rule_words(rule))
}

fn port_in_words(port: &PortAttributes) -> Option<String> {
    let words: Vec<String> = port.switches().map(|(key, on)| format!("port.{key}={on}")).collect();
    (!words.is_empty()).then(|| words.join(" "))
}
