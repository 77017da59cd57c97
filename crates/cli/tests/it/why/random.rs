//! Random labs in which nothing is wrong: no fault is ever found in them. `cargo xtask bench why` goes through as
//! many as one likes, and through such with a fault.

use serde_json::Value;

use crate::support::{Test, Who};

// The bench needs more of them.
#[path = "../../../../../xtask/src/bench/why/chance.rs"]
#[allow(dead_code)]
mod chance;
#[path = "../../../../../xtask/src/bench/why/network.rs"]
#[allow(dead_code)]
mod network;

/// The seeds of the labs.
const SEEDS: std::ops::Range<u64> = 1..7;
/// So many pairs of hosts of each lab are asked for.
const PAIRS: u32 = 2;

#[test]
fn labs_in_which_nothing_is_wrong() {
    let test = Test::new("random::labs_in_which_nothing_is_wrong");
    let who = Who::here();
    for seed in SEEDS {
        let chance = &mut chance::seeded(seed);
        let network = network::Network::draw(chance);
        test.up(who, &network.file("random"));
        for _ in 0..PAIRS {
            let Some((from, to)) = network.pair(chance) else { continue };
            let (from, to) = (format!("random/{}", network.name(from)), network.address(to));
            // Gateways of IPv6 can be used a second or two after a lab is up.
            let reached = (0..5).any(|_| {
                let ping = ["ping", &from, &to, "-c", "1", "-W", "1"];
                test.twinax(who).args(ping).done().code == 0
            });
            assert!(reached, "seed {seed}: {from} does not reach {to}");
            let said = test.twinax(who).args(["why", &from, &to, "--json"]).done().exits(0);
            let said: Value = serde_json::from_str(&said.stdout).expect("--json gives JSON");
            let named = &said["verdict"]["causes"];
            assert!(said["arrives"] == true && named.is_null(), "seed {seed}: {said:#}");
        }
        test.down(who);
    }
}
