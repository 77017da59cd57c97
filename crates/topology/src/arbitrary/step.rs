//! What runs: listeners, commands, and steps of every kind. A command never does anything
//! (`true` with hard arguments), in case somebody does run such a lab.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::changes::Changes;
use super::packets::{self, PacketsRecipe};
use super::parts::{self, Parts};
use super::{NodeRecipe, line, pick, text};
use crate::model::*;

#[derive(Debug, Clone)]
pub(super) struct CommandRecipe {
    program: ProgramRecipe,
    ready: u8,
    line: String,
    timeout: Option<u16>,
    restart: u8,
    stop: Option<u16>,
}

#[derive(Debug, Clone)]
struct ProgramRecipe {
    shell: bool,
    arguments: Vec<String>,
}

fn program_recipe() -> impl Strategy<Value = ProgramRecipe> {
    (any::<bool>(), vec(text(), 0..4))
        .prop_map(|(shell, arguments)| ProgramRecipe { shell, arguments })
}

impl ProgramRecipe {
    fn cook(&self) -> Program {
        if self.shell {
            let quoted = |word: &String| format!(" '{}'", word.replace('\'', r"'\''"));
            let words: String = self.arguments.iter().map(quoted).collect();
            return Program::Shell(format!("true{words}"));
        }
        let program = std::iter::once("true".to_owned());
        Program::Argv(program.chain(self.arguments.iter().cloned()).collect())
    }
}

pub(super) fn command_recipe() -> impl Strategy<Value = CommandRecipe> {
    (program_recipe(), any::<u8>(), line(), of(1u16..), any::<u8>(), of(any::<u16>())).prop_map(
        |(program, ready, line, timeout, restart, stop)| CommandRecipe {
            program,
            ready,
            line,
            timeout,
            restart,
            stop,
        },
    )
}

pub(super) fn milliseconds(n: u16) -> Span {
    Span(Duration::from_millis(n.into()))
}

pub(super) fn fill_node(node: &mut Node, wanted: &NodeRecipe) {
    for (port, say) in &wanted.listeners {
        let listener = match port % 3 {
            0 => Listener::Udp { port: *port },
            _ => Listener::Tcp { port: *port, say: say.clone() },
        };
        if node.listeners.iter().all(|there| there.key() != listener.key()) {
            node.listeners.push(listener);
        }
    }
    for (number, wanted) in wanted.commands.iter().enumerate() {
        let name = format!("run-{number}").parse().expect("it is a name");
        let ready = match wanted.ready % 5 {
            0 => None,
            1 => Some(Ready::Tcp(u16::from(wanted.ready) + 1)),
            2 => Some(Ready::Line(wanted.line.clone())),
            3 => Some(Ready::File(format!("/tmp/{}", wanted.line))),
            _ => Some(Ready::Exit),
        };
        let timeout = wanted.timeout.filter(|_| ready.is_some()).map(milliseconds);
        let timeout = timeout.unwrap_or(READY_TIMEOUT);
        let restart = match wanted.restart % 3 {
            0 => Restart::Never,
            2 if ready != Some(Ready::Exit) => Restart::Always,
            _ => Restart::OnFailure,
        };
        node.commands.push(Command {
            name,
            program: wanted.program.cook(),
            ready,
            timeout,
            restart,
            stop: wanted.stop.map_or(STOP_TIMEOUT, milliseconds),
        });
    }
}

#[derive(Debug, Clone)]
pub(super) struct StepRecipe {
    about: String,
    kind: u8,
    pub(super) picks: [u8; 6],
    pub(super) number: Option<u16>,
    pub(super) switches: [bool; 4],
    texts: Vec<String>,
    program: ProgramRecipe,
    packets: Option<PacketsRecipe>,
}

pub(super) fn recipe() -> impl Strategy<Value = StepRecipe> {
    (
        text(),
        any::<u8>(),
        any::<[u8; 6]>(),
        of(1u16..),
        any::<[bool; 4]>(),
        vec(text(), 0..4),
        program_recipe(),
        of(packets::recipe()),
    )
        .prop_map(|(about, kind, picks, number, switches, texts, program, packets)| {
            StepRecipe { about, kind, picks, number, switches, texts, program, packets }
        })
}

pub(super) fn cook(recipes: &[StepRecipe], lab: &Topology, may_tap: bool) -> Vec<LabStep> {
    let mut changes = Changes::of(lab);
    let mut parts = Parts::default();
    let mut steps = Vec::new();
    for wanted in recipes {
        let action = match wanted.kind % 10 {
            0 => changes.take(&wanted.picks).map(Action::Change),
            1 => wanted.run(lab),
            2 => wanted.look(lab),
            3 if wanted.switches[3] => wanted.udp(lab),
            3 => wanted.tcp(lab),
            5 => wanted.traceroute(lab),
            4 => wanted.reach(lab),
            7 | 8 if parts.is_empty() || wanted.kind % 10 == 7 => {
                Some(Action::Add(parts.add(&wanted.picks, &wanted.switches, lab, may_tap)))
            }
            8 | 9 => parts.remove(&wanted.picks, lab).map(Action::Remove),
            _ => wanted.ping(lab, changes.is_untouched()),
        };
        let packets = || wanted.packets.as_ref().map(|packets| packets.cook(lab));
        steps.extend(action.map(|action| LabStep {
            about: wanted.about.clone(),
            action,
            packets: packets().unwrap_or_default(),
        }));
    }
    // Once an interface is elsewhere, nothing more is said of it.
    if let (Some(last), Some(change)) = (recipes.last(), a_move(lab))
        && last.switches[0]
        && changes.is_untouched()
    {
        steps.push(plain(Action::Change(vec![change])));
    }
    if let Some(last) = recipes.last().filter(|last| last.switches[1]) {
        let actions = parts::last(lab, last.picks[0], last.switches[2]);
        steps.extend(actions.into_iter().map(plain));
    }
    steps
}

fn plain(action: Action) -> LabStep {
    LabStep { about: String::new(), action, packets: PacketExpect::default() }
}

/// A plain end of a link goes to another node: names are unique in a random lab, but for `br0`.
fn a_move(lab: &Topology) -> Option<Change> {
    let free = |link: &&Link| link.a.master.is_none();
    let at = lab.links.iter().find(free)?.a.place.clone();
    let to = lab.nodes.iter().find(|node| node.name != at.node)?.name.clone();
    Some(Change::Move { at, to })
}

pub(super) fn addresses<'l>(
    lab: &'l Topology,
    node: &'l NodeName,
) -> impl Iterator<Item = IpAddr> + 'l {
    lab.interfaces_of(node).flat_map(|interface| &interface.addresses).map(IpNet::addr)
}

impl StepRecipe {
    pub(super) fn node<'l>(&self, lab: &'l Topology, which: usize) -> &'l Node {
        pick(&lab.nodes, self.picks[which]).expect("a lab has a node")
    }

    pub(super) fn text(&self) -> Option<TextExpect> {
        let texts: Vec<String> = self.texts.iter().filter(|t| !t.is_empty()).cloned().collect();
        let mut expect = TextExpect::default();
        match (&texts[..], self.switches[1]) {
            ([], _) => return None,
            ([only], true) => expect.is = Some(only.trim().to_owned()),
            ([has @ .., lacked], true) if !has.contains(lacked) => {
                expect.has = has.to_vec();
                expect.lacks = vec![lacked.clone()];
            }
            (has, _) => expect.has = has.to_vec(),
        }
        Some(expect)
    }

    fn run(&self, lab: &Topology) -> Option<Action> {
        let run = Run {
            at: self.node(lab, 0).name.clone(),
            program: self.program.cook(),
            timeout: self.number.map_or(Run::TIMEOUT, milliseconds),
        };
        let mut expect = RunExpect {
            exit: self.switches[0].then_some(self.picks[1].into()),
            ..RunExpect::default()
        };
        if self.switches[2] {
            expect.stdout = self.text();
        } else {
            expect.stderr = self.text();
        }
        Some(Action::Run(run, expect))
    }

    fn look(&self, lab: &Topology) -> Option<Action> {
        let node = self.node(lab, 0);
        let interfaces: Vec<&Interface> = lab.interfaces_of(&node.name).collect();
        let interface = pick(&interfaces, self.picks[1]).filter(|_| self.switches[0]);
        let spot = Spot {
            node: node.name.clone(),
            interface: interface.map(|interface| interface.place.interface.clone()),
        };
        let mut expect = LookExpect::default();
        if let Some(interface) = interface {
            expect.up = self.switches[1].then_some(interface.up);
            expect.carrier = self.switches[2].then_some(true);
            expect.mtu = interface.mtu;
            expect.mac = interface.mac;
            expect.master = interface.master.clone();
            expect.addresses = Some(interface.addresses.clone());
            expect.has.addresses = interface.addresses.iter().take(1).copied().collect();
        } else {
            let names = || interfaces.iter().map(|i| i.place.interface.clone());
            expect.interfaces = Some(names().collect());
            expect.has = Facts {
                interfaces: names().take(1).collect(),
                addresses: interfaces.iter().flat_map(|i| i.addresses.iter().copied()).collect(),
                routes: node.routes.clone(),
                rules: node.rules.clone(),
                neighbours: node.neighbours.clone(),
                sysctls: node.sysctls.clone(),
                tables: Vec::new(),
                learned: Vec::new(),
            };
            expect.lacks.interfaces = vec!["none".parse().expect("it is a name")];
            expect.lacks.tables = vec![format!("inet {FIREWALL_TABLE}")];
        }
        Some(Action::Look(spot, expect))
    }

    fn reach(&self, lab: &Topology) -> Option<Action> {
        let family = if self.switches[0] { Family::Ipv6 } else { Family::Ipv4 };
        let able: Vec<NodeName> = lab
            .nodes
            .iter()
            .map(|node| node.name.clone())
            .filter(|name| addresses(lab, name).any(|a| Family::of(a) == family))
            .collect();
        if able.len() < 2 {
            return None;
        }
        let (first, second) = able.split_at(1 + usize::from(self.picks[0]) % (able.len() - 1));
        let mut reach = Reach {
            groups: vec![first.to_vec()],
            also: Vec::new(),
            among: None,
            family: (family == Family::Ipv6 || self.switches[1]).then_some(family),
            timeout: self.number.map_or(Ping::TIMEOUT, milliseconds),
        };
        match self.picks[1] % 3 {
            0 => reach.groups.push(second.to_vec()),
            1 => reach.also = vec![(first[0].clone(), second[0].clone())],
            _ => reach.among = Some(able.clone()),
        }
        Some(Action::Reach(reach))
    }
}
