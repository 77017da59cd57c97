//! Firewalls of short words, and small free rulesets.

use std::net::SocketAddr;

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::{Config, line, pick};
use crate::model::*;

#[derive(Debug, Clone)]
pub(super) struct FirewallRecipe {
    masquerade: Vec<u8>,
    policy: [u8; 3],
    filters: Vec<FilterRecipe>,
    dnat: Vec<(bool, bool, u16, u16, Option<u8>)>,
    ruleset: Option<u8>,
}

#[derive(Debug, Clone)]
struct FilterRecipe {
    chain: u8,
    verdict: u8,
    established: bool,
    interfaces: (Option<u8>, Option<u8>),
    v6: bool,
    nets: (bool, bool),
    protocol: u8,
    ports: (Option<u16>, Option<u16>),
    comment: Option<String>,
}

pub(super) fn recipe(config: Config) -> impl Strategy<Value = FirewallRecipe> {
    let words = if config.firewall { 0..=3 } else { 0..=0 };
    let policy = if config.firewall { any::<[u8; 3]>().boxed() } else { Just([2; 3]).boxed() };
    let ruleset = if config.rulesets { of(any::<u8>()).boxed() } else { Just(None).boxed() };
    let dnat = (any::<bool>(), any::<bool>(), 1u16.., 1u16.., of(any::<u8>()));
    (
        vec(any::<u8>(), words.clone()),
        policy,
        vec(filter(), words.clone()),
        vec(dnat, words),
        ruleset,
    )
        .prop_map(|(masquerade, policy, filters, dnat, ruleset)| FirewallRecipe {
            masquerade,
            policy,
            filters,
            dnat,
            ruleset,
        })
}

fn filter() -> impl Strategy<Value = FilterRecipe> {
    (
        (any::<u8>(), any::<u8>(), any::<bool>(), any::<u8>()),
        (of(any::<u8>()), of(any::<u8>())),
        any::<bool>(),
        any::<(bool, bool)>(),
        (of(1u16..), of(1u16..)),
        of(line()),
    )
        .prop_map(
            |((chain, verdict, established, protocol), interfaces, v6, nets, ports, comment)| {
                FilterRecipe {
                    chain,
                    verdict,
                    established,
                    interfaces,
                    v6,
                    nets,
                    protocol,
                    ports,
                    comment,
                }
            },
        )
}

pub(super) fn cook(recipe: &FirewallRecipe, lab: &Topology, node: usize) -> Firewall {
    let names: Vec<IfName> =
        lab.interfaces_of(&lab.nodes[node].name).map(|i| i.place.interface.clone()).collect();
    let mut firewall = Firewall::default();
    for name in recipe.masquerade.iter().filter_map(|&which| pick(&names, which)) {
        if !firewall.masquerade.contains(name) {
            firewall.masquerade.push(name.clone());
        }
    }
    let policy = |n: u8| match n % 3 {
        0 => Some(Verdict::Accept),
        1 => Some(Verdict::Drop),
        _ => None,
    };
    let [input, forward, output] = recipe.policy.map(policy);
    firewall.policy = Policies { input, forward, output };
    firewall.filters = recipe.filters.iter().map(|wanted| cook_filter(wanted, &names)).collect();
    for &(v6, udp, dport, to_port, iif) in &recipe.dnat {
        let address = if v6 { "fd00:0:9::9" } else { "10.9.9.9" };
        let dnat = Dnat {
            iif: iif.and_then(|which| pick(&names, which)).cloned(),
            protocol: if udp { Protocol::Udp } else { Protocol::Tcp },
            dport,
            to: SocketAddr::new(address.parse().expect("it is an address"), to_port),
        };
        firewall.dnat.push(dnat);
    }
    firewall.ruleset =
        recipe.ruleset.and_then(|which| pick(&RULESETS, which)).map(|&s| s.to_owned());
    firewall
}

const RULESETS: [&str; 3] = [
    "table ip demo {\n\tchain in {\n\t\ttype filter hook input priority 0; policy accept;\n\t}\n}\n",
    "add table inet other",
    "# \\ \"quoted\" 'both' ways\ntable ip6 six {\n}\n",
];

fn cook_filter(recipe: &FilterRecipe, names: &[IfName]) -> Filter {
    let chain = Chain::ALL[usize::from(recipe.chain) % 3];
    let verdict =
        [Verdict::Accept, Verdict::Drop, Verdict::Reject][usize::from(recipe.verdict) % 3];
    let mut filter = Filter::new(chain, verdict);
    filter.established = recipe.established;
    let interface = |which: Option<u8>| which.and_then(|which| pick(names, which)).cloned();
    if chain != Chain::Output {
        filter.iif = interface(recipe.interfaces.0);
    }
    if chain != Chain::Input {
        filter.oif = interface(recipe.interfaces.1);
    }
    let (from, to, icmp) = if recipe.v6 {
        ("fd00:1::/64", "fd00:2::5/128", Protocol::Icmpv6)
    } else {
        ("10.1.0.0/24", "10.2.0.5/32", Protocol::Icmp)
    };
    let net = |text: &str| text.parse().expect("it is a prefix");
    filter.from = recipe.nets.0.then(|| net(from));
    filter.to = recipe.nets.1.then(|| net(to));
    filter.protocol = match recipe.protocol % 4 {
        0 => Some(Protocol::Tcp),
        1 => Some(Protocol::Udp),
        2 => Some(icmp),
        _ => None,
    };
    if filter.protocol.is_some_and(Protocol::has_ports) {
        (filter.sport, filter.dport) = recipe.ports;
    }
    filter.comment =
        recipe.comment.as_ref().map(|comment| shortened(&comment.replace('"', ""), 120));
    filter
}

/// So many bytes of a text at most, not breaking a character.
fn shortened(text: &str, most: usize) -> String {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].trim_end().to_owned()
}
