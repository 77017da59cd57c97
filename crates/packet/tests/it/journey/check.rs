//! Holds the journeys that are recognised to those that were.

use std::collections::HashMap;

use twinax_packet::journey::{Journey, Journeys, Options, Wiring};
use twinax_packet::{Frame, Time};

use super::world::World;

/// What was made of a world.
pub struct Recognised {
    pub journeys: Vec<Journey>,
    /// For each sighting the one that it is said to have followed.
    pub parents: Vec<Option<usize>>,
    /// Each journey as it is told.
    pub told: Vec<String>,
}

impl World {
    /// Recognises journeys with all that can be known of the wiring.
    pub fn recognise(&mut self) -> Recognised {
        let wiring = self.wiring.clone();
        self.recognise_by(&wiring)
    }

    pub fn recognise_by(&mut self, wiring: &Wiring) -> Recognised {
        self.run();
        self.recognise_seen_by(wiring)
    }

    pub fn recognise_seen_by(&self, wiring: &Wiring) -> Recognised {
        self.recognise_with(Journeys::new(Options::default()), wiring)
    }

    pub fn recognise_with(&self, mut journeys: Journeys, wiring: &Wiring) -> Recognised {
        let mut complete = Vec::new();
        let mut places = HashMap::new();
        let mut hops = Vec::new();
        for (number, seen) in self.seen.iter().enumerate() {
            let frame = Frame {
                time: Time(seen.time),
                interface: seen.interface as u32,
                direction: seen.direction,
                length: seen.bytes.len() as u32,
                bytes: &seen.bytes,
            };
            let sighting = journeys.frame(&self.interfaces, wiring, &frame);
            places.insert((sighting.journey, sighting.hop), number);
            hops.push(sighting);
            complete.extend(journeys.finished(frame.time));
        }
        complete.extend(journeys.finish());
        let parents = hops.iter().map(|sighting| {
            let journey: &Journey = &complete[sighting.journey as usize - 1];
            let from = journey.hops[sighting.hop].from?;
            Some(places[&(sighting.journey, from)])
        });
        let told = complete.iter().map(|journey| journey.told(&self.interfaces).to_string());
        Recognised { parents: parents.collect(), told: told.collect(), journeys: complete }
    }

    /// Each way is recognised as it was, with all that can be known of the wiring.
    pub fn assert_recognised(&mut self) -> Recognised {
        let recognised = self.recognise();
        self.assert_true(&recognised);
        recognised
    }

    pub fn assert_true(&self, recognised: &Recognised) {
        if let Some(wrong) = self.first_mistake(recognised) {
            panic!("{wrong}\n{}", recognised.told.join("\n"));
        }
    }

    /// What was recognised first of all that is not so.
    pub fn first_mistake(&self, recognised: &Recognised) -> Option<String> {
        let name = |number: Option<usize>| {
            number.map_or("nothing".to_owned(), |number| {
                let seen = &self.seen[number];
                let direction = seen.direction.as_str();
                format!("#{number} {} {direction}", self.interfaces[seen.interface])
            })
        };
        let all = self.seen.iter().zip(&recognised.parents).enumerate();
        let wrong = all.filter(|(_, (seen, parent))| seen.parent != **parent).map(
            |(number, (seen, parent))| {
                let (own, truth, said) = (name(Some(number)), name(seen.parent), name(*parent));
                format!("{own} followed {truth}, not {said}")
            },
        );
        wrong.into_iter().next()
    }
}

impl Recognised {
    /// The journeys' ways, without the packets and the times.
    pub fn ways(&self) -> Vec<String> {
        self.told.iter().map(|told| way(told)).collect()
    }
}

/// What follows the bar, with `→` for each `→12µs`.
pub fn way(told: &str) -> String {
    let (_, way) = told.split_once(" | ").expect("a bar");
    let mut words = Vec::new();
    for word in way.split(' ') {
        words.push(if word.starts_with('→') { "→" } else { word });
    }
    words.join(" ")
}
