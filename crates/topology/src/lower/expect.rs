//! What is expected of steps.

use super::interfaces::interface_sysctl;
use super::{node_sysctl, packets, routing};
use crate::diagnostic::{Collector, Diagnostic};
use crate::file::{
    At, ExpectKeys, FactsKeys, Field, HopWord, List, Text, TextKeys, TextWord, each, named, whole,
};
use crate::model::{
    EchoExpect, Facts, HopExpect, IfName, LookExpect, RunExpect, Spot, TcpExpect, TextExpect,
    TracerouteExpect,
};

/// Where the words of an expectation are.
pub(crate) struct ExpectMarks<'k> {
    pub keys: Option<&'k ExpectKeys>,
}

/// What a step does, for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    Change,
    Add,
    Remove,
    Ping,
    Traceroute,
    Tcp,
    Udp,
    Run,
    Look,
    Reach,
}

impl Doing {
    fn owns(self) -> &'static [&'static str] {
        match self {
            Self::Change | Self::Add | Self::Remove | Self::Reach => &[],
            Self::Ping | Self::Udp => &["received", "lost", "reachable", "told"],
            Self::Traceroute => &["hops", "reachable", "told"],
            Self::Tcp => &["connected", "said", "told"],
            Self::Run => &["exit", "stdout", "stderr"],
            Self::Look => {
                &["up", "carrier", "mtu", "mac", "master", "ip", "interface", "has", "lacks"]
            }
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Self::Change => "a change",
            Self::Add => "an addition",
            Self::Remove => "a removal",
            Self::Ping => "a ping",
            Self::Traceroute => "a traceroute",
            Self::Tcp => "a tcp connection",
            Self::Udp => "a udp echo",
            Self::Run => "a command",
            Self::Look => "a look",
            Self::Reach => "a reach",
        }
    }

    fn verb(self) -> &'static str {
        match self {
            Self::Change => "changes the lab",
            Self::Add => "adds to the lab",
            Self::Remove => "removes something",
            Self::Ping => "sends a ping",
            Self::Traceroute => "sends a traceroute",
            Self::Tcp => "opens a tcp connection",
            Self::Udp => "sends a udp echo",
            Self::Run => "runs a command",
            Self::Look => "looks at something",
            Self::Reach => "finds out who reaches whom",
        }
    }

    fn can_be_expected(self) -> String {
        let own: Vec<String> = self.owns().iter().map(|key| format!("`{key}`")).collect();
        match self {
            Self::Reach => "`groups` and `also` already say what is expected, but for packets: \
                            `seen`, `unseen`"
                .to_owned(),
            _ if own.is_empty() => format!(
                "of {} only packets can be expected, `seen` and `unseen`: write the expectation in \
                 a step of its own, such as `look`",
                self.noun()
            ),
            _ => format!(
                "of {} can be expected: {}, and packets: `seen`, `unseen`",
                self.noun(),
                own.join(", ")
            ),
        }
    }
}

/// Reports the expectations that belong to other things than what the step does.
pub(super) fn check_keys(expect: &At<ExpectKeys>, doing: Doing, to: &mut Collector<'_>) {
    for (name, place) in expect.said() {
        if doing.owns().contains(&name) || packets::KEYS.contains(&name) {
            continue;
        }
        let owners: Vec<&str> =
            [Doing::Ping, Doing::Traceroute, Doing::Tcp, Doing::Udp, Doing::Run, Doing::Look]
                .into_iter()
                .filter(|other| other.owns().contains(&name))
                .map(Doing::noun)
                .collect();
        let title = format!("`{name}` belongs to {}; this step {}", either(&owners), doing.verb());
        to.push(Diagnostic::new(place, title).help(doing.can_be_expected()));
    }
}

/// `a`, `b` or `c`.
fn either(nouns: &[&str]) -> String {
    match nouns {
        [init @ .., last] if !init.is_empty() => format!("{} or {last}", init.join(", ")),
        nouns => nouns.concat(),
    }
}

pub(super) fn echo(keys: &ExpectKeys) -> EchoExpect {
    EchoExpect {
        received: keys.received.value().map(|count| count.0 as u16),
        lost: keys.lost.value().map(|count| count.0 as u16),
        reachable: keys.reachable.value(),
        told: keys.told.value(),
    }
}

pub(super) fn traceroute(keys: &ExpectKeys) -> TracerouteExpect {
    let hop = |hop: &At<HopWord>| match &hop.value {
        HopWord::Silent => HopExpect::Silent,
        HopWord::OneOf(all) => {
            HopExpect::OneOf(all.iter().map(|aim| aim.value.0.clone()).collect())
        }
    };
    TracerouteExpect {
        hops: keys.hops.key().map(|_| each(&keys.hops).iter().map(hop).collect()),
        reachable: keys.reachable.value(),
        told: keys.told.value(),
    }
}

pub(super) fn tcp(keys: &ExpectKeys) -> TcpExpect {
    TcpExpect { connected: keys.connected.value(), said: text(&keys.said), told: keys.told.value() }
}

pub(super) fn run(keys: &ExpectKeys) -> RunExpect {
    RunExpect {
        exit: keys.exit.value().map(|exit| exit.0 as i32),
        stdout: text(&keys.stdout),
        stderr: text(&keys.stderr),
    }
}

fn text(field: &Field<TextWord>) -> Option<TextExpect> {
    let TextKeys { is, has, lacks } = &field.get()?.value.0;
    let texts =
        |list: &Field<List<Text>>| each(list).iter().map(|text| text.value.0.clone()).collect();
    Some(TextExpect { is: is.value().map(|text| text.0), has: texts(has), lacks: texts(lacks) })
}

/// Whether nothing at all is expected, nor meant to be: `{}`, `{ has = {} }`, `{ lacks = { ip = [] } }`.
pub(super) fn says_nothing(keys: &ExpectKeys) -> bool {
    fn none<T>(field: &Field<List<T>>) -> bool {
        each(field).is_empty() && whole(field)
    }
    let no_facts = |field: &Field<FactsKeys>| match field {
        Field::Absent => true,
        Field::Bad(_) => false,
        Field::Is(_, facts) => {
            let FactsKeys { interface, ip, route, rule, neigh, sysctl, table, learned } =
                &facts.value;
            none(interface)
                && none(ip)
                && none(route)
                && none(rule)
                && none(neigh)
                && none(table)
                && none(learned)
                && !sysctl.is_bad()
                && sysctl.get().is_none_or(|all| all.value.items.is_empty() && all.value.whole)
        }
    };
    let own = |name: &&str| !packets::KEYS.contains(name);
    let mut said = keys.said().into_iter().map(|(name, _)| name).filter(own);
    said.all(|name| matches!(name, "has" | "lacks")) && no_facts(&keys.has) && no_facts(&keys.lacks)
}

pub(super) fn look(at: &Spot, keys: &ExpectKeys, to: &mut Collector<'_>) -> LookExpect {
    match &at.interface {
        None => {
            let only_interface = [
                ("up", keys.up.key()),
                ("carrier", keys.carrier.key()),
                ("mtu", keys.mtu.key()),
                ("mac", keys.mac.key()),
                ("master", keys.master.key()),
                ("ip", keys.ip.key()),
            ];
            for (name, place) in only_interface {
                if let Some(place) = place {
                    let title =
                        format!("`{name}` belongs to an interface; the step looks at a node");
                    let help = format!("look at \"{}:INTERFACE\"", at.node);
                    to.push(Diagnostic::new(place, title).help(help));
                }
            }
        }
        Some(interface) => {
            if let Some(place) = keys.interface.key() {
                let title = "`interface` belongs to a node; the step looks at an interface";
                let help = format!("look at \"{}\", without `:{interface}`", at.node);
                to.push(Diagnostic::new(place, title).help(help));
            }
        }
    }
    let interface = at.interface.as_ref();
    LookExpect {
        up: keys.up.value(),
        carrier: keys.carrier.value(),
        mtu: keys.mtu.value().map(|mtu| mtu.0 as u32),
        mac: keys.mac.value(),
        master: keys.master.value(),
        addresses: keys.ip.get().map(|_| each(&keys.ip).iter().map(|ip| ip.value.0).collect()),
        interfaces: keys
            .interface
            .get()
            .map(|_| each(&keys.interface).iter().map(|name| name.value.clone()).collect()),
        has: keys.has.get().map(|keys| facts(keys, interface, to)).unwrap_or_default(),
        lacks: keys.lacks.get().map(|keys| facts(keys, interface, to)).unwrap_or_default(),
    }
}

fn facts(keys: &FactsKeys, interface: Option<&IfName>, to: &mut Collector<'_>) -> Facts {
    let sysctls = named(&keys.sysctl).iter().filter_map(|(key, value)| {
        let of_interface = interface.filter(|_| key.value.0.starts_with("ipv"));
        match of_interface {
            Some(interface) => interface_sysctl(key, value, to).map(|knob| knob.of(interface)),
            None => node_sysctl(key, value, to),
        }
    });
    let sysctls = sysctls.collect();
    for table in each(&keys.table) {
        let words: Vec<&str> = table.value.0.split_whitespace().collect();
        let families = ["ip", "ip6", "inet", "arp", "bridge", "netdev"];
        if !matches!(words[..], [family, _] if families.contains(&family)) {
            let title = "an nftables table is a family and a name";
            let help = "write \"inet demo\"; families are ip, ip6, inet, arp, bridge, netdev";
            to.push(Diagnostic::new(table.span.clone(), title).help(help));
        }
    }
    Facts {
        interfaces: each(&keys.interface).iter().map(|name| name.value.clone()).collect(),
        addresses: each(&keys.ip).iter().map(|ip| ip.value.0).collect(),
        routes: each(&keys.route).iter().filter_map(|keys| routing::route(keys, to)).collect(),
        rules: each(&keys.rule).iter().filter_map(|keys| routing::rule(keys, to)).collect(),
        neighbours: each(&keys.neigh).iter().filter_map(routing::neighbour).collect(),
        sysctls,
        tables: each(&keys.table).iter().map(|table| table.value.0.clone()).collect(),
        learned: each(&keys.learned).iter().map(|place| place.value.clone()).collect(),
    }
}
