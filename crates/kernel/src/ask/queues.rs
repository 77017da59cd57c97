//! What the queueing disciplines of devices have counted (`TCA_STATS2`, `linux/gen_stats.h`; what
//! `tc -s qdisc` shows).

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::tc::TcMessage;

use crate::attributes::{Value, header, number};
use crate::error::Error;
use crate::netlink;
use crate::rtnl::Rtnl;

/// `TCA_…`, `linux/rtnetlink.h` and `linux/gen_stats.h`.
mod tca {
    pub const KIND: u16 = 1;
    pub const STATS2: u16 = 7;
    /// `TCA_STATS_QUEUE`, a `struct gnet_stats_queue`.
    pub const STATS_QUEUE: u16 = 3;
    /// `TC_H_ROOT` and `TC_H_INGRESS`, `linux/pkt_sched.h`.
    pub const ROOT: u32 = 0xffff_ffff;
    pub const INGRESS: u32 = 0xffff_fff1;
}

/// A queueing discipline of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// The device, by name.
    pub dev: String,
    /// Its handle and that of its parent, by which it is told from others of its device.
    pub id: (u32, u32),
    /// Its kind: `noqueue`, `pfifo_fast`, `netem`, `tbf`, `clsact`…
    pub kind: String,
    /// Whether it is the one that the device has, and none within another.
    pub root: bool,
    /// Whether it is for what comes in (`ingress`, `clsact`).
    pub ingress: bool,
    /// How many packets wait in it.
    pub waiting: u32,
    /// How many packets it has dropped.
    pub dropped: u32,
    /// How many times it has made packets wait, or dropped them, for being over its limit.
    pub overlimits: u32,
}

/// The queueing disciplines of all devices of the namespace of the calling thread. A device that is
/// down has none that is told.
pub fn queues() -> Result<Vec<Queue>, Error> {
    let mut rtnl = Rtnl::open()?;
    let ask = RouteNetlinkMessage::GetQueueDiscipline(TcMessage::default());
    let mut answer = Vec::new();
    rtnl.socket.dump_raw("asking for the counters of queues", &ask, &mut answer)?;
    let queues = netlink::messages(&answer)
        .filter(|(header, _)| header.message_type == libc::RTM_NEWQDISC)
        .filter_map(|(_, message)| queue(message, &rtnl));
    Ok(queues.collect())
}

fn queue(message: &[u8], rtnl: &Rtnl) -> Option<Queue> {
    // struct tcmsg: family and padding, device, handle, parent, info.
    let (header, attributes) = header::<20>(message)?;
    let parent = number(header, 12);
    let mut queue = Queue {
        dev: rtnl.name(number(header, 4)),
        id: (number(header, 8), parent),
        kind: String::new(),
        root: parent == tca::ROOT,
        ingress: parent == tca::INGRESS,
        waiting: 0,
        dropped: 0,
        overlimits: 0,
    };
    for (attribute, value) in attributes {
        match attribute {
            tca::KIND => queue.kind = value.text(),
            tca::STATS2 => {
                let mut own = value.nested().filter(|(kind, _)| *kind == tca::STATS_QUEUE);
                if let Some((_, Value(stats))) = own.next() {
                    // Packets and bytes that wait, drops, packets that were put back, overlimits.
                    queue.waiting = number(stats, 0);
                    queue.dropped = number(stats, 8);
                    queue.overlimits = number(stats, 16);
                }
            }
            _ => {}
        }
    }
    Some(queue)
}
