//! Random labs that work: routers in a tree, with a short cut that only one side uses, and at the
//! routers links with a host, a bridge, or two bridges in a row, of which some are behind a
//! translation.

use std::fmt::Write as _;

use rand_pcg::Pcg64Mcg;

use super::chance::{below, one_in};

/// The family that a lab is about; nodes have addresses of both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    V4,
    V6,
}

/// A lab.
#[derive(Debug)]
pub struct Network {
    /// For each router but the first, the one above it.
    above: Vec<usize>,
    /// Two routers with a cable of their own, by which only the first sends.
    short_cut: Option<(usize, usize)>,
    /// The links with hosts.
    lans: Vec<Lan>,
    pub family: Family,
}

/// A link with hosts, and a router.
#[derive(Debug)]
struct Lan {
    router: usize,
    hosts: usize,
    /// How many bridges there are in a row: the router is at the first, hosts at all of them.
    bridges: usize,
    /// Whether the router masquerades what comes from there.
    is_hidden: bool,
}

/// A host: the number of its link, and its own there.
pub type Host = (usize, usize);

/// What a packet passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    pub node: String,
    /// The device that it comes in by; the sender has none.
    pub input: String,
    /// The device that it leaves by; the receiver has none.
    pub output: String,
    /// Which device the cable of `output` leads to, as node and device.
    pub peer: (String, String),
    pub is_bridge: bool,
    pub is_router: bool,
    /// The next hop, where there is a gateway.
    pub via: Option<String>,
    /// The route that it takes.
    pub route: String,
    /// A free address on the link of `output`.
    pub nobody: String,
}

impl Network {
    /// Draws one.
    pub fn draw(chance: &mut Pcg64Mcg) -> Self {
        let routers = 1 + below(chance, 5);
        let above = (1..routers).map(|own| below(chance, own)).collect();
        let short_cut = (routers > 2 && one_in(chance, 3)).then(|| {
            let from = below(chance, routers);
            (from, (from + 1 + below(chance, routers - 1)) % routers)
        });
        let mut lans: Vec<Lan> = (0..2 + below(chance, 3))
            .map(|_| {
                let bridges = below(chance, 3);
                let hosts = if bridges == 0 { 1 } else { 1 + below(chance, 3) };
                Lan { router: below(chance, routers), hosts, bridges, is_hidden: false }
            })
            .collect();
        for own in 0..lans.len() {
            let router = lans[own].router;
            let is_alone = lans.iter().filter(|lan| lan.router == router).count() == 1;
            // What it translates leaves by one device, and nothing passes through it from outside.
            let above: &Vec<usize> = &above;
            let is_leaf = router > 0 && !above.contains(&router);
            let is_cut = short_cut.is_some_and(|(a, b)| a == router || b == router);
            lans[own].is_hidden = is_alone && is_leaf && !is_cut && one_in(chance, 2);
        }
        let family = if one_in(chance, 3) { Family::V6 } else { Family::V4 };
        Self { above, short_cut, lans, family }
    }

    /// Two hosts of which the first can reach the second.
    pub fn pair(&self, chance: &mut Pcg64Mcg) -> Option<(Host, Host)> {
        let host = |chance: &mut Pcg64Mcg| {
            let lan = below(chance, self.lans.len());
            (lan, below(chance, self.lans[lan].hosts))
        };
        (0..50)
            .map(|_| (host(chance), host(chance)))
            .find(|(from, to)| from != to && (from.0 == to.0 || !self.lans[to.0].is_hidden))
    }

    /// The name of a host.
    pub fn name(&self, (lan, host): Host) -> String {
        format!("l{lan}h{host}")
    }

    fn lan_address(&self, family: Family, lan: usize, last: usize) -> String {
        match family {
            Family::V4 => format!("10.{lan}.0.{last}"),
            Family::V6 => format!("fd00:{lan}::{last}"),
        }
    }

    fn lan_prefix(&self, family: Family, lan: usize) -> String {
        match family {
            Family::V4 => format!("10.{lan}.0.0/24"),
            Family::V6 => format!("fd00:{lan}::/64"),
        }
    }

    /// An address on the cable above a router (1: of the one above), or on the short cut.
    fn cable_address(&self, family: Family, cable: usize, last: usize) -> String {
        match family {
            Family::V4 => format!("172.16.{cable}.{last}"),
            Family::V6 => format!("fd01:{cable}::{last}"),
        }
    }

    fn cable_prefix(&self, family: Family, cable: usize) -> String {
        match family {
            Family::V4 => format!("172.16.{cable}.0/24"),
            Family::V6 => format!("fd01:{cable}::/64"),
        }
    }

    /// The number of the short cut's cable.
    const SHORT_CUT: usize = 99;

    /// The address of a host.
    pub fn address(&self, (lan, host): Host) -> String {
        self.lan_address(self.family, lan, 10 + host)
    }

    /// The prefix of a host's link.
    pub fn prefix(&self, (lan, _): Host) -> String {
        self.lan_prefix(self.family, lan)
    }

    /// The length of a prefix of one address.
    pub fn whole(&self) -> u8 {
        if self.family == Family::V4 { 32 } else { 128 }
    }

    /// By which a host is known beyond its router: the prefix of its link, or of the cable whose
    /// address it is translated to.
    pub fn known_as(&self, host: Host) -> String {
        let lan = &self.lans[host.0];
        if lan.is_hidden { self.cable_prefix(self.family, lan.router) } else { self.prefix(host) }
    }

    /// The routers on the way from one up to the first.
    fn upwards(&self, router: usize) -> Vec<usize> {
        let mut all = vec![router];
        while let Some(&last) = all.last().filter(|last| **last > 0) {
            all.push(self.above[last - 1]);
        }
        all
    }

    /// Where a router sends what is for another: its device, the cable's number and its own number
    /// on it, and the next router.
    fn next(&self, router: usize, to: usize) -> (String, usize, usize, usize) {
        if self.short_cut == Some((router, to)) {
            return ("cut".to_owned(), Self::SHORT_CUT, 1, to);
        }
        let way = self.upwards(to);
        match way.iter().position(|&own| own == router) {
            // It is below.
            Some(place) => (format!("d{}", way[place - 1]), way[place - 1], 1, way[place - 1]),
            None => ("up".to_owned(), router, 2, self.above[router - 1]),
        }
    }

    /// The bridge that a host is at.
    fn bridge_of(&self, (lan, host): Host) -> usize {
        host % self.lans[lan].bridges.max(1)
    }

    /// The way of a packet from one host to another, sender and receiver included.
    pub fn way(&self, from: Host, to: Host) -> Vec<Hop> {
        let mut hops = Vec::new();
        let (family, target) = (self.family, self.prefix(to));
        if from.0 == to.0 {
            hops.push(self.host_hop(from, None, &target));
            self.through_bridges(&mut hops, from.0, Some(from), Some(to));
        } else {
            let gateway = self.lan_address(family, from.0, 1);
            hops.push(self.host_hop(from, Some(gateway), "default"));
            self.through_bridges(&mut hops, from.0, Some(from), None);
            let mut router = self.lans[from.0].router;
            let mut input = format!("lan{}", from.0);
            let last = self.lans[to.0].router;
            loop {
                let node = format!("r{router}");
                let is_last = router == last;
                let (output, cable, own, next) = match is_last {
                    true => (format!("lan{}", to.0), 0, 0, router),
                    false => self.next(router, last),
                };
                let via = (!is_last).then(|| self.cable_address(family, cable, 3 - own));
                let nobody = match is_last {
                    true => self.lan_address(family, to.0, 77),
                    false => self.cable_address(family, cable, 77),
                };
                let entry = self.entry(router, &output);
                hops.push(Hop {
                    node,
                    input,
                    peer: if is_last { (String::new(), String::new()) } else { entry.clone() },
                    output,
                    is_bridge: false,
                    is_router: true,
                    via,
                    route: target.clone(),
                    nobody,
                });
                if is_last {
                    break;
                }
                (router, input) = (next, entry.1);
            }
            self.through_bridges(&mut hops, to.0, None, Some(to));
        }
        hops.push(Hop {
            node: self.name(to),
            input: "e0".to_owned(),
            output: String::new(),
            peer: (String::new(), String::new()),
            is_bridge: false,
            is_router: false,
            via: None,
            route: String::new(),
            nobody: String::new(),
        });
        for own in 0..hops.len() - 1 {
            if hops[own].peer.0.is_empty() {
                hops[own].peer = (hops[own + 1].node.clone(), hops[own + 1].input.clone());
            }
        }
        hops
    }

    fn host_hop(&self, host: Host, via: Option<String>, route: &str) -> Hop {
        Hop {
            node: self.name(host),
            input: String::new(),
            output: "e0".to_owned(),
            peer: (String::new(), String::new()),
            is_bridge: false,
            is_router: false,
            via,
            route: route.to_owned(),
            nobody: self.lan_address(self.family, host.0, 77),
        }
    }

    /// Where a router's device to another router leads.
    fn entry(&self, router: usize, output: &str) -> (String, String) {
        match (output, self.short_cut) {
            ("cut", Some((_, to))) => (format!("r{to}"), "tuc".to_owned()),
            ("up", _) => (format!("r{}", self.above[router - 1]), format!("d{router}")),
            (other, _) => (format!("r{}", other.trim_start_matches('d')), "up".to_owned()),
        }
    }

    /// The bridges of a link between two that are on it; `None` is the router.
    fn through_bridges(
        &self,
        hops: &mut Vec<Hop>,
        lan: usize,
        from: Option<Host>,
        to: Option<Host>,
    ) {
        if self.lans[lan].bridges == 0 {
            return;
        }
        let place = |who: Option<Host>| who.map_or(0, |host| self.bridge_of(host));
        let port =
            |who: Option<Host>| who.map_or("router".to_owned(), |host| format!("p{}", host.1));
        let (first, last) = (place(from), place(to));
        let mut at = first;
        loop {
            let input = if at == first { port(from) } else { "cross".to_owned() };
            let output = if at == last { port(to) } else { "cross".to_owned() };
            hops.push(Hop {
                node: format!("l{lan}s{at}"),
                input,
                output,
                peer: (String::new(), String::new()),
                is_bridge: true,
                is_router: false,
                via: None,
                route: String::new(),
                nobody: String::new(),
            });
            if at == last {
                return;
            }
            at = last;
        }
    }

    /// The lab file.
    pub fn file(&self, name: &str) -> String {
        let mut text = format!("name = \"{name}\"\n");
        let link = |a: (String, Vec<String>), b: (String, Vec<String>)| {
            let end = |(at, ip): (String, Vec<String>)| match ip.is_empty() {
                true => format!("\"{at}\""),
                false => format!("{{ at = \"{at}\", ip = {ip:?} }}"),
            };
            format!("[[link]]\na = {}\nb = {}\n", end(a), end(b))
        };
        let both = |address: &dyn Fn(Family) -> String| {
            vec![format!("{}/24", address(Family::V4)), format!("{}/64", address(Family::V6))]
        };
        let mut links = String::new();
        for router in 0..=self.above.len() {
            let _ = write!(text, "[node.r{router}]\nkind = \"router\"\nroute = [\n");
            for route in self.routes(router) {
                let _ = writeln!(text, "  {route},");
            }
            text += "]\n";
            if self.lans.iter().any(|lan| lan.router == router && lan.is_hidden) {
                text += "firewall = { masquerade = \"up\" }\n";
            }
            if router > 0 {
                let above = self.above[router - 1];
                let own = both(&|family| self.cable_address(family, router, 2));
                let other = both(&|family| self.cable_address(family, router, 1));
                links +=
                    &link((format!("r{router}:up"), own), (format!("r{above}:d{router}"), other));
            }
        }
        if let Some((from, to)) = self.short_cut {
            let own = both(&|family| self.cable_address(family, Self::SHORT_CUT, 1));
            let other = both(&|family| self.cable_address(family, Self::SHORT_CUT, 2));
            links += &link((format!("r{from}:cut"), own), (format!("r{to}:tuc"), other));
        }
        for (number, lan) in self.lans.iter().enumerate() {
            let gateway = both(&|family| self.lan_address(family, number, 1));
            let router = (format!("r{}:lan{number}", lan.router), gateway);
            for bridge in 0..lan.bridges {
                let _ = write!(text, "[node.l{number}s{bridge}]\nkind = \"bridge\"\n");
            }
            if lan.bridges == 2 {
                let cross = |bridge: usize| (format!("l{number}s{bridge}:cross"), Vec::new());
                links += &link(cross(0), cross(1));
            }
            for host in 0..lan.hosts {
                let name = self.name((number, host));
                let [v4, v6] = [Family::V4, Family::V6].map(|own| self.lan_address(own, number, 1));
                let _ = write!(
                    text,
                    "[node.{name}]\nroute = [{{ to = \"default\", via = \"{v4}\" }}, \
                     {{ to = \"default\", via = \"{v6}\" }}]\n"
                );
                let own = both(&|family| self.lan_address(family, number, 10 + host));
                let own = (format!("{name}:e0"), own);
                let bridge = self.bridge_of((number, host));
                links += &match lan.bridges {
                    0 => link(own, router.clone()),
                    _ => link(own, (format!("l{number}s{bridge}:p{host}"), Vec::new())),
                };
            }
            if lan.bridges > 0 {
                links += &link(router, (format!("l{number}s0:router"), Vec::new()));
            }
        }
        text + &links
    }

    /// The routes of a router: to all links with hosts that are not hidden, and to all cables.
    fn routes(&self, router: usize) -> Vec<String> {
        let mut routes = Vec::new();
        let mut add = |prefix: &dyn Fn(Family) -> String, to: usize| {
            let (_, cable, own, _) = self.next(router, to);
            for family in [Family::V4, Family::V6] {
                let via = self.cable_address(family, cable, 3 - own);
                routes.push(format!("{{ to = \"{}\", via = \"{via}\" }}", prefix(family)));
            }
        };
        for (number, lan) in self.lans.iter().enumerate() {
            if lan.router != router && !lan.is_hidden {
                add(&|family| self.lan_prefix(family, number), lan.router);
            }
        }
        for own in 1..=self.above.len() {
            if own != router && self.above[own - 1] != router {
                add(&|family| self.cable_prefix(family, own), own);
            }
        }
        routes
    }
}
