//! Whether all contestants of `bench build` reach the state that the lab means.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::lab::{BRIDGE, Kind, Lab};

/// The shell command that, run in a node, writes into a folder what that node has. It has no
/// quotes, so that it can be quoted.
pub fn observation(folder: &Path, node: &str) -> String {
    let to = folder.join(node);
    let to = to.display();
    format!(
        "ip -json -details address show > {to}.json && \
         cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding > {to}.forwarding"
    )
}

/// What counts of an interface.
#[derive(Debug, PartialEq, Eq)]
struct Interface {
    kind: String,
    up: bool,
    /// Not of a bridge: the kernel tells it of its ports' carrier later.
    carrier: Option<bool>,
    master: Option<String>,
    /// With the prefix's length; not the link-local ones, which the kernel makes in its own time.
    addresses: BTreeSet<String>,
}

/// What counts of a node.
#[derive(Debug, PartialEq, Eq)]
struct Node {
    interfaces: BTreeMap<String, Interface>,
    forwards: bool,
}

/// Compares what a contestant left in a folder with what the lab means.
pub fn compare(lab: &Lab, folder: &Path) -> Result<()> {
    for (name, kind) in &lab.nodes {
        let seen = observed(folder, name).with_context(|| format!("what {name} has"))?;
        let meant = meant(lab, name, *kind);
        ensure!(seen == meant, "{name} differs\nmeant: {meant:#?}\nseen: {seen:#?}");
    }
    Ok(())
}

fn meant(lab: &Lab, name: &str, kind: Kind) -> Node {
    let mut interfaces = BTreeMap::new();
    let mut interface = |name: &str, kind: &str, master: Option<&str>, addresses: &[String]| {
        let interface = Interface {
            kind: kind.to_owned(),
            up: true,
            carrier: (kind != "bridge").then_some(true),
            master: master.map(str::to_owned),
            addresses: addresses.iter().cloned().collect(),
        };
        interfaces.insert(name.to_owned(), interface);
    };
    interface("lo", "loopback", None, &["127.0.0.1/8".to_owned(), "::1/128".to_owned()]);
    if kind == Kind::Bridge {
        interface(BRIDGE, "bridge", None, &[]);
    }
    for end in lab.ends(name) {
        match end.address {
            Some((ip, prefix)) => {
                interface(&end.interface, "veth", None, &[format!("{ip}/{prefix}")]);
            }
            None => interface(&end.interface, "veth", Some(BRIDGE), &[]),
        }
    }
    Node { interfaces, forwards: kind == Kind::Router }
}

fn observed(folder: &Path, node: &str) -> Result<Node> {
    let links: Vec<Value> =
        serde_json::from_slice(&fs::read(folder.join(format!("{node}.json")))?)?;
    let interfaces = links
        .iter()
        .map(|link| {
            let name = link["ifname"].as_str().context("a link without a name")?;
            Ok((name.to_owned(), interface(link)))
        })
        .collect::<Result<_>>()?;
    let forwarding = fs::read_to_string(folder.join(format!("{node}.forwarding")))?;
    let values: BTreeSet<&str> = forwarding.split_whitespace().collect();
    ensure!(values.len() == 1, "IPv4 and IPv6 differ in forwarding");
    Ok(Node { interfaces, forwards: values.contains("1") })
}

fn interface(link: &Value) -> Interface {
    let has = |flag: &str| {
        link["flags"].as_array().is_some_and(|flags| flags.iter().any(|have| have == flag))
    };
    let kind = [&link["linkinfo"]["info_kind"], &link["link_type"]];
    let kind = kind.into_iter().find_map(Value::as_str).unwrap_or_default();
    let addresses = link["addr_info"].as_array().map(Vec::as_slice).unwrap_or_default();
    Interface {
        kind: kind.to_owned(),
        up: has("UP"),
        carrier: (kind != "bridge").then(|| has("LOWER_UP")),
        master: link["master"].as_str().map(str::to_owned),
        addresses: addresses
            .iter()
            .filter(|address| address["scope"] != "link")
            .filter_map(|a| Some(format!("{}/{}", a["local"].as_str()?, a["prefixlen"])))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::lab::Shape;

    const LO: &str = r#"{"ifname":"lo","flags":["LOOPBACK","UP","LOWER_UP"],"link_type":"loopback",
        "addr_info":[{"local":"127.0.0.1","prefixlen":8,"scope":"host"},
                     {"local":"::1","prefixlen":128,"scope":"host"}]}"#;
    const BR0: &str = r#"{"ifname":"br0","flags":["BROADCAST","UP"],"link_type":"ether",
        "linkinfo":{"info_kind":"bridge"},"addr_info":[]}"#;
    const P0: &str = r#"{"ifname":"p0","flags":["UP","LOWER_UP"],"link_type":"ether","master":"br0",
        "linkinfo":{"info_kind":"veth"},
        "addr_info":[{"local":"fe80::1","prefixlen":64,"scope":"link"}]}"#;
    const E0: &str = r#"{"ifname":"e0","flags":["UP","LOWER_UP"],"link_type":"ether",
        "linkinfo":{"info_kind":"veth"},
        "addr_info":[{"local":"10.0.0.1","prefixlen":16,"scope":"global"}]}"#;

    /// A star of one host, as `ip -json` would report it, with `change` done to what it says.
    fn compare_star(change: impl Fn(&str) -> String) -> Result<()> {
        let folder = tempfile::tempdir()?;
        for (node, links) in [("sw", format!("[{LO},{BR0},{P0}]")), ("h0", format!("[{LO},{E0}]"))]
        {
            fs::write(folder.path().join(format!("{node}.json")), change(&links))?;
            fs::write(folder.path().join(format!("{node}.forwarding")), "0\n0\n")?;
        }
        compare(&Lab::new(Shape::Star, 1), folder.path())
    }

    #[test]
    fn a_star_that_is_as_meant_passes() {
        compare_star(str::to_owned).expect("no difference");
    }

    #[test]
    fn whatever_is_missing_is_told_with_its_node() {
        let changes = [
            ("sw", r#""master":"br0","#, ""),
            ("sw", r#"["BROADCAST","UP"]"#, "[]"),
            ("h0", r#""local":"10.0.0.1""#, r#""local":"10.0.0.2""#),
            ("h0", r#""ifname":"e0","flags":["UP","LOWER_UP"]"#, r#""ifname":"e0","flags":["UP"]"#),
        ];
        for (node, from, to) in changes {
            let error = compare_star(|links| links.replace(from, to)).expect_err(from);
            assert!(error.to_string().starts_with(&format!("{node} differs")), "{error}");
        }
    }
}
