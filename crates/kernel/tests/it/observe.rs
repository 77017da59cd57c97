//! What was asked for is what the kernel reports.

use std::fs;
use std::net::IpAddr;
use std::process::Command;

use ipnet::IpNet;
use twinax_kernel::{Error, Netns, Rtnl, observe, sysctl, tun};
use twinax_plan::{Device, ObservedNode, ObservedRoute, ObservedRule};
use twinax_topology::{
    Bridge, Family, IfName, Mac, Mark, Neighbour, NeighbourKey, Place, PortAttributes, Route,
    RouteKind, Rule, RuleAction, Span, Sysctl, TapMode,
};

use crate::nodes::{change, in_new, is_root, other, settle};

fn name(text: &str) -> IfName {
    text.parse().expect("a name of an interface")
}

fn net(text: &str) -> IpNet {
    text.parse().expect("an address with its prefix length")
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn mac(text: &str) -> Mac {
    text.parse().expect("a MAC address")
}

fn place(interface: &str) -> Place {
    Place { node: "node".parse().expect("a name of a node"), interface: name(interface) }
}

fn device(interface: &str) -> Device {
    Device { place: place(interface), mac: None, mtu: None }
}

fn now() -> ObservedNode {
    observe::node(&[]).expect("a namespace can be observed")
}

/// A veth pair, both ends up in the namespace: `a` with these addresses, `b`.
fn pair(rtnl: &mut Rtnl, here: &Netns, addresses: &[&str]) -> Result<(), Error> {
    rtnl.add_veth((&device("a"), here), (&device("b"), here))?;
    for address in addresses {
        rtnl.add_address("a", net(address))?;
    }
    rtnl.set_up("a", true)?;
    rtnl.set_up("b", true)
}

#[test]
fn an_untouched_namespace() {
    if !is_root("an_untouched_namespace") {
        return;
    }
    in_new(|_| {
        let node = now();
        let names: Vec<&str> = node.links.iter().map(|link| link.name.as_str()).collect();
        assert!(names.contains(&"lo"));
        let lo = node.link("lo").unwrap();
        assert_eq!((lo.index, lo.mtu, lo.up, lo.kind.as_str()), (1, 65536, false, ""));
        assert_eq!((lo.mac, lo.peer_index, &lo.master), (None, None, &None));
        assert!(lo.addresses.is_empty() && node.routes.is_empty() && node.fdb.is_empty());
        let tables: Vec<u32> =
            node.rules.iter().filter(|rule| rule.family == "ipv4").map(|rule| rule.table).collect();
        assert_eq!(tables, [255, 254, 253]);
    });
}

#[test]
fn a_veth_pair_between_two_namespaces() {
    if !is_root("a_veth_pair_between_two_namespaces") {
        return;
    }
    let there = other();
    let (left, right) = in_new(|here| {
        let left =
            Device { mac: Some(mac("02:00:00:00:00:01")), mtu: Some(1400), ..device("left") };
        let right = Device { mtu: Some(9000), ..device("right") };
        change(|rtnl| {
            rtnl.add_veth((&left, here), (&right, &there))?;
            rtnl.set_up("left", true)
        });
        settle();
        let one_up = now();
        there.enter().unwrap();
        change(|rtnl| rtnl.set_up("right", true));
        assert_eq!(one_up.link("left").map(|l| (l.up, l.carrier)), Some((true, false)));
        settle();
        let right = now();
        here.enter().unwrap();
        settle();
        (now(), right)
    });
    let (left, right) = (left.link("left").unwrap(), right.link("right").unwrap());
    assert_eq!((left.kind.as_str(), right.kind.as_str()), ("veth", "veth"));
    assert_eq!((left.mtu, right.mtu), (1400, 9000));
    assert_eq!(left.mac, Some(mac("02:00:00:00:00:01")));
    assert!(left.up && left.carrier && right.up && right.carrier);
    assert_eq!((left.peer_index, right.peer_index), (Some(right.index), Some(left.index)));
    assert!(left.peer_netnsid.is_some() && right.peer_netnsid.is_some());
    assert_eq!((left.state.as_str(), left.qdisc.as_str()), ("UP", "noqueue"));
}

#[test]
fn devices_that_have_settled_have_a_state() {
    if !is_root("devices_that_have_settled_have_a_state") {
        return;
    }
    // Whether the kernel is still at it is a matter of luck: several times.
    for _ in 0..20 {
        in_new(|here| {
            change(|rtnl| pair(rtnl, here, &[]));
            settle();
            let node = now();
            let states: Vec<_> =
                ["a", "b"].map(|name| node.link(name).unwrap().state.clone()).into();
            assert_eq!(states, ["UP", "UP"]);
        });
    }
}

#[test]
fn a_veth_pair_in_one_namespace() {
    if !is_root("a_veth_pair_in_one_namespace") {
        return;
    }
    in_new(|here| {
        change(|rtnl| pair(rtnl, here, &[]));
        let node = now();
        let (a, b) = (node.link("a").unwrap(), node.link("b").unwrap());
        assert_eq!((a.peer_index, b.peer_index), (Some(b.index), Some(a.index)));
        assert_eq!((a.peer_netnsid, b.peer_netnsid), (None, None));
    });
}

#[test]
fn what_can_be_set_of_a_device() {
    if !is_root("what_can_be_set_of_a_device") {
        return;
    }
    in_new(|here| {
        change(|rtnl| {
            pair(rtnl, here, &[])?;
            rtnl.set_mtu("a", 1280)?;
            rtnl.set_mac("a", mac("02:00:00:00:00:aa"))?;
            rtnl.set_up("b", false)
        });
        let node = now();
        let (a, b) = (node.link("a").unwrap(), node.link("b").unwrap());
        assert_eq!((a.mtu, a.mac), (1280, Some(mac("02:00:00:00:00:aa"))));
        assert!(a.up && !a.carrier && !b.up);
        assert_eq!(b.state, "DOWN");
    });
}

#[test]
fn a_device_that_moves() {
    if !is_root("a_device_that_moves") {
        return;
    }
    let there = other();
    in_new(|here| {
        change(|rtnl| {
            pair(rtnl, here, &["10.0.0.1/24"])?;
            rtnl.move_link("a", &there)
        });
        assert!(now().link("a").is_none());
        there.enter().unwrap();
        let node = now();
        let a = node.link("a").unwrap();
        assert!(!a.up && a.addresses.is_empty());
    });
}

#[test]
fn addresses_in_the_order_in_which_they_were_added() {
    if !is_root("addresses_in_the_order_in_which_they_were_added") {
        return;
    }
    in_new(|here| {
        change(|rtnl| {
            pair(rtnl, here, &["10.0.0.1/24", "10.0.0.2/24", "10.9.0.1/32", "2001:db8::1/64"])?;
            rtnl.del_address("a", net("10.9.0.1/32"))
        });
        settle();
        let node = now();
        let addresses = &node.link("a").unwrap().addresses;
        let v4: Vec<IpNet> =
            addresses.iter().map(|a| a.address).filter(|a| a.addr().is_ipv4()).collect();
        assert_eq!(v4, [net("10.0.0.1/24"), net("10.0.0.2/24")]);
        let of = |address| addresses.iter().find(|a| a.address == address).unwrap();
        let global = of(net("2001:db8::1/64"));
        assert_eq!((global.scope.as_str(), global.tentative), ("global", false));
        // The kernel's own: fe80::/64, scope link (RFC 4291, 2.5.6).
        let own = addresses.iter().find(|a| a.address.addr().is_ipv6() && a.scope == "link");
        assert!(net("fe80::/64").contains(&own.unwrap().address.addr()));
    });
}

#[test]
fn a_bridge_and_its_port() {
    if !is_root("a_bridge_and_its_port") {
        return;
    }
    in_new(|here| {
        let seconds = |n| Some(Span(std::time::Duration::from_secs(n)));
        let bridge = Bridge {
            stp: true,
            ageing: seconds(20),
            forward_delay: seconds(3),
            priority: Some(4096),
            multicast_snooping: Some(false),
            ..Bridge::new(place("br0"))
        };
        let port = PortAttributes {
            isolated: Some(true),
            hairpin: Some(true),
            learning: Some(false),
            flood: Some(false),
            mcast_flood: Some(false),
            bcast_flood: Some(false),
            guard: Some(true),
            root_block: Some(true),
            neigh_suppress: Some(true),
            cost: Some(7),
            priority: Some(3),
        };
        change(|rtnl| {
            rtnl.add_bridge(&bridge)?;
            pair(rtnl, here, &[])?;
            rtnl.set_master("a", Some(&name("br0")))?;
            rtnl.set_master("b", Some(&name("br0")))?;
            rtnl.set_port("a", &port)
        });
        let node = now();
        let br0 = node.link("br0").unwrap();
        assert_eq!(br0.kind, "bridge");
        for (word, value) in [
            ("stp_state", "1"),
            ("ageing_time", "2000"),
            ("forward_delay", "300"),
            ("priority", "4096"),
            ("mcast_snooping", "0"),
        ] {
            assert_eq!(br0.bridge[word], value, "{word}");
        }
        let (a, b) = (node.link("a").unwrap(), node.link("b").unwrap());
        assert_eq!((a.master.as_deref(), b.master.as_deref()), (Some("br0"), Some("br0")));
        for (word, on) in port.switches() {
            assert_eq!(a.port[word], if on { "on" } else { "off" }, "{word}");
            // Every one of them is the other way round by default (`br_if.c`, `new_nbp`).
            assert_eq!(b.port[word], if on { "off" } else { "on" }, "{word} of the other");
        }
        assert_eq!((a.port["cost"].as_str(), a.port["priority"].as_str()), ("7", "3"));
        let own = node.fdb.iter().find(|entry| entry.dev == "a" && Some(entry.mac) == a.mac);
        let own = own.expect("a port's own address is in the forwarding database");
        assert_eq!((own.bridge.as_deref(), own.learned), (Some("br0"), false));

        change(|rtnl| rtnl.set_master("a", None));
        let node = now();
        let a = node.link("a").unwrap();
        assert_eq!((&a.master, a.port.is_empty()), (&None, true));
    });
}

#[test]
fn taps_and_tuns() {
    if !is_root("taps_and_tuns") {
        return;
    }
    if fs::OpenOptions::new().read(true).write(true).open(tun::DEVICE).is_err() {
        println!("skipped: taps_and_tuns: needs {}", tun::DEVICE);
        return;
    }
    in_new(|_| {
        tun::add("tap0", TapMode::Tap).unwrap();
        tun::add("tun0", TapMode::Tun).unwrap();
        let node = now();
        let (tap, tun) = (node.link("tap0").unwrap(), node.link("tun0").unwrap());
        assert_eq!((tap.kind.as_str(), tap.tap.as_deref()), ("tun", Some("tap")));
        assert_eq!((tun.kind.as_str(), tun.tap.as_deref()), ("tun", Some("tun")));
        assert!(tap.mac.is_some() && tun.mac.is_none());
        assert!(!tap.up && !tap.carrier);
    });
}

/// The routes of a table that nobody but the test has made.
fn made(node: &ObservedNode, table: u32) -> Vec<&ObservedRoute> {
    node.routes.iter().filter(|r| r.table == table && r.protocol == "boot").collect()
}

#[test]
fn routes() {
    if !is_root("routes") {
        return;
    }
    in_new(|here| {
        let gateway = Route {
            dev: Some(name("a")),
            src: Some(ip("10.0.0.1")),
            metric: Some(50),
            table: Some(1000),
            ..Route::via(net("10.9.0.0/16"), ip("10.0.0.254"))
        };
        let on_link = Route {
            dev: Some(name("a")),
            onlink: true,
            ..Route::via(net("0.0.0.0/0"), ip("172.16.0.1"))
        };
        let direct = Route {
            dev: Some(name("b")),
            ..Route::of_kind(RouteKind::Unicast, net("10.8.0.0/16"))
        };
        let v6 = Route::via(net("2001:db8:9::/48"), ip("2001:db8::2"));
        let gone = Route::via(net("10.7.0.0/16"), ip("10.0.0.254"));
        change(|rtnl| {
            pair(rtnl, here, &["10.0.0.1/24", "2001:db8::1/64"])?;
            for route in [&gateway, &on_link, &direct, &v6, &gone] {
                rtnl.add_route(route)?;
            }
            rtnl.del_route(&gone)
        });
        let node = now();

        let [route] = made(&node, 1000)[..] else { panic!("{:?}", node.routes) };
        assert_eq!((route.to, route.via), (net("10.9.0.0/16"), Some(ip("10.0.0.254"))));
        assert_eq!((route.dev.as_deref(), route.src), (Some("a"), Some(ip("10.0.0.1"))));
        assert_eq!((route.metric, route.kind.as_str(), route.onlink), (50, "unicast", false));
        assert_eq!(route.scope, "global");

        let main = made(&node, 254);
        let to = |to: &str| *main.iter().find(|route| route.to == net(to)).expect(to);
        assert_eq!(main.len(), 3, "{main:?}");
        assert_eq!((to("0.0.0.0/0").via, to("0.0.0.0/0").onlink), (Some(ip("172.16.0.1")), true));
        assert_eq!((to("10.8.0.0/16").via, to("10.8.0.0/16").scope.as_str()), (None, "link"));
        assert_eq!(to("10.8.0.0/16").dev.as_deref(), Some("b"));
        let v6 = to("2001:db8:9::/48");
        assert_eq!((v6.via, v6.dev.as_deref()), (Some(ip("2001:db8::2")), Some("a")));

        let local = node.routes.iter().find(|r| r.table == 255 && r.to == net("10.0.0.1/32"));
        let local = local.expect("an address has a route in the table local");
        assert_eq!((local.kind.as_str(), local.scope.as_str()), ("local", "host"));
        assert_eq!((local.protocol.as_str(), local.dev.as_deref()), ("kernel", Some("a")));
    });
}

#[test]
fn routes_that_discard() {
    if !is_root("routes_that_discard") {
        return;
    }
    in_new(|_| {
        use RouteKind::{Blackhole, Prohibit, Throw, Unreachable};
        let kinds = [Blackhole, Prohibit, Unreachable, Throw];
        change(|rtnl| {
            for (number, kind) in kinds.into_iter().enumerate() {
                rtnl.add_route(&Route::of_kind(kind, net(&format!("10.{number}.0.0/16"))))?;
                rtnl.add_route(&Route::of_kind(kind, net(&format!("2001:db8:{number}::/48"))))?;
            }
            Ok(())
        });
        let node = now();
        let main = made(&node, 254);
        assert_eq!(main.len(), 2 * kinds.len());
        for (number, kind) in kinds.into_iter().enumerate() {
            for to in [format!("10.{number}.0.0/16"), format!("2001:db8:{number}::/48")] {
                let route = main.iter().find(|route| route.to == net(&to)).expect(&to);
                assert_eq!((route.kind.as_str(), route.via), (kind.as_str(), None), "{to}");
            }
        }
    });
}

#[test]
fn a_route_with_several_next_hops_is_several_routes() {
    if !is_root("a_route_with_several_next_hops_is_several_routes") {
        return;
    }
    in_new(|here| {
        change(|rtnl| pair(rtnl, here, &["10.0.0.1/24", "10.1.0.1/24", "2001:db8::1/64"]));
        for (family, to, one, two) in [
            ("-4", "10.9.0.0/16", "10.0.0.254", "10.1.0.254"),
            ("-6", "2001:db8:9::/48", "2001:db8::2", "2001:db8::3"),
        ] {
            let arguments = [family, "route", "add", to, "nexthop", "via", one];
            let status = Command::new("ip").args(arguments).args(["nexthop", "via", two]).status();
            if status.is_err() {
                println!("skipped: a_route_with_several_next_hops_is_several_routes: needs ip");
                return;
            }
            let node = now();
            let mut gateways: Vec<_> =
                made(&node, 254).into_iter().filter(|r| r.to == net(to)).map(|r| r.via).collect();
            gateways.sort();
            assert_eq!(gateways, [Some(ip(one)), Some(ip(two))]);
        }
    });
}

fn rule_of(node: &ObservedNode, family: &str, priority: u32) -> ObservedRule {
    let found = node.rules.iter().find(|r| r.family == family && r.priority == priority);
    found.unwrap_or_else(|| panic!("no rule {priority}: {:?}", node.rules)).clone()
}

#[test]
fn rules() {
    if !is_root("rules") {
        return;
    }
    in_new(|_| {
        let full = Rule {
            priority: Some(100),
            not: true,
            from: Some(net("10.0.0.0/24")),
            to: Some(net("10.1.0.0/16")),
            iif: Some(name("a")),
            fwmark: Some(Mark { mark: 1, mask: 0xff }),
            ..Rule::new(Family::Ipv4, RuleAction::Table(1000))
        };
        let unmarked = Rule {
            priority: Some(50),
            oif: Some(name("b")),
            fwmark: Some(Mark { mark: 0, mask: 0xf0 }),
            ..Rule::new(Family::Ipv6, RuleAction::Table(100))
        };
        let discard = |action, priority| Rule {
            priority: Some(priority),
            from: Some(net("10.5.0.0/16")),
            ..Rule::new(Family::Ipv4, action)
        };
        change(|rtnl| {
            rtnl.add_rule(&full)?;
            rtnl.add_rule(&unmarked)?;
            rtnl.add_rule(&discard(RuleAction::Blackhole, 3))?;
            rtnl.add_rule(&discard(RuleAction::Prohibit, 2))?;
            rtnl.add_rule(&discard(RuleAction::Unreachable, 1))?;
            rtnl.add_rule(&discard(RuleAction::Unreachable, 4))?;
            rtnl.del_rule(&discard(RuleAction::Unreachable, 4))
        });
        let node = now();
        let expected = ObservedRule {
            family: "ipv4".to_owned(),
            priority: 100,
            not: true,
            from: Some(net("10.0.0.0/24")),
            to: Some(net("10.1.0.0/16")),
            iif: Some("a".to_owned()),
            oif: None,
            mark: Some(1),
            mask: Some(0xff),
            action: "lookup".to_owned(),
            table: 1000,
            beyond: Vec::new(),
        };
        assert_eq!(rule_of(&node, "ipv4", 100), expected);
        let unmarked = rule_of(&node, "ipv6", 50);
        assert_eq!((unmarked.mark, unmarked.mask), (Some(0), Some(0xf0)));
        assert_eq!((unmarked.oif.as_deref(), unmarked.table), (Some("b"), 100));
        let v4: Vec<u32> =
            node.rules.iter().filter(|r| r.family == "ipv4").map(|r| r.priority).collect();
        assert_eq!(v4, [0, 1, 2, 3, 100, 32766, 32767], "in the order in which they are tried");
        for (priority, action) in [(1, "unreachable"), (2, "prohibit"), (3, "blackhole")] {
            let rule = rule_of(&node, "ipv4", priority);
            assert_eq!((rule.action.as_str(), rule.table), (action, 0));
        }
    });
}

#[test]
fn neighbours() {
    if !is_root("neighbours") {
        return;
    }
    in_new(|here| {
        let neighbour = |to: &str, last: u8| Neighbour {
            dev: name("a"),
            to: ip(to),
            mac: mac(&format!("02:00:00:00:00:{last:02x}")),
        };
        let (v4, v6) = (neighbour("10.0.0.9", 9), neighbour("2001:db8::9", 10));
        change(|rtnl| {
            pair(rtnl, here, &["10.0.0.1/24", "2001:db8::1/64"])?;
            rtnl.add_neighbour(&neighbour("10.0.0.9", 1))?;
            rtnl.add_neighbour(&v4)?;
            rtnl.add_neighbour(&v6)?;
            rtnl.add_neighbour(&neighbour("10.0.0.8", 8))?;
            rtnl.del_neighbour(&NeighbourKey { dev: name("a"), to: ip("10.0.0.8") })
        });
        let node = now();
        for expected in [v4, v6] {
            let found: Vec<_> = node.neighbours.iter().filter(|n| n.to == expected.to).collect();
            let [found] = found[..] else { panic!("{:?}", node.neighbours) };
            assert_eq!((found.dev.as_str(), found.mac), ("a", Some(expected.mac)));
            assert_eq!(found.state, "PERMANENT");
        }
        let removed =
            node.neighbours.iter().any(|n| n.to == ip("10.0.0.8") && n.state == "PERMANENT");
        assert!(!removed);
    });
}

#[test]
fn sysctls_asked_for_and_all_of_them() {
    if !is_root("sysctls_asked_for_and_all_of_them") {
        return;
    }
    in_new(|_| {
        let forward = Sysctl { key: "net.ipv4.ip_forward".parse().unwrap(), value: "1".to_owned() };
        sysctl::set(&forward).unwrap();
        // Two that netlink tells, one of which is as it was, one that it does not, one that is none.
        let there =
            ["net/ipv4/conf/lo/rp_filter", "net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"];
        let mut asked = there.to_vec();
        asked.push("net/ipv4/conf/nobody/rp_filter");
        let node = observe::node(&asked).unwrap();
        let file = |path: &&str| (path.to_string(), sysctl::get(path).expect("it is there"));
        assert_eq!(node.sysctls, there.iter().map(file).collect());
        assert_eq!(node.sysctls["net/ipv4/ip_forward"], "1");

        let all = observe::sysctls();
        assert_eq!(all["net/ipv4/ip_forward"], "1");
        assert!(all.contains_key("net/ipv4/conf/lo/rp_filter"));
        assert!(!all.keys().any(|key| key.starts_with("net/ipv4/conf/nobody")));
    });
    in_new(|_| assert_eq!(observe::sysctls()["net/ipv4/ip_forward"], "0", "of this namespace"));
}
