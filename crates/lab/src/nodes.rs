//! The nodes of a lab that stands, and work in them.

use std::collections::HashMap;

use twinax_kernel::{Error, Netns};
use twinax_topology::NodeName;

/// The network namespaces of a lab, by the name of the node.
#[derive(Debug, Default)]
pub struct Nodes {
    by_name: HashMap<NodeName, Netns>,
}

impl Nodes {
    /// The namespace of a node.
    pub fn get(&self, name: &NodeName) -> Option<&Netns> {
        self.by_name.get(name)
    }

    pub(crate) fn insert(&mut self, name: NodeName, netns: Netns) {
        self.by_name.insert(name, netns);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }
}

/// Does some work on a thread of its own in a namespace, and waits for it.
///
/// The calling thread stays where it is: a thread that has been in a node would take whatever it
/// opens from there.
pub fn inside<T: Send>(
    netns: &Netns,
    work: impl FnOnce() -> Result<T, Error> + Send,
) -> Result<T, Error> {
    on_own_thread(|| {
        netns.enter()?;
        work()
    })
}

/// Does some work on a thread that does nothing else, and waits for it.
pub fn on_own_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| match scope.spawn(work).join() {
        Ok(value) => value,
        Err(panic) => std::panic::resume_unwind(panic),
    })
}
