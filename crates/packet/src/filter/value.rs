//! Addresses, nets and ports as an expression has them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::expression::Net;
use super::mistake::Problem;

/// A single address.
pub(super) fn host(word: &str) -> Result<Net, Problem> {
    let address: IpAddr =
        word.parse().map_err(|_| Problem::NotAddress { word: word.to_owned() })?;
    Ok(Net { address, length: bits(address) })
}

/// A net as `10.0.0.0/8`, `10.0/16`, `10.0` (which is the same), `2001:db8::/32`, or an address.
pub(super) fn net(word: &str) -> Result<Net, Problem> {
    let wrong = || Problem::NotNet { word: word.to_owned() };
    let (address, length) = match word.split_once('/') {
        Some((address, length)) => (address, Some(number(length).ok_or_else(wrong)?)),
        None => (word, None),
    };
    let (address, named) = match address.parse() {
        Ok(address) => (address, bits(address)),
        Err(_) => short(address).ok_or_else(wrong)?,
    };
    let length = length.unwrap_or(named);
    if length > bits(address) {
        return Err(wrong());
    }
    let first = first(address, length);
    if first != address {
        return Err(Problem::HostBits {
            word: word.to_owned(),
            meant: format!("{first}/{length}"),
        });
    }
    Ok(Net { address, length })
}

/// A port.
pub(super) fn port(word: &str) -> Result<u16, Problem> {
    number(word).ok_or_else(|| Problem::NotPort { word: word.to_owned() })
}

/// A decimal number as one writes it: to libpcap, one with a zero in front is octal.
fn number<N: std::str::FromStr>(word: &str) -> Option<N> {
    let is_plain = word.bytes().all(|byte| byte.is_ascii_digit());
    let is_octal = word.len() > 1 && word.starts_with('0');
    (is_plain && !is_octal).then(|| word.parse().ok())?
}

/// An IPv4 address of which the last numbers are left out, and how many bits the others are. `0` alone
/// is left to libpcap, to which it is `0.0.0.0/32`.
fn short(word: &str) -> Option<(IpAddr, u8)> {
    if word == "0" {
        return None;
    }
    let mut octets = [0; 4];
    let mut count = 0;
    for octet in word.split('.') {
        *octets.get_mut(count)? = number(octet)?;
        count += 1;
    }
    Some((Ipv4Addr::from(octets).into(), 8 * count as u8))
}

/// The first address of the net in which an address is.
fn first(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => Ipv4Addr::from(u32::from(address) & mask_v4(length)).into(),
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            Ipv6Addr::from(u128::from(address) & mask).into()
        }
    }
}

/// The mask of an IPv4 net.
pub(super) fn mask_v4(length: u8) -> u32 {
    u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0)
}

fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}
