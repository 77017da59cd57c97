//! Our lines beside those of the real tcpdump, for frames of all kinds, odd ones, cut-off ones and
//! broken ones. Where they differ, the difference is one of `differences.rs`, and docs/capture.md says
//! why.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use twinax_packet::line::{self, Lines, Style};

use crate::case::{BEGIN, Case, write_pcap};
use crate::differences::{self, DIFFERENCES};
use crate::{odd, random};

/// A case and what it is called.
pub type Named = (String, Case);

/// What tcpdump says of each frame, or `None` where there is no tcpdump.
pub fn tcpdump(test: &str, options: &[&str], cases: &[Named]) -> Option<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("frames.pcap");
    write_pcap(&file, cases.iter().map(|(_, case)| case)).unwrap();
    let mut command = Command::new("tcpdump");
    command.args(["-nn", "-tt"]).args(options).arg("-r").arg(&file);
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("skipped: {test}: tcpdump can't be run: {error}");
            return None;
        }
    };
    let text = String::from_utf8(output.stdout).unwrap();
    let packets = packets(&text);
    assert_eq!(packets.len(), cases.len(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(packets)
}

/// The text of each packet: tcpdump begins each with its time, and may go on for several lines.
fn packets(text: &str) -> Vec<String> {
    let mut packets: Vec<String> = Vec::new();
    for line in text.split_terminator('\n') {
        let stamp = format!("{}.000000 ", BEGIN as usize + packets.len());
        match (line.strip_prefix(&stamp), packets.last_mut()) {
            (Some(begin), _) => packets.push(begin.into()),
            (None, Some(packet)) => {
                packet.push('\n');
                packet.push_str(line);
            }
            (None, None) => panic!("{line}"),
        }
    }
    packets
}

/// All hand-made frames, whole.
pub fn odd_ones() -> Vec<Named> {
    odd::all().into_iter().map(|(name, frame)| (name.into(), Case::whole(frame))).collect()
}

/// Random frames of a seed.
fn drawn(seed: u64, count: usize, draw: impl Fn(&mut random::Draw) -> Case) -> Vec<Named> {
    let mut source = random::Draw::new(seed);
    (0..count).map(|at| (format!("random {seed}/{at}"), draw(&mut source))).collect()
}

/// Our lines, as a capture writes them: one after the other.
fn lines(cases: &[Named], ethernet: bool) -> Vec<String> {
    let mut lines = Lines::new(Style { ethernet, ..Style::default() });
    cases
        .iter()
        .map(|(_, case)| {
            let mut out = Vec::new();
            lines.write_packet(&mut out, 0, &case.packet());
            String::from_utf8(out).unwrap()
        })
        .collect()
}

/// Holds our lines against tcpdump's; which differences there were.
fn compare(cases: &[Named], ours: &[String], theirs: &[String]) -> BTreeSet<&'static str> {
    let mut seen = BTreeSet::new();
    // The first of each name.
    let mut wrong = BTreeMap::new();
    for (((name, case), ours), theirs) in cases.iter().zip(ours).zip(theirs) {
        let mut expected = theirs.clone();
        for difference in &DIFFERENCES {
            if let Some(instead) = (difference.instead)(&expected, &case.packet()) {
                seen.insert(difference.name);
                expected = instead;
            }
        }
        let holds = match expected.strip_suffix(differences::ANYTHING) {
            Some(begin) => ours.starts_with(begin),
            None => *ours == expected,
        };
        if !holds {
            wrong.entry(name).or_insert_with(|| format!(
                "{name} ({} of {}): {:02x?}\n  tcpdump  {theirs:?}\n  expected {expected:?}\n  is       {ours:?}",
                case.bytes.len(), case.length, case.bytes
            ));
        }
    }
    let shown = wrong.values().take(20).cloned().collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{} of {} differ in other ways:\n{shown}", wrong.len(), cases.len());
    seen
}

/// Each hand-made frame; and each difference comes up in one of them.
#[test]
fn odd_frames_read_as_tcpdump_reads_them() {
    let cases = odd_ones();
    let Some(theirs) = tcpdump("odd_frames_read_as_tcpdump_reads_them", &[], &cases) else {
        return;
    };
    let seen = compare(&cases, &lines(&cases, false), &theirs);
    for difference in &DIFFERENCES {
        let name = difference.name;
        assert!(seen.contains(name), "no frame shows the difference `{name}`");
    }
}

/// With the Ethernet header in front.
#[test]
fn ethernet_headers_read_as_tcpdump_reads_them() {
    let cases = odd_ones();
    let test = "ethernet_headers_read_as_tcpdump_reads_them";
    let Some(theirs) = tcpdump(test, &["-e"], &cases) else { return };
    compare(&cases, &lines(&cases, true), &theirs);
}

/// By themselves, without what was before: sequence numbers are those on the wire.
#[test]
fn absolute_sequence_numbers() {
    let cases = odd_ones();
    let Some(theirs) = tcpdump("absolute_sequence_numbers", &["-S"], &cases) else { return };
    let ours: Vec<String> = cases.iter().map(|(_, case)| line::text(&case.packet())).collect();
    compare(&cases, &ours, &theirs);
}

/// Each hand-made frame, cut off anywhere, by the capture and on the wire.
#[test]
fn cut_off_frames_read_as_tcpdump_reads_them() {
    let mut cases = Vec::new();
    for (name, whole) in odd_ones() {
        for kept in 1..whole.bytes.len() {
            for length in [kept as u32, whole.length] {
                cases.push((name.clone(), Case { bytes: whole.bytes[..kept].to_vec(), length }));
            }
        }
    }
    let test = "cut_off_frames_read_as_tcpdump_reads_them";
    let Some(theirs) = tcpdump(test, &[], &cases) else { return };
    compare(&cases, &lines(&cases, false), &theirs);
}

/// Random frames, right ones, cut off ones, and such with wrong bytes in them.
#[test]
fn random_frames_read_as_tcpdump_reads_them() {
    let test = "random_frames_read_as_tcpdump_reads_them";
    for cases in [
        drawn(1, 4000, |draw| Case::whole(draw.frame())),
        drawn(2, 4000, random::Draw::cut),
        drawn(3, 8000, random::Draw::broken),
    ] {
        let Some(theirs) = tcpdump(test, &[], &cases) else { return };
        compare(&cases, &lines(&cases, false), &theirs);
    }
}

/// What the page says of differences is what they are.
#[test]
fn every_difference_is_explained() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/capture.md");
    let page = std::fs::read_to_string(page).unwrap();
    for difference in &DIFFERENCES {
        let entry = format!("**{}**", difference.name);
        assert!(page.contains(&entry), "docs/capture.md has no {entry}");
    }
}
