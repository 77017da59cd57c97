//! Tables, rules and gateways.

use super::fault::{Family, Fault, Part, cause, faults, ping, tcp};
use super::labs::Lab;
use super::proof::is_answered_by_another;

faults! {
    unreachable_at_the_router = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "ip -n r $f route add unreachable $h2",
        causes: &[cause("unreachable-route", "r")],
        mend: "ip -n r $f route del unreachable $h2",
    }]);

    prohibited_at_the_router = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "ip -n r $f route add prohibit $h2",
        causes: &[cause("prohibit-route", "r")],
        mend: "ip -n r $f route del prohibit $h2",
    }]);

    /// It sends the look-up on to the next table, and there is none.
    thrown_out_of_the_table = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "ip -n r $f route add throw $h2",
        causes: &[cause("throw-route", "r")],
        mend: "ip -n r $f route del throw $h2",
    }]);

    blackhole_at_the_source = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "ip -n h1 $f route add blackhole $net2",
        causes: &[cause("blackhole-route", "h1")],
        mend: "ip -n h1 $f route del blackhole $net2",
    }]);

    prohibited_at_the_source = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "ip -n h1 $f route add prohibit $h2",
        causes: &[cause("prohibit-route", "h1")],
        mend: "ip -n h1 $f route del prohibit $h2",
    }]);

    blackhole_on_the_way_back = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "ip -n r $f route add blackhole $h1",
        causes: &[cause("blackhole-route", "r")],
        mend: "ip -n r $f route del blackhole $h1",
    }]);

    unreachable_at_the_target = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "ip -n h2 $f route add unreachable $h1",
        causes: &[cause("unreachable-route|no-way-back", "h2")],
        mend: "ip -n h2 $f route del unreachable $h1",
    }]);

    blackhole_by_a_rule = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "ip -n r $f rule add priority 100 to $h2 blackhole",
        causes: &[cause("blackhole-route", "r")],
        mend: "ip -n r $f rule del priority 100",
    }]);

    prohibited_by_a_rule_of_the_sender = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "ip -n r $f rule add priority 100 from $h1 prohibit",
        causes: &[cause("prohibit-route", "r")],
        mend: "ip -n r $f rule del priority 100",
    }]);

    /// Only what goes to one port.
    prohibited_by_a_rule_of_a_port = Fault::new(Lab::Router, tcp("h1", "$h2", 80), &[Part {
        inject: "ip -n r $f rule add priority 100 ipproto tcp dport 80 unreachable",
        causes: &[cause("unreachable-route", "r")],
        mend: "ip -n r $f rule del priority 100",
    }]);

    /// A mark leads to a rule, and the rule to nowhere.
    blackhole_by_a_mark = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "
            at r nft 'add table inet m
                add chain inet m pre { type filter hook prerouting priority -150; }
                add rule inet m pre meta l4proto $icmp meta mark set 7'
            ip -n r $f rule add priority 100 fwmark 7 blackhole",
        causes: &[cause("blackhole-route", "r"), cause("firewall", "r").by("inet m pre")],
        mend: "ip -n r $f rule del priority 100",
    }]);

    /// The sender marks its own packets, and asks for the way once more.
    blackhole_by_a_mark_at_the_source = Fault::new(Lab::Router, tcp("h1", "$h2", 80), &[Part {
        inject: "
            at h1 nft 'add table inet m
                add chain inet m out { type route hook output priority -150; }
                add rule inet m out tcp dport 80 meta mark set 7'
            ip -n h1 $f rule add priority 100 fwmark 7 blackhole",
        causes: &[cause("blackhole-route", "h1"), cause("firewall", "h1").by("inet m out")],
        mend: "ip -n h1 $f rule del priority 100",
    }]);

    /// The table of a rule has an answer, and main is not asked.
    another_table_says_no = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "
            ip -n h1 $f route add unreachable default table 100
            ip -n h1 $f rule add priority 100 to $net2 lookup 100",
        causes: &[cause("unreachable-route", "h1")],
        mend: "ip -n h1 $f rule del priority 100",
    }]);

    wrong_gateway_at_the_source = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "ip -n h1 $f route replace default via $nobody1",
        causes: &[cause("wrong-gateway", "h1").at("e0")],
        mend: "ip -n h1 $f route replace default via $r1",
    }]).by_hand();

    /// The better route is the dead one. IPv6 takes the other once the gateway has failed to answer
    /// (`find_match`, `net/ipv6/route.c`).
    a_better_route_that_is_dead [v4] = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "ip -n h1 $f route add $net2 via $nobody1",
        causes: &[cause("wrong-gateway", "h1").at("e0")],
        mend: "ip -n h1 $f route del $net2 via $nobody1",
    }]).by_hand();

    wrong_gateway_on_the_way_back = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "ip -n h2 $f route replace default via $nobody2",
        causes: &[cause("wrong-gateway", "h2").at("e0")],
        mend: "ip -n h2 $f route replace default via $r2",
    }]).by_hand();

    wrong_gateway_at_a_router = Fault::new(Lab::Chain, ping("h1", "$h2"), &[Part {
        inject: "ip -n r2 $f route replace $net4 via $nobody3",
        causes: &[cause("wrong-gateway", "r2").at("right")],
        mend: "ip -n r2 $f route replace $net4 via $rb",
    }]).by_hand();

    /// A more specific route leads out of the wrong device.
    a_host_route_out_of_the_wrong_device = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "ip -n r $f route add $h2 dev r1",
        causes: &[cause("on-link-route|wrong-route", "r").at("r1")],
        mend: "ip -n r $f route del $h2 dev r1",
    }]).by_hand();

    no_route_in_the_middle = Fault::new(Lab::Chain, ping("h1", "$h2"), &[Part {
        inject: "ip -n r2 $f route del $net4",
        causes: &[cause("no-route", "r2")],
        mend: "ip -n r2 $f route add $net4 via $rb",
    }]);

    no_way_back_in_the_middle = Fault::new(Lab::Chain, ping("h1", "$h2"), &[Part {
        inject: "ip -n r2 $f route del $net1",
        causes: &[cause("no-way-back|no-route", "r2")],
        mend: "ip -n r2 $f route add $net1 via $back1",
    }]);

    no_way_back_at_the_last_router [v4, v6] = Fault::new(Lab::Chain, tcp("h1", "$h2", 80), &[Part {
        inject: "ip -n r3 $f route del $net1",
        causes: &[cause("no-way-back|no-route", "r3")],
        mend: "ip -n r3 $f route add $net1 via $back2",
    }]);

    two_routers_send_to_each_other = Fault::new(Lab::Chain, ping("h1", "$h2"), &[Part {
        inject: "ip -n r2 $f route replace $net4 via $back1",
        causes: &[cause("route-loop|wrong-route|wrong-gateway", "r1|r2")],
        mend: "ip -n r2 $f route replace $net4 via $rb",
    }]).by_hand();

    /// The reply goes to an address of the sender's that nobody knows.
    a_route_prefers_a_source_that_nobody_knows = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "
            ip -n h1 addr add $strange/$len dev lo $nodad
            ip -n h1 $f route replace default via $r1 src $strange",
        causes: &[cause("no-way-back|no-route", "r"), cause("source-address|wrong-route", "h1")],
        mend: "ip -n h1 $f route replace default via $r1",
    }]);

    not_an_address_of_the_source = Fault::new(Lab::Router, ping("h1", "$h2").source("$strange"), &[Part {
        inject: "",
        causes: &[cause("source-address", "h1")],
        mend: "",
    }]).by_hand();

    /// By the other device there is no gateway.
    out_of_a_device_without_a_route [v4] = Fault::new(
        Lab::Triangle,
        ping("h1", "$h2").interface("e1"),
        &[Part {
            inject: "ip -n h1 route add default via 10.2.0.77 dev e1 metric 50",
            causes: &[cause("wrong-gateway", "h1").at("e1")],
            mend: "",
        }],
    ).by_hand();

    /// The way is said by a next hop of its own (`ip nexthop`), and nobody is there.
    next_hop_is_nobody = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "
            ip -n r nexthop add id 7 via $nobody2 dev r2
            ip -n r $f route replace $h2 nhid 7",
        causes: &[cause("wrong-gateway", "r").at("r2")],
        mend: "ip -n r $f route del $h2",
    }]).needs("ip -n r nexthop add id 7 blackhole; ip -n r nexthop del id 7");

    next_hop_discards = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "
            ip -n r $f nexthop add id 7 blackhole
            ip -n r $f route replace $h2 nhid 7",
        causes: &[cause("blackhole-route", "r")],
        mend: "ip -n r $f route del $h2",
    }]).needs("ip -n r nexthop add id 7 blackhole; ip -n r nexthop del id 7");

    /// All routes are there, in a table that nobody is led to. (IPv6 looks at rules only once somebody has added one:
    /// `fib6_has_custom_rules`.)
    no_rule_leads_to_the_table [v4] = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "ip -n r rule del priority 32766",
        causes: &[cause("no-route", "r").by("rule")],
        mend: "ip -n r rule add priority 32766 lookup main",
    }]);

    no_rule_leads_to_the_table_of_the_source [v4] = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "ip -n h1 rule del priority 32766",
        causes: &[cause("no-route", "h1").by("rule")],
        mend: "ip -n h1 rule add priority 32766 lookup main",
    }]);

    sent_to_itself [v4] = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "ip -n h1 route add $h2 dev lo",
        causes: &[cause("on-link-route", "h1").at("lo")],
        mend: "ip -n h1 route del $h2 dev lo",
    }]);

    /// The router answers in the place of the target, and nobody listens there.
    taken_for_its_own = Fault::new(Lab::Router, tcp("h1", "$h2", 80), &[Part {
        inject: "ip -n r $f route add local $h2 dev lo",
        causes: &[cause("local-route", "r")],
        mend: "ip -n r $f route del local $h2 dev lo table local",
    }]);

    /// Nobody is in the subnet of a single address, and everybody is taken to be on the link.
    everybody_is_on_the_link [v4] = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "
            ip -n h2 addr del $h2/24 dev e0
            ip -n h2 addr add $h2/32 dev e0
            ip -n h2 route add default dev e0",
        causes: &[cause("on-link-route", "h2").at("e0")],
        mend: "ip -n h2 route replace default via $r2 dev e0 onlink",
    }]);

    /// An address that is good on its link alone is no source for what goes beyond.
    source_of_narrow_scope [v4] = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "
            ip -n h1 addr del $h1/24 dev e0
            ip -n h1 addr add $h1/24 dev e0 scope link
            ip -n h1 route add default via $r1",
        causes: &[cause("source-address", "h1")],
        mend: "
            ip -n h1 addr del $h1/24 dev e0
            ip -n h1 addr add $h1/24 dev e0
            ip -n h1 route add default via $r1",
    }]).by_hand();
}

/// The ping is answered, and never came to whom it is for.
#[test]
fn answered_on_the_way() {
    const FAULT: Fault = Fault::new(
        Lab::Router,
        ping("h1", "$h2"),
        &[Part {
            inject: "ip -n r $f route add local $h2 dev lo",
            causes: &[cause("local-route", "r")],
            mend: "ip -n r $f route del local $h2 dev lo table local",
        }],
    );
    for family in [Family::V4, Family::V6] {
        is_answered_by_another("why::routes::answered_on_the_way", FAULT, family);
    }
}
