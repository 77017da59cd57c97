//! Steps that send something.

use std::net::IpAddr;

use super::pick;
use super::step::{StepRecipe, addresses, milliseconds};
use crate::model::*;

impl StepRecipe {
    /// An address, or something that has one of the family.
    fn target(&self, lab: &Topology) -> (Target, Option<Family>) {
        let holders: Vec<&Interface> =
            lab.interfaces().filter(|interface| !interface.addresses.is_empty()).collect();
        let Some(holder) = pick(&holders, self.picks[1]) else {
            return (Target::Address(IpAddr::from([10, 250, 0, 1])), None);
        };
        let address = holder.addresses[0].addr();
        let Place { node, interface } = holder.place.clone();
        match self.picks[2] % 3 {
            0 => (Target::Address(address), None),
            1 => {
                let spot = Spot { node, interface: Some(interface) };
                (Target::Spot(spot), Some(Family::of(address)))
            }
            _ => (Target::Spot(Spot { node, interface: None }), Some(Family::of(address))),
        }
    }

    /// A source address only while the lab is as it was made.
    pub(super) fn ping(&self, lab: &Topology, as_made: bool) -> Option<Action> {
        let (to, family) = self.target(lab);
        let mut ping = Ping::new(self.node(lab, 0).name.clone(), to);
        ping.family = family;
        let wanted = match &ping.to {
            Target::Address(address) => Family::of(*address),
            Target::Spot(_) => family?,
        };
        if self.switches[0] {
            let interfaces: Vec<&Interface> = lab.interfaces_of(&ping.from).collect();
            ping.interface = pick(&interfaces, self.picks[3]).map(|i| i.place.interface.clone());
        } else if self.switches[1] && as_made {
            ping.source = addresses(lab, &ping.from).find(|a| Family::of(*a) == wanted);
        }
        ping.count = u16::from(self.picks[4] % 9) + 1;
        let expect = self.echo_expect(ping.count);
        ping.timeout = expect.usual_timeout();
        if let Some(number) = self.number {
            ping.interval = milliseconds(number);
            ping.ttl = Some(self.picks[4].max(1));
            ping.size = number % 1200;
            ping.timeout = milliseconds(number);
            ping.dont_fragment = self.switches[2];
        }
        Some(Action::Ping(ping, expect))
    }

    fn echo_expect(&self, count: u16) -> EchoExpect {
        let mut expect = EchoExpect::default();
        match self.picks[5] % 6 {
            0 => expect.received = Some(count),
            1 => expect.reachable = Some(self.switches[3]),
            2 => {
                expect.received = Some(count - 1);
                expect.lost = Some(1);
            }
            3 => expect.told = pick(Told::ALL, self.picks[3]).copied(),
            4 => expect.lost = Some(count),
            _ => {}
        }
        expect
    }

    pub(super) fn traceroute(&self, lab: &Topology) -> Option<Action> {
        let (to, family) = self.target(lab);
        let mut traceroute = Traceroute::new(self.node(lab, 0).name.clone(), to.clone());
        traceroute.family = family;
        if self.switches[1] {
            let port = if self.switches[3] { Traceroute::PORT } else { self.number.unwrap_or(1) };
            traceroute.method = TraceMethod::Udp { port: port.min(60_000) };
        }
        traceroute.probes = self.picks[4] % Traceroute::MOST_PROBES + 1;
        if self.switches[2] {
            traceroute.max_hops = 3;
        }
        traceroute.timeout = self.number.map_or(Traceroute::TIMEOUT, milliseconds);
        let mut expect = TracerouteExpect::default();
        match self.picks[3] % 4 {
            0 => expect.hops = Some(self.hops(to)),
            1 => expect.reachable = Some(self.switches[0]),
            2 => expect.told = Some(Told::NetUnreachable),
            _ => {}
        }
        Some(Action::Traceroute(traceroute, expect))
    }

    /// A silent hop perhaps, and one with one or two names.
    fn hops(&self, last: Target) -> Vec<HopExpect> {
        let silent = self.switches[0].then_some(HopExpect::Silent);
        let names = if self.picks[5].is_multiple_of(2) { 1 } else { 2 };
        silent.into_iter().chain([HopExpect::OneOf(vec![last; names])]).collect()
    }

    pub(super) fn tcp(&self, lab: &Topology) -> Option<Action> {
        let (to, family) = self.target(lab);
        let from = self.node(lab, 0).name.clone();
        let timeout = self.number.map_or(Tcp::TIMEOUT, milliseconds);
        let port = self.number.unwrap_or(80);
        let mut expect = TcpExpect::default();
        match self.picks[3] % 4 {
            0 => expect.connected = Some(self.switches[0]),
            1 => expect.said = self.text(),
            2 => {
                expect.connected = Some(false);
                expect.told = Some(Told::ConnectionRefused);
            }
            _ => {}
        }
        Some(Action::Tcp(Tcp { from, to, family, port, timeout }, expect))
    }

    pub(super) fn udp(&self, lab: &Topology) -> Option<Action> {
        let (to, family) = self.target(lab);
        let port = self.number.unwrap_or(Udp::PORT);
        let mut udp = Udp::new(self.node(lab, 0).name.clone(), to, port);
        udp.family = family;
        udp.count = u16::from(self.picks[4] % 9) + 1;
        let mut expect = self.echo_expect(udp.count);
        expect.told = expect.told.filter(|told| *told != Told::PortUnreachable);
        udp.timeout = expect.usual_timeout();
        if let Some(number) = self.number {
            udp.source_port = Some(number);
            udp.interval = milliseconds(number);
            udp.timeout = milliseconds(number);
            udp.ttl = Some(self.picks[4].max(1));
            udp.size = number % 1200 + Udp::LEAST;
        }
        Some(Action::Udp(udp, expect))
    }
}
