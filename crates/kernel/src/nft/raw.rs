//! What the kernel lists, as what one asks of it to have the same again.
//!
//! The two are the same bytes but for what is the kernel's own to say: handles, use counts, places.
//! So nothing has to be understood to be copied. Sets and chains that are written within a rule
//! keep the names that the kernel gave them (`__set0`, `__chain1`).

use super::message::{Attributes, Message};
use super::ruleset::name;
use super::uapi::{chain, expression, flowtable, message, object, rule, set, table};
use crate::attributes::{Value, attributes};
use crate::netlink::{APPEND, CREATE, EXCL};

/// How many bytes of elements go in one message. An attribute can't have more than 65,535.
const ELEMENTS: usize = 16 * 1024;
/// The IP protocol's place in the headers of IPv4 (RFC 791, 3.1) and IPv6 (RFC 8200, 3).
const PROTOCOL_AT: [u32; 2] = [9, 6];

/// A request of a batch: what it is for, its flags besides `NLM_F_REQUEST`, and itself.
pub type Request = (&'static str, u16, Message);

fn request(what: &'static str, flags: u16, kind: u16, own: &Message, with: Attributes) -> Request {
    (what, flags, Message::new(kind, own.family(), with))
}

/// Asks for a table. It belongs to nobody, whoever the original's owner is.
pub fn table(own: &Message) -> Request {
    let flags = own.attributes().get_number(table::FLAGS).unwrap_or_default();
    let flags = flags & !(table::FLAG_OWNER | table::FLAG_PERSIST);
    let with = own.attributes().only(&[table::NAME, table::USERDATA]).number(table::FLAGS, flags);
    request("copying a table of nftables", CREATE | EXCL, message::NEW_TABLE, own, with)
}

/// Asks for a chain, without its rules.
pub fn chain(own: &Message) -> Request {
    let with = own.attributes().only(&[
        chain::TABLE,
        chain::NAME,
        chain::HOOK,
        chain::POLICY,
        chain::TYPE,
        chain::FLAGS,
        chain::USERDATA,
    ]);
    request("copying a chain of nftables", CREATE | EXCL, message::NEW_CHAIN, own, with)
}

/// Asks for an object: a named counter, quota, limit…
pub fn object(own: &Message) -> Request {
    let with = own.attributes().only(&[
        object::TABLE,
        object::NAME,
        object::TYPE,
        object::DATA,
        object::USERDATA,
    ]);
    let data = own.attributes().get_list(object::DATA);
    let with = match data.filter(|_| with.get_number(object::TYPE) == Some(object::QUOTA)) {
        Some(data) => with.except(&[object::DATA]).list(object::DATA, &quota(&data)),
        None => with,
    };
    request("copying an object of nftables", CREATE | EXCL, message::NEW_OBJECT, own, with)
}

/// Asks for a flowtable.
pub fn flowtable(own: &Message) -> Request {
    let with = own.attributes().only(&[
        flowtable::TABLE,
        flowtable::NAME,
        flowtable::HOOK,
        flowtable::FLAGS,
    ]);
    request("copying a flowtable of nftables", CREATE | EXCL, message::NEW_FLOWTABLE, own, with)
}

/// Asks for a set or map, without its elements. `number` is another for each set of a batch.
pub fn set(own: &Message, number: u32) -> Request {
    let with = own.attributes().only(&[
        set::TABLE,
        set::NAME,
        set::FLAGS,
        set::KEY_TYPE,
        set::KEY_LEN,
        set::DATA_TYPE,
        set::DATA_LEN,
        set::POLICY,
        set::DESC,
        set::TIMEOUT,
        set::GC_INTERVAL,
        set::USERDATA,
        set::OBJ_TYPE,
        set::EXPRESSION,
        set::EXPRESSIONS,
    ]);
    let with = with.number(set::ID, number);
    request("copying a set of nftables", CREATE | EXCL, message::NEW_SET, own, with)
}

/// Asks for the elements of a set, of which `listed` are the answers.
///
/// The kernel lists those of a set of intervals from the greatest to the least, and takes them the
/// other way round alone (`__nft_rbtree_insert`, `net/netfilter/nft_set_rbtree.c`); but not where each
/// has several parts (`net/netfilter/nft_set_pipapo.c`).
pub fn elements(own: &Message, listed: &[Message]) -> Vec<Request> {
    let all = listed
        .iter()
        .flat_map(|answer| attributes(answer.attributes().get(set::ELEMENTS).unwrap_or_default()));
    let mut all: Vec<&[u8]> = all.map(|(_, Value(element))| element).collect();
    let is_tree = set::INTERVAL & own.attributes().get_number(set::FLAGS).unwrap_or_default() != 0
        && own.attributes().get_list(set::DESC).is_none_or(|desc| desc.get(set::CONCAT).is_none());
    if is_tree {
        all.reverse();
    }
    let mut requests = Vec::new();
    let mut list = Attributes::default();
    let mut send = |list: Attributes| {
        let with = Attributes::default()
            .text(set::ELEMENTS_TABLE, &name(own, set::TABLE))
            .text(set::ELEMENTS_SET, &name(own, set::NAME))
            .list(set::ELEMENTS, &list);
        let what = "copying the elements of a set of nftables";
        requests.push(request(what, CREATE, message::NEW_ELEMENT, own, with));
    };
    for element in all {
        list = list.list(set::ELEMENT, &Attributes::from_bytes(element));
        if list.as_bytes().len() >= ELEMENTS {
            send(std::mem::take(&mut list));
        }
    }
    if !list.as_bytes().is_empty() {
        send(list);
    }
    requests
}

/// Asks for a rule behind all others of its chain.
pub fn rule(own: &Message) -> Request {
    request("copying a rule of nftables", CREATE | APPEND, message::NEW_RULE, own, rule_itself(own))
}

/// Asks for a rule behind that of this handle; without one, before all others of its chain.
pub fn rule_behind(own: &Message, before: Option<u64>) -> Request {
    let with = rule_itself(own);
    let (with, flags) = match before {
        Some(handle) => (with.bytes(rule::POSITION, &handle.to_be_bytes()), CREATE | APPEND),
        None => (with, CREATE),
    };
    request("putting a rule of nftables back", flags, message::NEW_RULE, own, with)
}

fn rule_itself(own: &Message) -> Attributes {
    let listed = own.attributes().get(rule::EXPRESSIONS).unwrap_or_default();
    let expressions = attributes(listed).fold(Attributes::default(), |list, (_, Value(own))| {
        list.list(rule::ELEMENT, &expression(own))
    });
    let with = own
        .attributes()
        .only(&[rule::TABLE, rule::CHAIN, rule::USERDATA])
        .list(rule::EXPRESSIONS, &expressions);
    match protocol(own) {
        Some((number, inverted)) => {
            let flags = if inverted { rule::COMPAT_INVERTED } else { 0 };
            let compat = Attributes::default()
                .number(rule::COMPAT_PROTOCOL, u32::from(number))
                .number(rule::COMPAT_FLAGS, flags);
            with.list(rule::COMPAT, &compat)
        }
        None => with,
    }
}

/// An expression that is listed, as it is asked for: without what the kernel says and refuses to be
/// told.
fn expression(own: &[u8]) -> Attributes {
    let own = Attributes::from_bytes(own);
    let Some(data) = own.get_list(rule::EXPRESSION_DATA) else { return own };
    let refused: &[u16] = match own.get_text(rule::EXPRESSION_NAME).as_deref() {
        // A time of none, for a set whose elements have none (`nft_dynset_init`).
        Some("dynset") if data.get_long(expression::DYNSET_TIMEOUT) == Some(0) => {
            &[expression::DYNSET_TIMEOUT]
        }
        // What belongs to reading an option, where one is set (`nft_exthdr_tcp_set_init`) or taken
        // away (`nft_exthdr_tcp_strip_init`).
        Some("exthdr") if data.get(expression::EXTHDR_DREG).is_some() => &[],
        Some("exthdr") if data.get(expression::EXTHDR_SREG).is_some() => {
            &[expression::EXTHDR_FLAGS]
        }
        Some("exthdr") => {
            &[expression::EXTHDR_FLAGS, expression::EXTHDR_OFFSET, expression::EXTHDR_LEN]
        }
        Some("quota") => {
            return own.only(&[rule::EXPRESSION_NAME]).list(rule::EXPRESSION_DATA, &quota(&data));
        }
        _ => &[],
    };
    own.only(&[rule::EXPRESSION_NAME]).list(rule::EXPRESSION_DATA, &data.except(refused))
}

/// A quota, without the word that it is used up: the kernel sees that by itself, and takes no word for it
/// (`nft_quota_do_init`).
fn quota(data: &Attributes) -> Attributes {
    let flags = data.get_number(expression::QUOTA_FLAGS).unwrap_or_default();
    let others = data.except(&[expression::QUOTA_FLAGS]);
    others.number(expression::QUOTA_FLAGS, flags & expression::QUOTA_INVERTED)
}

/// The protocol that a rule of `iptables-nft` is for, and whether it is for all others. The kernel
/// wants it said where extensions of iptables are used (`nft_parse_compat`), and does not list it;
/// the rule's other expressions say the same.
fn protocol(own: &Message) -> Option<(u8, bool)> {
    use super::uapi::{cmp, data, meta, payload};
    let expressions: Vec<Attributes> =
        attributes(own.attributes().get(rule::EXPRESSIONS).unwrap_or_default())
            .map(|(_, Value(own))| Attributes::from_bytes(own))
            .collect();
    let name = |own: &Attributes| own.get_text(rule::EXPRESSION_NAME).unwrap_or_default();
    if !expressions.iter().any(|own| matches!(name(own).as_str(), "match" | "target")) {
        return None;
    }
    let is_load = |own: &Attributes| {
        let said = own.get_list(rule::EXPRESSION_DATA).unwrap_or_default();
        match name(own).as_str() {
            "meta" => said.get_number(meta::KEY) == Some(meta::L4PROTO),
            "payload" => {
                said.get_number(payload::BASE) == Some(payload::NETWORK)
                    && said.get_number(payload::LEN) == Some(1)
                    && said.get_number(payload::OFFSET).is_some_and(|at| PROTOCOL_AT.contains(&at))
            }
            _ => false,
        }
    };
    let at = expressions.iter().position(is_load)?;
    let compared = expressions.get(at + 1).filter(|own| name(own) == "cmp")?;
    let compared = compared.get_list(rule::EXPRESSION_DATA)?;
    let inverted = compared.get_number(cmp::OP)? == cmp::NEQ;
    let value = compared.get_list(cmp::DATA)?;
    Some((*value.get(data::VALUE)?.first()?, inverted))
}
