//! Whether a namespace forwards: netlink says what the two sysctls say, for a quarter of the price
//! of opening their files.

use netlink_packet_core::{DecodeError, NetlinkDeserializable, NetlinkHeader, NetlinkSerializable};

use crate::attributes::{INET, INET6, attributes};
use crate::error::Error;
use crate::netlink::Socket;

/// The value of a sysctl, by its path below `/proc/sys`, in the namespace of the socket. `None`: it
/// is none of those that netlink tells, or the kernel does not tell.
pub(super) fn value(socket: &mut Socket, path: &str) -> Result<Option<String>, Error> {
    let family = match path {
        "net/ipv4/ip_forward" => INET,
        "net/ipv6/conf/all/forwarding" => INET6,
        _ => return Ok(None),
    };
    match socket.get("asking whether a namespace forwards", &Netconf { family, forwarding: None }) {
        Ok(answer) => Ok(answer.and_then(|all| all.forwarding).map(|value| value.to_string())),
        // A kernel without the family.
        Err(Error::Refused { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// `RTM_GETNETCONF`, of all devices, and the answer (`linux/netconf.h`).
struct Netconf {
    family: u8,
    forwarding: Option<i32>,
}

/// `RTM_GETNETCONF`, `linux/rtnetlink.h`.
const GET: u16 = 82;
/// `NETCONFA_IFINDEX`.
const INDEX: u16 = 1;
/// `NETCONFA_IFINDEX_ALL`.
const ALL: i32 = -1;
/// `NETCONFA_FORWARDING`.
const FORWARDING: u16 = 2;
/// `struct netconfmsg`, a family, with what makes it a multiple of four.
const FIXED: usize = 4;

impl NetlinkSerializable for Netconf {
    fn message_type(&self) -> u16 {
        GET
    }

    fn buffer_len(&self) -> usize {
        FIXED + 8
    }

    fn serialize(&self, buffer: &mut [u8]) {
        buffer[0] = self.family;
        buffer[FIXED..FIXED + 2].copy_from_slice(&8_u16.to_ne_bytes());
        buffer[FIXED + 2..FIXED + 4].copy_from_slice(&INDEX.to_ne_bytes());
        buffer[FIXED + 4..FIXED + 8].copy_from_slice(&ALL.to_ne_bytes());
    }
}

impl NetlinkDeserializable for Netconf {
    type Error = DecodeError;

    fn deserialize(_: &NetlinkHeader, payload: &[u8]) -> Result<Self, DecodeError> {
        let family = payload.first().copied().unwrap_or_default();
        let forwarding = attributes(payload.get(FIXED..).unwrap_or_default())
            .find(|(attribute, _)| *attribute == FORWARDING)
            .and_then(|(_, value)| Some(value.u32()?.cast_signed()));
        Ok(Self { family, forwarding })
    }
}
