//! What can go wrong between twinax and the kernel.

use std::fmt;
use std::path::PathBuf;

use rustix::io::Errno;

/// A failed operation, with the kernel's own words for it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel refused a netlink request.
    #[error("{request}")]
    Refused {
        /// What was asked for.
        request: &'static str,
        /// The caller's mark on the request: see [`Rtnl::mark`](crate::Rtnl::mark).
        mark: usize,
        /// Why it was refused.
        #[source]
        refusal: Refusal,
    },
    /// A system call failed.
    #[error("{call}")]
    Call {
        /// The call, and what it was for.
        call: &'static str,
        /// Why it failed.
        #[source]
        errno: Errno,
    },
    /// A system call on a file failed.
    #[error("{call} {}", path.display())]
    File {
        /// The call.
        call: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        errno: Errno,
    },
    /// There is no device of this name in the namespace.
    #[error("there is no device `{name}`")]
    NoDevice {
        /// The name.
        name: String,
    },
    /// A device is no TUN/TAP device, or one of the other mode.
    #[error("`{name}` is no TUN/TAP device of mode {mode}")]
    NotTun {
        /// Its name.
        name: String,
        /// The mode: `tap` or `tun`.
        mode: &'static str,
    },
    /// A TUN/TAP device is in somebody's hands.
    #[error("another program holds `{name}`")]
    Held {
        /// Its name.
        name: String,
    },
    /// There is no node of this name.
    #[error("there is no node `{name}`")]
    NoNode {
        /// The name.
        name: String,
    },
    /// A node could not be observed.
    #[error("looking at node `{name}`")]
    Node {
        /// The name.
        name: String,
        /// Why not.
        #[source]
        source: Box<Error>,
    },
    /// The kernel sent something that is no netlink message.
    #[error("the kernel's answer can't be read: {0}")]
    Answer(String),
    /// The short words of a firewall could not be set.
    #[error("setting the firewall")]
    Firewall(#[source] Box<crate::nft::Error>),
    /// A free ruleset could not be loaded.
    #[error("loading the free ruleset")]
    Ruleset(#[from] crate::nft::LoadError),
    /// What is in nftables could not be written down.
    #[error("listing the ruleset")]
    RulesetList(#[source] crate::nft::LoadError),
}

impl Error {
    /// The errno behind it, where there is one.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal.errno),
            Self::Call { errno, .. } | Self::File { errno, .. } => Some(*errno),
            Self::NoDevice { .. } => Some(Errno::NODEV),
            Self::Firewall(error) => error.errno(),
            Self::Node { source, .. } => source.errno(),
            Self::NotTun { .. } => Some(Errno::INVAL),
            Self::Held { .. } => Some(Errno::BUSY),
            Self::NoNode { .. } | Self::Answer(_) | Self::Ruleset(_) | Self::RulesetList(_) => None,
        }
    }

    /// For `map_err`: this call failed.
    pub fn call(call: &'static str) -> impl FnOnce(Errno) -> Self {
        move |errno| Self::Call { call, errno }
    }

    /// For `map_err`: this call of the standard library failed.
    pub fn io(call: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |error| Self::Call { call, errno: errno(&error) }
    }

    /// For `map_err`: this call on this file failed.
    pub fn file(call: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(Errno) -> Self {
        move |errno| Self::File { call, path: path.into(), errno }
    }
}

impl From<crate::nft::Error> for Error {
    fn from(error: crate::nft::Error) -> Self {
        Self::Firewall(Box::new(error))
    }
}

/// The errno of an error of the standard library; `EIO` where it has none.
pub(crate) fn errno(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

/// The kernel's reason: an errno and, where it gave one, a sentence (the extended ack,
/// `NLMSGERR_ATTR_MSG` in `linux/netlink.h`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The errno.
    pub errno: Errno,
    /// The sentence.
    pub message: Option<String>,
}

impl std::error::Error for Refusal {}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.message {
            Some(message) => write!(f, "{} ({})", message.trim_end_matches('.'), self.errno),
            None => write!(f, "{}", self.errno),
        }
    }
}
