//! What is found out about the kernel, against what other programs find out.

use std::process::{Command, Stdio};

use twinax_kernel::capability::{self, Feature};
use twinax_kernel::observe;

use crate::nodes::{in_new, is_root};

/// The arguments with which iproute2 makes a device of its kind, on the device `lower`.
fn arguments(feature: Feature) -> Option<&'static [&'static str]> {
    Some(match feature {
        Feature::Veth => &["link", "add", "x", "type", "veth"],
        Feature::Bridge => &["link", "add", "x", "type", "bridge"],
        Feature::Dummy => &["link", "add", "x", "type", "dummy"],
        Feature::Vlan => &["link", "add", "x", "link", "lower", "type", "vlan", "id", "5"],
        Feature::Vxlan => &["link", "add", "x", "type", "vxlan", "id", "5", "dstport", "4789"],
        Feature::Macvlan => &["link", "add", "x", "link", "lower", "type", "macvlan"],
        Feature::Ipvlan => &["link", "add", "x", "link", "lower", "type", "ipvlan"],
        Feature::Vrf => &["link", "add", "x", "type", "vrf", "table", "5"],
        Feature::Wireguard => &["link", "add", "x", "type", "wireguard"],
        Feature::BridgeVlan | Feature::Tun | Feature::Nftables | Feature::Nat | Feature::Netem => {
            return None;
        }
    })
}

fn ip(arguments: &[&str]) -> Option<bool> {
    let status = Command::new("ip").args(arguments).stderr(Stdio::null()).status();
    status.ok().map(|status| status.success())
}

#[test]
fn a_kind_of_device_is_there_when_iproute2_can_make_one() {
    if !is_root("a_kind_of_device_is_there_when_iproute2_can_make_one") {
        return;
    }
    for (feature, arguments) in Feature::ALL.iter().filter_map(|&f| Some((f, arguments(f)?))) {
        let ours = in_new(|_| feature.try_here()).expect("root may try");
        let theirs = in_new(|_| {
            let lower = ["link", "add", "lower", "type", "veth", "peer", "name", "other"];
            ip(&lower).and_then(|_| ip(arguments))
        });
        let Some(theirs) = theirs else {
            println!("skipped: a_kind_of_device_is_there_when_iproute2_can_make_one: needs ip");
            return;
        };
        assert_eq!(ours, theirs, "{}", feature.as_str());
    }
}

#[test]
fn bridges_know_vlans_when_they_are_all_in_vlan_1() {
    if !is_root("bridges_know_vlans_when_they_are_all_in_vlan_1") {
        return;
    }
    let tried = in_new(|_| Feature::BridgeVlan.try_here()).expect("root may try");
    let pvid = in_new(|_| {
        if ip(&["link", "add", "br0", "type", "bridge"]) != Some(true) {
            return None;
        }
        // The VLAN of untagged frames: a bridge without VLANs has none (`br_fill_info`).
        let node = observe::node(&[]).expect("a namespace can be observed");
        node.link("br0")?.bridge.get("vlan_default_pvid").cloned()
    });
    assert_eq!(tried, pvid.as_deref() == Some("1"));
}

#[test]
fn trials_leave_no_device_behind() {
    if !is_root("trials_leave_no_device_behind") {
        return;
    }
    in_new(|_| {
        let names = || {
            let node = observe::node(&[]).expect("a namespace can be observed");
            node.links.into_iter().map(|link| link.name).collect::<Vec<_>>()
        };
        let before = names();
        for feature in Feature::ALL {
            // What is refused leaves nothing behind either.
            let _ = feature.try_here();
        }
        assert_eq!(names(), before);
    });
}

#[test]
fn the_cheap_question_for_bridges_has_the_answer_of_a_trial() {
    if !is_root("the_cheap_question_for_bridges_has_the_answer_of_a_trial") {
        return;
    }
    let tried = in_new(|_| Feature::Bridge.try_here()).expect("root may try");
    assert_eq!(capability::bridges(), tried);
}

#[test]
fn limits() {
    let limit = capability::open_files();
    assert!(limit.soft <= limit.hard && limit.soft > 0);
    assert!(capability::pid_max().is_some_and(|most| most > 0));
    assert_eq!(
        capability::release(),
        std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap().trim()
    );
}
