//! What tells nothing about what happens to a packet is left out of what the kernel lists.

use std::collections::BTreeMap;

use super::message::{Attributes, Message};
use super::uapi::{chain, data, element, expression, flowtable, object, rule, set, table};
use crate::attributes::{Value, attributes};

/// What stands in the place of a name that is only a number.
#[derive(Default)]
pub struct Anonymous {
    /// Sets that are written within a rule.
    pub sets: BTreeMap<String, Vec<u8>>,
    /// Chains that are written within a rule.
    pub chains: BTreeMap<String, Vec<u8>>,
}

/// Bytes with their length before them, so that two in a row can't be taken for two others.
pub fn framed(bytes: &[u8]) -> Vec<u8> {
    let mut framed = (bytes.len() as u64).to_ne_bytes().to_vec();
    framed.extend(bytes);
    framed
}

/// Attributes, changed: `change` takes the type and the value of each; `None` leaves it out.
fn changed(list: &[u8], mut change: impl FnMut(u16, &[u8]) -> Option<Vec<u8>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (kind, Value(value)) in attributes(list) {
        if let Some(value) = change(kind, value) {
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(framed(&value));
        }
    }
    bytes
}

fn without(own: &Message, left_out: &[u16]) -> Vec<u8> {
    changed(own.attributes().as_bytes(), |kind, value| {
        (!left_out.contains(&kind)).then(|| value.to_vec())
    })
}

pub fn table(own: &Message) -> Vec<u8> {
    without(own, &[table::HANDLE, table::USE, table::OWNER])
}

pub fn chain(own: &Message) -> Vec<u8> {
    without(own, &[chain::HANDLE, chain::USE, chain::COUNTERS])
}

pub fn flowtable(own: &Message) -> Vec<u8> {
    without(own, &[flowtable::HANDLE, flowtable::USE])
}

/// A set without its name, which is known where it counts.
pub fn set(own: &Message) -> Vec<u8> {
    without(own, &[set::NAME, set::HANDLE, set::COUNT])
}

pub fn object(own: &Message) -> Vec<u8> {
    let kind = own.attributes().get_number(object::TYPE);
    changed(own.attributes().as_bytes(), |attribute, value| match attribute {
        object::HANDLE | object::USE => None,
        object::DATA if kind == Some(object::COUNTER) => None,
        object::DATA if kind == Some(object::QUOTA) => Some(quota(value)),
        _ => Some(value.to_vec()),
    })
}

fn quota(data: &[u8]) -> Vec<u8> {
    changed(data, |kind, value| match kind {
        expression::QUOTA_CONSUMED => None,
        // Besides what somebody has said: that it is used up.
        expression::QUOTA_FLAGS => Some(match value {
            [upper @ .., last] => [upper, &[last & expression::QUOTA_INVERTED as u8]].concat(),
            [] => Vec::new(),
        }),
        _ => Some(value.to_vec()),
    })
}

/// A rule of which position and handle are left out.
pub fn rule(own: &Message, anonymous: &Anonymous) -> Vec<u8> {
    changed(own.attributes().as_bytes(), |kind, value| match kind {
        // The chain is known where it counts.
        rule::HANDLE | rule::POSITION | rule::CHAIN => None,
        rule::EXPRESSIONS => Some(changed(value, |_, own| Some(expression(own, anonymous)))),
        _ => Some(value.to_vec()),
    })
}

/// An expression: `NFTA_EXPR_NAME`, `NFTA_EXPR_DATA`.
fn expression(own: &[u8], anonymous: &Anonymous) -> Vec<u8> {
    let own = Attributes::from_bytes(own);
    let name = own.get_text(rule::EXPRESSION_NAME).unwrap_or_default();
    changed(own.as_bytes(), |kind, value| {
        if kind != rule::EXPRESSION_DATA {
            return Some(value.to_vec());
        }
        Some(match name.as_str() {
            // What has been counted, and when a packet was last seen.
            "counter" | "last" => return None,
            "quota" => quota(value),
            "lookup" => with_set(value, expression::LOOKUP_SET, anonymous),
            "dynset" => with_set(value, expression::DYNSET_SET, anonymous),
            "objref" => with_set(value, expression::OBJREF_SET, anonymous),
            "immediate" => changed(value, |kind, value| {
                Some(match kind {
                    expression::IMMEDIATE_DATA => with_chain(value, anonymous),
                    _ => value.to_vec(),
                })
            }),
            _ => value.to_vec(),
        })
    })
}

/// The data of an expression that names a set in the attribute `at`.
fn with_set(data: &[u8], at: u16, anonymous: &Anonymous) -> Vec<u8> {
    changed(data, |kind, value| {
        let content = anonymous.sets.get(&Value(value).text()).filter(|_| kind == at);
        Some(content.cloned().unwrap_or_else(|| value.to_vec()))
    })
}

/// A verdict that may go to a chain.
fn with_chain(own: &[u8], anonymous: &Anonymous) -> Vec<u8> {
    changed(own, |kind, value| {
        if kind != data::VERDICT {
            return Some(value.to_vec());
        }
        Some(changed(value, |kind, value| {
            let to = anonymous.chains.get(&Value(value).text());
            let content = to.filter(|_| kind == data::VERDICT_CHAIN);
            Some(content.cloned().unwrap_or_else(|| value.to_vec()))
        }))
    })
}

/// The chains that a rule's verdicts go to.
pub fn chains_of(own: &Message) -> Vec<String> {
    let nested = |list: &Attributes, kind| Some(Attributes::from_bytes(list.get(kind)?));
    let chain = |own: Value<'_>| {
        let own = nested(&Attributes::from_bytes(own.0), rule::EXPRESSION_DATA)?;
        let verdict = nested(&nested(&own, expression::IMMEDIATE_DATA)?, data::VERDICT)?;
        verdict.get_text(data::VERDICT_CHAIN)
    };
    let expressions = own.attributes().get(rule::EXPRESSIONS).unwrap_or_default();
    attributes(expressions).filter_map(|(_, own)| chain(own)).collect()
}

/// The elements in an answer but those that time takes away.
pub fn elements(answer: &Message) -> Vec<Vec<u8>> {
    let list = answer.attributes().get(set::ELEMENTS).unwrap_or_default();
    attributes(list).filter_map(|(_, Value(own))| element(own)).collect()
}

fn element(own: &[u8]) -> Option<Vec<u8>> {
    let none = Anonymous::default();
    if attributes(own).any(|(kind, _)| kind == element::EXPIRATION) {
        return None;
    }
    Some(changed(own, |kind, value| {
        Some(match kind {
            element::EXPRESSION => expression(value, &none),
            element::EXPRESSIONS => changed(value, |_, own| Some(expression(own, &none))),
            _ => value.to_vec(),
        })
    }))
}

fn flags(own: &Message, kind: u16) -> u32 {
    own.attributes().get_number(kind).unwrap_or_default()
}

/// Whether a set is written within a rule.
pub fn is_anonymous(own: &Message) -> bool {
    flags(own, set::FLAGS) & set::ANONYMOUS != 0
}

/// Whether packets add to a set.
pub fn is_dynamic(own: &Message) -> bool {
    flags(own, set::FLAGS) & set::EVAL != 0
}

/// Whether a chain is written within a rule.
pub fn is_bound(own: &Message) -> bool {
    flags(own, chain::FLAGS) & chain::BINDING != 0
}
