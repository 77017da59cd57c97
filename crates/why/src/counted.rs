//! What the kernel has counted in a node while the probe was under way: packets that its queues have dropped,
//! and what the IP stack has made of others.

use std::collections::BTreeMap;

use twinax_kernel::Error;
use twinax_kernel::ask::{Counters, LegacyDrop, Queue, counters, legacy_drops, queues};
use twinax_lab::ask;
use twinax_topology::NodeName;

/// The counters of a node at a time.
#[derive(Debug)]
pub struct Counts {
    stack: Counters,
    queues: Vec<Queue>,
    legacy: Vec<LegacyDrop>,
}

impl Counts {
    /// Those of now.
    pub fn of(node: &NodeName) -> Result<Self, Error> {
        ask::in_node(node, || {
            // Whoever may not ask for the tables of the old iptables is told nothing of them.
            let legacy = legacy_drops().unwrap_or_default();
            Ok(Self { stack: counters()?, queues: all_queues()?, legacy })
        })
    }

    /// By how much they have grown since.
    pub fn since(self, earlier: &Self) -> Counted {
        let stack = self.stack.since(&earlier.stack);
        let queues = self.queues.into_iter().map(|now| {
            let is_same = |old: &&Queue| old.dev == now.dev && old.id == now.id;
            let before = earlier.queues.iter().find(is_same).map_or(0, |old| old.dropped);
            Queue { dropped: now.dropped.saturating_sub(before), ..now }
        });
        let legacy = self.legacy.into_iter().filter_map(|now| now.since(&earlier.legacy));
        Counted { stack, queues: queues.collect(), legacy: legacy.collect() }
    }
}

/// The queueing disciplines of a node; none on a kernel without any (`CONFIG_NET_SCHED`).
fn all_queues() -> Result<Vec<Queue>, Error> {
    match queues() {
        Err(error) if error.errno() == Some(rustix::io::Errno::OPNOTSUPP) => Ok(Vec::new()),
        queues => queues,
    }
}

/// What was counted in a node.
#[derive(Debug, Default)]
pub struct Counted {
    /// By how much counters of the IP stack have grown, by the names that `nstat` has for them.
    pub stack: BTreeMap<String, u64>,
    /// The queueing disciplines, each with what it has dropped meanwhile.
    pub queues: Vec<Queue>,
    /// What in tables of the old iptables has dropped something meanwhile, with how much.
    pub legacy: Vec<LegacyDrop>,
}
