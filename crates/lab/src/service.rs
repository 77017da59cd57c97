//! What runs in the nodes and between them while the lab stands, seen from whoever wants it to:
//! wanting it, waiting
//! until it is ready, wanting it no longer.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::event::{Timespec, poll};
use twinax_topology::{Command, Listener, NodeName, Ready, Wire};

use crate::log;
use crate::nodes::{self, inside};
use crate::report::Reported;
use crate::wanted::{self, Key, STATE, State, Wanted, What};

/// Why a service is not there.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// It could not be started.
    #[error("`{}` in node `{}` could not be started", .key.name, .key.node)]
    Start {
        /// The service.
        key: Key,
        /// Why.
        #[source]
        source: Reported,
    },
    /// A port could not be listened on.
    #[error("port {} of node `{}` could not be listened on", .key.name, .key.node)]
    Listen {
        /// The port.
        key: Key,
        /// Why.
        #[source]
        source: Reported,
    },
    /// A wire could not be had.
    #[error("no wire could be had between `{}` and `{}`", .wire.a, .wire.b)]
    Wire {
        /// The wire.
        wire: Box<Wire>,
        /// Why.
        #[source]
        source: Reported,
    },
    /// What is wanted could not be said, or not be found out.
    #[error("telling the lab's holder what is wanted")]
    Tell(#[source] std::io::Error),
    /// It ended before it was ready.
    #[error("`{}` in node `{}` ended with exit code {exit} before it was ready{}", .key.name, .key.node, said(.output))]
    Ended {
        /// The service.
        key: Key,
        /// Its exit code.
        exit: i32,
        /// The end of its output.
        output: String,
    },
    /// It was not ready in time.
    #[error("`{}` in node `{}` was not ready within {within:?}: {awaited}{}", .key.name, .key.node, said(.output))]
    NotReady {
        /// The service.
        key: Key,
        /// How long was waited.
        within: Duration,
        /// What was waited for.
        awaited: String,
        /// The end of its output.
        output: String,
    },
    /// It did not end in time.
    #[error("`{}` in node `{}` has not ended", .key.name, .key.node)]
    NotEnded {
        /// The service.
        key: Key,
    },
}

fn said(output: &str) -> String {
    match output.trim_end() {
        "" => "; it said nothing".to_owned(),
        output => format!("; it said:\n{output}"),
    }
}

/// How often a state is looked at of which nobody sends a word: a listening socket, a file, what the
/// holder says.
const TICK: Duration = Duration::from_millis(2);

/// How long the holder may take to do what it does at once.
const AT_ONCE: Duration = Duration::from_secs(10);

/// Of a service's output so many bytes are told, from the end, where it fails.
const TOLD: usize = 64 * 1024;

/// Wants a command to run in a node, and waits until it is ready.
pub fn start(node: &NodeName, command: &Command) -> Result<(), ServiceError> {
    let key = Key::command(node, &command.name);
    want(&key, What::Command(command.clone()))?;
    let begun = Instant::now();
    let within = match &command.ready {
        Some(_) => command.timeout.0,
        None => AT_ONCE,
    };
    loop {
        let state = wanted::state(&key);
        match &state {
            Some(State { broken: Some(broken), .. }) => {
                let source = broken.clone().into();
                return Err(ServiceError::Start { key, source });
            }
            Some(state) if is_ready(&key, command.ready.as_ref(), state) => return Ok(()),
            Some(State { pid: None, ended: Some(exit), .. }) => {
                let (exit, output) = (*exit, output(&key));
                return Err(ServiceError::Ended { key, exit, output });
            }
            _ => {}
        }
        if begun.elapsed() >= within {
            let awaited = awaited(command.ready.as_ref().filter(|_| state.is_some()));
            let output = output(&key);
            return Err(ServiceError::NotReady { key, within, awaited, output });
        }
        pause();
    }
}

/// Wants twinax to listen on a port of a node, and waits until it does.
pub fn listen(node: &NodeName, listener: &Listener) -> Result<(), ServiceError> {
    let key = Key::listener(node, listener);
    want(&key, What::Listener(listener.clone()))?;
    let begun = Instant::now();
    loop {
        match wanted::state(&key) {
            Some(State { broken: Some(broken), .. }) => {
                return Err(ServiceError::Listen { key, source: broken.into() });
            }
            Some(_) => return Ok(()),
            None if begun.elapsed() >= AT_ONCE => {
                let (awaited, output) = (awaited(None), String::new());
                return Err(ServiceError::NotReady { key, within: AT_ONCE, awaited, output });
            }
            None => pause(),
        }
    }
}

/// Wants wires to carry, and waits until each holds both of its devices. One that can't is wanted no
/// longer.
pub fn plug<'a>(wires: impl IntoIterator<Item = &'a Wire>) -> Result<(), ServiceError> {
    let wires: Vec<&Wire> = wires.into_iter().collect();
    for wire in &wires {
        want(&Key::wire(wire), What::Wire((*wire).clone()))?;
    }
    wires.into_iter().try_for_each(await_wire)
}

fn await_wire(wire: &Wire) -> Result<(), ServiceError> {
    let key = Key::wire(wire);
    let begun = Instant::now();
    let error = loop {
        match wanted::state(&key) {
            Some(State { broken: Some(broken), .. }) => {
                let wire = Box::new(wire.clone());
                break ServiceError::Wire { wire, source: broken.into() };
            }
            Some(State { pid: Some(_), .. }) => return Ok(()),
            _ if begun.elapsed() >= AT_ONCE => {
                let (awaited, output) = (awaited(None), String::new());
                break ServiceError::NotReady {
                    key: key.clone(),
                    within: AT_ONCE,
                    awaited,
                    output,
                };
            }
            _ => pause(),
        }
    };
    stop(&key)?;
    Err(error)
}

/// Wants a wire no longer, and waits until it is gone.
pub fn unplug(wire: &Wire) -> Result<(), ServiceError> {
    stop(&Key::wire(wire))
}

fn want(key: &Key, what: What) -> Result<(), ServiceError> {
    wanted::want(key, &Wanted::here(what)).map_err(ServiceError::Tell)
}

/// Wants it no longer, and waits until it is gone. One that is not there is gone.
pub fn stop(key: &Key) -> Result<(), ServiceError> {
    let grace = match wanted::get(key).map(|wanted| wanted.what) {
        Some(What::Command(command)) => command.stop.0,
        _ => Duration::ZERO,
    };
    wanted::want_no_more(key).map_err(ServiceError::Tell)?;
    let deadline = Instant::now() + grace + AT_ONCE;
    while key.file(STATE).exists() {
        if Instant::now() >= deadline {
            return Err(ServiceError::NotEnded { key: key.clone() });
        }
        pause();
    }
    Ok(())
}

/// Waits a tick.
fn pause() {
    let tick = Timespec::try_from(TICK).expect("a few milliseconds");
    let _ = poll(&mut [], Some(&tick));
}

fn is_ready(key: &Key, ready: Option<&Ready>, state: &State) -> bool {
    match ready {
        None => state.pid.is_some() || state.ended.is_some(),
        Some(Ready::Exit) => state.ended == Some(0),
        Some(Ready::Line(line)) => output(key).contains(line),
        Some(Ready::File(path)) => {
            state.pid.is_some_and(|pid| sees(pid).join(path.trim_start_matches('/')).exists())
        }
        Some(Ready::Tcp(port)) => nodes::open(&key.node)
            .and_then(|netns| inside(&netns, || Ok(somebody_listens(*port))))
            .unwrap_or(false),
    }
}

fn awaited(ready: Option<&Ready>) -> String {
    match ready {
        Some(Ready::Tcp(port)) => format!("nobody listens on TCP port {port}"),
        Some(Ready::Line(line)) => format!("no line with {line:?}"),
        Some(Ready::File(path)) => format!("there is no file {path:?}"),
        Some(Ready::Exit) => "it still runs".to_owned(),
        None => "the lab's holder has not started it".to_owned(),
    }
}

/// The root of the files that a process sees.
fn sees(pid: u32) -> PathBuf {
    // Where the machine allows no /proc of the sandbox's own, the old one has other numbers.
    let own = std::fs::read_link("/proc/self").ok();
    if own == Some(std::process::id().to_string().into()) {
        Path::new("/proc").join(pid.to_string()).join("root")
    } else {
        PathBuf::from("/")
    }
}

fn output(key: &Key) -> String {
    let log = log::all(Path::new("/"), key);
    String::from_utf8_lossy(&log[log.len().saturating_sub(TOLD)..]).into_owned()
}

/// Whether a socket of the calling thread's namespace listens on a TCP port.
fn somebody_listens(port: u16) -> bool {
    ["tcp", "tcp6"].iter().any(|table| {
        std::fs::read_to_string(format!("/proc/thread-self/net/{table}"))
            .is_ok_and(|table| listens(&table, port))
    })
}

/// Whether a table such as `/proc/net/tcp` (`proc_pid_net(5)`) has a socket that listens on a port.
fn listens(table: &str, port: u16) -> bool {
    /// `TCP_LISTEN`, `net/tcp_states.h`.
    const LISTEN: &str = "0A";
    table.lines().skip(1).any(|line| {
        let fields: Vec<&str> = line.split_whitespace().take(4).collect();
        let [_, local, _, state] = fields[..] else { return false };
        let at = local.rsplit_once(':').and_then(|(_, port)| u16::from_str_radix(port, 16).ok());
        state == LISTEN && at == Some(port)
    })
}

#[cfg(test)]
mod tests {
    use super::listens;

    // As drawn in proc_pid_net(5): 0.0.0.0:8080 listens, 127.0.0.1:81 is connected.
    const TABLE: &str = "  sl  local_address rem_address   st tx_queue rx_queue\n   \
        0: 00000000:1F90 00000000:0000 0A 00000000:00000000\n   \
        1: 0100007F:0051 0100007F:C350 01 00000000:00000000\n";

    #[test]
    fn only_a_socket_that_listens_counts() {
        assert!(listens(TABLE, 8080));
        assert!(!listens(TABLE, 81));
        assert!(!listens(TABLE, 80));
    }
}
