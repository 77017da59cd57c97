//! Frames, and the file in which tcpdump reads them.

use std::io::Write;
use std::path::Path;

use twinax_packet::{LinkType, Packet};

/// A frame as it was captured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// What was kept of it.
    pub bytes: Vec<u8>,
    /// How long it was on the wire.
    pub length: u32,
}

impl Case {
    pub fn whole(bytes: Vec<u8>) -> Self {
        let length = bytes.len() as u32;
        Self { bytes, length }
    }

    pub fn packet(&self) -> Packet<'_> {
        Packet::decode(LinkType::Ethernet, &self.bytes, self.length)
    }
}

/// The time of the first frame of a file, in seconds; each further one is a second later.
pub const BEGIN: u32 = 1_000_000_000;

/// Writes a classic pcap file (<https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-04.html>).
pub fn write_pcap<'a>(
    path: &Path,
    cases: impl IntoIterator<Item = &'a Case>,
) -> std::io::Result<()> {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    let (magic, version, snap_length, ethernet) =
        (0xa1b2_c3d4u32, 0x0004_0002u32, 262_144u32, 1u32);
    for word in [magic, version, 0, 0, snap_length, ethernet] {
        file.write_all(&word.to_le_bytes())?;
    }
    for (second, case) in (BEGIN..).zip(cases) {
        for word in [second, 0, case.bytes.len() as u32, case.length] {
            file.write_all(&word.to_le_bytes())?;
        }
        file.write_all(&case.bytes)?;
    }
    file.flush()
}
