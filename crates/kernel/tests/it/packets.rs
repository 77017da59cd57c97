//! Packets over the loopback device: what the kernel tells of them, and of those that fail.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::sockopt::socket_error;
use twinax_kernel::message::{self, Failure, Manner, Origin, Received};
use twinax_kernel::{tcp, udp};

use crate::nodes::{change, in_new, is_root};

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// Runs in a namespace in which nothing is but a loopback device that is up.
fn on_loopback(name: &str, run: impl FnOnce() + Send) {
    if !is_root(name) {
        return;
    }
    in_new(|_| {
        change(|rtnl| rtnl.set_up("lo", true));
        run();
    });
}

/// Waits until something has come, or an error.
fn wait(socket: &OwnedFd) {
    let within = Timespec { tv_sec: 10, tv_nsec: 0 };
    let ready = poll(&mut [PollFd::new(socket, PollFlags::IN)], Some(&within)).unwrap();
    assert_eq!(ready, 1, "nothing has come");
}

fn next(socket: &OwnedFd) -> (Received, Vec<u8>) {
    wait(socket);
    let mut bytes = [0; 64];
    let received = message::receive(socket, &mut bytes).unwrap().expect("it is ready");
    (received, bytes[..received.length].to_vec())
}

#[test]
fn an_answer_comes_from_where_the_question_went() {
    on_loopback("an_answer_comes_from_where_the_question_went", || {
        let server = udp::listen(7).unwrap();
        // The whole of 127.0.0.0/8 is the loopback device's.
        for asked in [IpAddr::from([127, 0, 0, 2]), V4, V6] {
            let asked = SocketAddr::new(asked, 7);
            let client = udp::socket(asked.ip(), Some(4000)).unwrap();
            let manner = Manner { ttl: Some(9), ..Manner::default() };
            message::send(&client, b"question", asked, manner).unwrap();
            let (received, bytes) = next(&server);
            assert_eq!(bytes, b"question");
            assert_eq!(received.at.map(|at| at.to_canonical()), Some(asked.ip()));
            let from = received.from.expect("somebody sent it");
            assert_eq!(from.port(), 4000);
            let manner = Manner { from: received.at, ttl: Some(8) };
            message::send(&server, b"answer", from, manner).unwrap();
            let (received, bytes) = next(&client);
            assert_eq!((received.from, &bytes[..]), (Some(asked), &b"answer"[..]));
            assert_eq!(received.ttl, Some(8));
            assert_eq!(message::receive(&client, &mut [0; 64]), Ok(None));
        }
    });
}

#[test]
fn a_closed_port_is_told_with_what_was_sent() {
    on_loopback("a_closed_port_is_told_with_what_was_sent", || {
        for (address, kind, code) in [(V4, 3, 3), (V6, 1, 4)] {
            let socket = udp::socket(address, None).unwrap();
            let to = SocketAddr::new(address, 9);
            message::send(&socket, b"lost", to, Manner::default()).unwrap();
            wait(&socket);
            let mut bytes = [0; 64];
            let failure = message::failure(&socket, &mut bytes).unwrap().expect("it is ready");
            let by = Some(address);
            let origin = match address {
                IpAddr::V4(_) => Origin::Icmp { kind, code, by },
                IpAddr::V6(_) => Origin::Icmpv6 { kind, code, by },
            };
            let errno = Errno::CONNREFUSED;
            assert_eq!(failure, Failure { errno, origin, length: 4, to: Some(to) });
            assert_eq!(&bytes[..4], b"lost");
            assert_eq!(message::failure(&socket, &mut bytes), Ok(None));
        }
    });
}

#[test]
fn a_source_that_is_none_is_refused() {
    on_loopback("a_source_that_is_none_is_refused", || {
        let socket = udp::listen(7).unwrap();
        let from = Some("::ffff:255.255.255.255".parse().unwrap());
        let manner = Manner { from, ..Manner::default() };
        let to = "[::ffff:127.0.0.1]:9".parse().unwrap();
        assert_eq!(message::send(&socket, b"", to, manner), Err(Errno::INVAL));
        let taken = udp::socket(V4, Some(7)).expect_err("it has the port");
        assert_eq!(taken.errno(), Some(Errno::ADDRINUSE));
    });
}

#[test]
fn a_connection_that_is_refused() {
    on_loopback("a_connection_that_is_refused", || {
        for address in [V4, V6] {
            let socket = tcp::connect(SocketAddr::new(address, 9)).unwrap();
            wait(&socket);
            assert_eq!(socket_error(&socket), Ok(Err(Errno::CONNREFUSED)));
            // That was TCP's own word (RST), and no error of ICMP.
            assert_eq!(message::failure(&socket, &mut [0; 64]), Ok(None));
        }
    });
}
