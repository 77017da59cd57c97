//! IPsec policies, without anybody who would wrap anything.

use super::fault::{Fault, Part, cause, faults, ping, tcp};
use super::labs::Lab;

/// Whether the kernel knows of policies.
const NEEDS: &str = "
    ip -n h1 xfrm policy add src 192.0.2.1 dst 192.0.2.2 dir in action block
    ip -n h1 xfrm policy delete src 192.0.2.1 dst 192.0.2.2 dir in";

faults! {
    blocked_on_the_way = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "ip -n r xfrm policy add src $net1 dst $h2 dir fwd action block",
        causes: &[cause("ipsec-policy", "r").by("src $net1 dst $h2/$len dir fwd")],
        mend: "ip -n r xfrm policy delete src $net1 dst $h2 dir fwd",
    }]).needs(NEEDS);

    blocked_as_it_leaves_the_router = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "ip -n r xfrm policy add src $h1 dst $net2 dir out action block",
        causes: &[cause("ipsec-policy", "r").by("src $h1/$len dst $net2 dir out")],
        mend: "ip -n r xfrm policy delete src $h1 dst $net2 dir out",
    }]).needs(NEEDS);

    blocked_where_it_arrives = Fault::new(Lab::Router, tcp("h1", "$h2", 80), &[Part {
        inject: "ip -n h2 xfrm policy add src $h1 dst $h2 proto tcp dport 80 dir in action block",
        causes: &[cause("ipsec-policy", "h2").by("src $h1/$len dst $h2/$len proto 6 dport 80 dir in")],
        mend: "ip -n h2 xfrm policy delete src $h1 dst $h2 proto tcp dport 80 dir in",
    }]).needs(NEEDS);

    blocked_at_the_source = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "ip -n h1 xfrm policy add src $h1 dst $h2 dir out action block",
        causes: &[cause("ipsec-policy", "h1").by("src $h1/$len dst $h2/$len dir out")],
        mend: "ip -n h1 xfrm policy delete src $h1 dst $h2 dir out",
    }]).needs(NEEDS);

    /// The request arrives.
    blocked_on_the_way_back = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "ip -n h2 xfrm policy add src $h2 dst $h1 dir out action block",
        causes: &[cause("ipsec-policy", "h2").by("src $h2/$len dst $h1/$len dir out")],
        mend: "ip -n h2 xfrm policy delete src $h2 dst $h1 dir out",
    }]).needs(NEEDS);

    /// What is wanted wrapped comes as it is.
    taken_only_wrapped = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "ip -n h2 xfrm policy add src $h1 dst $h2 dir in tmpl proto esp mode transport",
        causes: &[cause("ipsec-policy", "h2").by("src $h1/$len dst $h2/$len dir in")],
        mend: "ip -n h2 xfrm policy delete src $h1 dst $h2 dir in",
    }]).needs(NEEDS);

    /// Nobody has agreed how.
    to_be_wrapped = Fault::new(Lab::Router, ping("h1", "$h2"), &[Part {
        inject: "
            ip -n h1 xfrm policy add src $h1 dst $h2 dir out tmpl src $h1 dst $h2 proto esp mode transport",
        causes: &[cause("ipsec-policy", "h1").by("src $h1/$len dst $h2/$len dir out")],
        mend: "ip -n h1 xfrm policy delete src $h1 dst $h2 dir out",
    }]).needs(NEEDS);
}
