//! What the kernel does with frames, as far as it decides where they are seen.

use std::cmp::Reverse;
use std::net::IpAddr;

use rand_pcg::rand_core::Rng;
use twinax_packet::{Direction, Mac};

use super::bytes::{Carries, Frame, Ip, TCP, UDP, datagram, read_frame, read_ip};
use super::world::{Event, Id, Kind, Seen, World, is_in};

/// The port of VXLAN, and one of WireGuard's.
const VXLAN: u16 = 4789;
const WIREGUARD: u16 = 51820;
const GRE: u8 = super::bytes::GRE;

impl World {
    /// A frame goes out of a device: the first of its sightings.
    pub fn emit(&mut self, device: Id, frame: Frame) {
        self.schedule(device, true, frame, None);
    }

    /// A frame comes in at a device without having gone out of one: from a program behind a TAP.
    pub fn inject(&mut self, device: Id, frame: Frame) {
        self.schedule(device, false, frame, None);
    }

    /// A node sends a packet.
    pub fn send(&mut self, node: &str, ip: Ip) {
        self.route_out(node, ip, None);
    }

    /// An ARP request of a device.
    pub fn ask(&mut self, device: Id, target: &str) {
        let dev = &self.devices[device];
        let sender = dev.addresses.iter().find_map(|address| match address {
            IpAddr::V4(address) => Some(*address),
            IpAddr::V6(_) => None,
        });
        let target = (Mac::default(), target.parse().expect("an address"));
        let sender = (dev.mac, sender.expect("an IPv4 address"));
        let frame = Frame {
            source: dev.mac,
            destination: Mac::BROADCAST,
            vlans: Vec::new(),
            carries: Carries::Arp { request: true, sender, target },
        };
        self.emit(device, frame);
    }

    /// Time passes without anything happening.
    pub fn wait(&mut self, nanos: u64) {
        self.run();
        self.now += nanos;
    }

    /// All that is under way arrives.
    pub fn run(&mut self) {
        self.run_while(|_| true);
    }

    pub(super) fn run_while(&mut self, go_on: impl Fn(&Self) -> bool) {
        while go_on(self)
            && let Some(Reverse((time, number))) = self.queue.pop()
        {
            let event = self.events.remove(&number).expect("an event");
            self.now = time.max(self.now + 1);
            if self.devices[event.device].down {
                continue;
            }
            match event.out {
                true => self.goes_out(event),
                false => self.comes_in(event),
            }
        }
    }

    fn schedule(&mut self, device: Id, out: bool, frame: Frame, parent: Option<usize>) {
        let (least, most) = self.stretch;
        let took = least + self.below(most - least + 1) + self.devices[device].delay;
        let last = self.last.get(&(device, out)).copied().unwrap_or(0);
        let time = (self.now + took).max(last + 1);
        self.last.insert((device, out), time);
        let number = self.events.len() as u64 + self.seen.len() as u64 * 1000 + time % 1000;
        let number = (number..).find(|number| !self.events.contains_key(number)).expect("one");
        self.queue.push(Reverse((time, number)));
        self.events.insert(number, Event { device, out, frame, parent });
    }

    fn record(&mut self, event: &Event, direction: Direction) -> usize {
        let kind = self.devices[event.device].kind;
        let ethernet = !matches!(kind, Kind::Gre { .. } | Kind::WireGuard { .. });
        self.seen.push(Seen {
            time: self.now,
            interface: event.device,
            direction,
            bytes: event.frame.bytes(ethernet),
            parent: event.parent,
        });
        self.seen.len() - 1
    }

    fn goes_out(&mut self, event: Event) {
        if self.devices[event.device].kind == Kind::Loopback {
            // Seen once, when it comes in.
            return self.schedule(event.device, false, event.frame, None);
        }
        let seen = Some(self.record(&event, Direction::Out));
        let Event { device, frame, .. } = event;
        match self.devices[device].kind {
            Kind::Veth => self.over_cable(device, frame, seen),
            Kind::Bridge => self.bridge(device, None, frame, seen),
            Kind::Vlan { lower, id } => {
                let mut vlans = vec![id];
                vlans.extend(&frame.vlans);
                self.schedule(lower, true, Frame { vlans, ..frame }, seen);
            }
            Kind::Macvlan { lower } => self.schedule(lower, true, frame, seen),
            Kind::Vxlan { vni, from, to } => {
                let mut content = vec![8, 0, 0, 0];
                content.extend((vni << 8).to_be_bytes());
                content.extend(frame.bytes(true));
                let content = datagram(50_000, VXLAN, &content);
                self.tunnel(device, Ip::between(from, to, UDP, content).may_fragment(), seen);
            }
            Kind::Gre { from, to } => {
                let mut content = vec![0, 0, 8, 0];
                content.extend(frame.bytes(false));
                self.tunnel(device, Ip::between(from, to, GRE, content), seen);
            }
            Kind::WireGuard { from, to } => {
                let mut content = vec![4, 0, 0, 0];
                content.extend(frame.bytes(false).iter().map(|byte| byte ^ 0x5a));
                let content = datagram(WIREGUARD, WIREGUARD, &content);
                self.tunnel(device, Ip::between(from, to, UDP, content), None);
            }
            Kind::Loopback => unreachable!("handled above"),
        }
    }

    fn over_cable(&mut self, device: Id, frame: Frame, seen: Option<usize>) {
        let dev = &mut self.devices[device];
        dev.sent += 1;
        let Some(peer) = dev.peer else { return };
        if dev.loses != 0 && dev.sent.is_multiple_of(dev.loses) {
            return;
        }
        let twice = dev.doubles != 0 && dev.sent.is_multiple_of(dev.doubles);
        if twice {
            self.schedule(peer, false, frame.clone(), seen);
        }
        self.schedule(peer, false, frame, seen);
    }

    fn tunnel(&mut self, device: Id, mut outer: Ip, seen: Option<usize>) {
        outer.id = self.random.next_u32() as u16 | 1;
        let node = self.devices[device].node.clone();
        self.route_out(&node, outer, seen);
    }

    fn comes_in(&mut self, event: Event) {
        let own = self.devices[event.device].mac;
        let raw = matches!(
            self.devices[event.device].kind,
            Kind::Gre { .. } | Kind::WireGuard { .. } | Kind::Loopback
        );
        let direction = match event.frame.destination {
            _ if raw => Direction::In,
            Mac::BROADCAST => Direction::Broadcast,
            group if group.is_group() => Direction::Multicast,
            mac if mac == own => Direction::In,
            _ => Direction::OtherHost,
        };
        let seen = Some(self.record(&event, direction));
        let Event { device, frame, .. } = event;
        if let Some(bridge) = self.devices[device].bridge {
            let node = self.devices[device].node.clone();
            self.node(&node).fdb.insert((bridge, frame.source), device);
            return self.bridge(bridge, Some(device), frame, seen);
        }
        if let Some((upper, frame)) = self.upper(device, &frame) {
            return self.schedule(upper, false, frame, seen);
        }
        if !matches!(direction, Direction::OtherHost) && frame.vlans.is_empty() {
            self.host(device, frame, seen);
        }
    }

    /// The device on top of one for which a frame is.
    fn upper(&self, device: Id, frame: &Frame) -> Option<(Id, Frame)> {
        self.devices.iter().enumerate().find_map(|(id, dev)| match dev.kind {
            Kind::Vlan { lower, id: vlan }
                if lower == device && frame.vlans.first() == Some(&vlan) =>
            {
                Some((id, Frame { vlans: frame.vlans[1..].to_vec(), ..frame.clone() }))
            }
            Kind::Macvlan { lower } if lower == device && frame.destination == dev.mac => {
                Some((id, frame.clone()))
            }
            _ => None,
        })
    }

    fn bridge(&mut self, bridge: Id, from: Option<Id>, frame: Frame, seen: Option<usize>) {
        let node = self.devices[bridge].node.clone();
        let known = self.node(&node).fdb.get(&(bridge, frame.destination)).copied();
        let is_up = frame.destination == self.devices[bridge].mac;
        if from.is_some() && is_up {
            return self.schedule(bridge, false, frame, seen);
        }
        let ports: Vec<Id> = match known {
            Some(port) => vec![port],
            None => (0..self.devices.len())
                .filter(|id| self.devices[*id].bridge == Some(bridge))
                .collect(),
        };
        for port in ports.into_iter().filter(|port| Some(*port) != from) {
            self.schedule(port, true, frame.clone(), seen);
        }
        if from.is_some() && frame.destination.is_group() {
            self.schedule(bridge, false, frame, seen);
        }
    }

    /// A frame for a node itself.
    fn host(&mut self, device: Id, frame: Frame, seen: Option<usize>) {
        let node = self.devices[device].node.clone();
        let Carries::Ip(ip) = frame.carries else { return };
        if self.node(&node).defragments && (ip.more || ip.offset != 0) {
            return self.defragment(&node, ip, seen);
        }
        self.packet(&node, ip, seen);
    }

    pub(super) fn packet(&mut self, node: &str, ip: Ip, seen: Option<usize>) {
        let ip = self.translate(node, ip);
        let is_own = |world: &Self| {
            let own = world.devices.iter().filter(|dev| dev.node == node);
            own.flat_map(|dev| &dev.addresses).any(|own| *own == ip.destination)
        };
        if is_own(self) {
            return self.deliver(node, ip, seen);
        }
        if !self.node(node).forwards {
            return;
        }
        if ip.ttl <= 1 {
            return self.complain(node, &ip);
        }
        self.route_out(node, Ip { ttl: ip.ttl - 1, ..ip }, seen);
    }

    fn deliver(&mut self, node: &str, ip: Ip, seen: Option<usize>) {
        let tunnels: Vec<(Id, Kind)> = (0..self.devices.len())
            .filter(|id| self.devices[*id].node == node)
            .map(|id| (id, self.devices[id].kind))
            .collect();
        let link = |ip: Ip| Frame {
            source: Mac::default(),
            destination: Mac::default(),
            vlans: Vec::new(),
            carries: Carries::Ip(ip),
        };
        for (id, kind) in tunnels {
            match kind {
                Kind::Vxlan { from, .. }
                    if from == ip.destination
                        && ip.protocol == UDP
                        && ip.number(2) == VXLAN
                        && !ip.more
                        && ip.offset == 0 =>
                {
                    return self.schedule(id, false, read_frame(&ip.content[16..]), seen);
                }
                Kind::Gre { from, .. } if from == ip.destination && ip.protocol == GRE => {
                    return self.schedule(id, false, link(read_ip(&ip.content[4..])), seen);
                }
                Kind::WireGuard { from, .. }
                    if from == ip.destination
                        && ip.protocol == UDP
                        && ip.number(2) == WIREGUARD =>
                {
                    let open: Vec<u8> = ip.content[12..].iter().map(|byte| byte ^ 0x5a).collect();
                    return self.schedule(id, false, link(read_ip(&open)), None);
                }
                _ => {}
            }
        }
        if self.node(node).answers {
            self.answer(node, ip);
        }
    }

    /// An echo reply; or, from the port that is for it (RFC 862), the same datagram back.
    fn answer(&mut self, node: &str, mut ip: Ip) {
        (ip.source, ip.destination) = (ip.destination, ip.source);
        (ip.ttl, ip.id) = (64, 0);
        if ip.is_echo() && !ip.is_echo_reply() {
            ip.content[0] = if ip.source.is_ipv4() { 0 } else { 129 };
        } else if ip.protocol == UDP && !ip.more && ip.offset == 0 && ip.number(2) == 7 {
            let ports = (ip.number(0), ip.number(2));
            ip.set_number(0, ports.1);
            ip.set_number(2, ports.0);
        } else {
            return;
        }
        self.route_out(node, ip, None);
    }

    /// Time exceeded.
    fn complain(&mut self, node: &str, about: &Ip) {
        let Some((device, _)) = self.find_route(node, about.source) else { return };
        let Some(source) = self.devices[device].addresses.first().copied() else { return };
        let mut content = vec![11, 0, 0, 0, 0, 0, 0, 0];
        content.extend(about.bytes().iter().take(548));
        let id = self.random.next_u32() as u16 | 1;
        let ip = Ip::between(source, about.source, super::bytes::ICMP, content).with_id(id);
        self.route_out(node, ip, None);
    }

    pub(super) fn find_route(&self, node: &str, to: IpAddr) -> Option<(Id, IpAddr)> {
        let routes = &self.nodes[node].routes;
        let fits = routes.iter().filter(|(net, bits, ..)| is_in(to, *net, *bits));
        let (_, _, device, over) = fits.max_by_key(|(_, bits, ..)| *bits)?;
        Some((*device, over.unwrap_or(to)))
    }

    /// What a node sends or forwards.
    pub(super) fn route_out(&mut self, node: &str, ip: Ip, seen: Option<usize>) {
        let Some((device, next)) = self.find_route(node, ip.destination) else { return };
        let node_mac = self.nodes[node].neighbours.get(&next).copied();
        let raw = matches!(
            self.devices[device].kind,
            Kind::Gre { .. } | Kind::WireGuard { .. } | Kind::Loopback
        );
        let Some(mac) = node_mac.or(raw.then(Mac::default)) else { return };
        for ip in self.pieces(node, ip, device) {
            let source = if raw { Mac::default() } else { self.devices[device].mac };
            let carries = Carries::Ip(ip);
            let frame = Frame { source, destination: mac, vlans: Vec::new(), carries };
            self.schedule(device, true, frame, seen);
        }
    }

    /// Segments and fragments, where it is too long.
    fn pieces(&mut self, node: &str, mut ip: Ip, device: Id) -> Vec<Ip> {
        if let Some(mss) = self.nodes[node].clamp
            && ip.protocol == TCP
            && ip.content[12] == 0x60
        {
            ip.set_number(22, mss);
        }
        if let Some(size) = self.nodes[node].gso
            && ip.protocol == TCP
            && ip.content.len() > 20 + size
        {
            return segments(&ip, size);
        }
        let room = (self.devices[device].mtu - 20) / 8 * 8;
        if ip.content.len() + 20 <= self.devices[device].mtu || ip.dont_fragment {
            return vec![ip];
        }
        let count = ip.content.len().div_ceil(room);
        let all = ip.content.chunks(room).enumerate();
        all.map(|(place, content)| Ip {
            content: content.to_vec(),
            more: ip.more || place + 1 < count,
            offset: ip.offset + (place * room) as u16,
            ..ip.clone()
        })
        .collect()
    }
}

fn segments(ip: &Ip, size: usize) -> Vec<Ip> {
    let (header, data) = ip.content.split_at(20);
    let sequence = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
    let all = data.chunks(size).enumerate();
    all.map(|(place, part)| {
        let mut content = header.to_vec();
        let own = sequence.wrapping_add((place * size) as u32);
        content[4..8].copy_from_slice(&own.to_be_bytes());
        content.extend(part);
        Ip { content, id: ip.id.wrapping_add(place as u16), ..ip.clone() }
    })
    .collect()
}
