//! Wires of a lab that runs: they come and go, are started again, and carry all of a flood.

use std::fs::File;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use twinax_kernel::{Error, observe, tun};
use twinax_lab::nodes::{self, inside};
use twinax_lab::wanted::{self, Key, State, Wanted, What};
use twinax_lab::{Lab, converge, memory, service};
use twinax_topology::{Change, Listener, NodeName, Place, TapMode, Topology, Wire, parse};

use crate::both_ways::{chain, in_sandbox, in_view};

/// Three nodes: ns0 has two devices, ns1 two, ns2 one; with these wires.
fn lab(wires: &[(&str, &str)]) -> Topology {
    let mut text = "name = \"wires\"\n[node.ns0]\n[node.ns1]\n[node.ns2]\n".to_owned();
    for (at, ip) in [
        ("ns0:tap0", "10.0.0.1/24"),
        ("ns1:tap1", "10.0.0.2/24"),
        ("ns0:tap2", "10.0.1.1/24"),
        ("ns1:tap3", "10.0.1.2/24"),
        ("ns2:tap4", "10.0.1.3/24"),
    ] {
        text += &format!("[[tap]]\nat = \"{at}\"\nip = \"{ip}\"\n");
    }
    for (a, b) in wires {
        text += &format!("[[wire]]\na = \"{a}\"\nb = \"{b}\"\n");
    }
    parse(&text, "wires.toml").unwrap_or_else(|error| panic!("{error}"))
}

/// Whether the test can be done here; where not, it says so.
fn has_tun(test: &str) -> bool {
    let opened = File::options().read(true).write(true).open(tun::DEVICE);
    if let Err(error) = &opened {
        eprintln!("skipped: wires::{test}: /dev/net/tun can't be opened: {error}");
    }
    opened.is_ok()
}

/// Does this in a sandbox in which the lab stands.
fn in_lab(test: &str, lab: &Topology, work: impl FnOnce(&mut Lab) -> Result<(), String>) {
    if !has_tun(test) {
        return;
    }
    let done = in_sandbox(|| {
        let (mut running, _) = Lab::build(lab.clone()).map_err(chain)?;
        running.start().map_err(chain)?;
        memory::remember(lab).map_err(chain)?;
        work(&mut running)
    });
    done.unwrap_or_else(|error| panic!("{error}"));
}

fn expect(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("not so: {what}")) }
}

fn place(text: &str) -> Place {
    text.parse().expect("node:interface")
}

fn wire(a: &str, b: &str) -> Wire {
    Wire { a: place(a), b: place(b) }
}

/// What has become of the wire that is said with this device first.
fn state(first: &str) -> Result<State, String> {
    let key = Key::wire(&wire(first, "other:end"));
    wanted::state(&key).ok_or_else(|| format!("{key}: nobody carries"))
}

fn pid(first: &str) -> Result<u32, String> {
    state(first)?.pid.ok_or_else(|| format!("{first}: nobody carries"))
}

fn has_carrier(at: &str) -> Result<bool, String> {
    let Place { node, interface } = place(at);
    let netns = nodes::open(&node).map_err(chain)?;
    let seen = inside(&netns, || observe::node(&[])).map_err(chain)?;
    Ok(seen.link(interface.as_str()).is_some_and(|link| link.carrier))
}

fn carriers(expected: [(&str, bool); 5]) -> Result<(), String> {
    for (at, there) in expected {
        expect(has_carrier(at)? == there, &format!("carrier of {at}: {there}"))?;
    }
    Ok(())
}

/// A socket of a node.
fn socket(node: &str, address: &str) -> Result<UdpSocket, String> {
    let node: NodeName = node.parse().expect("a name");
    let netns = nodes::open(&node).map_err(chain)?;
    let socket = inside(&netns, || UdpSocket::bind((address, 7)).map_err(Error::io("binding")));
    let socket = socket.map_err(chain)?;
    socket.set_read_timeout(Some(Duration::from_secs(20))).map_err(chain)?;
    Ok(socket)
}

/// A word goes there and comes back.
fn talk(from: (&str, &str), to: (&str, &str)) -> Result<(), String> {
    let (here, there) = (socket(from.0, from.1)?, socket(to.0, to.1)?);
    let mut word = [0; 16];
    here.send_to(b"there", (to.1, 7)).map_err(chain)?;
    let (length, sender) = there.recv_from(&mut word).map_err(chain)?;
    expect(&word[..length] == b"there", "the word arrives")?;
    there.send_to(b"and back", sender).map_err(chain)?;
    let length = here.recv(&mut word).map_err(chain)?;
    expect(&word[..length] == b"and back", "the answer arrives")
}

/// What stopped, what was done, what started.
type Told = (Vec<String>, Vec<String>, Vec<String>);

fn becomes(lab: &Topology) -> Result<Told, String> {
    let mut told = Told::default();
    converge::converge(lab, |difference| {
        told.0.extend(difference.stop.iter().map(ToString::to_string));
        told.1.extend(difference.steps.iter().map(twinax_plan::command));
        told.2.extend(difference.start.iter().map(ToString::to_string));
    })
    .map_err(chain)?;
    Ok(told)
}

/// One stays, though its ends are said the other way round, one goes, and one comes.
pub fn they_come_change_and_go() {
    let before = lab(&[("ns0:tap0", "ns1:tap1"), ("ns0:tap2", "ns1:tap3")]);
    let after = lab(&[("ns1:tap1", "ns0:tap0"), ("ns2:tap4", "ns0:tap2")]);
    in_lab("they_come_change_and_go", &before, |_| {
        let all = ["ns0:tap0", "ns1:tap1", "ns0:tap2", "ns1:tap3", "ns2:tap4"];
        carriers([0, 1, 2, 3, 4].map(|one| (all[one], one != 4)))?;
        talk(("ns0", "10.0.0.1"), ("ns1", "10.0.0.2"))?;
        talk(("ns1", "10.0.1.2"), ("ns0", "10.0.1.1"))?;
        let stays = pid("ns0:tap0")?;

        let told = becomes(&after)?;
        let expected = (vec!["ns0/wire:tap2".to_owned()], vec![], vec!["ns2/wire:tap4".to_owned()]);
        expect(told == expected, &format!("{told:?}"))?;
        expect(pid("ns0:tap0")? == stays, "what stays is not touched")?;
        expect(state("ns0:tap0")?.starts == 1, "nor was it ever")?;
        carriers([0, 1, 2, 3, 4].map(|one| (all[one], one != 3)))?;
        talk(("ns0", "10.0.0.1"), ("ns1", "10.0.0.2"))?;
        talk(("ns0", "10.0.1.1"), ("ns2", "10.0.1.3"))?;
        let again = becomes(&after)?;
        expect(again == (vec![], vec![], vec![]), &format!("once more: {again:?}"))?;

        becomes(&lab(&[]))?;
        carriers(all.map(|at| (at, false)))?;
        expect(wanted::wires().map_err(chain)?.is_empty(), "none is wanted")
    });
}

/// The process is killed; the holder starts another.
pub fn one_that_is_killed_comes_again() {
    let lab = lab(&[("ns0:tap0", "ns1:tap1")]);
    in_lab("one_that_is_killed_comes_again", &lab, |_| {
        for starts in 2..4 {
            let old = pid("ns0:tap0")?;
            let process = Pid::from_raw(old as i32).ok_or("a process")?;
            kill_process(process, Signal::KILL).map_err(chain)?;
            let deadline = Instant::now() + Duration::from_secs(20);
            while state("ns0:tap0")?.pid.is_none_or(|new| new == old) {
                expect(Instant::now() < deadline, "it comes again")?;
                std::thread::yield_now();
            }
            expect(state("ns0:tap0")?.starts == starts, "it was started once more")?;
            expect(state("ns0:tap0")?.ended == Some(128 + 9), "the last one was killed")?;
            talk(("ns0", "10.0.0.1"), ("ns1", "10.0.0.2"))?;
        }
        Ok(())
    });
}

/// It is the same cable, wherever its end is carried.
pub fn a_device_that_is_moved_keeps_its_wire() {
    let lab = lab(&[("ns0:tap0", "ns1:tap1")]);
    in_lab("a_device_that_is_moved_keeps_its_wire", &lab, |running| {
        let at = place("ns1:tap1");
        let there = Place { node: "ns2".parse().map_err(chain)?, ..at.clone() };
        let changes = [
            Change::Move { at, to: there.node.clone() },
            Change::AddAddress(there.clone(), "10.0.0.2/24".parse().map_err(chain)?),
            Change::Up(there, true),
        ];
        running.change(&changes).map_err(chain)?;
        let wires = wanted::wires().map_err(chain)?;
        expect(wires == [wire("ns0:tap0", "ns2:tap1")], &format!("{wires:?}"))?;
        talk(("ns0", "10.0.0.1"), ("ns2", "10.0.0.2"))?;
        // The file says that it is where it was.
        becomes(&lab)?;
        talk(("ns0", "10.0.0.1"), ("ns1", "10.0.0.2"))
    });
}

/// Somebody removes a device by hand. The file says that it is there, and in a wire.
pub fn a_device_made_anew_is_held_anew() {
    let lab = lab(&[("ns0:tap0", "ns1:tap1"), ("ns0:tap2", "ns1:tap3")]);
    in_lab("a_device_made_anew_is_held_anew", &lab, |_| {
        let other = pid("ns0:tap2")?;
        in_view(|| {
            let mut ip = std::process::Command::new("ip");
            let done = ip.args(["-n", "ns1", "link", "del", "tap1"]).status().map_err(chain)?;
            expect(done.success(), "ip works")
        })?;
        let (stop, _, start) = becomes(&lab)?;
        expect(stop == ["ns0/wire:tap0"] && start == stop, &format!("{stop:?}, {start:?}"))?;
        expect(pid("ns0:tap2")? == other, "the other one is not touched")?;
        talk(("ns0", "10.0.0.1"), ("ns1", "10.0.0.2"))
    });
}

pub fn what_cannot_be_held_is_not_wanted() {
    in_lab("what_cannot_be_held_is_not_wanted", &lab(&[]), |_| {
        let netns = nodes::open(&"ns1".parse().map_err(chain)?).map_err(chain)?;
        let held = inside(&netns, || tun::attach("tap1", TapMode::Tap)).map_err(chain)?;
        let plug = |a: &str, b: &str| service::plug([&wire(a, b)]).err().map(chain);
        let error = plug("ns0:tap0", "ns1:tap1").unwrap_or_default();
        expect(error.contains("another program holds `tap1`"), &error)?;
        expect(!has_carrier("ns0:tap0")?, "and the other device is let go")?;
        drop(held);
        let error = plug("ns0:tap9", "ns1:tap1").unwrap_or_default();
        expect(error.contains("there is no device `tap9`"), &error)?;
        let error = plug("ns9:tap0", "ns1:tap1").unwrap_or_default();
        expect(error.contains("there is no node `ns9`"), &error)?;
        expect(wanted::wires().map_err(chain)?.is_empty(), "none of them is wanted")?;
        expect(plug("ns0:tap0", "ns1:tap1").is_none(), "now it can be had")
    });
}

/// The holder opens ports on threads, and forks for a wire: one does not keep it from the other.
pub fn beside_ports_that_are_opened() {
    in_lab("beside_ports_that_are_opened", &lab(&[]), |_| {
        let one = wire("ns0:tap0", "ns1:tap1");
        let ports = [1, 2, 3, 4].map(|port| Listener::Tcp { port, say: String::new() });
        let node: NodeName = "ns0".parse().map_err(chain)?;
        for _ in 0..30 {
            for port in &ports {
                let wanted = Wanted::here(What::Listener(port.clone()));
                wanted::want(&Key::listener(&node, port), &wanted).map_err(chain)?;
            }
            service::plug([&one]).map_err(chain)?;
            expect(state("ns0:tap0")?.starts == 1, "it was started once")?;
            service::unplug(&one).map_err(chain)?;
            for port in &ports {
                service::stop(&Key::listener(&node, port)).map_err(chain)?;
            }
        }
        Ok(())
    });
}

/// So many datagrams; and so many of them are on their way at once, each way: as many as a socket has
/// room for (`net.core.rmem_default`), whatever the kernel adds to each.
const FLOOD: u32 = 50_000;
const AT_ONCE: u32 = 40;

/// Nothing is lost and nothing overtaken, both ways at once, while the receivers keep up.
pub fn a_flood_arrives_whole_and_in_order() {
    let lab = lab(&[("ns0:tap0", "ns1:tap1")]);
    in_lab("a_flood_arrives_whole_and_in_order", &lab, |_| {
        // Each has found out the other's MAC address.
        talk(("ns0", "10.0.0.1"), ("ns1", "10.0.0.2"))?;
        let (a, b) = (socket("ns0", "10.0.0.1")?, socket("ns1", "10.0.0.2")?);
        let mut number = 0;
        let mut datagram = [0; 2000];
        while number < FLOOD {
            for one in number..number + AT_ONCE {
                a.send_to(&numbered(one), "10.0.0.2:7").map_err(chain)?;
                b.send_to(&numbered(one), "10.0.0.1:7").map_err(chain)?;
            }
            for one in number..number + AT_ONCE {
                for socket in [&a, &b] {
                    let length = socket.recv(&mut datagram).map_err(chain)?;
                    expect(datagram[..length] == numbered(one), &format!("number {one} is next"))?;
                }
            }
            number += AT_ONCE;
        }
        Ok(())
    });
}

/// A datagram that carries its number, up to as long as goes into a frame.
fn numbered(number: u32) -> Vec<u8> {
    let mut datagram = vec![number as u8; 4 + number as usize % 1469];
    datagram[..4].copy_from_slice(&number.to_be_bytes());
    datagram
}
