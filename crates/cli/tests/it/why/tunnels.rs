//! What is asked for goes in a tunnel, and the fault is below it or at its ends.

use super::fault::{Fault, Part, cause, faults, ping};
use super::labs::Lab;

faults! {
    the_underlay_drops_vxlan = Fault::new(Lab::Tunnel, ping("h1", "$h2"), &[Part {
        inject: "at r nft 'add table inet f
            add chain inet f onward { type filter hook forward priority 0; }
            add rule inet f onward udp dport 4789 drop'",
        causes: &[cause("firewall", "r").by("inet f onward")],
        mend: "at r nft delete table inet f",
    }]);

    the_underlay_has_no_route = Fault::new(Lab::Tunnel, ping("h1", "$h2"), &[Part {
        inject: "ip -n h1 route del default",
        causes: &[cause("no-route", "h1")],
        mend: "ip -n h1 route add default via 10.1.1.1",
    }]);

    the_underlay_does_not_forward = Fault::new(Lab::Tunnel, ping("h1", "$h2"), &[Part {
        inject: "knob r net.ipv4.ip_forward=0",
        causes: &[cause("forwarding-off", "r")],
        mend: "knob r net.ipv4.ip_forward=1",
    }]);

    the_other_end_is_down [v4] = Fault::new(Lab::Tunnel, ping("h1", "$h2"), &[Part {
        inject: "ip -n h2 link set vx0 down",
        causes: &[cause("link-down", "h2").at("vx0")],
        mend: "ip -n h2 link set vx0 up",
    }]);

    /// The ends have different network identifiers.
    the_ends_have_different_networks = Fault::new(Lab::Tunnel, ping("h1", "$h2"), &[Part {
        inject: "
            ip -n h2 link del vx0
            ip -n h2 link add vx0 type vxlan id 6 remote $under1 dstport 4789
            ip -n h2 addr add $h2/$plen dev vx0 $nodad
            ip -n h2 link set vx0 up",
        causes: &[cause("not-connected|vlan|no-listener", "h1|h2")],
        mend: "",
    }]).by_hand();

    the_tunnel_leads_elsewhere = Fault::new(Lab::Tunnel, ping("h1", "$h2"), &[Part {
        inject: "
            bridge -n h1 fdb append 00:00:00:00:00:00 dev vx0 dst 10.1.2.77
            bridge -n h1 fdb del 00:00:00:00:00:00 dev vx0 dst $under2",
        causes: &[cause("static-fdb|address-missing|no-neighbour|not-connected", "h1|r")],
        mend: "bridge -n h1 fdb append 00:00:00:00:00:00 dev vx0 dst $under2",
    }]);

    the_tunnel_leads_nowhere = Fault::new(Lab::Tunnel, ping("h1", "$h2"), &[Part {
        inject: "bridge -n h1 fdb del 00:00:00:00:00:00 dev vx0 dst $under2",
        causes: &[cause("not-connected", "h1").at("vx0")],
        mend: "bridge -n h1 fdb append 00:00:00:00:00:00 dev vx0 dst $under2",
    }]);
}
