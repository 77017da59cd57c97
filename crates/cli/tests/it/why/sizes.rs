//! MTU and fragments, TTL, queues.

use super::fault::{Fault, Part, cause, faults, ping, udp};
use super::labs::Lab;

faults! {
    /// It does not fit even where it begins.
    too_big_for_the_own_link = Fault::new(Lab::Router, ping("h1", "$h2").size(1400).whole(), &[Part {
        inject: "ip -n h1 link set e0 mtu 1300",
        causes: &[cause("too-big", "h1").at("e0")],
        mend: "ip -n h1 link set e0 mtu 1500",
    }]);

    /// A device takes nothing that is larger than its own MTU.
    too_big_for_the_other_end = Fault::new(Lab::Router, ping("h1", "$h2").size(1400), &[Part {
        inject: "ip -n h2 link set e0 mtu 1300",
        causes: &[cause("too-big", "h2|r").at("e0|r2")],
        mend: "ip -n h2 link set e0 mtu 1500",
    }]);

    /// A bridge can tell nobody.
    too_big_for_a_port = Fault::new(Lab::Bridge, ping("h1", "$h2").size(1400), &[Part {
        inject: "ip -n sw link set p2 mtu 1300",
        causes: &[cause("too-big", "sw").at("p2")],
        mend: "ip -n sw link set p2 mtu 1500",
    }]);

    /// The answer is as large as the request, and its first link is narrower than the rest.
    too_big_for_a_port_on_the_way_back = Fault::new(Lab::Bridge, udp("h1", "$h2", 7).size(1400), &[Part {
        inject: "ip -n sw link set p1 mtu 1300",
        causes: &[cause("too-big", "sw").at("p1")],
        mend: "ip -n sw link set p1 mtu 1500",
    }]);

    /// The router would tell, and its own firewall does not let it.
    too_big_in_silence = Fault::new(Lab::Router, ping("h1", "$h2").size(1400).whole(), &[Part {
        inject: "
            ip -n r link set r2 mtu 1300; ip -n h2 link set e0 mtu 1300
            at r nft 'add table inet f
                add chain inet f out { type filter hook output priority 0; }
                add rule inet f out meta l4proto { icmp, icmpv6 } drop
                insert rule inet f out icmpv6 type { 135, 136 } accept'",
        causes: &[cause("too-big", "r").at("r2")],
        mend: "ip -n r link set r2 mtu 1500; ip -n h2 link set e0 mtu 1500",
    }]);

    /// The smallest link is in the middle.
    too_big_in_the_middle = Fault::new(Lab::Chain, ping("h1", "$h2").size(1400).whole(), &[Part {
        inject: "ip -n r2 link set right mtu 1300; ip -n r3 link set left mtu 1300",
        causes: &[cause("too-big", "r2").at("right")],
        mend: "
            ip -n r2 link set right mtu 1500; ip -n r3 link set left mtu 1500
            ip -n h1 $f route flush cache",
    }]);

    /// The route says less than the link.
    a_route_with_an_mtu [v4] = Fault::new(Lab::Router, ping("h1", "$h2").size(1400).whole(), &[Part {
        inject: "ip -n r route replace $net2 dev r2 src $r2 mtu lock 1000",
        causes: &[cause("too-big", "r")],
        mend: "ip -n r route replace $net2 dev r2 src $r2; ip -n h1 route flush cache",
    }]).by_hand();

    fragments_are_dropped [v4] = Fault::new(Lab::Router, ping("h1", "$h2").size(3000), &[Part {
        inject: "at r nft 'add table ip f
            add chain ip f onward { type filter hook forward priority 0; }
            add rule ip f onward ip frag-off & 0x1fff != 0 drop'",
        causes: &[cause("firewall", "r").by("ip f onward")],
        mend: "at r nft delete table ip f",
    }]);

    fragments_are_dropped_by_their_header [v6] = Fault::new(Lab::Router, ping("h1", "$h2").size(3000), &[Part {
        inject: "at r nft 'add table ip6 f
            add chain ip6 f onward { type filter hook forward priority 0; }
            add rule ip6 f onward exthdr frag exists drop'",
        causes: &[cause("firewall", "r").by("ip6 f onward")],
        mend: "at r nft delete table ip6 f",
    }]);

    /// The first one says which port it is for, and the others say nothing.
    fragments_of_a_datagram_are_dropped [v4] = Fault::new(Lab::Router, udp("h1", "$h2", 7).size(3000), &[Part {
        inject: "at r nft 'add table ip f
            add chain ip f onward { type filter hook forward priority 0; }
            add rule ip f onward ip frag-off & 0x1fff != 0 drop'",
        causes: &[cause("firewall", "r").by("ip f onward")],
        mend: "at r nft delete table ip f",
    }]);

    /// The first fragment comes through, the last one does not, and it is the answer's.
    later_fragments_are_dropped_on_the_way_back [v6] = Fault::new(Lab::Router, udp("h1", "$h2", 7).size(3000), &[Part {
        inject: "at r nft 'add table ip6 f
            add chain ip6 f onward { type filter hook forward priority 0; }
            add rule ip6 f onward iif r2 frag frag-off != 0 drop'",
        causes: &[cause("firewall", "r").by("ip6 f onward")],
        mend: "at r nft delete table ip6 f",
    }]);

    /// A router that tracks connections puts fragments together, and takes the packet apart again.
    fragments_too_big_for_the_other_end = Fault::new(Lab::Router, ping("h1", "$h2").size(3000), &[Part {
        inject: "ip -n h2 link set e0 mtu 1300
            at r nft 'add table inet f
                add chain inet f onward { type filter hook forward priority 0; }
                add rule inet f onward ct state invalid drop'",
        causes: &[cause("too-big", "h2|r").at("e0|r2")],
        mend: "ip -n h2 link set e0 mtu 1500",
    }]);

    /// There is no room for fragments that wait for the rest.
    fragments_are_not_put_together [v4] = Fault::new(Lab::Router, ping("h1", "$h2").size(3000), &[Part {
        inject: "knob h2 net.ipv4.ipfrag_low_thresh=0; knob h2 net.ipv4.ipfrag_high_thresh=0",
        causes: &[cause("sysctl", "h2").by("net.ipv4.ipfrag_high_thresh")],
        mend: "knob h2 net.ipv4.ipfrag_high_thresh=4194304",
    }]).needs("at h2 test -w /proc/sys/net/ipv4/ipfrag_high_thresh").by_hand();

    ttl_runs_out_at_the_second_router = Fault::new(Lab::Chain, ping("h1", "$h2").ttl(2), &[Part {
        inject: "",
        causes: &[cause("ttl", "r2")],
        mend: "",
    }]).by_hand();

    udp_runs_out_at_the_last_router = Fault::new(Lab::Chain, udp("h1", "$h2", 7).ttl(3), &[Part {
        inject: "",
        causes: &[cause("ttl", "r3")],
        mend: "",
    }]).by_hand();

    /// The answer has a TTL of its own.
    ttl_runs_out_on_the_way_back = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "knob h2 $hops=1",
        causes: &[cause("ttl", "h2").by("$hops")],
        mend: "knob h2 $hops=64",
    }]);

    ttl_is_small_from_the_start = Fault::new(Lab::Chain, ping("h1", "$h2"), &[Part {
        inject: "knob h1 $hops=3",
        causes: &[cause("ttl", "h1").by("$hops")],
        mend: "knob h1 $hops=64",
    }]);

    /// Through each link with IPv6 1280 bytes must fit. Where less do, there is none; addresses and routes have gone.
    too_narrow_for_ipv6 [v6] = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "ip -n r link set r2 mtu 1000",
        causes: &[cause("ipv6-off", "r").at("r2").by("mtu")],
        mend: "
            ip -n r link set r2 mtu 1500
            ip -n r addr add $r2/64 dev r2 nodad",
    }]).by_hand();

    /// What comes in is dropped before there is a packet: all, by a filter that is one instruction long.
    dropped_where_it_comes_in = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "
            tc -n r qdisc add dev r1 ingress
            tc -n r filter add dev r1 ingress bpf da bytecode '1,6 0 0 2,'",
        causes: &[cause("queue", "r").at("r1")],
        mend: "tc -n r qdisc del dev r1 ingress",
    }]).needs("tc -n r qdisc add dev r1 ingress
        tc -n r filter add dev r1 ingress bpf da bytecode '1,6 0 0 2,'
        tc -n r qdisc del dev r1 ingress").by_hand();

    /// A queue that holds nothing.
    a_queue_without_room = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "tc -n r qdisc add dev r2 root pfifo limit 0",
        causes: &[cause("queue", "r").at("r2")],
        mend: "tc -n r qdisc del dev r2 root",
    }]).needs("tc -n r qdisc add dev r2 root pfifo limit 9; tc -n r qdisc del dev r2 root").by_hand();
}
