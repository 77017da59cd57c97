//! What the kernel answers, read where it lies: of a device it tells a hundred times as much as is
//! wanted here, and to take all of that apart would cost more than to ask for it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The bits of an attribute's type that are not its type: `NLA_F_NESTED`, `NLA_F_NET_BYTEORDER`
/// (`linux/netlink.h`).
const FLAGS: u16 = 0xc000;

/// `AF_INET` and `AF_INET6`, as the first octet of a message has them.
pub(crate) const INET: u8 = libc::AF_INET as u8;
pub(crate) const INET6: u8 = libc::AF_INET6 as u8;

/// The attributes (`struct nlattr`) in some bytes, each with its type. What is left when one can't
/// be read is passed over.
pub(crate) fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, Value<'_>)> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let &[l0, l1, k0, k1] = rest.first_chunk()?;
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        let value = rest.get(4..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((u16::from_ne_bytes([k0, k1]) & !FLAGS, Value(value)))
    })
}

/// The header of a message, of this many bytes, and the attributes behind it.
pub(crate) fn header<const LENGTH: usize>(
    message: &[u8],
) -> Option<(&[u8; LENGTH], impl Iterator<Item = (u16, Value<'_>)>)> {
    let (header, rest) = message.split_first_chunk()?;
    Some((header, attributes(rest)))
}

/// A number of four bytes in this machine's byte order, somewhere in a header.
pub(crate) fn number(header: &[u8], at: usize) -> u32 {
    header.get(at..).and_then(|rest| Value(rest).u32()).unwrap_or_default()
}

/// The value of an attribute. Where it is too short for what is asked, there is no answer.
#[derive(Clone, Copy)]
pub(crate) struct Value<'a>(pub &'a [u8]);

impl<'a> Value<'a> {
    pub fn u8(self) -> Option<u8> {
        self.0.first().copied()
    }

    pub fn u16(self) -> Option<u16> {
        self.0.first_chunk().copied().map(u16::from_ne_bytes)
    }

    pub fn u32(self) -> Option<u32> {
        self.0.first_chunk().copied().map(u32::from_ne_bytes)
    }

    /// A text with or without its NUL.
    pub fn text(self) -> String {
        let end = self.0.iter().position(|&byte| byte == 0).unwrap_or(self.0.len());
        String::from_utf8_lossy(&self.0[..end]).into_owned()
    }

    /// An address of either family: its length tells which.
    pub fn ip(self) -> Option<IpAddr> {
        <[u8; 4]>::try_from(self.0)
            .map(|v4| Ipv4Addr::from(v4).into())
            .or_else(|_| <[u8; 16]>::try_from(self.0).map(|v6| Ipv6Addr::from(v6).into()))
            .ok()
    }

    /// One of the attributes in it.
    pub fn get(self, kind: u16) -> Option<Value<'a>> {
        self.nested().find(|(own, _)| *own == kind).map(|(_, value)| value)
    }

    /// The attributes in it.
    pub fn nested(self) -> impl Iterator<Item = (u16, Value<'a>)> {
        attributes(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_ends_the_list() {
        let one = [[5, 0, 1, 0], [7, 0, 0, 0]].concat();
        let all = |bytes: &[u8]| -> Vec<(u16, Vec<u8>)> {
            attributes(bytes).map(|(kind, value)| (kind, value.0.to_vec())).collect()
        };
        assert_eq!(all(&one), [(1, vec![7])]);
        assert_eq!(all(&[&one[..], &one[..]].concat()), [(1, vec![7]), (1, vec![7])]);
        // Cut off in the middle, longer than what is there, shorter than its own header.
        assert_eq!(all(&[&one[..], &[8, 0, 2]].concat()), [(1, vec![7])]);
        assert_eq!(all(&[&one[..], &[9, 0, 2, 0, 1, 1]].concat()), [(1, vec![7])]);
        assert_eq!(all(&[&one[..], &[3, 0, 2, 0, 1, 1, 1, 1]].concat()), [(1, vec![7])]);
    }

    #[test]
    fn the_type_is_told_without_its_flags() {
        let nested = [[12, 0, 2, 0x80], [8, 0, 1, 0], [1, 2, 3, 4]].concat();
        let (kind, value) = attributes(&nested).next().expect("an attribute");
        assert_eq!(kind, 2);
        let (kind, value) = value.nested().next().expect("an attribute in it");
        assert_eq!((kind, value.ip()), (1, Some(Ipv4Addr::new(1, 2, 3, 4).into())));
    }

    #[test]
    fn a_value_that_is_too_short_says_nothing() {
        let value = Value(&[1, 2, 3]);
        assert_eq!((value.u32(), value.ip()), (None, None));
        assert_eq!(Value(b"lo\0xx").text(), "lo");
        assert_eq!(Value(b"lo").text(), "lo");
    }
}
