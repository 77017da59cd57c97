//! The parts of the kernel.

use twinax_kernel::capability::{self, Feature};

use super::trial::Trial;
use super::{Check, State};
use crate::remedy;

/// A check for each part.
pub(super) fn checks(trial: &Trial) -> Vec<Check> {
    Feature::ALL.iter().map(|&feature| check(feature, trial.outcome(feature))).collect()
}

fn check(feature: Feature, outcome: Result<bool, String>) -> Check {
    let (name, needed_for) = (feature.as_str(), needed_for(feature));
    let tun = || (feature == Feature::Tun).then(|| remedy::tun(capability::tun())).flatten();
    match outcome {
        Ok(true) => Check::good(name, needed_for, "this kernel has it"),
        outcome => {
            if let Some(trouble) = tun() {
                return Check::bad(name, needed_for, State::Missing, trouble.what, trouble.remedy);
            }
            let remedy = remedy::feature(feature, capability::module(feature.module()));
            match outcome {
                Err(error) => Check {
                    remedy: None,
                    ..Check::bad(name, needed_for, State::Limited, error, remedy)
                },
                Ok(_) => {
                    let found = "this kernel lacks it";
                    Check::bad(name, needed_for, State::Missing, found, remedy)
                }
            }
        }
    }
}

fn needed_for(feature: Feature) -> &'static str {
    match feature {
        Feature::Veth => "links",
        Feature::Bridge => "bridges",
        Feature::Tun => "TUN/TAP devices and wires",
        Feature::Nftables => "firewalls",
        Feature::Nat => "`masquerade` and `dnat` in firewalls",
        Feature::BridgeVlan
        | Feature::Netem
        | Feature::Dummy
        | Feature::Vlan
        | Feature::Vxlan
        | Feature::Macvlan
        | Feature::Ipvlan
        | Feature::Vrf
        | Feature::Wireguard => "commands of a lab that use it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lack_has_a_remedy() {
        for &feature in Feature::ALL {
            let check = check(feature, Ok(false));
            assert_eq!(check.state, State::Missing);
            assert!(check.remedy.is_some(), "{}", check.name);
            assert_eq!(super::check(feature, Ok(true)).state, State::Good);
        }
    }

    #[test]
    fn what_could_not_be_tried_is_told_in_its_own_words() {
        let check = check(Feature::Veth, Err("the reason".to_owned()));
        assert_eq!((check.state, check.found.as_str()), (State::Limited, "the reason"));
    }
}
