//! Forwarding, source validation, and addresses that may not be where they are.

use super::fault::{Fault, Part, cause, faults, ping, tcp};
use super::labs::Lab;

faults! {
    forwarding_off_at_one_device [v4] = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "knob r net.ipv4.conf.r1.forwarding=0",
        causes: &[cause("forwarding-off", "r").at("r1|").by("net.ipv4.conf.r1.forwarding")],
        mend: "knob r net.ipv4.conf.r1.forwarding=1",
    }]);

    /// What is asked for arrives, and the answer is not passed on.
    forwarding_off_on_the_way_back [v4] = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "knob r net.ipv4.conf.r2.forwarding=0",
        causes: &[cause("forwarding-off", "r").by("net.ipv4.conf.r2.forwarding")],
        mend: "knob r net.ipv4.conf.r2.forwarding=1",
    }]);

    forwarding_off_in_the_middle = Fault::new(Lab::Chain, tcp("h1", "$h2", 80), &[Part {
        inject: "knob r2 $forwarding=0",
        causes: &[cause("forwarding-off", "r2")],
        mend: "knob r2 $forwarding=1",
    }]);

    /// The answer comes in by another device than the packet left by, and that is all.
    reverse_path_at_the_source [v4] = Fault::new(Lab::Triangle, ping("h1", "$h2"), &[Part {
        inject: "knob h1 net.ipv4.conf.e1.rp_filter=1",
        causes: &[cause("reverse-path", "h1").at("e1").by("net.ipv4.conf.e1.rp_filter")],
        mend: "knob h1 net.ipv4.conf.e1.rp_filter=0",
    }]);

    reverse_path_at_the_target [v4] = Fault::new(Lab::Triangle, ping("h1", "$h2"), &[Part {
        inject: "knob h2 net.ipv4.conf.e0.rp_filter=1",
        causes: &[cause("reverse-path", "h2").at("e0").by("net.ipv4.conf.e0.rp_filter")],
        mend: "knob h2 net.ipv4.conf.e0.rp_filter=0",
    }]);

    reverse_path_of_all_devices [v4] = Fault::new(Lab::Triangle, tcp("h1", "$h2", 80), &[Part {
        inject: "knob h2 net.ipv4.conf.all.rp_filter=1",
        causes: &[cause("reverse-path", "h2").at("e0")
            .by("net.ipv4.conf.all.rp_filter|net.ipv4.conf.e0.rp_filter")],
        mend: "knob h2 net.ipv4.conf.all.rp_filter=0",
    }]);

    /// Loose mode is content with any way back, but here is none.
    reverse_path_loose [v4] = Fault::new(Lab::Router, ping("h1", "$h2").source("$strange"), &[
        Part {
            inject: "
                knob r net.ipv4.conf.r1.rp_filter=2
                ip -n h1 addr add $strange/32 dev lo
                ip -n h1 neigh replace $r1 lladdr \"$(mac r r1)\" dev e0",
            causes: &[cause("reverse-path", "r").at("r1").by("net.ipv4.conf.r1.rp_filter")],
            mend: "ip -n r route add $strange via $h1",
        },
    ]);

    /// What is for a loopback address may not come from outside, not even by a translation.
    translated_to_loopback [v4] = Fault::new(Lab::Router, tcp("h1", "$h2", 8080), &[Part {
        inject: "at h2 nft 'add table ip n
            add chain ip n pre { type nat hook prerouting priority -100; }
            add rule ip n pre tcp dport 8080 dnat to 127.0.0.1:80'",
        causes: &[cause("martian", "h2").at("e0")
            .by("net.ipv4.conf.e0.route_localnet|net.ipv4.conf.all.route_localnet")],
        mend: "knob h2 net.ipv4.conf.e0.route_localnet=1",
    }]);

    a_loopback_address_as_source [v4] = Fault::new(Lab::Router, ping("h1", "$h2").source("127.0.0.1"), &[Part {
        inject: "",
        causes: &[cause("martian|source-address", "h1|r")],
        mend: "",
    }]).by_hand();

    echo_is_ignored = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "knob h2 $echo=1",
        causes: &[cause("echo-ignored", "h2").by("$echo")],
        mend: "knob h2 $echo=0",
    }]);

    /// IPv6 is off there, and with it went the address and the routes.
    ipv6_is_off [v6] = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "knob h2 net.ipv6.conf.e0.disable_ipv6=1",
        causes: &[cause("ipv6-off", "h2").at("e0|")
            .by("net.ipv6.conf.e0.disable_ipv6|net.ipv6.conf.all.disable_ipv6")],
        mend: "
            knob h2 net.ipv6.conf.e0.disable_ipv6=0
            ip -n h2 addr add $h2/64 dev e0 nodad
            ip -n h2 -6 route add default via $r2",
    }]).by_hand();

    ipv6_is_off_at_the_router [v6] = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "knob r net.ipv6.conf.r1.disable_ipv6=1",
        causes: &[cause("ipv6-off", "r").at("r1|")
            .by("net.ipv6.conf.r1.disable_ipv6|net.ipv6.conf.all.disable_ipv6")],
        mend: "
            knob r net.ipv6.conf.r1.disable_ipv6=0
            ip -n r addr add $r1/64 dev r1 nodad",
    }]).by_hand();

    /// Its route leaves with the address; what it has of IPv6 is `lo`.
    no_address_at_the_source [v6] = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "ip -n h1 addr del $h1/64 dev e0; ip -n h1 -6 route del default; :",
        causes: &[cause("no-route|source-address|address-missing", "h1")],
        mend: "
            ip -n h1 addr add $h1/64 dev e0 nodad
            ip -n h1 -6 route add default via $r1",
    }]).by_hand();
}
