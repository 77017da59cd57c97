//! Labs in which nothing is wrong, and no fault may be found.

use super::fault::{Ask, Family, ping, tcp, udp};
use super::labs::Lab;
use super::proof::is_healthy;

macro_rules! healthy {
    ($($(#[$doc:meta])* $name:ident = $lab:expr, $ask:expr;)*) => {
        $($(#[$doc])* mod $name {
            use super::*;

            const ASK: Ask = $ask;

            #[test]
            fn v4() {
                is_healthy(stringify!($name), $lab, ASK, Family::V4);
            }

            #[test]
            fn v6() {
                is_healthy(stringify!($name), $lab, ASK, Family::V6);
            }
        })*
    };
}

healthy! {
    over_a_router = Lab::Router, ping("h1", "$h2");
    a_connection = Lab::Router, tcp("h1", "$h2", 80);
    a_datagram = Lab::Router, udp("h1", "$h2", 7);
    in_fragments = Lab::Router, ping("h1", "$h2").size(3000);
    whole = Lab::Router, ping("h1", "$h2").size(1400).whole();
    to_a_router = Lab::Router, ping("h1", "$r2");
    to_itself = Lab::Router, ping("h1", "$h1");
    over_a_bridge = Lab::Bridge, ping("h1", "$h2");
    over_two_bridges = Lab::Bridges, tcp("h1", "$h2", 80);
    over_a_wire = Lab::Wired, ping("ns0", "$t1");
    over_three_routers = Lab::Chain, ping("h1", "$h2");
    with_just_enough_ttl = Lab::Chain, ping("h1", "$h2").ttl(4);
    /// There by one router, back by the other.
    by_different_ways = Lab::Triangle, ping("h1", "$h2");
    a_connection_by_different_ways = Lab::Triangle, tcp("h1", "$h2", 80);
    translated = Lab::Nat, ping("in", "$srv");
    a_translated_connection = Lab::Nat, tcp("in2", "$srv", 80);
    translated_inwards = Lab::Nat, tcp("srv", "$wan", 8080);
    in_a_tunnel = Lab::Tunnel, ping("h1", "$h2");
}
