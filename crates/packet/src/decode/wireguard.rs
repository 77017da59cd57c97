//! WireGuard (<https://www.wireguard.com/protocol/>): what of it can be read without a key.

use super::bytes::array_at;

/// A message of WireGuard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireGuard {
    /// A handshake begins.
    Initiation {
        /// What its sender calls the session.
        sender: u32,
    },
    /// It is answered.
    Response {
        /// What its sender calls the session.
        sender: u32,
        /// What its receiver calls it.
        receiver: u32,
    },
    /// It is to be begun again, with a cookie: whoever should answer is under load.
    CookieReply {
        /// What its receiver calls the session.
        receiver: u32,
    },
    /// A packet, or nothing but a sign of life.
    Data {
        /// What its receiver calls the session.
        receiver: u32,
        /// Which packet of the session.
        counter: u64,
        /// How many bytes are in it, padded to a multiple of 16; none in a sign of life.
        length: u32,
    },
}

impl WireGuard {
    /// Header and authentication tag around the data.
    const AROUND_DATA: u32 = 16 + 16;

    /// The message that a datagram of this length carries, if it is one, whatever its ports are. It is
    /// known by its type, three zeros, and its length.
    pub fn read(bytes: &[u8], length: u32) -> Option<Self> {
        let number = |at| array_at(bytes, at).map(u32::from_le_bytes);
        match (number(0)?, length) {
            (1, 148) => Some(Self::Initiation { sender: number(4)? }),
            (2, 92) => Some(Self::Response { sender: number(4)?, receiver: number(8)? }),
            (3, 64) => Some(Self::CookieReply { receiver: number(4)? }),
            (4, Self::AROUND_DATA..) => Some(Self::Data {
                receiver: number(4)?,
                counter: u64::from_le_bytes(array_at(bytes, 8)?),
                length: length - Self::AROUND_DATA,
            }),
            _ => None,
        }
    }
}
