//! The expressions of a rule: what nf_tables runs, one after the other, for each packet.
//!
//! An expression loads something into a register, changes it there, or looks at it; the first
//! that does not hold ends the rule. Matches use the first register alone, as `nft` does.

use super::message::Attributes;
use super::uapi::{bitwise, cmp, ct, data, immediate, meta, nat, payload, register, reject, rule};

/// One expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    /// Loads what is known of the packet besides its bytes: one of `NFT_META_…`.
    Meta(u32),
    /// Sets what is known of the packet besides its bytes from the first register.
    SetMeta(u32),
    /// Loads the state of the packet's connection.
    ConnectionState,
    /// Loads bytes of the packet.
    Payload {
        /// The header from whose beginning it counts: one of `NFT_PAYLOAD_…_HEADER`.
        base: u32,
        /// Where the bytes begin.
        offset: u32,
        /// How many there are.
        length: u32,
    },
    /// Keeps of the register the bits that are set here.
    Mask(Vec<u8>),
    /// Holds when the register begins with these bytes.
    Equal(Vec<u8>),
    /// Holds when it does not.
    NotEqual(Vec<u8>),
    /// Loads these bytes into a register.
    Load(u32, Vec<u8>),
    /// Decides: one of `NF_ACCEPT`, `NF_DROP`.
    Verdict(u32),
    /// Discards the packet and tells its sender, with this type and code.
    Reject(u32, u8),
    /// Gives the packet the address of the interface that it leaves by as source.
    Masquerade,
    /// Gives the packet another destination: the address in the first register, the port in the
    /// second. The family is `NFPROTO_IPV4` or `NFPROTO_IPV6`.
    DestinationNat(u8),
}

impl Expression {
    /// The kernel's name for its kind.
    fn name(&self) -> &'static str {
        match self {
            Self::Meta(_) | Self::SetMeta(_) => "meta",
            Self::ConnectionState => "ct",
            Self::Payload { .. } => "payload",
            Self::Mask(_) => "bitwise",
            Self::Equal(_) | Self::NotEqual(_) => "cmp",
            Self::Load(..) | Self::Verdict(_) => "immediate",
            Self::Reject(..) => "reject",
            Self::Masquerade => "masq",
            Self::DestinationNat(_) => "nat",
        }
    }

    /// The attributes of its kind, in the order in which `nft` sends them.
    fn attributes(&self) -> Attributes {
        let none = Attributes::default();
        match self {
            Self::Meta(key) => none.number(meta::KEY, *key).number(meta::DREG, register::FIRST),
            Self::SetMeta(key) => none.number(meta::KEY, *key).number(meta::SREG, register::FIRST),
            Self::ConnectionState => {
                none.number(ct::KEY, ct::STATE).number(ct::DREG, register::FIRST)
            }
            Self::Payload { base, offset, length } => none
                .number(payload::DREG, register::FIRST)
                .number(payload::BASE, *base)
                .number(payload::OFFSET, *offset)
                .number(payload::LEN, *length),
            Self::Mask(mask) => none
                .number(bitwise::SREG, register::FIRST)
                .number(bitwise::DREG, register::FIRST)
                .number(bitwise::LEN, mask.len() as u32)
                .list(bitwise::MASK, &value(mask))
                .list(bitwise::XOR, &value(&vec![0; mask.len()])),
            Self::Equal(bytes) => compare(cmp::EQ, bytes),
            Self::NotEqual(bytes) => compare(cmp::NEQ, bytes),
            Self::Load(register, bytes) => {
                none.number(immediate::DREG, *register).list(immediate::DATA, &value(bytes))
            }
            Self::Verdict(code) => {
                let verdict = Attributes::default().number(data::VERDICT_CODE, *code);
                let data = Attributes::default().list(data::VERDICT, &verdict);
                none.number(immediate::DREG, register::VERDICT).list(immediate::DATA, &data)
            }
            Self::Reject(kind, code) => {
                none.number(reject::TYPE, *kind).byte(reject::ICMP_CODE, *code)
            }
            Self::Masquerade => none,
            Self::DestinationNat(family) => none
                .number(nat::TYPE, nat::DNAT)
                .number(nat::FAMILY, u32::from(*family))
                .number(nat::REG_ADDR_MIN, register::FIRST)
                .number(nat::REG_PROTO_MIN, register::SECOND)
                .number(nat::FLAGS, nat::PROTO_SPECIFIED),
        }
    }
}

/// The value of `NFTA_RULE_EXPRESSIONS`.
pub fn list(expressions: &[Expression]) -> Attributes {
    expressions.iter().fold(Attributes::default(), |list, expression| {
        let element = Attributes::default()
            .text(rule::EXPRESSION_NAME, expression.name())
            .list(rule::EXPRESSION_DATA, &expression.attributes());
        list.list(rule::ELEMENT, &element)
    })
}

fn value(bytes: &[u8]) -> Attributes {
    Attributes::default().bytes(data::VALUE, bytes)
}

fn compare(operation: u32, bytes: &[u8]) -> Attributes {
    Attributes::default()
        .number(cmp::SREG, register::FIRST)
        .number(cmp::OP, operation)
        .list(cmp::DATA, &value(bytes))
}
