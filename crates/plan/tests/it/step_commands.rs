//! The command of each kind of step, against `ip-link(8)`, `ip-address(8)`, `ip-route(8)`,
//! `ip-rule(8)`, `ip-neighbour(8)`, `bridge(8)` and `sysctl(8)`.

use twinax_plan::{Step, command};
use twinax_topology::{
    Bridge, Change, Family, Firewall, Neighbour, NeighbourKey, PortAttributes, Route, RouteKind,
    Rule, RuleAction, Span,
};

use crate::labs::{knob, place, read, sysctl, via};

#[track_caller]
fn check(change: Change, expected: &str) {
    assert_eq!(command(&Step::Change(change)), expected);
}

#[test]
fn devices() {
    let at = || place("n:tap0");
    check(
        Change::Move { at: place("outside:tap0"), to: read("n") },
        "ip -n outside link set dev tap0 netns n",
    );
    check(Change::Up(at(), true), "ip -n n link set dev tap0 up");
    check(Change::Up(at(), false), "ip -n n link set dev tap0 down");
    check(Change::Mtu(at(), 1400), "ip -n n link set dev tap0 mtu 1400");
    check(
        Change::Mac(at(), read("02:00:00:00:00:0A")),
        "ip -n n link set dev tap0 address 02:00:00:00:00:0a",
    );
    check(Change::Master(at(), Some(read("br0"))), "ip -n n link set dev tap0 master br0");
    check(Change::Master(at(), None), "ip -n n link set dev tap0 nomaster");
    let port = PortAttributes {
        guard: Some(true),
        flood: Some(false),
        cost: Some(7),
        ..PortAttributes::default()
    };
    check(Change::Port(at(), port), "bridge -n n link set dev tap0 flood off guard on cost 7");
}

#[test]
fn addresses() {
    let at = || place("n:e0");
    check(Change::AddAddress(at(), read("10.0.0.1/24")), "ip -n n addr add 10.0.0.1/24 dev e0");
    check(Change::AddAddress(at(), read("fd00::1/64")), "ip -n n addr add fd00::1/64 dev e0 nodad");
    check(Change::DelAddress(at(), read("10.0.0.1/24")), "ip -n n addr del 10.0.0.1/24 dev e0");
    check(Change::DelAddress(at(), read("fd00::1/64")), "ip -n n addr del fd00::1/64 dev e0");
}

#[test]
fn sysctls() {
    let node = || read("n");
    check(
        Change::Sysctl(node(), sysctl("net.ipv4.ip_forward", "1")),
        "ip netns exec n sysctl -qw net.ipv4.ip_forward=1",
    );
    check(
        Change::Sysctl(node(), sysctl("net.ipv4.ping_group_range", "0 1")),
        "ip netns exec n sysctl -qw net.ipv4.ping_group_range='0 1'",
    );
    check(
        Change::InterfaceSysctl(place("n:e0.7"), knob("ipv6.accept_ra", "0")),
        "ip netns exec n sysctl -qw net/ipv6/conf/e0.7/accept_ra=0",
    );
    check(
        Change::InterfaceSysctl(place("n:e~0"), knob("ipv6.accept_ra", "0")),
        "ip netns exec n sysctl -qw 'net.ipv6.conf.e~0.accept_ra=0'",
    );
    check(
        Change::InterfaceSysctl(place("n:e=0"), knob("ipv4.neigh.mcast_solicit", "0")),
        "printf '%s\\n' 0 | ip netns exec n tee /proc/sys/net/ipv4/neigh/e=0/mcast_solicit \
         >/dev/null",
    );
}

#[test]
fn routes() {
    let add = |route, expected: &str| {
        check(Change::AddRoute(read("n"), Route::clone(&route)), expected);
        let del = expected.replace("route add", "route del");
        check(Change::DelRoute(read("n"), route), &del);
    };
    add(via("0.0.0.0/0", "10.0.0.1"), "ip -n n route add default via 10.0.0.1");
    add(via("::/0", "fd00::1"), "ip -n n -6 route add default via fd00::1");
    add(via("10.2.0.9/32", "10.0.0.1"), "ip -n n route add 10.2.0.9 via 10.0.0.1");
    add(
        Route {
            dev: Some(read("e0")),
            src: Some(read("10.0.0.2")),
            metric: Some(50),
            table: Some(100),
            onlink: true,
            ..via("10.9.0.0/16", "10.0.0.1")
        },
        "ip -n n route add 10.9.0.0/16 via 10.0.0.1 dev e0 src 10.0.0.2 metric 50 table 100 onlink",
    );
    add(
        Route { table: Some(255), ..Route::of_kind(RouteKind::Prohibit, read("fd01::/64")) },
        "ip -n n -6 route add prohibit fd01::/64 table local",
    );
}

#[test]
fn rules() {
    let add = |rule, expected: &str| {
        check(Change::AddRule(read("n"), Rule::clone(&rule)), expected);
        let del = expected.replace("rule add", "rule del");
        check(Change::DelRule(read("n"), rule), &del);
    };
    let rule = |action| Rule::new(Family::Ipv4, action);
    add(rule(RuleAction::Table(253)), "ip -n n rule add from all lookup default");
    add(
        Rule {
            from: Some(read("10.0.0.0/24")),
            to: Some(read("10.1.0.1/32")),
            iif: Some(read("lo")),
            oif: Some(read("e0")),
            priority: Some(7),
            not: true,
            ..rule(RuleAction::Table(100))
        },
        "ip -n n rule add not from 10.0.0.0/24 to 10.1.0.1 iif lo oif e0 priority 7 lookup 100",
    );
    add(
        Rule::new(Family::Ipv6, RuleAction::Unreachable),
        "ip -n n -6 rule add from all unreachable",
    );
}

#[test]
fn neighbours() {
    let (dev, to) = (read("e0"), read("10.0.0.9"));
    let neighbour = Neighbour { dev, to, mac: read("02:00:00:00:00:09") };
    let Neighbour { dev, to, .. } = neighbour.clone();
    check(
        Change::AddNeighbour(read("n"), neighbour),
        "ip -n n neigh replace 10.0.0.9 dev e0 lladdr 02:00:00:00:00:09 nud permanent",
    );
    let key = NeighbourKey { dev, to };
    check(Change::DelNeighbour(read("n"), key), "ip -n n neigh del 10.0.0.9 dev e0");
}

/// What `nft -f` is given to take the table of the short words away, whether it is there or not.
const AWAY: &str = "table inet twinax\ndelete table inet twinax\n";

#[test]
fn a_firewall_takes_the_place_of_the_one_before() {
    let none = format!("ip netns exec n nft -f - <<'EOF'\n{AWAY}EOF");
    check(Change::Firewall(read("n"), Firewall::default()), &none);

    let ruleset = Some("table ip a {\n}\nEOF\n".to_owned());
    let firewall = Firewall { ruleset, ..Firewall::default() };
    check(
        Change::Firewall(read("n"), firewall),
        &(none + "\nip netns exec n nft -f - <<'EOF2'\ntable ip a {\n}\nEOF\nEOF2"),
    );

    let masquerade = vec![read("wan")];
    let firewall = Firewall { masquerade, ..Firewall::default() };
    let words = twinax_plan::firewall::ruleset(&firewall);
    let expected = format!("ip netns exec n nft -f - <<'EOF'\n{words}EOF");
    check(Change::Firewall(read("n"), firewall), &expected);
}

#[test]
fn a_bridge_is_set_whole() {
    let bridge = Bridge::new(place("n:br0"));
    let set = "ip -n n link set dev br0 type bridge";
    assert_eq!(
        command(&Step::SetBridge(bridge.clone())),
        format!(
            "{set} stp_state 0 ageing_time 30000 forward_delay 1500 priority 32768 mcast_snooping 1"
        ),
    );
    let seconds = |n| Some(Span(std::time::Duration::from_secs(n)));
    let bridge = Bridge {
        stp: true,
        ageing: seconds(10),
        forward_delay: seconds(2),
        priority: Some(0),
        multicast_snooping: Some(false),
        ..bridge
    };
    assert_eq!(
        command(&Step::SetBridge(bridge)),
        format!("{set} stp_state 1 ageing_time 1000 forward_delay 200 priority 0 mcast_snooping 0"),
    );
}

#[test]
fn what_goes() {
    assert_eq!(command(&Step::DelLink(place("n:e0"))), "ip -n n link del dev e0");
    assert_eq!(command(&Step::DelLink(place("n:a~b"))), "ip -n n link del dev 'a~b'");
    assert_eq!(command(&Step::DelNetns(read("n"))), "ip netns del n");
    assert_eq!(command(&Step::FlushRuleset(read("n"))), "ip netns exec n nft flush ruleset");
}
