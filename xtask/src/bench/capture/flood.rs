//! The sender: minimum-size UDP frames over one veth pair or many, at a rate or as fast as it can.
//!
//! Each frame carries its number. All go to a multicast group that nobody has joined: no ARP comes
//! before them, and no ICMP comes back. Which device a frame leaves by is that of its source address.

use std::net::{Ipv4Addr, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use rustix::thread::{CpuSet, sched_setaffinity};
use serde_json::{Value, json};

use super::super::contestant::{LAB, Programs};
use super::frames;
use super::talk::{Talk, answer, number};

/// Where frames are sent to.
const GROUP: (Ipv4Addr, u16) = (Ipv4Addr::new(239, 20, 1, 0), 9);
/// So many bytes make the frame one of 60, the least that Ethernet has (without its checksum).
const PAYLOAD: usize = 18;
/// Where the number of a frame stands in it: behind the headers of Ethernet, IPv4 and UDP.
const NUMBER_AT: usize = 14 + 20 + 8;
/// How often the sender looks whether it is behind its rate.
const TICK: Duration = Duration::from_micros(500);

/// What is to be sent.
#[derive(Debug, Clone, Copy)]
pub struct Flood {
    /// Frames a second in all; `None`: as fast as the sender can.
    pub rate: Option<u64>,
    /// Frames in all.
    pub frames: u64,
}

/// What was sent.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    /// Frames that the source's devices have passed on to the other ends.
    pub delivered: u64,
    /// How long that took.
    pub time: Duration,
}

impl Sent {
    /// Frames a second.
    pub fn rate(&self) -> f64 {
        self.delivered as f64 / self.time.as_secs_f64()
    }
}

/// A sender in a node.
pub struct Sender(Talk);

impl Sender {
    /// Starts one that sends from these addresses in turn.
    pub fn start(programs: &Programs, node: &str, from: &[Ipv4Addr]) -> Result<Self> {
        let mut command = Command::new(programs.twinax());
        programs.register(&mut command);
        command.args(["exec", &format!("{LAB}/{node}"), "--"]).arg(programs.xtask());
        command.arg("bench-flood").args(from.iter().map(Ipv4Addr::to_string));
        Ok(Self(Talk::start(command)?))
    }

    /// Sends, and waits until that is done.
    pub fn send(&mut self, flood: Flood) -> Result<Sent> {
        let done = self.0.ask(&json!({ "rate": flood.rate, "frames": flood.frames }))?;
        let time = Duration::from_nanos(number(&done, "nanos")?);
        Ok(Sent { delivered: number(&done, "delivered")?, time })
    }
}

/// The addresses that the sender sends from.
#[derive(clap::Args)]
pub struct Args {
    from: Vec<Ipv4Addr>,
}

/// The sender itself, in its node.
pub fn run(args: &Args) -> Result<()> {
    let mut first = CpuSet::new();
    first.set(0);
    sched_setaffinity(None, &first).context("the sender's processor")?;
    let sockets = args.from.iter().map(|&from| {
        let socket = UdpSocket::bind((from, 0))?;
        socket.set_multicast_loop_v4(false)?;
        socket.connect(GROUP)?;
        Ok(socket)
    });
    let sockets: Vec<UdpSocket> = sockets.collect::<Result<_>>()?;
    answer(|asked| flood(&sockets, asked["rate"].as_u64(), number(asked, "frames")?))
}

fn flood(sockets: &[UdpSocket], rate: Option<u64>, frames: u64) -> Result<Value> {
    let before = passed_on()?;
    let start = Instant::now();
    let mut payload = [0; PAYLOAD];
    let mut sent = 0;
    let mut from = sockets.iter().cycle();
    while sent < frames {
        let due = rate.map_or(frames, |rate| {
            (start.elapsed().as_nanos() as u64).saturating_mul(rate) / 1_000_000_000
        });
        let due = due.min(frames);
        while sent < due {
            payload[..8].copy_from_slice(&sent.to_ne_bytes());
            from.next().context("nothing to send from")?.send(&payload)?;
            sent += 1;
        }
        if sent < frames {
            std::thread::sleep(TICK);
        }
    }
    let time = start.elapsed();
    Ok(json!({ "delivered": passed_on()? - before, "nanos": time.as_nanos() as u64 }))
}

/// Frames that the devices of this namespace have passed on: a veth doesn't count one that its other end
/// had no room for (`veth_xmit`).
fn passed_on() -> Result<u64> {
    let table = std::fs::read_to_string("/proc/thread-self/net/dev")?;
    transmitted(&table).context("no counts of devices")
}

/// The tenth number of each line (`net/core/net-procfs.c`).
fn transmitted(table: &str) -> Option<u64> {
    let devices = table.lines().filter_map(|line| line.split_once(':'));
    devices.map(|(_, counts)| counts.split_whitespace().nth(9)?.parse::<u64>().ok()).sum()
}

/// What files hold of a flood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Frames of the flood.
    pub frames: u64,
    /// Others.
    pub others: u64,
}

/// Looks through files for the frames of a flood, each of which may be there so many times at most.
pub fn held<'a>(
    files: impl IntoIterator<Item = &'a Path>,
    flood: Flood,
    times: u8,
) -> Result<Held> {
    let mut seen = vec![0u8; usize::try_from(flood.frames)?];
    let mut held = Held { frames: 0, others: 0 };
    for file in files {
        frames::each(file, |frame| match number_of(frame) {
            Some(number) if seen.get(number).is_some_and(|&seen| seen < times) => {
                seen[number] += 1;
                held.frames += 1;
            }
            _ => held.others += 1,
        })?;
    }
    Ok(held)
}

fn number_of(frame: &[u8]) -> Option<usize> {
    let is_of_flood = frame.len() == NUMBER_AT + PAYLOAD && frame[30..34] == GROUP.0.octets();
    is_of_flood.then_some(())?;
    usize::try_from(u64::from_ne_bytes(*frame.get(NUMBER_AT..)?.first_chunk()?)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_count_what_they_pass_on() {
        let table = "Inter-|   Receive                                                |  Transmit\n \
             face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs\n    \
             lo:     420       5    0    0    0     0          0         0      420       5    0    0\n  \
             e0: 1000   10    0    0    0     0          0         0 990000 16500    0    3    0 0 0 0\n";
        assert_eq!(transmitted(table), Some(16_505));
        assert_eq!(transmitted("e0: 1 2 3\n"), None);
    }

    #[test]
    fn a_frame_of_the_flood_is_known_by_its_group_and_number() {
        let mut frame = vec![0; 60];
        frame[30..34].copy_from_slice(&GROUP.0.octets());
        frame[NUMBER_AT..NUMBER_AT + 8].copy_from_slice(&77u64.to_ne_bytes());
        assert_eq!(number_of(&frame), Some(77));
        assert_eq!(number_of(&frame[..59]), None);
        frame[30] = 10;
        assert_eq!(number_of(&frame), None);
    }
}
