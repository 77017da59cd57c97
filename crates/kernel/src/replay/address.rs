//! Addresses (`rtnetlink(7)`, `linux/if_addr.h`).

use super::object::{Object, list};
use super::{Replay, difference};
use crate::attributes::{INET, INET6};
use crate::error::Error;
use crate::netlink::{CREATE, EXCL, Socket};

/// `struct ifaddrmsg`: family, prefix length, flags, scope, index.
const HEADER: usize = 8;
const PREFIX_LENGTH: usize = 1;
const FLAGS_OCTET: usize = 2;
const INDEX: usize = 4;

/// `IFA_…`.
mod ifa {
    pub const ADDRESS: u16 = 1;
    pub const LOCAL: u16 = 2;
    pub const LABEL: u16 = 3;
    pub const BROADCAST: u16 = 4;
    pub const CACHEINFO: u16 = 6;
    pub const FLAGS: u16 = 8;
    pub const RT_PRIORITY: u16 = 9;
    pub const PROTO: u16 = 11;
    /// `IFA_F_…`.
    pub const TEMPORARY: u32 = 0x01;
    pub const NODAD: u32 = 0x02;
    pub const DADFAILED: u32 = 0x08;
    pub const TENTATIVE: u32 = 0x40;
    pub const PERMANENT: u32 = 0x80;
    /// What can be asked for: `NODAD`, `HOMEADDRESS`, `MANAGETEMPADDR`, `NOPREFIXROUTE`,
    /// `MCAUTOJOIN`.
    pub const ASKED: u32 = 0x02 | 0x10 | 0x100 | 0x200 | 0x400;
}

/// All addresses, those of each family in the order in which they are to be added to come out in the
/// same one: the kernel puts a new IPv6 address before the others of its scope.
pub(super) fn all(socket: &mut Socket) -> Result<Vec<Object>, Error> {
    let mut all = Vec::new();
    for family in [INET, INET6] {
        let mut header = [0; HEADER];
        header[0] = family;
        let ask = Object::new(libc::RTM_GETADDR, header);
        let mut found = list(socket, "listing addresses", &ask)?;
        found.retain(|own| own.header[0] == family);
        if family == INET6 {
            found.reverse();
        }
        all.extend(found);
    }
    for object in &mut all {
        object.keep(&[
            ifa::ADDRESS,
            ifa::LOCAL,
            ifa::LABEL,
            ifa::BROADCAST,
            ifa::CACHEINFO,
            ifa::FLAGS,
            ifa::RT_PRIORITY,
            ifa::PROTO,
        ]);
        if let Some(cache) = object.get(ifa::CACHEINFO).map(|own| own.0.to_vec()) {
            // struct ifa_cacheinfo: preferred, valid, then when it was made and changed.
            let left = [cache.get(..8).unwrap_or_default(), &[0; 8]].concat();
            object.put(ifa::CACHEINFO, left);
        }
    }
    Ok(all)
}

/// The index of its device.
pub(super) fn device(object: &Object) -> u32 {
    object.number(INDEX)
}

fn flags(object: &Object) -> u32 {
    let octet = u32::from(object.header[FLAGS_OCTET]);
    object.get(ifa::FLAGS).and_then(|own| own.u32()).unwrap_or(octet)
}

fn is_ipv6(object: &Object) -> bool {
    object.header[0] == INET6
}

/// Whether another node was found to have it.
pub(super) fn has_failed(object: &Object) -> bool {
    is_ipv6(object) && flags(object) & ifa::DADFAILED != 0
}

/// Whether it can't be used yet.
fn is_tentative(object: &Object) -> bool {
    is_ipv6(object) && flags(object) & ifa::TENTATIVE != 0
}

/// What a copy can't have of it.
pub(super) fn lack(object: &Object) -> Option<String> {
    if !is_ipv6(object) {
        return None;
    }
    let flags = flags(object);
    if flags & ifa::DADFAILED != 0 {
        return Some(format!(
            "{}, of which another node had it first (`dadfailed`): tentative in the copy",
            name(object)
        ));
    }
    let drawn = flags & ifa::TEMPORARY != 0;
    drawn.then(|| format!("{} is temporary: in the copy it is not", name(object)))
}

fn name(object: &Object) -> String {
    let address = object.get(ifa::LOCAL).or_else(|| object.get(ifa::ADDRESS));
    match address.and_then(|own| own.ip()) {
        Some(address) => format!("address {address}/{}", object.header[PREFIX_LENGTH]),
        None => "an address".to_owned(),
    }
}

/// The request that makes it.
fn request(object: &Object) -> Object {
    let mut request = object.of_kind(libc::RTM_NEWADDR);
    let mut flags = flags(object) & ifa::ASKED;
    if is_ipv6(object) && !is_tentative(object) {
        flags |= ifa::NODAD;
    } else {
        flags &= !ifa::NODAD;
    }
    request.header[FLAGS_OCTET] = flags as u8;
    request.put(ifa::FLAGS, flags.to_ne_bytes());
    if !is_ipv6(object) && flags & ifa::PERMANENT != 0 {
        request.drop(ifa::CACHEINFO);
    }
    request
}

pub(super) fn add(replay: &mut Replay<'_>, addresses: &[Object]) {
    let wanted = addresses.iter().filter(|own| !is_native(own));
    let requests: Vec<_> = wanted.map(|own| (name(own), request(own))).collect();
    replay.try_all("adding an address", CREATE | EXCL, requests);
}

/// `127.0.0.1/8` and `::1/128`, which `lo` gets by coming up.
fn is_native(object: &Object) -> bool {
    let address = object.get(ifa::LOCAL).or_else(|| object.get(ifa::ADDRESS));
    let is = |text: &str| {
        address.and_then(|own| own.ip()).map(|own| own.to_string()).as_deref() == Some(text)
    };
    device(object) == 1 && (is("127.0.0.1") && object.header[PREFIX_LENGTH] == 8 || is("::1"))
}

pub(super) fn compare(replay: &mut Replay<'_>, wanted: &[Object]) -> Result<(), Error> {
    let (come, go) = difference(keys(&all(&mut replay.socket)?), &keys(wanted));
    let go: Vec<_> = go.iter().map(|own| (name(own), own.of_kind(libc::RTM_DELADDR))).collect();
    replay.try_all("removing an address", 0, go);
    // Of those of `lo`, which were not said.
    let come = wanted.iter().filter(|own| come.contains(&key(own)));
    let come: Vec<_> = come.map(|own| (name(own), request(own))).collect();
    replay.try_all("adding an address", CREATE | EXCL, come);
    Ok(())
}

fn keys(objects: &[Object]) -> Vec<Object> {
    objects.iter().map(key).collect()
}

/// Which address it is, whatever is said of it.
fn key(object: &Object) -> Object {
    let mut key = object.clone();
    key.header[FLAGS_OCTET] = 0;
    key.header[3] = 0;
    key.keep(&[ifa::ADDRESS, ifa::LOCAL]);
    key
}
