//! Static neighbours, and static entries of forwarding databases (`linux/neighbour.h`).

use std::collections::HashMap;

use super::object::{Object, list};
use super::{Device, Replay, difference};
use crate::attributes::{INET, INET6};
use crate::error::Error;
use crate::netlink::{APPEND, CREATE, REPLACE, Socket};
use crate::observe::neighbour::nda;

/// `struct ndmsg`: family, padding, index, state, flags, type.
const HEADER: usize = 12;
const INDEX: usize = 4;
const STATE: usize = 8;
const FLAGS: usize = 10;
const TYPE: usize = 11;

fn ask(family: u8, flags: u8) -> Object {
    let mut header = [0; HEADER];
    header[0] = family;
    header[FLAGS] = flags;
    Object::new(libc::RTM_GETNEIGH, header)
}

/// The index of its device.
pub(super) fn device(object: &Object) -> u32 {
    object.number(INDEX)
}

fn state(object: &Object) -> u16 {
    u16::from_ne_bytes([object.header[STATE], object.header[STATE + 1]])
}

/// The neighbours that somebody has set: permanent ones, those that are never asked for, and those that
/// are answered for (proxies).
pub(super) fn all(socket: &mut Socket, devices: &[Device]) -> Result<Vec<Object>, Error> {
    // Of these, the kernel gives each neighbour the state NUD_NOARP.
    let asks_none = |index: u32| {
        let device = devices.iter().find(|own| own.seen.index == index);
        device.is_none_or(|own| own.seen.name == "lo" || own.is_noarp())
    };
    let mut neighbours = list(socket, "listing neighbours", &ask(0, 0))?;
    neighbours.retain(|own| {
        let is_ip = matches!(own.header[0], INET | INET6);
        let is_one = own.get(nda::DST).and_then(|to| to.ip()).is_some_and(|to| !to.is_multicast());
        let by_hand = state(own) & nda::PERMANENT != 0
            || own.header[FLAGS] & nda::EXT_LEARNED != 0
            || state(own) & nda::NOARP != 0 && !asks_none(device(own)) && !is_of_all(own);
        is_ip && is_one && by_hand
    });
    neighbours.extend(list(socket, "listing proxies", &ask(0, nda::PROXY))?);
    for neighbour in &mut neighbours {
        neighbour.drop(nda::CACHEINFO);
        neighbour.drop(nda::PROBES);
        neighbour.header[TYPE] = 0;
    }
    Ok(neighbours)
}

/// Whether its hardware address is that of all.
fn is_of_all(neighbour: &Object) -> bool {
    neighbour.get(nda::LLADDR).is_some_and(|own| own.0.iter().all(|&byte| byte == 0xff))
}

pub(super) fn add(replay: &mut Replay<'_>, neighbours: &[Object]) {
    let requests = neighbours.iter().map(|own| {
        let to = own.get(nda::DST).and_then(|to| to.ip());
        let name = to.map_or("a neighbour".to_owned(), |to| format!("neighbour {to}"));
        (name, own.of_kind(libc::RTM_NEWNEIGH))
    });
    let requests: Vec<_> = requests.collect();
    replay.try_all("adding a neighbour", CREATE | REPLACE, requests);
}

/// The entries of forwarding databases that are not learned, but for those of group addresses.
pub(super) fn fdb(socket: &mut Socket, devices: &[Device]) -> Result<Vec<Object>, Error> {
    let kinds: HashMap<u32, &str> =
        devices.iter().map(|own| (own.seen.index, own.seen.kind.as_str())).collect();
    let mut entries = list(socket, "listing forwarding databases", &ask(libc::AF_BRIDGE as u8, 0))?;
    entries.retain(|own| {
        let is_group =
            own.get(nda::LLADDR).is_none_or(|mac| mac.0.first().is_none_or(|own| own & 1 != 0));
        let is_static = state(own) & (nda::PERMANENT | nda::NOARP) != 0
            || own.header[FLAGS] & nda::EXT_LEARNED != 0;
        // Of others, these are the addresses that a device listens to.
        let has_database = own.get(nda::MASTER).is_some()
            || matches!(kinds.get(&device(own)), Some(&"vxlan" | &"bridge"));
        is_static && has_database && !is_group
    });
    for entry in &mut entries {
        entry.drop(nda::CACHEINFO);
    }
    Ok(entries)
}

pub(super) fn compare_fdb(
    replay: &mut Replay<'_>,
    wanted: &[Object],
    devices: &[Device],
) -> Result<(), Error> {
    if !devices.iter().any(|own| matches!(own.seen.kind.as_str(), "bridge" | "vxlan")) {
        return Ok(());
    }
    let (come, go) = difference(fdb(&mut replay.socket, devices)?, wanted);
    let named = |objects: Vec<Object>, kind: u16| -> Vec<(String, Object)> {
        objects.iter().map(|own| (name(own), request(own, kind))).collect()
    };
    replay.try_all("removing an entry", 0, named(go, libc::RTM_DELNEIGH));
    // Of a tunnel there may be several for one address (`vxlan_fdb_update_existing`).
    let (of_tunnels, others) = come.into_iter().partition(|own| own.get(nda::DST).is_some());
    let request = "adding an entry";
    replay.try_all(request, CREATE | REPLACE, named(others, libc::RTM_NEWNEIGH));
    replay.try_all(request, CREATE | APPEND, named(of_tunnels, libc::RTM_NEWNEIGH));
    Ok(())
}

fn request(entry: &Object, kind: u16) -> Object {
    let mut request = entry.of_kind(kind);
    let master = entry.get(nda::MASTER).and_then(|own| own.u32());
    request.header[FLAGS] |= match master {
        Some(master) if master != device(entry) => nda::OF_MASTER,
        _ => nda::SELF,
    };
    // Who the master is, is known.
    request.drop(nda::MASTER);
    request
}

fn name(entry: &Object) -> String {
    let mac = entry.get(nda::LLADDR).map(|own| own.0).unwrap_or_default();
    let mac: Vec<String> = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    let vlan = entry.get(nda::VLAN).and_then(|own| own.u16());
    let vlan = vlan.map(|vlan| format!(" in VLAN {vlan}")).unwrap_or_default();
    format!("entry {}{vlan} of a forwarding database", mac.join(":"))
}
