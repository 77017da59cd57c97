//! The rules that there are, and what can be done to one of them: taken out, and put back.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use netlink_sys::protocols::NETLINK_NETFILTER;
use serde::{Deserialize, Serialize};

use super::chain::{Family, Policy};
use super::message::{Attributes, Message};
use super::raw::{self, Request};
use super::ruleset::{Found, found, innermost_first, name};
use super::uapi::{self, chain, expression, rule, set};
use super::{listing, load, normal, say};
use crate::Error;
use crate::attributes::{Value, attributes};
use crate::netlink::Socket;

/// A rule as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// The family of its table.
    pub family: Family,
    /// Its table.
    pub table: String,
    /// Its chain. One that is written within another rule has a name that the kernel gave it:
    /// `__chain1`.
    pub chain: String,
    /// What it is called by: a number of its table's.
    pub handle: u64,
    /// Its comment.
    pub comment: Option<String>,
    /// It as `nft -s list ruleset` writes it, comment and all; `None` where there is no such program, and
    /// it has something that can't be said here without it.
    pub text: Option<String>,
    itself: Message,
    /// The handle of the rule before it.
    before: Option<u64>,
    within: Within,
}

/// What is written within a rule and goes with it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Within {
    sets: Vec<(Message, Vec<Message>)>,
    chains: Vec<Message>,
    /// The rules of these chains, in the order in which they can be made.
    rules: Vec<Message>,
}

impl Rule {
    /// It in words, as far as there are any without the `nft` program.
    pub(super) fn said(&self) -> Option<String> {
        say::rule(&self.itself, &self.within.sets)
    }

    /// Whether it changes addresses or ports (`nft(8)`, "NAT STATEMENTS").
    pub fn translates(&self) -> bool {
        let all = std::iter::once(&self.itself).chain(&self.within.rules);
        all.flat_map(expressions).any(|(kind, _)| matches!(&*kind, "nat" | "masq" | "redir"))
    }

    /// Its place as `inet filter input`.
    pub fn place(&self) -> String {
        format!("{} {} {}", self.family, self.table, self.chain)
    }
}

impl fmt::Display for Rule {
    /// The text; without one, the handle, and the comment if there is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.text, &self.comment) {
            (Some(text), _) => f.write_str(text),
            (None, Some(comment)) => write!(f, "handle {} comment \"{comment}\"", self.handle),
            (None, None) => write!(f, "handle {}", self.handle),
        }
    }
}

/// All rules of the namespace of the calling thread, those of a chain in their order; but for those
/// of our [`trace`](super::trace). None on a kernel without nf_tables.
///
/// Their texts are what the `nft` program writes. Where it is not there, or does not list them, they
/// are the same as far as that can be said without it: of what people use most.
///
/// # Errors
///
/// The namespace's tables are for those who have `CAP_NET_ADMIN` there.
pub fn rules() -> Result<Vec<Rule>, Error> {
    let found = found()?;
    if found.rules.is_empty() {
        return Ok(Vec::new());
    }
    let texts = load::listed(None, "-sa").map(|text| listing::rules(&text)).unwrap_or_default();
    let mut rules = Vec::new();
    // The handle of the last rule of each chain.
    let mut last = HashMap::new();
    for own in &found.rules {
        let attributes = own.attributes();
        let Some(handle) = attributes.get_long(rule::HANDLE) else { continue };
        let (family, table, chain) =
            (Family::of(own.family()), name(own, rule::TABLE), name(own, rule::CHAIN));
        let before = last.insert((family, table.clone(), chain.clone()), handle);
        rules.push(Rule {
            comment: comment(own),
            text: None,
            itself: own.clone(),
            before,
            within: Within::of(own, &found),
            family,
            table,
            chain,
            handle,
        });
    }
    give_texts(&mut rules, texts);
    for rule in rules.iter_mut().filter(|rule| rule.text.is_none()) {
        rule.text = rule.said();
    }
    Ok(rules)
}

/// Takes a rule out of the namespace of the calling thread.
///
/// # Errors
///
/// What the kernel refused: `ENOENT` where there is no such rule.
pub fn delete_rule(family: Family, table: &str, chain: &str, handle: u64) -> Result<(), Error> {
    let attributes = Attributes::default()
        .text(rule::TABLE, table)
        .text(rule::CHAIN, chain)
        .bytes(rule::HANDLE, &handle.to_be_bytes());
    let message = Message::new(uapi::message::DEL_RULE, family.number(), attributes);
    send(vec![("removing a rule of nftables", 0, message)])
}

/// Sets the policy of a base chain in the namespace of the calling thread.
///
/// # Errors
///
/// What the kernel refused: `ENOENT` where there is no such chain, `EOPNOTSUPP` where it is no base
/// chain.
pub fn set_policy(family: Family, table: &str, chain: &str, policy: Policy) -> Result<(), Error> {
    let attributes = Attributes::default()
        .text(chain::TABLE, table)
        .text(chain::NAME, chain)
        .number(chain::POLICY, policy.number());
    let message = Message::new(uapi::message::NEW_CHAIN, family.number(), attributes);
    send(vec![("setting a policy of nftables", 0, message)])
}

/// Puts a rule that has been taken out back in its place: behind the rule that it was behind. Says
/// its new handle.
///
/// # Errors
///
/// What the kernel refused: `ENOENT` where the rule that it was behind is not there any more, either.
pub fn restore_rule(own: &Rule) -> Result<u64, Error> {
    let Within { sets, chains, rules } = &own.within;
    let mut requests: Vec<Request> = chains.iter().map(raw::chain).collect();
    requests.extend(sets.iter().zip(1..).map(|((own, _), number)| raw::set(own, number)));
    requests.extend(sets.iter().flat_map(|(own, listed)| raw::elements(own, listed)));
    requests.extend(rules.iter().map(raw::rule));
    requests.push(raw::rule_behind(&own.itself, own.before));
    send(requests)?;
    let mut before = None;
    for other in &found()?.rules {
        let handle = other.attributes().get_long(rule::HANDLE);
        let is_there = Family::of(other.family()) == own.family
            && name(other, rule::TABLE) == own.table
            && name(other, rule::CHAIN) == own.chain;
        if is_there && before == own.before {
            return handle.ok_or_else(|| Error::Answer("a rule without a handle".to_owned()));
        }
        before = if is_there { handle } else { before };
    }
    Err(Error::Answer("a rule that was put back is not there".to_owned()))
}

fn send(requests: Vec<Request>) -> Result<(), Error> {
    let (begin, end) = (Message::begin(), Message::end());
    let what = "changing nftables";
    let all = requests.iter().map(|(what, flags, message)| (*what, *flags, message));
    let batch = [(what, 0, &begin)].into_iter().chain(all).chain([(what, 0, &end)]);
    Socket::open(NETLINK_NETFILTER)?.transaction(batch)
}

impl Within {
    fn of(own: &Message, found: &Found) -> Self {
        let table = |other: &Message, at| {
            other.family() == own.family() && name(other, at) == name(own, rule::TABLE)
        };
        let all: Vec<&Message> = found.rules.iter().filter(|own| table(own, rule::TABLE)).collect();
        let bound = found.chains.iter().filter(|own| table(own, chain::TABLE));
        let bound = bound.filter(|own| normal::is_bound(own));
        let bound: BTreeSet<String> = bound.map(|own| name(own, chain::NAME)).collect();
        // The chains that it leads to, and those that these lead to.
        let mut inner = BTreeSet::new();
        let mut rules: Vec<&Message> = vec![own];
        let mut next = 0;
        while let Some(own) = rules.get(next) {
            for to in normal::chains_of(own) {
                if bound.contains(&to) && inner.insert(to.clone()) {
                    rules.extend(all.iter().filter(|own| name(own, rule::CHAIN) == to));
                }
            }
            next += 1;
        }
        let sets: BTreeSet<String> = rules.iter().flat_map(|own| sets_of(own)).collect();
        let sets = found.sets.iter().filter(|(own, _)| {
            table(own, set::TABLE)
                && normal::is_anonymous(own)
                && sets.contains(&name(own, set::NAME))
        });
        let chains = found
            .chains
            .iter()
            .filter(|own| table(own, chain::TABLE) && inner.contains(&name(own, chain::NAME)));
        let order = innermost_first(&inner, &all);
        let in_order = order
            .iter()
            .flat_map(|chain| all.iter().filter(move |own| name(own, rule::CHAIN) == *chain));
        Self {
            sets: sets.cloned().collect(),
            chains: chains.cloned().collect(),
            rules: in_order.map(|own| (*own).clone()).collect(),
        }
    }
}

/// The names and values of a rule's expressions.
pub(super) fn expressions(own: &Message) -> impl Iterator<Item = (String, Attributes)> {
    let list = own.attributes().get(rule::EXPRESSIONS).unwrap_or_default();
    attributes(list).filter_map(|(_, Value(own))| {
        let own = Attributes::from_bytes(own);
        let data = own.get_list(rule::EXPRESSION_DATA).unwrap_or_default();
        Some((own.get_text(rule::EXPRESSION_NAME)?, data))
    })
}

/// The names of the sets that a rule's expressions name.
fn sets_of(own: &Message) -> Vec<String> {
    let set = |(kind, data): (String, Attributes)| match kind.as_str() {
        "lookup" => data.get_text(expression::LOOKUP_SET),
        "dynset" => data.get_text(expression::DYNSET_SET),
        "objref" => data.get_text(expression::OBJREF_SET),
        _ => None,
    };
    expressions(own).filter_map(set).collect()
}

/// What `nft` has written as comment into the user data, or `iptables-nft` as a match of its own
/// (`struct xt_comment_info`, `linux/netfilter/xt_comment.h`).
pub(super) fn comment(own: &Message) -> Option<String> {
    let mut rest = own.attributes().get(rule::USERDATA).unwrap_or_default();
    while let [kind, length, others @ ..] = rest {
        let (value, others) = others.split_at_checked(usize::from(*length))?;
        if *kind == rule::COMMENT {
            return Some(Value(value).text());
        }
        rest = others;
    }
    let is_comment = |(kind, data): &(String, Attributes)| {
        kind == "match" && data.get_text(expression::MATCH_NAME).as_deref() == Some("comment")
    };
    let (_, data) = expressions(own).find(is_comment)?;
    data.get_text(expression::MATCH_INFO)
}

/// Gives each rule what `nft` writes of it: by its handle, or, within another, by its place.
fn give_texts(rules: &mut [Rule], mut texts: listing::Rules) {
    type Chain = (Family, String, String);
    let mut inner: HashMap<Chain, std::vec::IntoIter<listing::Said>> = HashMap::new();
    // A rule is listed before those that are written within it, or after them.
    for _ in 0..2 {
        for rule in rules.iter_mut().filter(|rule| rule.text.is_none()) {
            let chain = (rule.family, rule.table.clone(), rule.chain.clone());
            let said = texts
                .remove(&(rule.family.to_string(), rule.table.clone(), rule.handle))
                .or_else(|| inner.get_mut(&chain)?.next());
            let Some(said) = said else { continue };
            rule.text = Some(said.text);
            let is_within =
                |to: &String| rule.within.chains.iter().any(|own| name(own, chain::NAME) == *to);
            if let Some(to) = normal::chains_of(&rule.itself).into_iter().find(is_within) {
                inner.insert((rule.family, rule.table.clone(), to), said.inner.into_iter());
            }
        }
    }
}
