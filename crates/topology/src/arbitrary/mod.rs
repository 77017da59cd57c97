//! Random labs for property tests (feature `arbitrary`).
//!
//! A lab is made in two movements. A *recipe*, drawn by proptest, says what is wanted: so many
//! nodes, a link between the third and the first, a route, an address of this family. *Cooking*
//! turns it, without chance, into a lab that is valid by construction: names are made unique,
//! addresses come from the subnet of their segment, a gateway is a neighbour, no two bridges are
//! joined twice. So what proptest shrinks is the recipe, and each shrunk lab is valid again.
//!
//! The kernel accepts every such lab: a route leaves by an interface that is up, an IPv6 address
//! is on one whose MTU allows it, a sysctl is one that each network namespace has, also inside a
//! user namespace.

mod changes;
mod cook;
mod firewall;
mod interface;
mod packets;
mod parts;
mod probe;
mod routing;
mod step;
mod text;

pub use text::{line, text};

use proptest::collection::vec;
use proptest::prelude::*;

use crate::model::Topology;

/// What random labs may have, besides nodes, links, bridges, addresses, routes, rules, sysctls
/// and neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Config {
    /// TUN/TAP devices, and wires between them: `/dev/net/tun` is needed to build them.
    pub taps: bool,
    /// The short words of the firewall.
    pub firewall: bool,
    /// Free nftables rulesets: the `nft` program is needed to load them.
    pub rulesets: bool,
    /// Listeners, commands and steps. The commands do nothing when run; what the steps expect
    /// need not come about.
    pub steps: bool,
}

impl Config {
    /// Everything that a lab can have.
    pub const ALL: Self = Self { taps: true, firewall: true, rulesets: true, steps: true };
}

/// Valid labs of up to six nodes that the kernel can build.
pub fn topology(config: Config) -> impl Strategy<Value = Topology> {
    recipe(config).prop_map(move |recipe| cook::lab(&recipe))
}

/// What is wanted of a lab.
#[derive(Debug, Clone)]
struct Recipe {
    name: u8,
    about: String,
    nodes: Vec<NodeRecipe>,
    links: Vec<(EndRecipe, EndRecipe)>,
    taps: Vec<TapRecipe>,
    steps: Vec<step::StepRecipe>,
    /// Whether steps may add TUN/TAP devices.
    may_tap: bool,
}

#[derive(Debug, Clone)]
struct TapRecipe {
    end: EndRecipe,
    tun: bool,
    /// Whether a wire joins it to one before it, where there is one that can be joined to it.
    wired: bool,
}

#[derive(Debug, Clone)]
struct NodeRecipe {
    name: u8,
    kind: u8,
    lo: bool,
    bridges: Vec<interface::BridgeRecipe>,
    sysctls: Vec<(u8, u8)>,
    routes: Vec<routing::RouteRecipe>,
    rules: Vec<routing::RuleRecipe>,
    neighbours: Vec<(u8, bool)>,
    firewall: Option<firewall::FirewallRecipe>,
    listeners: Vec<(u16, String)>,
    commands: Vec<step::CommandRecipe>,
}

#[derive(Debug, Clone)]
struct EndRecipe {
    node: u8,
    name: u8,
    /// Which bridge of the node it is a port of, where it may be; every fourth of none.
    master: u8,
    interface: interface::InterfaceRecipe,
}

fn recipe(config: Config) -> impl Strategy<Value = Recipe> {
    (
        any::<u8>(),
        text(),
        vec(node(config), 1..=6),
        vec((end(), end()), 0..=8),
        vec(tap(), if config.taps { 0..=4 } else { 0..=0 }),
        vec(step::recipe(), if config.steps { 0..=5 } else { 0..=0 }),
    )
        .prop_map(move |(name, about, nodes, links, taps, steps)| Recipe {
            may_tap: config.taps,
            name,
            about,
            nodes,
            links,
            taps,
            steps,
        })
}

fn node(config: Config) -> impl Strategy<Value = NodeRecipe> {
    let words = if config.firewall || config.rulesets {
        proptest::option::of(firewall::recipe(config)).boxed()
    } else {
        Just(None).boxed()
    };
    let runs = if config.steps { 0..=2 } else { 0..=0 };
    (
        (any::<u8>(), any::<u8>(), prop::bool::weighted(0.9)),
        vec(interface::bridge_recipe(), 0..=2),
        vec((any::<u8>(), any::<u8>()), 0..=3),
        vec(routing::route_recipe(), 0..=4),
        vec(routing::rule_recipe(), 0..=3),
        vec((any::<u8>(), any::<bool>()), 0..=2),
        words,
        vec((1u16.., line()), runs.clone()),
        vec(step::command_recipe(), runs),
    )
        .prop_map(
            |(
                (name, kind, lo),
                bridges,
                sysctls,
                routes,
                rules,
                neighbours,
                firewall,
                listeners,
                commands,
            )| NodeRecipe {
                name,
                kind,
                lo,
                bridges,
                sysctls,
                routes,
                rules,
                neighbours,
                firewall,
                listeners,
                commands,
            },
        )
}

fn tap() -> impl Strategy<Value = TapRecipe> {
    (end(), prop::bool::weighted(0.3), prop::bool::weighted(0.7))
        .prop_map(|(end, tun, wired)| TapRecipe { end, tun, wired })
}

fn end() -> impl Strategy<Value = EndRecipe> {
    (any::<u8>(), any::<u8>(), any::<u8>(), interface::recipe())
        .prop_map(|(node, name, master, interface)| EndRecipe { node, name, master, interface })
}

/// The one of a list that a number picks; 0 picks the first, so shrinking goes there.
fn pick<T>(from: &[T], which: impl Into<usize>) -> Option<&T> {
    if from.is_empty() { None } else { from.get(which.into() % from.len()) }
}
