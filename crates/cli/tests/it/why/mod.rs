//! `twinax why`, held against faults that are known because they were brought about.

mod fault;
mod labs;
mod proof;

mod bridges;
mod documented;
mod firewalls;
mod forwarding;
mod healthy;
mod ipsec;
mod nat;
mod neighbours;
mod pairs;
mod random;
mod routes;
mod sizes;
mod sockets;
mod tunnels;
mod undisturbed;
