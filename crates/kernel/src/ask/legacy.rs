//! The tables of the old iptables, which are none of nftables (`CONFIG_IP_NF_IPTABLES_LEGACY`): what in them drops,
//! and how often it has.
//!
//! Rules lie one behind the other in a table, each with a head of the family's own, counters, and a target at its end
//! (`struct ipt_entry`, `linux/netfilter_ipv4/ip_tables.h`; `struct ip6t_entry`; `struct arpt_entry`). What a rule
//! matches besides addresses and protocol is not read: its counter says how often it did.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsFd as _;

use rustix::net::{AddressFamily, SocketType};

use crate::attributes::number;
use crate::error::Error;
use crate::sys;

/// One of the three programs, and how the kernel keeps its rules.
#[derive(Debug, PartialEq, Eq)]
struct Program {
    name: &'static str,
    /// Below `/proc/net`: the tables that are in use.
    list: &'static str,
    family: AddressFamily,
    level: i32,
    /// `…_SO_GET_INFO`; the option behind it gives the rules.
    get_info: i32,
    /// The chains of its hooks, in the order of their numbers.
    hooks: &'static [&'static str],
    /// Where a rule says how long it is up to its target (`target_offset`), behind that how long it is as a whole.
    lengths: usize,
    /// Where its counters are: packets, bytes.
    counters: usize,
}

const HOOKS: [&str; 5] = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];

const PROGRAMS: [Program; 3] = [
    Program {
        name: "iptables-legacy",
        list: "ip_tables_names",
        family: AddressFamily::INET,
        level: libc::IPPROTO_IP,
        get_info: 64,
        hooks: &HOOKS,
        lengths: 88,
        counters: 96,
    },
    Program {
        name: "ip6tables-legacy",
        list: "ip6_tables_names",
        family: AddressFamily::INET6,
        level: libc::IPPROTO_IPV6,
        get_info: 64,
        hooks: &HOOKS,
        lengths: 140,
        counters: 152,
    },
    Program {
        name: "arptables-legacy",
        list: "arp_tables_names",
        family: AddressFamily::INET,
        level: libc::IPPROTO_IP,
        get_info: 96,
        hooks: &["INPUT", "OUTPUT", "FORWARD"],
        lengths: 164,
        counters: 176,
    },
];

/// `XT_TABLE_MAXNAMELEN`.
const NAME: usize = 32;
/// `struct ipt_get_entries`, before the rules.
const ENTRIES: usize = 40;
/// `struct xt_entry_target`: a length, a name of 29 bytes, a revision.
const TARGET: usize = 32;
/// `-NF_DROP - 1`: what the verdict of a rule without a target of its own is that drops.
const DROP: i32 = -1;

/// A rule or a policy of the old iptables that drops what it matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegacyDrop {
    /// `iptables-legacy`, `ip6tables-legacy` or `arptables-legacy`.
    pub program: &'static str,
    /// Its table.
    pub table: String,
    /// Its chain.
    pub chain: String,
    /// Its number in the chain, from 1; `None`: it is the chain's policy.
    pub rule: Option<usize>,
    /// How many packets it has dropped.
    pub packets: u64,
    /// Source, destination, protocol that it matches; `None`: any, or all but one.
    selector: (Option<Net>, Option<Net>, Option<u8>),
}

/// An address and the bits of it that count.
type Net = (IpAddr, IpAddr);

impl LegacyDrop {
    /// The same with what it has dropped since these were read; `None`: nothing.
    pub fn since(self, earlier: &[Self]) -> Option<Self> {
        let is_same = |old: &&Self| Self { packets: self.packets, ..(*old).clone() } == self;
        let before = earlier.iter().find(is_same).map_or(0, |old| old.packets);
        let packets = self.packets.checked_sub(before).filter(|grown| *grown > 0)?;
        Some(Self { packets, ..self })
    }

    /// Whether its addresses and its protocol are those of a packet.
    pub fn is_for(&self, source: Option<IpAddr>, destination: IpAddr, protocol: u8) -> bool {
        let is = |own: Option<Net>, address: Option<IpAddr>| match (own, address) {
            (Some((net, mask)), Some(address)) => masked(address, mask) == Some(net),
            _ => true,
        };
        let (from, to, of) = self.selector;
        let family = match self.program {
            "ip6tables-legacy" => destination.is_ipv6(),
            _ => destination.is_ipv4(),
        };
        family
            && is(from, source)
            && is(to, Some(destination))
            && of.is_none_or(|of| of == protocol)
    }

    /// Whether it is for ARP.
    pub fn is_for_arp(&self) -> bool {
        self.program == "arptables-legacy"
    }

    /// The command that shows it.
    pub fn command(&self) -> String {
        format!("{} -t {} -vnL {}", self.program, self.table, self.chain)
    }
}

/// `rule 1 of the chain FORWARD`, `the policy of the chain FORWARD`.
impl fmt::Display for LegacyDrop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rule {
            Some(rule) => write!(f, "rule {rule}")?,
            None => f.write_str("the policy")?,
        }
        write!(f, " of the chain {} ({}, table {})", self.chain, self.program, self.table)
    }
}

fn masked(address: IpAddr, mask: IpAddr) -> Option<IpAddr> {
    match (address, mask) {
        (IpAddr::V4(address), IpAddr::V4(mask)) => Some((address & mask).into()),
        (IpAddr::V6(address), IpAddr::V6(mask)) => Some((address & mask).into()),
        _ => None,
    }
}

/// The tables that somebody has used, in the namespace of the calling thread.
fn tables() -> impl Iterator<Item = (&'static Program, String)> {
    PROGRAMS.iter().flat_map(|program| {
        let names = std::fs::read_to_string(format!("/proc/thread-self/net/{}", program.list));
        let names: Vec<String> = names.unwrap_or_default().lines().map(str::to_owned).collect();
        names.into_iter().map(move |table| (program, table))
    })
}

/// The commands that show the tables which somebody has used in the namespace of the calling thread:
/// `iptables-legacy -t filter -S`. None on a kernel without them.
pub fn legacy_tables() -> Vec<String> {
    tables().map(|(program, table)| format!("{} -t {table} -S", program.name)).collect()
}

/// The rules and policies that drop, in the namespace of the calling thread. None on a kernel without such tables.
///
/// # Errors
///
/// A table that can't be read.
pub fn legacy_drops() -> Result<Vec<LegacyDrop>, Error> {
    let mut found = Vec::new();
    for (program, table) in tables() {
        let (info, rules) =
            read(program, &table).map_err(Error::call("asking for a table of the old iptables"))?;
        found.extend(drops(program, &table, &info, &rules));
    }
    Ok(found)
}

/// What the kernel says of a table, and its rules.
fn read(program: &Program, table: &str) -> Result<(Vec<u8>, Vec<u8>), rustix::io::Errno> {
    let socket =
        rustix::net::socket(program.family, SocketType::RAW, Some(rustix::net::ipproto::RAW))?;
    let named = |size: usize| {
        let mut bytes = table.as_bytes().to_vec();
        bytes.truncate(NAME - 1);
        bytes.resize(size, 0);
        bytes
    };
    let mut info = named(info::END + 8 * program.hooks.len());
    sys::get_option_into(socket.as_fd(), program.level, program.get_info, &mut info)?;
    let size = number(&info, info::sizes(program) + 4);
    let mut rules = named(ENTRIES + size as usize);
    rules[NAME..NAME + 4].copy_from_slice(&size.to_ne_bytes());
    sys::get_option_into(socket.as_fd(), program.level, program.get_info + 1, &mut rules)?;
    Ok((info, rules.split_off(ENTRIES)))
}

/// Where things are in `struct ipt_getinfo`.
mod info {
    use super::{NAME, Program};

    /// Which hooks there are.
    pub const HOOKS: usize = NAME;
    /// Where the chain of each begins.
    pub const ENTRY: usize = NAME + 4;
    /// Behind that: where the policy of each is, how many rules there are, how many bytes.
    pub const END: usize = ENTRY + 8;

    /// Where the policies are.
    pub fn underflow(program: &Program) -> usize {
        ENTRY + 4 * program.hooks.len()
    }

    /// Where it says how many rules there are.
    pub fn sizes(program: &Program) -> usize {
        underflow(program) + 4 * program.hooks.len()
    }
}

fn drops(program: &Program, table: &str, info: &[u8], rules: &[u8]) -> Vec<LegacyDrop> {
    let half = |at: usize| Some(u16::from_ne_bytes(*rules.get(at..)?.first_chunk()?));
    let text = |at: usize| {
        let bytes = rules.get(at..)?.split(|byte| *byte == 0).next()?;
        Some(String::from_utf8_lossy(bytes).into_owned())
    };
    let hook_at = |place: usize, at: usize| {
        let there = |hook: &usize| (number(info, info::HOOKS) >> hook) & 1 == 1;
        let mut hooks = (0..program.hooks.len()).filter(there);
        hooks.find(|hook| number(info, place + 4 * hook) as usize == at)
    };
    let mut found = Vec::new();
    let (mut chain, mut rule) = (String::new(), 0);
    let mut at = 0;
    while let (Some(target), Some(length)) =
        (half(at + program.lengths), half(at + program.lengths + 2))
    {
        let target = at + usize::from(target);
        let (Some(name), true) = (text(target + 2), length > 0) else { break };
        if let Some(hook) = hook_at(info::ENTRY, at) {
            (chain, rule) = (program.hooks[hook].to_owned(), 0);
        }
        if name == "ERROR" {
            // The head of a chain that somebody has made, or the end of the table.
            (chain, rule) = (text(target + TARGET).unwrap_or_default(), 0);
        } else {
            rule += 1;
            let verdict = rules.get(target + TARGET..).and_then(<[u8]>::first_chunk);
            let verdict = verdict.map(|own| i32::from_ne_bytes(*own));
            if name == "REJECT" || name.is_empty() && verdict == Some(DROP) {
                let packets = rules.get(at + program.counters..).and_then(<[u8]>::first_chunk);
                found.push(LegacyDrop {
                    program: program.name,
                    table: table.to_owned(),
                    chain: chain.clone(),
                    rule: hook_at(info::underflow(program), at).is_none().then_some(rule),
                    packets: packets.map_or(0, |own| u64::from_ne_bytes(*own)),
                    selector: selector(program, &rules[at..]),
                });
            }
        }
        at += usize::from(length);
    }
    found
}

/// `IPT_INV_SRCIP`, `IPT_INV_DSTIP`, `XT_INV_PROTO`: all but that.
const NOT_SOURCE: u8 = 0x08;
const NOT_DESTINATION: u8 = 0x10;
const NOT_PROTOCOL: u8 = 0x40;

/// What a rule says of addresses and protocol (`struct ipt_ip`, `struct ip6t_ip6`).
fn selector(program: &Program, rule: &[u8]) -> (Option<Net>, Option<Net>, Option<u8>) {
    let v4 = |at: usize| -> Option<IpAddr> {
        Some(Ipv4Addr::from(*rule.get(at..)?.first_chunk::<4>()?).into())
    };
    let v6 = |at: usize| -> Option<IpAddr> {
        Some(Ipv6Addr::from(*rule.get(at..)?.first_chunk::<16>()?).into())
    };
    let (address, width, protocol, inverted): (&dyn Fn(usize) -> Option<IpAddr>, _, _, _) =
        match program.name {
            "iptables-legacy" => (&v4, 4, 80, 83),
            "ip6tables-legacy" => (&v6, 16, 128, 132),
            _ => return (None, None, None),
        };
    let not = rule.get(inverted).copied().unwrap_or_default();
    let net = |place: usize, flag: u8| {
        let both = address(place * width).zip(address((place + 2) * width));
        both.filter(|_| not & flag == 0)
    };
    let of = rule.get(protocol).copied().filter(|of| *of != 0 && not & NOT_PROTOCOL == 0);
    (net(0, NOT_SOURCE), net(1, NOT_DESTINATION), of)
}
