//! The rules of steps that add parts to the lab: what holds for the file's own
//! parts holds for these, in the lab as it is then.

use twinax_topology::{Action, Place, Removed, Topology, parse};

use super::rules::{BASE, check};

pub fn step(body: &str) -> String {
    format!("[[step]]\n{body}\n")
}

pub fn good(steps: &[&str]) -> Topology {
    let steps: String = steps.iter().map(|body| step(body)).collect();
    parse(&format!("{BASE}{steps}"), "lab.toml").unwrap()
}

/// A node that comes with a link to `left`.
pub const GUEST: &str = "add.node.guest = {}\nadd.link = { a = { at = \"guest:e0\", ip = \"10.0.9.2/24\" }, b = { at = \"left:e9\", ip = \"10.0.9.1/24\" } }";

#[test]
fn an_addition_adds_something() {
    check(
        BASE,
        &[
            (&step("add = {}"), "add", "nothing is added"),
            (&step("add = { node = {}, link = [] }"), "add", "nothing is added"),
            (&step("add = { nodes = {}, node.x = {} }"), "nodes", "an addition has no key `nodes`"),
            (&step("add.node.x = {}\nremove = \"left\""), "remove", "a step does one thing"),
            (
                &step("add.node.x = {}\nexpect = { exit = 0 }"),
                "exit",
                "`exit` belongs to a command; this step adds to the lab",
            ),
            (&step("remove = []"), "remove", "nothing is removed"),
            (
                &step("remove = \"left\"\nexpect = { exit = 0 }"),
                "exit",
                "`exit` belongs to a command; this step removes something",
            ),
            (
                &step("remove = 3"),
                "3",
                "expected \"node\", \"node:interface\" or { wire = \"node:interface\" }, found an integer",
            ),
        ],
    );
}

#[test]
fn names_that_are_taken() {
    let link = |a: &str, b: &str| step(&format!("add.link = {{ a = \"{a}\", b = \"{b}\" }}"));
    check(
        BASE,
        &[
            (&step("add.node.left = {}"), "left", "a node `left` is there already"),
            (&step("add.node.sw = { kind = \"bridge\" }"), "sw", "a node `sw` is there already"),
            (
                &step("add.node.localhost = {}"),
                "localhost",
                "a node can't be called `localhost`: every node calls itself that",
            ),
            (
                &link("left:e0", "right:e1"),
                "\"left:e0\"",
                "two interfaces of the name `e0` in node `left`",
            ),
            (
                &step("add.tap = { at = \"left:tap0\" }"),
                "\"left:tap0\"",
                "two interfaces of the name `tap0` in node `left`",
            ),
            (&link("left:e1", "rihgt:e1"), "\"rihgt:e1\"", "no node `rihgt`"),
            (
                &step("add.tap = { at = \"left:lo\" }"),
                "\"left:lo\"",
                "`lo` is the node's loopback device",
            ),
            (
                &format!("{}{}", step(GUEST), step("add.node.guest = {}")),
                "guest",
                "a node `guest` is there already",
            ),
        ],
    );
}

#[test]
fn addresses_that_are_taken() {
    let with = |a: &str, b: &str| {
        step(&format!(
            "add.node.guest = {{}}\nadd.link = {{ a = {{ at = \"guest:e0\", {a} }}, b = {{ at = \"right:e1\", {b} }} }}"
        ))
    };
    check(
        BASE,
        &[
            (
                &with("up = true", "ip = \"10.0.0.2/16\""),
                "\"10.0.0.2/16\"",
                "`10.0.0.2` twice in node `right`",
            ),
            (
                &with("ip = \"10.0.5.0/24\"", "up = true"),
                "\"10.0.5.0/24\"",
                "`10.0.5.0/24` can't be the address of an interface",
            ),
            (
                &with("ip = \"10.0.5.1/24\"", "ip = \"10.0.5.1/24\""),
                "\"10.0.5.1/24\"",
                "`10.0.5.1` twice on one segment",
            ),
        ],
    );
    // One that a change has taken away is free, one that a change has given is not.
    let freed = "change = { at = \"right:e0\", del_ip = \"10.0.0.2/24\" }";
    good(&[freed, "add.tap = { at = \"right:t\", ip = \"10.0.0.2/24\" }"]);
    let given = step("change = { at = \"right:e0\", add_ip = \"10.0.7.7/24\" }");
    check(
        &format!("{BASE}{given}"),
        &[(
            &step("add.tap = { at = \"right:t\", ip = \"10.0.7.7/16\" }"),
            "\"10.0.7.7/16\"",
            "`10.0.7.7` twice in node `right`",
        )],
    );
}

/// A segment is what links and bridges join at that step.
#[test]
fn segments_as_they_are_then() {
    let host = |name: &str, ip: &str| {
        step(&format!(
            "add.node.{name} = {{}}\nadd.link = {{ a = {{ at = \"{name}:e0\", ip = \"{ip}\", mac = \"02:00:00:00:00:07\" }}, b = \"sw:{name}\" }}"
        ))
    };
    let one = host("one", "10.7.0.1/24");
    let other = |ip: &str| {
        format!(
            "add.node.other = {{}}\nadd.link = {{ a = {{ at = \"other:e0\", ip = \"{ip}\" }}, b = \"sw:other\" }}"
        )
    };
    let clash = "`10.7.0.1` twice on one segment";
    check(
        &format!("{BASE}{one}"),
        &[
            (&step(&other("10.7.0.1/24")), "\"10.7.0.1/24\"", clash),
            (
                &host("other", "10.7.0.2/24"),
                "\"02:00:00:00:00:07\"",
                "the MAC `02:00:00:00:00:07` twice on one segment",
            ),
        ],
    );
    for apart in [
        "change = { at = \"sw:one\", master = false }",
        "change = { at = \"sw:one\", move = \"left\" }",
        "change = { at = \"one:e0\", del_ip = \"10.7.0.1/24\" }",
        "remove = \"sw:one\"",
        "remove = \"one:e0\"",
        "remove = \"one\"",
    ] {
        let source = format!("{BASE}{one}{}{}", step(apart), step(&other("10.7.0.1/24")));
        if let Err(wrong) = parse(&source, "lab.toml") {
            panic!("after {apart}:{wrong:?}");
        }
    }
    let rejoined = [
        "change = { at = \"sw:one\", master = false }",
        "change = { at = \"sw:one\", master = \"br0\" }",
    ];
    check(
        &format!("{BASE}{one}{}", rejoined.map(step).concat()),
        &[(&step(&other("10.7.0.1/24")), "\"10.7.0.1/24\"", clash)],
    );
}

/// An end in a node of kind `bridge` is a port of its bridge, whenever it comes and whenever the
/// node came.
#[test]
fn ports_of_bridges_that_are_there_then() {
    let master = |lab: &Topology, step: usize| match &lab.steps[step].action {
        Action::Add(addition) => addition.links[0].b.master.as_ref().map(ToString::to_string),
        _ => panic!("no addition"),
    };
    let plug = |port: &str| format!("add.link = {{ a = \"left:{port}\", b = \"sw:{port}\" }}");
    let lab = good(&[
        &plug("p1"),
        "remove = \"sw\"",
        "add.node.sw = { kind = \"bridge\", bridge.br7 = {} }",
        &plug("p2"),
        "remove = \"sw\"",
        "add.node.sw = {}",
        &plug("p3"),
    ]);
    assert_eq!(master(&lab, 0).as_deref(), Some("br0"));
    assert_eq!(master(&lab, 3).as_deref(), Some("br7"));
    assert_eq!(master(&lab, 6), None);
    let lab = good(&["remove = \"sw:br0\"", &plug("p1")]);
    assert_eq!(master(&lab, 1), None);
    let again = parse(&lab.to_toml(), "written.toml").unwrap();
    assert_eq!(again, lab);
    let removed = step("remove = \"sw:br0\"");
    check(
        &format!("{BASE}{removed}"),
        &[
            (
                &step("add.link = { a = \"left:p\", b = { at = \"sw:p\", master = \"br0\" } }"),
                "\"br0\"",
                "no bridge `br0` in node `sw`",
            ),
            (
                &step("add.link = { a = \"left:p\", b = { at = \"sw:p\", port.isolated = true } }"),
                "port",
                "`p` is no port of a bridge",
            ),
        ],
    );
    let several = step("add.node.two = { kind = \"bridge\", bridge = { b1 = {}, b2 = {} } }");
    check(
        &format!("{BASE}{several}"),
        &[(
            &step("add.tap = { at = \"two:t\" }"),
            "\"two:t\"",
            "node `two` has several bridges; whose port is this?",
        )],
    );
}

#[test]
fn a_bridge_is_not_filled_by_instalments() {
    let links: String =
        (0..1023).map(|i| format!("[[link]]\na = \"left:x{i}\"\nb = \"sw:p{i}\"\n")).collect();
    let full = format!("{BASE}{links}");
    let more = "add.link = { a = \"left:y\", b = \"sw:y\" }";
    check(&full, &[(&step(more), "\"sw:y\"", "bridge `br0` of node `sw` has too many ports")]);
    let less = step("remove = \"left:x7\"");
    parse(&format!("{full}{less}{}", step(more)), "lab.toml").unwrap();
    let changed = step("add.link = { a = \"left:y\", b = { at = \"sw:y\", master = false } }");
    check(
        &format!("{full}{changed}"),
        &[(
            &step("change = { at = \"sw:y\", master = \"br0\" }"),
            "\"br0\"",
            "bridge `br0` of node `sw` has too many ports",
        )],
    );
}

/// What is set and run in a node that is added is checked as that of any other.
#[test]
fn nodes_that_are_added_obey_the_rules() {
    let guest = |keys: &str| {
        step(&format!(
            "add.node.guest = {{ {keys} }}\nadd.link = {{ a = {{ at = \"guest:e0\", ip = \"10.0.9.2/24\" }}, b = \"left:e9\" }}"
        ))
    };
    check(
        BASE,
        &[
            (
                &guest("route = { to = \"default\", via = \"10.0.8.1\" }"),
                "\"10.0.8.1\"",
                "the gateway `10.0.8.1` is on no link of node `guest`",
            ),
            (
                &guest("rule = { iif = \"e7\", table = 7 }"),
                "\"e7\"",
                "no interface `e7` in node `guest`",
            ),
            (
                &guest("neigh = { dev = \"e0\", to = \"10.0.9.2\", mac = \"02:00:00:00:00:09\" }"),
                "\"10.0.9.2\"",
                "`10.0.9.2` is an address of node `guest` itself",
            ),
            (
                &guest("listen = [{ tcp = 80 }, { tcp = 80 }]"),
                "80",
                "a listener on TCP port 80 twice",
            ),
            (
                &guest("sysctl = { \"net.ipv4.conf.e7.rp_filter\" = 0 }"),
                "\"net.ipv4.conf.e7.rp_filter\"",
                "no interface `e7` in node `guest`",
            ),
            (
                &guest("bridge.b = { ageing = \"15ms\" }"),
                "\"15ms\"",
                "`ageing` is kept in hundredths of a second",
            ),
            (
                &step("add.tap = { at = \"left:t\", mode = \"tun\", mac = \"02:00:00:00:00:01\" }"),
                "\"02:00:00:00:00:01\"",
                "a tun device has no MAC: it carries packets, not frames",
            ),
        ],
    );
    good(&[
        "add.node.guest = { route = { to = \"default\", via = \"10.0.9.1\" } }\nadd.link = { a = { at = \"guest:e0\", ip = \"10.0.9.2/24\" }, b = \"left:e9\" }",
    ]);
}

/// Where new interfaces of a node have no IPv6, those that are added have none either.
#[test]
fn no_ipv6_for_newcomers() {
    let base = BASE.replace(
        "[node.right]\n",
        "[node.right]\n[node.old]\nsysctl = { \"net.ipv6.conf.default.disable_ipv6\" = 1 }\n",
    );
    let tap = step("add.tap = { at = \"old:t\", ip = \"fd07::1/64\" }");
    let refused = ("\"fd07::1/64\"", "an IPv6 address where IPv6 is disabled");
    let cases = [
        (&base, String::new(), tap.clone(), true),
        (
            &base,
            step("change = { at = \"old\", sysctl = { \"net.ipv6.conf.all.disable_ipv6\" = 0 } }"),
            tap.clone(),
            false,
        ),
        (&base, step("run = { at = \"old\", cmd = \"true\" }"), tap, false),
        (
            &BASE.to_owned(),
            step("change = { at = \"sw\", sysctl = { \"net.ipv6.conf.all.disable_ipv6\" = 1 } }"),
            step("add.tap = { at = \"sw:t\", ip = \"fd07::1/64\" }"),
            true,
        ),
        (
            &BASE.to_owned(),
            String::new(),
            step(
                "add.node.x = { sysctl = { \"net.ipv6.conf.all.disable_ipv6\" = 1 } }\nadd.tap = { at = \"x:t\", ip = \"fd07::1/64\" }",
            ),
            true,
        ),
    ];
    for (base, before, added, is_refused) in cases {
        let base = format!("{base}{before}");
        if is_refused {
            check(&base, &[(&added, refused.0, refused.1)]);
        } else if let Err(wrong) = parse(&format!("{base}{added}"), "lab.toml") {
            panic!("{wrong}");
        }
    }
}

/// Later steps use what was added as if it had always been there, and nobody uses it before.
#[test]
fn what_was_added_is_there_from_then_on() {
    good(&[
        GUEST,
        "ping = { from = \"guest\", to = \"left\" }",
        "ping = { from = \"left\", to = \"guest\" }",
        "ping = { from = \"right\", to = \"guest:e0\" }",
        "change = { at = \"guest\", add_route = { to = \"default\", via = \"10.0.9.1\" } }",
        "change = { at = \"left:e9\", up = false }",
        "reach = [[\"guest\", \"left\"]]",
        "run = { at = \"guest\", cmd = \"true\" }",
    ]);
    check(
        BASE,
        &[
            (
                &format!("{}{}", step("ping = { from = \"guest\", to = \"left\" }"), step(GUEST)),
                "\"guest\"",
                "no node `guest`",
            ),
            (
                &format!("{}{}", step("look = \"left:e9\"\nexpect.up = true"), step(GUEST)),
                "\"left:e9\"",
                "no interface `e9` in node `left`",
            ),
        ],
    );
    // A rule may name an interface that comes later, be it moved there or added.
    let base = BASE.replace("[node.left]\n", "[node.left]\nrule = { iif = \"e9\", table = 7 }\n");
    parse(&format!("{base}{}", step(GUEST)), "lab.toml").unwrap();
}

/// One error does not make others: what a step with an error would have done is not missed.
#[test]
fn an_addition_that_is_wrong_is_not_missed() {
    let used = "run = { at = \"guest\", cmd = \"true\" }";
    check(
        BASE,
        &[
            (
                &format!("{}{}", step("add.node.guest = { kind = \"hots\" }"), step(used)),
                "\"hots\"",
                "`hots` is no kind of node",
            ),
            (
                &format!("{}{}", step("add.node.guest = 3"), step(used)),
                "3",
                "a node is a table: { … }, not an integer",
            ),
            (
                &format!("{}{}", step("add.node.guest = {}\nremove = \"left\""), step(used)),
                "remove",
                "a step does one thing",
            ),
            (
                &format!(
                    "{}{}",
                    step("add.link = { a = \"left:n\", b = 3 }"),
                    step("change = { at = \"left:n\", up = true }")
                ),
                "3",
                "expected an end of a link: \"node:interface\", or a table with `at`, found an integer",
            ),
            (
                &format!("{}{}", step("remove = [\"left\", 3]"), step("add.node.left = {}")),
                "3",
                "expected \"node\", \"node:interface\" or { wire = \"node:interface\" }, found an integer",
            ),
        ],
    );
}

/// In a node where a command runs anything may have happened.
#[test]
fn a_command_may_have_made_room() {
    good(&[
        "run = { at = \"left\", cmd = \"ip link del tap0\" }",
        "add.tap = { at = \"left:tap0\", ip = \"10.0.0.1/24\" }",
        "remove = \"left:wg0\"",
    ]);
}

/// The lab after a step, without the kernel.
#[test]
fn a_topology_follows_its_steps() {
    let mut lab = good(&[GUEST, "remove = [\"guest\", \"sw:br0\", \"left:tap0\"]"]);
    let as_made = lab.clone();
    let [added, removed] = &as_made.steps[..] else { panic!("two steps") };
    let (Action::Add(addition), Action::Remove(removed)) = (&added.action, &removed.action) else {
        panic!("one adds, one removes")
    };
    lab.add(addition);
    let Removed::Spot(spot) = &removed[0] else { panic!("a node") };
    assert_eq!(lab.address_of(spot, None), Some("10.0.9.2".parse().unwrap()));
    lab.remove(removed);
    assert_eq!(lab.address_of(spot, None), None);
    let places: Vec<String> = lab.interfaces().map(|one| Place::to_string(&one.place)).collect();
    assert_eq!(places, ["left:e0", "right:e0"]);
}
