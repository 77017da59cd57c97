//! Translated addresses, and the way back.

use super::fault::{Fault, Part, cause, faults, ping, tcp};
use super::labs::Lab;

faults! {
    /// The provider does not know of the inside.
    nobody_masquerades = Fault::new(Lab::Nat, ping("in", "$srv"), &[Part {
        inject: "at gate nft flush ruleset",
        causes: &[cause("no-way-back|no-route", "isp"), cause("nat", "gate")],
        mend: "ip -n isp $f route add $netin via $wan",
    }]);

    translated_to_a_source_that_nobody_knows = Fault::new(Lab::Nat, tcp("in", "$srv", 80), &[Part {
        inject: "at gate nft 'flush ruleset
            add table inet n
            add chain inet n post { type nat hook postrouting priority 100; }
            add rule inet n post oif wan snat $nf to $strange'",
        causes: &[cause("no-way-back|no-route", "isp"), cause("nat", "gate")],
        mend: "at gate nft 'flush chain inet n post
            add rule inet n post oif wan masquerade'",
    }]).by_hand();

    /// Nobody answers for it on the link to the provider.
    translated_to_a_free_address_of_the_link = Fault::new(Lab::Nat, tcp("in", "$srv", 80), &[Part {
        inject: "at gate nft 'flush ruleset
            add table inet n
            add chain inet n post { type nat hook postrouting priority 100; }
            add rule inet n post oif wan snat $nf to $freewan'",
        causes: &[cause("nat", "gate").at("wan")],
        mend: "at gate nft 'flush chain inet n post
            add rule inet n post oif wan masquerade'",
    }]);

    translated_to_an_address_that_nobody_has = Fault::new(Lab::Nat, tcp("srv", "$wan", 8081), &[Part {
        inject: "at gate nft 'add table inet n
            add chain inet n pre { type nat hook prerouting priority -100; }
            add rule inet n pre iif wan tcp dport 8081 dnat $nf to $bracketed_nobody:80'",
        causes: &[cause("address-missing|no-neighbour|nat", "gate")],
        mend: "",
    }]).by_hand();

    translated_to_a_port_on_which_nobody_listens = Fault::new(Lab::Nat, tcp("srv", "$wan", 8081), &[Part {
        inject: "at gate nft 'add table inet n
            add chain inet n pre { type nat hook prerouting priority -100; }
            add rule inet n pre iif wan tcp dport 8081 dnat $nf to $bracketed_in:81'",
        causes: &[cause("no-listener", "in")],
        mend: "",
    }]).by_hand();

    /// The host inside has no gateway, so nobody outside gets an answer.
    no_way_back_from_inside = Fault::new(Lab::Nat, tcp("srv", "$wan", 8080), &[Part {
        inject: "ip -n in $f route del default",
        causes: &[cause("no-way-back|no-route", "in")],
        mend: "ip -n in $f route add default via $lan",
    }]);

    /// Nothing leads from the outside in.
    the_port_is_not_passed_on = Fault::new(Lab::Nat, tcp("srv", "$wan", 8888), &[Part {
        inject: "",
        causes: &[cause("no-listener", "gate")],
        mend: "",
    }]).by_hand();

    the_gate_lets_nothing_through = Fault::new(Lab::Nat, ping("in", "$srv"), &[Part {
        inject: "at gate nft 'add table inet f
            add chain inet f onward { type filter hook forward priority 0; policy drop; }'",
        causes: &[cause("firewall", "gate").by("inet f onward")],
        mend: "at gate nft delete table inet f",
    }]);

    /// The server refuses what the gate has made of the source.
    the_server_refuses_the_translated_address = Fault::new(Lab::Nat, ping("in2", "$srv"), &[Part {
        inject: "at srv nft 'add table inet f
            add chain inet f in { type filter hook input priority 0; }
            add rule inet f in $nf saddr $wan drop'",
        causes: &[cause("firewall", "srv").by("inet f in")],
        mend: "at srv nft delete table inet f",
    }]);

    /// The answer goes straight to the neighbour, who has not asked that host.
    the_answer_goes_around_the_gate = Fault::new(Lab::Nat, tcp("in2", "$wan", 8082), &[Part {
        inject: "at gate nft 'add table inet n
            add chain inet n pre { type nat hook prerouting priority -100; }
            add rule inet n pre tcp dport 8082 dnat $nf to $bracketed_in:80'",
        causes: &[cause("nat", "gate")],
        mend: "at gate nft 'add chain inet n post { type nat hook postrouting priority 90; }
            add rule inet n post oif lan masquerade'",
    }]);

    /// A host behind a translation is seen by nobody outside.
    a_host_behind_the_gate_is_asked_for = Fault::new(Lab::Nat, ping("srv", "$in"), &[Part {
        inject: "",
        causes: &[cause("no-route", "isp")],
        mend: "ip -n isp $f route add $netin via $wan",
    }]);
}
