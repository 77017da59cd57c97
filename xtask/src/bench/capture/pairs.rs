//! The lab of the floods: `source`, and sinks `k0`, `k1`, …, each joined to it by a veth pair of its own.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use super::super::contestant::LAB;

/// The node that sends.
pub const SOURCE: &str = "source";
/// The device of a sink.
pub const SINK_DEVICE: &str = "e0";

/// The node at the far end of a pair.
pub fn sink(index: u32) -> String {
    format!("k{index}")
}

/// The addresses of a pair, that of the source first.
pub fn addresses(index: u32) -> [Ipv4Addr; 2] {
    let first = Ipv4Addr::new(10, 0, 0, 0).to_bits() + 2 * index;
    [Ipv4Addr::from_bits(first), Ipv4Addr::from_bits(first + 1)]
}

/// The lab file. Without IPv6, whose own frames come when it pleases them: what is seen is what is sent.
pub fn lab_file(pairs: u32) -> String {
    let mut text = format!("name = \"{LAB}\"\n");
    for node in std::iter::once(SOURCE.to_owned()).chain((0..pairs).map(sink)) {
        let _ = write!(
            text,
            "\n[node.{node}]\nsysctl = {{ \"net.ipv6.conf.all.disable_ipv6\" = 1, \
             \"net.ipv6.conf.default.disable_ipv6\" = 1 }}\n"
        );
    }
    for index in 0..pairs {
        let [own, other] = addresses(index);
        let _ = write!(
            text,
            "\n[[link]]\na = {{ at = \"{SOURCE}:e{index}\", ip = \"{own}/31\" }}\n\
             b = {{ at = \"{}:{SINK_DEVICE}\", ip = \"{other}/31\" }}\n",
            sink(index)
        );
    }
    text
}
