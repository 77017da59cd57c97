//! What somebody has set of a namespace's sysctls.

use std::collections::BTreeMap;

use twinax_kernel::{observe, sysctl, tun};
use twinax_plan::Device;
use twinax_topology::{Bridge, Place, Sysctl, TapMode};

use crate::nodes::{change, in_new, is_root, settle};

fn place(interface: &str) -> Place {
    let node = "n".parse().expect("a name");
    Place { node, interface: interface.parse().expect("a name") }
}

fn device(interface: &str) -> Device {
    Device { place: place(interface), mac: None, mtu: None }
}

fn fresh() -> BTreeMap<String, String> {
    in_new(|_| observe::sysctls())
}

fn set(path: &str, value: &str) {
    let key = path.parse().expect("a sysctl");
    sysctl::set(&Sysctl { key, value: value.to_owned() }).expect("it can be set");
}

fn told(fresh: &BTreeMap<String, String>) -> Vec<(String, String)> {
    let told = sysctl::differing(fresh);
    told.into_iter().map(|s| (s.key.path().to_owned(), s.value)).collect()
}

/// A namespace with a device of each kind, up.
fn furnish(here: &twinax_kernel::Netns) {
    tun::add("tun0", TapMode::Tun).expect("a TUN device");
    tun::add("tap0", TapMode::Tap).expect("a TAP device");
    change(|rtnl| {
        rtnl.add_bridge(&Bridge::new(place("br0")))?;
        rtnl.add_veth((&device("veth0"), here), (&device("veth1"), here))?;
        rtnl.set_mtu("veth0", 1400)?;
        rtnl.set_master("veth1", Some(&"br0".parse().expect("a name")))?;
        for name in ["lo", "br0", "veth0", "veth1", "tun0", "tap0"] {
            rtnl.set_up(name, true)?;
        }
        rtnl.add_address("veth0", "10.0.0.1/24".parse().expect("an address"))?;
        rtnl.add_address("veth0", "fd00::1/64".parse().expect("an address"))
    });
    settle();
}

fn has_tun(name: &str) -> bool {
    let there = std::fs::OpenOptions::new().read(true).write(true).open(tun::DEVICE).is_ok();
    if !there {
        println!("skipped: {name}: needs {}", tun::DEVICE);
    }
    there
}

#[test]
fn nothing_is_told_of_what_nobody_has_set() {
    let name = "nothing_is_told_of_what_nobody_has_set";
    if !is_root(name) || !has_tun(name) {
        return;
    }
    let fresh = fresh();
    in_new(|here| {
        assert_eq!(told(&fresh), []);
        furnish(here);
        assert_eq!(told(&fresh), []);
    });
}

/// Each, set in this order in a namespace with a device of each kind, is told, in this order.
const SET: [(&str, &str); 14] = [
    ("net/ipv4/ip_forward", "1"),
    ("net/ipv4/conf/all/rp_filter", "2"),
    ("net/ipv6/conf/all/disable_ipv6", "1"),
    ("net/ipv6/conf/all/forwarding", "1"),
    ("net/ipv4/conf/default/arp_ignore", "1"),
    ("net/ipv4/conf/lo/disable_policy", "0"),
    ("net/ipv4/conf/veth0/forwarding", "0"),
    ("net/ipv4/conf/veth0/proxy_arp", "1"),
    ("net/ipv4/neigh/veth0/base_reachable_time_ms", "20000"),
    ("net/ipv4/tcp_ecn", "1"),
    ("net/ipv4/tcp_rmem", "4096\t100000\t200000"),
    ("net/ipv6/conf/veth0/accept_dad", "0"),
    ("net/ipv6/conf/veth1/disable_ipv6", "0"),
    ("net/ipv6/neigh/br0/gc_stale_time", "61"),
];

#[test]
fn what_somebody_has_set_is_told_and_not_what_follows() {
    let name = "what_somebody_has_set_is_told_and_not_what_follows";
    if !is_root(name) || !has_tun(name) {
        return;
    }
    let fresh = fresh();
    // What has an address already does not take over a new default (`ipv4_devconf_setall`,
    // net/ipv4/devinet.c). If it came later, it would: so that it does not is told.
    let stayed = ["lo", "veth0"].map(|of| (format!("net/ipv4/conf/{of}/arp_ignore"), "0"));
    let set_here = SET.map(|(path, value)| (path.to_owned(), value));
    let mut expected: Vec<(String, String)> = Vec::new();
    for (path, value) in set_here.into_iter().chain(stayed) {
        expected.push((path, value.to_owned()));
    }
    let last_that_others_follow = 5;
    expected[last_that_others_follow..].sort();
    in_new(|here| {
        furnish(here);
        for (path, value) in SET {
            set(path, value);
        }
        assert_eq!(told(&fresh), expected);
    });
    // What is told, set in the order in which it is told, is told again.
    in_new(|here| {
        furnish(here);
        expected.iter().for_each(|(path, value)| set(path, value));
        assert_eq!(told(&fresh), expected);
    });
}

#[test]
fn what_would_follow_but_does_not_is_told() {
    if !is_root("what_would_follow_but_does_not_is_told") {
        return;
    }
    let fresh = fresh();
    in_new(|_| {
        let expected = [
            ("net/ipv4/ip_forward", "1"),
            ("net/ipv4/conf/all/accept_redirects", "1"),
            ("net/ipv6/conf/all/forwarding", "1"),
            ("net/ipv4/conf/default/forwarding", "0"),
            ("net/ipv6/conf/default/forwarding", "0"),
            ("net/ipv4/conf/lo/forwarding", "1"),
            ("net/ipv6/conf/lo/forwarding", "1"),
        ];
        for (path, value) in expected {
            set(path, value);
        }
        assert_eq!(told(&fresh), expected.map(|(path, value)| (path.to_owned(), value.to_owned())));
        // Set back, it is as if nobody had.
        set("net/ipv4/ip_forward", "0");
        set("net/ipv6/conf/all/forwarding", "0");
        assert_eq!(told(&fresh), []);
    });
}
