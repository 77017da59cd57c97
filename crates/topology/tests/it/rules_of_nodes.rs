//! The rules of what is set and run in nodes, as in `rules.rs`.

use twinax_topology::parse;

use super::rules::{BASE, check};

/// A lab of the base with keys of node `left`.
fn check_node(cases: &[(&str, &str, &str)]) {
    let base = BASE.replace("[node.left]\n", "");
    check(&format!("{base}[node.left]\n"), cases);
}

#[test]
fn routes() {
    check_node(&[
        ("route = { via = \"10.0.0.2\" }", "{ via = \"10.0.0.2\" }", "a route needs `to`"),
        ("route = { to = \"default\" }", "{ to = \"default\" }", "the route goes nowhere"),
        (
            "route = { to = \"10.9.0.5/24\", via = \"10.0.0.2\" }",
            "\"10.9.0.5/24\"",
            "`10.9.0.5/24` has bits set beyond its prefix length",
        ),
        (
            "route = { to = \"defualt\", via = \"10.0.0.2\" }",
            "\"defualt\"",
            "`defualt` is not a prefix",
        ),
        (
            "route = { to = \"default\", via = \"10.0.9.2\" }",
            "\"10.0.9.2\"",
            "the gateway `10.0.9.2` is on no link of node `left`",
        ),
        (
            "route = { to = \"default\", via = \"10.0.0.2\", dev = \"tap0\" }",
            "\"10.0.0.2\"",
            "the gateway `10.0.0.2` is not on the link of `tap0`",
        ),
        (
            "route = { to = \"default\", via = \"10.0.0.1\" }",
            "\"10.0.0.1\"",
            "the gateway `10.0.0.1` is node `left` itself",
        ),
        (
            "route = { to = \"default\", via = \"10.0.0.255\" }",
            "\"10.0.0.255\"",
            "`10.0.0.255` can't be a gateway",
        ),
        (
            "route = { to = \"default\", via = \"224.0.0.1\" }",
            "\"224.0.0.1\"",
            "`224.0.0.1` can't be a gateway",
        ),
        (
            "route = { to = \"::/0\", via = \"fe80::1\" }",
            "\"fe80::1\"",
            "the gateway `fe80::1` needs a `dev`",
        ),
        (
            "route = { to = \"::/0\", via = \"10.0.0.2\" }",
            "\"10.0.0.2\"",
            "the route is for IPv6; its `via` is an IPv4 address",
        ),
        (
            "route = { to = \"10.9.0.0/16\", dev = \"e9\" }",
            "\"e9\"",
            "no interface `e9` in node `left`",
        ),
        (
            "route = { to = \"10.9.0.0/16\", dev = \"e0\", src = \"10.0.0.7\" }",
            "\"10.0.0.7\"",
            "`10.0.0.7` is no address of node `left`",
        ),
        (
            "route = { to = \"10.9.0.0/16\", dev = \"e0\", onlink = true }",
            "onlink",
            "`onlink` needs `via`",
        ),
        (
            "route = { to = \"10.9.0.0/16\", via = \"10.0.9.2\", onlink = true }",
            "onlink",
            "`onlink` needs `dev`",
        ),
        (
            "route = { to = \"10.9.0.0/16\", kind = \"blackhole\", via = \"10.0.0.2\" }",
            "via",
            "a blackhole route has no `via`: it ends here",
        ),
        (
            "route = { to = \"10.9.0.0/16\", kind = \"blackhol\" }",
            "\"blackhol\"",
            "`blackhol` is no kind of route",
        ),
        (
            "route = [{ to = \"10.9.0.0/16\", dev = \"e0\" }, { to = \"10.9.0.0/16\", via = \"10.0.0.2\" }]",
            "\"10.9.0.0/16\"",
            "two routes to `10.9.0.0/16` in node `left`",
        ),
        (
            "route = { to = \"10.0.0.0/24\", dev = \"e0\" }",
            "\"10.0.0.0/24\"",
            "the route to `10.0.0.0/24` is there already",
        ),
        (
            "route = { to = \"10.9.0.0/16\", dev = \"e0\", table = 0 }",
            "0",
            "a routing table has a number from 1 to 4294967295",
        ),
        (
            "route = { to = \"10.9.0.0/16\", dev = \"e0\", table = \"mian\" }",
            "\"mian\"",
            "`mian` is no routing table",
        ),
    ]);
    check(
        &BASE
            .replace("at = \"left:e0\"", "at = \"left:e0\", up = false")
            .replace("[node.left]\n", ""),
        &[
            (
                "[node.left]\nroute = { to = \"10.9.0.0/16\", dev = \"e0\" }",
                "\"e0\"",
                "`e0` is down: the kernel takes no route over it",
            ),
            (
                "[node.left]\nroute = { to = \"10.9.0.0/16\", via = \"10.0.0.2\" }",
                "\"10.0.0.2\"",
                "the gateway `10.0.0.2` is on no link of node `left`",
            ),
        ],
    );
}

#[test]
fn routes_that_are_good() {
    for good in [
        r#"{ to = "default", via = "10.0.0.2" }"#,
        r#"{ to = "default", via = "fd00::2" }"#,
        r#"{ to = "default", via = "fe80::2", dev = "e0" }"#,
        r#"{ to = "default", via = "10.99.0.1", dev = "e0", onlink = true }"#,
        r#"[{ to = "10.99.0.0/24", dev = "e0" }, { to = "default", via = "10.99.0.1" }]"#,
        r#"[{ to = "default", via = "10.0.0.2" }, { to = "default", via = "10.0.0.3", metric = 5 }]"#,
        r#"[{ to = "default", via = "10.0.0.2" }, { to = "default", via = "10.0.0.3", table = 5 }]"#,
        r#"{ to = "10.0.0.0/24", dev = "e0", metric = 5 }"#,
        r#"{ to = "fd00::/64", dev = "e0" }"#,
        r#"{ to = "10.1.2.2", kind = "blackhole" }"#,
    ] {
        let source = BASE.replace("[node.left]\n", &format!("[node.left]\nroute = {good}\n"));
        parse(&source, "lab.toml").unwrap();
    }
}

#[test]
fn rules_neighbours_sysctls() {
    check_node(&[
        (
            "rule = { from = \"10.0.0.0/24\" }",
            "{ from = \"10.0.0.0/24\" }",
            "a rule needs a `table` to look in (or a `kind`)",
        ),
        (
            "rule = { table = 7, kind = \"prohibit\" }",
            "\"prohibit\"",
            "a rule has a `table` or a `kind`, not both",
        ),
        (
            "rule = { table = 7, from = \"10.0.0.0/24\", to = \"fd00::/64\" }",
            "\"fd00::/64\"",
            "a rule is for one family; `from` and `to` differ",
        ),
        ("rule = { table = 7, iif = \"wan\" }", "\"wan\"", "no interface `wan` in node `left`"),
        ("rule = { table = 7, fwmark = \"0x1/zz\" }", "\"0x1/zz\"", "`0x1/zz` is no mark"),
        ("rule = [{ table = 7 }, { table = 7 }]", "{ table = 7 }", "this rule twice"),
        (
            "neigh = { dev = \"e7\", to = \"10.0.0.9\", mac = \"02:00:00:00:00:09\" }",
            "\"e7\"",
            "no interface `e7` in node `left`",
        ),
        (
            "neigh = { dev = \"e0\", to = \"10.0.0.1\", mac = \"02:00:00:00:00:09\" }",
            "\"10.0.0.1\"",
            "`10.0.0.1` is an address of node `left` itself",
        ),
        (
            "neigh = { dev = \"e0\", to = \"ff02::1\", mac = \"02:00:00:00:00:09\" }",
            "\"ff02::1\"",
            "`ff02::1` is no neighbour's address",
        ),
        (
            "sysctl = { \"net.ipv4.conf.e7.rp_filter\" = 0 }",
            "\"net.ipv4.conf.e7.rp_filter\"",
            "no interface `e7` in node `left`",
        ),
        (
            "sysctl = { \"kernel.hostname\" = \"x\" }",
            "\"kernel.hostname\"",
            "`kernel.hostname` is the whole machine's, not one node's",
        ),
        (
            "sysctl = { \"net.ipv4.ip_forward\" = \"\" }",
            "\"\"",
            "the value of a sysctl can't be empty",
        ),
        (
            "sysctl = { \"net.ipv4.ip_forward\" = \"1\\n2\" }",
            "\"1\\n2\"",
            "the value of a sysctl is one line",
        ),
        (
            "sysctl = { \"net.ipv4.conf.e0.rp_fliter\" = 0 }",
            "\"net.ipv4.conf.e0.rp_fliter\"",
            "there is no sysctl `net.ipv4.conf.e0.rp_fliter`",
        ),
        (
            "sysctl = { \"net.ipv6.conf.default.disable_ipv6\" = 1 }",
            "\"fd00::1/64\"",
            "an IPv6 address where IPv6 is disabled",
        ),
        ("sysctl = { net.ipv4.ip_forward = 1 }", "net", "a sysctl has one value, not a table"),
        (
            "sysctl = { \"net/ipv4/ip_forward\" = 1, \"net.ipv4.ip_forward\" = 1 }",
            "\"net.ipv4.ip_forward\"",
            "`net.ipv4.ip_forward` twice",
        ),
    ]);
    check(
        BASE,
        &[(
            "[[tap]]\nat = \"left:t\"\nsysctl = { \"net.ipv4.conf.t.rp_filter\" = 0 }",
            "\"net.ipv4.conf.t.rp_filter\"",
            "`net.ipv4.conf.t.rp_filter` is no sysctl of an interface",
        )],
    );
}

#[test]
fn firewalls_and_commands() {
    check_node(&[
        ("firewall = { masquerade = \"wan\" }", "\"wan\"", "no interface `wan` in node `left`"),
        ("firewall = { masquerade = [\"e0\", \"e0\"] }", "\"e0\"", "`e0` is masqueraded twice"),
        (
            "firewall = { policy = { input = \"reject\" } }",
            "\"reject\"",
            "a policy can't be `reject`",
        ),
        (
            "firewall = { filter = { chain = \"input\", verdict = \"drop\", dport = 80 } }",
            "dport",
            "a port needs a protocol that has ports",
        ),
        (
            "firewall = { filter = { chain = \"input\", verdict = \"drop\", oif = \"e0\" } }",
            "oif",
            "no `oif` in chain input: the packet leaves by no interface",
        ),
        (
            "firewall = { filter = { chain = \"input\", verdict = \"drop\", protocol = \"icmpv6\", from = \"10.0.0.2\" } }",
            "\"icmpv6\"",
            "no IPv4 packet is icmpv6",
        ),
        (
            "firewall = { filter = { chain = \"input\", verdict = \"drop\", comment = \"a \\\"b\\\"\" } }",
            "\"a \\\"b\\\"\"",
            "this can't be the comment of a filter",
        ),
        (
            "firewall = { dnat = { protocol = \"icmp\", dport = 80, to = \"10.0.0.2:80\" } }",
            "\"icmp\"",
            "icmp has no ports",
        ),
        (
            "firewall = { dnat = { protocol = \"tcp\", dport = 80, to = \"10.0.0.2\" } }",
            "\"10.0.0.2\"",
            "`10.0.0.2` is no address with a port",
        ),
        (
            "listen = [{ tcp = 80 }, { tcp = 80, say = \"x\" }]",
            "80",
            "a listener on TCP port 80 twice",
        ),
        ("listen = { tcp = 0 }", "0", "this must be an integer from 1 to 65535"),
        ("listen = [{ udp = 7 }, { udp = 7 }]", "7", "a listener on UDP port 7 twice"),
        ("listen = { say = \"x\" }", "{ say = \"x\" }", "a listener needs a port"),
        ("listen = { udp = 7, tcp = 80 }", "tcp", "a listener has one port"),
        ("listen = { udp = 7, say = \"x\" }", "say", "`say` belongs to a TCP port"),
        ("run = { cmd = \"true\" }", "{ cmd = \"true\" }", "a command of a node needs `name`"),
        ("run = { name = \"x\", cmd = \"\" }", "\"\"", "a command can't be empty"),
        (
            "run = { name = \"x\", cmd = \"a\\u0000b\" }",
            "\"a\\u0000b\"",
            "a command can't contain a NUL byte",
        ),
        (
            "run = { name = \"x\", cmd = [\"sleep\", 1] }",
            "1",
            "an argument is a string, not an integer",
        ),
        ("run = { name = \"x\", cmd = [] }", "[]", "a command needs a program"),
        (
            "run = { name = \"x\", cmd = \"true\", ready = \"tcp:0\" }",
            "\"tcp:0\"",
            "`tcp:0` says nothing that can be waited for",
        ),
        (
            "run = { name = \"x\", cmd = \"true\", ready = \"exit\", timeout = \"0s\" }",
            "\"0s\"",
            "`timeout` can't be 0",
        ),
        (
            "run = [{ name = \"x\", cmd = \"true\" }, { name = \"x\", cmd = \"false\" }]",
            "\"x\"",
            "a command `x` twice",
        ),
        (
            "run = { name = \"x\", cmd = \"true\", restart = \"on-error\" }",
            "\"on-error\"",
            "`on-error` is no way to restart a command",
        ),
        (
            "run = { name = \"x\", cmd = \"true\", restart = true }",
            "true",
            "expected a way to restart a command, in quotes, found true or false",
        ),
        ("run = { name = \"x\", cmd = \"true\", stop = 5 }", "5", "a duration needs a unit"),
        (
            "run = { name = \"x\", cmd = \"true\", ready = \"exit\", restart = \"always\" }",
            "\"always\"",
            "`restart = \"always\"`, but the command is ready when it has ended",
        ),
    ]);
}
