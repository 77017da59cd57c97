//! The next hop's hardware address: who is asked, who answers, and what is believed.

use super::fault::{Fault, Part, cause, faults, ping, tcp};
use super::labs::Lab;

faults! {
    /// The frame comes to the right host with another's address.
    wrong_neighbour_at_the_router = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "ip -n r neigh replace $h2 lladdr 02:00:00:00:00:99 dev r2",
        causes: &[cause("wrong-neighbour", "r").at("r2")],
        mend: "ip -n r neigh del $h2 dev r2",
    }]);

    wrong_neighbour_on_the_way_back = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "ip -n h2 neigh replace $r2 lladdr 02:00:00:00:00:99 dev e0",
        causes: &[cause("wrong-neighbour", "h2").at("e0")],
        mend: "ip -n h2 neigh del $r2 dev e0",
    }]);

    /// It is somebody's, but not the neighbour's.
    neighbour_is_taken_for_another = Fault::new(Lab::Bridge, tcp("h1", "$h2", 80), &[Part {
        inject: "ip -n h1 neigh replace $h2 lladdr \"$(mac h3 e0)\" dev e0",
        causes: &[cause("wrong-neighbour", "h1").at("e0")],
        mend: "ip -n h1 neigh del $h2 dev e0",
    }]);

    /// A device without ARP sends to itself.
    no_arp_at_the_router = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "ip -n r link set r2 arp off; ip -n r neigh flush dev r2",
        causes: &[cause("no-arp", "r").at("r2")],
        mend: "ip -n r link set r2 arp on; ip -n r neigh flush nud noarp dev r2",
    }]);

    no_arp_at_the_target [v4] = Fault::new(Lab::Bridge, ping("h1", "$h2"), &[Part {
        inject: "ip -n h2 link set e0 arp off; ip -n h1 neigh flush dev e0",
        causes: &[cause("no-arp", "h2").at("e0")],
        mend: "ip -n h2 link set e0 arp on; ip -n h2 neigh flush nud noarp dev e0",
    }]);

    nobody_has_the_address = Fault::new(Lab::Router, ping("h1", "$nobody2"), &[Part {
        inject: "",
        causes: &[cause("address-missing|no-neighbour", "r|h2")],
        mend: "",
    }]).by_hand();

    the_address_is_gone = Fault::new(Lab::Bridge, ping("h1", "$h2"), &[Part {
        inject: "ip -n h2 addr del $h2/$plen dev e0",
        causes: &[cause("address-missing|no-neighbour", "h1|h2")],
        mend: "ip -n h2 addr add $h2/$plen dev e0 $nodad",
    }]).by_hand();

    /// Of two that answer, the first is believed: that is the port that came last. With IPv6 it is the last one, for
    /// all packets but the first.
    two_hosts_with_one_address [v4] = Fault::new(Lab::Bridge, tcp("h1", "$h2", 80), &[Part {
        inject: "
            ip -n h3 addr add $h2/$plen dev e0 $nodad
            ip -n h1 neigh flush dev e0",
        causes: &[cause("duplicate-address", "h2|h3").at("e0")],
        mend: "ip -n h3 addr del $h2/$plen dev e0; ip -n h1 neigh flush dev e0",
    }]);

    /// Its end of the cable is in another node now, down and without an address.
    the_peer_has_moved_away = Fault::new(Lab::Bridge, ping("h1", "$h2"), &[Part {
        inject: "ip -n h2 link set e0 netns h3 name moved",
        causes: &[
            cause("link-down|not-connected", "h3").at("moved"),
            cause("address-missing|no-neighbour|not-connected", "h1|h2|sw"),
        ],
        mend: "
            ip -n h3 link set moved netns h2 name e0
            ip -n h2 addr add $h2/$plen dev e0 $nodad
            ip -n h2 link set e0 up",
    }]).by_hand();

    /// ARP requests are answered only where the way back leaves by the same device.
    arp_filter [v4] = Fault::new(Lab::Triangle, ping("h1", "$h2"), &[Part {
        inject: "
            knob h2 net.ipv4.conf.e0.arp_filter=1
            ip -n h2 route add $there/32 via $back
            ip -n ra neigh flush dev a2",
        causes: &[cause("arp-filter", "h2").at("e0").by("net.ipv4.conf.e0.arp_filter")],
        mend: "knob h2 net.ipv4.conf.e0.arp_filter=0",
    }]);

    /// One of the settings is of all devices.
    arp_is_ignored_by_all [v4] = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "knob r net.ipv4.conf.all.arp_ignore=8; ip -n h1 neigh flush dev e0",
        causes: &[cause("arp-ignore", "r").by("net.ipv4.conf.all.arp_ignore|net.ipv4.conf.r1.arp_ignore")],
        mend: "knob r net.ipv4.conf.all.arp_ignore=0",
    }]);

    /// The address is another device's, and only its own answers for it.
    arp_is_ignored_for_another_device [v4] = Fault::new(Lab::Bridge, ping("h1", "10.0.0.9"), &[Part {
        inject: "
            ip -n h2 addr add 10.0.0.9/32 dev lo
            knob h2 net.ipv4.conf.e0.arp_ignore=1",
        causes: &[cause("arp-ignore", "h2").at("e0").by("net.ipv4.conf.e0.arp_ignore")],
        mend: "knob h2 net.ipv4.conf.e0.arp_ignore=0",
    }]);

    /// A host that is told the MAC of everybody takes no unicast by it.
    unicast_to_everybody [v4] = Fault::new(Lab::Bridge, ping("h1", "$h2"), &[Part {
        inject: "
            knob h2 net.ipv4.conf.e0.drop_unicast_in_l2_multicast=1
            ip -n h1 neigh replace $h2 lladdr ff:ff:ff:ff:ff:ff dev e0",
        causes: &[
            cause("sysctl", "h2").by("net.ipv4.conf.e0.drop_unicast_in_l2_multicast"),
            cause("wrong-neighbour", "h1").at("e0"),
        ],
        mend: "knob h2 net.ipv4.conf.e0.drop_unicast_in_l2_multicast=0",
    }]);

    /// The address of the target was refused: another host had it before.
    duplicate_address_was_found [v6] = Fault::new(Lab::Bridge, ping("h1", "$h2"), &[Part {
        inject: "
            ip -n h2 addr del $h2/64 dev e0
            ip -n h3 addr add $h2/64 dev e0 nodad
            ip -n h2 addr add $h2/64 dev e0
            until ip -n h2 addr show dev e0 | grep -q dadfailed; do :; done
            ip -n h3 addr del $h2/64 dev e0",
        causes: &[cause("duplicate-address|tentative-address", "h2").at("e0")],
        mend: "ip -n h2 addr del $h2/64 dev e0; ip -n h2 addr add $h2/64 dev e0 nodad",
    }]);

    /// Not one question is asked.
    nobody_is_asked = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "knob r net.$v.neigh.r2.mcast_solicit=0; ip -n r neigh flush dev r2",
        causes: &[cause("sysctl", "r").by("net.$v.neigh.r2.mcast_solicit")],
        mend: "knob r net.$v.neigh.r2.mcast_solicit=3",
    }]);

    /// What was learned once is believed on, and nobody has that MAC any more. No copy has learned anything.
    neighbour_has_another_mac_now = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "
            ip -n h2 link set e0 address 02:00:00:00:00:77
            ip -n r neigh replace $h2 lladdr 02:00:00:00:00:66 dev r2 nud reachable",
        causes: &[cause("other-mac", "r").at("r2")],
        mend: "ip -n r neigh del $h2 dev r2",
    }]);
}
