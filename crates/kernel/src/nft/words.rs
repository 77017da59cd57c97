//! The short words as the messages of one batch.

use twinax_plan::firewall::{
    DNAT_CHAIN, MASQUERADE_CHAIN, dnat_rule, filter_chains, filter_rule, masquerade_rule,
};
use twinax_topology::{Chain, FIREWALL_TABLE, Firewall, Verdict, check_comment};

use super::error::{Error, Item};
use super::expression::{self, Expression};
use super::matches;
use super::message::{Attributes, Message};
use super::uapi::{chain, family, hook, message, priority, rule, table, verdict};
use crate::netlink::{APPEND, CREATE};

/// A message of the batch, and what of the firewall it is for.
#[derive(Debug)]
pub struct Part {
    /// What it is for.
    pub item: Item,
    /// What it asks of the kernel.
    pub request: &'static str,
    /// The netlink flags besides `NLM_F_REQUEST`.
    pub flags: u16,
    /// The message.
    pub message: Message,
}

/// The batch that makes the table what the words say, without what opens and closes it.
///
/// `NFT_MSG_DELTABLE` fails where no table is; making it before (which does nothing where one is)
/// is how `nft` scripts replace a table, too.
pub fn parts(firewall: &Firewall) -> Result<Vec<Part>, Error> {
    let mut parts = vec![new_table(), del_table()];
    if !firewall.has_words() {
        return Ok(parts);
    }
    parts.push(new_table());
    for (chain, policy) in filter_chains(firewall) {
        let number = match chain {
            Chain::Input => hook::INPUT,
            Chain::Forward => hook::FORWARD,
            Chain::Output => hook::OUTPUT,
        };
        let policy = match policy {
            Verdict::Accept => verdict::ACCEPT,
            Verdict::Drop | Verdict::Reject => verdict::DROP,
        };
        parts.push(new_chain(chain.as_str(), "filter", number, priority::FILTER, policy));
    }
    if !firewall.dnat.is_empty() {
        let (number, priority) = (hook::PREROUTING, priority::DSTNAT);
        parts.push(new_chain(DNAT_CHAIN, "nat", number, priority, verdict::ACCEPT));
    }
    if !firewall.masquerade.is_empty() {
        let (number, priority) = (hook::POSTROUTING, priority::SRCNAT);
        parts.push(new_chain(MASQUERADE_CHAIN, "nat", number, priority, verdict::ACCEPT));
    }
    for chain in Chain::ALL {
        let filters = firewall.filters.iter().enumerate();
        for (index, filter) in filters.filter(|(_, filter)| filter.chain == chain) {
            let item = Item::Filter { index, rule: filter_rule(filter) };
            let comment = filter.comment.as_deref();
            if let Err(error) = comment.map_or(Ok(()), check_comment) {
                return Err(Error::Comment { item, error });
            }
            parts.push(new_rule(item, chain.as_str(), &matches::filter(filter), comment));
        }
    }
    for (index, dnat) in firewall.dnat.iter().enumerate() {
        let item = Item::Dnat { index, rule: dnat_rule(dnat) };
        parts.push(new_rule(item, DNAT_CHAIN, &matches::dnat(dnat), None));
    }
    for (index, name) in firewall.masquerade.iter().enumerate() {
        let item = Item::Masquerade { index, rule: masquerade_rule(name) };
        parts.push(new_rule(item, MASQUERADE_CHAIN, &matches::masquerade(name), None));
    }
    Ok(parts)
}

fn new_table() -> Part {
    let attributes =
        Attributes::default().text(table::NAME, FIREWALL_TABLE).number(table::FLAGS, 0);
    Part {
        item: Item::Table,
        request: "making a table of nftables",
        flags: 0,
        message: Message::new(message::NEW_TABLE, family::INET, attributes),
    }
}

fn del_table() -> Part {
    let attributes = Attributes::default().text(table::NAME, FIREWALL_TABLE);
    Part {
        item: Item::Table,
        request: "removing a table of nftables",
        flags: 0,
        message: Message::new(message::DEL_TABLE, family::INET, attributes),
    }
}

fn new_chain(name: &'static str, kind: &str, number: u32, priority: i32, policy: u32) -> Part {
    let hook = Attributes::default()
        .number(chain::HOOK_NUMBER, number)
        .number(chain::HOOK_PRIORITY, priority.cast_unsigned());
    let attributes = Attributes::default()
        .text(chain::TABLE, FIREWALL_TABLE)
        .text(chain::NAME, name)
        .text(chain::TYPE, kind)
        .number(chain::POLICY, policy)
        .list(chain::HOOK, &hook);
    Part {
        item: Item::Chain(name),
        request: "making a chain of nftables",
        flags: CREATE,
        message: Message::new(message::NEW_CHAIN, family::INET, attributes),
    }
}

fn new_rule(item: Item, chain: &str, expressions: &[Expression], comment: Option<&str>) -> Part {
    let mut attributes = Attributes::default()
        .text(rule::TABLE, FIREWALL_TABLE)
        .text(rule::CHAIN, chain)
        .list(rule::EXPRESSIONS, &expression::list(expressions));
    if let Some(comment) = comment {
        attributes = attributes.bytes(rule::USERDATA, &userdata(comment));
    }
    Part {
        item,
        request: "adding a rule of nftables",
        flags: CREATE | APPEND,
        message: Message::new(message::NEW_RULE, family::INET, attributes),
    }
}

/// A comment as libnftnl has it in a rule's user data: type, length, the text with its NUL. The
/// comment has been checked, so that its length is a byte.
fn userdata(comment: &str) -> Vec<u8> {
    let mut bytes = vec![rule::COMMENT, comment.len() as u8 + 1];
    bytes.extend(comment.as_bytes());
    bytes.push(0);
    bytes
}
