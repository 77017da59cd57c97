//! What can go wrong between a firewall and the kernel.

use std::fmt;

use rustix::io::Errno;
use twinax_topology::CommentError;

use super::words::Part;
use crate::{Error as Netlink, Refusal};

/// A firewall that could not be put in place. Nothing of it has been: the kernel does the whole
/// batch or none of it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// This kernel has no nf_tables at all.
    #[error(
        "this kernel has no nftables (CONFIG_NF_TABLES, CONFIG_NF_TABLES_INET), which firewalls need"
    )]
    NoNftables(#[source] Refusal),
    /// This kernel has nf_tables, but not the part that an item needs.
    #[error("this kernel's nftables lacks what {item} needs")]
    Lacks {
        /// What needs it.
        item: Item,
        /// What the kernel said.
        #[source]
        refusal: Refusal,
    },
    /// The kernel refused an item for another reason.
    #[error("the kernel refuses {item}")]
    Refused {
        /// What was refused.
        item: Item,
        /// Why.
        #[source]
        refusal: Refusal,
    },
    /// A comment that `nft` could not read back.
    #[error("the comment of {item}")]
    Comment {
        /// Whose comment it is.
        item: Item,
        /// What is wrong with it.
        #[source]
        error: CommentError,
    },
    /// More rules than one batch can have.
    #[error(
        "the firewall has {rules} rules, more than the kernel takes at once (sysctl net.core.wmem_max)"
    )]
    TooLong {
        /// How many rules it has.
        rules: usize,
    },
    /// The kernel could not be asked.
    #[error(transparent)]
    Netlink(#[from] Netlink),
}

impl Error {
    /// The errno behind it, where there is one.
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Self::NoNftables(refusal)
            | Self::Lacks { refusal, .. }
            | Self::Refused { refusal, .. } => Some(refusal.errno),
            Self::TooLong { .. } => Some(Errno::MSGSIZE),
            Self::Comment { .. } => None,
            Self::Netlink(error) => error.errno(),
        }
    }

    /// What the socket says of a batch in firewall's terms. Mark 0 is the batch as a whole, mark
    /// `n` the part `n - 1`.
    pub(super) fn of_batch(error: Netlink, parts: &[Part]) -> Self {
        match error {
            Netlink::Refused { mark: 0, refusal, .. } if is_lacking(refusal.errno) => {
                Self::NoNftables(refusal)
            }
            Netlink::Refused { request, mark, refusal } => {
                match mark.checked_sub(1).and_then(|index| parts.get(index)) {
                    None => Netlink::Refused { request, mark, refusal }.into(),
                    Some(Part { item: Item::Table, .. }) if is_lacking(refusal.errno) => {
                        Self::NoNftables(refusal)
                    }
                    Some(Part { item, .. }) if is_lacking(refusal.errno) => {
                        Self::Lacks { item: item.clone(), refusal }
                    }
                    Some(Part { item, .. }) => Self::Refused { item: item.clone(), refusal },
                }
            }
            error if error.errno() == Some(Errno::MSGSIZE) => {
                let rules = parts.iter().filter(|part| part.item.is_rule()).count();
                Self::TooLong { rules }
            }
            error => Self::of_socket(error),
        }
    }

    /// What the socket says when it is opened: without `CONFIG_NETFILTER_NETLINK` there is no such
    /// netlink family.
    pub(super) fn of_socket(error: Netlink) -> Self {
        match error.errno() {
            Some(errno @ Errno::PROTONOSUPPORT) => {
                Self::NoNftables(Refusal { errno, message: None })
            }
            _ => Self::Netlink(error),
        }
    }
}

/// Whether the kernel says with it that it has no such subsystem (`nfnetlink_rcv_batch`), family
/// (`nft_supported_family`), type of chain or kind of expression (`nft_expr_type_get`, after it
/// has tried to load the module).
pub(super) fn is_lacking(errno: Errno) -> bool {
    matches!(errno, Errno::OPNOTSUPP | Errno::NOENT | Errno::PROTONOSUPPORT | Errno::AFNOSUPPORT)
}

/// What of a firewall a message to the kernel is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// The table `inet twinax`.
    Table,
    /// The chain of this name.
    Chain(&'static str),
    /// One of [`Firewall::filters`](twinax_topology::Firewall::filters).
    Filter {
        /// Which, counted from 0.
        index: usize,
        /// It, as `nft` writes it.
        rule: String,
    },
    /// One of [`Firewall::dnat`](twinax_topology::Firewall::dnat).
    Dnat {
        /// Which, counted from 0.
        index: usize,
        /// It, as `nft` writes it.
        rule: String,
    },
    /// One of [`Firewall::masquerade`](twinax_topology::Firewall::masquerade).
    Masquerade {
        /// Which, counted from 0.
        index: usize,
        /// It, as `nft` writes it.
        rule: String,
    },
}

impl Item {
    fn is_rule(&self) -> bool {
        !matches!(self, Self::Table | Self::Chain(_))
    }
}

impl fmt::Display for Item {
    /// Rules are counted from 1, as in the lab file from top to bottom.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table => f.write_str("the firewall's table"),
            Self::Chain(name) => write!(f, "the firewall's chain `{name}`"),
            Self::Filter { index, rule } => write!(f, "filter {} (`{rule}`)", index + 1),
            Self::Dnat { index, rule } => write!(f, "dnat {} (`{rule}`)", index + 1),
            Self::Masquerade { index, rule } => write!(f, "masquerade {} (`{rule}`)", index + 1),
        }
    }
}
