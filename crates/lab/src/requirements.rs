//! What a lab needs that this machine lacks, found out before anything is made.
//!
//! It is on the way of every build, so it looks at files and limits and makes nothing: for a lab
//! without firewall or TAPs less than a millisecond. What can only be found out by trying is
//! `doctor`'s business; and where the machine does not say, the build itself finds out.

use std::fmt;

use serde::Serialize;
use twinax_kernel::capability::{self, Feature};
use twinax_topology::{Action, Change, Firewall, Route, Rule, Topology};

use crate::check::WATCHED;
use crate::{programs, remedy};

/// How many files a process of a lab has open at a time at most, however large the lab is: standard
/// streams, pipes, sockets, and the namespaces between which it is making links. One that watches a lab has
/// one more for each node.
pub const FILES: u64 = 128;

/// Something that a lab needs and this machine lacks. Displayed as one sentence that says what to
/// do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lack {
    /// What is lacking, and for what.
    pub lack: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.lack, self.remedy)
    }
}

/// What this lab needs and this machine lacks. Empty: nothing speaks against it.
pub fn lacks(lab: &Topology) -> Vec<Lack> {
    let needs = Needs::of(lab);
    let mut lacks = Vec::new();
    let mut add = |lack: String, remedy: String| lacks.push(Lack { lack, remedy });

    if !capability::may_make_namespaces()
        && let Some(trouble) = remedy::user_namespaces(&capability::user_namespaces())
    {
        add(format!("a lab needs a user namespace, but {}", trouble.what), trouble.remedy);
    }
    let limit = capability::open_files().hard;
    let files = FILES + needs.watched;
    if limit < files {
        let lack = format!("a lab needs {files} open files, and {limit} are allowed here");
        add(lack, format!("`sudo prlimit --pid $$ --nofile={files}` in this shell"));
    }
    // One more: the sandbox's own.
    let namespaces = needs.nodes + 1;
    if let Some(most) = capability::max_net_namespaces().filter(|&most| namespaces > most) {
        let nodes = nodes(needs.nodes);
        let lack = format!(
            "a lab of {nodes} needs {namespaces} network namespaces, and {most} are allowed here"
        );
        add(lack, format!("`sudo sysctl -w user.max_net_namespaces={namespaces}`"));
    }
    if needs.tap
        && let Some(trouble) = remedy::tun(capability::tun())
    {
        add(format!("the lab has TUN/TAP devices, but {}", trouble.what), trouble.remedy);
    }
    let mut feature = |is_needed: bool,
                       what: &str,
                       feature: Feature,
                       is_there: fn(Feature) -> bool| {
        if is_needed && !is_there(feature) {
            let remedy = remedy::feature(feature, capability::module(feature.module()));
            add(format!("the lab has {what}, but this kernel has no {}", feature.as_str()), remedy);
        }
    };
    let unless_denied = |feature: Feature| capability::module(feature.module()) != Some(false);
    feature(needs.link, "links", Feature::Veth, unless_denied);
    feature(needs.bridge, "bridges", Feature::Bridge, |_| capability::bridges());
    feature(needs.firewall, "firewalls", Feature::Nftables, unless_denied);
    if needs.ruleset && programs::find("nft").is_none() {
        let lack = "the lab has a free ruleset of nftables, but there is no program `nft`";
        add(lack.to_owned(), remedy::program("nft"));
    }
    if needs.ipv6 && !capability::ipv6() {
        add("the lab uses IPv6, but this kernel has none".to_owned(), remedy::IPV6.to_owned());
    }
    lacks
}

fn nodes(number: u64) -> String {
    if number == 1 { "1 node".to_owned() } else { format!("{number} nodes") }
}

/// What a lab needs of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Needs {
    nodes: u64,
    /// So many are watched at least, while a step expects packets.
    watched: u64,
    link: bool,
    tap: bool,
    bridge: bool,
    firewall: bool,
    ruleset: bool,
    ipv6: bool,
}

impl Needs {
    fn of(lab: &Topology) -> Self {
        let mut needs = Self {
            nodes: lab.nodes.len() as u64,
            link: !lab.links.is_empty(),
            tap: !lab.taps.is_empty(),
            ..Self::default()
        };
        for node in &lab.nodes {
            needs.bridge |= !node.bridges.is_empty();
            needs.firewall(&node.firewall);
            needs.ipv6 |= node.routes.iter().any(is_ipv6_route)
                || node.rules.iter().any(is_ipv6_rule)
                || node.neighbours.iter().any(|neighbour| neighbour.to.is_ipv6());
        }
        needs.ipv6 |= lab
            .interfaces()
            .any(|interface| interface.addresses.iter().any(|address| address.addr().is_ipv6()));
        if lab.steps.iter().any(|step| !step.packets.is_empty()) {
            needs.watched = needs.nodes.min(WATCHED);
        }
        for step in &lab.steps {
            match &step.action {
                Action::Change(changes) => changes.iter().for_each(|change| needs.change(change)),
                Action::Add(addition) => {
                    needs.link |= !addition.links.is_empty();
                    needs.tap |= !addition.taps.is_empty();
                }
                _ => {}
            }
        }
        needs
    }

    fn change(&mut self, change: &Change) {
        match change {
            Change::AddAddress(_, address) => self.ipv6 |= address.addr().is_ipv6(),
            Change::AddRoute(_, route) => self.ipv6 |= is_ipv6_route(route),
            Change::AddRule(_, rule) => self.ipv6 |= is_ipv6_rule(rule),
            Change::AddNeighbour(_, neighbour) => self.ipv6 |= neighbour.to.is_ipv6(),
            Change::Firewall(_, firewall) => self.firewall(firewall),
            _ => {}
        }
    }

    fn firewall(&mut self, firewall: &Firewall) {
        self.firewall |= !firewall.is_empty();
        self.ruleset |= firewall.ruleset.is_some();
    }
}

fn is_ipv6_route(route: &Route) -> bool {
    route.to.addr().is_ipv6()
}

fn is_ipv6_rule(rule: &Rule) -> bool {
    rule.family == twinax_topology::Family::Ipv6
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(lab: &str) -> Needs {
        Needs::of(&twinax_topology::parse(lab, "lab.toml").expect("a lab"))
    }

    #[test]
    fn of_a_lab_without_anything() {
        assert_eq!(needs("name = 'l'\n[node.a]\n"), Needs { nodes: 1, ..Needs::default() });
    }

    #[test]
    fn of_links_and_bridges() {
        let lab = "name = 'l'\n[node.a]\n[node.b]\nkind = 'bridge'\n\
                   [[link]]\na = 'a:e0'\nb = 'b:e0'\n";
        let expected = Needs { nodes: 2, link: true, bridge: true, ..Needs::default() };
        assert_eq!(needs(lab), expected);
    }

    #[test]
    fn of_taps_and_ipv6() {
        let lab = "name = 'l'\n[node.a]\n[[tap]]\nat = 'a:t0'\nip = '2001:db8::1/64'\n";
        assert_eq!(needs(lab), Needs { nodes: 1, tap: true, ipv6: true, ..Needs::default() });
    }

    #[test]
    fn of_firewalls() {
        let words = "name = 'l'\n[node.a.firewall]\npolicy = { forward = 'drop' }\n";
        assert_eq!(needs(words), Needs { nodes: 1, firewall: true, ..Needs::default() });
        let free = "name = 'l'\n[node.a.firewall]\nnft = 'table inet t { }'\n";
        let expected = Needs { nodes: 1, firewall: true, ruleset: true, ..Needs::default() };
        assert_eq!(needs(free), expected);
    }

    #[test]
    fn of_what_comes_with_a_step() {
        let lab = "name = 'l'\n[node.a]\n[node.b]\n[[link]]\na = 'a:e0'\nb = 'b:e0'\n\
                   [[step]]\nabout = 'an address'\n\
                   change = { at = 'a:e0', add_ip = '2001:db8::1/64' }\n\
                   [[step]]\nabout = 'a firewall'\n\
                   change = { at = 'a', firewall = { policy = { input = 'drop' } } }\n";
        let needs = needs(lab);
        assert!(needs.ipv6 && needs.firewall && !needs.ruleset);
    }

    /// A wire needs what its TAPs need, wherever they come from.
    #[test]
    fn of_devices_that_come_with_a_step() {
        let lab = "name = 'l'\n[node.a]\n[[step]]\n\
                   add.tap = [{ at = 'a:t0' }, { at = 'a:t1' }]\n\
                   add.wire = { a = 'a:t0', b = 'a:t1' }\n";
        assert_eq!(needs(lab), Needs { nodes: 1, tap: true, ..Needs::default() });
    }

    #[test]
    fn of_packets_that_are_expected() {
        let lab = "name = 'l'\n[node.a]\n[node.b]\n[[step]]\n\
                   run = { at = 'a', cmd = 'true' }\n\
                   expect.unseen = { at = 'a', packet = 'any' }\n";
        assert_eq!(needs(lab), Needs { nodes: 2, watched: 2, ..Needs::default() });
    }

    #[test]
    fn a_lack_is_one_sentence() {
        let lack = Lack { lack: "there is no x".to_owned(), remedy: "`make x`".to_owned() };
        assert_eq!(lack.to_string(), "there is no x: `make x`");
    }
}
