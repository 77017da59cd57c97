//! What nf_tables does with a packet, told by the kernel while it is done (`nft(8)`, "nftrace").
//!
//! ```text
//!  packet ─▶ our chain, before all others: is it the probe? `meta nftrace set 1`
//!         ─▶ everybody's chains: each rule that holds, each policy ──▶ NFNLGRP_NFTRACE ─▶ events
//! ```
//!
//! The kernel tells of a packet that is marked, and tells it in the namespace in which it happens. A
//! mark does not outlive the way through a cable (`skb_scrub_packet`), so each node has a tracer of its
//! own. Where a packet comes in or is made a chain of ours marks it: in `prerouting` and `output`,
//! and in ARP in `input` and `output`; in `ingress` of the devices of which somebody else has a chain
//! there. Behind all others, in `prerouting` and `output`, a chain of ours is passed by what is left of the
//! packet ([`Passed`]): so it is told what the chains, and connection tracking, have made of it.
//!
//! Our tables belong to a socket (`NFT_TABLE_F_OWNER`, Linux 5.12): the kernel removes them when that
//! is closed, however we end, and until then nobody else can change them. They decide nothing, and
//! nobody's own tables are touched.

mod event;
mod probe;

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_packet_core::NetlinkDeserializable as _;
use netlink_sys::protocols::NETLINK_NETFILTER;
use netlink_sys::{Socket as Inner, SocketAddr};
use rustix::io::Errno;
use rustix::net::sockopt;

pub use event::{Headers, Kind, TraceEvent, Verdict};
pub use probe::{Probe, Protocol};

use super::chain::{BaseChain, Family, Hook, Policy, base_chains};
use super::error::is_lacking;
use super::expression;
use super::message::{Attributes, Message};
use super::uapi::{self, chain, hook, rule, table};
use crate::error::{Error, errno};
use crate::netlink::{APPEND, CREATE, EXCL, Socket, messages};

/// What the names of our tables begin with.
const TABLE: &str = "twinax_trace";
/// What the names of those of our chains begin with that are behind all others.
const BEHIND: &str = "behind";
/// How many tracers there can be in a namespace at once.
const TRACERS: u32 = 64;
/// Room for events that nobody has taken yet: each has some 300 bytes, and is counted with three times
/// as much.
const ROOM: usize = 4 << 20;
/// What a batch of ours is for, for the error.
const REQUEST: &str = "tracing in nftables";

/// Whether a table of this name is ours: it says nothing about the firewall.
pub(super) fn is_ours(table: &str) -> bool {
    table.starts_with(TABLE)
}

/// A packet that all chains of a hook have let pass: what it was before, and what it is behind them. Of a
/// translation these differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    /// The device that it has come in by; `None`: it is the node's own.
    pub iif: Option<String>,
    /// What it was.
    pub before: Headers,
    /// What it is.
    pub after: Headers,
}

/// Tells what nf_tables does with a probe in one namespace, until it is dropped.
pub struct Tracer {
    /// To this socket our tables belong.
    _owner: Socket,
    heard: Inner,
    reader: event::Reader,
    chains: Vec<BaseChain>,
    devices: HashMap<u32, String>,
    /// What packets were when they came to a hook, by their ids.
    came: HashMap<u32, Headers>,
    passed: Vec<Passed>,
    lost: bool,
}

impl Tracer {
    /// Begins to trace these probes in the namespace of the calling thread; `None` where nobody has
    /// a table, and on a kernel without nf_tables: there is nothing to be told then.
    ///
    /// # Errors
    ///
    /// It takes `CAP_NET_ADMIN` in the user namespace that the namespace belongs to. Kernels before
    /// 5.12 have no tables with an owner and refuse ours (`EOPNOTSUPP`, `EINVAL`).
    pub fn arm(probes: &[Probe]) -> Result<Option<Self>, Error> {
        if super::tables()?.is_empty() {
            return Ok(None);
        }
        let heard = listen().map_err(Error::io("listening for traces of nftables"))?;
        let mut owner = Socket::open(NETLINK_NETFILTER)?;
        let chains = base_chains()?;
        let mut armed = false;
        let mut lacking = None;
        let mut families = vec![Family::Inet, Family::Arp, Family::Bridge, Family::Netdev];
        while let Some(family) = families.pop() {
            match arm_family(&mut owner, family, probes, &chains) {
                Ok(()) => armed = true,
                Err(error) if error.errno().is_some_and(is_lacking) => {
                    // A kernel without CONFIG_NF_TABLES_INET.
                    if family == Family::Inet {
                        families.extend([Family::Ip, Family::Ip6]);
                    }
                    lacking = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        if let (false, Some(error)) = (armed, lacking) {
            return Err(error);
        }
        let (reader, devices, came, passed) = Default::default();
        let (lost, _owner) = (false, owner);
        Ok(Some(Self { _owner, heard, reader, chains, devices, came, passed, lost }))
    }

    /// What has been told since the last call, in its order; what our own chains did is left out. It
    /// does not wait: what a packet that has been sent in this namespace meets here is told by the
    /// time it has got out.
    ///
    /// # Errors
    ///
    /// Those of reading from the socket. That something was lost is none: see [`Tracer::lost`].
    pub fn events(&mut self) -> Result<Vec<TraceEvent>, Error> {
        let mut events = Vec::new();
        loop {
            match self.heard.recv_from_full() {
                Ok((datagram, _)) => self.read(&datagram, &mut events),
                Err(error) => match errno(&error) {
                    Errno::AGAIN => return Ok(events),
                    Errno::INTR => {}
                    Errno::NOBUFS => self.lost = true,
                    errno => {
                        return Err(Error::Call { call: "reading traces of nftables", errno });
                    }
                },
            }
        }
    }

    /// The packets that have passed `prerouting` and `output`, of those that [`events`](Self::events) has read
    /// since the last call.
    pub fn passed(&mut self) -> Vec<Passed> {
        std::mem::take(&mut self.passed)
    }

    /// One of our own chains was passed.
    fn pass(&mut self, event: TraceEvent) {
        match event.kind {
            _ if !event.chain.starts_with(BEHIND) => {
                self.came.insert(event.id, event.headers);
            }
            Kind::Policy => {
                if let Some(before) = self.came.remove(&event.id) {
                    self.passed.push(Passed { iif: event.iif, before, after: event.headers });
                }
            }
            _ => {}
        }
    }

    /// Whether events were lost because nobody took them.
    pub fn lost(&self) -> bool {
        self.lost
    }

    fn read(&mut self, datagram: &[u8], events: &mut Vec<TraceEvent>) {
        for (header, payload) in messages(datagram) {
            let Ok(message) = Message::deserialize(&header, payload) else { continue };
            if message.kind() != uapi::message::TRACE {
                continue;
            }
            let (heard, devices) = (&self.heard, &mut self.devices);
            let device = |index| {
                let found = rustix::net::netdevice::index_to_name(heard.as_fd(), index);
                match found {
                    Ok(name) => {
                        devices.insert(index, name.clone());
                        Some(name)
                    }
                    // It has gone since.
                    Err(_) => devices.get(&index).cloned(),
                }
            };
            let event = self.reader.event(&message, &self.chains, device);
            match event {
                Some(event) if is_ours(&event.table) => self.pass(event),
                event => events.extend(event),
            }
        }
    }
}

impl AsFd for Tracer {
    /// Ready for reading when there may be events.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.heard.as_fd()
    }
}

fn listen() -> std::io::Result<Inner> {
    let mut heard = Inner::new(NETLINK_NETFILTER)?;
    heard.bind(&SocketAddr::new(0, 0))?;
    heard.set_non_blocking(true)?;
    if sockopt::set_socket_recv_buffer_size_force(&heard, ROOM).is_err() {
        // As far as `net.core.rmem_max` allows: with less there is less room, and no more.
        let _ = sockopt::set_socket_recv_buffer_size(&heard, ROOM);
    }
    heard.add_membership(uapi::NFNLGRP_NFTRACE)?;
    Ok(heard)
}

/// Puts our table of a family in place, if it can see any of the probes.
fn arm_family(
    owner: &mut Socket,
    family: Family,
    probes: &[Probe],
    theirs: &[BaseChain],
) -> Result<(), Error> {
    let rules: Vec<_> = probes.iter().flat_map(|probe| probe.rules(family)).collect();
    let chains = chains(family, theirs);
    if rules.is_empty() || chains.is_empty() {
        return Ok(());
    }
    for number in 0..TRACERS {
        let name = format!("{TABLE}{number}");
        let mut batch = vec![(0, Message::begin()), (CREATE | EXCL, new_table(family, &name))];
        for (index, (number, device)) in chains.iter().enumerate() {
            let chain = format!("mark{index}");
            let hook = (*number, device.as_deref());
            batch.push((CREATE, new_chain(family, &name, &chain, hook, i32::MIN)));
            if matches!(family, Family::Inet | Family::Ip | Family::Ip6) {
                let behind = format!("{BEHIND}{index}");
                batch.push((CREATE, new_chain(family, &name, &behind, hook, i32::MAX)));
            }
            for expressions in &rules {
                let attributes = Attributes::default()
                    .text(rule::TABLE, &name)
                    .text(rule::CHAIN, &chain)
                    .list(rule::EXPRESSIONS, &expression::list(expressions));
                let message = Message::new(uapi::message::NEW_RULE, family.number(), attributes);
                batch.push((CREATE | APPEND, message));
            }
        }
        batch.push((0, Message::end()));
        let requests = batch.iter().map(|(flags, message)| (REQUEST, *flags, message));
        match owner.transaction(requests) {
            // Another tracer's; EPERM because it belongs to another.
            Err(Error::Refused { mark: 1, refusal, .. })
                if matches!(refusal.errno, Errno::EXIST | Errno::PERM) => {}
            done => return done,
        }
    }
    Err(Error::Call { call: "tracing in nftables: there are too many who do", errno: Errno::BUSY })
}

/// Where we mark: the number of each hook, and the device that it is of.
fn chains(family: Family, theirs: &[BaseChain]) -> Vec<(u32, Option<String>)> {
    match family {
        Family::Arp => vec![(hook::ARP_INPUT, None), (hook::ARP_OUTPUT, None)],
        Family::Netdev => {
            let ingress = theirs.iter().filter(|chain| chain.hook == Hook::Ingress);
            let mut devices: Vec<&String> = ingress.flat_map(|chain| &chain.devices).collect();
            devices.sort();
            devices.dedup();
            let of = |device: &String| (hook::NETDEV_INGRESS, Some(device.clone()));
            devices.into_iter().map(of).collect()
        }
        _ => vec![(hook::PREROUTING, None), (hook::OUTPUT, None)],
    }
}

fn new_table(family: Family, name: &str) -> Message {
    let attributes =
        Attributes::default().text(table::NAME, name).number(table::FLAGS, table::FLAG_OWNER);
    Message::new(uapi::message::NEW_TABLE, family.number(), attributes)
}

fn new_chain(
    family: Family,
    of: &str,
    name: &str,
    (number, device): (u32, Option<&str>),
    priority: i32,
) -> Message {
    // Of those of one priority the one that came last is first (`nf_hook_entries_grow`).
    let mut hook = Attributes::default()
        .number(chain::HOOK_NUMBER, number)
        .number(chain::HOOK_PRIORITY, priority.cast_unsigned());
    if let Some(device) = device {
        hook = hook.text(chain::HOOK_DEVICE, device);
    }
    let attributes = Attributes::default()
        .text(chain::TABLE, of)
        .text(chain::NAME, name)
        .text(chain::TYPE, "filter")
        .number(chain::POLICY, Policy::Accept.number())
        .list(chain::HOOK, &hook);
    Message::new(uapi::message::NEW_CHAIN, family.number(), attributes)
}
