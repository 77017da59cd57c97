//! Frames in files, as tcpdump (pcap) and twinax (pcapng) write them.
//!
//! It shares nothing with twinax's own crate for packets, so that what that writes is checked. Files of
//! other byte orders than this machine's are refused.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};

/// Bytes in front of a frame in an enhanced packet block, from the block's body on.
const BEFORE_FRAME: usize = 20;
/// Bytes of the header of a pcap file.
const PCAP_HEADER: usize = 24;
/// Bytes in front of a frame in a pcap file.
const PCAP_RECORD: usize = 16;

/// Hands over every frame of a file.
pub fn each(file: &Path, frame: impl FnMut(&[u8])) -> Result<()> {
    let read = || read(BufReader::new(File::open(file)?), frame);
    read().with_context(|| file.display().to_string())
}

fn read(mut from: impl Read, each: impl FnMut(&[u8])) -> Result<()> {
    match word(&mut from)? {
        Some(0xa1b2_c3d4 | 0xa1b2_3c4d) => pcap(from, each),
        Some(0x0a0d_0d0a) => pcapng(from, each),
        other => bail!("neither pcap nor pcapng: {other:x?}"),
    }
}

fn pcap(mut from: impl Read, mut each: impl FnMut(&[u8])) -> Result<()> {
    from.read_exact(&mut [0; PCAP_HEADER - 4])?;
    let mut frame = Vec::new();
    while word(&mut from)?.is_some() {
        let mut header = [0; PCAP_RECORD - 4];
        from.read_exact(&mut header)?;
        frame.resize(u32_at(&header, 4)? as usize, 0);
        from.read_exact(&mut frame)?;
        each(&frame);
    }
    Ok(())
}

/// Behind the type of its first block.
fn pcapng(mut from: impl Read, mut each: impl FnMut(&[u8])) -> Result<()> {
    const ENHANCED_PACKET: u32 = 6;
    let mut kind = 0;
    let mut body = Vec::new();
    loop {
        let length = word(&mut from)?.context("a block without a length")? as usize;
        ensure!(length >= 12, "a block of {length} bytes");
        body.resize(length - 8, 0);
        from.read_exact(&mut body)?;
        if kind == ENHANCED_PACKET {
            let captured = u32_at(&body, 12)? as usize;
            each(body.get(BEFORE_FRAME..BEFORE_FRAME + captured).context("a short frame")?);
        }
        match word(&mut from)? {
            Some(next) => kind = next,
            None => return Ok(()),
        }
    }
}

/// The next four bytes; `None` at the end.
fn word(from: &mut impl Read) -> Result<Option<u32>> {
    let mut bytes = [0; 4];
    let mut have = 0;
    while have < bytes.len() {
        match from.read(&mut bytes[have..])? {
            0 if have == 0 => return Ok(None),
            0 => bail!("it ends within a word"),
            more => have += more,
        }
    }
    Ok(Some(u32::from_ne_bytes(bytes)))
}

fn u32_at(bytes: &[u8], place: usize) -> Result<u32> {
    let bytes = bytes.get(place..).and_then(<[u8]>::first_chunk).context("a short header")?;
    Ok(u32::from_ne_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(all: &[u32]) -> Vec<u8> {
        all.iter().flat_map(|word| word.to_ne_bytes()).collect()
    }

    fn frames(file: &[u8]) -> Result<Vec<Vec<u8>>> {
        let mut all = Vec::new();
        read(file, |frame| all.push(frame.to_vec()))?;
        Ok(all)
    }

    #[test]
    fn both_kinds_of_file_give_their_frames() {
        let mut pcap = words(&[0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, 1]);
        pcap.extend(words(&[1, 2, 3, 60]));
        pcap.extend(b"abc");
        pcap.extend(words(&[1, 2, 0, 0]));
        assert_eq!(frames(&pcap).expect("a pcap file"), [b"abc".to_vec(), Vec::new()]);
        assert!(frames(&pcap[..pcap.len() - 1]).is_err());

        // A section, an interface, a packet of five bytes with an option behind it, statistics.
        let mut pcapng = words(&[0x0a0d_0d0a, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28]);
        pcapng.extend(words(&[1, 20, 1, 0, 20]));
        pcapng.extend(words(&[6, 52, 0, 0, 0, 5, 5]));
        pcapng.extend(b"hello\0\0\0");
        pcapng.extend(words(&[0x0004_0002, 1, 0, 52]));
        pcapng.extend(words(&[5, 24, 0, 0, 0, 24]));
        assert_eq!(frames(&pcapng).expect("a pcapng file"), [b"hello".to_vec()]);
        assert!(frames(b"neither").is_err());
    }
}
