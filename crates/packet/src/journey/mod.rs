//! The way of a packet through a lab: which of the frames seen at many devices are one packet.
//!
//! Theory of operation. Frames come in the order of their time. Each is a *sighting*: it follows one
//! that was before, or is the first of a new [`Journey`]. Which one it can follow is asked three times:
//!
//! 1. **Where** may it have come from? The [`Wiring`] says it: what comes in at one end of a cable went
//!    out of the other; what goes out of a port of a bridge came in at another port, or out of the
//!    bridge; what is routed came in at the same node. (`wiring`)
//! 2. **Is it the same packet?** Each frame is known by what nobody on the way changes. What is left
//!    (MACs, TTL, addresses and ports) has to fit to the kind of way: nothing differs on a cable, the
//!    TTL falls by one in a router, a flow comes out of a NAT each time as it did the first time.
//!    (`identity`, `likeness`)
//! 3. **When?** Of several that are the same to the last bit, the oldest that has not gone this way
//!    yet, because devices keep the order. (`index`, `assemble`)
//!
//! So the same bytes sent twice are two journeys, and two tenants with the same addresses are not
//! mixed. Without wiring only the second and third question are asked, and of twins in different nodes
//! nobody can tell which is which.
//!
//! What is kept is bounded by [`Options`]: a sighting is forgotten after the window, or when there are
//! too many. A journey is complete when all of its sightings are forgotten.
//!
//! What it can't know:
//!
//! - what a sealed tunnel (WireGuard) carries: what goes in and what comes out are journeys of their
//!   own, and so is the packet between;
//! - of IPv6 packets, and of UDP that a device cuts up (`UDP_SEGMENT`), which parts belong together;
//! - a packet whose payload was changed on the way: by a proxy, a protocol helper of conntrack, or a
//!   link that corrupts;
//! - of identical frames, some of which are lost, which ones.

mod assemble;
mod change;
mod connected;
mod data;
mod digest;
mod identity;
mod index;
mod likeness;
mod search;
mod text;
mod translations;
mod tunnels;
mod underway;
mod way;
mod wiring;

pub use assemble::{Journeys, Options};
pub use change::{Change, Endpoint, Outer};
pub use likeness::How;
pub use text::Told;
pub use way::{About, Hop, Journey, Sighting};
pub use wiring::{Device, Role, Wiring};
