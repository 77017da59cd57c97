//! Commands that run in a node while the lab stands.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use twinax_kernel::Netns;
use twinax_topology::{Command, NodeName, Ready};

use crate::exec::{self, ExecError};
use crate::nodes::inside;

/// Why a service is not there.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// It could not be started.
    #[error("`{name}` in node `{node}` could not be started")]
    Start {
        /// The service.
        name: NodeName,
        /// Its node.
        node: NodeName,
        /// Why.
        #[source]
        source: ExecError,
    },
    /// It ended before it was ready.
    #[error("`{name}` in node `{node}` ended with exit code {exit} before it was ready{}", said(.output))]
    Ended {
        /// The service.
        name: NodeName,
        /// Its node.
        node: NodeName,
        /// Its exit code.
        exit: i32,
        /// The end of its output.
        output: String,
    },
    /// It was not ready in time.
    #[error("`{name}` in node `{node}` was not ready within {within:?}: {awaited}{}", said(.output))]
    NotReady {
        /// The service.
        name: NodeName,
        /// Its node.
        node: NodeName,
        /// How long was waited.
        within: Duration,
        /// What was waited for.
        awaited: String,
        /// The end of its output.
        output: String,
    },
}

fn said(output: &str) -> String {
    match output.trim_end() {
        "" => "; it said nothing".to_owned(),
        output => format!("; it said:\n{output}"),
    }
}

/// Of a service's output so many bytes are kept, from the end.
const KEPT: usize = 64 * 1024;

/// How often a state is looked at of which the kernel sends no word: a listening socket, a file.
const TICK: Duration = Duration::from_millis(5);

/// How long the output of a service that has ended may take to come in.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// A command that has been started and is ready.
#[derive(Debug)]
pub struct Service {
    child: Child,
}

/// Output and end of a service, shared with the threads that read it.
#[derive(Default)]
struct Log {
    state: Mutex<LogState>,
    changed: Condvar,
}

#[derive(Default)]
struct LogState {
    output: Vec<u8>,
    /// The line that `Ready::Line` waits for has been seen.
    line_seen: bool,
    /// How many of its outputs can still say something.
    open: usize,
}

impl Log {
    fn lock(&self) -> MutexGuard<'_, LogState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.lock().output).into_owned()
    }

    fn add(&self, some: &[u8], line: Option<&str>) {
        let mut state = self.lock();
        state.output.extend_from_slice(some);
        if let Some(line) = line {
            state.line_seen |= String::from_utf8_lossy(&state.output).contains(line);
        }
        let over = state.output.len().saturating_sub(KEPT);
        state.output.drain(..over);
        drop(state);
        self.changed.notify_all();
    }

    /// Waits until all that was said is here; but not for ever: a child of a service that has ended
    /// may hold its output open.
    fn await_last_words(&self) {
        let open = |state: &mut LogState| state.open > 0;
        drop(self.changed.wait_timeout_while(self.lock(), LAST_WORDS, open));
    }
}

impl Service {
    /// Starts a command in its node and waits until it is ready.
    pub fn start(node: &NodeName, netns: &Netns, of: &Command) -> Result<Self, ServiceError> {
        let failed =
            |source| ServiceError::Start { name: of.name.clone(), node: node.clone(), source };
        let mut command = exec::command(node, netns, &of.program).map_err(failed)?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = exec::start(&mut command).map_err(failed)?;
        let log = Arc::new(Log::default());
        let line = match &of.ready {
            Some(Ready::Line(line)) => Some(line.clone()),
            _ => None,
        };
        read_to(&log, child.stdout.take().expect("it is piped"), line.clone());
        read_to(&log, child.stderr.take().expect("it is piped"), line);
        let mut service = Self { child };
        if let Some(ready) = &of.ready {
            service.await_ready((node, netns), of, ready, &log)?;
        }
        Ok(service)
    }

    fn await_ready(
        &mut self,
        (node, netns): (&NodeName, &Netns),
        of: &Command,
        ready: &Ready,
        log: &Log,
    ) -> Result<(), ServiceError> {
        let deadline = Instant::now() + of.timeout.0;
        let (name, node) = (of.name.clone(), node.clone());
        loop {
            let ended = self.child.try_wait().ok().flatten().map(exec::exit_code);
            if ended.is_some() {
                log.await_last_words();
            }
            match (ready, ended) {
                (Ready::Exit, Some(0)) => return Ok(()),
                _ if self.is_ready(netns, ready, log) => return Ok(()),
                (_, Some(exit)) => {
                    return Err(ServiceError::Ended { name, node, exit, output: log.text() });
                }
                (_, None) => {}
            }
            if Instant::now() >= deadline {
                let (within, awaited) = (of.timeout.0, awaited(ready));
                return Err(ServiceError::NotReady {
                    name,
                    node,
                    within,
                    awaited,
                    output: log.text(),
                });
            }
            // Woken by output; in any case after a tick.
            drop(log.changed.wait_timeout(log.lock(), TICK));
        }
    }

    fn is_ready(&self, netns: &Netns, ready: &Ready, log: &Log) -> bool {
        match ready {
            Ready::Exit => false,
            Ready::Line(_) => log.lock().line_seen,
            Ready::File(path) => self.sees().join(path.trim_start_matches('/')).exists(),
            Ready::Tcp(port) => inside(netns, || Ok(somebody_listens(*port))).unwrap_or(false),
        }
    }

    /// The root of the files that the service sees.
    fn sees(&self) -> PathBuf {
        // Where the machine allows no /proc of the sandbox's own, the old one has other numbers.
        let own = std::fs::read_link("/proc/self").ok();
        if own == Some(std::process::id().to_string().into()) {
            Path::new("/proc").join(self.child.id().to_string()).join("root")
        } else {
            PathBuf::from("/")
        }
    }
}

/// Whether a socket of the calling thread's namespace listens on a TCP port.
fn somebody_listens(port: u16) -> bool {
    ["tcp", "tcp6"].iter().any(|table| {
        std::fs::read_to_string(format!("/proc/thread-self/net/{table}"))
            .is_ok_and(|table| listens(&table, port))
    })
}

impl Drop for Service {
    fn drop(&mut self) {
        exec::kill(&self.child);
        let _ = self.child.wait();
    }
}

fn awaited(ready: &Ready) -> String {
    match ready {
        Ready::Tcp(port) => format!("nobody listens on TCP port {port}"),
        Ready::Line(line) => format!("no line with {line:?}"),
        Ready::File(path) => format!("there is no file {path:?}"),
        Ready::Exit => "it still runs".to_owned(),
    }
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

/// Reads a service's output on a thread of its own, as long as somebody can write it.
fn read_to(log: &Arc<Log>, mut pipe: impl Read + Send + 'static, line: Option<String>) {
    let log = Arc::clone(log);
    log.lock().open += 1;
    std::thread::spawn(move || {
        let mut some = [0; 4096];
        while let Ok(length @ 1..) = pipe.read(&mut some) {
            log.add(&some[..length], line.as_deref());
        }
        log.lock().open -= 1;
        log.changed.notify_all();
    });
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
