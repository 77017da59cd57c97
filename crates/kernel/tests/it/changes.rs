//! What a running lab needs besides what building one does: removing, and setting back.

use std::time::Duration;

use twinax_kernel::{Error, Rtnl, nft, observe};
use twinax_plan::{Device, ObservedLink};
use twinax_topology::{Bridge, Chain, Filter, Firewall, Place, Span, Verdict};

use crate::nodes::{change, in_new, is_root, other};

fn place(interface: &str) -> Place {
    let name = |text: &str| text.parse().expect("a name");
    Place { node: "node".parse().expect("a name"), interface: name(interface) }
}

fn device(interface: &str) -> Device {
    Device { place: place(interface), mac: None, mtu: None }
}

fn link(name: &str) -> ObservedLink {
    let node = observe::node(&[]).expect("a namespace can be observed");
    node.link(name).unwrap_or_else(|| panic!("there is `{name}`")).clone()
}

fn names() -> Vec<String> {
    let node = observe::node(&[]).expect("a namespace can be observed");
    node.links.into_iter().map(|link| link.name).filter(|name| name != "lo").collect()
}

#[test]
fn a_removed_veth_takes_its_other_end_along() {
    if !is_root("a_removed_veth_takes_its_other_end_along") {
        return;
    }
    let there = other();
    in_new(|here| {
        let mut rtnl = Rtnl::open().unwrap();
        rtnl.add_veth((&device("near"), here), (&device("far"), &there)).unwrap();
        rtnl.add_veth((&device("a"), here), (&device("b"), here)).unwrap();
        rtnl.set_up("b", true).unwrap();
        rtnl.del_link("a").unwrap();
        // What was known of either end counts no more, and the name can be used again.
        assert!(matches!(rtnl.set_up("b", true), Err(Error::NoDevice { name }) if name == "b"));
        rtnl.add_bridge(&Bridge::new(place("a"))).unwrap();
        rtnl.set_up("a", true).unwrap();
        rtnl.del_link("near").unwrap();
        rtnl.flush().unwrap();
        assert_eq!(names(), ["a"]);
        assert!(link("a").up);
        there.enter().unwrap();
        assert_eq!(names(), [""; 0]);
    });
}

#[test]
fn a_device_that_is_not_there_cannot_be_removed() {
    if !is_root("a_device_that_is_not_there_cannot_be_removed") {
        return;
    }
    in_new(|_| {
        let error = Rtnl::open().unwrap().del_link("nobody").expect_err("there is none");
        assert!(matches!(error, Error::NoDevice { name } if name == "nobody"));
    });
}

#[test]
fn a_bridge_of_which_nothing_is_said_any_more_is_as_a_new_one() {
    if !is_root("a_bridge_of_which_nothing_is_said_any_more_is_as_a_new_one") {
        return;
    }
    in_new(|_| {
        let seconds = |n| Some(Span(Duration::from_secs(n)));
        let said = Bridge {
            stp: true,
            ageing: seconds(20),
            forward_delay: seconds(3),
            priority: Some(4096),
            multicast_snooping: Some(false),
            ..Bridge::new(place("br0"))
        };
        let unsaid = Bridge::new(place("br0"));
        change(|rtnl| {
            rtnl.add_bridge(&Bridge::new(place("new")))?;
            rtnl.add_bridge(&unsaid)?;
            rtnl.set_bridge(&said)
        });
        let changed = link("br0").bridge;
        for (word, value) in [
            ("stp_state", "1"),
            ("ageing_time", "2000"),
            ("forward_delay", "300"),
            ("priority", "4096"),
            ("mcast_snooping", "0"),
        ] {
            assert_eq!(changed[word], value, "{word}");
        }
        change(|rtnl| rtnl.set_bridge(&unsaid));
        assert_eq!(link("br0").bridge, link("new").bridge);
    });
}

#[test]
fn no_table_is_left_of_nftables() {
    if !is_root("no_table_is_left_of_nftables") {
        return;
    }
    in_new(|_| {
        nft::flush().expect("nothing is there to be removed");
        let filters = vec![Filter::new(Chain::Forward, Verdict::Drop)];
        nft::apply(&Firewall { filters, ..Firewall::default() }).unwrap();
        assert_eq!(nft::tables().unwrap(), ["inet twinax"]);
        nft::flush().unwrap();
        assert_eq!(nft::tables().unwrap(), [""; 0]);
    });
}
