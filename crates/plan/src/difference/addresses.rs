//! Addresses of one interface.
//!
//! IPv4 addresses of one interface and subnet are one *primary* address, the one that was added
//! first, and *secondary* ones (`devinet.c`). With the primary go the secondaries, unless
//! `promote_secondaries` is on, which one can't rely on either way; and with the last IPv4 address
//! of a device go all its IPv4 routes. So:
//!
//! - Two lists are the same when they have the same addresses and each subnet the same primary one.
//!   The order of secondaries, of subnets, and of IPv6 addresses, decides nothing, and is no
//!   difference.
//! - Where a subnet keeps its primary, what is new comes before what is old goes.
//! - Where it gets another one, its addresses go, secondaries first, and the wanted ones come. If
//!   the device had no other address meanwhile, the new primary stands in for it as a host's
//!   address (`/32`), which is a subnet of its own.
//! - A subnet that goes goes last, secondaries first.
//!
//! An IPv6 address is on a device only once, whatever its prefix length; if that differs, the old
//! one goes first. IPv6 routes do not go with addresses.

use ipnet::IpNet;
use twinax_topology::{Change, Place};

/// The changes that give an interface the wanted addresses.
pub(crate) fn changes(at: &Place, now: &[IpNet], wanted: &[IpNet]) -> Vec<Change> {
    let add = |net: &IpNet| Change::AddAddress(at.clone(), *net);
    let del = |net: &IpNet| Change::DelAddress(at.clone(), *net);
    let mut changes = Vec::new();
    let (mut added, mut removed, mut goes) = (Vec::new(), Vec::new(), Vec::new());
    let mut switched: Vec<(Vec<&IpNet>, Vec<&IpNet>)> = Vec::new();
    let mut has_anchor = false;
    let (groups_now, groups_wanted) = (subnets(now), subnets(wanted));
    for (subnet, wanted) in &groups_wanted {
        let now = groups_now.iter().find(|(own, _)| own == subnet).map_or(&[][..], |(_, now)| now);
        if now.is_empty() || now[0] == wanted[0] {
            has_anchor = true;
            added.extend(wanted.iter().filter(|net| !now.contains(net)));
            removed.extend(now.iter().filter(|net| !wanted.contains(net)));
        } else {
            switched.push((now.to_vec(), wanted.clone()));
        }
    }
    for (subnet, now) in &groups_now {
        if groups_wanted.iter().all(|(wanted, _)| wanted != subnet) {
            has_anchor = true;
            goes.extend(now.iter().rev());
        }
    }
    changes.extend(added.into_iter().map(add));
    changes.extend(removed.into_iter().map(del));
    let alone = !has_anchor && switched.len() == 1;
    let stand_in = alone.then(|| IpNet::from(switched[0].1[0].addr()));
    changes.extend(stand_in.as_ref().map(add));
    for (now, wanted) in switched {
        changes.extend(now.into_iter().rev().map(del));
        changes.extend(wanted.into_iter().map(add));
    }
    changes.extend(stand_in.as_ref().map(del));
    changes.extend(goes.into_iter().map(del));
    changes.extend(ipv6(at, now, wanted));
    changes
}

fn ipv6(at: &Place, now: &[IpNet], wanted: &[IpNet]) -> Vec<Change> {
    let is_ipv6 = |net: &&IpNet| net.addr().is_ipv6();
    let goes = |net: &&IpNet| !wanted.contains(net);
    let mut changes = Vec::new();
    for net in wanted.iter().filter(is_ipv6).filter(|net| !now.contains(net)) {
        let other = now.iter().filter(goes).find(|own| own.addr() == net.addr());
        changes.extend(other.map(|own| Change::DelAddress(at.clone(), *own)));
        changes.push(Change::AddAddress(at.clone(), *net));
    }
    for net in now.iter().filter(is_ipv6).filter(goes) {
        if wanted.iter().all(|wanted| wanted.addr() != net.addr()) {
            changes.push(Change::DelAddress(at.clone(), *net));
        }
    }
    changes
}

/// The IPv4 addresses, subnet by subnet, each with its primary address first.
fn subnets(nets: &[IpNet]) -> Vec<(IpNet, Vec<&IpNet>)> {
    let mut groups: Vec<(IpNet, Vec<&IpNet>)> = Vec::new();
    for net in nets.iter().filter(|net| net.addr().is_ipv4()) {
        match groups.iter_mut().find(|(subnet, _)| *subnet == net.trunc()) {
            Some((_, group)) => group.push(net),
            None => groups.push((net.trunc(), vec![net])),
        }
    }
    groups
}
