//! Two faults at once: the first to meet is named, and that the second comes next; when the first is
//! mended, the second is named.

use super::fault::{Fault, Part, cause, faults, ping, tcp};
use super::labs::Lab;

const NO_ROUTE: Part = Part {
    inject: "ip -n h1 $f route del default",
    causes: &[cause("no-route", "h1")],
    mend: "ip -n h1 $f route add default via $r1",
};

const FORWARDING_OFF: Part = Part {
    inject: "knob r $forwarding=0",
    causes: &[cause("forwarding-off", "r")],
    mend: "knob r $forwarding=1",
};

const NO_WAY_BACK: Part = Part {
    inject: "ip -n h2 $f route del default",
    causes: &[cause("no-way-back|no-route", "h2")],
    mend: "ip -n h2 $f route add default via $r2",
};

const ECHO_IGNORED: Part = Part {
    inject: "knob h2 $echo=1",
    causes: &[cause("echo-ignored", "h2").by("$echo")],
    mend: "knob h2 $echo=0",
};

const FIREWALL: Part = Part {
    inject: "at r nft 'add table inet f
        add chain inet f onward { type filter hook forward priority 0; }
        add rule inet f onward $nf daddr $h2 drop'",
    causes: &[cause("firewall", "r").by("inet f onward")],
    mend: "at r nft delete table inet f",
};

const INPUT: Part = Part {
    inject: "at h2 nft 'add table inet g
        add chain inet g in { type filter hook input priority 0; }
        add rule inet g in $nf saddr $h1 drop'",
    causes: &[cause("firewall", "h2").by("inet g in")],
    mend: "at h2 nft delete table inet g",
};

const WRONG_NEIGHBOUR: Part = Part {
    inject: "ip -n h1 neigh replace $r1 lladdr 02:00:00:00:00:99 dev e0",
    causes: &[cause("wrong-neighbour", "h1").at("e0")],
    mend: "ip -n h1 neigh del $r1 dev e0",
};

const BLACKHOLE: Part = Part {
    inject: "ip -n r $f route add blackhole $h2",
    causes: &[cause("blackhole-route", "r")],
    mend: "ip -n r $f route del blackhole $h2",
};

const ISOLATED: Part = Part {
    inject: "
        bridge -n sw link set dev p1 isolated on
        bridge -n sw link set dev p2 isolated on",
    causes: &[cause("isolated-port", "sw").at("p1|p2")],
    mend: "bridge -n sw link set dev p1 isolated off",
};

faults! {
    no_route_and_no_forwarding =
        Fault::new(Lab::Router, ping("h1", "$h2"), &[NO_ROUTE, FORWARDING_OFF]);

    no_forwarding_and_no_way_back =
        Fault::new(Lab::Router, ping("h1", "$h2"), &[FORWARDING_OFF, NO_WAY_BACK]);

    no_route_and_no_way_back =
        Fault::new(Lab::Router, tcp("h1", "$h2", 80), &[NO_ROUTE, NO_WAY_BACK]);

    firewall_and_echo_ignored =
        Fault::new(Lab::Router, ping("h1", "$h2"), &[FIREWALL, ECHO_IGNORED]);

    two_firewalls = Fault::new(Lab::Router, ping("h1", "$h2"), &[FIREWALL, INPUT]);

    firewall_and_no_way_back =
        Fault::new(Lab::Router, tcp("h1", "$h2", 80), &[INPUT, NO_WAY_BACK]);

    wrong_neighbour_and_firewall =
        Fault::new(Lab::Router, ping("h1", "$h2"), &[WRONG_NEIGHBOUR, FIREWALL]);

    wrong_neighbour_and_blackhole =
        Fault::new(Lab::Router, ping("h1", "$h2"), &[WRONG_NEIGHBOUR, BLACKHOLE]);

    blackhole_and_echo_ignored =
        Fault::new(Lab::Router, ping("h1", "$h2"), &[BLACKHOLE, ECHO_IGNORED]);

    isolated_and_arp_ignored [v4] = Fault::new(Lab::Bridge, ping("h1", "$h2"), &[ISOLATED, Part {
        inject: "knob h2 net.ipv4.conf.e0.arp_ignore=8",
        causes: &[cause("arp-ignore", "h2").at("e0").by("net.ipv4.conf.e0.arp_ignore")],
        mend: "knob h2 net.ipv4.conf.e0.arp_ignore=0",
    }]);

    isolated_and_echo_ignored =
        Fault::new(Lab::Bridge, ping("h1", "$h2"), &[ISOLATED, ECHO_IGNORED]);

    /// Far from each other.
    firewall_and_no_way_back_in_a_chain = Fault::new(Lab::Chain, ping("h1", "$h2"), &[
        Part {
            inject: "at r3 nft 'add table inet f
                add chain inet f onward { type filter hook forward priority 0; }
                add rule inet f onward $nf daddr $h2 drop'",
            causes: &[cause("firewall", "r3").by("inet f onward")],
            mend: "at r3 nft delete table inet f",
        },
        Part {
            inject: "ip -n r2 $f route del $net1",
            causes: &[cause("no-way-back|no-route", "r2")],
            mend: "ip -n r2 $f route add $net1 via $back1",
        },
    ]);

    /// The reverse path filter is met first, and a way back mends both.
    reverse_path_and_no_way_back [v4] = Fault::new(Lab::Router, ping("h1", "$h2").source("$strange"), &[Part {
        inject: "knob r net.ipv4.conf.r1.rp_filter=1; ip -n h1 addr add $strange/32 dev lo",
        causes: &[cause("reverse-path", "r").at("r1").by("net.ipv4.conf.r1.rp_filter")],
        mend: "ip -n r route add $strange via $h1",
    }]);

    /// The gate lets nothing through, and outside nobody knows the inside.
    a_closed_gate_that_does_not_masquerade = Fault::new(Lab::Nat, ping("in", "$srv"), &[
        Part {
            inject: "at gate nft 'flush ruleset
                add table inet f
                add chain inet f onward { type filter hook forward priority 0; policy drop; }'",
            causes: &[cause("firewall", "gate").by("inet f onward")],
            mend: "at gate nft delete table inet f",
        },
        Part {
            inject: "",
            causes: &[cause("no-way-back|no-route", "isp"), cause("nat", "gate")],
            mend: "ip -n isp $f route add $netin via $wan",
        },
    ]);
}
