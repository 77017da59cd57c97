//! What conntrack does in the simulated lab: translation, and putting fragments together.

use super::bytes::{ICMP, Ip, read_ip};
use super::world::{Tuple, World};

impl World {
    /// What NAT makes of a packet that came in: each packet of a flow becomes what the first became,
    /// and answers go back to who asked.
    pub(super) fn translate(&mut self, node: &str, ip: Ip) -> Ip {
        if (ip.protocol, ip.content[0]) == (ICMP, 11) {
            return self.translate_error(node, ip);
        }
        let Some(old) = tuple(&ip) else { return ip };
        if let Some(known) = self.node(node).tracked.get(&old).copied() {
            return with(ip, known);
        }
        let mut new = old;
        if let Some((from, to)) = self.node(node).redirect
            && (old.1, old.4) == from
        {
            (new.1, new.4) = to;
        }
        let device = self.find_route(node, new.1).map(|(device, _)| device);
        let state = self.node(node);
        if let Some((out, address)) = state.masquerade
            && Some(out) == device
            && old.1 != address
            && old.0.is_ipv4() == address.is_ipv4()
        {
            new.0 = address;
            while state.tracked.contains_key(&mirrored(new)) {
                new.3 += 1;
            }
        }
        state.tracked.insert(old, new);
        state.tracked.insert(mirrored(new), mirrored(old));
        with(ip, new)
    }

    /// An ICMP error goes to who sent what it quotes, and quotes it as that one knows it.
    fn translate_error(&mut self, node: &str, mut ip: Ip) -> Ip {
        let quoted = read_ip(&ip.content[8..]);
        let known = tuple(&quoted)
            .and_then(|quoted| self.node(node).tracked.get(&mirrored(quoted)).copied());
        if let Some(answer) = known {
            let quoted = with(quoted, mirrored(answer));
            ip.destination = answer.1;
            ip.content.truncate(8);
            ip.content.extend(quoted.bytes());
        }
        ip
    }

    /// Keeps fragments until they are all there; then the packet goes on. It follows its first.
    pub(super) fn defragment(&mut self, node: &str, ip: Ip, seen: Option<usize>) {
        let state = self.node(node);
        if ip.offset == 0 {
            state.first_fragment = seen;
        }
        state.fragments.push(ip);
        state.fragments.sort_by_key(|ip| ip.offset);
        let whole = state.fragments.iter().try_fold(0, |end, ip| {
            (usize::from(ip.offset) == end).then_some(end + ip.content.len())
        });
        let last = state.fragments.last().is_some_and(|ip| !ip.more);
        if whole.is_none() || !last {
            return;
        }
        let first = state.first_fragment.take();
        let all = std::mem::take(&mut state.fragments);
        let content = all.iter().flat_map(|ip| ip.content.clone()).collect();
        let ip = Ip { content, more: false, ..all[0].clone() };
        self.packet(node, ip, first);
    }
}

/// An echo has its identifier where the port of the one who asks would be.
fn tuple(ip: &Ip) -> Option<Tuple> {
    let (from, to) = if ip.offset != 0 {
        return None;
    } else if ip.has_ports() {
        (ip.number(0), ip.number(2))
    } else if ip.is_echo_reply() {
        (0, ip.number(4))
    } else if ip.is_echo() {
        (ip.number(4), 0)
    } else {
        return None;
    };
    Some((ip.source, ip.destination, ip.protocol, from, to))
}

fn mirrored((a, b, protocol, from, to): Tuple) -> Tuple {
    (b, a, protocol, to, from)
}

fn with(mut ip: Ip, to: Tuple) -> Ip {
    (ip.source, ip.destination) = (to.0, to.1);
    if ip.has_ports() {
        ip.set_number(0, to.3);
        ip.set_number(2, to.4);
    } else {
        ip.set_number(4, to.3 | to.4);
    }
    ip
}
