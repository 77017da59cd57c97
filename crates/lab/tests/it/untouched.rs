//! What a lab file says as before is not touched when the running lab becomes what it says.
//!
//! ```text
//!    clock         reader         other            far ── near
//!      │ e0           │ e0           │ e0
//!   ┌──┴──────────────┴──────────────┴───┐
//!   │  p1             p2             p3  │  switch: br0
//!   └────────────────────────────────────┘
//! ```
//!
//! A stream flows from clock to reader all the while.

use std::collections::BTreeMap;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use twinax_kernel::watch::Watch;
use twinax_kernel::{Error, Netns, observe};
use twinax_lab::nodes::{self, inside};
use twinax_lab::wanted::{self, Key};
use twinax_lab::{Lab, converge, memory};
use twinax_topology::{NodeName, Topology, parse};

use crate::both_ways::{chain, in_sandbox, in_view, lacks};

const BEFORE: &str = r#"
    name = "untouched"
    [node.clock]
    run = [{ name = "stays", cmd = "exec sleep infinity" }]
    neigh = [{ dev = "e0", to = "10.0.0.77", mac = "02:00:00:00:00:77" }]
    [node.reader]
    run = [{ name = "stays", cmd = "exec sleep infinity" }]
    [node.other]
    [node.near]
    [node.far]
    [node.switch]
    kind = "bridge"
    [[link]]
    a = { at = "clock:e0", ip = ["10.0.0.1/24", "fd00::1/64"] }
    b = "switch:p1"
    [[link]]
    a = { at = "reader:e0", ip = ["10.0.0.2/24", "fd00::2/64"] }
    b = "switch:p2"
    [[link]]
    a = { at = "other:e0", ip = "10.0.0.3/24" }
    b = "switch:p3"
    [[link]]
    a = { at = "near:e0", ip = "10.1.0.1/24" }
    b = { at = "far:e0", ip = "10.1.0.2/24" }
"#;

/// A node is added and one removed, an address is changed elsewhere, a cable is cut and another one
/// made, a port is given an attribute, a node becomes a router, and gets a firewall.
const AFTER: &str = r#"
    name = "untouched"
    [node.clock]
    run = [{ name = "stays", cmd = "exec sleep infinity" }]
    neigh = [{ dev = "e0", to = "10.0.0.77", mac = "02:00:00:00:00:77" }]
    [node.reader]
    run = [{ name = "stays", cmd = "exec sleep infinity" }]
    [node.other]
    kind = "router"
    firewall = { masquerade = "e0" }
    [node.near]
    route = [{ to = "default", via = "10.1.0.1" }]
    [node.guest]
    [node.switch]
    kind = "bridge"
    [[link]]
    a = { at = "clock:e0", ip = ["10.0.0.1/24", "fd00::1/64"] }
    b = "switch:p1"
    [[link]]
    a = { at = "reader:e0", ip = ["10.0.0.2/24", "fd00::2/64"] }
    b = "switch:p2"
    [[link]]
    a = { at = "guest:e0", ip = "10.0.0.4/24" }
    b = { at = "switch:p3", port = { isolated = true } }
    [[link]]
    a = { at = "other:e1", ip = "10.1.0.1/24" }
    b = { at = "near:e0", ip = "10.1.0.9/24" }
    [[link]]
    a = { at = "other:e0", ip = "10.0.0.33/24", mtu = 1400 }
    b = { at = "switch:p4", mtu = 1500 }
"#;

/// The nodes of which both say the same.
const SAME: [&str; 2] = ["clock", "reader"];

/// Stream, counters, neighbours, processes and indexes of what stays.
pub fn what_stays_is_not_touched() {
    if lacks("untouched::what_stays_is_not_touched") {
        return;
    }
    let done = in_sandbox(|| {
        let [before, after] = [BEFORE, AFTER]
            .map(|text| parse(text, "untouched.toml").unwrap_or_else(|error| panic!("{error}")));
        let (mut lab, _) = Lab::build(before.clone()).map_err(chain)?;
        lab.start().map_err(chain)?;
        memory::remember(&before).map_err(chain)?;
        while_streaming(|| {
            becomes(&after)?;
            becomes(&before)?;
            becomes(&after)
        })
    });
    done.unwrap_or_else(|error| panic!("{error}"));
}

/// Makes the lab another one, and compares what stays with what it was.
fn becomes(lab: &Topology) -> Result<(), String> {
    let was = look()?;
    let mut watches = Vec::new();
    for node in SAME {
        watches.push(inside(&open(node)?, quiet).map_err(chain)?);
    }
    let mut rounds = 0;
    converge::converge(lab, |_| rounds += 1).map_err(chain)?;
    if rounds == 0 {
        return Err("nothing was done".to_owned());
    }
    for (node, mut watch) in SAME.iter().zip(watches) {
        if watch.wait(Instant::now()).map_err(chain)? {
            return Err(format!("{node}: the kernel tells of a change"));
        }
    }
    let is = look()?;
    for (what, was) in &was.fixed {
        let is = is.fixed.get(what);
        if is != Some(was) {
            return Err(format!("{what}: was {was}, is {is:?}"));
        }
    }
    for (what, was) in &was.counters {
        let is = is.counters.get(what);
        if is.is_none_or(|is| is < was) {
            return Err(format!("{what}: was {was}, is {is:?}"));
        }
    }
    Ok(())
}

/// Waits until the kernel is sure of the addresses of the calling thread's namespace, of which it
/// would tell, and hears of every change from then on.
fn quiet() -> Result<Watch, Error> {
    let deadline = Instant::now() + LONG;
    let mut watch = Watch::open()?;
    let is_unsure = || -> Result<bool, Error> {
        let links = observe::node(&[])?.links;
        Ok(links.iter().flat_map(|link| &link.addresses).any(|address| address.tentative))
    };
    while is_unsure()? && watch.wait(deadline)? {}
    // What it has told so far.
    watch.wait(Instant::now())?;
    Ok(watch)
}

/// What there is of what stays.
#[derive(Default)]
struct Seen {
    fixed: BTreeMap<String, String>,
    counters: BTreeMap<String, u64>,
}

fn look() -> Result<Seen, String> {
    let mut seen = Seen::default();
    for node in SAME {
        let own = inside(&open(node)?, || observe::node(&[])).map_err(chain)?;
        for link in &own.links {
            seen.fixed.insert(format!("{node}:{} index", link.name), link.index.to_string());
        }
        for one in own.neighbours.iter().filter(|one| one.mac.is_some()) {
            let what = format!("{node} neighbour {} by {}", one.to, one.dev);
            seen.fixed.insert(what, format!("{:?}", one.mac));
        }
        let key = Key::command(&name(node), &name("stays"));
        let state = wanted::state(&key).ok_or("nothing runs")?;
        seen.fixed.insert(key.to_string(), format!("{:?} {}", state.pid, state.starts));
        seen.count(node)?;
    }
    let switch = inside(&open("switch")?, || observe::node(&[])).map_err(chain)?;
    for link in switch.links.iter().filter(|link| ["br0", "p1", "p2"].contains(&&*link.name)) {
        let what = format!("switch:{} index, master, state as a port", link.name);
        let state = link.port.get("state");
        seen.fixed.insert(what, format!("{} {:?} {state:?}", link.index, link.master));
    }
    Ok(seen)
}

impl Seen {
    /// What `ip -s link` counts in a node.
    fn count(&mut self, node: &str) -> Result<(), String> {
        let shown = in_view(|| {
            Command::new("ip")
                .args(["-n", node, "-s", "-j", "link", "show"])
                .output()
                .map_err(chain)
        })?;
        let links: Vec<Value> = serde_json::from_slice(&shown.stdout).map_err(chain)?;
        for link in links {
            for way in ["rx", "tx"] {
                for what in ["bytes", "packets", "errors", "dropped"] {
                    let count = link["stats64"][way][what].as_u64().ok_or("no such counter")?;
                    self.counters.insert(format!("{node}:{} {way} {what}", link["ifname"]), count);
                }
            }
        }
        Ok(())
    }
}

/// Does something while numbers flow from clock to reader, and makes sure that none is missing.
fn while_streaming(work: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    let bound = inside(&open("clock")?, || bound("10.0.0.1:7000")).map_err(chain)?;
    let reader = inside(&open("reader")?, || connected("10.0.0.1:7000")).map_err(chain)?;
    let (clock, _) = bound.accept().map_err(chain)?;
    let (is_over, received) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let writes = scope.spawn(|| count_up(clock, &is_over));
        let reads = scope.spawn(|| expect_numbers(reader, &received));
        let done = await_more(&received).and_then(|()| work()).and_then(|()| await_more(&received));
        is_over.store(true, Ordering::Relaxed);
        let sent = writes.join().expect("it does not panic").map_err(chain)?;
        let came = reads.join().expect("it does not panic").map_err(chain)?;
        done?;
        if sent == came { Ok(()) } else { Err(format!("{sent} numbers were sent, {came} came")) }
    })
}

/// Writes 0, 1, 2 … until it is over; how many it wrote.
fn count_up(to: TcpStream, is_over: &AtomicBool) -> io::Result<u64> {
    to.set_write_timeout(Some(LONG))?;
    let mut to = BufWriter::new(to);
    let mut number = 0_u64;
    while !is_over.load(Ordering::Relaxed) {
        to.write_all(&number.to_be_bytes())?;
        number += 1;
    }
    to.flush()?;
    Ok(number)
}

/// Reads numbers to their end; how many came.
fn expect_numbers(from: TcpStream, received: &AtomicU64) -> io::Result<u64> {
    from.set_read_timeout(Some(LONG))?;
    let mut from = BufReader::new(from);
    let mut bytes = [0; 8];
    for number in 0.. {
        match from.read_exact(&mut bytes) {
            Ok(()) if u64::from_be_bytes(bytes) == number => {}
            Ok(()) => return Err(io::Error::other(format!("not {number}: {bytes:?}"))),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(number),
            Err(error) => return Err(error),
        }
        received.store(number, Ordering::Relaxed);
    }
    unreachable!("nobody counts so far")
}

/// Waits until the stream has gone on.
fn await_more(received: &AtomicU64) -> Result<(), String> {
    let (from, deadline) = (received.load(Ordering::Relaxed), Instant::now() + LONG);
    while received.load(Ordering::Relaxed) < from + 100_000 {
        if Instant::now() > deadline {
            return Err("the stream has stopped".to_owned());
        }
        std::thread::yield_now();
    }
    Ok(())
}

/// No stream stops for so long.
const LONG: Duration = Duration::from_secs(10);

fn bound(to: &str) -> Result<TcpListener, Error> {
    TcpListener::bind(to).map_err(Error::io("binding"))
}

fn connected(to: &str) -> Result<TcpStream, Error> {
    TcpStream::connect(to).map_err(Error::io("connecting"))
}

fn name(text: &str) -> NodeName {
    text.parse().expect("a name")
}

fn open(node: &str) -> Result<Netns, String> {
    nodes::open(&name(node)).map_err(chain)
}
