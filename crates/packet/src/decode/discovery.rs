//! Neighbour discovery (RFC 4861): who has which address, and which router there is.

use std::net::Ipv6Addr;

use super::Icmpv6;
use super::bytes::{array_at, u16_at, u32_at};

/// A message of neighbour discovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discovery<'a> {
    /// What it says.
    pub says: Says,
    /// Its options, as far as they were captured: see [`Self::options`].
    pub option_bytes: &'a [u8],
}

/// What a message of neighbour discovery says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// Is there a router?
    RouterSolicitation,
    /// Here is one.
    RouterAdvertisement {
        /// The hop limit that hosts are to send with; 0 where it says none.
        hop_limit: u8,
        /// Its flags: 0x80 addresses by DHCPv6, 0x40 other settings by DHCPv6.
        flags: u8,
        /// How long it may be a default router, in seconds; 0 where it is none.
        lifetime: u16,
        /// How long a neighbour counts as reachable, in milliseconds.
        reachable: u32,
        /// How long to wait before one solicits again, in milliseconds.
        retransmit: u32,
    },
    /// Who has this address?
    NeighborSolicitation {
        /// The address.
        target: Ipv6Addr,
    },
    /// I have it.
    NeighborAdvertisement {
        /// The address.
        target: Ipv6Addr,
        /// Whether it is a router.
        router: bool,
        /// Whether it was asked.
        solicited: bool,
        /// Whether it counts more than what was known before.
        overrides: bool,
    },
    /// There is a better way.
    Redirect {
        /// Over whom.
        target: Ipv6Addr,
        /// To whom.
        destination: Ipv6Addr,
    },
}

/// An option of neighbour discovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiscoveryOption<'a> {
    /// The sender's hardware address.
    Source(&'a [u8]),
    /// The target's hardware address.
    Target(&'a [u8]),
    /// A prefix of this link.
    Prefix {
        /// The prefix.
        prefix: Ipv6Addr,
        /// How many bits of it count.
        length: u8,
        /// Its flags: 0x80 it is on this link, 0x40 hosts may make themselves addresses of it.
        flags: u8,
        /// How long it is valid, in seconds.
        valid: u32,
        /// How long addresses of it are preferred, in seconds.
        preferred: u32,
    },
    /// The packet that was redirected: its beginning.
    Redirected(&'a [u8]),
    /// The link's MTU.
    Mtu(u32),
    /// Another, by its number.
    Other(u8, &'a [u8]),
}

/// The options of a message, in their order, up to one that is not whole.
#[derive(Debug, Clone)]
pub struct DiscoveryOptions<'a>(&'a [u8]);

impl<'a> Discovery<'a> {
    /// Its options.
    pub fn options(&self) -> DiscoveryOptions<'a> {
        DiscoveryOptions(self.option_bytes)
    }
}

impl<'a> Icmpv6<'a> {
    /// What it says of neighbours and routers, where it is of neighbour discovery and whole.
    pub fn discovery(&self) -> Option<Discovery<'a>> {
        let address = |at| array_at::<16>(self.body, at).map(Ipv6Addr::from);
        let flag = |bit: u8| self.rest[0] & bit != 0;
        let (says, length) = match self.kind {
            Self::ROUTER_SOLICITATION => (Says::RouterSolicitation, 0),
            Self::ROUTER_ADVERTISEMENT => {
                let [hop_limit, flags, high, low] = self.rest;
                let says = Says::RouterAdvertisement {
                    hop_limit,
                    flags,
                    lifetime: u16::from_be_bytes([high, low]),
                    reachable: u32_at(self.body, 0)?,
                    retransmit: u32_at(self.body, 4)?,
                };
                (says, 8)
            }
            Self::NEIGHBOR_SOLICITATION => (Says::NeighborSolicitation { target: address(0)? }, 16),
            Self::NEIGHBOR_ADVERTISEMENT => {
                let says = Says::NeighborAdvertisement {
                    target: address(0)?,
                    router: flag(0x80),
                    solicited: flag(0x40),
                    overrides: flag(0x20),
                };
                (says, 16)
            }
            Self::REDIRECT => {
                (Says::Redirect { target: address(0)?, destination: address(16)? }, 32)
            }
            _ => return None,
        };
        Some(Discovery { says, option_bytes: self.body.get(length..)? })
    }

    /// The groups that a report of multicast listeners (version 2, RFC 3810) is about, up to one that is
    /// not whole.
    pub fn listener_records(&self) -> ListenerRecords<'a> {
        match self.kind {
            Self::LISTENER_REPORT_V2 => ListenerRecords {
                left: u16::from_be_bytes([self.rest[2], self.rest[3]]),
                bytes: self.body,
            },
            _ => ListenerRecords { left: 0, bytes: &[] },
        }
    }
}

impl<'a> Iterator for DiscoveryOptions<'a> {
    type Item = DiscoveryOption<'a>;

    fn next(&mut self) -> Option<DiscoveryOption<'a>> {
        let [kind, eights, ..] = *self.0 else { return None };
        let length = usize::from(eights) * 8;
        if length == 0 {
            return None;
        }
        let (option, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        let data = &option[2..];
        let prefix = || {
            Some(DiscoveryOption::Prefix {
                length: *option.get(2)?,
                flags: *option.get(3)?,
                valid: u32_at(option, 4)?,
                preferred: u32_at(option, 8)?,
                prefix: array_at::<16>(option, 16)?.into(),
            })
        };
        Some(match kind {
            1 => DiscoveryOption::Source(data),
            2 => DiscoveryOption::Target(data),
            3 => prefix().unwrap_or(DiscoveryOption::Other(kind, data)),
            4 => DiscoveryOption::Redirected(option.get(8..).unwrap_or_default()),
            5 => DiscoveryOption::Mtu(u32_at(option, 4).unwrap_or(0)),
            _ => DiscoveryOption::Other(kind, data),
        })
    }
}

/// A group that somebody listens to, or no longer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenerRecord<'a> {
    /// 1 listens to these sources, 2 to all but these; 3 and 4 the same from now on; 5 to these too,
    /// 6 no longer to these.
    pub kind: u8,
    /// The group.
    pub group: Ipv6Addr,
    /// The sources' addresses, 16 bytes each.
    pub source_bytes: &'a [u8],
}

/// The records of a report, in their order.
#[derive(Debug, Clone)]
pub struct ListenerRecords<'a> {
    left: u16,
    bytes: &'a [u8],
}

impl<'a> Iterator for ListenerRecords<'a> {
    type Item = ListenerRecord<'a>;

    fn next(&mut self) -> Option<ListenerRecord<'a>> {
        self.left = self.left.checked_sub(1)?;
        let auxiliary = usize::from(*self.bytes.get(1)?) * 4;
        let sources = usize::from(u16_at(self.bytes, 2)?) * 16;
        let record = ListenerRecord {
            kind: *self.bytes.first()?,
            group: array_at::<16>(self.bytes, 4)?.into(),
            source_bytes: self.bytes.get(20..20 + sources)?,
        };
        self.bytes = self.bytes.get(20 + sources + auxiliary..).unwrap_or_default();
        Some(record)
    }
}
