//! Journeys of packets, in a simulated lab that knows the true way of each.

mod bridges;
mod bytes;
mod check;
mod kernel;
mod nat;
mod random;
mod routers;
mod told;
mod translation;
mod tunnels;
mod twins;
mod world;
