//! What takes a remedy back: the lab is then as it was.

use twinax_kernel::observe::What;
use twinax_kernel::{Error, Rtnl, nft};
use twinax_lab::{ask, observe};
use twinax_plan::{ObservedNode, found_route};
use twinax_topology::{Change, Neighbour, NodeName, Place, PortAttributes, Sysctl};

use super::{Op, Remedy};

impl Remedy {
    /// What takes it back, found out before it is carried out: in the sandbox of the calling process.
    pub fn inverse(&self) -> Result<Self, Error> {
        let mut back = Vec::new();
        for op in &self.ops {
            let ops: Vec<Op> = match op {
                Op::Change(change) => Self::of(of_change(change)?).ops,
                // It comes back when somebody asks for it.
                Op::Forget { .. } | Op::ForgetPath { .. } => Vec::new(),
                Op::DeleteRule { node, family, table, chain, index, .. } => {
                    let rules = ask::in_node(node, nft::rules::rules)?;
                    let of_chain = rules.into_iter().filter(|own| {
                        own.family == *family && own.table == *table && own.chain == *chain
                    });
                    let rule = of_chain.skip(*index).map(Box::new).next();
                    rule.map(|rule| Op::RestoreRule { node: node.clone(), rule })
                        .into_iter()
                        .collect()
                }
                Op::Entry { at, entry, there: true } => {
                    vec![Op::Entry { at: at.clone(), entry: *entry, there: false }]
                }
                Op::Entry { at, entry, there: false } => {
                    let all = ask::in_node(&at.node, || Rtnl::open()?.fdb(&at.device))?;
                    let gone = all.into_iter().filter(|own| {
                        own.is_set()
                            && own.mac == entry.mac
                            && own.to == entry.to
                            && (entry.vlan.is_none() || own.vlan == entry.vlan)
                    });
                    let back = |entry| Op::Entry { at: at.clone(), entry, there: true };
                    gone.map(back).collect()
                }
                Op::Route { node, words, route, there } => vec![Op::Route {
                    node: node.clone(),
                    words: words.clone(),
                    route: route.clone(),
                    there: !there,
                }],
                Op::IpsecPolicy { node, policy, there } => vec![Op::IpsecPolicy {
                    node: node.clone(),
                    policy: policy.clone(),
                    there: !there,
                }],
                Op::Arp { at, on } => vec![Op::Arp { at: at.clone(), on: !on }],
                // The state is the bridge's own affair.
                Op::RestoreRule { .. } | Op::Forward(_) => Vec::new(),
                Op::Policy { accept, .. } => {
                    let mut back = op.clone();
                    if let Op::Policy { accept: old, .. } = &mut back {
                        *old = !accept;
                    }
                    vec![back]
                }
            };
            back.push(ops);
        }
        Ok(Self { ops: back.into_iter().rev().flatten().collect() })
    }
}

fn look(node: &NodeName) -> Result<ObservedNode, Error> {
    let mut seen = observe::nodes(vec![node.clone()], &What::all())?.nodes;
    Ok(seen.pop().map(|(_, node)| node).unwrap_or_default())
}

fn of_change(change: &Change) -> Result<Vec<Change>, Error> {
    Ok(match change {
        Change::Up(place, on) => vec![Change::Up(place.clone(), !on)],
        Change::AddAddress(place, net) => vec![Change::DelAddress(place.clone(), *net)],
        Change::AddRoute(node, route) => vec![Change::DelRoute(node.clone(), route.clone())],
        Change::DelRoute(node, route) => vec![Change::AddRoute(node.clone(), route.clone())],
        Change::AddRule(node, rule) => vec![Change::DelRule(node.clone(), rule.clone())],
        Change::DelRule(node, rule) => vec![Change::AddRule(node.clone(), rule.clone())],
        Change::DelAddress(place, net) => {
            let mut back = vec![Change::AddAddress(place.clone(), *net)];
            // Routes by gateways in its subnet go with it.
            let seen = look(&place.node)?;
            let lost = seen.routes.iter().filter(|route| {
                route.dev.as_deref() == Some(place.interface.as_str())
                    && route.via.is_some_and(|via| net.contains(&via))
            });
            back.extend(
                lost.filter_map(|route| found_route(route).ok())
                    .map(|route| Change::AddRoute(place.node.clone(), route)),
            );
            back
        }
        Change::Mtu(place, _) => {
            let old = device(place)?.map(|link| link.mtu);
            old.map(|mtu| Change::Mtu(place.clone(), mtu)).into_iter().collect()
        }
        Change::Mac(place, _) => {
            let old = device(place)?.and_then(|link| link.mac);
            old.map(|mac| Change::Mac(place.clone(), mac)).into_iter().collect()
        }
        Change::Port(place, set) => {
            let old = device(place)?.map(|link| link.port).unwrap_or_default();
            let mut port = PortAttributes::default();
            for (key, _) in set.switches() {
                let was = old.get(key).map(|value| value == "on");
                match key {
                    "isolated" => port.isolated = was,
                    "flood" => port.flood = was,
                    "mcast_flood" => port.mcast_flood = was,
                    "bcast_flood" => port.bcast_flood = was,
                    "learning" => port.learning = was,
                    "hairpin" => port.hairpin = was,
                    "neigh_suppress" => port.neigh_suppress = was,
                    _ => {}
                }
            }
            vec![Change::Port(place.clone(), port)]
        }
        Change::InterfaceSysctl(place, own) => {
            sysctl(&place.node, &own.of(&place.interface))?.into_iter().collect()
        }
        Change::Sysctl(node, own) => sysctl(node, own)?.into_iter().collect(),
        Change::AddNeighbour(node, own) => {
            let key = twinax_topology::NeighbourKey { dev: own.dev.clone(), to: own.to };
            vec![Change::DelNeighbour(node.clone(), key)]
        }
        Change::DelNeighbour(node, key) => {
            let seen = look(node)?;
            let old = seen.neighbours.iter().find(|own| {
                own.dev == key.dev.as_str() && own.to == key.to && own.state == "PERMANENT"
            });
            let mac = old.and_then(|own| own.mac);
            let again = mac.map(|mac| Neighbour { dev: key.dev.clone(), to: key.to, mac });
            again.map(|own| Change::AddNeighbour(node.clone(), own)).into_iter().collect()
        }
        Change::Master(place, _) => {
            let old = device(place)?.and_then(|link| link.master?.parse().ok());
            vec![Change::Master(place.clone(), old)]
        }
        Change::Move { .. } | Change::Firewall(..) => Vec::new(),
    })
}

fn device(place: &Place) -> Result<Option<twinax_plan::ObservedLink>, Error> {
    Ok(look(&place.node)?.link(place.interface.as_str()).cloned())
}

fn sysctl(node: &NodeName, own: &Sysctl) -> Result<Option<Change>, Error> {
    let old = ask::sysctl(node, own.key.path())?;
    Ok(old.map(|value| Change::Sysctl(node.clone(), Sysctl { key: own.key.clone(), value })))
}
