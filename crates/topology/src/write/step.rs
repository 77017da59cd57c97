//! Steps: what is done, and what is expected of it.

use std::collections::HashSet;

use super::document::{Table, Value};
use super::{network, packets, probes};
use crate::bridges::Bridges;
use crate::model::*;

/// The step, and the bridges as it leaves them.
pub(super) fn step(step: &LabStep, bridges: &mut Bridges) -> Table {
    let mut table = Table::default();
    if !step.about.is_empty() {
        table.set("about", Value::Prose(step.about.clone()));
    }
    let mut expect = match &step.action {
        Action::Change(changes) => {
            let changes = change_tables(changes).into_iter().map(Value::Table).collect();
            table.set("change", Value::OneOrMany(changes));
            Table::default()
        }
        Action::Ping(ping, expect) => {
            table.set("ping", Value::Table(probes::ping(ping, expect)));
            probes::echo_expect(expect)
        }
        Action::Traceroute(traceroute, expect) => {
            table.set("traceroute", Value::Table(probes::traceroute(traceroute)));
            probes::traceroute_expect(expect)
        }
        Action::Tcp(tcp, expect) => {
            table.set("tcp", Value::Table(probes::tcp(tcp)));
            probes::tcp_expect(expect)
        }
        Action::Udp(udp, expect) => {
            table.set("udp", Value::Table(probes::udp(udp, expect)));
            probes::echo_expect(expect)
        }
        Action::Run(run, expect) => {
            table.set("run", Value::Table(self::run(run)));
            run_expect(expect)
        }
        Action::Look(spot, expect) => {
            table.set("look", Value::text(spot));
            look_expect(expect)
        }
        Action::Reach(reach) => {
            table.set("reach", self::reach(reach));
            Table::default()
        }
        Action::Add(addition) => {
            addition.nodes.iter().for_each(|node| bridges.add(node));
            table.set("add", Value::Table(self::addition(addition, bridges)));
            Table::default()
        }
        Action::Remove(removed) => {
            let removed = removed.iter().map(|one| self::removed(one, bridges)).collect();
            table.set("remove", Value::OneOrMany(removed));
            Table::default()
        }
    };
    packets::packets(&step.packets, &mut expect);
    table.set_table("expect", expect);
    table
}

fn addition(addition: &Addition, bridges: &Bridges) -> Table {
    let mut table = Table::default();
    let mut nodes = Table::default();
    for node in &addition.nodes {
        nodes.add(node.name.as_str(), Value::Table(network::node(node)));
    }
    table.set_table("node", nodes);
    let links = addition.links.iter().map(|link| Value::Table(super::link(link, bridges)));
    table.set_many("link", links.collect());
    let taps = addition.taps.iter().map(|tap| Value::Table(super::tap(tap, bridges)));
    table.set_many("tap", taps.collect());
    let wires = addition.wires.iter().map(|wire| Value::Table(super::wire(wire)));
    table.set_many("wire", wires.collect());
    table
}

fn removed(removed: &Removed, bridges: &mut Bridges) -> Value {
    match removed {
        Removed::Spot(spot) => {
            bridges.remove(spot);
            Value::text(spot)
        }
        Removed::Wire(place) => {
            let mut table = Table::default();
            table.set("wire", Value::text(place));
            Value::Table(table)
        }
    }
}

/// Puts changes of one place together in one table, as long as the order in which the table is
/// read again (by rank) is the order in which they are.
fn change_tables(changes: &[Change]) -> Vec<Table> {
    let mut tables = Vec::new();
    let mut current: Option<Together> = None;
    for change in changes {
        let Entry { at, rank, key, value } = entry(change);
        if !current.as_ref().is_some_and(|together| together.takes(&at, rank, &value)) {
            tables.extend(current.take().map(|together| together.table));
        }
        let together = current.get_or_insert_with(|| {
            let mut table = Table::default();
            table.set("at", Value::text(&at));
            Together { at, rank, table, names: HashSet::new() }
        });
        together.rank = rank;
        match value {
            Said::Once(value) => together.table.set(key, value),
            Said::OfMany(value) => together.table.push(key, value),
            Said::Under(name, value) => {
                together.table.table(key).add(&name, value);
                together.names.insert(name);
            }
        }
    }
    tables.extend(current.map(|together| together.table));
    tables
}

/// Changes that stand in one table.
struct Together {
    at: String,
    /// That of the last one.
    rank: u8,
    table: Table,
    /// The names under the key that has a table.
    names: HashSet<String>,
}

impl Together {
    fn takes(&self, at: &str, rank: u8, value: &Said) -> bool {
        let in_order = match value {
            Said::Once(_) => rank > self.rank,
            Said::OfMany(_) => rank >= self.rank,
            Said::Under(name, _) => rank >= self.rank && !self.names.contains(name),
        };
        self.at == at && in_order && self.rank > RANK_MOVE
    }
}

/// One change as it stands in the table of its place.
struct Entry {
    at: String,
    /// When it is done among those of one table.
    rank: u8,
    key: &'static str,
    value: Said,
}

enum Said {
    /// The key's only value.
    Once(Value),
    /// One more value of the key.
    OfMany(Value),
    /// A value in the table under the key.
    Under(String, Value),
}

/// The rank of a move, which shares its table with nothing.
const RANK_MOVE: u8 = 0;

fn entry(change: &Change) -> Entry {
    use Said::{OfMany, Once, Under};
    let at_place =
        |place: &Place, rank, key, value| Entry { at: place.to_string(), rank, key, value };
    let at_node =
        |node: &NodeName, rank, key, value| Entry { at: node.to_string(), rank, key, value };
    match change {
        Change::Move { at, to } => at_place(at, RANK_MOVE, "move", Once(Value::text(to))),
        Change::Mac(at, mac) => at_place(at, 1, "mac", Once(Value::text(mac))),
        Change::Mtu(at, mtu) => at_place(at, 2, "mtu", Once(Value::bare(mtu))),
        Change::Master(at, bridge) => {
            at_place(at, 3, "master", Once(network::master(bridge.as_ref())))
        }
        Change::Port(at, port) => at_place(at, 4, "port", Once(Value::Table(network::port(port)))),
        Change::InterfaceSysctl(at, sysctl) => {
            at_place(at, 5, "sysctl", Under(sysctl.key(), network::sysctl_value(&sysctl.value)))
        }
        Change::DelAddress(at, ip) => at_place(at, 6, "del_ip", OfMany(Value::text(ip))),
        Change::AddAddress(at, ip) => at_place(at, 7, "add_ip", OfMany(Value::text(ip))),
        Change::Up(at, up) => at_place(at, 8, "up", Once(Value::bare(up))),
        Change::Sysctl(at, sysctl) => {
            let value = network::sysctl_value(&sysctl.value);
            at_node(at, 1, "sysctl", Under(sysctl.key.to_string(), value))
        }
        Change::DelRule(at, rule) => {
            at_node(at, 2, "del_rule", OfMany(Value::Table(network::rule(rule))))
        }
        Change::DelRoute(at, route) => {
            at_node(at, 3, "del_route", OfMany(Value::Table(network::route(route))))
        }
        Change::DelNeighbour(at, NeighbourKey { dev, to }) => {
            let mut key = Table::default();
            key.set("dev", Value::text(dev));
            key.set("to", Value::text(to));
            at_node(at, 4, "del_neigh", OfMany(Value::Table(key)))
        }
        Change::AddNeighbour(at, neighbour) => {
            at_node(at, 5, "add_neigh", OfMany(Value::Table(network::neighbour(neighbour))))
        }
        Change::AddRoute(at, route) => {
            at_node(at, 6, "add_route", OfMany(Value::Table(network::route(route))))
        }
        Change::AddRule(at, rule) => {
            at_node(at, 7, "add_rule", OfMany(Value::Table(network::rule(rule))))
        }
        Change::Firewall(at, firewall) => {
            at_node(at, 8, "firewall", Once(Value::Table(network::firewall(firewall))))
        }
    }
}

fn run(run: &Run) -> Table {
    let mut table = Table::default();
    table.set("at", Value::text(&run.at));
    table.set("cmd", network::program(&run.program));
    if run.timeout != Run::TIMEOUT {
        table.set("timeout", Value::text(run.timeout));
    }
    table
}

fn run_expect(expect: &RunExpect) -> Table {
    let mut table = Table::default();
    table.set_some("exit", expect.exit.map(Value::bare));
    table.set_some("stdout", expect.stdout.as_ref().map(text));
    table.set_some("stderr", expect.stderr.as_ref().map(text));
    table
}

/// The text alone where it only has to be contained.
pub(super) fn text(expect: &TextExpect) -> Value {
    if let TextExpect { is: None, has, lacks } = expect
        && let ([only], []) = (&has[..], &lacks[..])
    {
        return Value::text(only);
    }
    let mut table = Table::default();
    table.set_some("is", expect.is.clone().map(Value::Prose));
    table.set_many("has", Value::texts(&expect.has));
    table.set_many("lacks", Value::texts(&expect.lacks));
    Value::Table(table)
}

fn look_expect(expect: &LookExpect) -> Table {
    let mut table = Table::default();
    table.set_some("up", expect.up.map(Value::bare));
    table.set_some("carrier", expect.carrier.map(Value::bare));
    table.set_some("mtu", expect.mtu.map(Value::bare));
    table.set_some("mac", expect.mac.map(Value::text));
    table.set_some("master", expect.master.as_ref().map(Value::text));
    let addresses = expect.addresses.as_ref();
    table.set_some("ip", addresses.map(|all| Value::OneOrMany(Value::texts(all))));
    let interfaces = expect.interfaces.as_ref();
    table.set_some("interface", interfaces.map(|all| Value::OneOrMany(Value::texts(all))));
    table.set_table("has", facts(&expect.has));
    table.set_table("lacks", facts(&expect.lacks));
    table
}

fn facts(facts: &Facts) -> Table {
    let mut table = Table::default();
    table.set_many("interface", Value::texts(&facts.interfaces));
    table.set_many("ip", Value::texts(&facts.addresses));
    let tables = |tables: Vec<Table>| tables.into_iter().map(Value::Table).collect();
    table.set_many("route", tables(facts.routes.iter().map(network::route).collect()));
    table.set_many("rule", tables(facts.rules.iter().map(network::rule).collect()));
    table.set_many("neigh", tables(facts.neighbours.iter().map(network::neighbour).collect()));
    table.set_table("sysctl", network::sysctls(&facts.sysctls));
    table.set_many("table", Value::texts(&facts.tables));
    table.set_many("learned", Value::texts(&facts.learned));
    table
}

/// How long is waited for answers where nothing is said.
const REACH_TIMEOUT: Span = Ping::TIMEOUT;

fn reach(reach: &Reach) -> Value {
    let names = |names: &[NodeName]| Value::List(Value::texts(names));
    let groups = Value::List(reach.groups.iter().map(|group| names(group)).collect());
    let mut table = Table::default();
    if !reach.groups.is_empty() || (reach.also.is_empty() && reach.among.is_none()) {
        table.set("groups", groups);
    }
    if !reach.also.is_empty() {
        let pair = |(a, b): &(NodeName, NodeName)| Value::List(Value::texts([a, b]));
        table.set("also", Value::List(reach.also.iter().map(pair).collect()));
    }
    table.set_some("among", reach.among.as_ref().map(|among| names(among)));
    table.set_some("family", reach.family.map(Family::as_str).map(Value::text));
    if reach.timeout != REACH_TIMEOUT {
        table.set("timeout", Value::text(reach.timeout));
    }
    let short = table.only("groups").cloned();
    short.unwrap_or(Value::Table(table))
}
