//! Routes and next hops (`linux/rtnetlink.h`, `linux/nexthop.h`).

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use netlink_sys::protocols::NETLINK_ROUTE;
use twinax_plan::ObservedRoute;

use super::object::{Object, list};
use super::{Device, Replay, difference};
use crate::attributes::{INET, INET6};
use crate::error::Error;
use crate::netlink::{APPEND, CREATE, EXCL, Socket};
use crate::observe::routing::{any, kind};

/// `struct rtmsg`: family, prefix length of destination and source, TOS, table, protocol, scope, type,
/// flags.
const HEADER: usize = 12;
const TABLE: usize = 4;
const TYPE: usize = 7;
const FLAGS: usize = 8;

/// `RTA_…`, `RTM_F_…` and `RTNH_F_…`.
mod rta {
    pub const DST: u16 = 1;
    pub const SRC: u16 = 2;
    pub const IIF: u16 = 3;
    pub const OIF: u16 = 4;
    pub const GATEWAY: u16 = 5;
    pub const PRIORITY: u16 = 6;
    pub const PREFSRC: u16 = 7;
    pub const METRICS: u16 = 8;
    pub const MULTIPATH: u16 = 9;
    pub const FLOW: u16 = 11;
    pub const TABLE: u16 = 15;
    pub const VIA: u16 = 18;
    pub const NEWDST: u16 = 19;
    pub const PREF: u16 = 20;
    pub const ENCAP_TYPE: u16 = 21;
    pub const ENCAP: u16 = 22;
    pub const TTL_PROPAGATE: u16 = 26;
    pub const IP_PROTO: u16 = 27;
    pub const NH_ID: u16 = 30;
    /// `RTM_F_CLONED`: an entry of the cache.
    pub const CLONED: u32 = 0x200;
    /// `RTNH_F_ONLINK`: all that somebody says of a next hop.
    pub const ONLINK: u8 = 4;
    /// What is said of the way, where it is not said by the ID of a next hop.
    pub const WAY: [u16; 6] = [OIF, GATEWAY, MULTIPATH, VIA, ENCAP_TYPE, ENCAP];
}

/// `RTM_NEWNEXTHOP` and `RTM_GETNEXTHOP`.
const NEW_NEXTHOP: u16 = 104;
const GET_NEXTHOP: u16 = 106;
/// `struct nhmsg`: family, scope, protocol, one that is unused, flags.
const NEXTHOP_HEADER: usize = 8;
const SCOPE: usize = 1;
/// `NHA_…`.
const ID: u16 = 1;
const GROUP: u16 = 2;

/// All routes but those of the cache.
pub(super) fn all(socket: &mut Socket) -> Result<Vec<Object>, Error> {
    let mut routes = Vec::new();
    for family in [INET, INET6] {
        let mut header = [0; HEADER];
        header[0] = family;
        let ask = Object::new(libc::RTM_GETROUTE, header);
        let found = list(socket, "listing routes", &ask)?;
        let found = found.into_iter().filter(|own| own.header[0] == family);
        routes.extend(found.filter(|own| own.number(FLAGS) & rta::CLONED == 0 && !is_null(own)));
    }
    routes.iter_mut().for_each(clean);
    Ok(routes)
}

/// A route in the kernel's own words, to be taken away and put back as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRoute(Object);

impl RawRoute {
    /// Those of the namespace of the calling thread.
    pub fn all() -> Result<Vec<Self>, Error> {
        let routes = all(&mut Socket::open(NETLINK_ROUTE)?)?;
        Ok(routes.into_iter().map(Self).collect())
    }

    /// Whether it is this one: to the same destinations, in the same table, of the same kind and metric.
    pub fn is(&self, seen: &ObservedRoute) -> bool {
        let Self(own) = self;
        let number = |attribute| own.get(attribute).and_then(|value| value.u32());
        let to = own.get(rta::DST).and_then(|to| to.ip());
        let family = if seen.to.addr().is_ipv4() { INET } else { INET6 };
        own.header[0] == family
            && own.header[1] == seen.to.prefix_len()
            && to.or(any(family)) == Some(seen.to.addr())
            && number(rta::TABLE).unwrap_or(u32::from(own.header[TABLE])) == seen.table
            && (seen.nexthop.is_some() || kind(own.header[TYPE].into()) == seen.kind)
            && number(rta::PRIORITY).unwrap_or(0) == seen.metric
            && number(rta::NH_ID) == seen.nexthop
    }

    /// Takes it away, in the namespace of the calling thread.
    pub fn remove(&self) -> Result<(), Error> {
        let message = self.0.of_kind(libc::RTM_DELROUTE);
        Socket::open(NETLINK_ROUTE)?.request("removing a route", 0, &message)
    }

    /// Puts it there, in the namespace of the calling thread.
    pub fn add(&self) -> Result<(), Error> {
        let message = self.0.of_kind(libc::RTM_NEWROUTE);
        Socket::open(NETLINK_ROUTE)?.request("adding a route", CREATE | APPEND, &message)
    }
}

/// The entry that means "no route" (`ip6_null_entry`), which old kernels list.
fn is_null(route: &Object) -> bool {
    route.header[0] == INET6
        && route.header[TABLE] == 0
        && route.get(rta::TABLE).is_none_or(|own| own.u32() == Some(0))
}

/// Leaves out what is no part of a request.
fn clean(route: &mut Object) {
    route.keep(&[
        rta::DST,
        rta::SRC,
        rta::IIF,
        rta::OIF,
        rta::GATEWAY,
        rta::PRIORITY,
        rta::PREFSRC,
        rta::METRICS,
        rta::MULTIPATH,
        rta::FLOW,
        rta::TABLE,
        rta::VIA,
        rta::NEWDST,
        rta::PREF,
        rta::ENCAP_TYPE,
        rta::ENCAP,
        rta::TTL_PROPAGATE,
        rta::IP_PROTO,
        rta::NH_ID,
    ]);
    route.set_number(FLAGS, route.number(FLAGS) & u32::from(rta::ONLINK));
    if route.get(rta::NH_ID).is_some() {
        rta::WAY.iter().for_each(|way| route.drop(*way));
        // What is said to discard goes by a next hop that does (`fib_dump_info`, `net/ipv4/fib_semantics.c`).
        if route.header[TYPE] == libc::RTN_BLACKHOLE {
            route.header[TYPE] = libc::RTN_UNICAST;
        }
    }
    if let Some(hops) = route.get(rta::MULTIPATH) {
        let mut hops = hops.0.to_vec();
        each_hop(&mut hops, |hop| hop[2] &= rta::ONLINK);
        route.put(rta::MULTIPATH, hops);
    }
}

/// Does something with each next hop (`struct rtnexthop`: length, flags, weight, index, then
/// attributes).
fn each_hop(hops: &mut [u8], mut what: impl FnMut(&mut [u8])) {
    let mut rest = hops;
    while rest.len() >= 8 {
        let length = usize::from(u16::from_ne_bytes([rest[0], rest[1]]));
        let end = length.next_multiple_of(4).min(rest.len());
        if length < 8 {
            return;
        }
        let (hop, others) = rest.split_at_mut(end);
        what(hop);
        rest = others;
    }
}

/// The index of the device that it leaves by, where there is one.
pub(super) fn device(route: &Object) -> Option<u32> {
    route.get(rta::OIF)?.u32()
}

/// The next hops that have an ID, single ones first.
pub(super) fn nexthops(socket: &mut Socket) -> Result<Vec<Object>, Error> {
    let ask = Object::new(GET_NEXTHOP, [0; NEXTHOP_HEADER]);
    let mut hops = list(socket, "listing next hops", &ask)?;
    hops.sort_by_key(|own| own.get(GROUP).is_some());
    for hop in &mut hops {
        // The scope is the kernel's own to find.
        hop.header[SCOPE] = 0;
        hop.set_number(4, hop.number(4) & u32::from(rta::ONLINK));
    }
    Ok(hops)
}

pub(super) fn compare(
    replay: &mut Replay<'_>,
    nexthops: &[Object],
    wanted: &[Object],
    devices: &[Device],
) -> Result<(), Error> {
    let hops = nexthops.iter().map(|own| {
        let id = own.get(ID).and_then(|id| id.u32()).unwrap_or(0);
        (format!("next hop {id}"), own.of_kind(NEW_NEXTHOP))
    });
    let hops: Vec<_> = hops.collect();
    replay.try_all("adding a next hop", CREATE | EXCL, hops);

    let now = all(&mut replay.socket)?;
    let misplaced = misplaced(&now, wanted);
    let (come, mut go) = difference(now, wanted);
    go.retain(|own| !is_of_kept_address(own, devices));
    // What is in another order goes and comes again.
    let is_misplaced = |own: &Object| misplaced.contains(&place(own));
    let kept = wanted.iter().filter(|own| is_misplaced(own) || come.contains(own));
    let come: Vec<Object> = kept.cloned().collect();
    let others = wanted.iter().filter(|own| is_misplaced(own)).cloned();
    let go: Vec<Object> = go.into_iter().chain(others).collect();
    let go: Vec<_> = go.iter().map(|own| (name(own), own.of_kind(libc::RTM_DELROUTE))).collect();
    replay.try_all("removing a route", 0, go);
    for (family, flags) in [(INET, CREATE | APPEND), (INET6, CREATE | EXCL)] {
        let come = come.iter().filter(|own| own.header[0] == family);
        let come: Vec<_> = come.map(|own| (name(own), own.of_kind(libc::RTM_NEWROUTE))).collect();
        add(replay, flags, come);
    }
    Ok(())
}

/// Whether an IPv6 route is that to an address of a device which is down. Where the kernel kept the address
/// (`keep_addr_on_down`) it took the route away, and gives it back when the device comes up; but not where somebody
/// else has taken it away (`fixup_permanent_addr`, `net/ipv6/addrconf.c`).
fn is_of_kept_address(route: &Object, devices: &[Device]) -> bool {
    let is_down = |index| devices.iter().any(|own| own.seen.index == index && !own.seen.up);
    let is_local = route.header[0] == INET6 && route.header[TYPE] == libc::RTN_LOCAL;
    is_local && device(route).is_some_and(is_down)
}

/// Family, prefix length, TOS, table, destination, metric.
type Place = (u8, u8, u8, Vec<u8>, Vec<u8>, Vec<u8>);

/// What routes have in common of which the first is taken. `None`: to an address that is on each link, where the device is always said.
fn place(route: &Object) -> Option<Place> {
    let [family, length, _, tos, ..] = *route.header.as_slice() else { return None };
    let value = |attribute| route.get(attribute).map(|own| own.0.to_vec()).unwrap_or_default();
    let to = route.get(rta::DST).and_then(|own| own.ip());
    let is_on_each_link =
        matches!(to, Some(IpAddr::V6(to)) if to.is_multicast() || to.is_unicast_link_local());
    (!is_on_each_link)
        .then(|| (family, length, tos, value(rta::TABLE), value(rta::DST), value(rta::PRIORITY)))
}

/// The places of which the routes are there in another order than is wanted.
fn misplaced(now: &[Object], wanted: &[Object]) -> HashSet<Option<Place>> {
    let by_place = |routes: &[Object]| {
        let mut places: HashMap<_, Vec<Object>> = HashMap::new();
        for route in routes {
            if let Some(place) = place(route) {
                places.entry(place).or_default().push(route.clone());
            }
        }
        places
    };
    let now = by_place(now);
    let wanted = by_place(wanted);
    let differs = wanted.iter().filter(|(place, routes)| {
        routes.len() > 1 && now.get(*place).is_some_and(|now| now != *routes)
    });
    differs.map(|(place, _)| Some(place.clone())).collect()
}

/// Adds routes. A gateway may have been on a link once, when its route was made, and be there no more:
/// what is refused is said again with the word that it is.
fn add(replay: &mut Replay<'_>, flags: u16, come: Vec<(String, Object)>) {
    let told = replay.refused.len();
    let refused = replay.try_all("adding a route", flags, come.iter().cloned());
    let again: Vec<_> = refused
        .into_iter()
        .map(|place| {
            let (name, mut route) = come[place].clone();
            route.set_number(FLAGS, u32::from(rta::ONLINK));
            (name, route)
        })
        .collect();
    replay.refused.truncate(told);
    replay.try_all("adding a route", flags, again);
}

fn name(route: &Object) -> String {
    let to = route.get(rta::DST).and_then(|own| own.ip());
    let table = route.get(rta::TABLE).and_then(|own| own.u32()).unwrap_or(0);
    let [_, length, ..] = *route.header.as_slice() else { return "a route".to_owned() };
    match to {
        Some(to) => format!("route {to}/{length} of type {} in table {table}", route.header[TYPE]),
        None => format!("default route of type {} in table {table}", route.header[TYPE]),
    }
}
