//! NAT: a packet is the same under other addresses and ports.

use super::bridges::star;
use super::bytes::{Ip, Tcp};
use super::world::World;

/// Two clients behind a bridge in a router that masquerades, and a server beyond.
///
/// ```text
/// a ── r:br0   r:wan ── server:e0
/// b ──┘
/// ```
fn masquerade(seed: u64) -> World {
    let mut world = World::new(seed);
    let (bridge, ends) = star(&mut world, "r", &["a", "b"], "10.0.0");
    world.address(bridge, "10.0.0.254", 24);
    let (wan, server) = world.veth("r:wan", "server:e0");
    world.address(wan, "192.0.2.1", 24);
    world.address(server, "192.0.2.2", 24);
    world.neighbours(&[bridge, ends[0], ends[1]]);
    world.neighbours(&[wan, server]);
    for (host, end) in ["a", "b"].into_iter().zip(ends) {
        world.route(host, ("0.0.0.0", 0), end, "10.0.0.254");
        world.ask(end, "10.0.0.254");
    }
    world.run();
    world.seen.clear();
    world.node("r").forwards = true;
    world.node("r").masquerade = Some((wan, "192.0.2.1".parse().expect("an address")));
    world.node("server").answers = true;
    world
}

#[test]
fn masquerading_and_its_answers() {
    let mut world = masquerade(1);
    world.send("a", Ip::udp(("10.0.0.1", 4000), ("192.0.2.2", 7), b"hello"));
    let ways = world.assert_recognised().ways();
    let there = "a:e0 → r:a → r:br0 \
                 → r:wan [ttl 64→63, mac, src 10.0.0.1.4000→192.0.2.1.4000] → server:e0";
    let back = "server:e0 → r:wan \
                → r:br0 [ttl 64→63, mac, dst 192.0.2.1.4000→10.0.0.1.4000] → r:a → a:e0";
    assert_eq!(ways, [there, back]);
}

#[test]
fn echoes_get_another_identifier() {
    let mut world = masquerade(2);
    for host in [1, 2] {
        let node = ["a", "b"][host - 1];
        let ping = Ip::echo(&format!("10.0.0.{host}"), "192.0.2.2", false, 7, 1);
        world.send(node, ping.with_id(100 + host as u16));
        world.wait(1_000_000);
    }
    let ways = world.assert_recognised().ways();
    let there = "r:wan [ttl 64→63, mac, src 10.0.0.2→192.0.2.1, id 7→8] → server:e0";
    let back = "r:br0 [ttl 64→63, mac, dst 192.0.2.1→10.0.0.2, id 8→7] → r:b → b:e0";
    assert!(ways[2].ends_with(there), "{}", ways[2]);
    assert!(ways[3].ends_with(back), "{}", ways[3]);
}

/// All say the same to the same server from the same port, without identification, again and
/// again: what came out as what is known from the first packet.
#[test]
fn the_same_from_two_clients_is_told_apart_by_what_was_before() {
    let mut world = masquerade(3);
    for round in 0..50 {
        for (node, address) in [("a", "10.0.0.1"), ("b", "10.0.0.2")] {
            world.send(node, Ip::udp((address, 4000), ("192.0.2.2", 7), b"hello"));
            if round == 0 {
                world.wait(1_000_000);
            }
        }
    }
    let recognised = world.assert_recognised();
    assert_eq!(recognised.journeys.len(), 200);
}

#[test]
fn a_port_is_redirected() {
    let mut world = masquerade(4);
    let address = |text: &str| text.parse().expect("an address");
    world.node("r").masquerade = None;
    world.node("r").redirect = Some(((address("192.0.2.1"), 80), (address("10.0.0.2"), 8080)));
    let server = world.id("server:e0");
    world.route("server", ("10.0.0.0", 24), server, "192.0.2.1");
    let syn = Tcp { sequence: 5, flags: 2, mss: Some(1460), ..Tcp::default() };
    world.send("server", Ip::tcp(("192.0.2.2", 999), ("192.0.2.1", 80), &syn));
    let accept = Tcp { sequence: 8, acknowledgement: 6, flags: 0x12, ..Tcp::default() };
    world.run();
    world.send("b", Ip::tcp(("10.0.0.2", 8080), ("192.0.2.2", 999), &accept));
    let ways = world.assert_recognised().ways();
    let there = "server:e0 → r:wan → r:br0 [ttl 64→63, mac, dst 192.0.2.1.80→10.0.0.2.8080] \
                 → r:b → b:e0";
    let back = "b:e0 → r:b → r:br0 → r:wan [ttl 64→63, mac, src 10.0.0.2.8080→192.0.2.1.80] \
                → server:e0";
    assert_eq!(ways, [there, back]);
}

/// The server sends back what it got: the same but for addresses and ports. It is no NAT.
#[test]
fn an_echo_server_is_no_nat() {
    let mut world = masquerade(5);
    world.node("r").masquerade = None;
    let server = world.id("server:e0");
    world.route("server", ("10.0.0.0", 24), server, "192.0.2.1");
    for ttl in [64, 65, 66] {
        let hello = Ip::udp(("10.0.0.1", 4000), ("192.0.2.2", 7), b"hello");
        world.send("a", Ip { ttl, ..hello });
    }
    assert_eq!(world.assert_recognised().journeys.len(), 6);
}

/// NAT changes what an error quotes, too.
#[test]
fn an_error_comes_back_through_nat() {
    let mut world = masquerade(6);
    let (out, far) = world.veth("server:far", "far:e0");
    world.address(out, "198.51.100.1", 24);
    world.address(far, "198.51.100.2", 24);
    world.neighbours(&[out, far]);
    world.node("server").forwards = true;
    let wan = world.id("r:wan");
    world.route("r", ("198.51.100.0", 24), wan, "192.0.2.2");
    let probe = Ip::udp(("10.0.0.1", 4000), ("198.51.100.2", 33434), &[1; 100]).with_id(5);
    world.send("a", Ip { ttl: 2, ..probe });
    let recognised = world.assert_recognised();
    let back = "server:e0 → r:wan → r:br0 [ttl 64→63, mac, dst 192.0.2.1→10.0.0.1] → r:a → a:e0";
    assert_eq!(recognised.ways()[1], back);
    let about = recognised.journeys[1].about.as_ref().expect("an error is about something");
    assert_eq!(about.journey, Some(1));
}
