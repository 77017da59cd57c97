//! Holds `docs/dependencies.md` to the workspace's manifest.

use std::collections::BTreeSet;

use crate::workspace;

/// The dependencies of the workspace that come from elsewhere.
fn dependencies() -> BTreeSet<String> {
    let manifest = std::fs::read_to_string(workspace().join("Cargo.toml")).expect("a manifest");
    let manifest: toml::Table = manifest.parse().expect("a manifest is TOML");
    let all = manifest["workspace"]["dependencies"].as_table().expect("a table");
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
fn every_dependency_of_the_workspace_has_its_reason() {
    let (dependencies, explained) = (dependencies(), explained());
    assert!(!dependencies.is_empty());
    let unexplained: Vec<_> = dependencies.difference(&explained).collect();
    assert!(unexplained.is_empty(), "without a line in docs/dependencies.md: {unexplained:?}");
    let gone: Vec<_> = explained.difference(&dependencies).collect();
    assert!(gone.is_empty(), "in docs/dependencies.md, but no dependency: {gone:?}");
}
