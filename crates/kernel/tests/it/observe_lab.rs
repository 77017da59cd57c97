//! All nodes of a lab at once: the same as each for itself, and both ends of every cable.

use std::os::fd::{AsFd, AsRawFd};
use std::sync::Mutex;

use twinax_kernel::observe::{self, Routes, What};
use twinax_kernel::{Error, Netns};
use twinax_plan::{Device, ObservedNode};
use twinax_topology::{Bridge, IfName, Neighbour, NodeName, Place, Route, RouteKind};

use crate::nodes::{change, in_new, is_root, other, settle};

fn place(node: usize, interface: &str) -> Place {
    Place { node: name(node), interface: interface.parse().expect("a name") }
}

fn device(interface: &str) -> Device {
    Device { place: place(0, interface), mac: None, mtu: None }
}

fn name(node: usize) -> NodeName {
    format!("n{node}").parse().expect("a name")
}

/// Opens a namespace once more, as a lab does by the node's name.
fn again(netns: &Netns) -> Result<Netns, Error> {
    Netns::open(format!("/proc/self/fd/{}", netns.as_fd().as_raw_fd()).as_ref())
}

fn look(nodes: &[Netns], what: &What<'_>) -> Result<Vec<ObservedNode>, Error> {
    let names: Vec<NodeName> = (0..nodes.len()).map(name).collect();
    observe::lab(&names, &|node| again(&nodes[node]), what)
}

/// So many nodes in a line: `right` of each to `left` of the next. Enough of them are several
/// threads' work, and more than are open at a time.
fn line(nodes: usize) -> Vec<Netns> {
    let nodes: Vec<Netns> = (0..nodes).map(|_| other()).collect();
    change(|rtnl| {
        for pair in nodes.windows(2) {
            rtnl.add_veth((&device("right"), &pair[0]), (&device("left"), &pair[1]))?;
        }
        Ok(())
    });
    nodes
}

#[test]
fn both_ends_of_each_cable_of_a_long_line() {
    if !is_root("both_ends_of_each_cable_of_a_long_line") {
        return;
    }
    in_new(|_| {
        let nodes = line(150);
        let seen = look(&nodes, &What::default()).unwrap();
        assert_eq!(seen.len(), nodes.len());
        for (node, seen) in seen.iter().enumerate() {
            let left = (node > 0).then(|| place(node - 1, "right"));
            let right = (node + 1 < nodes.len()).then(|| place(node + 1, "left"));
            assert_eq!(seen.link("left").map(|link| link.peer.clone()), left.map(Some));
            assert_eq!(seen.link("right").map(|link| link.peer.clone()), right.map(Some));
            assert_eq!(seen.link("lo").unwrap().peer, None);
        }
    });
}

#[test]
fn the_same_as_each_node_for_itself() {
    if !is_root("the_same_as_each_node_for_itself") {
        return;
    }
    in_new(|_| {
        let nodes = line(4);
        for (number, node) in nodes.iter().enumerate() {
            node.enter().unwrap();
            let to = format!("10.7.{number}.0/24").parse().unwrap();
            change(|rtnl| {
                rtnl.set_up("lo", true)?;
                rtnl.add_bridge(&Bridge::new(place(0, "br0")))?;
                let mac = format!("02:00:00:00:00:{number:02x}").parse().unwrap();
                let dev = "br0".parse().unwrap();
                rtnl.add_address("br0", format!("10.0.{number}.1/24").parse().unwrap())?;
                rtnl.add_address("br0", format!("fd00:{number}::1/64").parse().unwrap())?;
                rtnl.set_up("br0", true)?;
                rtnl.add_neighbour(&Neighbour { dev, to: "10.0.0.9".parse().unwrap(), mac })?;
                rtnl.add_route(&Route::of_kind(RouteKind::Blackhole, to))
            });
            settle();
        }
        let what =
            What { sysctls: Some(&|_| vec!["net/ipv4/ip_forward".to_owned()]), ..What::all() };
        let together = look(&nodes, &what).unwrap();
        // Those of groups come by themselves, when something is sent to one.
        let made = |node: &mut ObservedNode| node.neighbours.retain(|own| own.state != "NOARP");
        for (node, mut together) in nodes.iter().zip(together) {
            node.enter().unwrap();
            let mut alone = observe::node(&["net/ipv4/ip_forward"]).unwrap();
            made(&mut alone);
            made(&mut together);
            for (own, other) in alone.links.iter_mut().zip(&together.links) {
                assert_eq!(own.peer_netnsid.is_some(), other.peer_netnsid.is_some());
                own.peer_netnsid = other.peer_netnsid;
                own.peer.clone_from(&other.peer);
            }
            assert_eq!(together, alone);
            assert!(alone.link("br0").unwrap().addresses.len() >= 2);
            assert!(alone.sysctls.len() == 1 && !alone.fdb.is_empty());
        }
    });
}

#[test]
fn only_what_is_asked_for() {
    if !is_root("only_what_is_asked_for") {
        return;
    }
    in_new(|here| {
        change(|rtnl| {
            rtnl.add_veth((&device("a"), here), (&device("b"), here))?;
            rtnl.set_up("a", true)?;
            rtnl.set_up("b", true)?;
            rtnl.add_address("a", "10.0.0.1/24".parse().unwrap())?;
            let to = "10.7.0.0/24".parse().unwrap();
            rtnl.add_route(&Route::of_kind(RouteKind::Blackhole, to))
        });
        settle();
        let nodes = [again(here).unwrap()];
        let seen = |what: What<'_>| look(&nodes, &what).unwrap().remove(0);
        let least = seen(What::default());
        let devices = least.links.iter().cloned().map(|mut link| {
            link.addresses.clear();
            link
        });
        let devices = ObservedNode { links: devices.collect(), ..ObservedNode::default() };
        assert_eq!(least, devices);
        let made = seen(What { routes: Routes::Made, ..What::default() }).routes;
        let all = seen(What { routes: Routes::All, ..What::default() }).routes;
        let by_others: Vec<_> = all.iter().filter(|r| r.protocol != "kernel").cloned().collect();
        assert_eq!(made, by_others);
        assert!(!made.is_empty() && made.len() < all.len());
        assert_eq!(seen(What { addresses: true, ..What::default() }).routes, []);
    });
}

#[test]
fn the_other_end_in_the_same_node_and_in_none() {
    if !is_root("the_other_end_in_the_same_node_and_in_none") {
        return;
    }
    in_new(|here| {
        let stranger = other();
        change(|rtnl| {
            rtnl.add_veth((&device("a"), here), (&device("b"), here))?;
            rtnl.add_veth((&device("near"), here), (&device("far"), &stranger))
        });
        let nodes = [other(), again(here).unwrap()];
        let seen = look(&nodes, &What::default()).unwrap().remove(1);
        let link = |name: &str| seen.link(name).unwrap();
        assert_eq!(link("a").peer, Some(place(1, "b")));
        assert_eq!(link("b").peer, Some(place(1, "a")));
        assert_eq!((link("a").peer_netnsid, link("b").peer_netnsid), (None, None));
        assert_eq!(link("near").peer, None);
        let number = link("near").peer_netnsid.expect("it is elsewhere");
        assert!(usize::try_from(number).is_ok_and(|number| number >= nodes.len()), "{number}");
    });
}

#[test]
fn the_nodes_are_as_before() {
    if !is_root("the_nodes_are_as_before") {
        return;
    }
    in_new(|_| {
        let nodes = line(3);
        nodes[1].enter().unwrap();
        let before = observe::node(&[]).unwrap();
        let twice = [(); 2].map(|()| look(&nodes, &What::all()).unwrap());
        assert_eq!(twice[0], twice[1]);
        assert_eq!(observe::node(&[]).unwrap(), before, "the calling thread has not moved, either");
    });
}

#[test]
fn a_node_that_is_gone_is_named() {
    if !is_root("a_node_that_is_gone_is_named") {
        return;
    }
    in_new(|_| {
        let nodes = line(100);
        let names: Vec<NodeName> = (0..nodes.len()).map(name).collect();
        // Gone before it has a number, and after.
        for times in [0, 1] {
            let opened = Mutex::new(0);
            let open = |node: usize| {
                let mut opened = opened.lock().unwrap();
                if node == 77 && *opened == times {
                    return Netns::open("/nowhere/n77".as_ref());
                }
                *opened += usize::from(node == 77);
                again(&nodes[node])
            };
            let error = observe::lab(&names, &open, &What::all()).expect_err("one is gone");
            assert_eq!(error.to_string(), "looking at node `n77`");
            assert_eq!(error.errno(), Some(rustix::io::Errno::NOENT));
        }
    });
}

#[test]
fn a_lab_without_nodes() {
    if !is_root("a_lab_without_nodes") {
        return;
    }
    assert_eq!(look(&[], &What::all()).unwrap(), []);
}

#[test]
fn cables_that_change_meanwhile_are_seen_whole_or_not_at_all() {
    if !is_root("cables_that_change_meanwhile_are_seen_whole_or_not_at_all") {
        return;
    }
    in_new(|here| {
        let nodes: Vec<Netns> = (0..4).map(|_| other()).collect();
        change(|rtnl| rtnl.add_veth((&device("a"), &nodes[0]), (&device("b"), &nodes[1])));
        let b: IfName = "b".parse().unwrap();
        // Each time a node is opened, the far end of the cable goes to the next one.
        let (at, looks) = (Mutex::new(1), Mutex::new(0));
        let open = |node: usize| {
            *looks.lock().unwrap() += 1;
            let mut at = at.lock().unwrap();
            if *looks.lock().unwrap() < 20 {
                let to = *at % 3 + 1;
                in_other(&nodes[*at], || change(|rtnl| rtnl.move_link(b.as_str(), &nodes[to])));
                *at = to;
            }
            again(&nodes[node])
        };
        let names: Vec<NodeName> = (0..nodes.len()).map(name).collect();
        let what = What { rules: true, ..What::default() };
        let seen = observe::lab(&names, &open, &what).unwrap();
        let to = *at.lock().unwrap();
        assert_eq!(seen[0].link("a").unwrap().peer, Some(place(to, "b")));
        assert_eq!(seen[to].link("b").unwrap().peer, Some(place(0, "a")));
        here.enter().unwrap();
    });
}

fn in_other(netns: &Netns, work: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            netns.enter().unwrap();
            work();
        });
    });
}
