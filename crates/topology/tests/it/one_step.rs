//! A step by itself, outside a lab file.

use twinax_topology::{Diagnostics, ReadError, parse_step};

fn refused(text: &str) -> Diagnostics {
    match parse_step(text) {
        Err(ReadError::Lab(wrong)) => wrong,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_step_by_itself() {
    for text in [
        "change = [{ at = \"ns0:tap0\", up = true }]",
        "change = { at = \"ns0\", add_route = { to = \"default\", via = \"10.0.0.1\" } }",
        "change = { at = \"ns0:tap0\", move = \"ns1\" }",
        "add.node.guest = {}",
        "add.link = { a = \"guest:e0\", b = { at = \"sw:p\", master = \"br0\" } }",
        "remove = [\"guest\", \"left:e0\"]",
        "reach = []",
        "ping = { from = \"a\", to = \"b\" }\nexpect.received = 1",
    ] {
        if let Err(wrong) = parse_step(text) {
            panic!("{text}: {wrong}");
        }
    }
    insta::assert_snapshot!(refused("change = { at = \"ns0:tap0\", add_ip = \"10.0.0.1\" }"), @r#"
    error: the address `10.0.0.1` needs a prefix length
     --> the step:1:38
      |
    1 | change = { at = "ns0:tap0", add_ip = "10.0.0.1" }
      |                                      ^^^^^^^^^^ no prefix length
      |
      = help: write "10.0.0.1/24" (or "10.0.0.1/32")
    "#);
    for text in [
        "",
        "remove = \"guest:\"",
        "add.node = {",
        "add.node.x = { route = { to = \"default\" } }",
        "add.tap = { at = \"x:t\", mtu = 65535 }",
        "ping = { from = \"a\", to = \"b\", count = 2 }\nexpect.received = 3",
        "run = { at = \"a\", cmd = \"true\", timeout = \"0s\" }",
        "add.node.localhost = {}",
    ] {
        assert_eq!(refused(text).count(), 1, "{text}: {}", refused(text));
    }
}
