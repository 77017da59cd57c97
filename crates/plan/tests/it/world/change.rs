//! What each change does.

use ipnet::IpNet;
use twinax_topology::{
    Change, Family, IfName, Place, PortAttributes, Route, RouteKind, Rule, Sysctl, TABLE_MAIN,
};

use super::{Done, Kind, Namespace, World};

/// Set by `net.ipv4.ip_forward` to its contrary.
pub(super) const ACCEPT_REDIRECTS: &str = "net/ipv4/conf/all/accept_redirects";

impl World {
    pub(super) fn change(&mut self, change: &Change) -> Done {
        match change {
            Change::Move { .. } => return Err("never planned".to_owned()),
            Change::Up(at, up) if at.interface.as_str() == "lo" => {
                self.node(&at.node)?.lo = *up;
            }
            Change::Up(at, up) => {
                let was = std::mem::replace(&mut self.device(at)?.up, *up);
                if was && !up {
                    self.device(at)?.addresses.retain(|net| net.addr().is_ipv4());
                    let node = self.node(&at.node)?;
                    node.lose_routes(at.interface.as_str(), |_| true);
                    node.neighbours.retain(|own| own.dev != at.interface);
                }
            }
            Change::Mtu(at, mtu) => self.set_mtu(at, *mtu)?,
            Change::Mac(at, mac) => {
                self.device(at)?.mac = Some(*mac);
                self.node(&at.node)?.neighbours.retain(|own| own.dev != at.interface);
            }
            Change::Master(at, master) => self.set_master(at, master.as_ref())?,
            Change::Port(at, port) => {
                let device = self.device(at)?;
                if device.master.is_none() {
                    return Err(format!("{at} is no port"));
                }
                set_port(&mut device.port, port);
            }
            Change::AddAddress(at, net) => self.add_address(at, *net)?,
            Change::DelAddress(at, net) => self.del_address(at, *net)?,
            Change::InterfaceSysctl(at, sysctl) => {
                self.device(at)?;
                self.node(&at.node)?.set(&sysctl.of(&at.interface));
            }
            Change::Sysctl(node, sysctl) => self.node(node)?.set(sysctl),
            Change::AddRoute(node, route) => self.node(node)?.add_route(route)?,
            Change::DelRoute(node, route) => self.node(node)?.del_route(route)?,
            Change::AddRule(node, rule) => self.node(node)?.add_rule(rule)?,
            Change::DelRule(node, rule) => {
                let rules = &mut self.node(node)?.rules;
                let is_meant = |(own, _): &(Rule, bool)| *own == *rule;
                let index = rules.iter().position(is_meant).ok_or("no such rule")?;
                rules.remove(index);
            }
            Change::AddNeighbour(node, neighbour) => {
                let at = Place { node: node.clone(), interface: neighbour.dev.clone() };
                self.device(&at)?;
                let neighbours = &mut self.node(node)?.neighbours;
                neighbours.retain(|own| own.dev != neighbour.dev || own.to != neighbour.to);
                neighbours.push(neighbour.clone());
            }
            Change::DelNeighbour(node, key) => {
                let neighbours = &mut self.node(node)?.neighbours;
                let before = neighbours.len();
                neighbours.retain(|own| own.dev != key.dev || own.to != key.to);
                if neighbours.len() == before {
                    return Err("no such neighbour".to_owned());
                }
            }
            Change::Firewall(node, firewall) => self.node(node)?.firewall = firewall.clone(),
        }
        Ok(())
    }

    fn set_mtu(&mut self, at: &Place, mtu: u32) -> Done {
        let device = self.device(at)?;
        device.mtu = mtu;
        device.mtu_is_set = matches!(device.kind, Kind::Bridge(_));
        let master = device.master.clone();
        let name = at.interface.as_str();
        if mtu < 1280 {
            device.addresses.retain(|net| net.addr().is_ipv4());
            let node = self.node(&at.node)?;
            node.lose_routes(name, |route| route.to.addr().is_ipv6());
            node.neighbours.retain(|own| own.dev != at.interface || own.to.is_ipv4());
            let (conf, neigh) = (format!("ipv6/conf/{name}/"), format!("ipv6/neigh/{name}/"));
            node.sysctls.retain(|path, _| !path.contains(&conf) && !path.contains(&neigh));
        }
        self.node(&at.node)?.adjust_mtu(master.as_deref());
        Ok(())
    }

    fn set_master(&mut self, at: &Place, master: Option<&IfName>) -> Done {
        let node = self.node(&at.node)?;
        let bridge = master.map(|master| node.devices.get(master.as_str()).ok_or("no bridge"));
        if bridge.transpose()?.is_some_and(|dev| !matches!(dev.kind, Kind::Bridge(_))) {
            return Err("no bridge".to_owned());
        }
        let device = self.device(at)?;
        device.master = master.map(ToString::to_string);
        device.port = PortAttributes::default();
        self.node(&at.node)?.adjust_mtu(master.map(|master| master.as_str()));
        Ok(())
    }

    fn add_address(&mut self, at: &Place, net: IpNet) -> Done {
        let device = self.device(at)?;
        let clashes =
            |own: &IpNet| own.addr() == net.addr() && (net.addr().is_ipv6() || *own == net);
        if device.addresses.iter().any(clashes) {
            return Err(format!("{net} is on {at}"));
        }
        if net.addr().is_ipv6() && device.mtu < 1280 {
            return Err(format!("{at} has no IPv6"));
        }
        device.addresses.push(net);
        Ok(())
    }

    fn del_address(&mut self, at: &Place, net: IpNet) -> Done {
        let promotes = self.promotes;
        let device = self.device(at)?;
        let index = device.addresses.iter().position(|own| *own == net).ok_or("no such address")?;
        let mut gone = vec![device.addresses.remove(index)];
        let is_group = |own: &IpNet| net.addr().is_ipv4() && own.trunc() == net.trunc();
        let is_primary = !device.addresses[..index].iter().any(is_group);
        if is_primary && !promotes {
            gone.extend(device.addresses.extract_if(.., |own| is_group(own)));
        }
        let is_bare =
            net.addr().is_ipv4() && device.addresses.iter().all(|own| own.addr().is_ipv6());
        let node = self.node(&at.node)?;
        node.lose_sources(&gone);
        if is_bare {
            node.lose_routes(at.interface.as_str(), |route| route.to.addr().is_ipv4());
            self.bare.insert(at.clone());
        }
        Ok(())
    }
}

impl Namespace {
    /// A bridge whose MTU nobody has set takes the least of its ports'.
    fn adjust_mtu(&mut self, bridge: Option<&str>) {
        let Some(name) = bridge else { return };
        let ports = self.devices.values().filter(|dev| dev.master.as_deref() == Some(name));
        let least = ports.map(|dev| dev.mtu).min().unwrap_or(1500);
        if let Some(bridge) = self.devices.get_mut(name).filter(|bridge| !bridge.mtu_is_set) {
            bridge.mtu = least;
        }
    }

    fn set(&mut self, sysctl: &Sysctl) {
        let path = sysctl.key.path();
        let was = self.sysctls.insert(path.to_owned(), sysctl.value.clone());
        let family = match path {
            _ if was.as_deref().unwrap_or("0") == sysctl.value => return,
            "net/ipv4/ip_forward" => "net/ipv4/conf/",
            "net/ipv6/conf/all/forwarding" => "net/ipv6/conf/",
            _ => return,
        };
        for (own, value) in &mut self.sysctls {
            if own.starts_with(family) && own.ends_with("/forwarding") {
                value.clone_from(&sysctl.value);
            } else if family.contains("v4") && own == ACCEPT_REDIRECTS {
                *value = if sysctl.value == "0" { "1" } else { "0" }.to_owned();
            }
        }
    }

    /// The device by which a route would leave.
    fn way(&self, route: &Route) -> Result<Option<String>, String> {
        if route.kind != RouteKind::Unicast {
            return Ok(None);
        }
        let up = || self.devices.iter().filter(|(_, dev)| dev.up);
        let on_link = |dev: &super::Dev| {
            let via = route.via.filter(|_| !route.onlink);
            via.is_none_or(|via| dev.addresses.iter().any(|net| net.contains(&via)))
        };
        match &route.dev {
            Some(dev) => up().find(|(name, own)| *name == dev.as_str() && on_link(own)),
            None => up().find(|(_, own)| route.via.is_some() && on_link(own)),
        }
        .map(|(name, _)| Some(name.clone()))
        .ok_or(format!("no way for {route:?}"))
    }

    fn add_route(&mut self, route: &Route) -> Done {
        let dev = self.way(route)?;
        let own = self.devices.values().flat_map(|dev| &dev.addresses).map(IpNet::addr);
        if route.src.is_some_and(|src| !own.clone().any(|own| own == src)) {
            return Err("no such source".to_owned());
        }
        if self.routes.iter().any(|(own, _)| key(own) == key(route)) {
            return Err(format!("{route:?} is there"));
        }
        self.routes.push((route.clone(), dev));
        Ok(())
    }

    fn del_route(&mut self, route: &Route) -> Done {
        let is_meant = |(own, dev): &&(Route, Option<String>)| {
            own.kind == route.kind
                && (own.to, table(own)) == (route.to, table(route))
                && route.via.is_none_or(|via| own.via == Some(via))
                && route.src.is_none_or(|src| own.src == Some(src))
                && route.dev.as_ref().is_none_or(|to| dev.as_deref() == Some(to.as_str()))
                && route.metric.is_none_or(|metric| metric == 0 || self::metric(own) == metric)
        };
        let least = self.routes.iter().filter(is_meant).min_by_key(|(own, _)| metric(own));
        let gone = key(&least.ok_or(format!("no route {route:?}"))?.0);
        self.routes.retain(|(own, _)| key(own) != gone);
        Ok(())
    }

    fn add_rule(&mut self, rule: &Rule) -> Done {
        let least = self.rules.iter().filter(|(own, _)| own.family == rule.family);
        let least = least.filter_map(|(own, _)| own.priority).min().unwrap_or(32_766);
        let priority = Some(rule.priority.unwrap_or(least - 1));
        let made = Rule { priority, ..rule.clone() };
        if self.rules.iter().any(|(own, _)| *own == made) {
            return Err(format!("{made:?} is there"));
        }
        self.rules.push((made, rule.priority.is_none()));
        self.rules.sort_by_key(|(own, _)| own.priority);
        Ok(())
    }
}

fn key(route: &Route) -> (IpNet, u32, u32) {
    (route.to, table(route), metric(route))
}

fn table(route: &Route) -> u32 {
    route.table.unwrap_or(TABLE_MAIN)
}

pub(super) fn metric(route: &Route) -> u32 {
    let usual = if Family::of_net(&route.to) == Family::Ipv6 { 1024 } else { 0 };
    route.metric.unwrap_or(usual)
}

fn set_port(port: &mut PortAttributes, to: &PortAttributes) {
    port.isolated = to.isolated.or(port.isolated);
    port.hairpin = to.hairpin.or(port.hairpin);
    port.learning = to.learning.or(port.learning);
    port.flood = to.flood.or(port.flood);
    port.mcast_flood = to.mcast_flood.or(port.mcast_flood);
    port.bcast_flood = to.bcast_flood.or(port.bcast_flood);
    port.guard = to.guard.or(port.guard);
    port.root_block = to.root_block.or(port.root_block);
    port.neigh_suppress = to.neigh_suppress.or(port.neigh_suppress);
    port.cost = to.cost.or(port.cost);
    port.priority = to.priority.or(port.priority);
}
