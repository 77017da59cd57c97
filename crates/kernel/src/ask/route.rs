//! Which way a packet would take (`RTM_GETROUTE`, what `ip route get` asks).

use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::route::{RouteAttribute, RouteFlags, RouteMessage, RouteType};
use rustix::io::Errno;
use twinax_plan::ObservedRoute;
use twinax_topology::TABLE_MAIN;

use crate::address::family;
use crate::attributes::{Value, header};
use crate::error::{Error, Refusal};
use crate::observe::{Routes, routing};
use crate::rtnl::Rtnl;

/// `RT_TABLE_LOCAL`, `linux/rtnetlink.h`.
const TABLE_LOCAL: u32 = 255;

const REQUEST: &str = "asking for the way of a packet";

/// A packet whose way is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteQuery {
    /// Its destination.
    pub to: IpAddr,
    /// Its source; `None`: not chosen yet, or, where it comes in by a device, all zeros.
    pub from: Option<IpAddr>,
    /// The device that it comes in by; `None`: it is made here.
    pub iif: Option<String>,
    /// The device that the socket that sends it is bound to.
    pub oif: Option<String>,
    /// Its mark.
    pub mark: Option<u32>,
    /// Its TOS or traffic class, without the bits of ECN.
    pub tos: Option<u8>,
    /// Whose it is; `None`: the calling thread's.
    pub uid: Option<u32>,
    /// The protocol in it: TCP, UDP, or ICMP of the family. `None` is UDP to the rules of IPv4, and
    /// no protocol to those of IPv6.
    pub proto: Option<u8>,
    /// Its source port.
    pub source_port: Option<u16>,
    /// Its destination port.
    pub destination_port: Option<u16>,
}

impl RouteQuery {
    /// Of a packet that is made here, of which nothing is known but where it is to go.
    pub fn to(to: IpAddr) -> Self {
        Self {
            to,
            from: None,
            iif: None,
            oif: None,
            mark: None,
            tos: None,
            uid: None,
            proto: None,
            source_port: None,
            destination_port: None,
        }
    }

    /// The command that asks the same (`ip-route(8)`).
    pub fn command(&self) -> String {
        let Self { to, from, iif, oif, mark, tos, uid, proto, source_port, destination_port } =
            self;
        let mut command = format!("ip route get {to}");
        let mut say = |word: &str, value: Option<String>| {
            if let Some(value) = value {
                // Writing to a String does not fail.
                let _ = write!(command, " {word} {value}");
            }
        };
        say("from", from.map(|from| from.to_string()));
        say("iif", iif.clone());
        say("oif", oif.clone());
        say("mark", mark.map(|mark| format!("{mark:#x}")));
        say("tos", tos.map(|tos| format!("{tos:#x}")));
        say("uid", uid.map(|uid| uid.to_string()));
        say("ipproto", proto.map(protocol));
        say("sport", source_port.map(|port| port.to_string()));
        say("dport", destination_port.map(|port| port.to_string()));
        command
    }
}

/// The name of a protocol (`/etc/protocols`), as far as a way can be asked for by it.
fn protocol(number: u8) -> String {
    match i32::from(number) {
        libc::IPPROTO_ICMP => "icmp".to_owned(),
        libc::IPPROTO_TCP => "tcp".to_owned(),
        libc::IPPROTO_UDP => "udp".to_owned(),
        libc::IPPROTO_ICMPV6 => "ipv6-icmp".to_owned(),
        number => number.to_string(),
    }
}

/// What the kernel says of the way of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// The way that it takes.
    Route(RouteAnswer),
    /// It takes none. What the errno stands for is not only one thing:
    ///
    /// - `ENETUNREACH`: no route, or none but one of type `throw`; a source that is no address of
    ///   this node (IPv4, of a packet that is made here); a rule of type `unreachable`.
    /// - `EHOSTUNREACH`: a route of type `unreachable`; a packet that came in and would be
    ///   forwarded, where that is off for its device, whether there is a route or not (IPv4).
    /// - `EACCES`: a route or rule of type `prohibit`.
    /// - `EINVAL`: a route or rule of type `blackhole`; a packet that came in with a source that is
    ///   not let in (IPv4: this node's own, martian, or one that its reverse path filter does not
    ///   want), or with such a destination.
    /// - `EXDEV`: the reverse path filter, where the kernel tells that apart (6.18 does not).
    Refused(Refusal),
}

/// The way that a packet takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteAnswer {
    /// The type of route: `unicast`, `local`, `broadcast`, `multicast`, `anycast`.
    pub kind: String,
    /// The table in which it was found.
    pub table: u32,
    /// The gateway; `None`: the destination itself is on the link.
    pub via: Option<IpAddr>,
    /// The device that it leaves by; `lo` where it stays here.
    pub dev: Option<String>,
    /// Its source: the one that was asked with, or the one that the kernel chooses for a packet
    /// that is made here, where it has one to choose.
    pub src: Option<IpAddr>,
    /// The MTU (bytes) that is known of the path, where it is not simply the device's: said with
    /// the route, or learned (RFC 1191, RFC 8201).
    pub mtu: Option<u32>,
    /// How long this still holds, where that ends: of an MTU that was learned, or a route by a
    /// router advertisement.
    pub expires: Option<Duration>,
    /// The route of the table that this comes from (`RTM_F_FIB_MATCH`), as many as it has next
    /// hops; empty where there is none: IPv4 needs none for 255.255.255.255, or for a device that
    /// one is bound to.
    pub matched: Vec<ObservedRoute>,
}

/// Which way a packet would take in the namespace of the calling thread.
///
/// # Errors
///
/// As [`Rtnl::ask_route`].
pub fn route(query: &RouteQuery) -> Result<Asked, Error> {
    Rtnl::open()?.ask_route(query)
}

impl Rtnl {
    /// Which way a packet would take. That there is none is an answer, too.
    ///
    /// For a packet that comes in by a device, IPv4 says as well whether it would be let in, and
    /// forwarded: `inet_rtm_getroute` (`net/ipv4/route.c`) has it routed as a packet would be. IPv6
    /// looks only at rules and tables (`inet6_rtm_getroute`, `net/ipv6/route.c`): that forwarding
    /// is off is not told. No neighbour is asked, and no firewall.
    ///
    /// # Errors
    ///
    /// [`Error::NoDevice`]; [`Error::Refused`] where the kernel can't make sense of the question;
    /// a broken socket.
    pub fn ask_route(&mut self, query: &RouteQuery) -> Result<Asked, Error> {
        let mut ask = self.question(query)?;
        ask.header.flags = RouteFlags::LookupTable;
        let message = RouteNetlinkMessage::GetRoute(ask.clone());
        let told = match self.socket.get_raw(REQUEST, &message) {
            Err(Error::Refused { refusal, .. }) if is_answer(&refusal) => {
                return Ok(Asked::Refused(refusal));
            }
            told => told?.and_then(|message| self.answer(query, &message)),
        };
        let Told { mut answer, refused } =
            told.ok_or_else(|| Error::Answer(format!("{REQUEST}: no route")))?;
        if let Some(errno) = refused {
            return Ok(Asked::Refused(Refusal { errno, message: None }));
        }

        ask.header.flags |= RouteFlags::FibMatch;
        let message = RouteNetlinkMessage::GetRoute(ask);
        answer.matched = match self.socket.get_raw("asking for a route", &message) {
            Err(Error::Refused { .. }) => Vec::new(),
            found => found?
                .and_then(|found| routing::route(&found, &|index| self.name(index), Routes::All))
                .unwrap_or_default(),
        };
        if query.to.is_ipv4() {
            part(&answer.kind, &mut answer.table);
            answer.matched.iter_mut().for_each(|route| part(&route.kind, &mut route.table));
        }
        Ok(Asked::Route(answer))
    }

    fn question(&mut self, query: &RouteQuery) -> Result<RouteMessage, Error> {
        let length = |address: IpAddr| if address.is_ipv4() { 32 } else { 128 };
        if query.from.is_some_and(|from| from.is_ipv4() != query.to.is_ipv4()) {
            return Err(Error::Call { call: REQUEST, errno: Errno::AFNOSUPPORT });
        }
        let mut message = RouteMessage::default();
        message.header.address_family = family(query.to);
        message.header.destination_prefix_length = length(query.to);
        message.header.source_prefix_length = query.from.map_or(0, length);
        message.header.tos = query.tos.unwrap_or_default();
        let attributes = &mut message.attributes;
        attributes.push(RouteAttribute::Destination(query.to.into()));
        attributes.extend(query.from.map(|from| RouteAttribute::Source(from.into())));
        attributes.extend(query.mark.map(RouteAttribute::Mark));
        attributes.extend(query.uid.map(RouteAttribute::Uid));
        attributes.extend(query.proto.map(RouteAttribute::IpProto));
        attributes.extend(query.source_port.map(RouteAttribute::Sport));
        attributes.extend(query.destination_port.map(RouteAttribute::Dport));
        if let Some(name) = &query.iif {
            message.attributes.push(RouteAttribute::Iif(self.index(name)?));
        }
        if let Some(name) = &query.oif {
            message.attributes.push(RouteAttribute::Oif(self.index(name)?));
        }
        Ok(message)
    }

    /// What is in the kernel's answer; `None` where it can't be read.
    fn answer(&self, query: &RouteQuery, message: &[u8]) -> Option<Told> {
        // struct rtmsg: family, prefix length of destination and source, TOS, table, protocol,
        // scope, type, flags.
        let (header, attributes) = header::<12>(message)?;
        let [_, _, _, _, table, _, _, kind, ..] = *header;
        let kind = RouteType::from(kind);
        let mut answer = RouteAnswer {
            kind: routing::kind(kind),
            table: table.into(),
            via: None,
            dev: None,
            src: query.from,
            mtu: None,
            expires: None,
            matched: Vec::new(),
        };
        let mut refused = by_kind(kind);
        for (attribute, value) in attributes {
            match attribute {
                rta::TABLE => answer.table = value.u32()?,
                rta::OIF => answer.dev = value.u32().map(|index| self.name(index)),
                rta::GATEWAY => answer.via = value.ip(),
                rta::VIA => answer.via = routing::other_family(value),
                rta::PREFSRC if query.from.is_none() => answer.src = value.ip(),
                rta::METRICS => answer.mtu = mtu(value),
                rta::CACHEINFO => {
                    answer.expires = expires(value);
                    refused = failed(value).or(refused);
                }
                _ => {}
            }
        }
        Some(Told { answer, refused })
    }
}

/// A route that was told, and why it is none: old kernels say so within it (IPv6).
struct Told {
    answer: RouteAnswer,
    refused: Option<Errno>,
}

/// `RTA_…`, `linux/rtnetlink.h`.
mod rta {
    pub const OIF: u16 = 4;
    pub const GATEWAY: u16 = 5;
    pub const PREFSRC: u16 = 7;
    pub const METRICS: u16 = 8;
    pub const CACHEINFO: u16 = 12;
    pub const TABLE: u16 = 15;
    pub const VIA: u16 = 18;
    /// `RTAX_MTU`.
    pub const METRIC_MTU: u16 = 2;
}

/// Until somebody adds a rule, the kernel keeps the IPv4 tables `local` and `main` as one, and calls
/// that `main` (`fib_trie_unmerge`, `net/ipv4/fib_trie.c`; seen on 6.18). What is only in `local`,
/// unless somebody puts it elsewhere, is told apart by its type.
fn part(kind: &str, table: &mut u32) {
    if *table == TABLE_MAIN && matches!(kind, "local" | "broadcast") {
        *table = TABLE_LOCAL;
    }
}

/// Whether this errno is what becomes of the packet, and not of the question: what the kernel does
/// not understand is `EINVAL` with a sentence.
fn is_answer(refusal: &Refusal) -> bool {
    match refusal.errno {
        Errno::NETUNREACH | Errno::HOSTUNREACH | Errno::ACCESS | Errno::XDEV | Errno::AGAIN => true,
        Errno::INVAL => refusal.message.is_none(),
        _ => false,
    }
}

/// With what a route of a type that leads nowhere refuses (`fib_props`,
/// `net/ipv4/fib_semantics.c`).
fn by_kind(kind: RouteType) -> Option<Errno> {
    match kind {
        RouteType::BlackHole => Some(Errno::INVAL),
        RouteType::Unreachable => Some(Errno::HOSTUNREACH),
        RouteType::Prohibit => Some(Errno::ACCESS),
        RouteType::Throw => Some(Errno::AGAIN),
        _ => None,
    }
}

fn mtu(metrics: Value<'_>) -> Option<u32> {
    metrics.get(rta::METRIC_MTU)?.u32()
}

/// `rta_expires` of a `struct rta_cacheinfo`, in hundredths of a second (`USER_HZ`).
fn expires(info: Value<'_>) -> Option<Duration> {
    let ticks = Value(info.0.get(8..)?).u32()?.cast_signed();
    let ticks = u64::try_from(ticks).ok().filter(|&ticks| ticks > 0)?;
    Some(Duration::from_millis(ticks * 10))
}

/// `rta_error` of a `struct rta_cacheinfo`.
fn failed(info: Value<'_>) -> Option<Errno> {
    let error = Value(info.0.get(12..)?).u32()?.cast_signed();
    (error != 0).then(|| Errno::from_raw_os_error(error.saturating_abs()))
}
