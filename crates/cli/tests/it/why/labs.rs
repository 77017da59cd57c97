//! The labs in which things go wrong.

use super::fault::Family;

/// A lab. Nodes have addresses of both families, wherever there is no reason against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lab {
    /// One namespace with both ends of a cable.
    Pair,
    /// Two hosts and a router.
    Router,
    /// Three hosts on a bridge; the second has another device there.
    Bridge,
    /// Two hosts, each with a TAP, and no program behind either.
    Taps,
    /// The same with a wire between them.
    Wired,
    /// Two hosts and three routers in a row.
    Chain,
    /// Two hosts, and two routers between them: there by one, back by the other.
    Triangle,
    /// Two hosts behind a router that masquerades, and a server beyond another that does not know
    /// of them.
    Nat,
    /// Two hosts, each on a bridge, and a cable between the bridges.
    Bridges,
    /// Two hosts with a VXLAN between them, over a router.
    Tunnel,
}

impl Lab {
    /// Its lab file.
    pub fn file(self) -> &'static str {
        match self {
            Self::Pair => PAIR,
            Self::Router => ROUTER,
            Self::Bridge => BRIDGE,
            Self::Taps => TAPS,
            Self::Wired => WIRED,
            Self::Chain => CHAIN,
            Self::Triangle => TRIANGLE,
            Self::Nat => NAT,
            Self::Bridges => BRIDGES,
            Self::Tunnel => TUNNEL,
        }
    }

    /// What it is called, as a running lab.
    pub fn name(self) -> &'static str {
        let line = self.file().lines().find_map(|line| line.strip_prefix("name = \""));
        line.expect("a lab has a name").trim_end_matches('"')
    }

    /// A node of it in which scripts are run.
    pub fn node(self) -> &'static str {
        let line = self.file().lines().find_map(|line| line.strip_prefix("[node."));
        line.expect("a lab has a node").trim_end_matches(']')
    }

    /// The words for its addresses.
    pub fn words(self, family: Family) -> Vec<(&'static str, String)> {
        let pick = |v4: &str, v6: &str| match family {
            Family::V4 => v4.to_owned(),
            Family::V6 => v6.to_owned(),
        };
        let two = |name, v4: &str, v6: &str| (name, pick(v4, v6));
        match self {
            Self::Pair => {
                vec![two("one", "20.1.0.10", "fd00:20::10"), two("two", "20.1.0.11", "fd00:20::11")]
            }
            Self::Router => vec![
                two("h1", "10.1.1.2", "fd00:1::2"),
                two("r1", "10.1.1.1", "fd00:1::1"),
                two("r2", "10.1.2.1", "fd00:2::1"),
                two("h2", "10.1.2.2", "fd00:2::2"),
                two("net1", "10.1.1.0/24", "fd00:1::/64"),
                two("net2", "10.1.2.0/24", "fd00:2::/64"),
                two("plen", "24", "64"),
                two("wide", "16", "16"),
                two("nobody1", "10.1.1.77", "fd00:1::77"),
                two("nobody2", "10.1.2.77", "fd00:2::77"),
                two("strange", "10.9.9.9", "fd00:9::9"),
                two("second", "10.1.2.3", "fd00:2::3"),
            ],
            Self::Bridge => vec![
                two("h1", "10.0.0.1", "fd00::1"),
                two("h2", "10.0.0.2", "fd00::2"),
                two("h3", "10.0.0.3", "fd00::3"),
                two("plen", "24", "64"),
                two("nobody", "10.0.0.77", "fd00::77"),
            ],
            Self::Taps | Self::Wired => {
                vec![two("t0", "10.1.1.1", "fd00:1::1"), two("t1", "10.1.1.2", "fd00:1::2")]
            }
            Self::Chain => vec![
                two("h1", "10.1.0.2", "fd01::2"),
                two("h2", "10.4.0.2", "fd04::2"),
                two("ra", "10.2.0.2", "fd02::2"),
                two("rb", "10.3.0.2", "fd03::2"),
                two("back1", "10.2.0.1", "fd02::1"),
                two("back2", "10.3.0.1", "fd03::1"),
                two("net1", "10.1.0.0/24", "fd01::/64"),
                two("net4", "10.4.0.0/24", "fd04::/64"),
                two("nobody3", "10.3.0.77", "fd03::77"),
            ],
            Self::Triangle => vec![
                two("h1", "10.1.0.2", "fd01::2"),
                two("h2", "10.3.0.2", "fd03::2"),
                two("there", "10.3.0.1", "fd03::1"),
                two("back", "10.4.0.1", "fd04::1"),
                two("net1", "10.1.0.0/24", "fd01::/64"),
            ],
            Self::Nat => vec![
                two("in", "192.168.1.2", "fd01::2"),
                two("in2", "192.168.1.3", "fd01::3"),
                two("lan", "192.168.1.1", "fd01::1"),
                two("wan", "203.0.113.1", "fd02::1"),
                two("srv", "198.51.100.2", "fd03::2"),
                two("netin", "192.168.1.0/24", "fd01::/64"),
                two("bracketed_nobody", "192.168.1.77", "[fd01::77]"),
                two("bracketed_in", "192.168.1.2", "[fd01::2]"),
                two("strange", "198.18.0.9", "fd09::9"),
                two("freewan", "203.0.113.77", "fd02::77"),
            ],
            Self::Bridges => vec![
                two("h1", "10.0.0.1", "fd00::1"),
                two("h2", "10.0.0.2", "fd00::2"),
                two("plen", "24", "64"),
            ],
            Self::Tunnel => vec![
                two("h1", "172.16.0.1", "fd16::1"),
                two("h2", "172.16.0.2", "fd16::2"),
                two("plen", "24", "64"),
                two("under1", "10.1.1.2", "10.1.1.2"),
                two("under2", "10.1.2.2", "10.1.2.2"),
            ],
        }
    }
}

const PAIR: &str = r#"
name = "why-pair"
[node.stack]
[[link]]
a = { at = "stack:veth1", ip = ["20.1.0.10/24", "fd00:20::10/64"] }
b = { at = "stack:veth2", ip = ["20.1.0.11/24", "fd00:20::11/64"] }
"#;

const ROUTER: &str = r#"
name = "why-router"
[node.h1]
route = [{ to = "default", via = "10.1.1.1" }, { to = "default", via = "fd00:1::1" }]
[node.r]
kind = "router"
[node.h2]
route = [{ to = "default", via = "10.1.2.1" }, { to = "default", via = "fd00:2::1" }]
listen = [{ tcp = 80, say = "here" }, { udp = 7 }]
[[link]]
a = { at = "h1:e0", ip = ["10.1.1.2/24", "fd00:1::2/64"] }
b = { at = "r:r1", ip = ["10.1.1.1/24", "fd00:1::1/64"] }
[[link]]
a = { at = "r:r2", ip = ["10.1.2.1/24", "fd00:2::1/64"] }
b = { at = "h2:e0", ip = ["10.1.2.2/24", "fd00:2::2/64"] }
"#;

const BRIDGE: &str = r#"
name = "why-bridge"
[node.h1]
[node.h2]
listen = [{ tcp = 80, say = "here" }, { udp = 7 }]
[node.h3]
[node.sw]
kind = "bridge"
[[link]]
a = { at = "h1:e0", ip = ["10.0.0.1/24", "fd00::1/64"] }
b = "sw:p1"
[[link]]
a = { at = "h2:e0", ip = ["10.0.0.2/24", "fd00::2/64"] }
b = "sw:p2"
[[link]]
a = { at = "h3:e0", ip = ["10.0.0.3/24", "fd00::3/64"] }
b = "sw:p3"
"#;

const TAPS: &str = r#"
name = "why-taps"
[node.ns0]
[node.ns1]
[[tap]]
at = "ns0:tap0"
ip = ["10.1.1.1/24", "fd00:1::1/64"]
[[tap]]
at = "ns1:tap1"
ip = ["10.1.1.2/24", "fd00:1::2/64"]
"#;

const WIRED: &str = r#"
name = "why-wired"
[node.ns0]
[node.ns1]
[[tap]]
at = "ns0:tap0"
ip = ["10.1.1.1/24", "fd00:1::1/64"]
[[tap]]
at = "ns1:tap1"
ip = ["10.1.1.2/24", "fd00:1::2/64"]
[[wire]]
a = "ns0:tap0"
b = "ns1:tap1"
"#;

const CHAIN: &str = r#"
name = "why-chain"
[node.h1]
route = [{ to = "default", via = "10.1.0.1" }, { to = "default", via = "fd01::1" }]
[node.r1]
kind = "router"
route = [
  { to = "10.3.0.0/24", via = "10.2.0.2" }, { to = "10.4.0.0/24", via = "10.2.0.2" },
  { to = "fd03::/64", via = "fd02::2" }, { to = "fd04::/64", via = "fd02::2" },
]
[node.r2]
kind = "router"
route = [
  { to = "10.1.0.0/24", via = "10.2.0.1" }, { to = "10.4.0.0/24", via = "10.3.0.2" },
  { to = "fd01::/64", via = "fd02::1" }, { to = "fd04::/64", via = "fd03::2" },
]
[node.r3]
kind = "router"
route = [
  { to = "10.1.0.0/24", via = "10.3.0.1" }, { to = "10.2.0.0/24", via = "10.3.0.1" },
  { to = "fd01::/64", via = "fd03::1" }, { to = "fd02::/64", via = "fd03::1" },
]
[node.h2]
route = [{ to = "default", via = "10.4.0.1" }, { to = "default", via = "fd04::1" }]
listen = [{ tcp = 80, say = "here" }, { udp = 7 }]
[[link]]
a = { at = "h1:e0", ip = ["10.1.0.2/24", "fd01::2/64"] }
b = { at = "r1:left", ip = ["10.1.0.1/24", "fd01::1/64"] }
[[link]]
a = { at = "r1:right", ip = ["10.2.0.1/24", "fd02::1/64"] }
b = { at = "r2:left", ip = ["10.2.0.2/24", "fd02::2/64"] }
[[link]]
a = { at = "r2:right", ip = ["10.3.0.1/24", "fd03::1/64"] }
b = { at = "r3:left", ip = ["10.3.0.2/24", "fd03::2/64"] }
[[link]]
a = { at = "r3:right", ip = ["10.4.0.1/24", "fd04::1/64"] }
b = { at = "h2:e0", ip = ["10.4.0.2/24", "fd04::2/64"] }
"#;

const TRIANGLE: &str = r#"
name = "why-triangle"
[node.h1]
route = [{ to = "default", via = "10.1.0.1" }, { to = "default", via = "fd01::1" }]
[node.ra]
kind = "router"
[node.rb]
kind = "router"
route = [{ to = "10.1.0.0/24", via = "10.2.0.2" }, { to = "fd01::/64", via = "fd02::2" }]
[node.h2]
route = [{ to = "default", via = "10.4.0.1" }, { to = "default", via = "fd04::1" }]
listen = [{ tcp = 80, say = "here" }, { udp = 7 }]
[[link]]
a = { at = "h1:e0", ip = ["10.1.0.2/24", "fd01::2/64"] }
b = { at = "ra:a1", ip = ["10.1.0.1/24", "fd01::1/64"] }
[[link]]
a = { at = "ra:a2", ip = ["10.3.0.1/24", "fd03::1/64"] }
b = { at = "h2:e0", ip = ["10.3.0.2/24", "fd03::2/64"] }
[[link]]
a = { at = "h1:e1", ip = ["10.2.0.2/24", "fd02::2/64"] }
b = { at = "rb:b1", ip = ["10.2.0.1/24", "fd02::1/64"] }
[[link]]
a = { at = "rb:b2", ip = ["10.4.0.1/24", "fd04::1/64"] }
b = { at = "h2:e1", ip = ["10.4.0.2/24", "fd04::2/64"] }
"#;

const NAT: &str = r#"
name = "why-nat"
[node.in]
route = [{ to = "default", via = "192.168.1.1" }, { to = "default", via = "fd01::1" }]
listen = { tcp = 80, say = "inside" }
[node.in2]
route = [{ to = "default", via = "192.168.1.1" }, { to = "default", via = "fd01::1" }]
[node.sw]
kind = "bridge"
[node.gate]
kind = "router"
route = [{ to = "default", via = "203.0.113.2" }, { to = "default", via = "fd02::2" }]
firewall = { masquerade = "wan", dnat = [
  { iif = "wan", protocol = "tcp", dport = 8080, to = "192.168.1.2:80" },
  { iif = "wan", protocol = "tcp", dport = 8080, to = "[fd01::2]:80" },
] }
[node.isp]
kind = "router"
[node.srv]
route = [{ to = "default", via = "198.51.100.1" }, { to = "default", via = "fd03::1" }]
listen = [{ tcp = 80, say = "here" }, { udp = 7 }]
[[link]]
a = { at = "in:e0", ip = ["192.168.1.2/24", "fd01::2/64"] }
b = "sw:p1"
[[link]]
a = { at = "in2:e0", ip = ["192.168.1.3/24", "fd01::3/64"] }
b = "sw:p2"
[[link]]
a = { at = "gate:lan", ip = ["192.168.1.1/24", "fd01::1/64"] }
b = "sw:p3"
[[link]]
a = { at = "gate:wan", ip = ["203.0.113.1/24", "fd02::1/64"] }
b = { at = "isp:i1", ip = ["203.0.113.2/24", "fd02::2/64"] }
[[link]]
a = { at = "isp:i2", ip = ["198.51.100.1/24", "fd03::1/64"] }
b = { at = "srv:e0", ip = ["198.51.100.2/24", "fd03::2/64"] }
"#;

const BRIDGES: &str = r#"
name = "why-bridges"
[node.h1]
[node.h3]
[node.h2]
listen = [{ tcp = 80, say = "here" }, { udp = 7 }]
[node.swa]
kind = "bridge"
[node.swb]
kind = "bridge"
[[link]]
a = { at = "h1:e0", ip = ["10.0.0.1/24", "fd00::1/64"] }
b = "swa:p1"
[[link]]
a = { at = "h2:e0", ip = ["10.0.0.2/24", "fd00::2/64"] }
b = "swb:p1"
[[link]]
a = { at = "h3:e0", ip = ["10.0.0.3/24", "fd00::3/64"] }
b = "swa:p3"
[[link]]
a = "swa:up"
b = "swb:up"
"#;

const TUNNEL: &str = r#"
name = "why-tunnel"
[node.h1]
route = { to = "default", via = "10.1.1.1" }
[node.h1.run]
name = "vxlan"
ready = "exit"
cmd = '''
set -e
ip link add vx0 type vxlan id 5 remote 10.1.2.2 dstport 4789
ip addr add 172.16.0.1/24 dev vx0
ip addr add fd16::1/64 dev vx0 nodad
ip link set vx0 up
'''
[node.r]
kind = "router"
[node.h2]
route = { to = "default", via = "10.1.2.1" }
[node.h2.run]
name = "vxlan"
ready = "exit"
cmd = '''
set -e
ip link add vx0 type vxlan id 5 remote 10.1.1.2 dstport 4789
ip addr add 172.16.0.2/24 dev vx0
ip addr add fd16::2/64 dev vx0 nodad
ip link set vx0 up
'''
[[link]]
a = { at = "h1:e0", ip = "10.1.1.2/24" }
b = { at = "r:r1", ip = "10.1.1.1/24" }
[[link]]
a = { at = "r:r2", ip = "10.1.2.1/24" }
b = { at = "h2:e0", ip = "10.1.2.2/24" }
"#;
