//! Holds `docs/dependencies.md` to the manifests: the workspace's, and that of the fuzz targets.

use std::collections::BTreeSet;

use crate::workspace;

/// All dependencies that come from elsewhere.
fn dependencies() -> BTreeSet<String> {
    let mut workspace = manifest("Cargo.toml");
    let workspace = workspace.remove("workspace").expect("it is the workspace's");
    let mut all = foreign(&workspace["dependencies"]);
    all.extend(foreign(&manifest("fuzz/Cargo.toml")["dependencies"]));
    all
}

fn manifest(path: &str) -> toml::Table {
    let text = std::fs::read_to_string(workspace().join(path)).expect("a manifest");
    text.parse().expect("a manifest is TOML")
}

fn foreign(dependencies: &toml::Value) -> BTreeSet<String> {
    let all = dependencies.as_table().expect("a table");
    let foreign = all.iter().filter(|(_, value)| value.get("path").is_none());
    foreign.map(|(name, _)| name.clone()).collect()
}

/// The dependencies that have a line: `` | `NAME` | REASON | ``.
fn explained() -> BTreeSet<String> {
    let text = std::fs::read_to_string(workspace().join("docs/dependencies.md")).expect("a page");
    let lines = text.lines().filter_map(|line| {
        let (name, reason) = line.strip_prefix("| `")?.split_once("` |")?;
        let reason = reason.trim_matches(['|', ' ']);
        (!reason.is_empty()).then(|| name.to_owned())
    });
    lines.collect()
}

#[test]
fn every_dependency_has_its_reason() {
    let (dependencies, explained) = (dependencies(), explained());
    assert!(!dependencies.is_empty());
    let unexplained: Vec<_> = dependencies.difference(&explained).collect();
    assert!(unexplained.is_empty(), "without a line in docs/dependencies.md: {unexplained:?}");
    let gone: Vec<_> = explained.difference(&dependencies).collect();
    assert!(gone.is_empty(), "in docs/dependencies.md, but no dependency: {gone:?}");
}
