//! Every lab that is shipped holds, whoever runs it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support::{Test, Who};

/// Runs a shipped lab as this one, and looks at every step's report.
fn holds(test: &str, lab: &str, who: Who, options: &[&str]) {
    let test = Test::new(test);
    if !test.can_be(who) {
        return;
    }
    let text = shipped(lab);
    let topology = twinax_topology::parse(&text, lab).expect("a shipped lab is valid");
    let mut twinax = test.twinax(who).arg("run").args(options).arg("--json");
    if !topology.taps.is_empty() {
        let Some(tun) = test.tun_for(who) else { return };
        if who.is_another() {
            twinax = twinax.world(tun);
        }
    }
    let output = twinax.arg(test.file(lab, &text)).done();
    for report in output.reports() {
        let failed: Vec<_> = report.steps.iter().filter(|step| !step.held()).collect();
        assert!(failed.is_empty() && report.broken.is_none(), "{report:#?}");
        assert_eq!(report.steps.len(), topology.steps.len());
        assert!(report.steps.iter().any(|step| !step.checks.is_empty()), "nothing was checked");
        let built = report.built.expect("a lab that held was built");
        assert_eq!(built.nodes, topology.nodes.len());
    }
    let output = output.exits(0);
    assert_eq!(output.reports().len(), 1);
    assert_eq!(output.stderr, "");
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../labs"))
}

fn shipped(lab: &str) -> String {
    fs::read_to_string(folder().join(lab)).expect("the folder of shipped labs is there")
}

macro_rules! labs {
    ($($module:ident: $file:literal,)*) => {
        $(mod $module {
            use super::{Who, holds};

            #[test]
            fn as_root() {
                holds(concat!(stringify!($module), "::as_root"), $file, Who::Root, &[]);
            }

            #[test]
            fn as_root_without_a_user_namespace() {
                let name = concat!(stringify!($module), "::as_root_without_a_user_namespace");
                holds(name, $file, Who::Root, &["--no-user-namespace"]);
            }

            #[test]
            fn as_a_user() {
                holds(concat!(stringify!($module), "::as_a_user"), $file, Who::User, &[]);
            }

            #[test]
            fn as_a_user_with_subordinate_ids() {
                let name = concat!(stringify!($module), "::as_a_user_with_subordinate_ids");
                holds(name, $file, Who::UserWithRanges, &[]);
            }
        })*

        #[test]
        fn all_of_them_are_here() {
            let here = BTreeSet::from([$($file.to_owned()),*]);
            let shipped = fs::read_dir(folder()).expect("the folder of shipped labs is there");
            let shipped: BTreeSet<String> = shipped
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .filter(|name| name.ends_with(".toml"))
                .collect();
            assert_eq!(here, shipped);
        }
    };
}

labs! {
    bridge: "bridge.toml",
    live_change: "live-change.toml",
    outside: "outside.toml",
    own_ports: "own-ports.toml",
    own_tables: "own-tables.toml",
    routers: "routers.toml",
    tap_isolated: "tap-isolated.toml",
    tap_joined_by_veth: "tap-joined-by-veth.toml",
    tap_with_a_program: "tap-with-a-program.toml",
    tenants: "tenants.toml",
    veth_one_namespace: "veth-one-namespace.toml",
    veth_two_namespaces: "veth-two-namespaces.toml",
}
