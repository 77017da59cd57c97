//! Namespaces that were given up are waited for, whatever held them last.

use std::io::{BufRead, BufReader, Write};
use std::net::UdpSocket;
use std::os::fd::{AsFd, AsRawFd};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use twinax_kernel::{Error, Netns, Rtnl, cleanup};
use twinax_plan::Device;
use twinax_topology::Place;

use crate::nodes::{change, in_new, is_root, other};

/// How often: whether the kernel is in the midst of a batch is a matter of luck.
const TIMES: usize = 5;

fn device(name: &str) -> Device {
    let node = "n".parse().expect("a name");
    Device { place: Place { node, interface: name.parse().expect("a name") }, mac: None, mtu: None }
}

/// A namespace that has the other end of the device `near` of the calling thread's.
fn tied(here: &Netns) -> Netns {
    let there = other();
    change(|rtnl| rtnl.add_veth((&device("near"), here), (&device("far"), &there)));
    there
}

/// Whether the other end's namespace has not been freed.
fn is_there() -> bool {
    match Rtnl::open().unwrap().index("near") {
        Err(Error::NoDevice { .. }) => false,
        index => index.is_ok(),
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(30)
}

fn wait(deadline: Instant) -> bool {
    thread::scope(|scope| scope.spawn(|| cleanup::wait(deadline).unwrap()).join().unwrap())
}

#[test]
fn a_namespace_that_only_a_descriptor_held() {
    if !is_root("a_namespace_that_only_a_descriptor_held") {
        return;
    }
    for _ in 0..TIMES {
        in_new(|here| {
            let there = tied(here);
            assert!(wait(soon()), "nothing holds what was given up");
            assert!(is_there(), "somebody holds this one");
            drop(there);
            assert!(wait(soon()));
            assert!(!is_there());
        });
    }
}

#[test]
fn a_namespace_that_a_socket_held() {
    if !is_root("a_namespace_that_a_socket_held") {
        return;
    }
    for _ in 0..TIMES {
        in_new(|here| {
            let there = tied(here);
            there.enter().unwrap();
            let sockets = [(); 2].map(|()| UdpSocket::bind("0.0.0.0:0").unwrap());
            here.enter().unwrap();
            drop(there);
            assert!(wait(soon()) && is_there(), "the sockets hold it");
            drop(sockets);
            assert!(wait(soon()));
            assert!(!is_there());
        });
    }
}

/// Holds the namespace that is its standard error by nothing but a mount of its own, until its
/// standard input ends.
const PIN: &str = "mount -t tmpfs pin /mnt && touch /mnt/pin && \
    mount --bind /proc/self/fd/2 /mnt/pin && exec 2>/dev/null && echo pinned && read end";

#[test]
fn a_namespace_that_a_mount_of_a_process_held() {
    if !is_root("a_namespace_that_a_mount_of_a_process_held") {
        return;
    }
    for _ in 0..TIMES {
        in_new(|here| {
            let there = tied(here);
            let file = format!("/proc/self/fd/{}", there.as_fd().as_raw_fd());
            let file = std::fs::File::open(file).unwrap();
            drop(there);
            // The shell is the first process of a PID namespace, as a lab's holder is.
            let pinned = Command::new("unshare")
                .args(["--mount", "--pid", "--fork", "--propagation", "private", "sh", "-c", PIN])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(file)
                .spawn();
            let Ok(mut pinned) = pinned else {
                println!("skipped: a_namespace_that_a_mount_of_a_process_held: needs unshare");
                return;
            };
            let mut line = String::new();
            BufReader::new(pinned.stdout.take().unwrap()).read_line(&mut line).unwrap();
            assert_eq!(line, "pinned\n");
            assert!(wait(soon()) && is_there(), "the mount holds it");
            pinned.stdin.take().unwrap().write_all(b"\n").unwrap();
            pinned.wait().unwrap();
            assert!(wait(soon()));
            assert!(!is_there());
        });
    }
}

#[test]
fn the_deadline_ends_it() {
    if !is_root("the_deadline_ends_it") {
        return;
    }
    // A batch takes milliseconds (it waits for RCU).
    assert!(!wait(Instant::now()));
}
