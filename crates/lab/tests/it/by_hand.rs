//! What somebody may do in the nodes of a running lab with `ip`, `bridge`, `sysctl` and `nft`.

use std::process::{Command, Stdio};

use proptest::collection::vec;
use proptest::prelude::*;
use twinax_topology::{Interface, TapMode, Topology};

use crate::both_ways::{chain, in_view};

/// Which deed, and two numbers that say to what.
pub type Deed = (u8, u8, u8);

/// A few deeds.
pub fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    vec((any::<u8>(), any::<u8>(), any::<u8>()), 1..6)
}

/// The deeds as lines for `sh`.
pub fn commands(lab: &Topology, deeds: &[Deed]) -> Vec<String> {
    let deed = |(number, &(what, which, how)): (usize, &Deed)| {
        let node = &lab.nodes[usize::from(which) % lab.nodes.len()].name;
        let devices: Vec<&Interface> = lab.interfaces_of(node).collect();
        let device = devices.get(usize::from(how) % devices.len().max(1));
        match device {
            Some(device) if what % 3 != 0 => to_device(lab, device, what / 3, how, number),
            _ => to_node(lab, node.as_str(), what / 3, how, number),
        }
    };
    deeds.iter().enumerate().filter_map(deed).collect()
}

/// Carries them out, in the sandbox of the calling process. One that is refused changes nothing.
pub fn carry_out(commands: &[String]) -> Result<(), String> {
    in_view(|| {
        for command in commands {
            let mut shell = Command::new("sh");
            shell.args(["-c", command]).stdin(Stdio::null());
            shell.output().map_err(chain)?;
        }
        Ok(())
    })
}

fn to_device(
    lab: &Topology,
    device: &Interface,
    what: u8,
    how: u8,
    number: usize,
) -> Option<String> {
    let (node, dev) = (&device.place.node, &device.place.interface);
    let is_bridge = lab.node(node).is_some_and(|node| node.bridge(dev).is_some());
    let mode = lab.taps.iter().find(|tap| tap.interface.place == device.place).map(|tap| tap.mode);
    let is_tun = mode == Some(TapMode::Tun);
    let ip = |words: String| Some(format!("ip -n {node} {words}"));
    match what % 20 {
        0 => ip(format!("addr flush dev {dev} scope global")),
        1 => ip(format!("link set dev {dev} down")),
        2 => ip(format!("link set dev {dev} up")),
        // The MTU of a bridge of which none is said is left to whoever sets it.
        3 if !is_bridge || device.mtu.is_some() => {
            ip(format!("link set dev {dev} mtu {}", 1280 + u32::from(how)))
        }
        4 => ip(format!("addr add 10.240.{number}.{how}/{} dev {dev}", 20 + how % 12)),
        5 => ip(format!("addr add fd98::{number}:{how}/64 dev {dev} nodad")),
        6 => {
            let address = device.addresses.get(usize::from(how) % device.addresses.len().max(1))?;
            ip(format!("addr del {address} dev {dev}"))
        }
        7 => ip(format!("link set dev {dev} nomaster")),
        8 => ip(format!("link set dev {dev} address 06:00:00:00:0{number}:{how:02x}")),
        9 => ip(format!("link del dev {dev}")),
        10 => ip(format!("link set dev {dev} name new{number}")),
        11 => {
            let other = &lab.nodes[usize::from(how) % lab.nodes.len()].name;
            ip(format!("link set dev {dev} netns {other}"))
        }
        12 => ip(format!(
            "{} route flush dev {dev} table all proto boot",
            ["-4", "-6"][usize::from(how & 1)]
        )),
        // A TUN device has no neighbours: whatever is said, the kernel notes that of 0.0.0.0.
        13 if is_tun => None,
        13 => ip(format!("neigh replace 10.240.0.{how} lladdr 06:00:00:00:00:01 dev {dev}")),
        14 => ip(format!("neigh flush dev {dev} nud permanent")),
        15 if is_bridge => ip(format!(
            "link set dev {dev} type bridge ageing_time {} mcast_snooping {}",
            100 * u32::from(how),
            how >> 1 & 1
        )),
        15 => Some(format!(
            "bridge -n {node} link set dev {dev} isolated on learning off cost {}",
            1 + u32::from(how)
        )),
        16 => {
            let sysctl = device.sysctls.get(usize::from(how) % device.sysctls.len().max(1))?;
            let key = sysctl.of(dev).key;
            Some(format!("ip netns exec {node} sysctl -qw {key}={}", how & 1))
        }
        17 => {
            let bridge = &lab.node(node)?.bridges.first()?.interface.place.interface;
            ip(format!("link set dev {dev} master {bridge}"))
        }
        18 => ip(format!("-6 addr flush dev {dev} scope global")),
        _ => ip(format!("route add 10.241.{number}.0/24 dev {dev}")),
    }
}

fn to_node(lab: &Topology, node: &str, what: u8, how: u8, number: usize) -> Option<String> {
    let own = lab.nodes.iter().find(|own| own.name.as_str() == node)?;
    let ip = |words: String| Some(format!("ip -n {node} {words}"));
    let family = if how & 1 == 0 { "-4" } else { "-6" };
    match what % 16 {
        0 => ip(format!("rule add from 10.242.{how}.0/24 prohibit")),
        1 => ip(format!("{family} rule add iif lo fwmark {how} lookup 99 priority {how}1")),
        2 => {
            let rules = own.rules.iter().filter_map(|rule| rule.priority).collect::<Vec<_>>();
            let priority = rules.get(usize::from(how) % rules.len().max(1));
            let priority = priority.copied().unwrap_or(32_765);
            ip(format!("{family} rule del priority {priority}"))
        }
        3 => ip("link set dev lo down".to_owned()),
        4 => ip(format!("link add new{number} type bridge")),
        5 => ip(format!("link add new{number} type veth peer name far{number}")),
        6 => {
            let other = &lab.nodes[usize::from(how) % lab.nodes.len()].name;
            ip(format!("link add new{number} up type veth peer name far{number} netns {other}"))
        }
        7 => Some(format!("ip netns add new{number}")),
        8 => Some(format!("ip netns del {node}")),
        9 => ip(format!("{family} route flush table main proto boot")),
        10 => ip(format!("{family} route add blackhole default table {}", 100 + u32::from(how))),
        11 => {
            let sysctl = own.sysctls.get(usize::from(how) % own.sysctls.len().max(1))?;
            let key = sysctl.key.to_string().replace('/', ".");
            Some(format!("ip netns exec {node} sysctl -qw {key}={}", how & 1))
        }
        12 if !own.firewall.is_empty() => {
            Some(format!("ip netns exec {node} nft add table inet new{number}"))
        }
        13 if !own.firewall.is_empty() => Some(format!("ip netns exec {node} nft flush ruleset")),
        14 if own.firewall.has_words() => Some(format!(
            "ip netns exec {node} nft 'add chain inet twinax new; add rule inet twinax new drop'"
        )),
        _ => ip(format!("tuntap add dev new{number} mode tap")),
    }
}
