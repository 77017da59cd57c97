//! A capture of a lab, from its beginning to its end.

use std::collections::{HashMap, HashSet};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, epoll, poll};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};
use twinax_kernel::capture::{Backlog, Counts, RawFrame, Ring, RingOptions};
use twinax_kernel::mounts::NETNS_DIR;
use twinax_kernel::observe::Follower;
use twinax_kernel::watch::Folder;
use twinax_kernel::{Error, filter};
use twinax_packet::filter::{Filter, Program};
use twinax_packet::{Frame, Time};
use twinax_topology::{IfName, NodeName};

use super::merge::{Merge, hold};
use super::size::{Division, is_filling, pace};
use super::together::for_each;
use super::{CaptureError, Devices, Memory};
use crate::nodes::{self, on_own_thread};
use crate::requirements::FILES;

/// How a lab is to be watched.
#[derive(Debug, Clone)]
pub struct Options {
    /// How much memory the rings take.
    pub memory: Memory,
    /// Whether nodes that come while it is watched are watched, too.
    pub newcomers: bool,
    /// Which frames are wanted.
    pub filter: Filter,
    /// Of these nodes only these devices, by their names; of the others all.
    pub only: HashMap<NodeName, Vec<IfName>>,
}

impl Options {
    /// Everything that there is to see.
    pub fn all(memory: Memory) -> Self {
        Self { memory, newcomers: true, filter: Filter::everything(), only: HashMap::new() }
    }
}

/// A capture of all frames that cross any device of some nodes, in the sandbox of the calling process.
pub struct Session {
    /// By their place; a name that is there twice is that of one that went and came again.
    nodes: Vec<NodeName>,
    folder: Folder,
    merge: Merge,
    devices: Devices,
    epoll: OwnedFd,
    ring: RingOptions,
    newcomers: bool,
    /// Nodes that were there and are not watched: none of them is one that has come.
    passed_over: HashSet<NodeName>,
    filter: Filter,
    only: HashMap<NodeName, Vec<IfName>>,
    backlog: Option<Backlog>,
    /// How many lost frames were told of, by the places of the nodes.
    told_lost: Vec<u64>,
    /// When something that had been handed over was taken last.
    taken: Option<Instant>,
    /// When all rings were last asked whether they have more.
    asked: Option<Instant>,
}

/// Rings are asked so seldom that it costs a small part of the time: of so much for each of them.
const ASKING: Duration = Duration::from_micros(10);

/// Who has something to tell besides the rings, which do so under the places of their nodes.
const DEVICES: u64 = u64::MAX;
const NODES: u64 = u64::MAX - 1;

impl Session {
    /// Begins to watch these nodes: whatever crosses one of their devices from now on is seen.
    pub fn open(names: &[NodeName], options: &Options) -> Result<Self, CaptureError> {
        let Division { ring, room } = options.memory.divide(names.len())?;
        allow_files(names.len());
        let folder = Folder::open(NETNS_DIR.as_ref()).map_err(CaptureError::Nodes)?;
        let follower = Follower::open(names, &|place| nodes::open(&names[place]))
            .map_err(CaptureError::Devices)?;
        let devices = Devices::new(names.to_vec(), follower).map_err(CaptureError::Devices)?;
        let mut passed_over: HashSet<NodeName> = HashSet::new();
        if options.newcomers {
            passed_over.extend(nodes::names().map_err(CaptureError::Nodes)?);
            let watched: HashSet<&NodeName> = names.iter().collect();
            passed_over.retain(|node| !watched.contains(node));
        }
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(CaptureError::Wait)?;
        watch(&epoll, folder.as_fd(), NODES)?;
        watch(&epoll, devices.follower().as_fd(), DEVICES)?;
        let mut session = Self {
            nodes: names.to_vec(),
            folder,
            merge: Merge::new(room),
            devices,
            epoll,
            ring,
            newcomers: options.newcomers,
            passed_over,
            filter: options.filter.clone(),
            only: options.only.clone(),
            backlog: None,
            told_lost: Vec::new(),
            taken: None,
            asked: None,
        };
        session.open_rings(names)?;
        Ok(session)
    }

    /// Opens the rings of the next nodes.
    fn open_rings(&mut self, names: &[NodeName]) -> Result<(), CaptureError> {
        let first = self.merge.count();
        let wanted = names.iter().enumerate().map(|(index, node)| {
            let program = self.program(first + index, node)?;
            Ok((node, program))
        });
        let wanted = wanted.collect::<Result<Vec<_>, CaptureError>>()?;
        let options = self.ring;
        let rings = for_each(wanted, |(node, program)| {
            let attach = |socket: BorrowedFd<'_>| filter::attach(socket, &program);
            let opened = nodes::open(node).and_then(|netns| {
                netns.enter()?;
                Ring::open(options, attach)
            });
            opened.map_err(of_node(node))
        });
        for ring in rings {
            let ring = ring?;
            watch(&self.epoll, ring.as_fd(), self.merge.count() as u64)?;
            self.merge.add(ring);
        }
        Ok(())
    }

    /// What the kernel is to let through of a node.
    fn program(&self, place: usize, node: &NodeName) -> Result<Program, CaptureError> {
        let only = self.only.get(node).map(|names| self.devices.indexes(place, names));
        Ok(self.filter.program(only.as_deref())?)
    }

    /// The devices at which frames are seen.
    pub fn devices(&self) -> &Devices {
        &self.devices
    }

    /// When frames that are in hand can be given out, where nothing else comes; `None`: there are none.
    pub fn due(&self) -> Option<Duration> {
        let oldest = self.merge.oldest()?;
        let age = Duration::from_nanos(now().saturating_sub(oldest));
        // Not each for itself: those of the next milliseconds go together. Of one ring they do already.
        let several = self.merges();
        let together = Duration::from_millis(if several { self.ring.retire.into() } else { 0 });
        Some((self.hold() + together).saturating_sub(age))
    }

    /// Whether there are, or may be, several rings whose frames go into one order.
    fn merges(&self) -> bool {
        self.newcomers || self.merge.count() > 1
    }

    /// How long frames are held back.
    fn hold(&self) -> Duration {
        hold(self.ring.retire, self.merges())
    }

    /// How long nobody needs to look, whatever is handed over: what has come then is taken together.
    pub fn rest(&self) -> Option<Duration> {
        let pace = pace(self.ring, self.merge.fullest());
        let left = pace.saturating_sub(self.taken?.elapsed());
        Some(left).filter(|left| !left.is_zero())
    }

    /// Takes what has been handed over, and gives out what is [due](Self::due) and certain to be in its
    /// order; how many frames.
    pub fn drain(
        &mut self,
        mut each: impl FnMut(&Devices, &Frame<'_>),
    ) -> Result<usize, CaptureError> {
        let certain = now().saturating_sub(self.hold().as_nanos() as u64);
        if self.take()? {
            self.taken = Some(Instant::now());
        }
        let filling = is_filling(self.ring, self.merge.fullest());
        let certain = if filling { self.look_how_far(certain)? } else { certain };
        let count = match self.due() {
            Some(left) if filling || left.is_zero() => self.give_out(certain, &mut each),
            _ => 0,
        };
        self.relieve();
        Ok(count)
    }

    /// Copies out of rings that fill up what can't be given out yet.
    fn relieve(&mut self) {
        // With many nodes it costs something to look at each.
        if is_filling(self.ring, self.merge.fullest()) {
            self.merge.relieve();
        }
    }

    /// Up to which time all frames are in hand, which they are up to this one.
    fn look_how_far(&mut self, certain: u64) -> Result<u64, CaptureError> {
        let pause = ASKING * self.merge.count() as u32;
        if self.merges() && self.asked.is_none_or(|asked| asked.elapsed() >= pause) {
            let nodes = &self.nodes;
            let asked = self.merge.confirm(now());
            asked.map_err(|(place, source)| of_node(&nodes[place])(source))?;
            self.asked = Some(Instant::now());
        }
        Ok(self.merge.complete(certain))
    }

    /// Waits until there may be something to [`drain`](Self::drain), or the time is up.
    pub fn wait(&self, deadline: Option<Instant>) -> Result<(), CaptureError> {
        let left = deadline.map(|end| end.saturating_duration_since(Instant::now()));
        self.poll([left, self.due()].into_iter().flatten().min())
    }

    fn poll(&self, at_most: Option<Duration>) -> Result<(), CaptureError> {
        const LONG: Timespec = Timespec { tv_sec: 3600, tv_nsec: 0 };
        let at_most = at_most.map(|left| Timespec::try_from(left).unwrap_or(LONG));
        match poll(&mut [PollFd::new(self, PollFlags::IN)], at_most.as_ref()) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(CaptureError::Wait(errno)),
        }
    }

    /// Gives out everything that has been seen, once the kernel says that there is no more: no frame is on
    /// its way between devices, and none in a ring. `false`: there still is when the time is up.
    ///
    /// What is with a program, or held back by a queueing discipline, is not on its way in this sense.
    pub fn settle(
        &mut self,
        deadline: Instant,
        mut each: impl FnMut(&Devices, &Frame<'_>),
    ) -> Result<bool, CaptureError> {
        let mut before = None;
        loop {
            let passed = self.pass_backlog()?;
            let counted = self.take_counted(deadline)?.filter(|_| passed);
            self.give_out(u64::MAX, &mut each);
            if counted.is_some() && before == counted {
                return Ok(true);
            }
            if Instant::now() >= deadline {
                return Ok(false);
            }
            before = counted;
        }
    }

    /// What each node's ring has counted so far.
    pub fn counts(&mut self) -> Result<Vec<(&NodeName, Counts)>, CaptureError> {
        let nodes = &self.nodes;
        let rings = self.merge.rings();
        rings.map(|(place, ring)| Ok((&nodes[place], counts(nodes, place, ring)?))).collect()
    }

    /// The nodes of which frames are known to have had no room, and how many since the last call. Whoever
    /// [`settle`](Self::settle)s before is told of all.
    pub fn new_losses(&mut self) -> Result<Vec<(NodeName, u64)>, CaptureError> {
        let mut new = Vec::new();
        self.told_lost.resize(self.nodes.len(), 0);
        for (place, ring) in self.merge.rings() {
            let drops = ring.known_drops().map_err(of_node(&self.nodes[place]))?;
            let told = std::mem::replace(&mut self.told_lost[place], drops);
            if drops > told {
                new.push((self.nodes[place].clone(), drops - told));
            }
        }
        Ok(new)
    }

    /// How many frames were not seen because there was no room for them.
    pub fn drops(&mut self) -> Result<u64, CaptureError> {
        Ok(self.counts()?.iter().map(|(_, counts)| counts.drops).sum())
    }

    /// Lets go by what is in the queues of the processors; `false`: they are too full for that.
    fn pass_backlog(&mut self) -> Result<bool, CaptureError> {
        let own = self.backlog.take();
        let passed = on_own_thread(|| {
            let mut backlog = own.map_or_else(Backlog::open, Ok)?;
            Ok((backlog.pass()?, backlog))
        });
        let (passed, backlog) = passed.map_err(CaptureError::Backlog)?;
        self.backlog = Some(backlog);
        Ok(passed)
    }

    /// Takes all that the kernel has counted up to now; how much that is since the beginning. `None`: the
    /// time was up before all was there.
    fn take_counted(&mut self, deadline: Instant) -> Result<Option<u64>, CaptureError> {
        let nodes = &self.nodes;
        let mut counted = Vec::new();
        for (place, ring) in self.merge.rings() {
            let Counts { frames, drops } = counts(nodes, place, ring)?;
            counted.push((place, frames - drops));
        }
        let all = counted.iter().map(|(_, frames)| frames).sum();
        loop {
            self.take()?;
            self.relieve();
            let merge = &self.merge;
            counted.retain(|(place, frames)| {
                merge.ring(*place).is_some_and(|ring| ring.read() < *frames)
            });
            if counted.is_empty() {
                return Ok(Some(all));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            self.poll(Some(deadline.saturating_duration_since(Instant::now())))?;
        }
    }

    /// Takes what has been handed over; whether frames were.
    fn take(&mut self) -> Result<bool, CaptureError> {
        let told = self.told()?;
        // Nodes and devices first: a frame of one that has just come is to have its name.
        if told.contains(&NODES) && self.folder.has_changed().map_err(CaptureError::Nodes)? {
            self.follow_nodes()?;
        }
        if told.contains(&DEVICES) {
            self.devices.follow().map_err(CaptureError::Devices)?;
            self.look_for_wanted()?;
        }
        let mut any = false;
        for place in told {
            if place < NODES {
                any |= self.merge.take(place as usize);
            }
        }
        Ok(any)
    }

    /// Has the kernel let through what is wanted of devices that may be others than before.
    fn look_for_wanted(&mut self) -> Result<(), CaptureError> {
        for (place, node) in self.nodes.iter().enumerate() {
            if self.only.contains_key(node) {
                let program = self.program(place, node)?;
                if let Some(ring) = self.merge.ring(place) {
                    filter::attach(ring.as_fd(), &program).map_err(of_node(node))?;
                }
            }
        }
        Ok(())
    }

    /// Who has something to tell.
    fn told(&self) -> Result<Vec<u64>, CaptureError> {
        const NOTHING: epoll::Event =
            epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) };
        const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut told = Vec::new();
        let mut events = [NOTHING; 64];
        loop {
            let count =
                rustix::io::retry_on_intr(|| epoll::wait(&self.epoll, &mut events, Some(&NOW)))
                    .map_err(CaptureError::Wait)?;
            told.extend(events[..count].iter().map(|event| event.data.u64()));
            if count < events.len() {
                return Ok(told);
            }
        }
    }

    /// Takes in which nodes have come and gone.
    fn follow_nodes(&mut self) -> Result<(), CaptureError> {
        let mut there: HashSet<NodeName> =
            nodes::names().map_err(CaptureError::Nodes)?.into_iter().collect();
        for (place, node) in self.nodes.iter().enumerate() {
            if self.merge.ring(place).is_some() && !there.remove(node) {
                self.merge.remove(place);
            }
        }
        self.passed_over.retain(|node| there.contains(node));
        there.retain(|node| self.newcomers && !self.passed_over.contains(node));
        let mut new: Vec<NodeName> = there.into_iter().collect();
        new.sort();
        for node in &new {
            match self.add(node) {
                // It was there for a moment only.
                Err(CaptureError::Node { source: Error::NoNode { .. }, .. }) => {}
                added => added?,
            }
        }
        Ok(())
    }

    fn add(&mut self, node: &NodeName) -> Result<(), CaptureError> {
        let netns = nodes::open(node).map_err(of_node(node))?;
        self.devices.add(node.clone(), &netns).map_err(CaptureError::Devices)?;
        self.nodes.push(node.clone());
        self.open_rings(std::slice::from_ref(node))
    }

    /// Gives out what is not younger than this; while a ring is filling up, block by block of it, so that the
    /// kernel has one back before all of them are done with.
    fn give_out(&mut self, until: u64, each: &mut impl FnMut(&Devices, &Frame<'_>)) -> usize {
        let mut count = 0;
        while is_filling(self.ring, self.merge.fullest())
            && let Some(end) = self.merge.end_of_first().filter(|end| *end < until)
        {
            match self.give_out_all(end, each) {
                0 => break,
                given => count += given,
            }
        }
        count + self.give_out_all(until, each)
    }

    fn give_out_all(&mut self, until: u64, each: &mut impl FnMut(&Devices, &Frame<'_>)) -> usize {
        let devices = &mut self.devices;
        self.merge.give_out(until, |place, raw| {
            let RawFrame { time, index, direction, link_type, length, bytes } = *raw;
            let interface = devices.interface((place, index), link_type);
            each(devices, &Frame { time: Time(time), interface, direction, length, bytes });
        })
    }
}

impl AsFd for Session {
    /// Ready for reading when something has been handed over.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

/// Sees to it that so many rings can be open, and as many newcomers, as far as the system allows it. The
/// programs that this process starts are allowed to have as many.
fn allow_files(rings: usize) {
    let wanted = 2 * rings as u64 + FILES;
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < wanted) {
        let current = limit.maximum.map_or(wanted, |most| most.min(wanted));
        // Where it is not allowed, opening them tells so.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(current), ..limit });
    }
}

fn watch(epoll: &OwnedFd, source: BorrowedFd<'_>, data: u64) -> Result<(), CaptureError> {
    // Edge-triggered: a block that is held back is no news.
    let flags = epoll::EventFlags::IN | epoll::EventFlags::ET;
    epoll::add(epoll, source, epoll::EventData::new_u64(data), flags).map_err(CaptureError::Wait)
}

fn of_node(node: &NodeName) -> impl FnOnce(Error) -> CaptureError {
    |source| CaptureError::Node { node: node.clone(), source }
}

fn counts(nodes: &[NodeName], place: usize, ring: &mut Ring) -> Result<Counts, CaptureError> {
    ring.counts().map_err(of_node(&nodes[place]))
}

/// Nanoseconds since 1970, by the clock that stamps frames.
fn now() -> u64 {
    let now = clock_gettime(ClockId::Realtime);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
