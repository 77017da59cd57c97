//! Which sockets wait for what comes: what is told is what a client finds out.

use std::io::ErrorKind;
use std::net::{
    IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, TcpListener, TcpStream, UdpSocket,
};
use std::process::Command;
use std::time::Duration;

use twinax_kernel::ask::{self, Listening, Protocol};
use twinax_kernel::sysctl;
use twinax_topology::Sysctl;

use crate::nodes::{change, in_new, is_root};

fn only_v6(only: bool) {
    let (key, value) = ("net.ipv6.bindv6only".parse().unwrap(), u8::from(only).to_string());
    sysctl::set(&Sysctl { key, value }).unwrap();
}

/// Where there are sockets: each port is that of one of them, but for the last.
const AT: [(&str, bool); 7] = [
    ("0.0.0.0:1", false),
    ("[::]:2", false),
    ("[::]:3", true),
    ("127.0.0.2:4", false),
    ("[::1]:5", false),
    ("[::ffff:127.0.0.3]:6", false),
    ("[::ffff:0.0.0.0]:7", false),
];

/// Every address at every port, and one at which nobody is.
fn asked() -> impl Iterator<Item = SocketAddr> {
    let addresses = ["127.0.0.1", "127.0.0.2", "127.0.0.3", "::1"];
    let addresses = addresses.map(|text| text.parse::<IpAddr>().unwrap());
    (1..=8).flat_map(move |port| addresses.map(|address| SocketAddr::new(address, port)))
}

/// Runs where nothing is but a loopback device that is up.
fn on_loopback(name: &str, run: impl FnOnce() + Send) {
    if !is_root(name) {
        return;
    }
    in_new(|_| {
        change(|rtnl| rtnl.set_up("lo", true));
        run();
    });
}

/// The sockets, read both ways: what the files do not tell is left out of both.
fn sockets() -> Vec<Listening> {
    let told = ask::sockets().expect("sockets can be listed");
    let less = |socket: &Listening| Listening {
        v6only: None,
        dev: None,
        backlog: None,
        queued: 0,
        ..socket.clone()
    };
    let by_file = ask::sockets_of_files().expect("sockets are in files");
    let (less, by_file): (Vec<_>, Vec<_>) =
        (told.iter().map(less).collect(), by_file.iter().map(less).collect());
    assert_eq!(less, by_file);
    told
}

#[test]
fn a_connection_comes_about_where_one_is_told() {
    on_loopback("a_connection_comes_about_where_one_is_told", || {
        let listeners = AT.map(|(at, only)| {
            only_v6(only);
            TcpListener::bind(at).unwrap_or_else(|error| panic!("{at}: {error}"))
        });
        let told = sockets();
        assert_eq!(told.len(), listeners.len(), "{told:?}");
        assert!(told.iter().all(|socket| socket.protocol == Protocol::Tcp && socket.queued == 0));
        let of = |port: u16| told.iter().find(|socket| socket.port == port).expect("it is told");
        assert_eq!((of(1).v6only, of(2).v6only, of(3).v6only), (None, Some(false), Some(true)));
        for to in asked() {
            let listens = ask::listens(&told, Protocol::Tcp, to, None);
            assert_eq!(TcpStream::connect(to).is_ok(), listens, "{to}");
            assert!(!ask::listens(&told, Protocol::Udp, to, None));
        }
        // Nobody has taken those that came: 127.0.0.1, .2 and .3 to the first.
        let told = sockets();
        assert_eq!(told.iter().find(|socket| socket.port == 1).map(|s| s.queued), Some(3));
    });
}

#[test]
fn a_datagram_is_taken_where_one_is_told() {
    on_loopback("a_datagram_is_taken_where_one_is_told", || {
        let bound = AT.map(|(at, only)| {
            only_v6(only);
            UdpSocket::bind(at).unwrap_or_else(|error| panic!("{at}: {error}"))
        });
        let told = sockets();
        assert_eq!(told.len(), bound.len(), "{told:?}");
        let within = Some(Duration::from_secs(10));
        let (mut took, mut room) = (0, [0; 8]);
        for to in asked() {
            let own: IpAddr = match to {
                SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            };
            let client = UdpSocket::bind((own, 0)).unwrap();
            client.connect(to).unwrap();
            client.send(b"one").unwrap();
            if ask::listens(&told, Protocol::Udp, to, None) {
                let server = &bound[usize::from(to.port()) - 1];
                server.set_read_timeout(within).unwrap();
                let (length, from) = server.recv_from(&mut room).expect("it is taken");
                assert_eq!((length, from.port()), (3, client.local_addr().unwrap().port()));
                took += 1;
            } else {
                client.set_read_timeout(within).unwrap();
                let error = client.recv(&mut room).expect_err("nobody takes it");
                assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{to}");
            }
        }
        // 3 of IPv4 at the first, 4 at the second, one each at the next four, 3 at the last.
        assert_eq!(took, 3 + 4 + 1 + 1 + 1 + 1 + 3);
    });
}

#[test]
fn one_that_is_connected_takes_from_nobody_else() {
    on_loopback("one_that_is_connected_takes_from_nobody_else", || {
        let socket = UdpSocket::bind("127.0.0.1:1").unwrap();
        socket.connect("127.0.0.1:2").unwrap();
        let told = sockets();
        let [one] = &told[..] else { panic!("{told:?}") };
        assert_eq!(one.peer, Some("127.0.0.1:2".parse().unwrap()));
        assert!(!one.takes(Protocol::Udp, "127.0.0.1:1".parse().unwrap(), None));
        let stranger = UdpSocket::bind("127.0.0.1:3").unwrap();
        stranger.connect("127.0.0.1:1").unwrap();
        stranger.send(b"one").unwrap();
        let error = stranger.recv(&mut [0; 8]).expect_err("nobody takes it");
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn a_device_is_told() {
    if !is_root("a_device_is_told") {
        return;
    }
    in_new(|_| {
        change(|rtnl| {
            rtnl.set_up("lo", true)?;
            rtnl.add_address("lo", "fe80::7/64".parse().unwrap())
        });
        // An address that counts on one link only binds to its device (`inet6_bind`).
        let at = SocketAddrV6::new("fe80::7".parse().unwrap(), 1, 0, 1);
        let _listener = TcpListener::bind(at).unwrap();
        let told = ask::sockets().unwrap();
        let [one] = &told[..] else { panic!("{told:?}") };
        assert_eq!((one.dev.as_deref(), one.address), (Some("lo"), IpAddr::V6(*at.ip())));
        let to = SocketAddr::new(one.address, 1);
        assert!(one.takes(Protocol::Tcp, to, Some("lo")) && one.takes(Protocol::Tcp, to, None));
        assert!(!one.takes(Protocol::Tcp, to, Some("va")));
    });
}

#[test]
fn queues_are_those_that_ss_shows() {
    if Command::new("ss").arg("-V").output().is_err() {
        println!("skipped: queues_are_those_that_ss_shows: needs ss");
        return;
    }
    on_loopback("queues_are_those_that_ss_shows", || {
        let _listener = TcpListener::bind("127.0.0.1:1").unwrap();
        let _clients = [1, 2].map(|_| TcpStream::connect("127.0.0.1:1").unwrap());
        let bound = UdpSocket::bind("127.0.0.1:2").unwrap();
        bound.send_to(b"one", "127.0.0.1:2").unwrap();
        bound.peek_from(&mut [0; 8]).unwrap();
        let shown = Command::new("ss").arg("-Hltun").output().unwrap();
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        let mut shown: Vec<Vec<&str>> =
            shown.lines().map(|line| line.split_whitespace().take(5).collect()).collect();
        shown.sort();
        let told = sockets();
        let told: Vec<Vec<String>> = told
            .iter()
            .map(|socket| {
                let (protocol, state) = match socket.protocol {
                    Protocol::Tcp => ("tcp", "LISTEN"),
                    Protocol::Udp => ("udp", "UNCONN"),
                };
                let backlog = socket.backlog.unwrap_or_default().to_string();
                let at = SocketAddr::new(socket.address, socket.port).to_string();
                vec![protocol.into(), state.into(), socket.queued.to_string(), backlog, at]
            })
            .collect();
        assert_eq!(told, shown);
        assert_eq!(told[0][2], "2");
    });
}
