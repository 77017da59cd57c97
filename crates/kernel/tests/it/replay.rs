//! What is taken away in the kernel's own words comes back as it was, as `ip` lists it.

use std::process::Command;

use twinax_kernel::replay::{Policy, PolicyDirection, RawRoute};
use twinax_plan::ObservedRoute;

use crate::nodes::{in_new, is_root};

/// Runs `ip`; what it says.
fn ip(line: &str) -> String {
    let done = Command::new("ip").args(line.split_whitespace()).output().expect("ip is there");
    assert!(done.status.success(), "ip {line}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("text")
}

fn to(net: &str, kind: &str, table: u32, nexthop: Option<u32>) -> ObservedRoute {
    ObservedRoute {
        table,
        kind: kind.to_owned(),
        to: net.parse().expect("a net"),
        via: None,
        dev: None,
        src: None,
        metric: 0,
        scope: String::new(),
        protocol: String::new(),
        onlink: false,
        nexthop,
    }
}

#[test]
fn routes_without_words() {
    if !is_root("routes_without_words") {
        return;
    }
    let metric6 = |route: ObservedRoute| ObservedRoute { metric: 1024, ..route };
    let routes = [
        ("route add local 192.0.2.9 dev lo", to("192.0.2.9/32", "local", 255, None)),
        (
            "-6 route add local 2001:db8::9 dev lo",
            metric6(to("2001:db8::9/128", "local", 255, None)),
        ),
        ("route add 192.0.2.64/26 nhid 7", to("192.0.2.64/26", "unicast", 254, Some(7))),
        ("route add 192.0.2.128/26 nhid 8", to("192.0.2.128/26", "blackhole", 254, Some(8))),
        (
            "route add 192.0.2.192/26 nexthop via 10.0.0.2 weight 3 nexthop via 10.0.0.3",
            to("192.0.2.192/26", "unicast", 254, None),
        ),
    ];
    in_new(|_| {
        ip("link add e0 type veth peer name e1");
        ip("addr add 10.0.0.1/24 dev e0");
        ip("link set e0 up");
        ip("link set e1 up");
        ip("link set lo up");
        ip("nexthop add id 7 via 10.0.0.2 dev e0");
        ip("nexthop add id 8 blackhole");
        let listed = || ip("route show table all") + &ip("-6 route show table all");
        for (line, seen) in routes {
            let before = listed();
            ip(line);
            let with = listed();
            let all = RawRoute::all().expect("they can be listed");
            let own: Vec<&RawRoute> = all.iter().filter(|own| own.is(&seen)).collect();
            assert_eq!(own.len(), 1, "{line}: {own:?}");
            own[0].remove().unwrap_or_else(|error| panic!("{line}: {error:?}"));
            assert_eq!(listed(), before, "{line}");
            own[0].add().unwrap_or_else(|error| panic!("{line}: {error:?}"));
            assert_eq!(listed(), with, "{line}");
            assert!(own[0].add().is_err() || listed() == with, "{line}: it is there twice");
        }
    });
}

/// Each with the words of `ip xfrm policy`, and which packets it is for: protocol and ports.
#[test]
fn policies_of_ipsec() {
    if !is_root("policies_of_ipsec") {
        return;
    }
    use PolicyDirection::{Fwd, In, Out};
    let policies = [
        ("src 10.0.0.0/24 dst 10.1.0.1/32 dir fwd", "action block", Fwd, [true, true, true]),
        (
            "src 10.0.0.1/32 dst 10.1.0.1/32 proto 6 dport 80 dir in",
            "action block",
            In,
            [true, false, false],
        ),
        (
            "src fd00::/64 dst ::/0 proto 17 sport 53 dir out",
            "action block",
            Out,
            [false, true, false],
        ),
        (
            "src 10.0.0.1/32 dst 10.1.0.2/32 dir out",
            "tmpl proto esp mode transport",
            Out,
            [true, true, true],
        ),
    ];
    let packets = [(6, Some((1024, 80))), (17, Some((53, 9))), (1, None)];
    in_new(|_| {
        assert_eq!(Policy::all().expect("none is no error"), []);
        for (words, does, direction, is_for) in policies {
            let add = format!("xfrm policy add {words} {does}");
            let added = Command::new("ip").args(add.split_whitespace()).status();
            if !added.is_ok_and(|status| status.success()) {
                println!("skipped: policies_of_ipsec: this kernel has no IPsec policies");
                return;
            }
            let with = ip("xfrm policy");
            let [own] = &Policy::all().expect("they can be listed")[..] else {
                panic!("{words}: not one")
            };
            assert_eq!((own.to_string().as_str(), own.direction), (words, direction));
            assert_eq!((own.blocks, own.wraps), (does == "action block", does.starts_with("tmpl")));
            assert_eq!(
                packets.map(|(protocol, ports)| own.is_for(protocol, ports)),
                is_for,
                "{words}"
            );
            own.remove().unwrap_or_else(|error| panic!("{words}: {error:?}"));
            assert_eq!(ip("xfrm policy"), "", "{words}");
            own.add().unwrap_or_else(|error| panic!("{words}: {error:?}"));
            assert_eq!(ip("xfrm policy"), with, "{words}");
            ip(&format!("xfrm policy delete {words}"));
        }
    });
}
