//! What twinax's own reader reports of a node.

use serde_json::{Value, json};
use twinax_plan::{ObservedLink, ObservedNode};

use super::chance::{Device, Devices, RouteKey, flatten, passes};

/// What is in the report, less what passes.
pub fn facts(seen: &ObservedNode, devices: &Devices) -> Vec<String> {
    let mut facts: Vec<String> =
        seen.links.iter().flat_map(|link| self::link(link, &devices[&link.name])).collect();
    facts.extend(seen.routes.iter().filter_map(|route| {
        let key = RouteKey {
            dev: route.dev.as_deref().unwrap_or_default(),
            to: &route.to.to_string(),
            kind: &route.kind,
            protocol: &route.protocol,
        };
        (!passes(devices, &key)).then(|| format!("route {}", json!(route)))
    }));
    facts.extend(
        seen.rules.iter().enumerate().map(|(n, rule)| format!("rule {n:02} {}", json!(rule))),
    );
    let neighbours = seen.neighbours.iter().filter(|neighbour| neighbour.state == "PERMANENT");
    facts.extend(neighbours.map(|neighbour| format!("neighbour {}", json!(neighbour))));
    let given = |mac| devices.values().any(|device| device.given == Some(mac));
    let fdb = seen.fdb.iter().filter(|entry| !entry.learned && given(entry.mac));
    facts.extend(fdb.map(|entry| format!("fdb {}", json!(entry))));
    facts.extend(seen.tables.iter().map(|table| format!("table {table}")));
    facts.into_iter().map(|fact| format!("observed {fact}")).collect()
}

fn link(link: &ObservedLink, device: &Device) -> Vec<String> {
    let mut facts = Vec::new();
    let mut value = json!(link);
    value["addresses"] = Value::Null;
    // Whether the other end is elsewhere, whatever number that namespace has here.
    value["peer_netnsid"] = link.peer_netnsid.is_some().into();
    flatten("", &value, &mut |key, value| {
        let property = device.property(key, value);
        facts.extend(property.map(|property| format!("link {}{property}", link.name)));
    });
    for address in &link.addresses {
        let ipv6 = address.address.addr().is_ipv6();
        let fact = device.address(&json!(address), address.scope == "link", ipv6);
        facts.extend(fact.map(|fact| format!("address {} {fact}", link.name)));
    }
    facts
}
