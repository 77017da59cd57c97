//! What holds a lab: PID 1 of its sandbox, the one process that a lab has.
//!
//! What it should do: be there, so that the namespaces are; wait for processes that have lost their
//! parents; keep running what is [wanted](crate::wanted::WANTED), and say what has become of it; on
//! `SIGTERM` give all of it time to finish, and end. What it must not do: know anything of nodes,
//! links and addresses. That is in the kernel, and whoever wants to see or change it does so in a
//! process of his own.

mod again;
mod command;
mod listener;
mod log;
mod wire;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Signal, WaitOptions, WaitStatus, set_parent_process_death_signal, wait};
use twinax_kernel::mounts;
use twinax_kernel::process::{Signals, keep_only_standard_streams, signals};

use self::command::Service;
use self::listener::Port;
use self::wire::Carrier;
use crate::hint;
use crate::sandbox::{HolderProgram, KEEP, Told};
use crate::wanted::{self, Key, LOG, LOOK_AGAIN, STATE, WANTED, What};

pub(crate) use listener::echo;
pub(crate) use log::older;

/// The holder ended as it was told to.
const ENDED: u8 = 0;

/// How often a process group that was told to end is looked at: of its last process's end the
/// kernel sends no word, where that is not our child.
const TICK: Duration = Duration::from_millis(10);

/// Makes the folders in which is said what is wanted.
pub(crate) fn make_folders() -> io::Result<()> {
    for folder in [WANTED, STATE, LOG] {
        std::fs::create_dir(folder)?;
        // The environment of whoever wants a thing is nobody else's business.
        std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    }
    Ok(())
}

/// Makes the calling process the program that is to be the holder, which has nothing of the memory
/// and the terminal of the process that it was. It returns only where that fails.
pub(crate) fn hand_over(
    program: &HolderProgram,
    life: &PipeReader,
    told: &PipeWriter,
    view: &OwnedFd,
) -> io::Error {
    let prepare = || {
        rustix::stdio::dup2_stdin(life)?;
        rustix::stdio::dup2_stdout(told)?;
        rustix::stdio::dup2_stderr(view)?;
        // What whoever started us has open without knowing, such as a pipe that somebody reads to
        // its end, would stay open as long as the lab.
        keep_only_standard_streams();
        let _ = rustix::process::setsid();
        rustix::process::chdir("/")
    };
    if let Err(errno) = prepare() {
        return errno.into();
    }
    let (name, arguments) = program.arguments.split_first().map_or(("", &[][..]), |(n, a)| (n, a));
    Command::new(&program.program).arg0(name).args(arguments).exec()
}

/// What the program that is to be the holder calls.
pub fn take_over() -> io::Result<u8> {
    let life = io::stdin().as_fd().try_clone_to_owned()?;
    let told = io::stdout().as_fd().try_clone_to_owned()?;
    let view = io::stderr().as_fd().try_clone_to_owned()?;
    let null = File::options().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    Ok(hold(life.into(), told.into(), view))
}

/// Holds the lab until it is told to end, or until whoever started it is gone without having said
/// that it is to stay.
pub(crate) fn hold(life: PipeReader, mut told: PipeWriter, view: OwnedFd) -> u8 {
    match Held::new(life, view) {
        Ok(mut held) => {
            Told::Holds.write(&mut told);
            drop(told);
            held.run()
        }
        Err(error) => {
            Told::Broken(hint::broken(&*error)).write(&mut told);
            ENDED
        }
    }
}

struct Held {
    /// `None`: it stays whatever becomes of the process that started it.
    life: Option<PipeReader>,
    /// Kept open for others.
    _view: OwnedFd,
    signals: Signals,
    services: BTreeMap<Key, Service>,
    ports: BTreeMap<Key, Port>,
    wires: BTreeMap<Key, Carrier>,
    /// Whether what is wanted may have changed.
    look_again: bool,
    /// Whether it was told to end.
    ending: bool,
}

impl Held {
    fn new(life: PipeReader, view: OwnedFd) -> Result<Self, Box<dyn std::error::Error>> {
        mounts::show_view(&view)?;
        let signals = signals(&[Signal::CHILD, Signal::TERM, Signal::INT, Signal::HUP])?;
        Ok(Self {
            life: Some(life),
            _view: view,
            signals,
            services: BTreeMap::new(),
            ports: BTreeMap::new(),
            wires: BTreeMap::new(),
            look_again: true,
            ending: false,
        })
    }

    fn run(&mut self) -> u8 {
        loop {
            if self.ending && self.services.is_empty() {
                return ENDED;
            }
            self.wait();
            if let Some(life) = &mut self.life
                && is_ready(life)
            {
                let mut byte = [0];
                match life.read(&mut byte) {
                    Ok(1) if byte[0] == KEEP => {
                        let _ = set_parent_process_death_signal(None);
                        self.life = None;
                    }
                    _ => return ENDED,
                }
            }
            while let Ok(Some(sent)) = self.signals.next() {
                // A key on a terminal is not meant for us.
                self.ending |= sent.signal == Signal::TERM.as_raw();
                self.look_again |= sent.signal == LOOK_AGAIN.as_raw();
            }
            self.reap();
            self.services.values_mut().for_each(Service::read);
            self.wires.values_mut().for_each(Carrier::read);
            self.ports.values().for_each(Port::serve);
            self.look();
            let now = Instant::now();
            for service in self.services.values_mut() {
                if self.ending {
                    service.stop();
                }
                service.wake(now);
            }
            self.wires.values_mut().for_each(|wire| wire.wake(now));
            self.bury();
        }
    }

    /// Takes away what was said of services that are gone.
    fn bury(&mut self) {
        let before = self.services.len() + self.wires.len();
        self.services.retain(|_, service| {
            if service.is_gone() {
                service.forget();
            }
            !service.is_gone()
        });
        self.wires.retain(|_, wire| {
            if wire.is_gone() {
                wire.forget();
            }
            !wire.is_gone()
        });
        // Another may be wanted under the same name.
        self.look_again |= self.services.len() + self.wires.len() < before;
    }

    /// Waits until there is something to do.
    fn wait(&self) {
        let mut waiting = vec![PollFd::new(&self.signals, PollFlags::IN)];
        waiting.extend(self.life.iter().map(|life| PollFd::new(life, PollFlags::IN)));
        let outputs = self.services.values().flat_map(Service::outputs);
        let sockets = self.ports.values().filter_map(Port::socket);
        let wires = self.wires.values().filter_map(Carrier::output);
        let all = outputs.chain(sockets).chain(wires);
        waiting.extend(all.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        let due = self.services.values().filter_map(Service::due);
        let due = due.chain(self.wires.values().filter_map(Carrier::due)).min();
        let now = Instant::now();
        let time = due.map(|due| due.saturating_duration_since(now));
        let stops = self.services.values().any(Service::is_stopping);
        let time = if stops { time.map(|time| time.min(TICK)) } else { time };
        let time = if self.look_again && !self.ending { Some(Duration::ZERO) } else { time };
        let time = time.and_then(|time| Timespec::try_from(time).ok());
        match poll(&mut waiting, time.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            // Without memory for it there is nothing else that could be done.
            Err(_) => std::thread::yield_now(),
        }
    }

    /// Takes note of every child that has ended: services, and what has lost its parent.
    fn reap(&mut self) {
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            let pid = pid.as_raw_nonzero().get() as u32;
            if let Some(service) = self.services.values_mut().find(|s| s.pid() == Some(pid)) {
                service.has_ended(exit_code(status));
            } else if let Some(wire) = self.wires.values_mut().find(|w| w.pid() == Some(pid)) {
                wire.has_ended(exit_code(status));
            }
        }
    }

    /// Looks at what is wanted, where that has changed.
    fn look(&mut self) {
        if !self.look_again || self.ending {
            return;
        }
        let Ok(all) = wanted::all() else { return };
        for (key, service) in &mut self.services {
            if all.get(key).is_none_or(|wanted| *wanted != *service.wanted()) {
                service.stop();
            }
        }
        for (key, wire) in &mut self.wires {
            match all.get(key).map(|wanted| &wanted.what) {
                Some(What::Wire(wanted)) if wire.is(wanted) => {}
                _ => wire.stop(),
            }
        }
        self.bury();
        self.look_again = false;
        self.ports.retain(|key, port| {
            let stays = match all.get(key).map(|wanted| &wanted.what) {
                Some(What::Listener(listener)) => port.is(listener),
                _ => false,
            };
            if !stays {
                port.forget();
            }
            stays
        });
        for (key, wanted) in all {
            match wanted.what.clone() {
                What::Command(command) if !self.services.contains_key(&key) => {
                    let service = Service::start(key.clone(), command, wanted);
                    self.services.insert(key, service);
                }
                What::Listener(listener) if !self.ports.contains_key(&key) => {
                    self.ports.insert(key.clone(), Port::open(key, listener));
                }
                What::Wire(wire) if !self.wires.contains_key(&key) => {
                    self.wires.insert(key.clone(), Carrier::start(key, wire));
                }
                _ => {}
            }
        }
    }
}

fn is_ready(of: &impl AsFd) -> bool {
    let mut one = [PollFd::new(of, PollFlags::IN)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    matches!(poll(&mut one, Some(&now)), Ok(1..))
}

/// A process's exit code as the shell has it.
fn exit_code(status: WaitStatus) -> i32 {
    status.exit_status().unwrap_or_else(|| 128 + status.terminating_signal().unwrap_or_default())
}
