//! Faults at random places of a way.

use rand_pcg::Pcg64Mcg;

use super::chance::{below, one};
use super::network::{Family, Hop, Host, Network};

/// A packet that is asked for: from, to, and the ways there and back.
pub struct Way<'a> {
    pub network: &'a Network,
    pub from: Host,
    pub to: Host,
    pub there: Vec<Hop>,
    pub back: Vec<Hop>,
}

/// A fault at a place.
pub struct Fault {
    /// What it is called in the table.
    pub name: &'static str,
    /// Lines of shell that bring it about.
    pub inject: String,
    /// What is asked besides.
    pub ask: Vec<String>,
    /// Any of these kinds …
    pub kinds: &'static [&'static str],
    /// … at any of these nodes …
    pub nodes: Vec<String>,
    /// … and devices; none: whichever.
    pub devices: Vec<String>,
}

type Draw = fn(&Way<'_>, &mut Pcg64Mcg) -> Option<Fault>;

/// All that can be drawn, by name.
pub const ALL: [(&str, Draw); 25] = [
    ("no route", no_route),
    ("a route that discards", discards),
    ("a rule that discards", rule),
    ("forwarding off", forwarding_off),
    ("no way back", no_way_back),
    ("firewall", firewall),
    ("firewall on the way back", firewall_back),
    ("firewall in a bridge", firewall_bridge),
    ("isolated ports", isolated),
    ("port state", port_state),
    ("port without flooding", port_flags),
    ("static entry of a bridge", static_fdb),
    ("wrong neighbour", wrong_neighbour),
    ("arp_ignore", arp_ignore),
    ("device without ARP", no_arp),
    ("echo ignored", echo),
    ("TTL", ttl),
    ("too big", too_big),
    ("too big for a bridge", too_big_bridge),
    ("wrong gateway", wrong_gateway),
    ("link down", link_down),
    ("nobody listens", no_listener),
    ("route loop", route_loop),
    ("reverse path", reverse_path),
    ("two of one MAC", duplicate_mac),
];

impl Way<'_> {
    fn v(&self) -> (&'static str, &'static str, &'static str) {
        match self.network.family {
            Family::V4 => ("-4", "ip", "icmp"),
            Family::V6 => ("-6", "ip6", "icmpv6"),
        }
    }

    fn target(&self) -> String {
        self.network.address(self.to)
    }

    fn whole_target(&self) -> String {
        format!("{}/{}", self.target(), self.network.whole())
    }
}

impl Fault {
    fn new(kinds: &'static [&'static str], node: &str, inject: String) -> Option<Self> {
        let (ask, devices) = (Vec::new(), Vec::new());
        Some(Self { name: "", inject, ask, kinds, nodes: vec![node.to_owned()], devices })
    }
}

fn with(fault: Option<Fault>, change: impl FnOnce(&mut Fault)) -> Option<Fault> {
    fault.map(|mut fault| {
        change(&mut fault);
        fault
    })
}

fn any<'a>(chance: &mut Pcg64Mcg, hops: &'a [Hop], is: impl Fn(&Hop) -> bool) -> Option<&'a Hop> {
    let all: Vec<&Hop> = hops.iter().filter(|hop| is(hop)).collect();
    one(chance, &all).copied()
}

/// One that routes: the sender, or a router.
fn routes(hop: &Hop) -> bool {
    !hop.is_bridge && !hop.output.is_empty()
}

fn no_route(way: &Way<'_>, chance: &mut Pcg64Mcg) -> Option<Fault> {
    let (f, ..) = way.v();
    let hop = any(chance, &way.there, routes)?;
    let Hop { node, route, output, .. } = hop;
    let dev = if hop.via.is_some() { String::new() } else { format!(" dev {output}") };
    Fault::new(&["no-route"], node, format!("ip -n {node} {f} route del {route}{dev}"))
}

fn discards(way: &Way<'_>, chance: &mut Pcg64Mcg) -> Option<Fault> {
    let (f, ..) = way.v();
    let Hop { node, .. } = any(chance, &way.there, routes)?;
    let (word, kinds): (_, &[_]) = [
        ("blackhole", &["blackhole-route"][..]),
        ("unreachable", &["unreachable-route"]),
        ("prohibit", &["prohibit-route"]),
    ][below(chance, 3)];
    Fault::new(kinds, node, format!("ip -n {node} {f} route add {word} {}", way.whole_target()))
}

fn rule(way: &Way<'_>, chance: &mut Pcg64Mcg) -> Option<Fault> {
    let (f, ..) = way.v();
    let Hop { node, .. } = any(chance, &way.there, |hop| hop.is_router)?;
    let inject =
        format!("ip -n {node} {f} rule add priority 100 to {} blackhole", way.whole_target());
    Fault::new(&["blackhole-route"], node, inject)
}

fn forwarding_off(way: &Way<'_>, chance: &mut Pcg64Mcg) -> Option<Fault> {
    let Hop { node, .. } = any(chance, &way.there, |hop| hop.is_router)?;
    let knob = match way.network.family {
        Family::V4 => "net.ipv4.ip_forward",
        Family::V6 => "net.ipv6.conf.all.forwarding",
    };
    let inject = format!("ip netns exec {node} sysctl -qw {knob}=0");
    Fault::new(&["forwarding-off"], node, inject)
}

fn no_way_back(way: &Way<'_>, chance: &mut Pcg64Mcg) -> Option<Fault> {
    let (f, ..) = way.v();
    let hop = any(chance, &way.back, |hop| routes(hop) && hop.via.is_some())?;
    let Hop { node, is_router, .. } = hop;
    let route = if *is_router { way.network.known_as(way.from) } else { "default".to_owned() };
    let inject = format!("ip -n {node} {f} route del {route}");
    Fault::new(&["no-way-back", "no-route"], node, inject)
}

fn filter(node: &str, family: &str, hook: &str, rule: &str) -> String {
    format!(
        "ip netns exec {node} nft 'add table {family} f; \
         add chain {family} f c {{ type filter hook {hook} priority 0; }}; \
         add rule {family} f c {rule}'"
    )
}

fn firewall(way: &Way<'_>, chance: &mut Pcg64Mcg) -> Option<Fault> {
    let (_, nf, _) = way.v();
    let hop = any(chance, &way.there, |hop| !hop.is_bridge)?;
    let hook = match (hop.is_router, hop.output.is_empty()) {
        (true, _) => ["prerouting", "forward", "postrouting"][below(chance, 3)],
        (_, true) => "input",
        (_, false) => "output",
    };
    let rule = format!("{nf} daddr {} drop", way.target());
    Fault::new(&["firewall"], &hop.node, filter(&hop.node, "inet", hook, &rule))
}

fn firewall_back(way: &Way<'_>, chance: &mut Pcg64Mcg) -> Option<Fault> {
    let (_, nf, _) = way.v();
    let Hop { node, .. } = any(chance, &way.back, |hop| hop.is_router)?;
    let rule = format!("{nf} saddr {} drop", way.target());
    Fault::new(&["firewall"], node, filter(node, "inet", "forward", &rule))
}

fn firewall_bridge(way: &Way<'_>, chance: &mut Pcg64Mcg) -> Option<Fault> {
    let (_, _, icmp) = way.v();
    let hop = any(chance, &way.there, |hop| hop.is_bridge)?;
    let rule = format!("iif {} oif {} meta l4proto {icmp} drop", hop.input, hop.output);
    Fault::new(&["firewall"], &hop.node, filter(&hop.node, "bridge", "forward", &rule))
}

fn isolated(way: &Way<'_>, chance: &mut Pcg64Mcg) -> Option<Fault> {
    let Hop { node, input, output, .. } = any(chance, &way.there, |hop| hop.is_bridge)?;
    let inject = format!(
        "bridge -n {node} link set dev {input} isolated on\n\
         bridge -n {node} link set dev {output} isolated on"
    );
    with(Fault::new(&["isolated-port"], node, inject), |fault| {
        fault.devices = vec![input.clone(), output.clone()];
    })
}

fn port_state(way: &Way<'_>, chance: &mut Pcg64Mcg) -> Option<Fault> {
    let Hop { node, input, output, .. } = any(chance, &way.there, |hop| hop.is_bridge)?;
    let port = [input, output][below(chance, 2)];
    let state = [0, 1][below(chance, 2)];
    let inject = format!("bridge -n {node} link set dev {port} state {state}");
    with(Fault::new(&["port-state"], node, inject), |fault| fault.devices = vec![port.clone()])
}

fn port_flags(way: &Way<'_>, chance: &mut Pcg64Mcg) -> Option<Fault> {
    let Hop { node, output, .. } = any(chance, &way.there, |hop| hop.is_bridge)?;
    let inject = format!(
        "bridge -n {node} link set dev {output} learning off flood off\n\
         for mac in $(bridge -n {node} fdb show brport {output} | awk '!/permanent/ {{ print $1 }}')\n\
         do bridge -n {node} fdb del $mac dev {output} master; done"
    );
    with(Fault::new(&["port-flags"], node, inject), |fault| fault.devices = vec![output.clone()])
}

fn static_fdb(way: &Way<'_>, chance: &mut Pcg64Mcg) -> Option<Fault> {
    let place = way.there.iter().enumerate().filter(|(_, hop)| hop.is_bridge);
    let all: Vec<(usize, &Hop)> = place.collect();
    let &(place, hop) = one(chance, &all)?;
    let next = way.there[place..].iter().find(|hop| !hop.is_bridge)?;
    let Hop { node, output, .. } = hop;
    let inject = format!(
        "mac=$(ip -n {} -br link show {} | awk '{{ print $3 }}')\n\
         bridge -n {node} fdb replace $mac dev {output} master permanent",
        next.node, next.input
    );
    Fault::new(&["static-fdb"], node, inject)
}

/// The address that a hop asks its neighbours for.
fn asked_for(way: &Way<'_>, hop: &Hop) -> String {
    hop.via.clone().unwrap_or_else(|| way.target())
}

fn wrong_neighbour(way: &Way<'_>, chance: &mut Pcg64Mcg) -> Option<Fault> {
    let hop = any(chance, &way.there, routes)?;
    let Hop { node, output, .. } = hop;
    let to = asked_for(way, hop);
    let inject = format!("ip -n {node} neigh replace {to} lladdr 02:00:00:00:00:99 dev {output}");
    with(Fault::new(&["wrong-neighbour"], node, inject), |fault| {
        fault.devices = vec![output.clone()];
    })
}

fn arp_ignore(way: &Way<'_>, chance: &mut Pcg64Mcg) -> Option<Fault> {
    if way.network.family == Family::V6 {
        return None;
    }
    let asking: Vec<usize> =
        (0..way.there.len()).filter(|&place| routes(&way.there[place])).collect();
    let &place = one(chance, &asking)?;
    let hop = &way.there[place];
    let next = way.there[place + 1..].iter().find(|hop| !hop.is_bridge)?;
    let Hop { node, input, .. } = next;
    let inject = format!(
        "ip netns exec {node} sysctl -qw net.ipv4.conf.{input}.arp_ignore=8\n\
         ip -n {} neigh flush dev {}",
        hop.node, hop.output
    );
    with(Fault::new(&["arp-ignore"], node, inject), |fault| fault.devices = vec![input.clone()])
}

fn no_arp(way: &Way<'_>, chance: &mut Pcg64Mcg) -> Option<Fault> {
    let Hop { node, output, .. } = any(chance, &way.there, |hop| hop.is_router)?;
    let inject =
        format!("ip -n {node} link set {output} arp off\nip -n {node} neigh flush dev {output}");
    with(Fault::new(&["no-arp"], node, inject), |fault| fault.devices = vec![output.clone()])
}

fn echo(way: &Way<'_>, _: &mut Pcg64Mcg) -> Option<Fault> {
    let node = way.network.name(way.to);
    let knob = match way.network.family {
        Family::V4 => "net.ipv4.icmp_echo_ignore_all",
        Family::V6 => "net.ipv6.icmp.echo_ignore_all",
    };
    let inject = format!("ip netns exec {node} sysctl -qw {knob}=1");
    Fault::new(&["echo-ignored"], &node, inject)
}

fn ttl(way: &Way<'_>, chance: &mut Pcg64Mcg) -> Option<Fault> {
    let routers: Vec<&Hop> = way.there.iter().filter(|hop| hop.is_router).collect();
    let ttl = 1 + below(chance, routers.len());
    let hop = routers.get(ttl - 1)?;
    with(Fault::new(&["ttl"], &hop.node, String::new()), |fault| {
        fault.ask = vec!["--ttl".to_owned(), ttl.to_string()];
    })
}

/// What asks for a packet that is larger than 1300 bytes, and may not be fragmented.
fn large() -> Vec<String> {
    ["--size", "1400", "--dont-fragment"].map(str::to_owned).to_vec()
}

fn too_big(way: &Way<'_>, chance: &mut Pcg64Mcg) -> Option<Fault> {
    let hop = any(chance, &way.there, |hop| hop.is_router)?;
    let Hop { node, output, peer: (other, end), .. } = hop;
    let inject =
        format!("ip -n {node} link set {output} mtu 1300\nip -n {other} link set {end} mtu 1300");
    with(Fault::new(&["too-big"], node, inject), |fault| {
        fault.devices = vec![output.clone()];
        fault.ask = large();
    })
}

fn too_big_bridge(way: &Way<'_>, chance: &mut Pcg64Mcg) -> Option<Fault> {
    let Hop { node, output, .. } = any(chance, &way.there, |hop| hop.is_bridge)?;
    let inject = format!("ip -n {node} link set {output} mtu 1300");
    with(Fault::new(&["too-big"], node, inject), |fault| {
        fault.devices = vec![output.clone()];
        fault.ask = large();
    })
}

fn wrong_gateway(way: &Way<'_>, chance: &mut Pcg64Mcg) -> Option<Fault> {
    let (f, ..) = way.v();
    let hop = any(chance, &way.there, |hop| routes(hop) && hop.via.is_some())?;
    let Hop { node, route, nobody, .. } = hop;
    let inject = format!("ip -n {node} {f} route replace {route} via {nobody}");
    Fault::new(&["wrong-gateway"], node, inject)
}

fn link_down(way: &Way<'_>, chance: &mut Pcg64Mcg) -> Option<Fault> {
    let Hop { node, input, output, .. } = any(chance, &way.there, |hop| hop.is_bridge)?;
    let port = [input, output][below(chance, 2)];
    let inject = format!("ip -n {node} link set {port} down");
    with(Fault::new(&["link-down"], node, inject), |fault| fault.devices = vec![port.clone()])
}

fn no_listener(way: &Way<'_>, chance: &mut Pcg64Mcg) -> Option<Fault> {
    let proto = ["tcp", "udp"][below(chance, 2)];
    with(Fault::new(&["no-listener"], &way.network.name(way.to), String::new()), |fault| {
        fault.ask = ["--proto", proto, "--port", "81"].map(str::to_owned).to_vec();
    })
}

fn route_loop(way: &Way<'_>, chance: &mut Pcg64Mcg) -> Option<Fault> {
    let (f, ..) = way.v();
    let routers: Vec<&Hop> = way.there.iter().filter(|hop| hop.is_router).collect();
    if routers.len() < 2 {
        return None;
    }
    let place = 1 + below(chance, routers.len() - 1);
    let (before, hop) = (routers[place - 1], routers[place]);
    // The address of the router before, on the cable between them: the other than its next hop's.
    let via = before.via.as_ref()?;
    let end = if via.ends_with('1') { '2' } else { '1' };
    let via = format!("{}{end}", &via[..via.len() - 1]);
    let Hop { node, route, .. } = hop;
    let inject = format!("ip -n {node} {f} route replace {route} via {via}");
    with(Fault::new(&["route-loop", "wrong-route", "wrong-gateway"], node, inject), |fault| {
        fault.nodes.push(before.node.clone());
    })
}

fn reverse_path(way: &Way<'_>, _: &mut Pcg64Mcg) -> Option<Fault> {
    if way.network.family == Family::V6 {
        return None;
    }
    // The first that would send the answer out of another device than the packet came in by.
    let hop = way.there.iter().filter(|hop| hop.is_router).find(|hop| {
        let back = way.back.iter().find(|back| back.node == hop.node);
        back.is_none_or(|back| back.output != hop.input)
    })?;
    let Hop { node, input, .. } = hop;
    let inject = format!("ip netns exec {node} sysctl -qw net.ipv4.conf.{input}.rp_filter=1");
    with(Fault::new(&["reverse-path"], node, inject), |fault| fault.devices = vec![input.clone()])
}

fn duplicate_mac(way: &Way<'_>, _: &mut Pcg64Mcg) -> Option<Fault> {
    // Sender and next hop, with a bridge between.
    let first = way.there.first()?;
    let next = way.there[1..].iter().find(|hop| !hop.is_bridge)?;
    way.there.get(1).filter(|hop| hop.is_bridge)?;
    let (from, to) = (&first.node, &next.node);
    let inject = format!(
        "ip -n {from} link set e0 address 02:00:00:00:00:77\n\
         ip -n {to} link set {} address 02:00:00:00:00:77",
        next.input
    );
    with(Fault::new(&["duplicate-mac"], from, inject), |fault| fault.nodes.push(to.clone()))
}
