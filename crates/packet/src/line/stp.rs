//! The spanning tree's messages (IEEE 802.1D, 802.1w), which bridges send to each other.

use super::text::Text;
use super::{Ended, Line};
use crate::Packet;
use crate::decode::bytes::u16_at;

const FLAGS: [(u8, &str); 6] = [
    (0x01, "Topology change"),
    (0x02, "Proposal"),
    (0x10, "Learn"),
    (0x20, "Forward"),
    (0x40, "Agreement"),
    (0x80, "Topology change ACK"),
];

/// The LLC header in front (IEEE 802.2): the bridge's SAP twice, and unnumbered information.
const LLC: [u8; 3] = [0x42, 0x42, 0x03];

/// Types of messages.
mod kind {
    pub const CONFIG: u8 = 0x00;
    pub const RAPID: u8 = 0x02;
    pub const TOPOLOGY_CHANGE: u8 = 0x80;
}

impl Line<'_> {
    /// Whether an IEEE 802.3 frame was one.
    pub(super) fn stp(&mut self, packet: &Packet<'_>) -> bool {
        let Some(message) = packet.payload.strip_prefix(&LLC) else { return false };
        if self.ethernet {
            return false;
        }
        let length = packet.payload_length.saturating_sub(3);
        let begin = self.out.len();
        match self.try_stp(message, length) {
            Ok(known) => {
                if !known {
                    self.out.truncate(begin);
                }
                known
            }
            Err(Ended) => {
                self.ended("stp");
                true
            }
        }
    }

    /// Whether it is of a version and kind that is shown.
    fn try_stp(&mut self, message: &[u8], length: u32) -> Result<bool, Ended> {
        let byte = |at: usize| message.get(at).copied().ok_or(Ended);
        if length < 4 {
            self.invalid();
            return Ok(true);
        }
        if u16_at(message, 0).ok_or(Ended)? != 0 {
            return Ok(false);
        }
        self.out.text(match byte(2)? {
            0 => "STP 802.1d",
            2 => "STP 802.1w",
            _ => return Ok(false),
        });
        let kind = byte(3)?;
        self.out.text(match kind {
            kind::CONFIG => ", Config",
            kind::RAPID => ", Rapid STP",
            kind::TOPOLOGY_CHANGE => {
                self.out.text(", Topology Change");
                return Ok(true);
            }
            _ => return Ok(false),
        });
        if length < if kind == kind::RAPID { 36 } else { 35 } {
            self.invalid();
            return Ok(true);
        }
        let flags = byte(4)?;
        self.out.text(", Flags [");
        self.out.bits(flags, &FLAGS, ", ", "none");
        self.out.text("]");
        let bridge = message.get(17..25).ok_or(Ended)?;
        let port = u16_at(message, 25).ok_or(Ended)?;
        self.out.text(", bridge-id ");
        self.out.hex_bytes(&bridge[..2]);
        self.out.text(".");
        self.out.hardware(&bridge[2..]);
        self.out.text(".");
        self.out.hex(port, 4);
        self.out.text(", length ");
        self.out.number(length);
        Ok(true)
    }
}
