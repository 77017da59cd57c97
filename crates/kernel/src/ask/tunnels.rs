//! Devices that carry frames or packets within other packets: what `ip -d link` and `bridge fdb` say of
//! them.

use std::collections::HashMap;
use std::net::IpAddr;

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::LinkMessage;
use netlink_sys::protocols::NETLINK_ROUTE;

use crate::attributes::{Value, header, number};
use crate::error::Error;
use crate::fdb;
use crate::netlink::{self, Socket};
use crate::observe::link::ifla;

/// Hardware addresses, each with where a tunnel sends what is for it.
pub type Entries = Vec<([u8; 6], IpAddr)>;

/// A device that carries frames or packets within other packets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tunnel {
    /// The device.
    pub device: String,
    /// Its kind: `vxlan`, `geneve`, `gre`, `gretap`, `ip6gre`, `ip6gretap`, `ipip`, `sit`, `ip6tnl`.
    pub kind: String,
    /// Whether each packet says by itself where it goes: then nothing of the rest is known.
    pub external: bool,
    /// The number of its network (VNI, key) in what it sends; `None`: it has none.
    pub sends: Option<u32>,
    /// The same in what it takes.
    pub takes: Option<u32>,
    /// The address that it sends from, where one is said.
    pub local: Option<IpAddr>,
    /// The address that it sends to, where one is said.
    pub remote: Option<IpAddr>,
    /// The UDP port that it sends to and takes from, where it has one.
    pub port: Option<u16>,
    /// Where it sends what is for a hardware address, as its forwarding database has it. Those of the
    /// address zero are for all that is not known otherwise.
    pub entries: Entries,
}

impl Tunnel {
    /// Where it sends a frame that is for this hardware address: its entry, the entries for what is not
    /// known, or the other end that it has.
    pub fn destinations(&self, mac: Option<[u8; 6]>) -> Vec<IpAddr> {
        let of = |mac: [u8; 6]| -> Vec<IpAddr> {
            let entries = self.entries.iter().filter(|(own, _)| *own == mac);
            entries.map(|(_, to)| *to).collect()
        };
        let known = mac.map(of).unwrap_or_default();
        let known = if known.is_empty() { of([0; 6]) } else { known };
        match known.is_empty() && self.kind != "vxlan" {
            true => self.remote.into_iter().collect(),
            false => known,
        }
    }
}

/// Where in `IFLA_INFO_DATA` a kind of device has what (`linux/if_link.h`, `linux/if_tunnel.h`).
struct Layout {
    /// Number in what is sent, in what is taken.
    numbers: Option<(u16, u16)>,
    /// Local addresses, remote ones.
    ends: (&'static [u16], &'static [u16]),
    port: Option<u16>,
    /// There if each packet says by itself where it goes.
    external: u16,
    /// Whether numbers are big-endian, and there only where flags say it (GRE).
    is_gre: bool,
}

/// `IFLA_VXLAN_…`.
const VXLAN: Layout = Layout {
    numbers: Some((1, 1)),
    ends: (&[4, 17], &[2, 16]),
    port: Some(15),
    external: 25,
    is_gre: false,
};
/// `IFLA_GENEVE_…`.
const GENEVE: Layout = Layout {
    numbers: Some((1, 1)),
    ends: (&[], &[2, 7]),
    port: Some(5),
    external: 6,
    is_gre: false,
};
/// `IFLA_GRE_…`.
const GRE: Layout =
    Layout { numbers: Some((5, 4)), ends: (&[6], &[7]), port: None, external: 18, is_gre: true };
/// `IFLA_GRE_IFLAGS`, `IFLA_GRE_OFLAGS`, and `GRE_KEY`, in network byte order.
const GRE_FLAGS: (u16, u16) = (2, 3);
const GRE_KEY: u16 = 0x2000;
/// `IFLA_IPTUN_…`.
const IP: Layout =
    Layout { numbers: None, ends: (&[2], &[3]), port: None, external: 19, is_gre: false };

fn layout(kind: &str) -> Option<Layout> {
    Some(match kind {
        "vxlan" => VXLAN,
        "geneve" => GENEVE,
        "gre" | "gretap" | "ip6gre" | "ip6gretap" => GRE,
        "ipip" | "sit" | "ip6tnl" => IP,
        _ => return None,
    })
}

/// Whether devices of a kind carry packets within packets, and say where to.
pub fn is_tunnel(kind: &str) -> bool {
    layout(kind).is_some()
}

/// The tunnels of the namespace of the calling thread, but for those that only the kernel can see through
/// (WireGuard, IPsec).
pub fn tunnels() -> Result<Vec<Tunnel>, Error> {
    let mut socket = Socket::open(NETLINK_ROUTE)?;
    let ask = RouteNetlinkMessage::GetLink(LinkMessage::default());
    let mut answer = Vec::new();
    socket.dump_raw("asking for tunnels", &ask, &mut answer)?;
    let mut found: Vec<(u32, Tunnel)> = netlink::messages(&answer)
        .filter(|(header, _)| header.message_type == libc::RTM_NEWLINK)
        .filter_map(|(_, message)| device(message))
        .collect();
    if found.iter().any(|(_, tunnel)| tunnel.kind == "vxlan") {
        let mut entries: HashMap<u32, Entries> = HashMap::new();
        for (index, entry) in fdb::list(&mut socket)? {
            entries.entry(index).or_default().extend(entry.to.map(|to| (entry.mac, to)));
        }
        for (index, tunnel) in &mut found {
            tunnel.entries = entries.remove(index).unwrap_or_default();
            // The kernel lists them as they lie in its table.
            tunnel.entries.sort_by_key(|(mac, _)| *mac);
        }
    }
    Ok(found.into_iter().map(|(_, tunnel)| tunnel).collect())
}

fn device(message: &[u8]) -> Option<(u32, Tunnel)> {
    // struct ifinfomsg: family, pad, type, index.
    let (header, attributes) = header::<16>(message)?;
    let (mut name, mut info) = (None, None);
    for (attribute, value) in attributes {
        match attribute {
            ifla::IFNAME => name = Some(value.text()),
            ifla::LINKINFO => info = Some(value),
            _ => {}
        }
    }
    let info = info?;
    let mut tunnel = read(&info.get(ifla::INFO_KIND)?.text(), info.get(ifla::INFO_DATA)?)?;
    tunnel.device = name?;
    Some((number(header, 4), tunnel))
}

/// What is said of a device of a kind; `None`: it is no tunnel.
fn read(kind: &str, data: Value<'_>) -> Option<Tunnel> {
    let layout = layout(kind)?;
    let address = |all: &[u16]| {
        let addresses = all.iter().filter_map(|own| data.get(*own)?.ip());
        addresses.into_iter().find(|address| !address.is_unspecified())
    };
    let numbered = |attribute: u16, flags: u16| {
        let value = data.get(attribute)?.u32()?;
        if !layout.is_gre {
            return Some(value);
        }
        let has_key = u16::from_be(data.get(flags)?.u16()?) & GRE_KEY != 0;
        has_key.then_some(u32::from_be(value))
    };
    let numbers = layout.numbers;
    Some(Tunnel {
        device: String::new(),
        kind: kind.to_owned(),
        // A flag that is a number of one byte in some kinds, and without a value in others.
        external: data.get(layout.external).is_some_and(|own| own.u8().is_none_or(|own| own != 0)),
        sends: numbers.and_then(|(sends, _)| numbered(sends, GRE_FLAGS.1)),
        takes: numbers.and_then(|(_, takes)| numbered(takes, GRE_FLAGS.0)),
        local: address(layout.ends.0),
        remote: address(layout.ends.1),
        port: layout.port.and_then(|port| Some(u16::from_be(data.get(port)?.u16()?))),
        entries: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An attribute, padded.
    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = (4 + value.len()) as u16;
        let mut bytes = [&length.to_ne_bytes()[..], &kind.to_ne_bytes(), value].concat();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    #[test]
    fn a_vxlan() {
        let data = [
            attribute(1, &5u32.to_ne_bytes()),
            attribute(2, &[10, 1, 2, 2]),
            attribute(15, &4789u16.to_be_bytes()),
            attribute(25, &[0]),
        ]
        .concat();
        let found = read("vxlan", Value(&data)).expect("a tunnel");
        assert_eq!((found.sends, found.takes, found.port), (Some(5), Some(5), Some(4789)));
        assert_eq!(found.remote, Some(IpAddr::from([10, 1, 2, 2])));
    }

    #[test]
    fn a_gre_with_a_key_one_way() {
        let data = [
            attribute(2, &0u16.to_be_bytes()),
            attribute(3, &GRE_KEY.to_be_bytes()),
            attribute(4, &0u32.to_be_bytes()),
            attribute(5, &7u32.to_be_bytes()),
            attribute(6, &[0, 0, 0, 0]),
            attribute(7, &[10, 1, 2, 2]),
        ]
        .concat();
        let found = read("gre", Value(&data)).expect("a tunnel");
        assert_eq!((found.sends, found.takes, found.local), (Some(7), None, None));
    }

    #[test]
    fn one_that_is_told_by_each_packet() {
        let found = read("geneve", Value(&attribute(6, &[]))).expect("a tunnel");
        assert!(found.external);
        assert_eq!(read("veth", Value(&[])), None);
    }

    #[test]
    fn where_a_frame_goes() {
        let [near, far] = [IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2])];
        let mac = [2, 0, 0, 0, 0, 1];
        let entries = vec![([0; 6], near), (mac, far)];
        let vxlan = Tunnel { kind: "vxlan".to_owned(), entries, ..Tunnel::default() };
        assert_eq!(vxlan.destinations(Some(mac)), [far]);
        assert_eq!(vxlan.destinations(Some([0xff; 6])), [near]);
        let gre = Tunnel { kind: "gre".to_owned(), remote: Some(far), ..Tunnel::default() };
        assert_eq!(gre.destinations(None), [far]);
    }
}
