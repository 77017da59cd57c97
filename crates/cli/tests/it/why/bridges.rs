//! Bridges, their ports, and what they believe.

use super::fault::{Fault, Part, cause, faults, ping, tcp};
use super::labs::Lab;

faults! {
    port_is_down [v4] = Fault::new(Lab::Bridge, ping("h1", "$h2"), &[Part {
        inject: "ip -n sw link set p2 down",
        causes: &[cause("link-down", "sw").at("p2")],
        mend: "ip -n sw link set p2 up",
    }]);

    port_of_the_source_is_down [v4] = Fault::new(Lab::Bridge, ping("h1", "$h2"), &[Part {
        inject: "ip -n sw link set p1 down",
        causes: &[cause("link-down", "sw").at("p1")],
        mend: "ip -n sw link set p1 up",
    }]);

    bridge_is_down = Fault::new(Lab::Bridge, ping("h1", "$h2"), &[Part {
        inject: "ip -n sw link set br0 down",
        causes: &[cause("link-down", "sw").at("br0")],
        mend: "ip -n sw link set br0 up",
    }]);

    port_is_of_no_bridge = Fault::new(Lab::Bridge, ping("h1", "$h2"), &[Part {
        inject: "ip -n sw link set p2 nomaster",
        causes: &[cause("not-connected|port-state", "sw").at("p2")],
        mend: "ip -n sw link set p2 master br0",
    }]);

    port_is_disabled = Fault::new(Lab::Bridge, ping("h1", "$h2"), &[Part {
        inject: "bridge -n sw link set dev p2 state 0",
        causes: &[cause("port-state", "sw").at("p2")],
        mend: "bridge -n sw link set dev p2 state 3",
    }]);

    /// Without STP the kernel makes of a blocking port a forwarding one at once, but lets it listen.
    port_only_listens = Fault::new(Lab::Bridge, ping("h1", "$h2"), &[Part {
        inject: "bridge -n sw link set dev p1 state 1",
        causes: &[cause("port-state", "sw").at("p1")],
        mend: "bridge -n sw link set dev p1 state 3",
    }]);

    port_only_learns = Fault::new(Lab::Bridge, tcp("h1", "$h2", 80), &[Part {
        inject: "bridge -n sw link set dev p2 state 2",
        causes: &[cause("port-state", "sw").at("p2")],
        mend: "bridge -n sw link set dev p2 state 3",
    }]);

    /// What is not learned is flooded, and that is off, too.
    neither_learned_nor_flooded = Fault::new(Lab::Bridge, ping("h1", "$h2"), &[Part {
        inject: "bridge -n sw link set dev p2 learning off flood off
            bridge -n sw fdb flush dev br0 brport p2 dynamic 2>/dev/null ||
            bridge -n sw fdb del \"$(mac h2 e0)\" dev p2 master",
        causes: &[cause("port-flags", "sw").at("p2")],
        mend: "bridge -n sw link set dev p2 learning on flood on",
    }]);

    broadcasts_are_not_flooded [v4] = Fault::new(Lab::Bridge, ping("h1", "$h2"), &[Part {
        inject: "
            bridge -n sw link set dev p2 bcast_flood off
            ip -n h1 neigh flush dev e0; ip -n h2 neigh flush dev e0",
        causes: &[cause("port-flags", "sw").at("p2")],
        mend: "bridge -n sw link set dev p2 bcast_flood on",
    }]);

    multicasts_are_not_flooded [v6] = Fault::new(Lab::Bridge, ping("h1", "$h2"), &[Part {
        inject: "
            bridge -n sw link set dev p2 mcast_flood off
            ip -n h1 neigh flush dev e0; ip -n h2 neigh flush dev e0",
        causes: &[cause("port-flags", "sw").at("p2")],
        mend: "bridge -n sw link set dev p2 mcast_flood on",
    }]);

    /// A locked port takes nothing from whom it does not know (802.1X).
    port_is_locked = Fault::new(Lab::Bridge, ping("h1", "$h2"), &[Part {
        inject: "
            bridge -n sw link set dev p1 learning off locked on
            bridge -n sw fdb del \"$(mac h1 e0)\" dev p1 master 2>/dev/null || :",
        causes: &[cause("port-flags", "sw").at("p1")],
        mend: "bridge -n sw link set dev p1 locked off",
    }]).by_hand();

    static_entry_leads_elsewhere = Fault::new(Lab::Bridge, ping("h1", "$h2"), &[Part {
        inject: "bridge -n sw fdb replace \"$(mac h2 e0)\" dev p3 master static sticky",
        causes: &[cause("static-fdb", "sw").at("p3")],
        mend: "bridge -n sw fdb del \"$(mac h2 e0)\" dev p3 master",
    }]);

    /// The bridge takes the frames for its own.
    static_entry_is_the_bridges_own = Fault::new(Lab::Bridge, ping("h1", "$h2"), &[Part {
        inject: "bridge -n sw fdb replace \"$(mac h2 e0)\" dev p2 master permanent",
        causes: &[cause("static-fdb", "sw")],
        mend: "bridge -n sw fdb del \"$(mac h2 e0)\" dev p2 master",
    }]);

    static_entry_of_the_source = Fault::new(Lab::Bridge, ping("h1", "$h2"), &[Part {
        inject: "bridge -n sw fdb replace \"$(mac h1 e0)\" dev p3 master static sticky",
        causes: &[cause("static-fdb", "sw").at("p3")],
        mend: "bridge -n sw fdb del \"$(mac h1 e0)\" dev p3 master",
    }]);

    port_is_in_no_vlan = Fault::new(Lab::Bridge, ping("h1", "$h2"), &[Part {
        inject: "bridge -n sw vlan del dev p2 vid 1",
        causes: &[cause("vlan", "sw").at("p2")],
        mend: "bridge -n sw vlan add dev p2 vid 1 pvid untagged",
    }]).needs("ip -n sw link set br0 type bridge vlan_filtering 1").by_hand();

    cable_between_bridges_is_down [v4, v6] = Fault::new(Lab::Bridges, ping("h1", "$h2"), &[Part {
        inject: "ip -n swb link set dev up down",
        causes: &[cause("link-down", "swb").at("up")],
        mend: "ip -n swb link set dev up up",
    }]);

    /// Another bridge is on the link, behind which the receiver is not.
    another_bridge_is_not_on_the_way [v4, v6] = Fault::new(Lab::Bridges, ping("h3", "$h1"), &[Part {
        inject: "ip -n swa link set dev p1 down",
        causes: &[cause("link-down", "swa").at("p1")],
        mend: "ip -n swa link set dev p1 up",
    }]);

    second_bridge_has_isolated_ports [v4, v6] = Fault::new(Lab::Bridges, tcp("h1", "$h2", 80), &[Part {
        inject: "
            bridge -n swb link set dev up isolated on
            bridge -n swb link set dev p1 isolated on",
        causes: &[cause("isolated-port", "swb").at("up|p1")],
        mend: "bridge -n swb link set dev up isolated off",
    }]);

    second_bridge_has_a_static_entry [v4, v6] = Fault::new(Lab::Bridges, ping("h1", "$h2"), &[Part {
        inject: "bridge -n swa fdb replace \"$(mac h2 e0)\" dev p1 master static sticky",
        causes: &[cause("static-fdb", "swa").at("p1")],
        mend: "bridge -n swa fdb del \"$(mac h2 e0)\" dev p1 master",
    }]).by_hand();

    carrier_is_off [v4, v6] = Fault::new(Lab::Wired, ping("ns0", "$t1"), &[Part {
        inject: "
            ip -n ns0 link set tap0 carrier off
            until ip -n ns0 link show tap0 | grep -q \"state DOWN\"; do :; done",
        causes: &[cause("no-carrier|no-program", "ns0").at("tap0")],
        mend: "ip -n ns0 link set tap0 carrier on",
    }]).by_hand();

    tap_at_the_far_end_is_down [v4] = Fault::new(Lab::Wired, ping("ns0", "$t1"), &[Part {
        inject: "ip -n ns1 link set tap1 down",
        causes: &[cause("link-down", "ns1").at("tap1")],
        mend: "ip -n ns1 link set tap1 up",
    }]);
}
