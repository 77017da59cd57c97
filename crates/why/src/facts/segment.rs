//! A link as frames see it: everything that cables and bridges join to one device, whatever state these are
//! in.

use std::collections::{HashMap, HashSet, VecDeque};

use super::Facts;
use crate::seen::At;

/// What is on the link of a device, and by which devices a frame comes there.
#[derive(Debug)]
pub struct Segment {
    from: At,
    /// Of each device, the one before it on the shortest way.
    before: HashMap<At, At>,
}

impl Segment {
    /// That of a device.
    pub(super) fn of(facts: &Facts, from: &At) -> Self {
        let mut before: HashMap<At, At> = HashMap::new();
        let mut crossed: HashSet<At> = HashSet::new();
        let mut next: VecDeque<At> = VecDeque::from([from.clone()]);
        while let Some(at) = next.pop_front() {
            let mut steps: Vec<At> = facts.peer(&at).into_iter().collect();
            let is_bridge = facts.link(&at).is_some_and(|link| link.kind == "bridge");
            let bridge = if is_bridge { Some(at.clone()) } else { facts.bridge_of(&at) };
            // Whoever comes to a bridge first has found all of its ports.
            if let Some(bridge) = bridge.filter(|bridge| crossed.insert(bridge.clone())) {
                steps.extend(facts.ports(&bridge));
                steps.push(bridge);
            }
            for step in steps {
                if step != *from && !before.contains_key(&step) {
                    before.insert(step.clone(), at.clone());
                    next.push_back(step);
                }
            }
        }
        Self { from: from.clone(), before }
    }

    /// Whether another device is on this link.
    pub fn has(&self, to: &At) -> bool {
        self.before.contains_key(to)
    }

    /// The devices by which a frame comes to another, from the first to that; `None`: it is on another link.
    pub fn path(&self, to: &At) -> Option<Vec<At>> {
        self.has(to).then(|| {
            let way = std::iter::successors(Some(to), |at| self.before.get(at));
            let mut way: Vec<At> = way.cloned().collect();
            way.reverse();
            debug_assert_eq!(way.first(), Some(&self.from));
            way
        })
    }
}
