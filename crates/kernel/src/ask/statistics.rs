//! What devices have counted (`IFLA_STATS64`, `struct rtnl_link_stats64` in `linux/if_link.h`; what
//! `ip -s -s link` shows).

use std::collections::BTreeMap;

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::LinkMessage;
use netlink_sys::protocols::NETLINK_ROUTE;

use crate::attributes::{Value, header};
use crate::error::Error;
use crate::netlink::{self, Socket};

/// `IFLA_IFNAME` and `IFLA_STATS64`, `linux/if_link.h`.
const IFNAME: u16 = 3;
const STATS64: u16 = 23;

/// Gives each counter its place in the kernel's structure, once.
macro_rules! statistics {
    ($($(#[$doc:meta])* $place:literal $name:ident,)*) => {
        /// The counters of a device, under the kernel's names for them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct Statistics {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Statistics {
            /// From the kernel's structure; a counter that an old kernel does not have is 0.
            fn read(stats: &[u8]) -> Self {
                let at = |place: usize| {
                    let bytes = stats.get(8 * place..).and_then(<[u8]>::first_chunk);
                    bytes.copied().map(u64::from_ne_bytes).unwrap_or_default()
                };
                Self { $($name: at($place),)* }
            }

            /// By how much each has grown since these were read; 0 where it is a new device of the
            /// same name.
            #[must_use]
            pub fn since(&self, earlier: &Self) -> Self {
                Self { $($name: self.$name.saturating_sub(earlier.$name),)* }
            }

            /// Those that are not zero, with their names.
            pub fn counted(&self) -> Vec<(&'static str, u64)> {
                let all = [$((stringify!($name), self.$name),)*];
                all.into_iter().filter(|(_, count)| *count > 0).collect()
            }
        }
    };
}

statistics! {
    /// Frames that came in.
    0 rx_packets,
    /// Frames that went out.
    1 tx_packets,
    /// Bytes that came in.
    2 rx_bytes,
    /// Bytes that went out.
    3 tx_bytes,
    /// Frames that came in broken.
    4 rx_errors,
    /// Frames that could not go out.
    5 tx_errors,
    /// Frames that came in whole, and that the device or the stack did not take.
    6 rx_dropped,
    /// Frames that were to go out and were dropped on the way: of a device without carrier or
    /// without anybody at its other end.
    7 tx_dropped,
    /// Multicast frames that came in.
    8 multicast,
    /// Collisions.
    9 collisions,
    /// Frames that came in for which there was no room.
    14 rx_fifo_errors,
    /// Frames that went missing before the driver had them.
    15 rx_missed_errors,
    /// Frames that did not go out for want of carrier.
    17 tx_carrier_errors,
    /// Frames that came in to a device that is inactive, such as a bond's spare.
    23 rx_nohandler,
    /// Frames that came in for another MAC address, and that IP therefore did not take (since
    /// Linux 5.19).
    24 rx_otherhost_dropped,
}

/// The counters of all devices of the namespace of the calling thread, by name.
pub fn statistics() -> Result<BTreeMap<String, Statistics>, Error> {
    let mut socket = Socket::open(NETLINK_ROUTE)?;
    let ask = RouteNetlinkMessage::GetLink(LinkMessage::default());
    let mut answer = Vec::new();
    socket.dump_raw("asking for the counters of devices", &ask, &mut answer)?;
    let devices = netlink::messages(&answer)
        .filter(|(header, _)| header.message_type == libc::RTM_NEWLINK)
        .filter_map(|(_, message)| device(message));
    Ok(devices.collect())
}

fn device(message: &[u8]) -> Option<(String, Statistics)> {
    // struct ifinfomsg.
    let (_, attributes) = header::<16>(message)?;
    let (mut name, mut counted) = (None, None);
    for (attribute, value) in attributes {
        match attribute {
            IFNAME => name = Some(value.text()),
            STATS64 => {
                let Value(stats) = value;
                counted = Some(Statistics::read(stats));
            }
            _ => {}
        }
    }
    Some((name?, counted?))
}
