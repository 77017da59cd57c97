//! The faults that twinax was planned with, each with what explains it.

use super::fault::{Ask, Fault, Part, cause, faults, ping, tcp, udp};
use super::labs::Lab;

const fn documented(lab: Lab, ask: Ask, parts: &'static [Part]) -> Fault {
    Fault::new(lab, ask, parts).by_everybody()
}

faults! {
    /// The kernel ignores what comes in with a source address of its own.
    local_source [v4] = documented(Lab::Pair, ping("stack", "$two").interface("veth1"), &[Part {
        inject: "",
        causes: &[cause("local-source", "stack").at("veth2")
            .by("net.ipv4.conf.veth2.accept_local|net.ipv4.conf.all.accept_local")],
        mend: "knob stack net.ipv4.conf.veth2.accept_local=1",
    }]);

    /// A source that the router does not route back, while it does not know the host yet.
    reverse_path [v4] = documented(Lab::Router, ping("h1", "$h2").source("$strange"), &[Part {
        inject: "knob r net.ipv4.conf.r1.rp_filter=1\nip -n h1 addr add $strange/32 dev lo",
        causes: &[cause("reverse-path", "r").at("r1").by("net.ipv4.conf.r1.rp_filter")],
        mend: "ip -n r route add $strange via $h1",
    }]);

    /// The host takes the other one to be on its own link.
    wrong_mask = documented(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "
            ip -n h1 addr del $h1/$plen dev e0
            ip -n h1 addr add $h1/$wide dev e0 $nodad
            ip -n h1 $f route replace default via $r1",
        causes: &[cause("on-link-route", "h1").at("e0")],
        mend: "
            ip -n h1 addr del $h1/$wide dev e0
            ip -n h1 addr add $h1/$plen dev e0 $nodad
            ip -n h1 $f route replace default via $r1",
    }]);

    no_route_at_the_source = documented(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "ip -n h1 $f route del default",
        causes: &[cause("no-route", "h1")],
        mend: "ip -n h1 $f route add default via $r1",
    }]);

    no_route_at_the_router = documented(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "ip -n r $f route del $net2",
        causes: &[cause("no-route", "r")],
        mend: "ip -n r $f route add $net2 dev r2",
    }]);

    forwarding_off = documented(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "knob r $forwarding=0",
        causes: &[cause("forwarding-off", "r")
            .by("$forwarding|net.$v.conf.all.forwarding|net.$v.conf.r1.forwarding")],
        mend: "knob r $forwarding=1",
    }]);

    no_way_back = documented(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "ip -n h2 $f route del default",
        causes: &[cause("no-way-back|no-route", "h2")],
        mend: "ip -n h2 $f route add default via $r2",
    }]);

    /// The route goes with the link, so it is what is missing next.
    link_down_at_the_far_end = documented(Lab::Router, ping("h1", "$h2"), &[
        Part {
            inject: "knob h2 net.ipv6.conf.e0.keep_addr_on_down=1; ip -n h2 link set e0 down",
            causes: &[cause("link-down", "h2").at("e0")],
            mend: "ip -n h2 link set e0 up",
        },
        Part {
            inject: "",
            causes: &[cause("no-way-back|no-route", "h2")],
            mend: "ip -n h2 $f route add default via $r2",
        },
    ]);

    tap_without_a_program = documented(Lab::Taps, ping("ns0", "$t1"), &[Part {
        inject: "",
        causes: &[cause("no-program", "ns0").at("tap0")],
        mend: "@twinax set --add wire=ns0:tap0,ns1:tap1",
    }]).by_hand();

    loopback_down = documented(Lab::Pair, ping("stack", "$one"), &[Part {
        inject: "ip -n stack link set lo down",
        causes: &[cause("loopback-down", "stack").at("lo")],
        mend: "ip -n stack link set lo up",
    }]);

    too_big_to_be_passed_on = documented(Lab::Router, ping("h1", "$h2").size(1400).whole(), &[Part {
        inject: "ip -n r link set r2 mtu 1300; ip -n h2 link set e0 mtu 1300",
        causes: &[cause("too-big", "r").at("r2")],
        mend: "
            ip -n r link set r2 mtu 1500; ip -n h2 link set e0 mtu 1500
            ip -n h1 $f route flush cache",
    }]);

    a_rule_of_the_firewall = documented(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "at r nft 'add table inet f
            add chain inet f onward { type filter hook forward priority 0; }
            add rule inet f onward $nf daddr $h2 drop comment \"guests\"'",
        causes: &[cause("firewall", "r").by("inet f onward")],
        mend: "at r nft delete table inet f",
    }]);

    blackhole = documented(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "ip -n r $f route add blackhole $h2",
        causes: &[cause("blackhole-route", "r")],
        mend: "ip -n r $f route del blackhole $h2",
    }]);

    ttl_runs_out = documented(Lab::Router, ping("h1", "$h2").ttl(1), &[Part {
        inject: "",
        causes: &[cause("ttl", "r")],
        mend: "",
    }]).by_hand();

    wrong_neighbour = documented(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "ip -n h1 neigh replace $r1 lladdr 02:00:00:00:00:99 dev e0",
        causes: &[cause("wrong-neighbour", "h1").at("e0")],
        mend: "ip -n h1 neigh del $r1 dev e0",
    }]);

    two_hosts_with_one_mac = documented(Lab::Bridge, ping("h1", "$h2"), &[Part {
        inject: "
            ip -n h1 link set e0 address 02:00:00:00:00:77
            ip -n h2 link set e0 address 02:00:00:00:00:77",
        causes: &[cause("duplicate-mac", "h1|h2").at("e0")],
        mend: "ip -n h1 link set e0 address 02:00:00:00:00:78",
    }]);

    isolated_ports = documented(Lab::Bridge, ping("h1", "$h2"), &[Part {
        inject: "
            bridge -n sw link set dev p1 isolated on
            bridge -n sw link set dev p2 isolated on",
        causes: &[cause("isolated-port", "sw").at("p1|p2")],
        mend: "bridge -n sw link set dev p1 isolated off",
    }]);

    arp_is_ignored [v4] = documented(Lab::Bridge, ping("h1", "$h2"), &[Part {
        inject: "knob h2 net.ipv4.conf.e0.arp_ignore=8",
        causes: &[cause("arp-ignore", "h2").at("e0").by("net.ipv4.conf.e0.arp_ignore")],
        mend: "knob h2 net.ipv4.conf.e0.arp_ignore=0",
    }]);

    /// Duplicate address detection is made to take half a minute.
    tentative_address [v6] = documented(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "
            knob h1 net.ipv6.conf.e0.dad_transmits=30
            ip -n h1 addr del $h1/64 dev e0
            ip -n h1 addr add $h1/64 dev e0
            ip -n h1 -6 route replace default via $r1",
        causes: &[cause("tentative-address", "h1").at("e0")],
        mend: "
            ip -n h1 addr del $h1/64 dev e0
            ip -n h1 addr add $h1/64 dev e0 nodad
            ip -n h1 -6 route replace default via $r1",
    }]);

    nobody_listens_tcp = documented(Lab::Router, tcp("h1", "$h2", 81), &[Part {
        inject: "",
        causes: &[cause("no-listener", "h2")],
        mend: "",
    }]).by_hand();

    nobody_listens_udp = documented(Lab::Router, udp("h1", "$h2", 81), &[Part {
        inject: "",
        causes: &[cause("no-listener", "h2")],
        mend: "",
    }]).by_hand();
}
