//! What the kernel reports of nodes, one fact a line, less what is no part of them.

use ipnet::IpNet;
use serde_json::{Value, json};
use twinax_kernel::observe::{self as kernel, What};
use twinax_lab::nodes::{self, inside};
use twinax_lab::{ask, observe};
use twinax_plan::{ObservedLink, ObservedRoute};
use twinax_topology::NodeName;

use crate::both_ways::chain;

/// All facts of these nodes, in the sandbox of the calling process.
pub fn of(names: &[NodeName]) -> Result<Vec<String>, String> {
    let seen = observe::nodes(names.to_vec(), &What::all()).map_err(chain)?;
    let mut facts = Vec::new();
    for (name, node) in &seen.nodes {
        let mut tell = |what: String| facts.push(format!("{name}: {what}"));
        for link in &node.links {
            let mut value = json!(link);
            let fields = value.as_object_mut().expect("a device has fields");
            // The number that its node has for whoever asks.
            fields.remove("peer_netnsid");
            // The other end is in another node.
            if link.peer.as_ref().is_none_or(|peer| peer.node != *name) {
                fields.remove("peer_index");
            }
            // It may be in none that is copied.
            fields.remove("peer");
            // Whether a bridge of which no port forwards has carrier: that depends on what its ports were.
            let forwards = |own: &ObservedLink| {
                own.master.as_ref() == Some(&link.name)
                    && own.port.get("state").is_some_and(|state| state == "forwarding")
            };
            if link.kind == "bridge" && !node.links.iter().any(forwards) {
                fields.remove("carrier");
                fields.remove("state");
            }
            // One that is down has that which it had when it was up.
            if !link.up {
                fields.remove("qdisc");
            }
            // A device without carrier looks at the index of its other end in its own namespace.
            if ["UNKNOWN", "LOWERLAYERDOWN"].contains(&link.state.as_str()) {
                let settled = if link.carrier { "UP" } else { "DOWN" };
                fields.insert("state".to_owned(), settled.into());
            }
            let of_stp = |name: &str| node.link(name).is_some_and(|own| is_stp(&own.bridge));
            if is_stp(&link.bridge) || link.master.as_deref().is_some_and(of_stp) {
                without_stp(fields);
            }
            let addresses = fields.remove("addresses").unwrap_or_default();
            for (field, value) in fields.iter() {
                tell(format!("{}.{field} = {value}", link.name));
            }
            for (place, address) in addresses.as_array().into_iter().flatten().enumerate() {
                let mut address = address.clone();
                // Whether duplicate address detection has ended is a matter of time.
                if address["scope"] == "link"
                    && let Some(fields) = address.as_object_mut()
                {
                    fields.remove("tentative");
                }
                tell(format!("{}.address {place} {address}", link.name));
            }
        }
        // Those that come when duplicate address detection of a link-local address has ended.
        let waits = |route: &ObservedRoute| {
            let is_link_local =
                matches!(route.to, IpNet::V6(to) if to.addr().is_unicast_link_local());
            is_link_local && matches!(route.kind.as_str(), "local" | "anycast")
        };
        for (place, route) in node.routes.iter().filter(|own| !waits(own)).enumerate() {
            // IPv6 routes that agree in all but the metric are listed in the order in which they came.
            let place = if route.to.addr().is_ipv4() { place } else { 0 };
            tell(format!("route {place} {}", json!(route)));
        }
        for (place, rule) in node.rules.iter().enumerate() {
            tell(format!("rule {place} {}", json!(rule)));
        }
        for neighbour in node.neighbours.iter().filter(|own| own.state == "PERMANENT") {
            tell(format!("neighbour {}", json!(neighbour)));
        }
        for entry in node.fdb.iter().filter(|own| !own.learned) {
            tell(format!("fdb {}", json!(entry)));
        }
        for tunnel in ask::tunnels(name).map_err(chain)? {
            tell(format!("tunnel {tunnel:?}"));
        }
        node.tables.iter().for_each(|table| tell(format!("table {table}")));
        let netns = nodes::open(name).map_err(chain)?;
        let sysctls = inside(&netns, || Ok(kernel::sysctls())).map_err(chain)?;
        for (path, value) in sysctls {
            let drawn = path.ends_with("stable_secret") || path.ends_with("fastopen_key");
            // How many connections there are just now.
            if !drawn && !path.ends_with("nf_conntrack_count") {
                tell(format!("{path} = {value:?}"));
            }
        }
    }
    facts.sort();
    Ok(facts)
}

fn is_stp(bridge: &std::collections::BTreeMap<String, String>) -> bool {
    bridge.get("stp_state").is_some_and(|state| state != "0")
}

/// A copy takes no part in a spanning tree.
fn without_stp(fields: &mut serde_json::Map<String, Value>) {
    for of in ["bridge", "port"] {
        let Some(words) = fields.get_mut(of).and_then(Value::as_object_mut) else { continue };
        for name in ["stp_state", "root_port", "root_path_cost", "state"] {
            words.remove(name);
        }
    }
    for name in ["carrier", "state"] {
        fields.remove(name);
    }
}
