//! A journey on a line.
//!
//! A way without branches is one line, devices in their order, between them how long it took:
//!
//! ```text
//! IP 10.0.0.1 > 10.0.2.2: ICMP echo request, id 7, seq 1, length 64 | left:e0 →12µs r1:left →3µs r1:right [ttl 64→63, mac] →9µs right:e0
//! ```
//!
//! Where it branches, each branch has a line of its own, further in than the line that it leaves, and
//! the time at its head is that since the device at which the line ended:
//!
//! ```text
//! ARP, Request who-has 10.0.0.3 tell 10.0.0.1, length 28 | a:e0 →2µs sw:p1
//!     →3µs sw:p2 →1µs b:e0
//!     →4µs sw:p3 →1µs c:e0
//!     →5µs sw:br0
//! ```
//!
//! | it says | when |
//! |---|---|
//! | `a:e0 →2µs b:e0` | it went from the one device to the other, in so much time |
//! | `[ttl 64→63, mac]` | what is different at this device from the one before |
//! | `→2µs … b:e0` | devices between were not captured |
//! | `→ not b:e0` | it went out, and did not come in where the cable ends |
//! | `(about …)` | the packet that an ICMP error quotes, and how long before it began |

use std::fmt::{self, Write};
use std::time::Duration;

use super::likeness::How;
use super::way::{About, Hop, Journey};
use crate::{Interface, InterfaceId};

/// How far a branch is further in.
const INDENT: usize = 4;

/// A journey in words, with the names of its devices: as text, and with `serde` as data.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    pub(super) journey: &'a Journey,
    pub(super) interfaces: &'a [Interface],
    branches: usize,
}

impl Journey {
    /// In words; `interfaces` are those of the frames.
    pub fn told<'a>(&'a self, interfaces: &'a [Interface]) -> Told<'a> {
        Told { journey: self, interfaces, branches: usize::MAX }
    }
}

impl Told<'_> {
    /// At most so many branches are shown where a way branches, and of the rest how many they are.
    pub fn branches(self, branches: usize) -> Self {
        Self { branches: branches.max(1), ..self }
    }

    fn name(&self, f: &mut fmt::Formatter<'_>, id: InterfaceId) -> fmt::Result {
        let Some(interface) = self.interfaces.get(id as usize) else { return write!(f, "?:{id}") };
        // The kernel lets devices have names of nearly any bytes.
        let printable = |c: char| if c.is_control() { '?' } else { c };
        let name = [&interface.node, ":", &interface.device];
        name.into_iter().flat_map(str::chars).try_for_each(|c| f.write_char(printable(c)))
    }

    /// The way from a hop on, until it ends or branches.
    fn way(&self, f: &mut fmt::Formatter<'_>, start: usize, depth: usize) -> fmt::Result {
        let mut index = start;
        loop {
            let Some(hop) = self.journey.hops.get(index) else { return Ok(()) };
            self.hop(f, index, hop)?;
            let mut after = self.journey.after(index);
            match (after.next(), after.next()) {
                (None, _) => return Ok(()),
                (Some(next), None) => {
                    write!(f, " ")?;
                    index = next;
                }
                (Some(_), Some(_)) => return self.branch(f, index, depth + 1),
            }
        }
    }

    fn branch(&self, f: &mut fmt::Formatter<'_>, index: usize, depth: usize) -> fmt::Result {
        let margin = depth * INDENT;
        for next in self.journey.after(index).take(self.branches) {
            write!(f, "\n{:margin$}", "")?;
            self.way(f, next, depth)?;
        }
        match self.journey.after(index).count().saturating_sub(self.branches) {
            0 => Ok(()),
            more => write!(f, "\n{:margin$}… and {more} more", ""),
        }
    }

    fn hop(&self, f: &mut fmt::Formatter<'_>, index: usize, hop: &Hop) -> fmt::Result {
        if let Some(took) = self.journey.stretch(index) {
            write!(f, "→{} ", Took(took))?;
        }
        if hop.how == How::Unseen {
            write!(f, "… ")?;
        }
        self.name(f, hop.interface)?;
        for (place, change) in hop.changes.iter().enumerate() {
            write!(f, "{}{change}", if place == 0 { " [" } else { ", " })?;
        }
        if !hop.changes.is_empty() {
            write!(f, "]")?;
        }
        if let Some(missing) = hop.missing {
            write!(f, " → not ")?;
            self.name(f, missing)?;
        }
        Ok(())
    }
}

/// The packet, a bar, and its way; without its time, which is
/// [`Journey::start`].
impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.journey.packet)?;
        if let Some(About { packet, before, .. }) = &self.journey.about {
            write!(f, " (about {packet}")?;
            match before {
                Some(before) => write!(f, ", {} before)", Took(*before))?,
                None => write!(f, ")")?,
            }
        }
        write!(f, " | ")?;
        if self.journey.continues.is_some() {
            write!(f, "… ")?;
        }
        self.way(f, 0, 0)
    }
}

/// How long something took: `850ns`, `12µs`, `3.4ms`, `1.2s`.
struct Took(Duration);

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_nanos() {
            nanos @ 0..1000 => write!(f, "{nanos}ns"),
            nanos @ 1000..1_000_000 => write!(f, "{}µs", nanos / 1000),
            nanos @ 1_000_000..1_000_000_000 => write!(f, "{:.1}ms", nanos as f64 / 1e6),
            nanos => write!(f, "{:.1}s", nanos as f64 / 1e9),
        }
    }
}
