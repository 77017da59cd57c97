//! A TCP stream between two nodes: as many bytes as one wants, as fast as it goes.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::super::contestant::{LAB, Programs};
use super::talk::{Talk, answer, number};

const PORT: u16 = 5001;
/// What is handed to the kernel at once.
const CHUNK: usize = 128 * 1024;

/// Sender and receiver.
pub struct Stream {
    receiver: Talk,
    sender: Talk,
}

/// Which end.
#[derive(clap::Args)]
pub struct Args {
    /// Connect to this address; without it, listen.
    #[arg(long)]
    to: Option<Ipv4Addr>,
}

impl Stream {
    /// Starts both ends.
    pub fn start(programs: &Programs, from: &str, to: (&str, Ipv4Addr)) -> Result<Self> {
        let end = |node: &str, more: &[String]| {
            let mut command = Command::new(programs.twinax());
            programs.register(&mut command);
            command.args(["exec", &format!("{LAB}/{node}"), "--"]).arg(programs.xtask());
            command.arg("bench-stream").args(more);
            Talk::start(command)
        };
        let mut receiver = end(to.0, &[])?;
        // It listens.
        receiver.hear()?;
        Ok(Self { receiver, sender: end(from, &["--to".to_owned(), to.1.to_string()])? })
    }

    /// Sends so many bytes; how long that took, until the last was received.
    pub fn send(&mut self, bytes: u64) -> Result<Duration> {
        self.receiver.tell(&Value::Null)?;
        let sent = self.sender.ask(&json!(bytes))?;
        let received = number(&self.receiver.hear()?, "bytes")?;
        ensure!(received == bytes, "{received} bytes of {bytes} were received");
        Ok(Duration::from_nanos(number(&sent, "nanos")?))
    }
}

/// One of the ends itself.
pub fn run(args: &Args) -> Result<()> {
    let mut chunk = vec![0; CHUNK];
    let Some(to) = args.to else {
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT))?;
        println!("{}", json!(true));
        return answer(|_| {
            let (mut stream, _) = listener.accept()?;
            let mut bytes = 0;
            loop {
                match stream.read(&mut chunk)? {
                    0 => return Ok(json!({ "bytes": bytes })),
                    more => bytes += more as u64,
                }
            }
        });
    };
    answer(|bytes| {
        let mut left = bytes.as_u64().unwrap_or_default();
        let start = Instant::now();
        let mut stream = TcpStream::connect(SocketAddr::from((to, PORT)))?;
        while left > 0 {
            let some = chunk.len().min(usize::try_from(left)?);
            stream.write_all(&chunk[..some])?;
            left -= some as u64;
        }
        stream.shutdown(std::net::Shutdown::Write)?;
        // The other end closes when it has everything.
        ensure!(stream.read(&mut [0])? == 0, "the receiver answers");
        Ok(json!({ "nanos": start.elapsed().as_nanos() as u64 }))
    })
}
