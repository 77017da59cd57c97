//! Where our line differs from tcpdump's, each as narrow as can be said. docs/capture.md has the reasons,
//! under the same names.

use twinax_packet::Packet;
use twinax_packet::decode::{Application, Layer, Network, Transport, Wrong, protocol};

/// A difference.
pub struct Difference {
    /// As docs/capture.md calls it.
    pub name: &'static str,
    /// What we write instead of what tcpdump has written; `None` where it isn't about this.
    pub instead: fn(&str, &Packet<'_>) -> Option<String>,
}

/// At the end of what is expected: anything may follow.
pub const ANYTHING: &str = "\u{0}anything";

pub const DIFFERENCES: [Difference; 14] = [
    Difference { name: "One line", instead: one_line },
    Difference { name: "A space behind what is missing", instead: space_behind_missing },
    Difference { name: "A length of 0", instead: length_of_0 },
    Difference { name: "Nested packets", instead: nested },
    Difference { name: "VXLAN on Linux's own port", instead: vxlan_of_linux },
    Difference { name: "WireGuard", instead: wireguard },
    Difference { name: "DHCP's messages", instead: dhcp },
    Difference { name: "Options of TCP that are cut off", instead: cut_off_options },
    Difference { name: "IPv6 that says it is empty", instead: empty_ipv6 },
    Difference { name: "Options of IPv6 extension headers", instead: hop_by_hop_options },
    Difference { name: "ICMP that ends in its header", instead: short_icmp },
    Difference { name: "MD5 signatures", instead: md5 },
    Difference { name: "Multipath TCP", instead: mptcp },
    Difference { name: "Protocols that only tcpdump reads", instead: only_tcpdump },
];

/// Hexadecimal dumps are left out, with the colon before them; what else is on further lines follows a
/// colon. Where tcpdump has dumped instead of saying a length, we say it.
fn one_line(theirs: &str, _: &Packet<'_>) -> Option<String> {
    let is_dump = |line: &str| line.starts_with("\t0x");
    let said: Vec<&str> = theirs.split('\n').filter(|line| !is_dump(line)).collect();
    let mut joined = said.join(": ");
    if let Some(said) = joined.strip_suffix(": ").or(joined.strip_suffix("), ")) {
        let bracket = if joined.ends_with("), ") { ")" } else { "" };
        joined = format!("{said}{bracket}");
    } else if theirs.contains("\n\t0x") {
        let without_length = joined.ends_with(") ") || joined.contains("unknown unreach code");
        joined = joined.trim_end().into();
        if without_length {
            joined += ", length ";
            joined += ANYTHING;
        }
    }
    (joined != theirs).then_some(joined)
}

fn space_behind_missing(theirs: &str, _: &Packet<'_>) -> Option<String> {
    let (before, behind) = theirs.split_once("truncated-ip6 - ")?;
    let (count, behind) = behind.split_once(" bytes missing!")?;
    Some(format!("{before}truncated-ip6 - {count} bytes missing! {behind}"))
}

fn length_of_0(theirs: &str, _: &Packet<'_>) -> Option<String> {
    let begin = theirs.strip_suffix("bad-len 0")?;
    Some(format!("{begin}{ANYTHING}"))
}

/// Packets in packets are followed to the eighth.
fn nested(theirs: &str, _: &Packet<'_>) -> Option<String> {
    let (ninth, _) = theirs.match_indices("vni ").nth(8)?;
    let end = ninth + theirs[ninth..].find(": ")?;
    if &theirs[end..] == ":  [|vxlan]" {
        return None;
    }
    Some(format!("{}: [nested too deep]", &theirs[..end]))
}

/// tcpdump takes it for OTV, whose header looks the same.
fn vxlan_of_linux(theirs: &str, _: &Packet<'_>) -> Option<String> {
    let (begin, header) = theirs.split_once("OTV, ")?;
    if header.starts_with("[length ") {
        return Some(format!("{begin}VXLAN (invalid)"));
    }
    let header = header.replace("[.]", "[invalid]").replace("[|otv]", "[|vxlan]");
    Some(match header.split_once("overlay ") {
        Some((flags, rest)) => {
            let cut = (" [|vxlan]", "");
            let network = rest.split_once("instance ").map_or(cut, |(_, rest)| ("vni ", rest));
            format!("{begin}VXLAN, {flags}{}{}", network.0, network.1)
        }
        None if header.starts_with(" [|") => format!("{begin}VXLAN{header}"),
        None => format!("{begin}VXLAN, {header}"),
    })
}

fn wireguard(theirs: &str, packet: &Packet<'_>) -> Option<String> {
    let Some(Application::WireGuard(_)) = packet.application() else { return None };
    let (begin, length) = theirs.split_once("UDP, length ")?;
    length.parse::<u32>().ok()?;
    Some(format!("{begin}WireGuard, {ANYTHING}"))
}

fn dhcp(theirs: &str, packet: &Packet<'_>) -> Option<String> {
    let Some(Application::Dhcp(dhcp)) = packet.application() else { return None };
    let message = match dhcp.message()? {
        1 => "Discover",
        2 => "Offer",
        3 => "Request",
        4 => "Decline",
        5 => "ACK",
        6 => "NACK",
        7 => "Release",
        8 => "Inform",
        _ => return None,
    };
    theirs.contains("BOOTP/DHCP, ").then(|| format!("{theirs}, {message}"))
}

/// tcpdump closes what it opened with another bracket.
fn cut_off_options(theirs: &str, packet: &Packet<'_>) -> Option<String> {
    let Transport::Tcp(_) = packet.transport else { return None };
    let begin = theirs.strip_suffix(" [|tcp]>")?;
    Some(format!("{begin} [|tcp]"))
}

/// Where what follows the addresses of IP begins, and their ports.
fn behind_addresses(theirs: &str, packet: &Packet<'_>) -> Option<usize> {
    let source = theirs.find(&packet.source()?.to_string())?;
    let arrow = source + theirs[source..].find(" > ")?;
    Some(arrow + theirs[arrow..].find(": ")? + 2)
}

/// Nothing follows then: we look for nothing.
fn empty_ipv6(theirs: &str, packet: &Packet<'_>) -> Option<String> {
    let Network::Ipv6(ip) = &packet.network else { return None };
    let is_empty = ip.payload_length == 0 && packet.wrong_in(Layer::Extension).is_some();
    let begin = &theirs[..behind_addresses(theirs, packet).filter(|_| is_empty)?];
    Some(match ip.next_header {
        protocol::HOP_BY_HOP => {
            format!("{begin}HBH [No valid Jumbo Payload Hop-by-Hop option found] (invalid)")
        }
        _ => format!("{begin} [|ip6]"),
    })
}

/// We don't look at them.
fn hop_by_hop_options(theirs: &str, packet: &Packet<'_>) -> Option<String> {
    let Network::Ipv6(ip) = &packet.network else { return None };
    let whole = ip.extensions().any(|extension| extension.kind == protocol::HOP_BY_HOP);
    let begin = theirs.strip_suffix(" [|hbhopt]").filter(|_| whole)?;
    Some(format!("{}HBH {ANYTHING}", begin.split_once("HBH ")?.0))
}

/// tcpdump does not say so where the kind alone is enough for what it writes.
fn short_icmp(theirs: &str, packet: &Packet<'_>) -> Option<String> {
    let short = |layer| matches!(packet.wrong_in(layer), Some(Wrong::Cut | Wrong::Short));
    if short(Layer::Icmpv4) {
        let (begin, _) = theirs.split_once(": ICMP ")?;
        return Some(format!("{begin}:  [|icmp]"));
    }
    if !short(Layer::Icmpv6) {
        return None;
    }
    let name = theirs.find("ICMP6, ")? + "ICMP6, ".len();
    let end = match theirs[name..].starts_with("unknown icmp6 type (") {
        true => theirs[name..].find(')')? + 1,
        false => theirs[name..].find([',', '[', '(']).unwrap_or(theirs.len() - name),
    };
    let begin = theirs[..name + end].trim_end();
    let begin = begin.find(" query ").map_or(begin, |at| &begin[..at + " query".len()]);
    (!theirs.contains("ICMP6, length 0")).then(|| format!("{begin} [|icmp6]"))
}

fn md5(theirs: &str, _: &Packet<'_>) -> Option<String> {
    let reasons = ["shared secret not supplied with -M", "snaplen too short"];
    reasons.iter().find_map(|reason| {
        let excuse = format!("md5 {reason}, can't check - ");
        theirs.contains(&excuse).then(|| theirs.replace(&excuse, "md5 "))
    })
}

fn mptcp(theirs: &str, packet: &Packet<'_>) -> Option<String> {
    let Transport::Tcp(_) = packet.transport else { return None };
    let (before, _) = theirs.split_once("mptcp ")?;
    Some(format!("{before}mptcp{ANYTHING}"))
}

/// EtherTypes, protocols of IP and ports that tcpdump reads, and we don't.
fn only_tcpdump(theirs: &str, packet: &Packet<'_>) -> Option<String> {
    match (&packet.network, &packet.transport) {
        (Network::Other(kind), _) => only_tcpdump_ethertype(theirs, packet, *kind),
        (_, Transport::Other(number)) if IP_PROTOCOLS.contains(number) => {
            let (source, destination) = (packet.source()?.to_string(), packet.destination()?);
            let begin = match theirs.find(&source) {
                Some(at) => &theirs[..at],
                None => theirs.strip_suffix(" [|sctp]")?,
            };
            let between = format!("{begin}{source} > {destination}: ");
            let extended = matches!(packet.network, Network::Ipv6(ip) if ip.next_header != *number);
            Some(match extended {
                true => between + ANYTHING,
                false => format!("{between} ip-proto-{number} {}", packet.payload_length),
            })
        }
        (_, Transport::Tcp(tcp)) => {
            let known = |port| TCP_PORTS.contains(&port);
            if !known(tcp.source_port) && !known(tcp.destination_port) {
                return None;
            }
            let (begin, behind) = theirs.rsplit_once(", length ")?;
            let length: String = behind.chars().take_while(char::is_ascii_digit).collect();
            (length != behind).then(|| format!("{begin}, length {length}"))
        }
        (_, Transport::Udp(udp)) => {
            let known = |port| UDP_PORTS.contains(&port);
            if !known(udp.source_port) && !known(udp.destination_port) {
                return None;
            }
            let begin = &theirs[..behind_addresses(theirs, packet)?];
            Some(format!("{begin}UDP, {ANYTHING}"))
        }
        _ => None,
    }
}

fn only_tcpdump_ethertype(theirs: &str, packet: &Packet<'_>, kind: u16) -> Option<String> {
    let ethernet = packet.ethernet?;
    let (source, destination) = (ethernet.source, ethernet.destination);
    if kind > 1500 {
        return ETHERTYPES
            .contains(&kind)
            .then(|| format!("{source} > {destination}, ethertype {ANYTHING}"));
    }
    if let Some((header, _)) = theirs.split_once(": LLC, ") {
        return Some(header.into());
    }
    let is_stp = packet.payload.starts_with(&[0x42, 0x42, 0x03]);
    (!is_stp).then(|| format!("{source} > {destination}, 802.3, length {}", packet.length))
}

const ETHERTYPES: [u16; 5] = [0x8809, 0x8847, 0x8863, 0x8864, 0x88cc];
const IP_PROTOCOLS: [u8; 18] =
    [8, 9, 33, 46, 47, 51, 55, 62, 77, 88, 89, 103, 108, 112, 113, 132, 135, 143];
const TCP_PORTS: [u16; 3] = [22, 25, 80];
const UDP_PORTS: [u16; 3] = [123, 161, 514];
