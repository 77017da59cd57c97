//! One TCP connection from a node: does it come about, and what is said?

use std::io::{ErrorKind, Read};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use twinax_kernel::{Error, Netns};
use twinax_topology::Told;

use super::ping::told_by_kernel;
use crate::nodes::inside;

/// At most so many bytes of what the other side says are kept.
const KEPT: usize = 64 * 1024;

/// What became of a TCP connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TcpReport {
    /// Whether it came about.
    pub connected: bool,
    /// What the other side said until it closed or the time was up.
    pub said: String,
    /// What the sender was told instead, or how the connection ended.
    pub told: Option<Told>,
}

/// Connects from a node to an address and port and reads until the other side closes, nothing more
/// can come, or the time is up.
pub fn connect(
    netns: &Netns,
    to: IpAddr,
    port: u16,
    timeout: Duration,
) -> Result<TcpReport, Error> {
    inside(netns, || {
        let deadline = Instant::now() + timeout;
        let stream = match TcpStream::connect_timeout(&SocketAddr::new(to, port), timeout) {
            Ok(stream) => stream,
            Err(error) => {
                let told = told(&error).ok_or_else(|| Error::io("connecting")(error))?;
                return Ok(TcpReport { connected: false, said: String::new(), told: Some(told) });
            }
        };
        listen_to(stream, deadline)
    })
}

fn listen_to(mut stream: TcpStream, deadline: Instant) -> Result<TcpReport, Error> {
    let mut said = Vec::new();
    let mut some = [0; 4096];
    let mut end = None;
    while said.len() < KEPT {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            end = Some(Told::TimedOut);
            break;
        }
        stream.set_read_timeout(Some(left)).map_err(Error::io("setting a time-out"))?;
        match stream.read(&mut some) {
            Ok(0) => break,
            Ok(length) => said.extend_from_slice(&some[..length]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                end = Some(told(&error).ok_or_else(|| Error::io("reading")(error))?);
                break;
            }
        }
    }
    let said = String::from_utf8_lossy(&said).into_owned();
    Ok(TcpReport { connected: true, said, told: end })
}

fn told(error: &std::io::Error) -> Option<Told> {
    match error.kind() {
        ErrorKind::TimedOut | ErrorKind::WouldBlock => Some(Told::TimedOut),
        _ => told_by_kernel(Errno::from_io_error(error)?),
    }
}
