//! What is random or a matter of time in what the kernel reports of a device:
//!
//! - the MAC of a device for which none is given, and the link-local address made of it; with a
//!   bridge that takes the least MAC of such ports, what is made of that;
//! - the link-local address of a device that has no MAC (RFC 7217), and the secret of which it is
//!   made;
//! - the numbers of devices, and those that namespaces have for each other;
//! - whether duplicate address detection of a link-local address has ended, the routes that wait
//!   for that, and whether it failed: behind a port with `hairpin` a node hears itself;
//! - the link-local address of a device without carrier, and the routes that come with one: it has
//!   them if it came up before the kernel had noticed that there is no carrier;
//! - whether a device without carrier is `DOWN` or `LOWERLAYERDOWN`: the kernel looks up the index
//!   of the other end in the namespace of this one (`default_operstate`, Linux 6.18), and finds
//!   whatever device has that number there, up already or not yet;
//! - whether a device with carrier is `UP` or still `UNKNOWN`, because there was carrier before the
//!   kernel looked for the first time;
//! - timers; and what the spanning tree protocol changes with time.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use serde_json::Value;
use twinax_topology::{IfName, Interface, Mac, Node, Topology};

/// The devices of a node, by name.
pub type Devices = BTreeMap<String, Device>;

/// What has to be known of a device to tell chance from fact.
#[derive(Default)]
pub struct Device {
    /// The MAC that it has by chance.
    chance: Option<String>,
    /// The link-local address made of that.
    link_local: Option<String>,
    /// Whether the MAC was given in the lab.
    pub given: Option<Mac>,
    /// Whether it, or its bridge, is a bridge that chose its MAC among ports of which one has its
    /// own by chance. Then any of theirs may be the bridge's.
    chosen: bool,
    /// Whether it is a bridge that takes part in a spanning tree.
    stp: bool,
    /// Whether its bridge does.
    port_of_stp: bool,
    /// Whether it is a matter of time if it has a link-local address.
    no_link_local: bool,
}

/// What is to be known of the devices that `ip -j link` shows of a node.
pub fn devices(lab: &Topology, node: &Node, links: &[Value]) -> Devices {
    let interfaces: Vec<_> = lab.interfaces_of(&node.name).collect();
    let bridge = |name: &str| {
        node.bridges.iter().find(|bridge| bridge.interface.place.interface.as_str() == name)
    };
    let by_chance = |interface: &&Interface| interface.mac.is_none();
    let ports = |name: &str| {
        let name = name.to_owned();
        interfaces
            .iter()
            .copied()
            .filter(move |i| i.master.as_ref().map(IfName::as_str) == Some(name.as_str()))
    };
    let chosen = |name: &str| {
        let own = bridge(name).map(|bridge| &bridge.interface);
        own.is_some_and(|own| by_chance(&own)) && ports(name).any(|port| by_chance(&port))
    };
    let device = |link: &Value| {
        let (name, master) = (text(link, "ifname"), text(link, "master"));
        let own = interfaces.iter().find(|i| i.place.interface.as_str() == name);
        // A bridge whose ports all have a given MAC has one of these.
        let settled = bridge(name).is_some() && ports(name).next().is_some() && !chosen(name);
        let random = own.is_some_and(by_chance) && !settled;
        let mac = text(link, "address");
        let chance = (random && !mac.is_empty()).then(|| mac.to_owned());
        Device {
            link_local: chance.as_deref().and_then(|mac| mac.parse().ok()).map(link_local),
            chance,
            given: own.and_then(|own| own.mac),
            chosen: chosen(name) || chosen(master),
            stp: bridge(name).is_some_and(|bridge| bridge.stp),
            port_of_stp: bridge(master).is_some_and(|bridge| bridge.stp),
            no_link_local: bridge(name).is_some_and(|bridge| bridge.stp)
                || mac.is_empty()
                || has(&link["flags"], "NO-CARRIER"),
        }
    };
    links.iter().map(|link| (text(link, "ifname").to_owned(), device(link))).collect()
}

/// The link-local address with the interface identifier of a MAC (RFC 4291, appendix A).
fn link_local(mac: Mac) -> String {
    let [a, b, c, d, e, f] = mac.octets().map(u16::from);
    let words = [0xfe80, 0, 0, 0, (a ^ 2) << 8 | b, c << 8 | 0xff, 0xfe00 | d, e << 8 | f];
    Ipv6Addr::from(words).to_string()
}

/// Numbers of devices and namespaces, and timers.
const PASSING: [&str; 13] = [
    "ifindex",
    "index",
    "link",
    "link_index",
    "link_netnsid",
    "peer_index",
    "hello_timer",
    "tcn_timer",
    "topology_change_timer",
    "gc_timer",
    "message_age_timer",
    "forward_delay_timer",
    "hold_timer",
];

/// What is made of a bridge's MAC.
const OF_BRIDGE_MAC: [&str; 3] = ["bridge_id", "root_id", "designated_root"];

/// What the spanning tree protocol changes with time.
const OF_STP: [&str; 10] = [
    "ageing_time",
    "topology_change",
    "topology_change_detected",
    "topology_change_ack",
    "config_pending",
    "root_port",
    "root_path_cost",
    "designated_port",
    "designated_cost",
    "state",
];

/// What tells of carrier, which a bridge has when it has a port that forwards.
const OF_CARRIER: [&str; 3] = ["carrier", "operstate", "flags"];

impl Device {
    /// One property of it as a fact, or nothing where it passes.
    pub fn property(&self, key: &str, value: &Value) -> Option<String> {
        let leaf = key.rsplit('.').next().unwrap_or(key);
        let of_bridge_mac = OF_BRIDGE_MAC.contains(&leaf);
        let of_stp = of_bridge_mac || OF_STP.contains(&leaf);
        let passing = PASSING.contains(&leaf)
            || (of_bridge_mac && self.chosen)
            || (of_stp && (self.stp || self.port_of_stp))
            || (self.stp && OF_CARRIER.contains(&leaf));
        let mut value = value.clone();
        if let Some(flags) = value.as_array_mut() {
            // iproute2 6.1 looks up the other end's index in the wrong namespace for it.
            flags.retain(|flag| flag != "M-DOWN");
        }
        let value = self.hide(&value.to_string());
        let value = match value.as_str() {
            "\"LOWERLAYERDOWN\"" => "\"DOWN\"",
            "\"UNKNOWN\"" => "\"UP\"",
            value => value,
        };
        (!passing).then(|| format!("{key} = {value}"))
    }

    /// One of its addresses as a fact, or nothing where it passes.
    pub fn address(&self, address: &Value, scope_is_link: bool, is_ipv6: bool) -> Option<String> {
        let mut address = address.clone();
        if scope_is_link && is_ipv6 {
            let address = address.as_object_mut()?;
            for outcome in ["tentative", "dadfailed"] {
                address.remove(outcome);
            }
        }
        let passing = scope_is_link && is_ipv6 && self.no_link_local;
        (!passing).then(|| self.hide(&address.to_string()))
    }

    /// The same without what is there by chance.
    fn hide(&self, text: &str) -> String {
        let Some(mac) = &self.chance else { return text.to_owned() };
        // As a bridge's ID is written: without leading zeros.
        let short: Vec<&str> =
            mac.split(':').map(|byte| byte.strip_prefix('0').unwrap_or(byte)).collect();
        let text =
            text.replace(mac.as_str(), "(by chance)").replace(&short.join(":"), "(by chance)");
        self.link_local.iter().fold(text, |text, own| text.replace(own.as_str(), "(of its MAC)"))
    }
}

/// What decides whether a route passes.
pub struct RouteKey<'a> {
    /// The device that it leaves by.
    pub dev: &'a str,
    /// Where it leads.
    pub to: &'a str,
    /// Its type.
    pub kind: &'a str,
    /// Who made it.
    pub protocol: &'a str,
}

/// Whether it is a matter of time if a route is there.
pub fn passes(devices: &Devices, route: &RouteKey<'_>) -> bool {
    let waits = route.to.starts_with("fe80:") && matches!(route.kind, "local" | "anycast");
    let of_link_local = route.protocol == "kernel" && matches!(route.to, "fe80::/64" | "ff00::/8");
    waits || (of_link_local && devices.get(route.dev).is_some_and(|device| device.no_link_local))
}

/// A member of an object, as text.
pub fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// Whether a word is in an array.
pub fn has(array: &Value, word: &str) -> bool {
    array.as_array().is_some_and(|array| array.iter().any(|value| value == word))
}

/// Calls `each` with every value that is no object, under its path.
pub fn flatten(path: &str, value: &Value, each: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                flatten(&format!("{path}.{key}"), value, each);
            }
        }
        value => each(path, value),
    }
}
