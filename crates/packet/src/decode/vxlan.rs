//! VXLAN (RFC 7348).

use super::Packet;
use super::bytes::u32_at;
use crate::LinkType;

/// An Ethernet frame in VXLAN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vxlan<'a> {
    /// The flags: bit 3 says that the VNI is valid.
    pub flags: u8,
    /// Which of the networks.
    pub vni: u32,
    /// The frame, as far as it was captured.
    pub frame: &'a [u8],
    /// How long it was on the wire, in bytes.
    pub frame_length: u32,
}

impl<'a> Vxlan<'a> {
    /// That the VNI is valid.
    pub const VNI_VALID: u8 = 0x08;

    pub(super) fn read(bytes: &'a [u8], length: u32) -> Option<Self> {
        Some(Self {
            flags: *bytes.first()?,
            vni: u32_at(bytes, 4)? >> 8,
            frame: bytes.get(8..)?,
            frame_length: length.checked_sub(8)?,
        })
    }

    /// The frame, taken apart.
    pub fn inner(&self) -> Packet<'a> {
        Packet::decode(LinkType::Ethernet, self.frame, self.frame_length)
    }
}
