//! Every rule of the lab file, each with the smallest lab that breaks it: exactly one thing is
//! wrong, the words underlined are those meant, and the sentence is the one a user should read.

use twinax_topology::parse;

/// What every lab here begins with: two hosts on one cable, a switch, a TAP device.
pub const BASE: &str = r#"
name = "t"
[node.left]
[node.right]
[node.sw]
kind = "bridge"
[[link]]
a = { at = "left:e0", ip = ["10.0.0.1/24", "fd00::1/64"] }
b = { at = "right:e0", ip = "10.0.0.2/24" }
[[tap]]
at = "left:tap0"
"#;

pub fn check(base: &str, cases: &[(&str, &str, &str)]) {
    let mut wrong = String::new();
    for (words, underlined, title) in cases {
        let source = format!("{base}{words}\n");
        let found: Vec<(String, String)> = match parse(&source, "lab.toml") {
            Ok(_) => Vec::new(),
            Err(diagnostics) => diagnostics
                .iter()
                .map(|one| (source[one.span.clone()].to_owned(), one.title.clone()))
                .collect(),
        };
        if found != [((*underlined).to_owned(), (*title).to_owned())] {
            wrong.push_str(&format!(
                "\n{words}\n  should be: {:?}\n  is:        {found:?}\n",
                (underlined, title)
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn the_base_is_valid() {
    check(BASE, &[]);
    parse(BASE, "lab.toml").unwrap();
}

#[test]
fn keys_and_types() {
    check(
        "",
        &[
            ("about = \"no name\"", "", "a lab needs `name`"),
            ("name = 7", "7", "expected a name in quotes, found an integer"),
            ("name = \"../x\"", "\"../x\"", "`../x` can't be the name of a lab"),
            ("name = \"\"", "\"\"", "the name of a lab can't be empty"),
            ("name = \"x\"\nnodes = 1", "nodes", "a lab has no key `nodes`"),
            ("name = \"x\"\nnode = []", "[]", "expected a table: { name = … }, found an array"),
            (
                "name = \"x\"\n[node.localhost]",
                "localhost",
                "a node can't be called `localhost`: every node calls itself that",
            ),
            (
                "name = \"x\"\n[node.\"10.0.0.1\"]",
                "\"10.0.0.1\"",
                "a node can't be called `10.0.0.1`: that is an address",
            ),
            ("name = \"x\"\n[node.\"a b\"]", "\"a b\"", "`a b` can't be the name of a node"),
            ("name = \"x\"\n[node.-a]", "-a", "`-a` can't be the name of a node"),
        ],
    );
    check(
        BASE,
        &[
            ("[[link]]\na = \"left:e1\"", "[[link]]", "a link needs `b`"),
            (
                "[[link]]\na = \"left:e1\"\nb = 3",
                "3",
                "expected an end of a link: \"node:interface\", or a table with `at`, found an integer",
            ),
            (
                "[[link]]\na = \"left:e1\"\nb = \"right\"",
                "\"right\"",
                "`right` is no place of an interface",
            ),
            (
                "[[link]]\na = \"left:e1\"\nb = { at = \"right:e1\", up = \"yes\" }",
                "\"yes\"",
                "expected true or false, found a string",
            ),
            (
                "[[link]]\na = \"left:e1\"\nb = { at = \"right:e1\", mtu = 67 }",
                "67",
                "this must be an integer from 68 to 65535",
            ),
            (
                "[[link]]\na = \"left:e1\"\nb = { at = \"right:e1\", mtu = \"1400B\" }",
                "\"1400B\"",
                "expected an integer from 68 to 65535, found a string",
            ),
            (
                "[[link]]\na = \"left:e1\"\nb = { at = \"right:e1\", ip = \"10.1.0.1\" }",
                "\"10.1.0.1\"",
                "the address `10.1.0.1` needs a prefix length",
            ),
            (
                "[[link]]\na = \"left:e1\"\nb = { at = \"right:e1\", ip = \"10.1.0.1/33\" }",
                "\"10.1.0.1/33\"",
                "`10.1.0.1/33` is not an address with a prefix length",
            ),
            (
                "[[link]]\na = \"left:e1\"\nb = { at = \"right:e1\", mac = \"01:00:00:00:00:01\" }",
                "\"01:00:00:00:00:01\"",
                "`01:00:00:00:00:01` is no MAC of an interface",
            ),
            (
                "[[link]]\na = \"left:e1\"\nb = { at = \"right:e1\", mac = \"02-00-00-00-00-01\" }",
                "\"02-00-00-00-00-01\"",
                "`02-00-00-00-00-01` is no MAC of an interface",
            ),
            (
                "[[tap]]\nat = \"left:t\"\nmode = \"tpa\"",
                "\"tpa\"",
                "`tpa` is no mode of a TUN/TAP device",
            ),
            ("[[tap]]\nat = \"left:t\"\nmastre = \"br0\"", "mastre", "a tap has no key `mastre`"),
        ],
    );
}

#[test]
fn names_of_interfaces() {
    check(
        BASE,
        &[
            (
                "[[tap]]\nat = \"left:sixteen-letters-\"",
                "\"left:sixteen-letters-\"",
                "`sixteen-letters-` is too long for an interface",
            ),
            (
                "[[tap]]\nat = \"left:a/b\"",
                "\"left:a/b\"",
                "`a/b` can't be the name of an interface",
            ),
            (
                "[[tap]]\nat = \"left:all\"",
                "\"left:all\"",
                "`all` can't be the name of an interface",
            ),
            ("[[tap]]\nat = \"left:lo\"", "\"left:lo\"", "`lo` is the node's loopback device"),
            (
                "[[tap]]\nat = \"left:e0\"",
                "\"left:e0\"",
                "two interfaces of the name `e0` in node `left`",
            ),
            (
                "[[tap]]\nat = \"sw:br0\"",
                "\"sw:br0\"",
                "two interfaces of the name `br0` in node `sw`",
            ),
            ("[[tap]]\nat = \"lefd:t\"", "\"lefd:t\"", "no node `lefd`"),
            (
                "[[link]]\na = \"left:x\"\nb = \"left:x\"",
                "\"left:x\"",
                "two interfaces of the name `x` in node `left`",
            ),
        ],
    );
}

#[test]
fn addresses() {
    let tap = |ip: &str| format!("[[tap]]\nat = \"right:t\"\nip = \"{ip}\"");
    let cases = [
        ("10.7.0.0/24", "`10.7.0.0/24` can't be the address of an interface"),
        ("10.7.0.255/24", "`10.7.0.255/24` can't be the address of an interface"),
        ("0.0.0.0/0", "`0.0.0.0/0` can't be the address of an interface"),
        ("224.0.0.1/24", "`224.0.0.1/24` can't be the address of an interface"),
        ("255.255.255.255/32", "`255.255.255.255/32` can't be the address of an interface"),
        ("127.0.0.2/8", "`127.0.0.2/8` can't be the address of an interface"),
        ("::1/128", "`::1/128` can't be the address of an interface"),
        ("::/64", "`::/64` can't be the address of an interface"),
        ("ff02::1/64", "`ff02::1/64` can't be the address of an interface"),
        ("::ffff:10.0.0.1/128", "`::ffff:10.0.0.1/128` can't be the address of an interface"),
    ];
    for (ip, title) in cases {
        check(BASE, &[(&tap(ip), &format!("\"{ip}\""), title)]);
    }
    for good in ["10.7.0.0/31", "10.7.0.255/32", "10.7.0.255/16", "fd00:7::/64", "fe80::1/64"] {
        parse(&format!("{BASE}{}\n", tap(good)), "lab.toml").unwrap();
    }
    check(
        BASE,
        &[
            (
                "[[tap]]\nat = \"right:t\"\nip = \"10.0.0.2/16\"",
                "\"10.0.0.2/16\"",
                "`10.0.0.2` twice in node `right`",
            ),
            (
                "[[tap]]\nat = \"right:t\"\nip = [\"10.7.0.1/24\", \"10.7.0.1/16\"]",
                "\"10.7.0.1/16\"",
                "`10.7.0.1` twice on `t`",
            ),
            (
                "[[link]]\na = { at = \"left:e1\", ip = \"10.7.0.1/24\" }\nb = { at = \"right:e1\", ip = \"10.7.0.1/24\" }",
                "\"10.7.0.1/24\"",
                "`10.7.0.1` twice on one segment",
            ),
            (
                "[[link]]\na = { at = \"left:e1\", ip = \"fd01::1/64\", mtu = 1279 }\nb = \"right:e1\"",
                "1279",
                "an interface with MTU 1279 has no IPv6",
            ),
            (
                "[[link]]\na = { at = \"left:e1\", ip = \"fd01::1/64\", sysctl = { \"ipv6.disable_ipv6\" = 1 } }\nb = \"right:e1\"",
                "\"fd01::1/64\"",
                "an IPv6 address where IPv6 is disabled",
            ),
        ],
    );
}

/// The same addresses in separate segments are legal, and so are two of one subnet in one node,
/// link-local ones on several links, and an address that is lent to several links.
#[test]
fn addresses_that_may_repeat() {
    for good in [
        "[node.a]\n[node.b]\n[[link]]\na = { at = \"a:x\", ip = \"10.0.0.1/24\" }\nb = { at = \"b:x\", ip = \"10.0.0.2/24\" }",
        "[node.a]\n[[link]]\na = { at = \"a:x\", ip = \"20.1.0.10/24\" }\nb = { at = \"a:y\", ip = \"20.1.0.11/24\" }",
        "[[tap]]\nat = \"left:t1\"\nip = \"fe80::1/64\"\n[[tap]]\nat = \"left:t2\"\nip = \"fe80::1/64\"",
        "[[tap]]\nat = \"left:t1\"\nip = \"10.9.0.1/32\"\n[[tap]]\nat = \"left:t2\"\nip = \"10.9.0.1/32\"",
    ] {
        parse(&format!("{BASE}{good}\n"), "lab.toml").unwrap();
    }
}

/// A bridge makes one segment of its ports; an address twice on it is found through two links and
/// the bridge between.
#[test]
fn segments_reach_through_bridges() {
    let joined = r#"[[link]]
a = { at = "left:e1", ip = "10.7.0.1/24", mac = "02:00:00:00:00:01" }
b = "sw:p1"
[[link]]
a = { at = "right:e1", IP, MAC }
b = { at = "sw:p2", MASTER }
"#;
    let with = |ip: &str, mac: &str, master: &str| {
        joined.replace("IP", ip).replace("MAC", mac).replace("MASTER", master)
    };
    let (other_ip, other_mac) = ("ip = \"10.7.0.2/24\"", "mac = \"02:00:00:00:00:02\"");
    let (same_ip, same_mac) = ("ip = \"10.7.0.1/24\"", "mac = \"02:00:00:00:00:01\"");
    let (port, no_port) = ("master = \"br0\"", "master = false");
    parse(&format!("{BASE}{}", with(other_ip, other_mac, port)), "t").unwrap();
    parse(&format!("{BASE}{}", with(same_ip, same_mac, no_port)), "t").unwrap();
    check(
        BASE,
        &[
            (&with(same_ip, other_mac, port), "\"10.7.0.1/24\"", "`10.7.0.1` twice on one segment"),
            (
                &with(other_ip, same_mac, port),
                "\"02:00:00:00:00:01\"",
                "the MAC `02:00:00:00:00:01` twice on one segment",
            ),
        ],
    );
}

#[test]
fn bridges_and_ports() {
    check(
        BASE,
        &[
            (
                "[[link]]\na = \"sw:p1\"\nb = { at = \"left:e1\", master = \"br0\" }",
                "\"br0\"",
                "no bridge `br0` in node `left`",
            ),
            (
                "[[link]]\na = \"left:e1\"\nb = { at = \"left:e2\", master = \"e1\" }",
                "\"e1\"",
                "`e1` is no bridge",
            ),
            (
                "[[link]]\na = \"left:e1\"\nb = { at = \"left:e2\", master = true }",
                "true",
                "expected the name of a bridge, in quotes, or false, found true",
            ),
            (
                "[[link]]\na = \"right:e1\"\nb = { at = \"left:e1\", port = { isolated = true } }",
                "port",
                "`e1` is no port of a bridge",
            ),
            (
                "[[tap]]\nat = \"sw:t\"\nmode = \"tun\"",
                "\"sw:t\"",
                "`t` can't be a port of bridge `br0`",
            ),
            (
                "[[tap]]\nat = \"left:big\"\nmtu = 65522",
                "65522",
                "the MTU is too large for a TAP device",
            ),
            (
                "[[step]]\nchange = { at = \"left:tap0\", mtu = 65535 }",
                "65535",
                "the MTU is too large for a TAP device",
            ),
            (
                "[[tap]]\nat = \"left:t\"\nmode = \"tun\"\nmac = \"02:00:00:00:00:01\"",
                "\"02:00:00:00:00:01\"",
                "a tun device has no MAC: it carries packets, not frames",
            ),
            ("[node.sw.bridge.b1]\nmaster = \"b2\"", "master", "a bridge has no key `master`"),
            (
                "[node.sw.bridge.b1]\nageing = \"15ms\"",
                "\"15ms\"",
                "`ageing` is kept in hundredths of a second",
            ),
            ("[node.sw.bridge.b1]\nageing = 300", "300", "a duration needs a unit"),
            (
                "[node.sw.bridge.b1]\nstp = true\nforward_delay = \"1s\"",
                "\"1s\"",
                "with `stp`, `forward_delay` is from 2s to 30s",
            ),
            (
                "[node.sw.bridge.b1]\n[node.sw.bridge.b2]\n[[link]]\na = \"left:e1\"\nb = \"sw:p\"",
                "\"sw:p\"",
                "node `sw` has several bridges; whose port is this?",
            ),
            (
                "[[link]]\na = \"left:e1\"\nb = { at = \"sw:p1\", port = { priority = 64 } }",
                "64",
                "this must be an integer from 0 to 63",
            ),
        ],
    );
    let ports = |count: usize| {
        let link = |i: usize| format!("[[link]]\na = \"left:x{i}\"\nb = \"sw:p{i}\"\n");
        (0..count).map(link).collect::<String>()
    };
    parse(&format!("{BASE}{}", ports(1023)), "t").unwrap();
    check(BASE, &[(&ports(1024), "\"sw:p1023\"", "bridge `br0` of node `sw` has too many ports")]);
}
