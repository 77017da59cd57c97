//! All that is in a namespace's nftables, as a value that can be compared with another's.
//!
//! What a firewall's text means is what the kernel makes of it. So two texts are the same firewall
//! when this value is the same after each has been loaded into a namespace of its own.
//!
//! ```text
//!  tables, chains, sets, elements, objects, flowtables, rules     one dump each, as bytes
//!     │  less what only this one has (handles, use counts) or only now (counters, timeouts)
//!     │  with anonymous sets and chains, whose names are numbers, in the place of their names
//!     ▼
//!  Ruleset: by family and name; rules in their order
//! ```

use std::collections::{BTreeMap, BTreeSet};

use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::message::{Attributes, Message};
use super::normal::{self, Anonymous};
use super::trace;
use super::uapi::{chain, family, flowtable, generation, message, object, rule, set, table};
use crate::Error;
use crate::netlink::Socket;

/// How often the ruleset is read again because it changed meanwhile.
const TRIES: usize = 16;

/// All tables of a namespace, with all that is in them, but without what tells nothing about what
/// happens to a packet: handles, what counters have counted, what has been used up of quotas and
/// timeouts, and elements that packets have added to sets or that time takes away.
///
/// Rules count in their order, everything else by its name.
///
/// An interface that a rule names by index (`iif`, as opposed to `iifname`) counts as that index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ruleset {
    tables: BTreeMap<(u8, String), Table>,
}

impl Ruleset {
    /// Whether there is no table.
    pub fn is_empty(&self) -> bool {
        self.tables.is_empty()
    }

    /// It without the table of this name of the family `inet`.
    #[must_use]
    pub fn without_inet(mut self, name: &str) -> Self {
        self.tables.remove(&(family::INET, name.to_owned()));
        self
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Table {
    own: Vec<u8>,
    chains: BTreeMap<String, Chain>,
    sets: BTreeMap<String, Set>,
    objects: BTreeMap<(Vec<u8>, String), Vec<u8>>,
    flowtables: BTreeMap<String, Vec<u8>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Chain {
    own: Vec<u8>,
    rules: Vec<Vec<u8>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Set {
    own: Vec<u8>,
    elements: BTreeSet<Vec<u8>>,
}

/// What is in the nftables of the namespace of the calling thread. Nothing on a kernel without
/// nf_tables. The tables of our [`trace`](super::trace) don't count.
///
/// # Errors
///
/// The namespace's tables are for those who have `CAP_NET_ADMIN` there.
pub fn ruleset() -> Result<Ruleset, Error> {
    Ok(found()?.normal())
}

/// What the kernel lists, all of one state.
pub(super) fn found() -> Result<Found, Error> {
    let Some(mut socket) = super::socket()? else { return Ok(Found::default()) };
    for _ in 0..TRIES {
        // nfnetlink_rcv_msg for a subsystem that is not there.
        let before = match generation(&mut socket) {
            Err(error) if error.errno() == Some(Errno::INVAL) => return Ok(Found::default()),
            before => before?,
        };
        let found = match Found::read(&mut socket) {
            // A set that has gone since sets were listed.
            Err(error) if error.errno() == Some(Errno::NOENT) => continue,
            found => found?,
        };
        if generation(&mut socket)? == before {
            return Ok(found);
        }
    }
    Err(Error::Answer("the nftables change faster than they can be read".to_owned()))
}

/// The number of the ruleset's state: each change makes another (`NFT_MSG_GETGEN`).
fn generation(socket: &mut Socket) -> Result<Option<Vec<u8>>, Error> {
    let ask = Message::new(message::GET_GENERATION, family::UNSPEC, Attributes::default());
    let answer = socket.get("asking for the state of nftables", &ask)?;
    Ok(answer
        .and_then(|answer: Message| answer.attributes().get(generation::ID).map(<[u8]>::to_vec)))
}

/// What the kernel lists, as it does.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Found {
    pub tables: Vec<Message>,
    pub chains: Vec<Message>,
    pub rules: Vec<Message>,
    /// Each with its elements.
    pub sets: Vec<(Message, Vec<Message>)>,
    pub objects: Vec<Message>,
    pub flowtables: Vec<Message>,
}

impl Found {
    fn read(socket: &mut Socket) -> Result<Self, Error> {
        let mut all = |request, kind| {
            let ask = Message::new(kind, family::UNSPEC, Attributes::default());
            socket.dump(request, &ask)
        };
        let mut tables = all("listing the tables of nftables", message::GET_TABLE)?;
        tables.retain(|own| !trace::is_ours(&name(own, table::NAME)));
        if tables.is_empty() {
            return Ok(Self::default());
        }
        let chains = all("listing the chains of nftables", message::GET_CHAIN)?;
        let rules = all("listing the rules of nftables", message::GET_RULE)?;
        let objects = all("listing the objects of nftables", message::GET_OBJECT)?;
        let flowtables = match all("listing the flowtables of nftables", message::GET_FLOWTABLE) {
            // A kernel without them.
            Err(error) if error.errno() == Some(Errno::OPNOTSUPP) => Vec::new(),
            found => found?,
        };
        let sets = all("listing the sets of nftables", message::GET_SET)?;
        let with_elements = sets.into_iter().map(|own| {
            let elements = elements_of(socket, &own)?;
            Ok((own, elements))
        });
        let sets = with_elements.collect::<Result<_, Error>>()?;
        let mut found = Self { tables, chains, rules, sets, objects, flowtables };
        found.chains.retain(|own| !trace::is_ours(&name(own, chain::TABLE)));
        found.rules.retain(|own| !trace::is_ours(&name(own, rule::TABLE)));
        Ok(found)
    }

    fn normal(self) -> Ruleset {
        let mut tables = BTreeMap::new();
        for own in &self.tables {
            let family = own.family();
            let Some(name) = own.attributes().get_text(table::NAME) else { continue };
            let table = self.table(own, |other, at| {
                other.family() == family
                    && other.attributes().get_text(at).as_deref() == Some(name.as_str())
            });
            tables.insert((family, name), table);
        }
        Ruleset { tables }
    }

    /// A table, with those of the others that are in it: `is_in` takes such a message and the
    /// attribute that has the table's name.
    fn table(&self, own: &Message, is_in: impl Fn(&Message, u16) -> bool) -> Table {
        let mut anonymous = Anonymous::default();
        let mut table = Table { own: normal::table(own), ..Table::default() };
        for (own, elements) in self.sets.iter().filter(|(own, _)| is_in(own, set::TABLE)) {
            let name = name(own, set::NAME);
            let elements = if normal::is_dynamic(own) { &[][..] } else { elements };
            let elements = elements.iter().flat_map(normal::elements).collect();
            let set = Set { own: normal::set(own), elements };
            if normal::is_anonymous(own) {
                let content = set.elements.iter().flat_map(|element| normal::framed(element));
                let content = normal::framed(&set.own).into_iter().chain(content).collect();
                anonymous.sets.insert(name, content);
            } else {
                table.sets.insert(name, set);
            }
        }
        let mut bound = BTreeSet::new();
        for own in self.chains.iter().filter(|own| is_in(own, chain::TABLE)) {
            let name = name(own, chain::NAME);
            if normal::is_bound(own) {
                bound.insert(name.clone());
            }
            let chain = Chain { own: normal::chain(own), rules: Vec::new() };
            table.chains.insert(name, chain);
        }
        // A bound chain is made before the rule that goes there: it is listed first, too, and so
        // are those that are bound to its own rules.
        let rules: Vec<&Message> =
            self.rules.iter().filter(|own| is_in(own, rule::TABLE)).collect();
        let of = |wanted: &str| {
            let wanted = wanted.to_owned();
            rules.iter().filter(move |own| name(own, rule::CHAIN) == wanted)
        };
        for name in innermost_first(&bound, &rules) {
            let rules: Vec<Vec<u8>> = of(&name).map(|own| normal::rule(own, &anonymous)).collect();
            table.chains.remove(&name);
            anonymous
                .chains
                .insert(name, rules.iter().flat_map(|rule| normal::framed(rule)).collect());
        }
        for own in &rules {
            if let Some(chain) = table.chains.get_mut(&name(own, rule::CHAIN)) {
                chain.rules.push(normal::rule(own, &anonymous));
            }
        }
        for own in self.objects.iter().filter(|own| is_in(own, object::TABLE)) {
            let kind = own.attributes().get(object::TYPE).unwrap_or_default().to_vec();
            table.objects.insert((kind, name(own, object::NAME)), normal::object(own));
        }
        for own in self.flowtables.iter().filter(|own| is_in(own, flowtable::TABLE)) {
            table.flowtables.insert(name(own, flowtable::NAME), normal::flowtable(own));
        }
        table
    }
}

/// The bound chains, each after those that its own rules go to.
pub(super) fn innermost_first(bound: &BTreeSet<String>, rules: &[&Message]) -> Vec<String> {
    let mut ordered: Vec<String> = Vec::new();
    while ordered.len() < bound.len() {
        let open = |name: &&String| !ordered.contains(name);
        let is_ready = |name: &&String| {
            let own = rules.iter().filter(|own| self::name(own, rule::CHAIN) == **name);
            own.flat_map(|own| normal::chains_of(own))
                .all(|to| !bound.contains(&to) || ordered.contains(&to))
        };
        // The kernel lets no chain lead back to itself.
        let next = bound.iter().filter(open).find(is_ready).or_else(|| bound.iter().find(open));
        ordered.extend(next.cloned());
    }
    ordered
}

pub(super) fn name(own: &Message, at: u16) -> String {
    own.attributes().get_text(at).unwrap_or_default()
}

fn elements_of(socket: &mut Socket, own: &Message) -> Result<Vec<Message>, Error> {
    let attributes = Attributes::default()
        .text(set::ELEMENTS_TABLE, &name(own, set::TABLE))
        .text(set::ELEMENTS_SET, &name(own, set::NAME));
    let ask = Message::new(message::GET_ELEMENT, own.family(), attributes);
    socket.dump("listing the elements of a set of nftables", &ask)
}
