//! Changes of a lab, each of which may happen once.

use super::cook::nobody_near;
use super::pick;
use crate::model::*;

/// The changes that are left.
pub(super) struct Changes {
    left: Vec<Change>,
    untouched: bool,
}

impl Changes {
    pub(super) fn of(lab: &Topology) -> Self {
        let mut left = Vec::new();
        for interface in lab.interfaces() {
            of_interface(interface, &mut left);
        }
        for node in &lab.nodes {
            of_node(node, &mut left);
        }
        Self { left, untouched: true }
    }

    /// Some of those that are left, in any order; none where none is left.
    pub(super) fn take(&mut self, picks: &[u8]) -> Option<Vec<Change>> {
        self.untouched = false;
        let mut taken = Vec::new();
        for &which in picks {
            if let Some(change) = pick(&self.left, which).cloned() {
                self.left.retain(|left| *left != change && !is_in_vain(left, &change));
                taken.push(change);
            }
        }
        (!taken.is_empty()).then_some(taken)
    }

    /// Whether nothing was ever taken.
    pub(super) fn is_untouched(&self) -> bool {
        self.untouched
    }
}

/// Whether a change can't be made after another: what goes down loses its IPv6 addresses.
fn is_in_vain(change: &Change, after: &Change) -> bool {
    match (change, after) {
        (Change::DelAddress(at, _), Change::Up(down, false)) => at == down,
        _ => false,
    }
}

fn of_interface(interface: &Interface, to: &mut Vec<Change>) {
    let at = || interface.place.clone();
    to.push(Change::Up(at(), !interface.up));
    to.push(Change::Mtu(at(), 1350));
    let sysctl = InterfaceSysctl {
        family: SysctlFamily::Ipv4Conf,
        knob: "log_martians".to_owned(),
        value: "1".to_owned(),
    };
    to.push(Change::InterfaceSysctl(at(), sysctl));
    if interface.master.is_some() {
        let port = PortAttributes { isolated: Some(true), ..PortAttributes::default() };
        to.push(Change::Port(at(), port));
    }
    for (number, address) in (30u16..).zip(&interface.addresses) {
        to.push(Change::DelAddress(at(), *address));
        let new =
            nobody_near(address, number).map(|new| ipnet::IpNet::new(new, address.prefix_len()));
        to.extend(new.and_then(Result::ok).map(|new| Change::AddAddress(at(), new)));
    }
}

fn of_node(node: &Node, to: &mut Vec<Change>) {
    let at = || node.name.clone();
    let key = "net.ipv4.icmp_ratelimit".parse().expect("it is a sysctl");
    to.push(Change::Sysctl(at(), Sysctl { key, value: "0".to_owned() }));
    to.extend(node.routes.iter().map(|route| Change::DelRoute(at(), route.clone())));
    to.extend(node.rules.iter().map(|rule| Change::DelRule(at(), rule.clone())));
    for neighbour in &node.neighbours {
        let key = NeighbourKey { dev: neighbour.dev.clone(), to: neighbour.to };
        to.push(Change::DelNeighbour(at(), key));
    }
    for net in ["172.30.0.0/24", "2001:db8:f::/48"] {
        let net = net.parse().expect("it is a prefix");
        to.push(Change::AddRoute(at(), Route::of_kind(RouteKind::Unreachable, net)));
    }
    let rule = Rule { priority: Some(31_000), ..Rule::new(Family::Ipv6, RuleAction::Table(100)) };
    to.push(Change::AddRule(at(), rule));
    let policy = Policies { input: Some(Verdict::Drop), ..Policies::default() };
    let ruleset = Some("table ip later {\n}\n".to_owned());
    to.push(Change::Firewall(at(), Firewall { policy, ruleset, ..Firewall::default() }));
}
