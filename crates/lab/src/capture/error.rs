//! Why a lab can't be watched.

use rustix::io::Errno;
use twinax_packet::filter::TooLong;
use twinax_topology::NodeName;

/// Why a lab can't be watched.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// A node can't be watched.
    #[error("node `{node}` can't be watched")]
    Node {
        /// The node.
        node: NodeName,
        /// Why not.
        #[source]
        source: twinax_kernel::Error,
    },
    /// The devices of the lab can't be followed.
    #[error("the devices of the lab can't be followed")]
    Devices(#[source] twinax_kernel::Error),
    /// The nodes of the lab can't be followed.
    #[error("the nodes of the lab can't be followed")]
    Nodes(#[source] twinax_kernel::Error),
    /// The filter is too long for the kernel.
    #[error("the filter is too long for the kernel")]
    Filter(#[from] TooLong),
    /// What comes can't be waited for.
    #[error("frames can't be waited for")]
    Wait(#[source] Errno),
    /// It can't be found out whether frames are still on their way.
    #[error("it can't be found out whether frames are still on their way")]
    Backlog(#[source] twinax_kernel::Error),
    /// There is too little memory for so many nodes.
    #[error(
        "{asked} bytes are too few for the rings of {nodes} nodes: each takes at least {least} bytes"
    )]
    Memory {
        /// What was asked for, in bytes.
        asked: u64,
        /// How many nodes there are.
        nodes: usize,
        /// What each takes at least, in bytes.
        least: u64,
    },
}
