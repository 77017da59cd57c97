//! DHCP (RFC 2131) and BOOTP (RFC 951), on which it rests.

use std::net::Ipv4Addr;

use super::bytes::{array_at, u16_at, u32_at};
use crate::Mac;

/// A message of BOOTP or DHCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dhcp<'a> {
    /// 1 from the client, 2 from the server.
    pub operation: u8,
    /// The kind of hardware (`ARPHRD_…`): 1 is Ethernet.
    pub hardware: u8,
    /// How long its addresses are: 6.
    pub hardware_length: u8,
    /// How many relays it went over.
    pub hops: u8,
    /// Which exchange it belongs to.
    pub id: u32,
    /// How long the client has been trying, in seconds.
    pub seconds: u16,
    /// The highest bit: please answer by broadcast.
    pub flags: u16,
    /// The address that the client has.
    pub client_ip: Ipv4Addr,
    /// The address that the client gets.
    pub your_ip: Ipv4Addr,
    /// The server that the client is to go on with.
    pub server_ip: Ipv4Addr,
    /// The relay.
    pub relay_ip: Ipv4Addr,
    /// The client's MAC.
    pub client_mac: Mac,
    /// The options behind the magic cookie, as far as they were captured; `None` in plain BOOTP.
    pub options: Option<&'a [u8]>,
}

impl<'a> Dhcp<'a> {
    /// From the client.
    pub const REQUEST: u8 = 1;
    /// From the server.
    pub const REPLY: u8 = 2;
    /// The option that says which message of DHCP it is.
    const MESSAGE_TYPE: u8 = 53;
    const COOKIE: [u8; 4] = [99, 130, 83, 99];

    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let address = |at| array_at::<4>(bytes, at).map(Ipv4Addr::from);
        Some(Self {
            operation: *bytes.first()?,
            hardware: *bytes.get(1)?,
            hardware_length: *bytes.get(2)?,
            hops: *bytes.get(3)?,
            id: u32_at(bytes, 4)?,
            seconds: u16_at(bytes, 8)?,
            flags: u16_at(bytes, 10)?,
            client_ip: address(12)?,
            your_ip: address(16)?,
            server_ip: address(20)?,
            relay_ip: address(24)?,
            client_mac: Mac(array_at(bytes, 28)?),
            options: match array_at(bytes, 236) {
                Some(Self::COOKIE) => bytes.get(240..),
                _ => None,
            },
        })
    }

    /// Which message of DHCP it is (RFC 2132, 9.6): 1 discover, 2 offer, 3 request, 4 decline, 5 ack,
    /// 6 nak, 7 release, 8 inform.
    pub fn message(&self) -> Option<u8> {
        let mut options = self.options?;
        loop {
            options = match options {
                [0, rest @ ..] => rest,
                [Self::MESSAGE_TYPE, 1, message, ..] => return Some(*message),
                [255, ..] => return None,
                [_, length, rest @ ..] => rest.get(usize::from(*length)..)?,
                _ => return None,
            };
        }
    }
}
