//! Random labs and random traffic: the way of each packet is recognised as it was.

use proptest::prelude::*;
use twinax_packet::journey::{Journeys, Options, Wiring};
use twinax_packet::{Direction, Frame, Time};

use super::bytes::{Ip, Tcp};
use super::world::{Id, Kind, World};

/// A lab: routers in a row, behind each of them hosts.
///
/// ```text
///   hosts 0       hosts 1       hosts 2
///      │             │             │
///   router 0 ───── router 1 ──── router 2
/// ```
#[derive(Debug, Clone)]
struct Plan {
    seed: u64,
    /// How the hosts of each router are joined with it.
    lans: Vec<Lan>,
    /// How each router is joined with the next.
    trunks: Vec<Trunk>,
    /// Whether the first router masquerades.
    nat: bool,
    /// Whether a second tenant has all of it once more, with the same addresses and MACs.
    tenants: usize,
}

#[derive(Debug, Clone, Copy)]
struct Lan {
    hosts: usize,
    kind: LanKind,
}

#[derive(Debug, Clone, Copy)]
enum LanKind {
    /// A bridge in a node of its own.
    Bridge,
    /// Two bridges, one after the other.
    TwoBridges,
    /// A bridge in the router.
    InRouter,
}

#[derive(Debug, Clone, Copy)]
enum Trunk {
    Cable,
    Vlan,
    /// A cable that takes so many milliseconds.
    Slow(u64),
    /// One on which packets over 620 bytes are cut up.
    Narrow,
}

/// What is sent: by which host to which, how, and after how long.
#[derive(Debug, Clone, Copy)]
struct Sent {
    from: usize,
    to: usize,
    what: What,
    pause: u64,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Arp,
    Echo { id: u16, sequence: u16 },
    Echo6 { sequence: u16 },
    Udp { port: u16, byte: u8 },
    Udp6 { byte: u8 },
    Large,
    Tcp { sequence: u32 },
}

fn lan() -> impl Strategy<Value = Lan> {
    let kind =
        prop_oneof![Just(LanKind::Bridge), Just(LanKind::TwoBridges), Just(LanKind::InRouter)];
    (1..4_usize, kind).prop_map(|(hosts, kind)| Lan { hosts, kind })
}

fn trunk() -> impl Strategy<Value = Trunk> {
    prop_oneof![
        Just(Trunk::Cable),
        Just(Trunk::Vlan),
        (1..30_u64).prop_map(Trunk::Slow),
        Just(Trunk::Narrow)
    ]
}

fn plan() -> impl Strategy<Value = Plan> {
    let lans = prop::collection::vec(lan(), 1..4);
    let trunks = prop::collection::vec(trunk(), 3);
    (any::<u64>(), lans, trunks, any::<bool>(), 1..3_usize)
        .prop_map(|(seed, lans, trunks, nat, tenants)| Plan { seed, lans, trunks, nat, tenants })
}

fn sent() -> impl Strategy<Value = Sent> {
    let what = prop_oneof![
        Just(What::Arp),
        (1..3_u16, 1..4_u16).prop_map(|(id, sequence)| What::Echo { id, sequence }),
        (1..4_u16).prop_map(|sequence| What::Echo6 { sequence }),
        (4..7_u16, 0..2_u8).prop_map(|(port, byte)| What::Udp { port, byte }),
        (0..2_u8).prop_map(|byte| What::Udp6 { byte }),
        Just(What::Large),
        any::<u32>().prop_map(|sequence| What::Tcp { sequence }),
    ];
    let pause = prop_oneof![Just(0), 0..20_000_u64, Just(40_000_000)];
    (0..12_usize, 0..12_usize, what, pause).prop_map(|(from, to, what, pause)| Sent {
        from,
        to,
        what,
        pause,
    })
}

/// A host: its node, its device, and its addresses.
struct Host {
    node: String,
    device: Id,
    ip: String,
    ip6: String,
}

fn build(plan: &Plan) -> (World, Vec<Vec<Host>>) {
    let mut world = World::new(plan.seed);
    let mut tenants = Vec::new();
    for tenant in 0..plan.tenants {
        world.macs_from = world.devices.len();
        tenants.push(build_tenant(&mut world, plan, tenant));
    }
    (world, tenants)
}

fn build_tenant(world: &mut World, plan: &Plan, tenant: usize) -> Vec<Host> {
    let mut hosts = Vec::new();
    for (number, lan) in plan.lans.iter().enumerate() {
        hosts.extend(build_lan(world, *lan, tenant, number));
        world.node(&format!("t{tenant}r{number}")).forwards = true;
    }
    for (number, trunk) in plan.trunks.iter().take(plan.lans.len() - 1).enumerate() {
        let (west, east) = build_trunk(world, *trunk, tenant, number);
        for other in 0..plan.lans.len() {
            let (node, device, over) =
                if other > number { (number, west, 2) } else { (number + 1, east, 1) };
            let node = format!("t{tenant}r{node}");
            let net = format!("10.{other}.0.0");
            world.route(&node, (&net, 16), device, &format!("192.168.{number}.{over}"));
            let (net, over) = (format!("fd00:{other}::"), format!("fd01:{number}::{over}"));
            world.route(&node, (&net, 32), device, &over);
        }
        let mask = format!("192.168.{number}.1");
        if plan.nat && number == 0 {
            let mask = mask.parse().expect("an address");
            world.node(&format!("t{tenant}r0")).masquerade = Some((west, mask));
        }
        // What was masqueraded is answered from anywhere.
        for router in number + 1..plan.lans.len() {
            let node = format!("t{tenant}r{router}");
            let device = world.nodes[&node].routes.iter().find(|route| {
                route.3.is_some_and(|over| over.to_string() == format!("192.168.{}.1", router - 1))
            });
            if let Some((_, _, device, Some(over))) = device.cloned() {
                world.route(&node, (&mask, 32), device, &over.to_string());
            }
        }
    }
    hosts
}

fn build_lan(world: &mut World, lan: Lan, tenant: usize, number: usize) -> Vec<Host> {
    let router = format!("t{tenant}r{number}");
    let switch = format!("t{tenant}s{number}");
    let mut bridges = match lan.kind {
        LanKind::InRouter => vec![(router.clone(), world.device(&router, "br0", Kind::Bridge))],
        LanKind::Bridge => vec![(switch.clone(), world.device(&switch, "br0", Kind::Bridge))],
        LanKind::TwoBridges => {
            let far = format!("{switch}b");
            let pair = [switch.clone(), far].map(|node| {
                let bridge = world.device(&node, "br0", Kind::Bridge);
                (node, bridge)
            });
            let (up, down) =
                world.veth(&format!("{}:between", pair[0].0), &format!("{}:between", pair[1].0));
            world.port(up, pair[0].1);
            world.port(down, pair[1].1);
            pair.to_vec()
        }
    };
    let gateway = match lan.kind {
        LanKind::InRouter => bridges[0].1,
        _ => {
            let (end, port) =
                world.veth(&format!("{router}:lan"), &format!("{}:router", bridges[0].0));
            world.port(port, bridges[0].1);
            end
        }
    };
    world.address(gateway, &format!("10.{number}.0.254"), 24);
    world.address(gateway, &format!("fd00:{number}::254"), 64);
    let mut segment = vec![gateway];
    let mut hosts = Vec::new();
    for host in 0..lan.hosts {
        bridges.rotate_left(1);
        let node = format!("t{tenant}h{number}{host}");
        let (end, port) = world.veth(&format!("{node}:e0"), &format!("{}:h{host}", bridges[0].0));
        world.port(port, bridges[0].1);
        let (ip, ip6) =
            (format!("10.{number}.0.{}", host + 1), format!("fd00:{number}::{}", host + 1));
        world.address(end, &ip, 24);
        world.address(end, &ip6, 64);
        world.route(&node, ("0.0.0.0", 0), end, &format!("10.{number}.0.254"));
        world.route(&node, ("::", 0), end, &format!("fd00:{number}::254"));
        world.node(&node).answers = true;
        segment.push(end);
        hosts.push(Host { node, device: end, ip, ip6 });
    }
    world.neighbours(&segment);
    hosts
}

fn build_trunk(world: &mut World, trunk: Trunk, tenant: usize, number: usize) -> (Id, Id) {
    let nodes = [number, number + 1].map(|router| format!("t{tenant}r{router}"));
    let (west, east) = world.veth(&format!("{}:east", nodes[0]), &format!("{}:west", nodes[1]));
    let mut ends = [west, east];
    match trunk {
        Trunk::Cable => {}
        Trunk::Slow(millis) => {
            ends.iter().for_each(|end| world.devices[*end].delay = millis * 1_000_000);
        }
        Trunk::Narrow => ends.iter().for_each(|end| world.devices[*end].mtu = 620),
        Trunk::Vlan => {
            for (end, node) in ends.iter_mut().zip(&nodes) {
                *end = world.device(node, "vlan7", Kind::Vlan { lower: *end, id: 7 });
            }
        }
    }
    for (end, host) in ends.into_iter().zip([1, 2]) {
        world.address(end, &format!("192.168.{number}.{host}"), 24);
        world.address(end, &format!("fd01:{number}::{host}"), 64);
    }
    world.neighbours(&ends);
    (ends[0], ends[1])
}

/// Sends it all; with `id`, each packet has an identification of its own.
fn send(world: &mut World, tenants: &[Vec<Host>], traffic: &[Sent], mut id: Option<u16>) {
    for sent in traffic {
        for hosts in tenants {
            let [from, to] = [sent.from, sent.to].map(|host| &hosts[host % hosts.len()]);
            if from.node == to.node {
                continue;
            }
            let ip = match sent.what {
                What::Arp => {
                    world.ask(from.device, &to.ip);
                    continue;
                }
                What::Echo { id, sequence } => Ip::echo(&from.ip, &to.ip, false, id, sequence),
                What::Echo6 { sequence } => Ip::echo(&from.ip6, &to.ip6, false, 1, sequence),
                What::Udp { port, byte } => Ip::udp((&from.ip, port), (&to.ip, 7), &[byte; 30]),
                What::Udp6 { byte } => Ip::udp((&from.ip6, 9), (&to.ip6, 9), &[byte; 3]),
                What::Large => {
                    let id = world.below(65_535) as u16 + 1;
                    let large = Ip::udp((&from.ip, 4000), (&to.ip, 9), &[7; 1000]);
                    world.send(&from.node, large.with_id(id).may_fragment());
                    continue;
                }
                What::Tcp { sequence } => {
                    let segment =
                        Tcp { sequence, flags: 0x18, data: vec![1; 100], ..Tcp::default() };
                    Ip::tcp((&from.ip, 5000), (&to.ip, 80), &segment)
                }
            };
            let ip = match &mut id {
                Some(id) => {
                    *id = id.wrapping_add(1);
                    ip.with_id(*id)
                }
                None => ip,
            };
            world.send(&from.node, ip);
        }
        world.wait(sent.pause);
    }
}

/// Sends what has an identification, each with its own, and nobody answers.
fn send_unique(world: &mut World, tenants: &[Vec<Host>], traffic: &[Sent]) {
    world.nodes.values_mut().for_each(|node| node.answers = false);
    let is_ipv4 =
        |sent: &&Sent| matches!(sent.what, What::Echo { .. } | What::Udp { .. } | What::Tcp { .. });
    let unique: Vec<Sent> = traffic.iter().filter(is_ipv4).copied().collect();
    send(world, tenants, &unique, Some(0));
}

/// What is done to a frame.
#[derive(Debug, Clone)]
struct Broken {
    bytes: Vec<(prop::sample::Index, u8)>,
    kept: usize,
    length: Option<u32>,
    direction: Option<Direction>,
}

fn broken() -> impl Strategy<Value = Broken> {
    let bytes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    let kept = prop_oneof![3 => Just(usize::MAX), 1 => 0..120_usize];
    let length =
        prop_oneof![3 => Just(None), 1 => any::<u32>().prop_map(Some), 1 => Just(Some(u32::MAX))];
    let direction = prop_oneof![
        3 => Just(None),
        1 => Just(Some(Direction::Out)),
        1 => Just(Some(Direction::OtherHost)),
        1 => Just(Some(Direction::In)),
    ];
    (bytes, kept, length, direction).prop_map(|(bytes, kept, length, direction)| Broken {
        bytes,
        kept,
        length,
        direction,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    /// Whatever is sent, however often, at once by whomever.
    #[test]
    fn every_way_is_recognised(plan in plan(), traffic in prop::collection::vec(sent(), 1..60)) {
        let (mut world, tenants) = build(&plan);
        send(&mut world, &tenants, &traffic, None);
        let recognised = world.recognise();
        let mistake = world.first_mistake(&recognised);
        prop_assert!(mistake.is_none(), "{}\n{}", mistake.unwrap_or_default(), recognised.told.join("\n"));
    }

    /// Cables lose what is on them; each packet has an identification of its own, because of twins
    /// nobody could say which one is lost.
    #[test]
    fn what_is_lost_misleads_nobody(
        plan in plan(),
        traffic in prop::collection::vec(sent(), 1..60),
        loses in prop::collection::vec((2..9_u64, any::<prop::sample::Index>()), 1..4),
    ) {
        let (mut world, tenants) = build(&plan);
        for (every, device) in loses {
            let device = device.index(world.devices.len());
            world.devices[device].loses = every;
        }
        send_unique(&mut world, &tenants, &traffic);
        let recognised = world.recognise();
        let mistake = world.first_mistake(&recognised);
        let told = recognised.told.join("\n");
        prop_assert!(mistake.is_none(), "{}\n{told}", mistake.unwrap_or_default());
    }

    /// A cable doubles what is on it. Of a second one that doubled the copies again nobody could say
    /// which copy it was that came twice.
    #[test]
    fn what_is_doubled_is_one_journey(
        plan in plan(),
        traffic in prop::collection::vec(sent(), 1..60),
        every in 1..9_u64,
        device in any::<prop::sample::Index>(),
    ) {
        let (mut world, tenants) = build(&plan);
        let device = device.index(world.devices.len());
        world.devices[device].doubles = every;
        send_unique(&mut world, &tenants, &traffic);
        let recognised = world.recognise();
        let mistake = world.first_mistake(&recognised);
        let told = recognised.told.join("\n");
        prop_assert!(mistake.is_none(), "{}\n{told}", mistake.unwrap_or_default());
    }

    /// Nobody says what is joined with what: then ways may be found wrong, but never are two packets
    /// with different content taken for one.
    #[test]
    fn without_wiring_nothing_is_merged_that_differs(
        plan in plan(),
        traffic in prop::collection::vec(sent(), 1..60),
    ) {
        let plan = Plan { tenants: 1, ..plan };
        let (mut world, tenants) = build(&plan);
        send_unique(&mut world, &tenants, &traffic);
        let recognised = world.recognise_by(&Wiring::default());
        let root = |parents: &dyn Fn(usize) -> Option<usize>, number: usize| {
            let mut own = number;
            while let Some(parent) = parents(own) {
                own = parent;
            }
            own
        };
        for number in 0..world.seen.len() {
            let truth = root(&|number| world.seen[number].parent, number);
            let said = root(&|number| recognised.parents[number], number);
            prop_assert_eq!(truth, said, "#{}\n{}", number, recognised.told.join("\n"));
        }
    }

    /// Bytes are changed, frames are cut off, lengths and directions are made up: each frame is in one
    /// journey all the same.
    #[test]
    fn broken_frames_do_no_harm(
        plan in plan(),
        traffic in prop::collection::vec(sent(), 1..40),
        broken in prop::collection::vec(broken(), 1..200),
    ) {
        let (mut world, tenants) = build(&plan);
        send(&mut world, &tenants, &traffic, None);
        world.run();
        let mut journeys = Journeys::new(Options::default());
        for (seen, broken) in world.seen.iter_mut().zip(broken.iter().cycle()) {
            for (at, byte) in &broken.bytes {
                let at = at.index(seen.bytes.len());
                seen.bytes[at] = *byte;
            }
            seen.bytes.truncate(broken.kept);
            let frame = Frame {
                time: Time(seen.time),
                interface: seen.interface as u32,
                direction: broken.direction.unwrap_or(seen.direction),
                length: broken.length.unwrap_or(seen.bytes.len() as u32),
                bytes: &seen.bytes,
            };
            journeys.frame(&world.interfaces, &world.wiring, &frame);
        }
        let hops: usize = journeys.finish().map(|journey| {
            let told = journey.told(&world.interfaces).to_string();
            assert!(told.contains(" | "));
            journey.hops.len()
        }).sum();
        prop_assert_eq!(hops, world.seen.len());
    }
}
