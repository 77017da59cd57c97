//! What becomes of a neighbour's entry, as it is told: whom the kernel asks for, who has answered, whom it has given
//! up (`include/trace/events/neigh.h`).
//!
//! A packet that waits for its neighbour's address is seen nowhere, so nothing else is told of it. (Of a look-up in a
//! routing table, `fib:fib_table_lookup`, the kernel says in which namespace it was only where it has found a way:
//! that is of no use here.)

use std::net::IpAddr;

use twinax_packet::Time;

use super::assemble::Helper::Nanoseconds;
use super::assemble::Instruction::{self, *};
use super::assemble::Register::*;
use super::assemble::{Size, When};
use super::btf::{Argument, Btf, Mistake};
use super::program::{self, Maps, at, stack};

/// The tracepoint that told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Point {
    /// A packet is to go to the neighbour (`neigh_event_send_done`).
    Wanted,
    /// The time is up in which it should have answered (`neigh_timer_handler`).
    Timer,
    /// Something has been heard of it, or somebody has set its entry (`neigh_update_done`).
    Updated,
}

impl Point {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Wanted, Self::Timer, Self::Updated];

    /// Its name.
    pub fn tracepoint(self) -> &'static str {
        match self {
            Self::Wanted => "neigh_event_send_done",
            Self::Timer => "neigh_timer_handler",
            Self::Updated => "neigh_update_done",
        }
    }

    /// Its number in a record: those before it are of packets.
    fn number(self) -> u16 {
        FIRST + u16::from(self as u8)
    }
}

const FIRST: u16 = 0x100;

/// What has become of a neighbour's entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeighbourEvent {
    /// When, by the clock that captured frames have.
    pub time: Time,
    /// What told it.
    pub point: Point,
    /// The inode number of the namespace.
    pub netns: u64,
    /// The name of the device on whose link the neighbour is.
    pub device: String,
    /// Its address.
    pub address: IpAddr,
    /// The state that the entry has now, in the words of `ip neigh`.
    pub state: &'static str,
}

/// `NUD_…`, `linux/neighbour.h`.
const STATES: [(u8, &str); 8] = [
    (0x01, "INCOMPLETE"),
    (0x02, "REACHABLE"),
    (0x04, "STALE"),
    (0x08, "DELAY"),
    (0x10, "PROBE"),
    (0x20, "FAILED"),
    (0x40, "NOARP"),
    (0x80, "PERMANENT"),
];

impl NeighbourEvent {
    /// Reads a record; `None`: it is of a packet.
    pub(super) fn of(record: &[u8], realtime: u64) -> Option<Self> {
        let record: &[u8; at::END] = record.first_chunk()?;
        let number = u16::from_ne_bytes([record[at::KIND], record[at::KIND + 1]]);
        let point = Point::ALL.into_iter().find(|point| point.number() == number)?;
        let word = |place: usize| {
            u32::from_ne_bytes(*record[place..].first_chunk().expect("it is within the record"))
        };
        let time = u64::from_ne_bytes(*record[at::TIME..].first_chunk()?);
        let key = &record[at::BYTES..];
        let address = match i32::try_from(word(at::LENGTH)).ok()? {
            libc::AF_INET => IpAddr::from(*key.first_chunk::<4>()?),
            libc::AF_INET6 => IpAddr::from(*key.first_chunk::<16>()?),
            _ => return None,
        };
        let state = record[at::REASON];
        let name = record[at::DEVICE..at::BYTES].split(|byte| *byte == 0).next()?;
        Some(Self {
            time: Time(time.wrapping_add(realtime)),
            point,
            netns: word(at::NETNS).into(),
            device: String::from_utf8_lossy(name).into_owned(),
            address,
            state: STATES.into_iter().find(|(own, _)| *own == state).map_or("NONE", |(_, of)| of),
        })
    }
}

/// Where the fields are that the programs read, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Offsets {
    device: u32,
    table: u32,
    state: u32,
    key: u32,
    family: u32,
}

impl Offsets {
    /// What the kernel's types say.
    fn of(btf: &Btf<'_>) -> Result<Self, Mistake> {
        Ok(Self {
            device: btf.offset("neighbour", "dev")?,
            table: btf.offset("neighbour", "tbl")?,
            state: btf.offset("neighbour", "nud_state")?,
            key: btf.offset("neighbour", "primary_key")?,
            family: btf.offset("neigh_table", "family")?,
        })
    }
}

/// Which of the arguments of a tracepoint is the neighbour, counted from 0.
fn argument(btf: &Btf<'_>, point: Point) -> Result<usize, Mistake> {
    let lacks = || Mistake::Lacks(format!("tracepoint `{}` with a neighbour", point.tracepoint()));
    let arguments = btf.arguments(point.tracepoint()).ok_or_else(lacks)?;
    let wanted = Argument::Struct("neighbour".to_owned());
    arguments.iter().position(|own| *own == wanted).ok_or_else(lacks)
}

/// The program for a tracepoint.
pub(super) fn program(
    btf: &Btf<'_>,
    point: Point,
    of_device: program::Device,
    maps: Maps,
) -> Result<Vec<Instruction>, Mistake> {
    let (offsets, argument) = (Offsets::of(btf)?, argument(btf, point)?);
    // R6: the neighbour; R7: its device; R8: the namespace, later the record.
    let mut code = vec![Load(Size::Double, R6, R1, 8 * argument as i16)];
    program::read(&mut code, stack::ADDRESS, 8, R6, offsets.device);
    code.extend([Jump(When::NotEqual, R0, 0, "end"), Load(Size::Double, R7, R10, stack::ADDRESS)]);
    program::read(&mut code, stack::ADDRESS, 8, R7, of_device.net);
    code.extend([Jump(When::NotEqual, R0, 0, "end"), Load(Size::Double, R8, R10, stack::ADDRESS)]);
    program::begin(&mut code, of_device.net_inode, maps);
    code.extend([
        Call(Nanoseconds),
        Store(Size::Double, R8, at::TIME as i16, R0),
        Load(Size::Word, R1, R10, stack::KEY),
        Store(Size::Word, R8, at::NETNS as i16, R1),
        StoreNumber(Size::Half, R8, at::KIND as i16, i32::from(point.number())),
        StoreNumber(Size::Word, R8, at::REASON as i16, 0),
    ]);
    program::read_into_record(&mut code, at::REASON, 1, R6, offsets.state);
    program::read_into_record(&mut code, at::INDEX, 4, R7, of_device.index);
    program::read_into_record(&mut code, at::DEVICE, program::NAME, R7, of_device.name);
    program::read_into_record(&mut code, at::BYTES, 16, R6, offsets.key);
    program::read(&mut code, stack::ADDRESS, 8, R6, offsets.table);
    code.push(Load(Size::Double, R7, R10, stack::ADDRESS));
    program::read_into_record(&mut code, at::LENGTH, 4, R7, offsets.family);
    program::end(&mut code, maps);
    Ok(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(number: u16, family: i32, state: u8) -> Vec<u8> {
        let mut record = vec![0; at::END];
        let mut put = |place: usize, bytes: &[u8]| {
            record[place..place + bytes.len()].copy_from_slice(bytes);
        };
        put(at::TIME, &5_u64.to_ne_bytes());
        put(at::KIND, &number.to_ne_bytes());
        put(at::LENGTH, &family.to_ne_bytes());
        put(at::REASON, &[state]);
        put(at::DEVICE, b"veth1\0garbage");
        put(at::BYTES, &[0xfd, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9]);
        record
    }

    #[test]
    fn a_record_is_read() {
        let of = |record: Vec<u8>| NeighbourEvent::of(&record, 100);
        let failed = of(record(0x101, libc::AF_INET6, 0x20)).expect("it is one");
        assert_eq!((failed.time.0, failed.point, failed.state), (105, Point::Timer, "FAILED"));
        assert_eq!(
            (failed.device.as_str(), failed.address),
            ("veth1", "fd00:1::9".parse().unwrap())
        );
        let v4 = of(record(0x100, libc::AF_INET, 0x01)).expect("it is one");
        assert_eq!((v4.address, v4.state), ("253.0.0.1".parse().unwrap(), "INCOMPLETE"));
    }

    #[test]
    fn what_is_of_a_packet_is_none() {
        assert_eq!(NeighbourEvent::of(&record(0, libc::AF_INET, 1), 0), None);
        assert_eq!(NeighbourEvent::of(&record(0x100, libc::AF_UNIX, 1), 0), None);
        assert_eq!(NeighbourEvent::of(&[0; 10], 0), None);
    }
}
