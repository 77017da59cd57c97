//! A journey as data, with the names of its devices.
//!
//! ```json
//! {"number": 1, "time": "1700000000.000012000", "packet": "IP …", "about": null, "continues": null,
//!  "early": false, "lossy": false, "hops": [
//!    {"at": "left:e0", "direction": "Out", "time": "1700000000.000012000", "from": null,
//!     "how": "first", "changes": [], "missing": null},
//!    {"at": "r1:left", "direction": "In", "time": "1700000000.000024000", "from": 0,
//!     "how": "cable", "changes": [], "missing": null}]}
//! ```
//!
//! Times are seconds since 1970 with all nine digits, as a string: a number would lose some of them.

use serde::{Serialize, Serializer};

use super::change::Change;
use super::likeness::How;
use super::text::Told;
use super::way::{About, Hop};
use crate::{InterfaceId, Time};

#[derive(Serialize)]
struct JourneyData<'a> {
    number: u64,
    time: String,
    packet: &'a str,
    about: &'a Option<About>,
    continues: Option<u64>,
    early: bool,
    lossy: bool,
    hops: Vec<HopData<'a>>,
}

#[derive(Serialize)]
struct HopData<'a> {
    at: String,
    direction: &'static str,
    time: String,
    from: Option<usize>,
    how: How,
    changes: &'a [Change],
    missing: Option<String>,
}

impl Serialize for Told<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let journey = self.journey;
        let data = JourneyData {
            number: journey.number,
            time: seconds(journey.start()),
            packet: &journey.packet,
            about: &journey.about,
            continues: journey.continues,
            early: journey.early,
            lossy: journey.lossy,
            hops: journey.hops.iter().map(|hop| self.hop_data(hop)).collect(),
        };
        data.serialize(serializer)
    }
}

impl<'a> Told<'a> {
    fn hop_data(&self, hop: &'a Hop) -> HopData<'a> {
        HopData {
            at: self.device(hop.interface),
            direction: hop.direction.as_str(),
            time: seconds(hop.time),
            from: hop.from,
            how: hop.how,
            changes: &hop.changes,
            missing: hop.missing.map(|id| self.device(id)),
        }
    }

    fn device(&self, id: InterfaceId) -> String {
        self.interfaces.get(id as usize).map_or_else(|| format!("?:{id}"), ToString::to_string)
    }
}

fn seconds(time: Time) -> String {
    format!("{}.{:09}", time.0 / 1_000_000_000, time.0 % 1_000_000_000)
}
