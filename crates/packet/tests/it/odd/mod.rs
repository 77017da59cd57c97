//! Frames written by hand, each odd in its own way: what they are called says how.

mod icmps;
mod ip;
mod link;
mod names;
mod transport;

/// What it is called, and its bytes.
type Odd = (&'static str, Vec<u8>);

/// All of them.
pub fn all() -> Vec<Odd> {
    [
        link::link(),
        ip::ipv4(),
        ip::ipv6(),
        icmps::icmpv4(),
        icmps::icmpv6(),
        transport::tcp(),
        transport::udps(),
        names::dnss(),
    ]
    .concat()
}

/// An echo request of ICMP.
const ECHO: [u8; 8] = [8, 0, 0, 0, 0, 7, 0, 1];

/// A frame with other bytes at a place.
fn patched(mut frame: Vec<u8>, at: usize, bytes: &[u8]) -> Vec<u8> {
    frame[at..at + bytes.len()].copy_from_slice(bytes);
    frame
}
