//! All of a namespace's nftables, taken along to another namespace.
//!
//! ```text
//!  there:  dump() ──▶ RawRuleset: what the kernel lists, as bytes ──▶ here: load(), one batch
//!                                                                      └─▶ HandleMap: whose copy a rule is
//! ```
//!
//! Nothing is understood on the way, so that all that the kernel has is copied: sets and maps with
//! their elements, objects, chains, rules with what their counters have counted.
//!
//! What is not the same: tables with an owner (`NFT_TABLE_F_OWNER`) have none. Of handles of rules
//! the [`HandleMap`] tells; the others are nobody's matter. An interface that a rule names by its
//! index (`iif`, as opposed to `iifname`) has to have the same index there, and a device that a
//! chain or flowtable is for has to be there.

use serde::{Deserialize, Serialize};

use netlink_sys::protocols::NETLINK_NETFILTER;

use super::chain::Family;
use super::message::Message;
use super::normal;
use super::raw::{self, Request};
use super::ruleset::{Found, found, innermost_first, name};
use super::uapi::{chain, rule};
use crate::Error;
use crate::netlink::Socket;

/// All that is in the nftables of a namespace, as plain bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RawRuleset(Found);

/// Takes what is in the nftables of the namespace of the calling thread, but for our
/// [`trace`](super::trace). Nothing on a kernel without nf_tables.
///
/// # Errors
///
/// The namespace's tables are for those who have `CAP_NET_ADMIN` there.
pub fn dump() -> Result<RawRuleset, Error> {
    found().map(RawRuleset)
}

impl RawRuleset {
    /// Whether there is no table.
    pub fn is_empty(&self) -> bool {
        self.0.tables.is_empty()
    }

    /// Makes the same in the namespace of the calling thread, in one transaction: all or nothing. Says
    /// which rule there is the copy of which.
    ///
    /// # Errors
    ///
    /// What the kernel refused: `EEXIST` where there is a table of one of the names, `ENOENT` or
    /// `ENODEV` where a device is missing, `EMSGSIZE` where the whole is longer than a datagram can
    /// be (`net.core.wmem_max`, beyond which only root of the first user namespace goes).
    pub fn load(&self) -> Result<HandleMap, Error> {
        if self.is_empty() {
            return Ok(HandleMap::default());
        }
        let (begin, end) = (Message::begin(), Message::end());
        let requests = self.requests();
        let requests = requests.iter().map(|(what, flags, message)| (*what, *flags, message));
        let what = "copying nftables";
        let batch = [(what, 0, &begin)].into_iter().chain(requests).chain([(what, 0, &end)]);
        Socket::open(NETLINK_NETFILTER)?.transaction(batch)?;
        Ok(HandleMap::of(&self.0, &found()?))
    }

    /// The batch without what opens and closes it: each thing after those that it names.
    fn requests(&self) -> Vec<Request> {
        let Found { tables, chains, rules, sets, objects, flowtables } = &self.0;
        let mut requests: Vec<Request> = tables.iter().map(raw::table).collect();
        requests.extend(chains.iter().map(raw::chain));
        requests.extend(objects.iter().map(raw::object));
        requests.extend(flowtables.iter().map(raw::flowtable));
        requests.extend(sets.iter().zip(1..).map(|((own, _), number)| raw::set(own, number)));
        requests.extend(sets.iter().flat_map(|(own, listed)| raw::elements(own, listed)));
        // A chain that is written within a rule takes no rules any more once that rule is there.
        for own in tables {
            let rules: Vec<&Message> =
                rules.iter().filter(|rule| is_in(rule, rule::TABLE, own)).collect();
            let chains = chains.iter().filter(|chain| is_in(chain, chain::TABLE, own));
            let bound = chains.filter(|own| normal::is_bound(own));
            let bound = bound.map(|own| name(own, chain::NAME)).collect();
            let inner = innermost_first(&bound, &rules);
            let of = |wanted: &str| {
                let wanted = wanted.to_owned();
                rules.iter().filter(move |own| name(own, rule::CHAIN) == wanted)
            };
            requests.extend(inner.iter().flat_map(|name| of(name)).map(|own| raw::rule(own)));
            let others = rules.iter().filter(|own| !bound.contains(&name(own, rule::CHAIN)));
            requests.extend(others.map(|own| raw::rule(own)));
        }
        requests
    }
}

/// Whether something of a table, whose name it has in the attribute `at`, is in this one.
fn is_in(own: &Message, at: u16, table: &Message) -> bool {
    own.family() == table.family() && name(own, at) == name(table, super::uapi::table::NAME)
}

/// Which rule is the copy of which.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct HandleMap(Vec<Pair>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Pair {
    family: Family,
    table: String,
    original: u64,
    copy: u64,
}

impl HandleMap {
    /// The handle of the copy of a rule.
    pub fn copy(&self, family: Family, table: &str, original: u64) -> Option<u64> {
        let is_it = |pair: &&Pair| pair.original == original && pair.is_in(family, table);
        self.0.iter().find(is_it).map(|pair| pair.copy)
    }

    /// The handle of the rule that this one is the copy of.
    pub fn original(&self, family: Family, table: &str, copy: u64) -> Option<u64> {
        let is_it = |pair: &&Pair| pair.copy == copy && pair.is_in(family, table);
        self.0.iter().find(is_it).map(|pair| pair.original)
    }

    /// Pairs the rules of each chain in their order.
    fn of(originals: &Found, copies: &Found) -> Self {
        let place = |own: &Message| (own.family(), name(own, rule::TABLE), name(own, rule::CHAIN));
        let mut left: Vec<&Message> = copies.rules.iter().collect();
        let mut pairs = Vec::new();
        for own in &originals.rules {
            let at = place(own);
            let Some(index) = left.iter().position(|copy| place(copy) == at) else { continue };
            let copy = left.remove(index);
            let handle = |own: &Message| own.attributes().get_long(rule::HANDLE);
            if let (Some(original), Some(copy)) = (handle(own), handle(copy)) {
                let (family, table, _) = at;
                pairs.push(Pair { family: Family::of(family), table, original, copy });
            }
        }
        Self(pairs)
    }
}

impl Pair {
    fn is_in(&self, family: Family, table: &str) -> bool {
        self.family == family && self.table == table
    }
}
