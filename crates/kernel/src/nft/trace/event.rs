//! What the kernel tells of a packet that is traced (`NFT_MSG_TRACE`).

use std::collections::HashMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::nft::chain::{BaseChain, Family, Hook};
use crate::nft::message::Message;
use crate::nft::uapi::{data, trace, verdict};

/// What a rule, the end of a chain, or a policy has made of a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceEvent {
    /// The same for all events of one packet on its way through a node. The kernel makes it of where
    /// the packet lies in memory: it returns.
    pub id: u32,
    /// The family of the table.
    pub family: Family,
    /// The table.
    pub table: String,
    /// The chain.
    pub chain: String,
    /// The handle of the rule, where it was one.
    pub rule_handle: Option<u64>,
    /// Whether it was a rule.
    pub kind: Kind,
    /// What it has decided.
    pub verdict: Verdict,
    /// Where in the packet's way.
    pub hook: Option<Hook>,
    /// Whether the kernel asks for the way again when a chain like this has changed the packet's
    /// mark (type `route`).
    pub reroutes: bool,
    /// The device that it has come in by.
    pub iif: Option<String>,
    /// The device that it goes out by.
    pub oif: Option<String>,
    /// Its mark when that was decided (`meta mark`); 0 where it has none.
    pub mark: u32,
    /// The packet, as far as the kernel shows it: as it was when it came to the base chain.
    pub headers: Headers,
}

/// Who has decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// A rule.
    Rule,
    /// The end of a chain that it had jumped to.
    Return,
    /// The policy of a base chain.
    Policy,
}

/// A decision (`nft(8)`, "VERDICT STATEMENTS").
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Verdict {
    /// The packet goes on, to what else is at this hook.
    Accept,
    /// It is discarded. A rule that rejects says so, too.
    Drop,
    /// It goes on with the next rule.
    Continue,
    /// This rule is done with it. The next one is asked.
    Break,
    /// It goes to this chain, and comes back.
    Jump(String),
    /// It goes to this chain.
    Goto(String),
    /// It goes back to where it has jumped from, or to the policy.
    Return,
    /// It goes to a program, by the queue of this number.
    Queue(u16),
    /// Somebody else has it now.
    Stolen,
    /// It goes through the hook once more.
    Repeat,
    /// One that is not known here, with its number.
    Other(i32),
}

impl Verdict {
    fn of(code: u32, chain: Option<String>) -> Self {
        let chain = chain.unwrap_or_default();
        match code.cast_signed() {
            verdict::CONTINUE => return Self::Continue,
            verdict::BREAK => return Self::Break,
            verdict::JUMP => return Self::Jump(chain),
            verdict::GOTO => return Self::Goto(chain),
            verdict::RETURN => return Self::Return,
            _ => {}
        }
        match code & verdict::MASK {
            verdict::DROP => Self::Drop,
            verdict::ACCEPT => Self::Accept,
            verdict::STOLEN => Self::Stolen,
            verdict::QUEUE => Self::Queue((code >> 16) as u16),
            verdict::REPEAT => Self::Repeat,
            _ => Self::Other(code.cast_signed()),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accept => f.write_str("accept"),
            Self::Drop => f.write_str("drop"),
            Self::Continue => f.write_str("continue"),
            Self::Break => f.write_str("break"),
            Self::Jump(chain) => write!(f, "jump {chain}"),
            Self::Goto(chain) => write!(f, "goto {chain}"),
            Self::Return => f.write_str("return"),
            Self::Queue(number) => write!(f, "queue to {number}"),
            Self::Stolen => f.write_str("stolen"),
            Self::Repeat => f.write_str("repeat"),
            Self::Other(code) => write!(f, "verdict {code}"),
        }
    }
}

/// The beginning of a packet's headers. The kernel shows at most 20 bytes of the link's, 40 of the
/// network's and 20 of the transport's (`NFT_TRACETYPE_…_HSIZE`, `net/netfilter/nf_tables_trace.c`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Headers {
    /// Of the link; none for a packet that has not gone out yet.
    pub link: Vec<u8>,
    /// Of the network: IP, or ARP.
    pub network: Vec<u8>,
    /// Of the transport, with the data behind it.
    pub transport: Vec<u8>,
}

/// A packet in a base chain: what is said once, at the first event there.
#[derive(Debug, Clone, Default)]
struct Visit {
    hook: Option<Hook>,
    reroutes: bool,
    iif: Option<String>,
    oif: Option<String>,
    headers: Headers,
}

/// Makes events of messages: what the kernel says once for a packet in a base chain each of its
/// events has.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// By the packet's id.
    visits: HashMap<u32, Visit>,
}

impl Reader {
    /// The event of a message. `chains` are the base chains, `device` the name of one by its index.
    pub(super) fn event(
        &mut self,
        message: &Message,
        chains: &[BaseChain],
        mut device: impl FnMut(u32) -> Option<String>,
    ) -> Option<TraceEvent> {
        let own = message.attributes();
        let family = Family::of(message.family());
        let (id, table) = (own.get_number(trace::ID)?, own.get_text(trace::TABLE)?);
        let chain = own.get_text(trace::CHAIN)?;
        // With the first event in a base chain come the headers, or at least one of them.
        let bytes = |kind| own.get(kind).unwrap_or_default().to_vec();
        let headers = Headers {
            link: bytes(trace::LINK_HEADER),
            network: bytes(trace::NETWORK_HEADER),
            transport: bytes(trace::TRANSPORT_HEADER),
        };
        let base = chains
            .iter()
            .find(|base| base.family == family && base.table == table && base.name == chain);
        if headers != Headers::default() {
            let mut named = |kind| device(own.get_number(kind)?);
            let (iif, oif) = (named(trace::IIF), named(trace::OIF));
            let hook = base.map(|base| base.hook);
            let reroutes = base.is_some_and(|base| base.kind == "route");
            self.visits.insert(id, Visit { hook, reroutes, iif, oif, headers });
        }
        let visit = self.visits.get(&id).cloned().unwrap_or_default();
        let Visit { hook, reroutes, iif, oif, headers } = visit;
        let (kind, verdict) = match own.get_number(trace::TYPE)? {
            trace::TYPE_POLICY => (Kind::Policy, Verdict::of(own.get_number(trace::POLICY)?, None)),
            kind => {
                let verdict = own.get_list(trace::VERDICT)?;
                let chain = verdict.get_text(data::VERDICT_CHAIN);
                let verdict = Verdict::of(verdict.get_number(data::VERDICT_CODE)?, chain);
                match kind {
                    trace::TYPE_RULE => (Kind::Rule, verdict),
                    trace::TYPE_RETURN => (Kind::Return, verdict),
                    _ => return None,
                }
            }
        };
        let rule_handle = own.get_long(trace::RULE_HANDLE).filter(|_| kind == Kind::Rule);
        // The end of a chain: as Linux 5 told it a return, Linux 6.18 tells it a rule without a handle.
        let at_end = rule_handle.is_none() && verdict == Verdict::Continue;
        let kind = if at_end { Kind::Return } else { kind };
        // At the end of a base chain its policy is told, too.
        if at_end && base.is_some() {
            return None;
        }
        Some(TraceEvent {
            id,
            family,
            table,
            chain,
            rule_handle,
            kind,
            verdict,
            hook,
            reroutes,
            iif,
            oif,
            mark: own.get_number(trace::MARK).unwrap_or(0),
            headers,
        })
    }
}
