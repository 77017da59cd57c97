//! nftables, in every family and at every hook.

use super::fault::{Fault, Part, cause, faults, ping, tcp, udp};
use super::labs::Lab;

faults! {
    input_of_the_target = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "at h2 nft 'add table $nf f
            add chain $nf f in { type filter hook input priority 0; }
            add rule $nf f in meta l4proto $icmp drop'",
        causes: &[cause("firewall", "h2").by("$nf f in")],
        mend: "at h2 nft delete table $nf f",
    }]);

    /// Nothing says `drop` but the chain itself. Neighbour discovery is let in.
    policy_of_the_target = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "at h2 nft 'add table inet f
            add chain inet f in { type filter hook input priority 0; policy drop; }
            add rule inet f in icmpv6 type { 135, 136 } accept
            add rule inet f in tcp dport 80 accept'",
        causes: &[cause("firewall", "h2").by("inet f in")],
        mend: "at h2 nft delete table inet f",
    }]);

    output_of_the_source = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "at h1 nft 'add table inet f
            add chain inet f out { type filter hook output priority 0; }
            add rule inet f out $nf daddr $h2 drop'",
        causes: &[cause("firewall", "h1").by("inet f out")],
        mend: "at h1 nft delete table inet f",
    }]);

    output_of_the_target = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "at h2 nft 'add table inet f
            add chain inet f out { type filter hook output priority 0; }
            add rule inet f out $nf daddr $h1 drop'",
        causes: &[cause("firewall", "h2").by("inet f out")],
        mend: "at h2 nft delete table inet f",
    }]);

    before_routing = Fault::new(Lab::Router, tcp("h1", "$h2", 80), &[Part {
        inject: "at r nft 'add table inet f
            add chain inet f pre { type filter hook prerouting priority -300; }
            add rule inet f pre iif r1 tcp dport 80 drop'",
        causes: &[cause("firewall", "r").by("inet f pre")],
        mend: "at r nft delete table inet f",
    }]);

    after_routing = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "at r nft 'add table $nf f
            add chain $nf f post { type filter hook postrouting priority 0; }
            add rule $nf f post oif r2 $nf daddr $net2 drop'",
        causes: &[cause("firewall", "r").by("$nf f post")],
        mend: "at r nft delete table $nf f",
    }]);

    /// What comes back is dropped.
    the_answer_is_dropped = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "at r nft 'add table inet f
            add chain inet f onward { type filter hook forward priority 0; }
            add rule inet f onward iif r2 $nf saddr $h2 drop'",
        causes: &[cause("firewall", "r").by("inet f onward")],
        mend: "at r nft delete table inet f",
    }]);

    answers_from_one_port_are_dropped = Fault::new(Lab::Router, udp("h1", "$h2", 7), &[Part {
        inject: "at r nft 'add table inet f
            add chain inet f onward { type filter hook forward priority 0; }
            add rule inet f onward udp sport 7 drop'",
        causes: &[cause("firewall", "r").by("inet f onward")],
        mend: "at r nft delete table inet f",
    }]);

    by_a_set = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "at r nft 'add table inet f
            add set inet f blocked { type $addr; flags interval; elements = { $net2 }; }
            add chain inet f onward { type filter hook forward priority 0; }
            add rule inet f onward $nf daddr @blocked drop'",
        causes: &[cause("firewall", "r").by("inet f onward")],
        mend: "at r nft delete table inet f",
    }]);

    /// The rule is in a chain that the hook's chain jumps to.
    by_a_jump = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "at r nft 'add table inet f
            add chain inet f guests
            add rule inet f guests $nf daddr $h2 drop
            add chain inet f onward { type filter hook forward priority 0; }
            add rule inet f onward iif r1 jump guests'",
        causes: &[cause("firewall", "r").by("inet f guests")],
        mend: "at r nft delete table inet f",
    }]);

    by_a_verdict_map = Fault::new(Lab::Router, tcp("h1", "$h2", 80), &[Part {
        inject: "at r nft 'add table inet f
            add chain inet f onward { type filter hook forward priority 0; }
            add rule inet f onward tcp dport vmap { 22 : accept, 80 : drop }'",
        causes: &[cause("firewall", "r").by("inet f onward")],
        mend: "at r nft delete table inet f",
    }]);

    /// The kernel's answer is the same as where nobody listens.
    refused_by_the_firewall = Fault::new(Lab::Router, tcp("h1", "$h2", 80), &[Part {
        inject: "at h2 nft 'add table inet f
            add chain inet f in { type filter hook input priority 0; }
            add rule inet f in tcp dport 80 reject with tcp reset'",
        causes: &[cause("firewall", "h2").by("inet f in")],
        mend: "at h2 nft delete table inet f",
    }]);

    refused_by_a_firewall_on_the_way = Fault::new(Lab::Router, tcp("h1", "$h2", 80), &[Part {
        inject: "at r nft 'add table inet f
            add chain inet f onward { type filter hook forward priority 0; }
            add rule inet f onward tcp dport 80 reject with icmpx type admin-prohibited'",
        causes: &[cause("firewall", "r").by("inet f onward")],
        mend: "at r nft delete table inet f",
    }]);

    /// It looks like a port on which nobody listens, said by the router.
    refused_as_if_nobody_listened = Fault::new(Lab::Router, udp("h1", "$h2", 7), &[Part {
        inject: "at r nft 'add table inet f
            add chain inet f onward { type filter hook forward priority 0; }
            add rule inet f onward udp dport 7 reject'",
        causes: &[cause("firewall", "r").by("inet f onward")],
        mend: "at r nft delete table inet f",
    }]);

    arp_is_dropped [v4] = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "at h2 nft 'add table arp f
            add chain arp f in { type filter hook input priority 0; }
            add rule arp f in arp operation request drop'
            ip -n r neigh flush dev r2",
        causes: &[cause("firewall", "h2").by("arp f in")],
        mend: "at h2 nft delete table arp f",
    }]);

    arp_answers_are_dropped [v4] = Fault::new(Lab::Bridge, ping("h1", "$h2"), &[Part {
        inject: "at h2 nft 'add table arp f
            add chain arp f out { type filter hook output priority 0; }
            add rule arp f out arp operation reply drop'
            ip -n h1 neigh flush dev e0",
        causes: &[cause("firewall", "h2").by("arp f out")],
        mend: "at h2 nft delete table arp f",
    }]);

    neighbour_discovery_is_dropped [v6] = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "at h2 nft 'add table ip6 f
            add chain ip6 f in { type filter hook input priority 0; }
            add rule ip6 f in icmpv6 type 135 drop'
            ip -n r neigh flush dev r2",
        causes: &[cause("firewall", "h2").by("ip6 f in")],
        mend: "at h2 nft delete table ip6 f",
    }]);

    in_the_bridge = Fault::new(Lab::Bridge, ping("h1", "$h2"), &[Part {
        inject: "at sw nft 'add table bridge f
            add chain bridge f onward { type filter hook forward priority 0; }
            add rule bridge f onward iif p1 oif p2 meta l4proto $icmp drop'",
        causes: &[cause("firewall", "sw").by("bridge f onward")],
        mend: "at sw nft delete table bridge f",
    }]);

    arp_in_the_bridge [v4] = Fault::new(Lab::Bridge, ping("h1", "$h2"), &[Part {
        inject: "at sw nft 'add table bridge f
            add chain bridge f pre { type filter hook prerouting priority -300; }
            add rule bridge f pre iif p2 ether type arp drop'
            ip -n h1 neigh flush dev e0",
        causes: &[cause("firewall", "sw").by("bridge f pre")],
        mend: "at sw nft delete table bridge f",
    }]);

    as_it_comes_in = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "at r nft 'add table netdev f
            add chain netdev f early { type filter hook ingress device r1 priority 0; }
            add rule netdev f early $nf daddr $h2 drop'",
        causes: &[cause("firewall", "r").by("netdev f early")],
        mend: "at r nft delete table netdev f",
    }]);

    as_it_goes_out = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "at r nft 'add table netdev f
            add chain netdev f late { type filter hook egress device r2 priority 0; }
            add rule netdev f late $nf daddr $h2 drop'",
        causes: &[cause("firewall", "r").by("netdev f late")],
        mend: "at r nft delete table netdev f",
    }]);

    inet_ingress [v4] = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "at h2 nft 'add table inet f
            add chain inet f early { type filter hook ingress device e0 priority 0; }
            add rule inet f early ip protocol icmp drop'",
        causes: &[cause("firewall", "h2").by("inet f early")],
        mend: "at h2 nft delete table inet f",
    }]);

    /// A firewall on the way back that has never seen the way there.
    an_answer_out_of_the_blue = Fault::new(Lab::Triangle, tcp("h1", "$h2", 80), &[Part {
        inject: "at rb nft 'add table inet f
            add chain inet f onward { type filter hook forward priority 0; }
            add rule inet f onward ct state invalid drop'",
        causes: &[cause("firewall", "rb").by("inet f onward")],
        mend: "at rb nft delete table inet f",
    }]);

    /// Outgoing connections are allowed, and what belongs to them was forgotten.
    established_was_forgotten = Fault::new(Lab::Router, tcp("h1", "$h2", 80), &[Part {
        inject: "at r nft 'add table inet f
            add chain inet f onward { type filter hook forward priority 0; policy drop; }
            add rule inet f onward iif r1 accept'",
        causes: &[cause("firewall", "r").by("inet f onward")],
        mend: "at r nft 'add rule inet f onward ct state established accept'",
    }]);

    by_hop_limit_of_a_rule = Fault::new(Lab::Chain, ping("h1", "$h2"), &[Part {
        inject: "at r3 nft 'add table inet f
            add chain inet f onward { type filter hook forward priority 0; }
            add rule inet f onward $ttl < 63 drop'",
        causes: &[cause("firewall", "r3").by("inet f onward")],
        mend: "at r3 nft delete table inet f",
    }]);

    of_two_tables_the_second = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "at r nft 'add table inet a
            add chain inet a onward { type filter hook forward priority -10; }
            add rule inet a onward $nf daddr $h2 accept
            add table inet b
            add chain inet b onward { type filter hook forward priority 10; }
            add rule inet b onward meta l4proto $icmp drop'",
        causes: &[cause("firewall", "r").by("inet b onward")],
        mend: "at r nft delete table inet b",
    }]);

    /// What may pass has passed.
    quota_is_used_up = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "at r nft 'add table inet f
            add chain inet f onward { type filter hook forward priority 0; policy drop; }
            add rule inet f onward meta nfproto $v quota 10 bytes accept'",
        causes: &[cause("firewall", "r").by("inet f onward")],
        mend: "at r nft delete table inet f",
    }]);

    /// Frames of a bridge are held against the rules for packets, as containers have it.
    in_the_bridge_as_packets = Fault::new(Lab::Bridge, ping("h1", "$h2"), &[Part {
        inject: "
            knob sw net.bridge.bridge-nf-call-iptables=1
            knob sw net.bridge.bridge-nf-call-ip6tables=1
            at sw nft 'add table inet f
                add chain inet f onward { type filter hook forward priority 0; policy drop; }'",
        causes: &[cause("firewall", "sw").by("inet f onward")],
        mend: "at sw nft delete table inet f",
    }]).needs("at sw test -w /proc/sys/net/bridge/bridge-nf-call-iptables");

    /// The old iptables tell nobody what they do. They count.
    old_iptables = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "
            at r $iptables -A FORWARD -d $h1 -j DROP
            at r $iptables -A FORWARD -p tcp -j DROP
            at r $iptables -A FORWARD -d $h2 -j DROP",
        causes: &[cause("firewall", "r").by("$iptables filter FORWARD")],
        mend: "at r $iptables -D FORWARD 3; at r $iptables -D FORWARD 1",
    }]).needs("at r $iptables -S").by_hand();

    old_iptables_policy_at_the_source = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "at h1 $iptables -P OUTPUT DROP",
        causes: &[cause("firewall", "h1").by("$iptables filter OUTPUT")],
        mend: "at h1 $iptables -P OUTPUT ACCEPT",
    }]).needs("at h1 $iptables -S").by_hand();
}
