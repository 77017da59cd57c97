//! Fields that no line of ours shows, beside what `tcpdump -v` says of them.

use twinax_packet::Packet;
use twinax_packet::decode::{
    Application, Dhcp, DiscoveryOption, Icmpv6, Ipv4, Ipv6, Layer, Network, Says, Transport,
};

use crate::case::Case;
use crate::random::Draw;
use crate::tcpdump::{Named, odd_ones, tcpdump};

/// Holds that tcpdump says of each frame all that we expect it to say; how many we expected of.
fn expect(test: &str, cases: &[Named], say: impl Fn(&Packet<'_>) -> Vec<String>) -> Option<usize> {
    let theirs = tcpdump(test, &["-v"], cases)?;
    let mut count = 0;
    for ((name, case), theirs) in cases.iter().zip(theirs) {
        let packet = case.packet();
        for expected in say(&packet) {
            assert!(
                theirs.contains(&expected),
                "{name}: {expected:?} is not in\n{theirs}\n{packet:?}"
            );
            count += 1;
        }
    }
    Some(count)
}

fn named(value: u8, names: &[(u8, &str)]) -> String {
    let set: Vec<&str> =
        names.iter().filter(|(bit, _)| value & bit != 0).map(|(_, name)| *name).collect();
    if set.is_empty() { "none".into() } else { set.join(", ") }
}

fn ipv4(ip: &Ipv4<'_>) -> Vec<String> {
    let ecn = ["", ",ECT(1)", ",ECT(0)", ",CE"][usize::from(ip.tos & 3)];
    let ttl = if ip.ttl > 0 { format!(", ttl {}", ip.ttl) } else { String::new() };
    let bits = u8::from(ip.more_fragments) | u8::from(ip.dont_fragment) << 1;
    let flags = named(bits, &[(1, "+"), (2, "DF")]);
    vec![
        format!(
            "(tos 0x{:x}{ecn}{ttl}, id {}, offset {}, flags [{flags}], proto ",
            ip.tos, ip.id, ip.fragment_offset
        ),
        format!(" ({}), length {}", ip.protocol, ip.total_length),
    ]
}

fn ipv6(ip: &Ipv6<'_>) -> Vec<String> {
    let class = match ip.traffic_class {
        0 => String::new(),
        class => format!("class 0x{class:02x}, "),
    };
    let flow = match ip.flow_label {
        0 => String::new(),
        flow => format!("flowlabel 0x{flow:05x}, "),
    };
    let mut said = vec![
        format!("({class}{flow}hlim {}, next-header ", ip.hop_limit),
        format!(" ({}) payload length: {}) ", ip.next_header, ip.payload_length),
    ];
    if let Some(fragment) = ip.fragment {
        said.push(format!("frag (0x{:08x}:{}|", fragment.id, fragment.offset));
    }
    said
}

#[test]
fn headers_of_ip_say_what_tcpdump_reads() {
    let mut draw = Draw::new(7);
    let random = (0..4000).map(|at| (format!("random {at}"), Case::whole(draw.frame())));
    let cases: Vec<Named> = random.collect();
    let said =
        expect("headers_of_ip_say_what_tcpdump_reads", &cases, |packet| match &packet.network {
            Network::Ipv4(ip) => ipv4(ip),
            Network::Ipv6(ip) => ipv6(ip),
            _ => Vec::new(),
        });
    assert!(said.is_none_or(|said| said > 4000), "{said:?}");
}

fn discovery(icmp: &Icmpv6<'_>) -> Vec<String> {
    let Some(discovery) = icmp.discovery() else { return Vec::new() };
    let mut said = match discovery.says {
        Says::RouterAdvertisement { hop_limit, flags, lifetime, reachable, retransmit } => {
            let flags = named(flags, &[(0x80, "managed"), (0x40, "other stateful")]);
            vec![format!(
                "hop limit {hop_limit}, Flags [{flags}], pref medium, router lifetime {lifetime}s, \
                 reachable time {reachable}ms, retrans timer {retransmit}ms"
            )]
        }
        Says::NeighborSolicitation { target } => vec![format!("who has {target}")],
        Says::NeighborAdvertisement { target, router, solicited, overrides } => {
            let bits = u8::from(router) | u8::from(solicited) << 1 | u8::from(overrides) << 2;
            let flags = named(bits, &[(1, "router"), (2, "solicited"), (4, "override")]);
            vec![format!("tgt is {target}, Flags [{flags}]")]
        }
        Says::Redirect { target, destination } => vec![format!("{destination} to {target}")],
        Says::RouterSolicitation => Vec::new(),
    };
    let mac =
        |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":");
    said.extend(discovery.options().map(|option| match option {
        DiscoveryOption::Source(address) => {
            format!("source link-address option (1), length 8 (1): {}", mac(address))
        }
        DiscoveryOption::Target(address) => {
            format!("destination link-address option (2), length 8 (1): {}", mac(address))
        }
        DiscoveryOption::Prefix { prefix, length, flags, valid, preferred } => {
            let flags = named(flags, &[(0x80, "onlink"), (0x40, "auto")]);
            format!(
                "{prefix}/{length}, Flags [{flags}], valid time {valid}s, pref. time {preferred}s"
            )
        }
        DiscoveryOption::Mtu(mtu) => format!("mtu option (5), length 8 (1):  {mtu}"),
        DiscoveryOption::Redirected(_) => "redirected header option (4)".into(),
        DiscoveryOption::Other(kind, _) => format!("option ({kind})"),
    }));
    said
}

fn listeners(icmp: &Icmpv6<'_>) -> Vec<String> {
    let names = ["is_in", "is_ex", "to_in", "to_ex", "allow", "block"];
    icmp.listener_records()
        .map(|record| {
            let name = names[usize::from(record.kind) - 1];
            let sources = record.source_bytes.len() / 16;
            format!("[gaddr {} {name}, {sources} source(s)]", record.group)
        })
        .collect()
}

#[test]
fn neighbours_and_listeners_say_what_tcpdump_reads() {
    let cases = odd_ones();
    let said = expect("neighbours_and_listeners_say_what_tcpdump_reads", &cases, |packet| {
        match &packet.transport {
            Transport::Icmpv6(icmp) => [discovery(icmp), listeners(icmp)].concat(),
            _ => Vec::new(),
        }
    });
    assert!(said.is_none_or(|said| said >= 10), "{said:?}");
}

fn dhcp(dhcp: &Dhcp<'_>) -> Vec<String> {
    let names = ["Discover", "Offer", "Request", "Decline", "ACK", "NACK", "Release", "Inform"];
    let mut said = vec![format!("xid 0x{:x}, secs {}, Flags [", dhcp.id, dhcp.seconds)];
    if dhcp.flags & 0x8000 != 0 {
        said.push("Flags [Broadcast]".into());
    }
    if !dhcp.your_ip.is_unspecified() {
        said.push(format!("Your-IP {}", dhcp.your_ip));
    }
    if dhcp.hardware == 1 {
        said.push(format!("Client-Ethernet-Address {}", dhcp.client_mac));
    }
    if let Some(name) = dhcp.message().and_then(|message| names.get(usize::from(message) - 1)) {
        said.push(format!("DHCP-Message (53), length 1: {name}"));
    }
    said
}

#[test]
fn dhcp_says_what_tcpdump_reads() {
    let cases = odd_ones();
    let said =
        expect("dhcp_says_what_tcpdump_reads", &cases, |packet| match packet.application() {
            Some(Application::Dhcp(message)) => dhcp(&message),
            _ => Vec::new(),
        });
    assert!(said.is_none_or(|said| said >= 40), "{said:?}");
}

/// The packet that an error quotes is one of its own: its ports are those that the error names.
#[test]
fn quoted_packets_are_read_too() {
    let mut quoted = 0;
    for (name, case) in odd_ones() {
        let packet = case.packet();
        let inner = match &packet.transport {
            Transport::Icmpv4(icmp) if packet.wrong_in(Layer::Ipv4).is_none() => icmp.quoted(),
            Transport::Icmpv6(icmp) => icmp.quoted(),
            _ => None,
        };
        let Some(inner) = inner else { continue };
        if name.ends_with("unreachable") || name.ends_with("time-exceeded") {
            assert_eq!(inner.ports(), Some((40_000, 33_434)), "{name}");
            quoted += 1;
        }
    }
    assert!(quoted > 20, "{quoted}");
}
