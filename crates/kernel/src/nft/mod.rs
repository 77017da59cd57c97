//! nf_tables: the firewall of the namespace of the calling thread ([nft(8)]).
//!
//! The short words of a [`Firewall`] become the table `inet twinax` over netlink, without the
//! `nft` program: [`apply`]. They become the same expressions that `nft` makes of their text
//! ([`twinax_plan::firewall`]), so that everybody's tools read them as usual. A free ruleset is
//! what `nft` alone understands: [`load()`].
//!
//! ```text
//!  Firewall ──words──▶ parts ──matches──▶ expressions ──message──▶ bytes ──▶ one batch: all or none
//!                        └─ which item ◀── mark ◀── sequence number ◀── refusal ─┘
//! ```
//!
//! No packet meets half a firewall: the kernel takes the new table and drops the old one at once.
//!
//! [nft(8)]: https://www.netfilter.org/projects/nftables/manpage.html

mod chain;
pub mod copy;
mod error;
mod expression;
#[cfg(test)]
mod golden;
mod listing;
mod load;
mod matches;
mod message;
mod normal;
mod raw;
#[cfg(test)]
mod refusals;
pub mod rules;
mod ruleset;
mod say;
pub mod trace;
mod uapi;
mod words;

use std::iter;

use netlink_sys::protocols::NETLINK_NETFILTER;
use rustix::io::Errno;
use twinax_topology::Firewall;

pub use chain::{BaseChain, Family, Hook, Policy, base_chains};
pub use error::{Error, Item};
pub use load::{Complaint, LoadError, list, load};
pub use ruleset::{Ruleset, ruleset};

use crate::netlink::Socket;
use message::{Attributes, Message};
use uapi::{family, table};
use words::Part;

/// Makes the table `inet twinax` what the short words say, whatever it was before, in one
/// transaction. Without words the table is removed. The free ruleset is not touched.
///
/// The firewall must be valid, as the lab file's validation establishes.
///
/// # Errors
///
/// What the kernel refused, with the filter, port forwarding or interface that it refused it for;
/// [`Error::NoNftables`] where the kernel has none and there are words.
pub fn apply(firewall: &Firewall) -> Result<(), Error> {
    match replace(firewall) {
        // Where there can be no table, there is none.
        Err(Error::NoNftables(_)) if !firewall.has_words() => Ok(()),
        outcome => outcome,
    }
}

fn replace(firewall: &Firewall) -> Result<(), Error> {
    send(&words::parts(firewall)?)
}

fn send(parts: &[Part]) -> Result<(), Error> {
    const REQUEST: &str = "changing nftables";
    let mut socket = Socket::open(NETLINK_NETFILTER).map_err(Error::of_socket)?;
    let (begin, end) = (Message::begin(), Message::end());
    let requests = parts.iter().map(|part| (part.request, part.flags, &part.message));
    let batch = iter::once((REQUEST, 0, &begin)).chain(requests).chain([(REQUEST, 0, &end)]);
    socket.transaction(batch).map_err(|error| Error::of_batch(error, parts))
}

/// Removes all tables, whoever made them, in one transaction: `nft flush ruleset`. On a kernel
/// without nf_tables there is nothing to be removed.
///
/// # Errors
///
/// What the kernel refused.
pub fn flush() -> Result<(), Error> {
    // DELTABLE that names no table means all (`nf_tables_deltable`).
    let message = Message::new(uapi::message::DEL_TABLE, family::UNSPEC, Attributes::default());
    let all =
        Part { item: Item::Table, request: "removing all tables of nftables", flags: 0, message };
    match send(&[all]) {
        Err(Error::NoNftables(_)) => Ok(()),
        outcome => outcome,
    }
}

/// The tables that there are, whoever made them, each as family and name: `inet twinax`. None on a
/// kernel without nf_tables.
///
/// # Errors
///
/// The namespace's tables are for those who have `CAP_NET_ADMIN` there.
pub fn tables() -> Result<Vec<String>, crate::Error> {
    let Some(mut socket) = socket()? else { return Ok(Vec::new()) };
    let all = Message::new(uapi::message::GET_TABLE, family::UNSPEC, Attributes::default());
    let found = match socket.dump("listing the tables of nftables", &all) {
        // `nfnetlink_rcv_msg` for a subsystem that is not there.
        Err(error) if error.errno() == Some(Errno::INVAL) => return Ok(Vec::new()),
        found => found?,
    };
    Ok(found.iter().filter_map(name_of_table).collect())
}

/// A socket to nfnetlink; `None` on a kernel without it.
fn socket() -> Result<Option<Socket>, crate::Error> {
    match Socket::open(NETLINK_NETFILTER) {
        Err(error) if error.errno() == Some(Errno::PROTONOSUPPORT) => Ok(None),
        socket => socket.map(Some),
    }
}

fn name_of_table(found: &Message) -> Option<String> {
    let name = found.attributes().get_text(table::NAME)?;
    Some(format!("{} {name}", Family::of(found.family())))
}
