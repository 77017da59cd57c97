//! How the devices of a lab hang together, in the words of journeys.

use twinax_packet::journey::Role;

/// What a device of a kind (`IFLA_INFO_KIND`) does with frames. `tap`: `tap` or `tun` where it is a
/// TUN/TAP device.
pub(super) fn role(name: &str, kind: &str, tap: Option<&str>) -> Role {
    match (kind, tap) {
        ("", _) if name == "lo" => Role::Loopback,
        ("bridge", _) => Role::Bridge,
        // What a program does with packets that have no Ethernet header is rarely to pass them on.
        ("tun", Some("tun")) | ("wireguard", _) => Role::Sealed,
        ("veth" | "tun" | "netkit" | "", _) => Role::Cable,
        ("vlan" | "macvlan" | "macvtap" | "ipvlan" | "ipvtap", _) => Role::Upper,
        (
            "vxlan" | "geneve" | "gre" | "gretap" | "ip6gre" | "ip6gretap" | "ipip" | "ip6tnl"
            | "sit",
            _,
        ) => Role::Tunnel,
        _ => Role::Unknown,
    }
}
