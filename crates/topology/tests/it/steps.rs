//! The rules of steps: what is expected must be possible, and what is named must be there *then*.

use super::rules::{BASE, check};
use twinax_topology::parse;

fn good(steps: &str) {
    parse(&format!("{BASE}{steps}\n"), "lab.toml").unwrap();
}

#[test]
fn a_step_does_one_thing() {
    check(
        BASE,
        &[
            ("[[step]]\nabout = \"x\"", "[[step]]", "the step does nothing"),
            (
                "[[step]]\nlook = \"left\"\nexpect = { interface = [] }\nping = { from = \"left\", to = \"right\" }",
                "ping",
                "a step does one thing",
            ),
            ("[[step]]\nlook = \"left\"", "look", "the step looks, but expects nothing"),
            (
                "[[step]]\nlook = \"left\"\nexpect = {}",
                "look",
                "the step looks, but expects nothing",
            ),
            ("[[step]]\nchange = []", "change", "nothing is changed"),
            (
                "[[step]]\nchange = { at = \"left:e0\" }",
                "{ at = \"left:e0\" }",
                "nothing is changed",
            ),
        ],
    );
}

#[test]
fn expectations_belong_to_what_is_done() {
    check(
        BASE,
        &[
            (
                "[[step]]\nrun = { at = \"left\", cmd = \"true\" }\nexpect = { received = 1 }",
                "received",
                "`received` belongs to a ping or a udp echo; this step runs a command",
            ),
            (
                "[[step]]\nping = { from = \"left\", to = \"right\" }\nexpect = { exit = 0 }",
                "exit",
                "`exit` belongs to a command; this step sends a ping",
            ),
            (
                "[[step]]\nlook = \"left:e0\"\nexpect = { up = true, told = \"Redirect\" }",
                "told",
                "`told` belongs to a ping, a traceroute, a tcp connection or a udp echo; this step looks at something",
            ),
            (
                "[[step]]\nreach = [[\"left\", \"right\"]]\nexpect = { received = 1 }",
                "received",
                "`received` belongs to a ping or a udp echo; this step finds out who reaches whom",
            ),
            (
                "[[step]]\nchange = { at = \"left:e0\", up = true }\nexpect = { up = true }",
                "up",
                "`up` belongs to a look; this step changes the lab",
            ),
            (
                "[[step]]\nlook = \"left\"\nexpect = { mtu = 1500 }",
                "mtu",
                "`mtu` belongs to an interface; the step looks at a node",
            ),
            (
                "[[step]]\nlook = \"left:e0\"\nexpect = { interface = \"e0\" }",
                "interface",
                "`interface` belongs to a node; the step looks at an interface",
            ),
            (
                "[[step]]\nlook = \"left\"\nexpect = { has = { table = \"demo\" } }",
                "\"demo\"",
                "an nftables table is a family and a name",
            ),
        ],
    );
}

#[test]
fn traceroutes() {
    let trace = |keys: &str, expect: &str| {
        format!("[[step]]\ntraceroute = {{ {keys} }}\nexpect = {{ {expect} }}")
    };
    let way = "from = \"left\", to = \"10.0.0.2\"";
    check(
        BASE,
        &[
            (&trace("from = \"lfet\", to = \"right\"", ""), "\"lfet\"", "no node `lfet`"),
            (
                &trace("from = \"left\", to = \"fe80::2\"", ""),
                "\"fe80::2\"",
                "`fe80::2` is on every link; a traceroute needs another address",
            ),
            (
                &trace(&format!("{way}, max_hops = 0"), ""),
                "0",
                "this must be an integer from 1 to 255",
            ),
            (
                &trace(way, "hops = [\"fd00::2\"]"),
                "\"fd00::2\"",
                "the hop is an IPv6 address, the destination an IPv4 address",
            ),
            (
                &trace(way, "hops = [\"10.0.0.9\"], reachable = true"),
                "reachable",
                "the destination is to be reached, but is not the last hop",
            ),
            (
                &trace(way, "hops = [\"10.0.0.2\"], reachable = false"),
                "reachable",
                "the destination is not to be reached, but is the last hop",
            ),
            (
                &trace(way, "hops = [\"right\"], reachable = false"),
                "reachable",
                "the destination is not to be reached, but is the last hop",
            ),
            (
                &trace(&format!("{way}, method = \"tcp\""), ""),
                "\"tcp\"",
                "`tcp` is no method of a traceroute",
            ),
            (
                &trace(&format!("{way}, port = 33434"), ""),
                "port",
                "`port` belongs to a traceroute by UDP",
            ),
            (
                &trace(
                    &format!("{way}, method = \"udp\", port = 65500, max_hops = 13, probes = 3"),
                    "",
                ),
                "65500",
                "39 datagrams go to ports up to 65538, which there is not",
            ),
            (
                &trace(&format!("{way}, probes = 11"), ""),
                "11",
                "this must be an integer from 1 to 10",
            ),
            (&trace(way, "hops = [\"rihgt\"]"), "\"rihgt\"", "no node `rihgt`"),
            (
                &trace(way, "hops = [[\"10.0.0.9\", \"right:e7\"]]"),
                "\"right:e7\"",
                "the lab gives `right:e7` no IPv4 address",
            ),
            (&trace(way, "hops = [[]]"), "[]", "a hop is somebody"),
            (
                &trace(way, "hops = [7]"),
                "7",
                "expected an address, \"node\" or \"node:interface\", an array of such, or \"*\", found an integer",
            ),
            (
                &trace(way, "hops = [\"10.0.0.9\", \"*\"]"),
                "\"*\"",
                "the last hop can't be silent: the way ends with the last that answers",
            ),
            (
                &trace(way, "told = \"Time to live exceeded\""),
                "\"Time to live exceeded\"",
                "every router of a traceroute tells \"Time to live exceeded\"",
            ),
        ],
    );
    good(&trace(
        &format!("{way}, method = \"udp\", port = 65497, max_hops = 13, probes = 3"),
        "hops = [\"*\", [\"10.0.0.9\", \"left:e0\"], \"right\"], reachable = true",
    ));
    good(&trace(way, "hops = \"10.0.0.9\", reachable = false, told = \"No route\""));
}

#[test]
fn pings() {
    let ping = |keys: &str, expect: &str| {
        format!("[[step]]\nping = {{ from = \"left\", {keys} }}\nexpect = {{ {expect} }}")
    };
    check(
        BASE,
        &[
            (&ping("to = \"rihgt\"", ""), "\"rihgt\"", "no node `rihgt`"),
            (
                &ping("to = \"10.0.0.2/24\"", ""),
                "\"10.0.0.2/24\"",
                "`10.0.0.2/24` is a prefix; one address is meant here",
            ),
            (&ping("to = \"sw\"", ""), "\"sw\"", "the lab gives `sw` no address"),
            (
                &ping("to = \"right\", family = \"ipv6\"", ""),
                "\"right\"",
                "the lab gives `right` no IPv6 address",
            ),
            (
                &ping("to = \"10.0.0.2\", family = \"ipv6\"", ""),
                "\"ipv6\"",
                "`10.0.0.2` is an IPv4 address, not IPv6",
            ),
            (
                &ping("to = \"right\", count = 0", ""),
                "0",
                "this must be an integer from 1 to 65535",
            ),
            (
                &ping("to = \"right\", ttl = 256", ""),
                "256",
                "this must be an integer from 1 to 255",
            ),
            (&ping("to = \"right\", timeout = 3", ""), "3", "a duration needs a unit"),
            (
                &ping("to = \"right\", timeout = \"3sec\"", ""),
                "\"3sec\"",
                "`sec` is no unit of time",
            ),
            (&ping("to = \"right\", timeout = \"0s\"", ""), "\"0s\"", "`timeout` can't be 0"),
            (&ping("to = \"right\", size = 56", ""), "56", "a size needs a unit"),
            (&ping("to = \"right\", size = \"64KiB\"", ""), "\"64KiB\"", "`64KiB` is too large"),
            (
                &ping("to = \"right\", source = \"10.0.0.9\"", ""),
                "\"10.0.0.9\"",
                "`10.0.0.9` is no address of node `left` at this point",
            ),
            (
                &ping("to = \"right\", source = \"fd00::1\"", ""),
                "\"fd00::1\"",
                "the source is an IPv6 address, the destination an IPv4 address",
            ),
            (
                &ping("to = \"fe80::1\"", ""),
                "\"fe80::1\"",
                "`fe80::1` is on every link: which one?",
            ),
            (
                &ping("to = \"right\", count = 2", "received = 3"),
                "3",
                "`received = 3`, but 2 requests are sent",
            ),
            (
                &ping("to = \"right\", count = 2", "received = 1, lost = 2"),
                "2",
                "1 received and 2 lost, but 2 requests are sent",
            ),
            (
                &ping("to = \"right\"", "received = 0, reachable = true"),
                "true",
                "`reachable = true`, but 0 of 1 are to be answered",
            ),
            (
                &ping("to = \"right\"", "told = \"Destination Host Unreachabel\""),
                "\"Destination Host Unreachabel\"",
                "no sender is ever told \"Destination Host Unreachabel\"",
            ),
            (
                "[[step]]\nping = { from = \"left:e7\", to = \"right\" }",
                "\"left:e7\"",
                "no interface `e7` in node `left`",
            ),
        ],
    );
    good(&ping(
        "to = \"right\", source = \"10.0.0.9\"",
        "told = \"Cannot assign requested address\"",
    ));
    good(&ping("to = \"right\", count = 3", "received = 1, lost = 2, reachable = true"));
}

#[test]
fn udp_echoes() {
    let udp = |keys: &str, expect: &str| {
        format!("[[step]]\nudp = {{ from = \"left\", {keys} }}\nexpect = {{ {expect} }}")
    };
    check(
        BASE,
        &[
            (
                "[[step]]\nudp = { from = \"left\", to = \"right\" }",
                "{ from = \"left\", to = \"right\" }",
                "a udp echo needs `port`",
            ),
            (&udp("to = \"rihgt\", port = 7", ""), "\"rihgt\"", "no node `rihgt`"),
            (&udp("to = \"right\", port = 0", ""), "0", "this must be an integer from 1 to 65535"),
            (
                &udp("to = \"right\", port = 7, size = \"7B\"", ""),
                "\"7B\"",
                "a udp echo has at least 8 bytes",
            ),
            (
                &udp("to = \"right\", port = 7, timeout = \"0s\"", ""),
                "\"0s\"",
                "`timeout` can't be 0",
            ),
            (
                &udp("to = \"fe80::2\", port = 7", ""),
                "\"fe80::2\"",
                "`fe80::2` is on every link; a udp echo needs another address",
            ),
            (
                &udp("to = \"right\", port = 7", "received = 2"),
                "2",
                "`received = 2`, but one datagram is sent",
            ),
            (
                &udp("to = \"right\", port = 7, count = 2", "received = 2, reachable = false"),
                "false",
                "`reachable = false`, but 2 of 2 are to be answered",
            ),
            (
                &udp("to = \"right\", port = 7", "told = \"Destination Port Unreachable\""),
                "\"Destination Port Unreachable\"",
                "of a port on which nobody listens, a sender of UDP is told otherwise",
            ),
            (
                &udp("to = \"right\", port = 7", "connected = true"),
                "connected",
                "`connected` belongs to a tcp connection; this step sends a udp echo",
            ),
        ],
    );
    good(&udp(
        "to = \"right\", port = 7, source_port = 7, count = 3, interval = \"1ms\", timeout = \"2s\", \
         ttl = 2, size = \"8B\", family = \"ipv4\"",
        "received = 1, lost = 2",
    ));
    good(&udp("to = \"right\", port = 8", "told = \"Connection refused\""));
}

#[test]
fn connections_commands_matrices() {
    check(
        BASE,
        &[
            (
                "[[step]]\ntcp = { from = \"left\", to = \"right\", port = 80 }\nexpect = { connected = true, told = \"Connection refused\" }",
                "\"Connection refused\"",
                "who is connected is told nothing",
            ),
            (
                "[[step]]\ntcp = { from = \"left\", to = \"right\", port = 80 }\nexpect = { connected = false, said = \"x\" }",
                "said",
                "who is not connected hears nothing",
            ),
            (
                "[[step]]\ntcp = { from = \"left:e0\", to = \"right\", port = 80 }",
                "\"left:e0\"",
                "`left:e0` is an interface; a node is meant here",
            ),
            ("[[step]]\nrun = { at = \"lfet\", cmd = \"true\" }", "\"lfet\"", "no node `lfet`"),
            (
                "[[step]]\nrun = { at = \"left\", cmd = \"true\" }\nexpect = { stdout = {} }",
                "{}",
                "nothing is expected of this text",
            ),
            (
                "[[step]]\nrun = { at = \"left\", cmd = \"true\" }\nexpect = { exit = 256 }",
                "256",
                "this must be an integer from 0 to 255",
            ),
            ("[[step]]\nreach = [[\"left\", \"left\"]]", "\"left\"", "`left` is named twice here"),
            ("[[step]]\nreach = [[\"left\", \"nobody\"]]", "\"nobody\"", "no node `nobody`"),
            ("[[step]]\nreach = [[\"left\", \"sw\"]]", "\"sw\"", "the lab gives `sw` no address"),
            (
                "[[step]]\nreach = { also = [[\"left\"]] }",
                "[\"left\"]",
                "a pair is two nodes: who reaches, and who is reached",
            ),
            (
                "[[step]]\nreach = { timeout = \"1s\" }",
                "{ timeout = \"1s\" }",
                "nothing is said of who reaches whom",
            ),
            (
                "[[step]]\nreach = { groups = [], among = [\"left\"] }",
                "{ groups = [], among = [\"left\"] }",
                "this tries nothing: there are no two nodes",
            ),
        ],
    );
    good(
        "[[step]]\nreach = { groups = [], also = [[\"left\", \"right\"]], among = [\"left\", \"right\"] }",
    );
}

#[test]
fn changes() {
    let change = |keys: &str| format!("[[step]]\nchange = {{ {keys} }}");
    check(
        BASE,
        &[
            (&change("at = \"left:e0\", move = \"right\", up = true"), "up", "`up` beside `move`"),
            (
                &change("at = \"left:e0\", add_route = { to = \"10.9.0.0/16\", dev = \"e0\" }"),
                "add_route",
                "`add_route` belongs to a node; this changes an interface",
            ),
            (
                &change("at = \"left\", up = true"),
                "up",
                "`up` belongs to an interface; this changes a node",
            ),
            (
                &change("at = \"left:e7\", up = true"),
                "\"left:e7\"",
                "no interface `e7` in node `left`",
            ),
            (
                &change("at = \"left:lo\", move = \"right\""),
                "\"left:lo\"",
                "`lo` can't be moved: it is the loopback device",
            ),
            (
                &change("at = \"sw:br0\", move = \"right\""),
                "\"sw:br0\"",
                "`br0` can't be moved: it is a bridge",
            ),
            (
                &change("at = \"left:e0\", move = \"right\""),
                "\"right\"",
                "node `right` has an interface `e0` already",
            ),
            (
                &change("at = \"left:e0\", move = \"left\""),
                "\"left\"",
                "`e0` is in node `left` already",
            ),
            (&change("at = \"left:e0\", move = \"rihgt\""), "\"rihgt\"", "no node `rihgt`"),
            (
                &change("at = \"left:e0\", add_ip = \"10.0.0.1/24\""),
                "\"10.0.0.1/24\"",
                "`10.0.0.1/24` is on `e0` already",
            ),
            (
                &change("at = \"left:e0\", del_ip = \"10.0.0.1/16\""),
                "\"10.0.0.1/16\"",
                "`10.0.0.1/16` is not on `e0` at this point",
            ),
            (
                &change("at = \"left:e0\", add_ip = \"10.9.0.0/24\""),
                "\"10.9.0.0/24\"",
                "`10.9.0.0/24` can't be the address of an interface",
            ),
            (
                &change("at = \"left:e0\", master = \"br0\""),
                "\"br0\"",
                "no bridge `br0` in node `left`",
            ),
            (
                &change("at = \"left:e0\", port = { isolated = true }"),
                "{ isolated = true }",
                "`e0` is no port of a bridge at this point",
            ),
            (
                &change("at = \"left\", add_route = { to = \"default\", via = \"10.8.0.1\" }"),
                "\"10.8.0.1\"",
                "the gateway `10.8.0.1` is on no link of node `left`",
            ),
            (
                &change("at = \"left\", del_route = { to = \"10.8.0.0/16\", dev = \"e7\" }"),
                "{ to = \"10.8.0.0/16\", dev = \"e7\" }",
                "no interface `e7` in node `left`",
            ),
            (
                &change("at = \"left\", sysctl = { \"ipv4.rp_filter\" = 0 }"),
                "\"ipv4.rp_filter\"",
                "`ipv4.rp_filter` is no name of a sysctl",
            ),
            (
                &change("at = \"left\", firewall = { masquerade = \"wan\" }"),
                "\"wan\"",
                "no interface `wan` in node `left`",
            ),
        ],
    );
}

/// What the next step may name is what the steps before have left.
#[test]
fn changes_are_done_in_thought() {
    let moved = "[[step]]\nchange = { at = \"left:tap0\", move = \"right\" }\n";
    good(&format!("{moved}[[step]]\nlook = \"right:tap0\"\nexpect = {{ up = false, ip = [] }}"));
    good(&format!(
        "{moved}[[step]]\nchange = {{ at = \"right:tap0\", up = true, add_ip = \"10.5.0.1/24\" }}\n\
        [[step]]\nping = {{ from = \"right\", to = \"left\", source = \"10.5.0.1\" }}"
    ));
    check(
        &format!("{BASE}{moved}"),
        &[
            (
                "[[step]]\nlook = \"left:tap0\"\nexpect = { up = true }",
                "\"left:tap0\"",
                "no interface `tap0` in node `left`",
            ),
            (
                "[[step]]\nchange = { at = \"right:tap0\", add_ip = \"10.5.0.1/24\" }\n[[step]]\nping = { from = \"left\", to = \"right:tap0\" }",
                "\"right:tap0\"",
                "the lab gives `right:tap0` no address",
            ),
        ],
    );
    // A route needs its link up; a link that goes down loses its IPv6 addresses.
    let down = "[[step]]\nchange = { at = \"left:e0\", up = false }\n";
    check(
        &format!("{BASE}{down}"),
        &[
            (
                "[[step]]\nchange = { at = \"left\", add_route = { to = \"default\", via = \"10.0.0.2\" } }",
                "\"10.0.0.2\"",
                "the gateway `10.0.0.2` is on no link of node `left`",
            ),
            (
                "[[step]]\nchange = { at = \"left:e0\", del_ip = \"fd00::1/64\" }",
                "\"fd00::1/64\"",
                "`fd00::1/64` is not on `e0` at this point",
            ),
        ],
    );
    let up = "[[step]]\nchange = { at = \"left:e0\", up = true }\n";
    good(&format!(
        "{down}{up}[[step]]\nchange = {{ at = \"left\", add_route = {{ to = \"default\", via = \"10.0.0.2\" }} }}"
    ));
}

/// A command may have done anything to its node: from then on nothing there is said to be missing.
#[test]
fn after_a_command_nothing_is_known_missing() {
    let missing = "[[step]]\nlook = \"left:wg0\"\nexpect = { up = true }";
    check(BASE, &[(missing, "\"left:wg0\"", "no interface `wg0` in node `left`")]);
    good(&format!(
        "[[step]]\nrun = {{ at = \"left\", cmd = \"ip link add wg0 type wireguard\" }}\n{missing}"
    ));
    let service =
        BASE.replace("[node.left]\n", "[node.left]\nrun = { name = \"vpn\", cmd = \"vpn\" }\n");
    parse(&format!("{service}{missing}\n"), "lab.toml").unwrap();
}
