//! A rule in the words of `nft(8)`, where that program is not there to write them: as it would, or
//! not at all. What it has words for is far more; here is what people use most, and all that our own
//! short words become.
//!
//! The kernel has a rule as expressions: something of the packet goes into a register, and what
//! follows looks at the register. `nft` puts in what it takes for granted (`ip saddr` holds for IPv4
//! alone) and leaves it out again when it writes.

mod field;
mod statement;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use super::chain::Family;
use super::message::{Attributes, Message};
use super::normal;
use super::rules::{comment, expressions};
use super::ruleset::name;
use super::uapi::{
    bitwise, cmp, ct, data, element, expression, family, immediate, meta, payload, register, set,
};
use crate::attributes::{Value, attributes};
use field::{Field, Known, Part};

/// A rule with its comment. `sets` are those that are written within it.
pub fn rule(own: &Message, sets: &[(Message, Vec<Message>)]) -> Option<String> {
    let family = Family::of(own.family());
    let network = match family {
        Family::Ip => Some(family::IPV4),
        Family::Ip6 => Some(family::IPV6),
        Family::Inet => None,
        // There `nft` has words of its own.
        _ => return None,
    };
    let known = Known { network, transport: None };
    let mut rule = Rule { family, sets, known, held: HashMap::new(), phrases: Vec::new() };
    for (kind, data) in expressions(own) {
        rule.expression(&kind, &data)?;
    }
    let mut words: Vec<String> = rule.phrases.into_iter().map(|phrase| phrase.text).collect();
    words.extend(comment(own).map(|comment| format!("comment \"{comment}\"")));
    Some(words.join(" "))
}

/// What a register has.
#[derive(Debug, Clone)]
enum Held {
    /// Something of the packet, and the bits of it that count if not all do.
    Field(Field, Option<Vec<u8>>),
    /// These bytes.
    Bytes(Vec<u8>),
}

/// Some words of a rule.
struct Phrase {
    text: String,
    /// What it says of the protocols, so that another may take it for granted.
    says: Option<Says>,
    /// Where a range begins that the next may end.
    from: Option<(Field, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Network,
    Transport,
}

struct Rule<'a> {
    family: Family,
    sets: &'a [(Message, Vec<Message>)],
    known: Known,
    held: HashMap<u32, Held>,
    phrases: Vec<Phrase>,
}

impl Rule<'_> {
    fn expression(&mut self, kind: &str, own: &Attributes) -> Option<()> {
        match kind {
            "meta" => {
                let field = Field::meta(own.get_number(meta::KEY)?)?;
                self.hold(own.get_number(meta::DREG)?, field)
            }
            "ct" if own.get_number(ct::KEY)? == ct::STATE => {
                self.hold(own.get_number(ct::DREG)?, Field::CtState)
            }
            "payload" => {
                let (base, offset) =
                    (own.get_number(payload::BASE)?, own.get_number(payload::OFFSET)?);
                let length = own.get_number(payload::LEN)?;
                let field = Field::payload(base, offset, length, self.known)?;
                self.hold(own.get_number(payload::DREG)?, field)
            }
            "bitwise" => self.mask(own),
            "cmp" => self.compare(own),
            "range" => self.range(own),
            "lookup" => self.lookup(own),
            "immediate" if own.get_number(immediate::DREG)? != register::VERDICT => {
                let value = own.get_list(immediate::DATA)?.get(data::VALUE)?.to_vec();
                self.held.insert(own.get_number(immediate::DREG)?, Held::Bytes(value));
                Some(())
            }
            _ => self.statement(kind, own),
        }
    }

    fn hold(&mut self, register: u32, field: Field) -> Option<()> {
        // A part of a register: several fields are looked at together.
        if register > register::LAST {
            return None;
        }
        self.held.insert(register, Held::Field(field, None));
        Some(())
    }

    fn field(&self, register: u32) -> Option<(Field, Option<Vec<u8>>)> {
        match self.held.get(&register)? {
            Held::Field(field, mask) => Some((*field, mask.clone())),
            Held::Bytes(_) => None,
        }
    }

    fn bytes(&self, register: u32) -> Option<&[u8]> {
        match self.held.get(&register)? {
            Held::Bytes(bytes) => Some(bytes),
            Held::Field(..) => None,
        }
    }

    fn mask(&mut self, own: &Attributes) -> Option<()> {
        let register = own.get_number(bitwise::SREG)?;
        let (Some((field, None)), true) =
            (self.field(register), own.get_number(bitwise::DREG)? == register)
        else {
            return None;
        };
        let bytes = |kind| own.get_list(kind)?.get(data::VALUE).map(<[u8]>::to_vec);
        if bytes(bitwise::XOR)?.iter().any(|byte| *byte != 0) {
            return None;
        }
        self.held.insert(register, Held::Field(field, bytes(bitwise::MASK)));
        Some(())
    }

    fn compare(&mut self, own: &Attributes) -> Option<()> {
        let (field, mask) = self.field(own.get_number(cmp::SREG)?)?;
        let (operation, value) =
            (own.get_number(cmp::OP)?, own.get_list(cmp::DATA)?.get(data::VALUE)?.to_vec());
        if let Some(mask) = mask {
            // `ct state established,related`: one of the bits is there.
            if field == Field::CtState {
                let is_some = operation == cmp::NEQ && value.iter().all(|byte| *byte == 0);
                let bits = u32::from_ne_bytes(mask.try_into().ok()?);
                let text = is_some.then(|| field::states(bits))??;
                return self.say(field, &text);
            }
            let text = field.masked(&mask, &value)?;
            return match operation {
                cmp::EQ => self.say(field, &text),
                cmp::NEQ => self.say(field, &format!("!= {text}")),
                _ => None,
            };
        }
        // A state is compared as a whole in other words.
        if field == Field::CtState {
            return None;
        }
        if let (Field::Ports { header }, cmp::EQ) = (field, operation) {
            let (source, destination) = value.split_at_checked(2)?;
            for (source, value) in [(true, source), (false, destination)] {
                let port = Field::Port { header, source };
                self.say(port, &port.value(value)?)?;
            }
            return Some(());
        }
        let text = field.value(&value)?;
        let begun = self.phrases.last().and_then(|last| last.from.clone());
        match (operation, begun) {
            (cmp::EQ, _) => {
                self.learn(field, &value);
                self.say(field, &text)
            }
            (cmp::NEQ, _) => self.say(field, &format!("!= {text}")),
            (cmp::LT, _) => self.say(field, &format!("< {text}")),
            (cmp::GT, _) => self.say(field, &format!("> {text}")),
            (cmp::GTE, _) => {
                self.say(field, &format!(">= {text}"))?;
                self.phrases.last_mut()?.from = Some((field, text));
                Some(())
            }
            (cmp::LTE, Some((other, from))) if other == field => {
                self.phrases.pop();
                self.say(field, &format!("{from}-{text}"))
            }
            (cmp::LTE, _) => self.say(field, &format!("<= {text}")),
            _ => None,
        }
    }

    fn range(&mut self, own: &Attributes) -> Option<()> {
        let (field, mask) = self.field(own.get_number(expression::RANGE_SREG)?)?;
        let value = |kind| field.value(own.get_list(kind)?.get(data::VALUE)?);
        let (from, to) = (value(expression::RANGE_FROM)?, value(expression::RANGE_TO)?);
        let not = if own.get_number(expression::RANGE_OP)? == 0 { "" } else { "!= " };
        mask.is_none().then(|| self.say(field, &format!("{not}{from}-{to}")))?
    }

    fn lookup(&mut self, own: &Attributes) -> Option<()> {
        let (field, mask) = self.field(own.get_number(expression::LOOKUP_SREG)?)?;
        let set_name = own.get_text(expression::LOOKUP_SET)?;
        let within = self.sets.iter().find(|(own, _)| name(own, set::NAME) == set_name);
        let text = match within {
            Some((own, listed)) => elements(field, own, listed)?,
            None => format!("@{set_name}"),
        };
        let flags = own.get_number(expression::LOOKUP_FLAGS).unwrap_or_default();
        let not = if flags & expression::LOOKUP_INVERTED == 0 { "" } else { "!= " };
        if mask.is_some() || matches!(field, Field::Ports { .. }) {
            return None;
        }
        match own.get_number(expression::LOOKUP_DREG) {
            None => self.say(field, &format!("{not}{text}")),
            Some(register::VERDICT) => self.say(field, &format!("vmap {text}")),
            Some(_) => None,
        }
    }

    /// Remembers which protocols it can be from here on.
    fn learn(&mut self, field: Field, value: &[u8]) {
        match (field, value) {
            (Field::Nfproto, [network]) => self.known.network = Some(*network),
            (Field::L4proto | Field::Network { part: Part::Protocol, .. }, [transport]) => {
                self.known.transport = Some(*transport);
            }
            _ => {}
        }
    }

    /// Says something of a field; what it takes for granted has not to be said any more.
    fn say(&mut self, field: Field, text: &str) -> Option<()> {
        match field {
            Field::Network { .. } => self.forget(Says::Network),
            Field::IcmpType { .. } => {
                self.forget(Says::Transport);
                self.forget(Says::Network);
            }
            Field::Port { header: "tcp" | "udp", .. } => self.forget(Says::Transport),
            _ => {}
        }
        let says = match field {
            Field::Nfproto => Some(Says::Network),
            Field::L4proto => Some(Says::Transport),
            // In a table of both families it says `ip` besides.
            Field::Network { part: Part::Protocol, .. } if self.family != Family::Inet => {
                Some(Says::Transport)
            }
            _ => None,
        };
        // What is said of several protocols, or of all but one, is no protocol that is known.
        let says =
            says.filter(|_| !text.starts_with(['!', '{', '@', 'v']) || field == Field::Nfproto);
        let text = format!("{} {text}", field.name());
        self.phrases.push(Phrase { text, says, from: None });
        Some(())
    }

    fn forget(&mut self, what: Says) {
        self.phrases.retain(|phrase| phrase.says != Some(what));
    }

    fn word(&mut self, text: String) -> Option<()> {
        self.phrases.push(Phrase { text, says: None, from: None });
        Some(())
    }
}

/// The elements of a set that is written within a rule, in the order of their values.
fn elements(field: Field, own: &Message, listed: &[Message]) -> Option<String> {
    let flags = own.attributes().get_number(set::FLAGS).unwrap_or_default();
    if flags & set::INTERVAL != 0 || !normal::is_anonymous(own) {
        return None;
    }
    let mut all = Vec::new();
    for answer in listed {
        let list = answer.attributes().get(set::ELEMENTS).unwrap_or_default();
        for (_, Value(own)) in attributes(list) {
            let own = Attributes::from_bytes(own);
            let key = own.get_list(element::KEY)?.get(data::VALUE)?.to_vec();
            let mut text = field.value(&key)?;
            if let Some(data) = own.get_list(element::DATA) {
                let verdict = statement::verdict(&data.get_list(data::VERDICT)?)?;
                text = format!("{text} : {verdict}");
            }
            all.push((key, text));
        }
    }
    // Numbers of this machine's byte order are in another.
    if matches!(field, Field::CtState | Field::Mark) && cfg!(target_endian = "little") {
        all.iter_mut().for_each(|(key, _)| key.reverse());
    }
    all.sort();
    let texts: Vec<String> = all.into_iter().map(|(_, text)| text).collect();
    Some(format!("{{ {} }}", texts.join(", ")))
}
