//! Random labs, and the difference between them, carried out in thought.

use std::collections::BTreeSet;

use proptest::prelude::*;
use twinax_plan::{Purpose, Step, build, difference, found};
use twinax_topology::arbitrary::{Config, topology};
use twinax_topology::{Place, Sysctl, Topology};

use crate::mutate::{edited, edits};
use crate::world::World;

/// How often it may take to look again.
const ROUNDS: usize = 4;

fn lab() -> impl Strategy<Value = Topology> {
    topology(Config { taps: true, firewall: true, rulesets: true, steps: false })
}

fn empty(like: &Topology) -> Topology {
    Topology { nodes: vec![], links: vec![], taps: vec![], wires: vec![], ..like.clone() }
}

/// Makes a world what is wanted, and says in how many rounds.
#[track_caller]
fn apply(world: &mut World, known: &Topology, wanted: &Topology) -> usize {
    for round in 0..ROUNDS {
        let now = world.found(wanted, Some(known), Purpose::Compare);
        assert!(now.beyond.is_empty(), "{:?}", now.beyond);
        let steps = difference(&now.topology, wanted);
        if steps.is_empty() {
            return round;
        }
        world.carry_out(&steps);
    }
    let now = world.found(wanted, Some(known), Purpose::Compare).topology;
    panic!("still to do: {:#?}", difference(&now, wanted));
}

/// Whether an interface has an IPv4 address.
fn has_ipv4(lab: &Topology, place: &Place) -> bool {
    let own = lab.interfaces().find(|own| own.place == *place);
    own.is_some_and(|own| own.addresses.iter().any(|net| net.addr().is_ipv4()))
}

#[track_caller]
fn one_becomes_the_other(one: &Topology, other: &Topology, promotes: bool) {
    let mut world = World::of(one);
    world.promotes = promotes;
    apply(&mut world, one, other);
    let expected = World::of(other);
    assert_eq!(world.facts(other), expected.facts(other));
    let bare: Vec<&Place> = world.bare.iter().filter(|place| has_ipv4(other, place)).collect();
    assert!(bare.is_empty(), "without an address meanwhile: {bare:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_lab_differs_not_from_itself(lab in lab()) {
        prop_assert_eq!(difference(&lab, &lab), []);
    }

    #[test]
    fn from_nothing_it_is_built(lab in lab()) {
        prop_assert_eq!(difference(&empty(&lab), &lab), build(&lab));
    }

    #[test]
    fn to_nothing_all_is_removed(lab in lab()) {
        let mut world = World::of(&lab);
        let steps = difference(&lab, &empty(&lab));
        world.carry_out(&steps);
        prop_assert!(world.nodes.is_empty());
        let removes = |step: &Step| matches!(step, Step::DelLink(_) | Step::DelNetns(_));
        prop_assert!(steps.iter().all(removes));
    }

    #[test]
    fn what_was_built_is_found_and_does_not_differ(lab in lab()) {
        let world = World::of(&lab);
        let now = world.found(&lab, None, Purpose::Compare);
        prop_assert_eq!(difference(&now.topology, &lab), []);
        prop_assert_eq!(now.beyond, []);
    }

    #[test]
    fn any_lab_becomes_any_other(one in lab(), other in lab(), promotes: bool) {
        one_becomes_the_other(&one, &other, promotes);
    }

    #[test]
    fn an_edited_lab_becomes_what_it_says(lab in lab(), edits in edits(), promotes: bool) {
        let lab = edited(&lab, &[]);
        let other = edited(&lab, &edits);
        one_becomes_the_other(&lab, &other, promotes);
        one_becomes_the_other(&other, &lab, promotes);
    }

    #[test]
    fn what_is_the_same_in_both_is_not_touched(lab in lab(), edits in edits()) {
        let lab = edited(&lab, &[]);
        let other = edited(&lab, &edits);
        let world = World::of(&lab);
        let now = world.found(&other, Some(&lab), Purpose::Compare).topology;
        let touched: BTreeSet<_> =
            difference(&now, &other).iter().map(|step| step.node().clone()).collect();
        for node in &other.nodes {
            let devices = |lab: &Topology| -> Vec<_> {
                let of = |link: &&twinax_topology::Link| {
                    [&link.a, &link.b].iter().any(|end| end.place.node == node.name)
                };
                let links = lab.links.iter().filter(of).map(|l| format!("{l:?}"));
                let own = |tap: &&twinax_topology::Tap| tap.interface.place.node == node.name;
                links.chain(lab.taps.iter().filter(own).map(|tap| format!("{tap:?}"))).collect()
            };
            if lab.node(&node.name) == Some(node) && devices(&lab) == devices(&other) {
                prop_assert!(!touched.contains(&node.name), "{}", node.name);
            }
        }
    }

    #[test]
    fn a_lab_that_is_known_is_saved_in_its_own_words(mut lab in lab()) {
        // What `ip_forward` makes of it would be saved.
        let is_kept = |own: &Sysctl| own.key.to_string() != "net.ipv4.conf.all.accept_redirects";
        lab.nodes.iter_mut().for_each(|node| node.sysctls.retain(is_kept));
        let saved = World::of(&lab).found(&lab, Some(&lab), Purpose::Save);
        prop_assert_eq!(saved.topology, lab);
    }

    #[test]
    fn a_lab_that_nobody_knows_is_saved_as_one_that_builds_the_same(lab in lab()) {
        let world = World::of(&lab);
        let saved = world.found(&lab, None, Purpose::Save).topology;
        let again = World::of(&saved);
        let now = again.found(&saved, None, Purpose::Compare).topology;
        prop_assert_eq!(difference(&now, &saved), []);
        let now = world.found(&saved, None, Purpose::Compare).topology;
        prop_assert_eq!(difference(&now, &saved), []);
    }
}

#[test]
fn nothing_is_found_in_nothing() {
    let lab = crate::labs::pair();
    let observed = twinax_plan::Observed::default();
    let now = found(&lab.name, &observed, None, &Default::default(), Purpose::Compare);
    assert_eq!(now.topology, Topology { about: String::new(), ..empty(&lab) });
}
