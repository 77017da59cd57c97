//! What the kernel does with packets, told by its tracepoints as it happens.
//!
//! ```text
//!   kfree_skb ─────────┐
//!   consume_skb ───────┤   a program each, put together           a ring         Tracer::events
//!   netif_receive_skb ─┼─▶ for the running kernel: is it ──yes──▶ in shared ───▶ reasons and functions
//!   net_dev_start_xmit ┤   in one of our namespaces?              memory         get their names
//!   icmp_send ─────────┤
//!   neigh_… ───────────┘                                                        Tracer::neighbours
//! ```
//!
//! There is no compiler and no library: the kernel says in its BTF (`btf`) where the fields of its structs
//! are, the programs are made of that (`program`) as data and put together (`assemble`), and the
//! kernel's verifier has the last word. What it costs is 10 ms at the beginning, and a tenth of a second
//! once when the first functions get their names (`kallsyms`).
//!
//! It wants `CAP_BPF` and `CAP_PERFMON` in the *machine's* user namespace: root in a lab of an ordinary
//! user, and root of the machine who has entered a user namespace, have neither. So it is opened before
//! one is entered; it may be read afterwards. It is gone with the [`Tracer`], or with the process that has
//! it: nothing is pinned.

mod assemble;
mod btf;
mod event;
mod harmless;
mod kallsyms;
mod neighbour;
mod program;
mod ring;
mod same;

use std::ffi::CString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};

use self::assemble::Instruction;
use self::btf::Btf;
use self::event::Reasons;
use self::kallsyms::Symbols;
use self::program::{Arguments, Maps, Offsets};
use self::ring::Ring;
use crate::sys::{self, BpfMap, MapKind};

pub use event::{Event, Kind};
pub use harmless::{HARMLESS, Harmless, Only, harmless};
pub use neighbour::{NeighbourEvent, Point};
pub use same::{same_packet, trail};

/// Where the kernel says what its types are.
const BTF: &str = "/sys/kernel/btf/vmlinux";
/// Bytes of the ring: room for some five thousand events.
const RING: u32 = 1 << 20;
/// The kernel lets only programs call its helpers for tracing that may be had under the GPL, too.
const LICENSE: &std::ffi::CStr = c"Dual MIT/GPL";

/// Why there is no tracer, in one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel does not say what its types are.
    #[error("the kernel has no BTF ({BTF}: {0}); it is built with CONFIG_DEBUG_INFO_BTF")]
    NoBtf(Errno),
    /// What it says is of no use.
    #[error("the kernel's BTF is of no use: {0}")]
    Btf(String),
    /// The caller may not.
    #[error("{what} needs CAP_BPF and CAP_PERFMON in the machine's user namespace ({errno})")]
    Forbidden {
        /// What was to be done.
        what: &'static str,
        /// What the kernel said.
        errno: Errno,
    },
    /// There is no such tracepoint.
    #[error("the kernel has no tracepoint `{0}`")]
    NoTracepoint(&'static str),
    /// The kernel does not take a program.
    #[error("the kernel does not take the program for `{tracepoint}`: {errno}{}", said(log))]
    Program {
        /// The tracepoint.
        tracepoint: &'static str,
        /// What the kernel said.
        errno: Errno,
        /// What its verifier said last.
        log: String,
    },
    /// A call failed.
    #[error("{what}: {errno}")]
    Call {
        /// What was to be done.
        what: &'static str,
        /// What the kernel said.
        errno: Errno,
    },
}

fn said(log: &str) -> String {
    if log.is_empty() { String::new() } else { format!(" ({log})") }
}

impl Error {
    fn call(what: &'static str) -> impl FnOnce(Errno) -> Self {
        move |errno| match errno {
            Errno::PERM | Errno::ACCESS => Self::Forbidden { what, errno },
            errno => Self::Call { what, errno },
        }
    }
}

/// Listens to what the kernel does with packets in some namespaces.
#[derive(Debug)]
pub struct Tracer {
    ring: Ring,
    lost: BpfMap,
    reasons: Reasons,
    symbols: Symbols,
    /// The programs, for what they count, and what runs them.
    programs: Vec<(OwnedFd, OwnedFd)>,
    lacks: Vec<(&'static str, Error)>,
    /// What was read and not asked for yet.
    events: Vec<Event>,
    neighbours: Vec<NeighbourEvent>,
}

impl Tracer {
    /// Begins to listen to the namespaces with these inode numbers ([`Netns::inode`](crate::Netns::inode)).
    ///
    /// # Errors
    ///
    /// Why it can't be: `kfree_skb` can't be listened to. What else can't be is in
    /// [`lacks`](Self::lacks).
    pub fn open(namespaces: &[u64]) -> Result<Self, Error> {
        // The question that costs least comes first.
        let lost = BpfMap::create(MapKind::Array, "twinax_lost", 8, 1)
            .map_err(Error::call("making a BPF map"))?;
        let most = u32::try_from(namespaces.len().max(1)).unwrap_or(u32::MAX);
        let filter = BpfMap::create(MapKind::Hash, "twinax_netns", 4, most)
            .map_err(Error::call("making a BPF map"))?;
        for inode in namespaces {
            // The kernel's own number of it has 32 bits (`ns_common.inum`).
            let Ok(inode) = u32::try_from(*inode) else { continue };
            filter.set(inode, &[0; 4]).map_err(Error::call("filling a BPF map"))?;
        }
        let ring = Ring::create("twinax_events", RING).map_err(Error::call("making a BPF ring"))?;
        let bytes =
            std::fs::read(BTF).map_err(|error| Error::NoBtf(crate::error::errno(&error)))?;
        let broken = |mistake: btf::Mistake| Error::Btf(mistake.to_string());
        let btf = Btf::parse(&bytes).map_err(broken)?;
        let offsets = Offsets::of(&btf).map_err(broken)?;
        let maps = Maps {
            namespaces: filter.as_fd().as_raw_fd(),
            ring: ring.as_fd().as_raw_fd(),
            lost: lost.as_fd().as_raw_fd(),
        };
        let mut tracer = Self {
            ring,
            lost,
            reasons: Reasons::of(&btf),
            symbols: Symbols::open(),
            programs: Vec::new(),
            lacks: Vec::new(),
            events: Vec::new(),
            neighbours: Vec::new(),
        };
        let of_packets = Kind::ALL.into_iter().map(|kind| {
            let arguments = Arguments::of(&btf, kind);
            let program = |arguments| program::program(kind, &offsets, arguments, maps);
            (kind.tracepoint(), arguments.map(program))
        });
        let of_neighbours = Point::ALL.into_iter().map(|point| {
            (point.tracepoint(), neighbour::program(&btf, point, offsets.device, maps))
        });
        for (tracepoint, program) in of_packets.chain(of_neighbours) {
            let program = program.map_err(|_| Error::NoTracepoint(tracepoint));
            match program.and_then(|program| attach(tracepoint, &program)) {
                Ok(running) => tracer.programs.push(running),
                Err(error) if tracepoint == Kind::Dropped.tracepoint() => return Err(error),
                Err(error) => tracer.lacks.push((tracepoint, error)),
            }
        }
        Ok(tracer)
    }

    /// The tracepoints that can't be listened to on this machine, and why.
    pub fn lacks(&self) -> &[(&'static str, Error)] {
        &self.lacks
    }

    /// What has happened to packets since it was asked last, in the order in which it was written: that of time, but
    /// for what several processors did at the same instant.
    ///
    /// It does not wait. An event is there as soon as what it tells has happened; to wait for one, poll
    /// the tracer's descriptor.
    pub fn events(&mut self) -> Vec<Event> {
        self.read();
        let mut events = std::mem::take(&mut self.events);
        // Without the list functions have no names, and all else is there.
        let _ = self.symbols.learn(events.iter().map(|event: &Event| event.location));
        for event in &mut events {
            event.function = self.symbols.name(event.location).map(str::to_owned);
        }
        events.sort_by_key(|event| event.time);
        events
    }

    /// What has become of neighbours since it was asked last, in the order in which it was written.
    pub fn neighbours(&mut self) -> Vec<NeighbourEvent> {
        self.read();
        std::mem::take(&mut self.neighbours)
    }

    fn read(&mut self) {
        let realtime = realtime();
        let Self { ring, reasons, events, neighbours, .. } = self;
        ring.read(|record| {
            events.extend(Event::of(record, realtime, reasons));
            neighbours.extend(NeighbourEvent::of(record, realtime));
        });
    }

    /// How many events are missing so far: those for which there was no room in the ring, and those that
    /// came while the same processor was telling one of the same kind.
    pub fn lost(&self) -> Result<u64, Error> {
        let mut lost = self.lost.number(0).map_err(Error::call("reading a BPF map"))?;
        for (program, _) in &self.programs {
            lost += sys::recursion_misses(program.as_fd())
                .map_err(Error::call("asking for a BPF program"))?;
        }
        Ok(lost)
    }
}

impl AsFd for Tracer {
    /// Ready for reading when there are events.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }
}

/// Loads the program for a tracepoint, and lets it run there.
fn attach(tracepoint: &'static str, program: &[Instruction]) -> Result<(OwnedFd, OwnedFd), Error> {
    let code = assemble::assemble(program).map_err(|mistake| Error::Btf(mistake.to_string()))?;
    let name = format!("twinax_{tracepoint}");
    let load = |log: &mut [u8]| sys::load_raw_tracepoint(&name, LICENSE, &code, log);
    let program = load(&mut []).map_err(|errno| {
        if matches!(errno, Errno::PERM) {
            return Error::Forbidden { what: "loading a BPF program", errno };
        }
        // Only now is it asked what is wrong: writing the log takes time.
        let mut log = vec![0; 1 << 16];
        let _ = load(&mut log);
        let log = String::from_utf8_lossy(&log);
        let log = log.trim_end_matches(['\0', '\n']);
        let last = log.lines().rev().find(|line| !line.starts_with("processed "));
        Error::Program { tracepoint, errno, log: last.unwrap_or_default().to_owned() }
    })?;
    let point = CString::new(tracepoint).expect("no name of ours has a 0 in it");
    let link = sys::open_raw_tracepoint(&point, program.as_fd()).map_err(|errno| match errno {
        Errno::NOENT => Error::NoTracepoint(tracepoint),
        errno => Error::call("running a BPF program at a tracepoint")(errno),
    })?;
    Ok((program, link))
}

/// What `CLOCK_REALTIME` is ahead of `CLOCK_MONOTONIC`, in nanoseconds: events have the time of the
/// second, captured frames that of the first. Of a few tries the one counts that was interrupted least.
fn realtime() -> u64 {
    let now = |clock| {
        let time = clock_gettime(clock);
        time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
    };
    let tries = (0..5).map(|_| {
        let before = now(ClockId::Monotonic);
        let real = now(ClockId::Realtime);
        let after = now(ClockId::Monotonic);
        (after - before, real.wrapping_sub(before + (after - before) / 2))
    });
    tries.min().map_or(0, |(_, ahead)| ahead)
}
